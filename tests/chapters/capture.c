// SPDX-License-Identifier: GPL-2.0-only
/*
 * The capture interface: what a listener on ipcbook0 gets, and who gets none.
 *
 * Each test sets the interface up and down again, and has a packet socket there.
 */
#include <arpa/inet.h>
#include <elf.h>
#include <endian.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>

#include "socket.h"

static int tap = -1;

static void set_up(bool up)
{
	struct ifreq request = { .ifr_name = IPCBOOK_CAPTURE_DEVICE };
	int fd = sys(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	is(sys(ioctl(fd, SIOCGIFFLAGS, &request)), 0);
	request.ifr_flags &= ~IFF_UP;
	request.ifr_flags |= up ? IFF_UP : 0;
	is(sys(ioctl(fd, SIOCSIFFLAGS, &request)), 0);
	close(fd);
}

static int listen_at_tap(void)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(IPCBOOK_CAPTURE_DEVICE),
	};
	int fd = sys(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));

	holds(fd >= 0);
	holds(address.sll_ifindex > 0);
	set_option(fd, SO_RCVBUFFORCE, 8 << 20);
	is(sys(bind(fd, (struct sockaddr *)&address, sizeof(address))), 0);
	return fd;
}

static int capture_end(void **state)
{
	struct ifreq request = { .ifr_name = IPCBOOK_CAPTURE_DEVICE };

	/* Without a claim: it must come down whatever has failed. */
	if (!ioctl(tap, SIOCGIFFLAGS, &request)) {
		request.ifr_flags &= ~IFF_UP;
		ioctl(tap, SIOCSIFFLAGS, &request);
	}
	close(tap);
	return socket_end(state);
}

static int capture_begin(void **state)
{
	begin_stream(state);
	/* Who listens at one that is down is told so once it is up. */
	set_up(true);
	tap = listen_at_tap();
	return 0;
}

static int capture_records(void **state)
{
	begin_records(state);
	/* Who listens at one that is down is told so once it is up. */
	set_up(true);
	tap = listen_at_tap();
	return 0;
}

#define CAPTURE_TEST(test)	TEST_BETWEEN(test, capture_begin, capture_end)

static struct {
	struct ethhdr ether;
	struct ipcbook_capture frame;
	unsigned char payload[16384];
} __attribute__((packed)) got_frame;

/* The next frame there is; returns its event, or -EAGAIN. */
static int next_frame(void)
{
	ssize_t n = sys(recv(tap, &got_frame, sizeof(got_frame), MSG_DONTWAIT));

	if (n < 0)
		return n;
	is(got_frame.ether.h_proto, htons(IPCBOOK_CAPTURE_ETHERTYPE));
	is(got_frame.frame.version, IPCBOOK_CAPTURE_VERSION);
	is(n, sizeof(got_frame.ether) + sizeof(got_frame.frame) +
	   ntohl(got_frame.frame.length));
	is(strncmp(got_frame.frame.name, name, sizeof(name)), 0);
	return got_frame.frame.event;
}

#define WHOLE	(IPCBOOK_CAPTURE_FIRST | IPCBOOK_CAPTURE_LAST)
#define BACK	IPCBOOK_CAPTURE_ACCEPTED

CAPTURE_TEST(a_connection_is_seen_from_its_beginning_to_its_end)
{
	uint64_t connection;
	int client, server;

	connected(&client, &server);
	is(next_frame(), IPCBOOK_CAPTURE_CONNECT);
	connection = stat_of(client).id;
	is(be64toh(got_frame.frame.connection), connection);
	is(got_frame.frame.flags, WHOLE);
	is(ntohl(got_frame.frame.sender), getpid());
	is(ntohl(got_frame.frame.receiver), getpid());
	is(got_frame.ether.h_source[0], 2);
	is(got_frame.ether.h_source[5], getpid() & 0xff);
	is(next_frame(), IPCBOOK_CAPTURE_ACCEPT);
	is(be64toh(got_frame.frame.connection), connection);
	is(got_frame.frame.flags, WHOLE | BACK);

	tell(client, "to the server");
	is(next_frame(), IPCBOOK_CAPTURE_DATA);
	is(got_frame.frame.flags, WHOLE);
	is(ntohl(got_frame.frame.total), 13);
	is(memcmp(got_frame.payload, "to the server", 13), 0);
	is(be64toh(got_frame.frame.position), 0);
	tell(server, "back");
	is(next_frame(), IPCBOOK_CAPTURE_DATA);
	is(got_frame.frame.flags, WHOLE | BACK);
	is(be64toh(got_frame.frame.connection), connection);
	tell(client, "again");
	is(next_frame(), IPCBOOK_CAPTURE_DATA);
	is(be64toh(got_frame.frame.position), 13);
	is(be64toh(got_frame.frame.number), 1);

	is(sys(shutdown(client, SHUT_WR)), 0);
	is(next_frame(), IPCBOOK_CAPTURE_SHUTDOWN);
	is(got_frame.frame.detail, 2);
	drop(client);
	is(next_frame(), IPCBOOK_CAPTURE_CLOSE);
	is(got_frame.frame.flags, WHOLE);
	is(got_frame.frame.detail, 1);
	says(server, "to the serveragain");
	drop(server);
	is(next_frame(), IPCBOOK_CAPTURE_CLOSE);
	is(got_frame.frame.flags, WHOLE | BACK);
	is(got_frame.frame.detail, 0);
	is(next_frame(), -EAGAIN);
}

CAPTURE_TEST(what_is_long_is_split_and_numbered)
{
	unsigned char *big = malloc(50000), *seen = malloc(50000);
	int client, server;
	size_t at = 0;

	for (int i = 0; i < 50000; i++)
		big[i] = i * 7 + i / 251;
	connected(&client, &server);
	next_frame();
	next_frame();
	is(sys(send(client, big, 50000, 0)), 50000);
	while (next_frame() == IPCBOOK_CAPTURE_DATA) {
		size_t n = ntohl(got_frame.frame.length);

		is(be64toh(got_frame.frame.position), at);
		holds(n <= 8192);
		is(!!(got_frame.frame.flags & IPCBOOK_CAPTURE_FIRST),
		   !got_frame.frame.offset);
		is(!!(got_frame.frame.flags & IPCBOOK_CAPTURE_LAST),
		   ntohl(got_frame.frame.offset) + n ==
		   ntohl(got_frame.frame.total));
		memcpy(seen + at, got_frame.payload, n);
		at += n;
	}
	is(at, 50000);
	is(memcmp(seen, big, 50000), 0);
	free(big);
	free(seen);
}

TEST_BETWEEN(records_are_seen_as_records, capture_records, capture_end)
{
	int client, server;

	connected(&client, &server);
	next_frame();
	next_frame();
	tell(client, "one");
	tell(client, "");
	is(sys(send(client, nowhere(), 8, 0)), -EFAULT);
	tell(client, "four");
	is(next_frame(), IPCBOOK_CAPTURE_DATA);
	is(got_frame.frame.flags, WHOLE | IPCBOOK_CAPTURE_RECORDS);
	is(memcmp(got_frame.payload, "one", 3), 0);
	is(next_frame(), IPCBOOK_CAPTURE_DATA);
	is(ntohl(got_frame.frame.total), 0);
	is(next_frame(), IPCBOOK_CAPTURE_DATA);
	is(be64toh(got_frame.frame.number), 2);
	is(be64toh(got_frame.frame.position), 3);
	is(memcmp(got_frame.payload, "four", 4), 0);
	is(next_frame(), -EAGAIN);
}

TEST_BETWEEN(a_long_record_is_split_and_stays_one, capture_records,
	     capture_end)
{
	unsigned char *big = malloc(20000);
	int client, server;

	for (int i = 0; i < 20000; i++)
		big[i] = i * 7 + i / 251;
	connected(&client, &server);
	next_frame();
	next_frame();
	tell(client, "first");
	is(sys(send(client, big, 20000, 0)), 20000);
	tell(client, "last");
	is(next_frame(), IPCBOOK_CAPTURE_DATA);
	for (int at = 0; at < 20000; at += 8192) {
		int n = 20000 - at < 8192 ? 20000 - at : 8192;

		is(next_frame(), IPCBOOK_CAPTURE_DATA);
		is(be64toh(got_frame.frame.number), 1);
		is(be64toh(got_frame.frame.position), 5 + at);
		is(ntohl(got_frame.frame.offset), at);
		is(ntohl(got_frame.frame.length), n);
		is(ntohl(got_frame.frame.total), 20000);
		is(got_frame.frame.flags, IPCBOOK_CAPTURE_RECORDS |
		   (at ? 0 : IPCBOOK_CAPTURE_FIRST) |
		   (at + n < 20000 ? 0 : IPCBOOK_CAPTURE_LAST));
		is(memcmp(got_frame.payload, big + at, n), 0);
	}
	is(next_frame(), IPCBOOK_CAPTURE_DATA);
	is(be64toh(got_frame.frame.number), 2);
	is(be64toh(got_frame.frame.position), 20005);
	is(got_frame.frame.flags, WHOLE | IPCBOOK_CAPTURE_RECORDS);
	free(big);
}

static unsigned long long frames_shown(void)
{
	return strtoull(slurp("/sys/class/net/ipcbook0/statistics/tx_packets"),
			NULL, 10);
}

CAPTURE_TEST(while_nobody_listens_nothing_is_built)
{
	unsigned long long before;
	int client, server;

	connected(&client, &server);
	before = frames_shown();
	tell(client, "seen");
	is(frames_shown(), before + 1);
	close(tap);
	tell(client, "unseen");
	is(frames_shown(), before + 1);
	tap = listen_at_tap();
	tell(client, "seen");
	is(frames_shown(), before + 2);
	set_up(false);
	tell(client, "unseen");
	is(frames_shown(), before + 2);
}

CAPTURE_TEST(a_namespace_sees_only_its_own)
{
	char own[80];
	pid_t pid = child_in(CLONE_NEWNET);

	snprintf(own, sizeof(own), "%.40s-2", name);
	if (!pid) {
		int fd, other = listen_at_tap();

		/* Its interface is its own, and down at first. */
		fd = ipcbook_socket_listen(own, type, 1);
		holds(fd >= 0);
		holds(ipcbook_socket_connect(own, type) >= 0);
		is(sys(recv(other, &got_frame, sizeof(got_frame),
			    MSG_DONTWAIT)), -ENETDOWN);
		set_up(true);
		holds(ipcbook_socket_connect(own, type) >= 0);
		holds(sys(recv(other, &got_frame, sizeof(got_frame),
			       MSG_DONTWAIT)) > 0);
		_exit(0);
	}
	is(reap(pid), 0);
	is(next_frame(), -EAGAIN);
	connected(&(int){ 0 }, &(int){ 0 });
	is(next_frame(), IPCBOOK_CAPTURE_CONNECT);
}

/* Who is root only in namespaces of their own sees what passes there. */
CAPTURE_TEST(who_rules_a_namespace_may_capture_in_it)
{
	pid_t pid = child();

	if (!pid) {
		int fd, client;

		become(1000);
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
			_exit(77);
		set_up(true);
		close(tap);
		tap = sys(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC,
				 htons(ETH_P_ALL)));
		holds(tap >= 0);
		fd = ipcbook_socket_listen(name, type, 1);
		holds(fd >= 0);
		client = ipcbook_socket_connect(name, type);
		holds(client >= 0);
		is(next_frame(), IPCBOOK_CAPTURE_CONNECT);
		tell(client, "own");
		is(next_frame(), IPCBOOK_CAPTURE_DATA);
		is(memcmp(got_frame.payload, "own", 3), 0);
		_exit(0);
	}
	switch (reap(pid)) {
	case 77:
		not_here("users have no user namespaces");
	default:
		claim(false, "the child was content", __FILE__, __LINE__);
	case 0:
		break;
	}
	is(next_frame(), -EAGAIN);
}

CAPTURE_TEST(who_may_not_capture_cannot)
{
	pid_t pid = child();

	if (!pid) {
		struct ifreq request = { .ifr_name = IPCBOOK_CAPTURE_DEVICE };

		become(1000);
		is(sys(socket(AF_PACKET, SOCK_RAW, 0)), -EPERM);
		request.ifr_flags = 0;
		is(sys(ioctl(socket(AF_UNIX, SOCK_DGRAM, 0), SIOCSIFFLAGS,
			     &request)), -EPERM);
		_exit(0);
	}
	is(reap(pid), 0);
}

CAPTURE_TEST(pids_are_those_of_who_set_it_up)
{
	int server;
	pid_t pid;

	pid = child();
	if (!pid) {
		int fd = ipcbook_socket_connect(name, type);

		is(sys(send(fd, "x", 1, 0)), 1);
		is(sys(read(fd, (char[8]){ 0 }, 1)), 1);
		_exit(0);
	}
	server = keep(sys(accept(listener, NULL, NULL)));
	is(sys(recv(server, (char[8]){ 0 }, 1, 0)), 1);
	is(next_frame(), IPCBOOK_CAPTURE_CONNECT);
	is(ntohl(got_frame.frame.sender), pid);
	is(ntohl(got_frame.frame.receiver), getpid());
	while (next_frame() != IPCBOOK_CAPTURE_DATA)
		;
	is(ntohl(got_frame.frame.sender), pid);
	tell(server, "y");
	while (next_frame() != IPCBOOK_CAPTURE_DATA ||
	       !(got_frame.frame.flags & BACK))
		;
	is(ntohl(got_frame.frame.sender), getpid());
	is(ntohl(got_frame.frame.receiver), pid);
	is(reap(pid), 0);
}

BARE_TEST(the_interface_has_no_addresses)
{
	char text[2048];

	set_up(true);
	is(shell(0, "ip -o addr show dev ipcbook0 | wc -l; ip -o link show dev ipcbook0",
		 text, sizeof(text)), 0);
	set_up(false);
	is(strncmp(text, "0\n", 2), 0);
	holds(strstr(text, "NOARP"));
}

/* --- With the tools that people use ---------------------------------------- */

static char said[16384];

/* Runs lines of shell; $i is the tool, $t the source tree, $n a free name. */
static int run(const char *lines)
{
	char command[PATH_MAX + 4096], self[PATH_MAX / 2] = "";

	holds(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	*strrchr(self, '/') = '\0';
	snprintf(command, sizeof(command),
		 "exec 2>&1; t=%s/../..; i=$t/build/bin/ipcbook; n=%s-tool; d=/tmp/$n; mkdir -p $d\n"
		 "up() { until $i socket stat $n 2>&1 | grep -qE '^max_depth +([2-9]|1[0-9])'; do :; done; }\n"
		 "says() { until grep -q \"$1\" $2; do :; done; }\n"
		 "%s", self, name, lines);
	return shell(0, command, said, sizeof(said));
}

#define prints(lines, text) do {					\
	is(run(lines), 0);						\
	if (strcmp(said, text))						\
		print_error("%s: said \"%s\"\n", lines, said);		\
	assert_string_equal(said, text);				\
} while (0)

/*
 * The story's page: what goes over TCP on this machine turns round in the stack
 * and is seen on lo; what goes over a socket of ipcbook's is seen on ipcbook0
 * and nowhere else; what goes over a pipe or a queue is seen nowhere.
 */
CAPTURE_TEST(the_storys_page)
{
	give_seconds(240);
	prints("tcpdump -i lo -U -w $d/lo 2>$d/a & a=$!\n"
	       "tcpdump -i ipcbook0 -U -w $d/own 2>$d/b & b=$!\n"
	       "says listening $d/a; says listening $d/b\n"
	       "socat -u TCP4-LISTEN:7778 - >/dev/null & s=$!\n"
	       "until printf message-over-tcp | socat -u - TCP4:127.0.0.1:7778 2>/dev/null; do :; done; wait $s\n"
	       "$i socket listen $n </dev/null >/dev/null & s=$!; up\n"
	       "printf message-over-ipcbook | $i socket connect $n; wait $s\n"
	       "printf message-over-pipe | cat >/dev/null\n"
	       "$i queue send --create $n message-over-queue; $i queue recv $n >/dev/null; $i queue rm $n\n"
	       "says message-over-tcp $d/lo; says message-over-ipcbook $d/own\n"
	       "kill -INT $a $b; wait $a $b\n"
	       "for m in tcp ipcbook pipe queue; do\n"
	       "    echo $m lo $(grep -c message-over-$m $d/lo) ipcbook0 $(grep -c message-over-$m $d/own)\n"
	       "done",
	       "tcp lo 1 ipcbook0 0\n"
	       "ipcbook lo 0 ipcbook0 1\n"
	       "pipe lo 0 ipcbook0 0\n"
	       "queue lo 0 ipcbook0 0\n");
}

CAPTURE_TEST(tshark_takes_frames_apart)
{
	give_seconds(300);
	is(run("tcpdump -i ipcbook0 -U -c 5 -w $d/own 2>$d/b & b=$!\n"
	       "says listening $d/b\n"
	       "$i socket listen $n </dev/null >/dev/null & s=$!; up\n"
	       "printf 'for tshark' | $i socket connect $n; wait $s $b\n"
	       "tshark -X lua_script:$t/userspace/wireshark/ipcbook.lua -r $d/own -Y 'ipcbook.event == 3'"
	       " -T fields -e _ws.col.Protocol -e ipcbook.name -e ipcbook.length -e ipcbook.data -e ipcbook.flags.accepted 2>/dev/null\n"
	       "tshark -X lua_script:$t/userspace/wireshark/ipcbook.lua -r $d/own -T fields -e _ws.col.Info 2>/dev/null"),
	   0);
	holds(strstr(said, "IPCBOOK\t"));
	holds(strstr(said, "-tool\t10\t666f722074736861726b\t"));
	holds(strstr(said, " connect "));
	holds(strstr(said, " accept "));
}

CAPTURE_TEST(the_tool_shows_frames_until_it_is_stopped)
{
	give_seconds(120);
	set_up(false);
	is(run("$i capture >$d/all & c=$!\n"
	       "until $i capture stat | grep -q 'listener'; do :; done\n"
	       "until $i capture stat | grep -q 'ipcbook0 up'; do :; done\n"
	       "for text in one two; do\n"
	       "$i socket listen $n </dev/null >/dev/null & s=$!; up\n"
	       "echo $text | $i socket connect $n; wait $s\n"
	       "done\n"
	       "until [ $(grep -c ' > connect ' $d/all) = 2 ] && [ $(grep -c ' > data ' $d/all) = 2 ]; do :; done\n"
	       "kill $c; wait $c; echo $?"), 0);
	holds(!strcmp(said, "0\n"));
}

/* Shells have what they start beside themselves ignore two of them. */
CAPTURE_TEST(a_signal_that_ends_the_tool_sets_it_down)
{
	give_seconds(120);
	set_up(false);
	prints("for s in HUP INT QUIT TERM; do\n"
	       "env --default-signal=INT,QUIT $i capture >/dev/null & c=$!\n"
	       "until $i capture stat | grep -q 'ipcbook0 up'; do :; done\n"
	       "kill -$s $c; wait $c; echo $s $? $($i capture stat | head -n 1)\n"
	       "done",
	       "HUP 0 interface ipcbook0 down\n"
	       "INT 0 interface ipcbook0 down\n"
	       "QUIT 0 interface ipcbook0 down\n"
	       "TERM 0 interface ipcbook0 down\n");
}

CAPTURE_TEST(the_tool_shows_frames)
{
	give_seconds(120);
	set_up(false);
	is(run("$i capture -j --count 6 >$d/own & c=$!\n"
	       "until $i capture stat | grep -q 'listener'; do :; done\n"
	       "until $i capture stat | grep -q 'ipcbook0 up'; do :; done\n"
	       "$i socket listen $n </dev/null >/dev/null & s=$!; up\n"
	       "printf 'for the tool' | $i socket connect $n; wait $s $c\n"
	       "grep -c . $d/own; grep -o '\"event\":\"[a-z]*\"' $d/own; grep -o '\"base64\":\"..*\"' $d/own\n"
	       "$i capture stat -j"), 0);
	holds(!strncmp(said, "6\n\"event\":\"connect\"\n", 20));
	holds(strstr(said, "\"event\":\"accept\""));
	holds(strstr(said, "\"event\":\"data\""));
	holds(strstr(said, "\"base64\":\"Zm9yIHRoZSB0b29s\""));
	/* It was down before, so it is down after. */
	holds(strstr(said, "\"up\":false"));
	is(run("$i capture -- true"), 0);
	is(run("$i capture -- false"), 1);
}

CAPTURE_TEST(the_tool_ends_where_it_cannot_show_them)
{
	give_seconds(60);
	set_up(false);
	/* The fixture listens, too. */
	prints("$i capture >/dev/full 2>$d/why & c=$!\n"
	       "until [ $($i capture stat | grep -c listener) = 2 ]; do :; done\n"
	       "$i socket listen $n </dev/null >/dev/null & s=$!; up\n"
	       "$i socket connect $n </dev/null; wait $s\n"
	       "wait $c; echo $?; cat $d/why; $i capture stat | head -n 1",
	       "1\nipcbook: cannot write to standard output\n"
	       "interface ipcbook0 down\n");
}

/* A listener that is too slow loses frames; senders lose nothing. */
CAPTURE_TEST(a_slow_listener_loses_and_is_told)
{
	char text[64], big[8192] = "";
	int client, server;
	struct tpacket_stats stats;
	socklen_t length = sizeof(stats);

	connected(&client, &server);
	set_option(tap, SO_RCVBUFFORCE, 20000);
	for (int i = 0; i < 20; i++)
		is(sys(send(client, big, sizeof(big), 0)), sizeof(big));
	is(run("$i capture stat"), 0);
	is(sys(getsockopt(tap, SOL_PACKET, PACKET_STATISTICS, &stats,
			  &length)), 0);
	holds(stats.tp_drops > 0);
	snprintf(text, sizeof(text), " dropped %u\n", stats.tp_drops);
	holds(strstr(said, text));
	for (int i = 0; i < 20; i++)
		is(sys(recv(server, big, sizeof(big), MSG_WAITALL)),
		   sizeof(big));
}

/* --- What cannot be shown, and what it costs when nothing is --------------- */

static unsigned long long dropped(void)
{
	return strtoull(slurp("/sys/class/net/ipcbook0/statistics/tx_dropped"),
			NULL, 10);
}

/* Has the nth thing fail that can, from now on; 0: nothing any more. */
static void fail_nth(int file, unsigned int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	/* This very call's copy can be what fails. */
	while (pwrite(file, text, strlen(text), 0) != (ssize_t)strlen(text))
		;
}

/*
 * Each allocation of a send fails once. A frame that could not be built is
 * counted, and its bytes arrive all the same.
 */
CAPTURE_TEST(a_frame_that_cannot_be_built_is_counted)
{
	unsigned long long before = dropped(), lost;
	unsigned int sent = 0, seen = 0;
	int client, server, file;
	char text[64];
	long answer;

	file = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (file < 0)
		not_here("this kernel injects no faults");
	keep(file);
	spit("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	spit("/sys/kernel/debug/failslab/verbose", "0");
	connected(&client, &server);
	next_frame();
	next_frame();
	for (unsigned int n = 1; n <= 30; n++) {
		fail_nth(file, n);
		answer = sys(send(client, "x", 1, 0));
		fail_nth(file, 0);
		if (answer < 0)
			holds(answer == -EFAULT || answer == -ENOMEM);
		else
			sent++;
	}
	while (next_frame() == IPCBOOK_CAPTURE_DATA)
		seen++;
	lost = dropped() - before;
	print_message("# of %u sends %u seen, %llu not\n", sent, seen, lost);
	holds(lost > 0);
	holds(seen > 0);
	is(seen + lost, sent);
	is(sys(recv(server, text, sizeof(text), 0)), sent);
	is(run("$i capture stat -j"), 0);
	snprintf(text, sizeof(text), "\"dropped\":%llu,", dropped());
	holds(strstr(said, text));
}

/* Where in the module's code it is asked whether an interface is up. */
#define SITES								\
	"objdump -r -j __jump_table $IPCBOOK_MODULE | awk '/tap_key/ { print two } { two = one; one = $3 }' | sed 's/.*[+]0x0*//'"

BARE_TEST(down_it_is_one_jump_that_is_patched_out)
{
	if (!getenv("IPCBOOK_MODULE"))
		not_here("IPCBOOK_MODULE does not name the module's file");
	give_seconds(120);
	if (run("objdump -h $IPCBOOK_MODULE | grep -q __jump_table"))
		not_here("this kernel patches no jumps");
	/* Which functions ask, and what stands there: something that does nothing. */
	is(run("for at in $(" SITES "); do\n"
	       "    objdump -d --no-show-raw-insn -j .text --start-address=$((0x$at)) --stop-address=$((0x$at + 5)) $IPCBOOK_MODULE |\n"
	       "        awk '/>:$/ { sub(/[+].*>:/, \"\", $2); sub(/^</, \"\", $2); name = $2; getline; print name, $2 ~ /^(nopl?|xchg)$/ ? \"nothing\" : $0 }'\n"
	       "done | sort -u"), 0);
	assert_string_equal(said, "socket_accept nothing\n"
			    "socket_connect nothing\n"
			    "socket_release nothing\n"
			    "socket_sendmsg nothing\n"
			    "socket_shutdown nothing\n");
}

/* Bytes of the running kernel, which tells them where it is built to. */
static bool read_kernel(unsigned long address, unsigned char *bytes, size_t n)
{
	Elf64_Ehdr head;
	Elf64_Phdr part;
	bool found = false;
	int core;

	core = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	if (core < 0)
		return false;
	holds(pread(core, &head, sizeof(head), 0) == sizeof(head));
	for (int i = 0; i < head.e_phnum && !found; i++) {
		holds(pread(core, &part, sizeof(part),
			    head.e_phoff + i * sizeof(part)) == sizeof(part));
		if (part.p_type != PT_LOAD || address < part.p_vaddr ||
		    address - part.p_vaddr >= part.p_memsz)
			continue;
		found = pread(core, bytes, n, part.p_offset + address -
			      part.p_vaddr) == (ssize_t)n;
	}
	close(core);
	return found;
}

/* A no-op of two or of five bytes; or the jump in its place. */
static bool is_nop(const unsigned char *code)
{
	return !memcmp(code, "\x66\x90", 2) ||
	       !memcmp(code, "\x0f\x1f\x44\x00\x00", 5);
}

static bool is_jump(const unsigned char *code)
{
	return code[0] == 0xeb || code[0] == 0xe9;
}

/* The places in the running kernel where it is asked. */
static unsigned long sites[32];
static int site_count;

static void find_sites(void)
{
	unsigned char code[5];
	unsigned long base;
	char *at, *end;

	site_count = 0;
	if (!getenv("IPCBOOK_MODULE"))
		not_here("IPCBOOK_MODULE does not name the module's file");
	base = strtoul(slurp("/sys/module/ipcbook/sections/.text"), NULL, 16);
	holds(base);
	if (!read_kernel(base, code, sizeof(code)))
		not_here("this kernel does not show its memory");
	give_seconds(120);
	if (run("objdump -h $IPCBOOK_MODULE | grep -q __jump_table"))
		not_here("this kernel patches no jumps");
	is(run(SITES), 0);
	for (at = said; *at && site_count < 32; at = end + 1) {
		sites[site_count++] = base + strtoul(at, &end, 16);
		holds(*end == '\n');
	}
	holds(site_count >= 5);
}

/* How many of them are this. */
static int sites_with(bool (*what)(const unsigned char *code))
{
	unsigned char code[5];
	int count = 0;

	for (int i = 0; i < site_count; i++) {
		holds(read_kernel(sites[i], code, sizeof(code)));
		count += what(code);
	}
	return count;
}

BARE_TEST(the_jump_is_there_while_it_is_up)
{
	find_sites();
	is(sites_with(is_nop), site_count);
	set_up(true);
	is(sites_with(is_jump), site_count);
	set_up(false);
	is(sites_with(is_nop), site_count);
}

/* Two are up: the jump is there until the last one is down. */
BARE_TEST(a_namespace_that_ends_takes_its_jump_away)
{
	int up = gate(), end = gate();
	pid_t pid;

	find_sites();
	pid = child_in(CLONE_NEWNET);
	if (!pid) {
		set_up(true);
		gate_open(up);
		gate_pass(end);
		_exit(0);
	}
	gate_pass(up);
	is(sites_with(is_jump), site_count);
	set_up(true);
	set_up(false);
	is(sites_with(is_jump), site_count);
	gate_open(end);
	is(reap(pid), 0);
	/* A kernel thread ends it, a moment later. */
	await(sites_with(is_nop) == site_count);
}

BARE_TEST(the_interface_stays_in_its_namespace)
{
	is(run("unshare -n sleep 1000 & p=$!\n"
	       "until [ \"$(readlink /proc/$p/ns/net)\" != \"$(readlink /proc/$$/ns/net)\" ]; do :; done\n"
	       "ip link set ipcbook0 netns $p; echo $?; ip link del ipcbook0; echo $?; kill $p\n"
	       "ip -o link show dev ipcbook0 | grep -c ipcbook0"), 0);
	holds(!strncmp(strstr(said, "\n") + 1, "2\n", 2));
	holds(strstr(said, "not supported\n2\n1\n"));
}
