// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contract is fixed: sizes and places of everything in it, and the numbers
 * of the requests, as they stand in programs that were compiled long ago.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/ipcbook.h>

#define SIZE(type, size)						\
	assert_int_equal(sizeof(struct type), size)
#define PLACE(type, field, offset, size) do {				\
	assert_int_equal(offsetof(struct type, field), offset);		\
	assert_int_equal(sizeof(((struct type *)0)->field), size);	\
} while (0)

static void structures_have_their_sizes(void **state)
{
	(void)state;
	SIZE(ipcbook_queue_limits, 24);
	SIZE(ipcbook_shm_limits, 8);
	SIZE(ipcbook_ring_record, 8);
	SIZE(ipcbook_ring_limits, 16);
	SIZE(ipcbook_ring_consumer, 288);
	SIZE(ipcbook_ring_slot, 64);
	SIZE(ipcbook_ring_producer, 3072);
	SIZE(ipcbook_ring_map, 40);
	SIZE(ipcbook_ring_wait, 24);
	SIZE(ipcbook_open, 144);
	SIZE(ipcbook_unlink, 80);
	SIZE(ipcbook_change, 24);
	SIZE(ipcbook_stat, 296);
	SIZE(ipcbook_queue_info, 48);
	SIZE(ipcbook_queue_send, 40);
	SIZE(ipcbook_queue_recv, 56);
	SIZE(ipcbook_queue_entry, 64);
	SIZE(ipcbook_queue_batch, 40);
	SIZE(ipcbook_queue_select, 16);
	SIZE(ipcbook_pipe_limits, 16);
	SIZE(ipcbook_pipe, 24);
	SIZE(sockaddr_ipcbook, 66);
	SIZE(ipcbook_socket, 16);
	SIZE(ipcbook_signal_info, 24);
	SIZE(ipcbook_capture, 112);
	SIZE(ipcbook_sem_limits, 16);
	SIZE(ipcbook_sem_down, 24);
	SIZE(ipcbook_sem_map, 24);
	SIZE(ipcbook_sem_want, 8);
	SIZE(ipcbook_sem_wait, 32);
}

static void fields_of_objects_have_their_places(void **state)
{
	(void)state;
	PLACE(ipcbook_queue_limits, messages, 0, 8);
	PLACE(ipcbook_queue_limits, bytes, 8, 8);
	PLACE(ipcbook_queue_limits, size, 16, 8);
	PLACE(ipcbook_open, size, 0, 4);
	PLACE(ipcbook_open, chapter, 4, 4);
	PLACE(ipcbook_open, flags, 8, 4);
	PLACE(ipcbook_open, mode, 12, 4);
	PLACE(ipcbook_open, name, 16, 64);
	PLACE(ipcbook_open, queue, 80, 24);
	PLACE(ipcbook_open, shm, 80, 8);
	PLACE(ipcbook_open, reserved, 80, 64);
	PLACE(ipcbook_unlink, size, 0, 4);
	PLACE(ipcbook_unlink, chapter, 4, 4);
	PLACE(ipcbook_unlink, flags, 8, 4);
	PLACE(ipcbook_unlink, pad, 12, 4);
	PLACE(ipcbook_unlink, name, 16, 64);
	PLACE(ipcbook_change, size, 0, 4);
	PLACE(ipcbook_change, mask, 4, 4);
	PLACE(ipcbook_change, uid, 8, 4);
	PLACE(ipcbook_change, gid, 12, 4);
	PLACE(ipcbook_change, mode, 16, 4);
	PLACE(ipcbook_change, pad, 20, 4);
}

static void fields_of_the_counters_have_their_places(void **state)
{
	(void)state;
	PLACE(ipcbook_stat, size, 0, 4);
	PLACE(ipcbook_stat, chapter, 4, 4);
	PLACE(ipcbook_stat, id, 8, 8);
	PLACE(ipcbook_stat, name, 16, 64);
	PLACE(ipcbook_stat, uid, 80, 4);
	PLACE(ipcbook_stat, gid, 84, 4);
	PLACE(ipcbook_stat, mode, 88, 4);
	PLACE(ipcbook_stat, creator, 92, 4);
	PLACE(ipcbook_stat, descriptors, 96, 4);
	PLACE(ipcbook_stat, sender, 100, 4);
	PLACE(ipcbook_stat, receiver, 104, 4);
	PLACE(ipcbook_stat, pad, 108, 4);
	PLACE(ipcbook_stat, created_ns, 112, 8);
	PLACE(ipcbook_stat, sent_ns, 120, 8);
	PLACE(ipcbook_stat, received_ns, 128, 8);
	PLACE(ipcbook_stat, depth, 136, 8);
	PLACE(ipcbook_stat, bytes, 144, 8);
	PLACE(ipcbook_stat, max_depth, 152, 8);
	PLACE(ipcbook_stat, max_bytes, 160, 8);
	PLACE(ipcbook_stat, max_size, 168, 8);
	PLACE(ipcbook_stat, types, 176, 8);
	PLACE(ipcbook_stat, memory, 184, 8);
	PLACE(ipcbook_stat, senders_waiting, 192, 8);
	PLACE(ipcbook_stat, receivers_waiting, 200, 8);
	PLACE(ipcbook_stat, sent, 208, 8);
	PLACE(ipcbook_stat, sent_bytes, 216, 8);
	PLACE(ipcbook_stat, received, 224, 8);
	PLACE(ipcbook_stat, received_bytes, 232, 8);
	PLACE(ipcbook_stat, direct, 240, 8);
	PLACE(ipcbook_stat, blocked, 248, 8);
	PLACE(ipcbook_stat, refused, 256, 8);
	PLACE(ipcbook_stat, returned, 264, 8);
	PLACE(ipcbook_stat, discarded, 272, 8);
	PLACE(ipcbook_stat, lost, 280, 8);
	PLACE(ipcbook_stat, stalled, 288, 4);
	PLACE(ipcbook_stat, flags, 292, 4);
}

static void fields_of_the_queue_have_their_places(void **state)
{
	(void)state;
	PLACE(ipcbook_queue_info, type, 0, 8);
	PLACE(ipcbook_queue_info, length, 8, 8);
	PLACE(ipcbook_queue_info, number, 16, 8);
	PLACE(ipcbook_queue_info, sent_ns, 24, 8);
	PLACE(ipcbook_queue_info, pid, 32, 4);
	PLACE(ipcbook_queue_info, uid, 36, 4);
	PLACE(ipcbook_queue_info, gid, 40, 4);
	PLACE(ipcbook_queue_info, pad, 44, 4);
	PLACE(ipcbook_queue_send, size, 0, 4);
	PLACE(ipcbook_queue_send, flags, 4, 4);
	PLACE(ipcbook_queue_send, deadline, 8, 8);
	PLACE(ipcbook_queue_send, type, 16, 8);
	PLACE(ipcbook_queue_send, buf, 24, 8);
	PLACE(ipcbook_queue_send, len, 32, 8);
	PLACE(ipcbook_queue_recv, size, 0, 4);
	PLACE(ipcbook_queue_recv, flags, 4, 4);
	PLACE(ipcbook_queue_recv, deadline, 8, 8);
	PLACE(ipcbook_queue_recv, type, 16, 8);
	PLACE(ipcbook_queue_recv, select, 24, 4);
	PLACE(ipcbook_queue_recv, pad, 28, 4);
	PLACE(ipcbook_queue_recv, buf, 32, 8);
	PLACE(ipcbook_queue_recv, len, 40, 8);
	PLACE(ipcbook_queue_recv, info, 48, 8);
	PLACE(ipcbook_queue_entry, buf, 0, 8);
	PLACE(ipcbook_queue_entry, len, 8, 8);
	PLACE(ipcbook_queue_entry, info, 16, 48);
	PLACE(ipcbook_queue_batch, size, 0, 4);
	PLACE(ipcbook_queue_batch, flags, 4, 4);
	PLACE(ipcbook_queue_batch, deadline, 8, 8);
	PLACE(ipcbook_queue_batch, type, 16, 8);
	PLACE(ipcbook_queue_batch, select, 24, 4);
	PLACE(ipcbook_queue_batch, count, 28, 4);
	PLACE(ipcbook_queue_batch, entries, 32, 8);
	PLACE(ipcbook_queue_select, size, 0, 4);
	PLACE(ipcbook_queue_select, select, 4, 4);
	PLACE(ipcbook_queue_select, type, 8, 8);
}

static void fields_of_the_pipe_have_their_places(void **state)
{
	(void)state;
	PLACE(ipcbook_open, pipe, 80, 16);
	PLACE(ipcbook_pipe_limits, capacity, 0, 8);
	PLACE(ipcbook_pipe_limits, flags, 8, 4);
	PLACE(ipcbook_pipe_limits, pad, 12, 4);
	PLACE(ipcbook_pipe, size, 0, 4);
	PLACE(ipcbook_pipe, flags, 4, 4);
	PLACE(ipcbook_pipe, capacity, 8, 8);
	PLACE(ipcbook_pipe, reader, 16, 4);
	PLACE(ipcbook_pipe, writer, 20, 4);
}

static void numbers_of_the_pipe_are_fixed(void **state)
{
	(void)state;
	assert_int_equal(IPCBOOK_IOC_PIPE, 0xc018b830);
	assert_int_equal(IPCBOOK_IOC_PIPE_RESIZE, 0xb831);
	assert_int_equal(IPCBOOK_IOC_PIPE_CAPACITY, 0xb832);
	assert_int_equal(IPCBOOK_PIPE_LOOK, 1);
}

static void fields_of_a_signal_have_their_places(void **state)
{
	(void)state;
	PLACE(ipcbook_signal_info, number, 0, 4);
	PLACE(ipcbook_signal_info, count, 4, 4);
	PLACE(ipcbook_signal_info, pid, 8, 4);
	PLACE(ipcbook_signal_info, uid, 12, 4);
	PLACE(ipcbook_signal_info, object, 16, 8);
}

static void numbers_of_netlink_are_fixed(void **state)
{
	(void)state;
	assert_int_equal(IPCBOOK_CMD_OBJECT_GET, 1);
	assert_int_equal(IPCBOOK_CMD_SIGNAL_REGISTER, 2);
	assert_int_equal(IPCBOOK_CMD_SIGNAL_SEND, 3);
	assert_int_equal(IPCBOOK_CMD_SIGNAL_FETCH, 4);
	assert_int_equal(IPCBOOK_CMD_SIGNAL_MASK, 5);
	assert_int_equal(IPCBOOK_CMD_SIGNAL_PENDING, 6);
	assert_int_equal(IPCBOOK_CMD_SIGNAL_RAISE, 7);
	assert_int_equal(IPCBOOK_CMD_SIGNAL_DOORBELL, 8);
	assert_int_equal(IPCBOOK_CMD_OBJECT_EVENT, 9);
	assert_int_equal(IPCBOOK_A_STAT, 3);
	assert_int_equal(IPCBOOK_A_PID, 4);
	assert_int_equal(IPCBOOK_A_GROUP, 5);
	assert_int_equal(IPCBOOK_A_NUMBER, 6);
	assert_int_equal(IPCBOOK_A_LIMIT, 7);
	assert_int_equal(IPCBOOK_A_HOW, 8);
	assert_int_equal(IPCBOOK_A_SET, 9);
	assert_int_equal(IPCBOOK_A_MASK, 10);
	assert_int_equal(IPCBOOK_A_COUNT, 11);
	assert_int_equal(IPCBOOK_A_MORE, 12);
	assert_int_equal(IPCBOOK_A_SIGNALS, 13);
	assert_int_equal(IPCBOOK_A_FD, 14);
	assert_int_equal(IPCBOOK_A_EVENTS, 15);
	assert_int_equal(IPCBOOK_A_EVENT, 16);
	assert_int_equal(IPCBOOK_A_ID, 17);
	assert_int_equal(IPCBOOK_A_ERROR, 18);
	assert_int_equal(IPCBOOK_EVENT_CREATED, 1);
	assert_int_equal(IPCBOOK_EVENT_OPENED, 2);
	assert_int_equal(IPCBOOK_EVENT_UNLINKED, 3);
	assert_int_equal(IPCBOOK_EVENT_GONE, 4);
	assert_int_equal(IPCBOOK_EVENT_LIMIT, 5);
	assert_string_equal(IPCBOOK_GENL_GROUP_ALL, "all");
	assert_string_equal(IPCBOOK_GENL_GROUP_OBJECTS, "objects");
}

static void fields_of_the_semaphore_have_their_places(void **state)
{
	(void)state;
	PLACE(ipcbook_open, sem, 80, 16);
	PLACE(ipcbook_sem_limits, value, 0, 4);
	PLACE(ipcbook_sem_limits, maximum, 4, 4);
	PLACE(ipcbook_sem_limits, flags, 8, 4);
	PLACE(ipcbook_sem_limits, pad, 12, 4);
	PLACE(ipcbook_sem_down, size, 0, 4);
	PLACE(ipcbook_sem_down, flags, 4, 4);
	PLACE(ipcbook_sem_down, deadline, 8, 8);
	PLACE(ipcbook_sem_down, units, 16, 4);
	PLACE(ipcbook_sem_down, pad, 20, 4);
	PLACE(ipcbook_sem_map, size, 0, 4);
	PLACE(ipcbook_sem_map, maximum, 4, 4);
	PLACE(ipcbook_sem_map, offset, 8, 8);
	PLACE(ipcbook_sem_map, length, 16, 8);
	PLACE(ipcbook_sem_want, fd, 0, 4);
	PLACE(ipcbook_sem_want, units, 4, 4);
	PLACE(ipcbook_sem_wait, size, 0, 4);
	PLACE(ipcbook_sem_wait, flags, 4, 4);
	PLACE(ipcbook_sem_wait, deadline, 8, 8);
	PLACE(ipcbook_sem_wait, wants, 16, 8);
	PLACE(ipcbook_sem_wait, count, 24, 4);
	PLACE(ipcbook_sem_wait, pad, 28, 4);
}

static void numbers_of_the_semaphore_are_fixed(void **state)
{
	(void)state;
	assert_int_equal(IPCBOOK_IOC_SEM_DOWN, 0x4018b870);
	assert_int_equal(IPCBOOK_IOC_SEM_UP, 0xb871);
	assert_int_equal(IPCBOOK_IOC_SEM_VALUE, 0xb872);
	assert_int_equal(IPCBOOK_IOC_SEM_MAP, 0xc018b873);
	assert_int_equal(IPCBOOK_IOC_SEM_WAIT, 0x4020b874);
	assert_int_equal(IPCBOOK_SEM_MAX, 0x7fffffff);
	assert_int_equal(IPCBOOK_SEM_CONTENDED, 0x80000000);
	assert_int_equal(IPCBOOK_SEM_WAIT_MAX, 64);
	assert_int_equal(IPCBOOK_SEM_UNDO, 1);
	assert_int_equal(IPCBOOK_SEM_ALL, 8);
	assert_int_equal(IPCBOOK_SEM_ORPHANED, 0x100);
}

static void fields_of_the_ring_have_their_places(void **state)
{
	(void)state;
	PLACE(ipcbook_ring_limits, size, 0, 8);
	PLACE(ipcbook_ring_limits, flags, 8, 4);
	PLACE(ipcbook_ring_limits, pad, 12, 4);
	PLACE(ipcbook_open, ring, 80, 16);
	PLACE(ipcbook_ring_record, word, 0, 4);
	PLACE(ipcbook_ring_record, slot, 4, 4);
	PLACE(ipcbook_ring_consumer, head, 0, 4);
	PLACE(ipcbook_ring_consumer, asleep, 128, 4);
	PLACE(ipcbook_ring_consumer, wakes, 256, 4);
	PLACE(ipcbook_ring_consumer, records, 264, 8);
	PLACE(ipcbook_ring_consumer, bytes, 272, 8);
	PLACE(ipcbook_ring_consumer, lost, 280, 8);
	PLACE(ipcbook_ring_slot, owner, 0, 4);
	PLACE(ipcbook_ring_slot, position, 4, 4);
	PLACE(ipcbook_ring_slot, length, 8, 4);
	PLACE(ipcbook_ring_slot, records, 16, 8);
	PLACE(ipcbook_ring_slot, bytes, 24, 8);
	PLACE(ipcbook_ring_producer, tail, 0, 4);
	PLACE(ipcbook_ring_producer, unpublished, 4, 4);
	PLACE(ipcbook_ring_producer, discarded, 8, 4);
	PLACE(ipcbook_ring_producer, lock, 12, 4);
	PLACE(ipcbook_ring_producer, oldest, 16, 8);
	PLACE(ipcbook_ring_producer, records, 24, 8);
	PLACE(ipcbook_ring_producer, bytes, 32, 8);
	PLACE(ipcbook_ring_producer, wanted, 128, 8);
	PLACE(ipcbook_ring_producer, asleep, 136, 4);
	PLACE(ipcbook_ring_producer, wakes, 256, 4);
	PLACE(ipcbook_ring_producer, woken, 260, 4);
	PLACE(ipcbook_ring_producer, slots, 1024, 2048);
	PLACE(ipcbook_ring_map, size, 0, 4);
	PLACE(ipcbook_ring_map, role, 4, 4);
	PLACE(ipcbook_ring_map, flags, 8, 4);
	PLACE(ipcbook_ring_map, pad, 12, 4);
	PLACE(ipcbook_ring_map, bytes, 16, 8);
	PLACE(ipcbook_ring_map, offset, 24, 8);
	PLACE(ipcbook_ring_map, length, 32, 8);
	PLACE(ipcbook_ring_wait, size, 0, 4);
	PLACE(ipcbook_ring_wait, role, 4, 4);
	PLACE(ipcbook_ring_wait, deadline, 8, 8);
	PLACE(ipcbook_ring_wait, wakes, 16, 4);
	PLACE(ipcbook_ring_wait, flags, 20, 4);
	assert_int_equal(IPCBOOK_IOC_RING_MAP, 0xc028b860);
	assert_int_equal(IPCBOOK_IOC_RING_WAIT, 0x4018b861);
	assert_int_equal(IPCBOOK_IOC_RING_WAKE, 0xb862);
	assert_int_equal(IPCBOOK_IOC_RING_SLOT, 0xb863);
	assert_int_equal(IPCBOOK_RING_SIZE_MAX, 1 << 30);
	assert_int_equal(IPCBOOK_RING_SLOTS, 32);
	assert_int_equal(IPCBOOK_RING_BATCH, 32);
	assert_int_equal(IPCBOOK_RING_READY, 1U << 31);
	assert_int_equal(IPCBOOK_RING_BUSY, 1U << 30);
	assert_int_equal(IPCBOOK_RING_SKIP, 1U << 29);
	assert_int_equal(IPCBOOK_RING_PRODUCER, 1);
	assert_int_equal(IPCBOOK_RING_CONSUMER, 2);
	assert_int_equal(IPCBOOK_RING_MANY, 1);
	assert_int_equal(IPCBOOK_RING_OVERWRITE, 2);
	assert_int_equal(IPCBOOK_RING_HANGUP, 2);
}

static void fields_of_a_capture_have_their_places(void **state)
{
	(void)state;
	PLACE(ipcbook_capture, version, 0, 1);
	PLACE(ipcbook_capture, event, 1, 1);
	PLACE(ipcbook_capture, flags, 2, 1);
	PLACE(ipcbook_capture, detail, 3, 1);
	PLACE(ipcbook_capture, sender, 4, 4);
	PLACE(ipcbook_capture, receiver, 8, 4);
	PLACE(ipcbook_capture, length, 12, 4);
	PLACE(ipcbook_capture, total, 16, 4);
	PLACE(ipcbook_capture, offset, 20, 4);
	PLACE(ipcbook_capture, connection, 24, 8);
	PLACE(ipcbook_capture, number, 32, 8);
	PLACE(ipcbook_capture, position, 40, 8);
	PLACE(ipcbook_capture, name, 48, 64);
	assert_int_equal(IPCBOOK_CAPTURE_CLOSE, 5);
	assert_int_equal(IPCBOOK_CAPTURE_LAST, 8);
}

static void requests_have_their_numbers(void **state)
{
	(void)state;
	assert_int_equal(IPCBOOK_IOC_OPEN, 0x4090b800);
	assert_int_equal(IPCBOOK_IOC_UNLINK, 0x4050b801);
	assert_int_equal(IPCBOOK_IOC_CHANGE, 0x4018b802);
	assert_int_equal(IPCBOOK_IOC_STAT, 0xc128b803);
	assert_int_equal(IPCBOOK_IOC_SOCKET, 0x4010b820);
	assert_int_equal(IPCBOOK_IOC_QUEUE_SEND, 0x4028b840);
	assert_int_equal(IPCBOOK_IOC_QUEUE_RECV, 0x4038b841);
	assert_int_equal(IPCBOOK_IOC_QUEUE_SEND_BATCH, 0x4028b842);
	assert_int_equal(IPCBOOK_IOC_QUEUE_RECV_BATCH, 0x4028b843);
	assert_int_equal(IPCBOOK_IOC_QUEUE_SELECT, 0x4010b844);
}

static void constants_have_their_values(void **state)
{
	(void)state;
	assert_string_equal(IPCBOOK_DEVICE, "/dev/ipcbook");
	assert_string_equal(IPCBOOK_DEFAULT_NAME, "default");
	assert_string_equal(IPCBOOK_GENL_NAME, "ipcbook");
	assert_int_equal(IPCBOOK_NAME_LEN, 64);
	assert_int_equal(IPCBOOK_SIGNAL, 1);
	assert_int_equal(IPCBOOK_SOCKET, 2);
	assert_int_equal(IPCBOOK_PIPE, 3);
	assert_int_equal(IPCBOOK_QUEUE, 4);
	assert_int_equal(IPCBOOK_SHM, 5);
	assert_int_equal(IPCBOOK_RING, 6);
	assert_int_equal(IPCBOOK_SEM, 7);
	assert_int_equal(IPCBOOK_OPEN_READ, 1);
	assert_int_equal(IPCBOOK_OPEN_WRITE, 2);
	assert_int_equal(IPCBOOK_OPEN_CREATE, 4);
	assert_int_equal(IPCBOOK_OPEN_EXCL, 8);
	assert_int_equal(IPCBOOK_OPEN_ANON, 16);
	assert_int_equal(IPCBOOK_OPEN_NONBLOCK, 32);
	assert_int_equal(IPCBOOK_OPEN_CLOEXEC, 64);
	assert_int_equal(IPCBOOK_CHANGE_UID, 1);
	assert_int_equal(IPCBOOK_CHANGE_GID, 2);
	assert_int_equal(IPCBOOK_CHANGE_MODE, 4);
	assert_int_equal(IPCBOOK_TYPE_MIN, 1);
	assert_int_equal(IPCBOOK_TYPE_MAX, 0x4000000000000000);
	assert_int_equal(IPCBOOK_BATCH_MAX, 1024);
	assert_int_equal(IPCBOOK_NTH_MAX, 1023);
	assert_int_equal(IPCBOOK_ANY, 0);
	assert_int_equal(IPCBOOK_EXACT, 1);
	assert_int_equal(IPCBOOK_UPTO, 2);
	assert_int_equal(IPCBOOK_NOT, 3);
	assert_int_equal(IPCBOOK_NTH, 4);
	assert_int_equal(IPCBOOK_NOWAIT, 1);
	assert_int_equal(IPCBOOK_TRUNCATE, 2);
	assert_int_equal(IPCBOOK_PEEK, 4);
	assert_int_equal(IPCBOOK_CMD_OBJECT_GET, 1);
	assert_int_equal(IPCBOOK_A_CHAPTER, 1);
	assert_int_equal(IPCBOOK_A_NAME, 2);
	assert_int_equal(IPCBOOK_A_STAT, 3);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(structures_have_their_sizes),
		cmocka_unit_test(fields_of_objects_have_their_places),
		cmocka_unit_test(fields_of_the_counters_have_their_places),
		cmocka_unit_test(fields_of_the_queue_have_their_places),
		cmocka_unit_test(fields_of_the_pipe_have_their_places),
		cmocka_unit_test(numbers_of_the_pipe_are_fixed),
		cmocka_unit_test(fields_of_a_signal_have_their_places),
		cmocka_unit_test(numbers_of_netlink_are_fixed),
		cmocka_unit_test(fields_of_the_semaphore_have_their_places),
		cmocka_unit_test(numbers_of_the_semaphore_are_fixed),
		cmocka_unit_test(fields_of_the_ring_have_their_places),
		cmocka_unit_test(fields_of_a_capture_have_their_places),
		cmocka_unit_test(requests_have_their_numbers),
		cmocka_unit_test(constants_have_their_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
