// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queue: what bad input gets. Each call with one thing wrong and all else
 * right, the exact error, and that the queue works on.
 */
#include <linux/fs.h>

#include "harness.h"

static char payload[16] = "payload";
static char room[16];
static struct ipcbook_queue_info info;

static struct ipcbook_queue_send good_send(void)
{
	return (struct ipcbook_queue_send){
		.size = sizeof(struct ipcbook_queue_send),
		.flags = IPCBOOK_NOWAIT,
		.type = 5,
		.buf = (uintptr_t)payload,
		.len = 7,
	};
}

static struct ipcbook_queue_recv good_recv(void)
{
	return (struct ipcbook_queue_recv){
		.size = sizeof(struct ipcbook_queue_recv),
		.flags = IPCBOOK_NOWAIT,
		.type = 5,
		.select = IPCBOOK_EXACT,
		.buf = (uintptr_t)room,
		.len = sizeof(room),
		.info = (uintptr_t)&info,
	};
}

static struct ipcbook_queue_entry entry;

static struct ipcbook_queue_batch good_send_batch(void)
{
	entry = (struct ipcbook_queue_entry){
		.buf = (uintptr_t)payload,
		.len = 7,
		.info.type = 5,
	};
	return (struct ipcbook_queue_batch){
		.size = sizeof(struct ipcbook_queue_batch),
		.flags = IPCBOOK_NOWAIT,
		.count = 1,
		.entries = (uintptr_t)&entry,
	};
}

static struct ipcbook_queue_batch good_recv_batch(void)
{
	struct ipcbook_queue_batch arg = good_send_batch();

	entry.buf = (uintptr_t)room;
	entry.len = sizeof(room);
	arg.select = IPCBOOK_EXACT;
	arg.type = 5;
	return arg;
}

static struct ipcbook_queue_select good_select(void)
{
	return (struct ipcbook_queue_select){
		.size = sizeof(struct ipcbook_queue_select),
		.select = IPCBOOK_EXACT,
		.type = 5,
	};
}

/* Makes one field of a good argument wrong. */
#define REFUSED(request, good, field, value, error) do {		\
	__auto_type arg_ = good();					\
	arg_.field = (value);						\
	is(ask(q, request, &arg_), -(error));				\
	works(q);							\
} while (0)

#define SEND(...)	REFUSED(IPCBOOK_IOC_QUEUE_SEND, good_send, __VA_ARGS__)
#define RECV(...)	REFUSED(IPCBOOK_IOC_QUEUE_RECV, good_recv, __VA_ARGS__)
#define SEND_BATCH(...)	REFUSED(IPCBOOK_IOC_QUEUE_SEND_BATCH,		\
				good_send_batch, __VA_ARGS__)
#define RECV_BATCH(...)	REFUSED(IPCBOOK_IOC_QUEUE_RECV_BATCH,		\
				good_recv_batch, __VA_ARGS__)
#define SELECT(...)	REFUSED(IPCBOOK_IOC_QUEUE_SELECT,		\
				good_select, __VA_ARGS__)

TEST(a_good_call_is_good)
{
	struct ipcbook_queue_batch batch = good_send_batch();
	struct ipcbook_queue_send send = good_send();
	struct ipcbook_queue_recv recv = good_recv();
	struct ipcbook_queue_select select = good_select();

	is(ask(q, IPCBOOK_IOC_QUEUE_SEND, &send), 0);
	is(ask(q, IPCBOOK_IOC_QUEUE_RECV, &recv), 7);
	is(ask(q, IPCBOOK_IOC_QUEUE_SEND_BATCH, &batch), 1);
	batch = good_recv_batch();
	is(ask(q, IPCBOOK_IOC_QUEUE_RECV_BATCH, &batch), 1);
	is(ask(q, IPCBOOK_IOC_QUEUE_SELECT, &select), 0);
	is_empty(q);
}

TEST(a_send_with_one_thing_wrong_is_refused)
{
	SEND(flags, IPCBOOK_TRUNCATE, EINVAL);
	SEND(flags, IPCBOOK_PEEK, EINVAL);
	SEND(flags, 1U << 3, EINVAL);
	SEND(flags, 1U << 31, EINVAL);
	SEND(flags, IPCBOOK_NOWAIT | 1U << 31, EINVAL);
	SEND(type, 0, EINVAL);
	SEND(type, -1, EINVAL);
	SEND(type, INT64_MIN, EINVAL);
	SEND(type, INT64_MAX, EINVAL);
	SEND(type, IPCBOOK_TYPE_MAX + 1, EINVAL);
	SEND(len, 0, EINVAL);
	SEND(len, 8193, E2BIG);
	SEND(len, 1ULL << 31, E2BIG);
	SEND(len, 1ULL << 32, E2BIG);
	SEND(len, INT64_MAX, E2BIG);
	SEND(len, UINT64_MAX, E2BIG);
	SEND(buf, 0, EFAULT);
	SEND(buf, UINT64_MAX, EFAULT);
	SEND(buf, 1ULL << 63, EFAULT);
	SEND(buf, (uintptr_t)nowhere(), EFAULT);
	is(queue_stat(q).depth, 0);
}

TEST(a_receive_with_one_thing_wrong_is_refused)
{
	put(q, 5, "stays");
	RECV(flags, 1U << 3, EINVAL);
	RECV(flags, 1U << 31, EINVAL);
	RECV(pad, 1, EINVAL);
	RECV(select, IPCBOOK_ANY, EINVAL);
	RECV(select, IPCBOOK_NTH, EINVAL);
	RECV(select, 5, EINVAL);
	RECV(select, UINT32_MAX, EINVAL);
	RECV(type, 0, EINVAL);
	RECV(type, -1, EINVAL);
	RECV(type, INT64_MIN, EINVAL);
	RECV(type, INT64_MAX, EINVAL);
	RECV(type, IPCBOOK_TYPE_MAX + 1, EINVAL);
	RECV(len, 0, EMSGSIZE);
	RECV(len, 4, EMSGSIZE);
	RECV(buf, 0, EFAULT);
	RECV(buf, UINT64_MAX, EFAULT);
	RECV(buf, 1ULL << 63, EFAULT);
	RECV(info, 1, EFAULT);
	RECV(info, UINT64_MAX, EFAULT);
	RECV(info, (uintptr_t)nowhere(), EFAULT);
	got(q, IPCBOOK_ANY, 0, "stays");
}

TEST(every_selector_wants_a_type_but_any_wants_none)
{
	static const enum ipcbook_select kinds[] = {
		IPCBOOK_EXACT, IPCBOOK_UPTO, IPCBOOK_NOT,
	};

	put(q, 5, "stays");
	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		is(queue_recv(q, kinds[i], 0, room, 16, IPCBOOK_NOWAIT, 0,
			      NULL), -EINVAL);
		is(queue_peek(q, kinds[i], -5, room, 16, NULL), -EINVAL);
		is(queue_select(q, kinds[i], 0), -EINVAL);
		is(queue_select(q, kinds[i], IPCBOOK_TYPE_MAX + 1), -EINVAL);
	}
	is(queue_recv(q, IPCBOOK_ANY, 5, room, 16, IPCBOOK_NOWAIT, 0, NULL),
	   -EINVAL);
	is(queue_peek(q, IPCBOOK_ANY, -1, room, 16, NULL), -EINVAL);
	is(queue_select(q, IPCBOOK_ANY, 1), -EINVAL);
	got(q, IPCBOOK_ANY, 0, "stays");
}

TEST(more_room_than_there_is_memory_is_room)
{
	put(q, 5, "12345");
	is(queue_recv(q, IPCBOOK_ANY, 0, edge(5), INT64_MAX, 0, 0, NULL), 5);
	put(q, 5, "12345");
	is(queue_recv(q, IPCBOOK_ANY, 0, edge(5), UINT64_MAX, 0, 0, NULL), 5);
	works(q);
}

TEST(a_batch_with_one_thing_wrong_is_refused)
{
	SEND_BATCH(flags, IPCBOOK_TRUNCATE, EINVAL);
	SEND_BATCH(flags, IPCBOOK_PEEK, EINVAL);
	SEND_BATCH(flags, 1U << 31, EINVAL);
	SEND_BATCH(type, 5, EINVAL);
	SEND_BATCH(select, IPCBOOK_EXACT, EINVAL);
	SEND_BATCH(count, 0, EINVAL);
	SEND_BATCH(count, IPCBOOK_BATCH_MAX + 1, EINVAL);
	SEND_BATCH(entries, 0, EFAULT);
	SEND_BATCH(entries, UINT64_MAX - 8, EFAULT);
	SEND_BATCH(entries, (uintptr_t)nowhere(), EFAULT);
	put(q, 5, "stays");
	RECV_BATCH(flags, IPCBOOK_PEEK, EINVAL);
	RECV_BATCH(flags, 1U << 31, EINVAL);
	RECV_BATCH(type, 0, EINVAL);
	RECV_BATCH(select, IPCBOOK_ANY, EINVAL);
	RECV_BATCH(select, IPCBOOK_NTH, EINVAL);
	RECV_BATCH(select, 5, EINVAL);
	RECV_BATCH(count, 0, EINVAL);
	RECV_BATCH(count, IPCBOOK_BATCH_MAX + 1, EINVAL);
	RECV_BATCH(entries, 0, EFAULT);
	RECV_BATCH(entries, UINT64_MAX - 8, EFAULT);
	RECV_BATCH(entries, (uintptr_t)nowhere(), EFAULT);
	got(q, IPCBOOK_ANY, 0, "stays");
}

TEST(a_wrong_selector_for_poll_is_refused_and_the_old_one_stays)
{
	struct pollfd fd = { .fd = q, .events = POLLIN };

	is(queue_select(q, IPCBOOK_EXACT, 7), 0);
	SELECT(select, IPCBOOK_ANY, EINVAL);
	SELECT(select, IPCBOOK_NTH, EINVAL);
	SELECT(select, 5, EINVAL);
	SELECT(type, 0, EINVAL);
	SELECT(type, -1, EINVAL);
	SELECT(type, IPCBOOK_TYPE_MAX + 1, EINVAL);
	put(q, 5, "five");
	is(poll(&fd, 1, 0), 0);
	put(q, 7, "seven");
	is(poll(&fd, 1, 0), 1);
}

/* --- Sizes and pointers of the arguments ---------------------------------- */

/*
 * A good argument given as another size: shorter, longer with a tail of zeroes
 * or of something, and longer than a page.
 */
static void sizes(unsigned long request, const void *good, uint32_t size,
		  long answer)
{
	static union {
		uint32_t size;
		char bytes[8192];
	} arg;
	static const uint32_t shorter[] = { 0, 1, 4, 8 };

	memset(&arg, 0, sizeof(arg));
	memcpy(arg.bytes, good, size);
	for (unsigned int i = 0; i < ARRAY_SIZE(shorter); i++) {
		arg.size = shorter[i];
		is(ask(q, request, &arg), -EINVAL);
	}
	arg.size = size - 1;
	is(ask(q, request, &arg), -EINVAL);
	arg.size = 4097;
	is(ask(q, request, &arg), -E2BIG);
	arg.size = UINT32_MAX;
	is(ask(q, request, &arg), -E2BIG);
	arg.size = size + 8;
	arg.bytes[size + 7] = 1;
	is(ask(q, request, &arg), -E2BIG);
	arg.bytes[size + 7] = 0;
	is(ask(q, request, &arg), answer);
	if (request == IPCBOOK_IOC_QUEUE_RECV)
		put(q, 5, "payload");
	arg.size = 4096;
	arg.bytes[4095] = 1;
	is(ask(q, request, &arg), -E2BIG);
	arg.bytes[4095] = 0;
	is(ask(q, request, &arg), answer);
}

TEST(an_argument_may_be_longer_but_only_by_zeroes)
{
	struct ipcbook_queue_batch batch = good_send_batch();
	struct ipcbook_queue_send send = good_send();
	struct ipcbook_queue_recv recv = good_recv();
	struct ipcbook_queue_select select = good_select();
	struct ipcbook_change change = {
		.size = sizeof(change),
		.mask = IPCBOOK_CHANGE_MODE,
		.mode = 0640,
	};

	sizes(IPCBOOK_IOC_QUEUE_SEND, &send, sizeof(send), 0);
	got(q, IPCBOOK_ANY, 0, "payload");
	got(q, IPCBOOK_ANY, 0, "payload");
	put(q, 5, "payload");
	sizes(IPCBOOK_IOC_QUEUE_RECV, &recv, sizeof(recv), 7);
	is_empty(q);
	sizes(IPCBOOK_IOC_QUEUE_SEND_BATCH, &batch, sizeof(batch), 1);
	is(queue_stat(q).depth, 2);
	batch = good_recv_batch();
	sizes(IPCBOOK_IOC_QUEUE_RECV_BATCH, &batch, sizeof(batch), 1);
	is_empty(q);
	sizes(IPCBOOK_IOC_QUEUE_SELECT, &select, sizeof(select), 0);
	sizes(IPCBOOK_IOC_CHANGE, &change, sizeof(change), 0);
	is(queue_stat(q).mode, 0640);
	works(q);
}

TEST(counters_are_asked_for_by_a_possible_size)
{
	struct ipcbook_stat stat = { .size = 0 };
	char *tiny = edge(8);

	is(ask(q, IPCBOOK_IOC_STAT, &stat), -EINVAL);
	stat.size = 3;
	is(ask(q, IPCBOOK_IOC_STAT, &stat), -EINVAL);
	stat.size = 4097;
	is(ask(q, IPCBOOK_IOC_STAT, &stat), -E2BIG);
	stat.size = UINT32_MAX;
	is(ask(q, IPCBOOK_IOC_STAT, &stat), -E2BIG);
	memcpy(tiny, &(uint32_t){ 8 }, 4);
	is(ask(q, IPCBOOK_IOC_STAT, tiny), 0);
	is(((uint32_t *)tiny)[1], IPCBOOK_QUEUE);
	memcpy(tiny, &(uint32_t){ 9 }, 4);
	is(ask(q, IPCBOOK_IOC_STAT, tiny), -EFAULT);
	works(q);
}

TEST(an_argument_that_cannot_be_read_is_a_fault)
{
	static const unsigned long requests[] = {
		IPCBOOK_IOC_QUEUE_SEND,       IPCBOOK_IOC_QUEUE_RECV,
		IPCBOOK_IOC_QUEUE_SEND_BATCH, IPCBOOK_IOC_QUEUE_RECV_BATCH,
		IPCBOOK_IOC_QUEUE_SELECT,     IPCBOOK_IOC_CHANGE,
		IPCBOOK_IOC_STAT,
	};
	void *const bad[] = {
		NULL, nowhere(), (void *)-8L, (void *)(1UL << 63),
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(requests); i++) {
		uint32_t *half = edge(12);

		half[0] = _IOC_SIZE(requests[i]);
		is(ask(q, requests[i], half), -EFAULT);
		for (unsigned int j = 0; j < ARRAY_SIZE(bad); j++)
			is(ask(q, requests[i], bad[j]), -EFAULT);
		works(q);
	}
}

/* --- Requests that mean nothing ------------------------------------------- */

TEST(an_unknown_request_is_no_request_of_this_device)
{
	int device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR)));
	const int fds[] = { q, device };
	char arg[256] = "";

	for (unsigned int i = 0; i < ARRAY_SIZE(fds); i++) {
		is(ask(fds[i], FIBMAP, arg), -ENOTTY);
		is(ask(fds[i], 0, arg), -ENOTTY);
		is(ask(fds[i], 0x5401, arg), -ENOTTY);
		is(ask(fds[i], _IO('x', 0x40), arg), -ENOTTY);
		is(ask(fds[i], _IO(IPCBOOK_IOC_MAGIC, 0x04), arg), -ENOTTY);
		is(ask(fds[i], _IOWR(IPCBOOK_IOC_MAGIC, 0x0f, char[8]), arg),
		   -ENOTTY);
		is(ask(fds[i], _IO(IPCBOOK_IOC_MAGIC, 0x45), arg), -ENOTTY);
		is(ask(fds[i], _IOW(IPCBOOK_IOC_MAGIC, 0x4f, char[8]), arg),
		   -ENOTTY);
		is(ask(fds[i], _IOW(IPCBOOK_IOC_MAGIC, 0x80, char[8]), arg),
		   -ENOTTY);
		is(ask(fds[i], _IO(IPCBOOK_IOC_MAGIC, 0xff), arg), -ENOTTY);
	}
	is(ask(q, IPCBOOK_IOC_OPEN, arg), -ENOTTY);
	is(ask(q, IPCBOOK_IOC_UNLINK, arg), -ENOTTY);
	works(q);
}

TEST(another_size_in_the_request_number_is_another_version_of_it)
{
	char arg[256] = "";

	*(struct ipcbook_queue_send *)arg = good_send();
	*(uint32_t *)arg = 64;
	is(ask(q, _IOW(IPCBOOK_IOC_MAGIC, 0x40, char[64]), arg), 0);
	got(q, IPCBOOK_ANY, 0, "payload");
}

/* --- Noise ---------------------------------------------------------------- */

static uint64_t noise(void)
{
	static uint64_t x = 88172645463325252ULL;
	static const uint64_t bounds[] = {
		0, 1, 5, 8192, 8193, INT32_MAX, UINT32_MAX, INT64_MAX,
		UINT64_MAX, IPCBOOK_TYPE_MAX, 1ULL << 63,
	};

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	if (x % 3 == 0)
		return bounds[x / 3 % ARRAY_SIZE(bounds)];
	return x % 3 == 1 ? x : x % 4096;
}

TEST(noise_in_the_arguments_does_no_harm)
{
	static const unsigned long requests[] = {
		IPCBOOK_IOC_QUEUE_SEND,       IPCBOOK_IOC_QUEUE_RECV,
		IPCBOOK_IOC_QUEUE_SEND_BATCH, IPCBOOK_IOC_QUEUE_RECV_BATCH,
		IPCBOOK_IOC_QUEUE_SELECT,     IPCBOOK_IOC_CHANGE,
	};
	uint64_t arg[16];

	is(sys(fcntl(q, F_SETFL, O_NONBLOCK)), 0);
	for (unsigned int i = 0; i < 60000; i++) {
		unsigned long request = requests[i % ARRAY_SIZE(requests)];
		uint32_t *half = (uint32_t *)arg;

		for (unsigned int w = 0; w < ARRAY_SIZE(arg); w++)
			arg[w] = noise();
		half[0] = noise() % 4 ? _IOC_SIZE(request) : noise();
		if (noise() % 2)
			half[1] &= 1;
		if (noise() % 2)
			arg[3] = (uintptr_t)nowhere;
		ask(q, request, arg);
		ask(q, noise() % 2 ? request ^ noise() : (uint32_t)noise(),
		    NULL);
	}
	drain(q);
	works(q);
}
