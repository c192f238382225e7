// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets under load: many at once, both ways at once, ends at every moment.
 */
#include <sys/resource.h>

#include "socket.h"

/* A byte of a stream, different at each place and in each stream. */
static unsigned char byte_of(unsigned int seed, uint64_t at)
{
	uint64_t x = (at + 1) * 0x9e3779b97f4a7c15ULL + seed;

	return (x >> 32) ^ (x >> 56);
}

static uint64_t mix(uint64_t sum, unsigned char byte)
{
	return (sum ^ byte) * 0x100000001b3ULL;
}

/* Sizes that differ from call to call: short, long, and around a page. */
static size_t size_of(unsigned int *state)
{
	*state = *state * 1103515245 + 12345;
	switch (*state >> 29) {
	case 0:
		return 1 + (*state >> 16) % 100000;
	case 1:
		return 4050 + (*state >> 16) % 60;
	default:
		return 1 + (*state >> 16) % 500;
	}
}

struct flow {
	int fd;
	unsigned int seed;
	uint64_t bytes;
	uint64_t sum;
	pthread_t thread;
};

static void *pour(void *arg)
{
	unsigned char *room = malloc(1 << 17);
	struct flow *flow = arg;
	unsigned int state = flow->seed;
	uint64_t at = 0;

	while (at < flow->bytes) {
		size_t n = size_of(&state), sent = 0;

		if (n > flow->bytes - at)
			n = flow->bytes - at;
		for (size_t i = 0; i < n; i++) {
			room[i] = byte_of(flow->seed, at + i);
			flow->sum = mix(flow->sum, room[i]);
		}
		while (sent < n) {
			ssize_t part = sys(send(flow->fd, room + sent,
						n - sent, MSG_NOSIGNAL));

			holds(part > 0);
			sent += part;
		}
		at += n;
	}
	is(sys(shutdown(flow->fd, SHUT_WR)), 0);
	free(room);
	return NULL;
}

static void *drink(void *arg)
{
	unsigned char *room = malloc(1 << 17);
	struct flow *flow = arg;
	unsigned int state = ~flow->seed;
	ssize_t n;

	while ((n = sys(recv(flow->fd, room, size_of(&state), 0))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			flow->sum = mix(flow->sum, room[i]);
		flow->bytes += n;
	}
	is(n, 0);
	free(room);
	return NULL;
}

/* Both directions at once, each with a thread at either end. */
static void both_ways(uint64_t bytes)
{
	struct flow out[2] = { }, in[2] = { };
	int ends[2];

	connected(&ends[0], &ends[1]);
	for (int i = 0; i < 2; i++) {
		out[i] = (struct flow){ .fd = ends[i], .seed = 77 + i,
					.bytes = bytes };
		in[i] = (struct flow){ .fd = ends[!i], .seed = 77 + i };
		is(pthread_create(&out[i].thread, NULL, pour, &out[i]), 0);
		is(pthread_create(&in[i].thread, NULL, drink, &in[i]), 0);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(out[i].thread, NULL);
		pthread_join(in[i].thread, NULL);
		is(in[i].bytes, bytes);
		is(in[i].sum, out[i].sum);
	}
}

STREAM_TEST(two_streams_at_once_arrive_as_they_were_sent)
{
	give_seconds(120);
	both_ways(slow_kernel() ? 4 << 20 : 16 << 20);
}

STREAM_TEST(two_streams_through_small_buffers_arrive_as_well)
{
	give_seconds(120);
	set_option(listener, SO_RCVBUF, 3000);
	set_option(listener, SO_SNDBUF, 3000);
	both_ways(slow_kernel() ? 1 << 20 : 4 << 20);
}

/* Each record says who sent it and its number; nobody's are overtaken. */
static void *send_records(void *arg)
{
	struct flow *flow = arg;
	uint32_t record[16];

	for (uint32_t i = 0; i < flow->bytes; i++) {
		size_t n = 8 + i % 57;

		record[0] = flow->seed;
		record[1] = i;
		memset(record + 2, i, sizeof(record) - 8);
		is(sys(send(flow->fd, record, n, MSG_NOSIGNAL)), n);
	}
	return NULL;
}

RECORD_TEST(several_senders_do_not_mix_their_records)
{
	struct flow flows[4] = { };
	uint32_t next[4] = { }, record[16];
	int client, server;

	give_seconds(120);
	connected(&client, &server);
	for (int i = 0; i < 4; i++) {
		flows[i] = (struct flow){ .fd = client, .seed = i,
					  .bytes = 20000 };
		is(pthread_create(&flows[i].thread, NULL, send_records,
				  &flows[i]), 0);
	}
	for (int i = 0; i < 80000; i++) {
		ssize_t n = sys(recv(server, record, sizeof(record), 0));
		uint32_t who = record[0];

		holds(n >= 8 && who < 4);
		is(record[1], next[who]);
		is(n, 8 + next[who] % 57);
		for (ssize_t at = 8; at < n; at++)
			is(((unsigned char *)record)[at], next[who] & 0xff);
		next[who]++;
	}
	for (int i = 0; i < 4; i++)
		pthread_join(flows[i].thread, NULL);
	is(stat_of(server).depth, 0);
}

STREAM_TEST(a_thousand_connections_are_had_at_once)
{
	static int clients[1000], servers[1000];
	struct rlimit limit = { 4096, 4096 };

	give_seconds(120);
	is(sys(setrlimit(RLIMIT_NOFILE, &limit)), 0);
	is(sys(listen(listener, 1000)), 0);
	for (int i = 0; i < 1000; i++) {
		clients[i] = ipcbook_socket_connect(name, type);
		holds(clients[i] >= 0);
	}
	is(stat_of(listener).depth, 1000);
	for (int i = 0; i < 1000; i++) {
		servers[i] = sys(accept(listener, NULL, NULL));
		holds(servers[i] >= 0);
	}
	for (int i = 0; i < 1000; i++)
		is(sys(send(clients[i], &i, sizeof(i), 0)), sizeof(i));
	for (int i = 999; i >= 0; i--) {
		int got = -1;

		is(sys(recv(servers[i], &got, sizeof(got), 0)), sizeof(got));
		is(got, i);
		is(sys(send(servers[i], &got, sizeof(got), 0)), sizeof(got));
	}
	for (int i = 0; i < 1000; i++) {
		int got = -1;

		is(sys(recv(clients[i], &got, sizeof(got), 0)), sizeof(got));
		is(got, i);
		close(clients[i]);
		is(sys(recv(servers[i], &got, sizeof(got), 0)), 0);
		close(servers[i]);
	}
}

/* How far a process comes before it is killed. */
static const char *const stages[] = {
	"made", "bound", "listening", "connected", "accepted", "sending",
	"receiving",
};

static void come_so_far(unsigned int stage, int gate)
{
	char own[80], *big = calloc(1, 1 << 20);
	int fd = ipcbook_socket(type), other, third;

	snprintf(own, sizeof(own), "%.40s-own", name);
	if (stage >= 1)
		is(bind_to(fd, own), 0);
	if (stage >= 2)
		is(sys(listen(fd, 4)), 0);
	if (stage >= 3)
		other = ipcbook_socket_connect(own, type);
	if (stage >= 4)
		third = sys(accept(fd, NULL, NULL));
	gate_open(gate);
	if (stage == 5)
		while (send(other, big, 1 << 20, 0) > 0)
			;
	if (stage == 6)
		recv(third, big, 1, 0);
	pause();
}

STREAM_TEST(what_is_killed_at_any_stage_leaves_nothing)
{
	int gate_fd = gate();
	char own[80];

	snprintf(own, sizeof(own), "%.40s-own", name);
	for (unsigned int stage = 0; stage < ARRAY_SIZE(stages); stage++) {
		pid_t pid = child();
		int found;

		if (!pid)
			come_so_far(stage, gate_fd);
		gate_pass(gate_fd);
		if (stage == 5)
			await_asleep(pid, SYS_sendto);
		if (stage == 6)
			await_asleep(pid, SYS_recvfrom);
		kill(pid, SIGKILL);
		is(reap(pid), 128 + SIGKILL);
		/* Its name can be had at once. */
		found = ipcbook_socket_listen(own, type, 1);
		if (found < 0)
			print_error("killed when %s\n", stages[stage]);
		holds(found >= 0);
		close(found);
	}
}

/* Either side is killed while data move; the other one sees an end. */
STREAM_TEST(whichever_side_is_killed_the_other_sees_an_end)
{
	char *big = calloc(1, 1 << 20);

	for (int kills_server = 0; kills_server < 2; kills_server++) {
		int client, server, fd, ret;
		pid_t pid;

		for (int i = 0; i < 20; i++) {
			connected(&client, &server);
			pid = child();
			if (!pid) {
				fd = kills_server ? server : client;
				close(kills_server ? client : server);
				while (send(fd, big, 1 << 16, 0) > 0)
					;
				_exit(0);
			}
			fd = kills_server ? client : server;
			drop(kills_server ? server : client);
			is(sys(recv(fd, big, 1000 * (i + 1), 0)) > 0, 1);
			kill(pid, SIGKILL);
			do
				ret = sys(recv(fd, big, 1 << 20, 0));
			while (ret > 0);
			is(ret, 0);
			is(sys(send(fd, "x", 1, MSG_NOSIGNAL)), -EPIPE);
			is(reap(pid), 128 + SIGKILL);
			drop(fd);
		}
	}
	free(big);
}

static _Atomic bool over;

static void *connect_and_leave(void *arg)
{
	unsigned int state = (uintptr_t)arg;
	uintptr_t count = 0;

	while (!over) {
		int fd = ipcbook_socket_connect(name, type | SOCK_NONBLOCK);

		state = state * 1103515245 + 12345;
		if (fd < 0) {
			holds(fd == -EAGAIN || fd == -ECONNREFUSED);
			sched_yield();
			continue;
		}
		if (state & 0x10000)
			send(fd, "hello", 5, MSG_NOSIGNAL);
		if (state & 0x20000)
			shutdown(fd, (state >> 18) % 3);
		close(fd);
		count++;
	}
	return (void *)count;
}

static void *accept_and_leave(void *arg)
{
	uintptr_t count = 0;
	char room[8];

	(void)arg;
	while (!over) {
		int fd = sys(accept4(listener, NULL, NULL, SOCK_NONBLOCK));

		if (fd < 0)
			break;
		if (count & 1)
			recv(fd, room, sizeof(room), 0);
		if (count & 2)
			send(fd, "hello", 5, MSG_NOSIGNAL);
		close(fd);
		count++;
	}
	return (void *)count;
}

/* Listens and ends, over and over, while others connect. */
static void *listen_and_leave(void *arg)
{
	uint64_t end = ipcbook_deadline((slow_kernel() ? 10 : 60) * SEC);
	uintptr_t count = 0;

	(void)arg;
	while (ipcbook_deadline(0) < end) {
		int other, fd = ipcbook_socket_listen("come-and-go", type, 2);

		holds(fd >= 0);
		other = ipcbook_socket_connect("come-and-go",
					       type | SOCK_NONBLOCK);

		holds(other >= 0);
		if (count & 1)
			close(sys(accept4(fd, NULL, NULL, SOCK_NONBLOCK)));
		close(fd);
		close(other);
		count++;
		if (count % 64 == 0)
			sched_yield();
	}
	over = true;
	return (void *)count;
}

STREAM_TEST(accepting_and_closing_race_for_a_minute)
{
	pthread_t threads[6];
	void *counts[6];
	int n = 0;

	give_seconds(180);
	over = false;
	is(sys(listen(listener, 4)), 0);
	for (; n < 2; n++)
		is(pthread_create(&threads[n], NULL, connect_and_leave,
				  (void *)(uintptr_t)(n + 1)), 0);
	for (; n < 4; n++)
		is(pthread_create(&threads[n], NULL, accept_and_leave, NULL),
		   0);
	is(pthread_create(&threads[n++], NULL, listen_and_leave, NULL), 0);
	pthread_join(threads[4], &counts[4]);
	pthread_join(threads[0], &counts[0]);
	pthread_join(threads[1], &counts[1]);
	is(sys(shutdown(listener, SHUT_RD)), 0);
	pthread_join(threads[2], &counts[2]);
	pthread_join(threads[3], &counts[3]);
	for (int i = 0; i < 5; i++)
		holds((uintptr_t)counts[i] > 10);
}
