// SPDX-License-Identifier: GPL-2.0-only
/*
 * The story's page on sockets, and what is captured of them.
 *
 * The narrator listens by a packet socket on all interfaces while the two talk,
 * once over TCP on 127.0.0.1 and once over a socket of ipcbook's, and looks in
 * what it caught for the words that the thin one said: on the interface where
 * they should be, from and to whom they were, and on no other.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "story.h"

/* Room for what is caught: frames, and each of them. */
#define CATCH	(4 << 20)
#define FRAME	65536

/* Bytes in a line of a dump. */
#define DUMP	16

/**
 * struct call - a conversation over a socket
 * @name: of the one that listens; empty for TCP
 * @port: where it listens by TCP
 * @from: the port that the thin one has
 * @pids: of the actors
 * @peer: the thin one's process, as the fat one's socket has it
 * @heard: what each heard
 */
struct call {
	char name[IPCBOOK_NAME_LEN];
	uint16_t port;
	uint16_t from;
	pid_t pids[WHOS];
	pid_t peer;
	char heard[WHOS][SENTENCE];
};

/**
 * struct caught - the words in what was captured
 * @frames: in how many frames they were on the interface
 * @elsewhere: and on others
 * @payload: from where they begin in the first of these
 * @length: bytes of that frame from there on
 * @as_said: they came from and went to whom they should
 * @complete: nothing that passed was missed
 */
struct caught {
	unsigned int frames;
	unsigned int elsewhere;
	char payload[4 * DUMP];
	size_t length;
	bool as_said;
	bool complete;
};

enum { LISTENING };

/* In letters that a dump can show. */
static const char *question(void)
{
	return T("hello, fat one!", "nihao, pang!");
}

static const char *answer(void)
{
	return T("hello, thin one!", "nihao, shou!");
}

/* ------------------------------------------------------------------ they talk */

static int listen_tcp(struct call *call)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const char *doing = T("listen on 127.0.0.1", "在 127.0.0.1 上监听");
	socklen_t length = sizeof(address);
	int fd;

	fd = must_sys(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), doing);
	must_sys(bind(fd, (struct sockaddr *)&address, length), doing);
	must_sys(listen(fd, 1), doing);
	must_sys(getsockname(fd, (struct sockaddr *)&address, &length), doing);
	call->port = ntohs(address.sin_port);
	return fd;
}

static int connect_tcp(struct call *call)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(call->port),
	};
	const char *doing = T("connect to 127.0.0.1", "连接 127.0.0.1");
	socklen_t length = sizeof(address);
	int fd;

	fd = must_sys(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), doing);
	must_sys(connect(fd, (struct sockaddr *)&address, length), doing);
	must_sys(getsockname(fd, (struct sockaddr *)&address, &length), doing);
	call->from = ntohs(address.sin_port);
	return fd;
}

static int call_fat(void *scene)
{
	struct call *call = scene;
	struct ucred peer = { 0 };
	socklen_t length = sizeof(peer);
	int fd, listener;

	call->pids[FAT] = getpid();
	if (*call->name)
		listener = must(ipcbook_socket_listen(call->name, SOCK_STREAM |
						      SOCK_CLOEXEC, 1),
				T("listen", "监听"));
	else
		listener = listen_tcp(call);
	cue(LISTENING);
	fd = must_sys(accept4(listener, NULL, NULL, SOCK_CLOEXEC),
		      T("accept a connection", "接受连接"));
	if (*call->name)
		must_sys(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer,
				    &length),
			 T("ask who is there", "查询对方是谁"));
	call->peer = peer.pid;
	hear(fd, call->heard[FAT]);
	say(fd, answer());
	return STATUS_DONE;
}

static int call_thin(void *scene)
{
	struct call *call = scene;
	int fd;

	call->pids[THIN] = getpid();
	must_be_cued(LISTENING);
	if (*call->name)
		fd = must(ipcbook_socket_connect(call->name, SOCK_STREAM |
						 SOCK_CLOEXEC),
			  T("connect", "连接"));
	else
		fd = connect_tcp(call);
	say(fd, question());
	hear(fd, call->heard[THIN]);
	return STATUS_DONE;
}

/* --------------------------------------------------------------- what is caught */

/* A packet socket on all interfaces; -1, which is told, if it cannot be had. */
static int open_capture(void)
{
	int room = CATCH;
	int fd;

	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    htons(ETH_P_ALL));
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
		return fd;
	}
	if (errno == EPERM || errno == EACCES)
		not_shown("%s", T("a capture, which takes CAP_NET_RAW.",
				  "抓包；这需要 CAP_NET_RAW。"));
	else
		not_shown(T("a capture: %s (%s).", "抓包：%s（%s）。"),
			  strerrorname_np(errno), strerror(errno));
	return -1;
}

/* Was it from the thin one's port to the fat one's, on this machine alone? */
static bool is_tcp_of(const struct call *call, const char *frame, size_t length,
		      const char *payload)
{
	struct tcphdr tcp;
	struct iphdr ip;
	size_t at = ETH_HLEN;

	if (length < at + sizeof(ip) + sizeof(tcp))
		return false;
	memcpy(&ip, frame + at, sizeof(ip));
	at += ip.ihl * 4;
	if (length < at + sizeof(tcp))
		return false;
	memcpy(&tcp, frame + at, sizeof(tcp));
	return ip.protocol == IPPROTO_TCP &&
	       ip.saddr == htonl(INADDR_LOOPBACK) &&
	       ip.daddr == htonl(INADDR_LOOPBACK) &&
	       tcp.source == htons(call->from) &&
	       tcp.dest == htons(call->port) &&
	       payload == frame + at + tcp.doff * 4;
}

/* Was it from the thin one to the fat one, over this name? */
static bool is_ipcbook_of(const struct call *call, const char *frame,
			  size_t length, const char *payload)
{
	struct ipcbook_capture header;

	if (length < ETH_HLEN + sizeof(header))
		return false;
	memcpy(&header, frame + ETH_HLEN, sizeof(header));
	return header.version == IPCBOOK_CAPTURE_VERSION &&
	       header.event == IPCBOOK_CAPTURE_DATA &&
	       ntohl(header.sender) == (uint32_t)call->pids[THIN] &&
	       ntohl(header.receiver) == (uint32_t)call->pids[FAT] &&
	       strncmp(header.name, call->name, IPCBOOK_NAME_LEN) == 0 &&
	       payload == frame + ETH_HLEN + sizeof(header);
}

/* Goes through all that was caught by now. */
static void look_through(int capture, const struct call *call, int interface,
			 struct caught *caught)
{
	struct tpacket_stats stats = { .tp_drops = 1 };
	struct sockaddr_ll from;
	socklen_t length;
	const char *words;
	char *frame;
	ssize_t n;

	frame = malloc(FRAME);
	if (!frame)
		abort();
	for (;;) {
		length = sizeof(from);
		n = recvfrom(capture, frame, FRAME, 0,
			     (struct sockaddr *)&from, &length);
		if (n < 0)
			break;
		words = memmem(frame, n, question(), strlen(question()));
		if (!words)
			continue;
		if (from.sll_ifindex != interface) {
			caught->elsewhere++;
			continue;
		}
		if (caught->frames++)
			continue;
		caught->length = n - (words - frame);
		if (caught->length > sizeof(caught->payload))
			caught->length = sizeof(caught->payload);
		memcpy(caught->payload, words, caught->length);
		caught->as_said = *call->name ?
				  is_ipcbook_of(call, frame, n, words) :
				  is_tcp_of(call, frame, n, words);
	}
	free(frame);
	length = sizeof(stats);
	caught->complete = !getsockopt(capture, SOL_PACKET, PACKET_STATISTICS,
				       &stats, &length) && !stats.tp_drops;
}

static void show_dump(const struct caught *caught)
{
	char line[128], *at;
	unsigned char byte;

	for (size_t i = 0; i < caught->length; i += DUMP) {
		at = line + sprintf(line, "%04zx ", i);
		for (size_t j = i; j < i + DUMP; j++)
			at += j < caught->length ?
			      sprintf(at, " %02x",
				      (unsigned char)caught->payload[j]) :
			      sprintf(at, "   ");
		at += sprintf(at, "  ");
		for (size_t j = i; j < i + DUMP && j < caught->length; j++) {
			byte = caught->payload[j];
			*at++ = byte < 0x20 || byte > 0x7e ? '.' : byte;
		}
		*at = '\0';
		show(NARRATOR, "%s", line);
	}
}

static void show_talk(const struct call *call)
{
	show(FAT, T("hears: \"%s\"", "听到：“%s”"), call->heard[FAT]);
	show(THIN, T("hears: \"%s\"", "听到：“%s”"), call->heard[THIN]);
	claim(strcmp(call->heard[FAT], question()) == 0 &&
	      strcmp(call->heard[THIN], answer()) == 0,
	      "%s", T("They talk, both ways through one connection.",
		      "它们对上了话：一条连接，两个方向。"));
}

/* They talk, and what is to be found of it on an interface is. */
static bool talk(struct call *call, const char *interface, int capture,
		 struct caught *caught)
{
	struct actor fat, thin;

	memset(caught, 0, sizeof(*caught));
	enter(&fat, FAT, call_fat, call);
	enter(&thin, THIN, call_thin, call);
	if (!left_well(&fat) || !left_well(&thin))
		return false;
	show_talk(call);
	if (capture >= 0)
		look_through(capture, call, if_nametoindex(interface), caught);
	return true;
}

/* ---------------------------------------------------------------------- the page */

static bool page_tcp(void)
{
	struct call *call = scene_begin(sizeof(*call));
	int capture = open_capture();
	struct caught caught;
	bool done;

	done = talk(call, "lo", capture, &caught);
	if (done && capture >= 0) {
		show(NARRATOR, T("captured on lo, 127.0.0.1:%u to 127.0.0.1:%u:",
				 "在 lo 上抓到，127.0.0.1:%u 发往 127.0.0.1:%u："),
		     call->from, call->port);
		show_dump(&caught);
		claim(caught.frames && caught.as_said,
		      "%s", T("The very words can be seen on lo, between their two ports.",
			      "原话就在 lo 上，看得一清二楚，正是它们那两个端口之间的。"));
		claim(caught.frames && caught.complete && !caught.elsewhere,
		      "%s", T("They were on no other interface: they turned round inside the machine and reached no network card.",
			      "别的网络接口上都没有：这些话在本机内部就折返了，没有到过网卡。"));
	}
	if (capture >= 0)
		close(capture);
	scene_end();
	return done;
}

/* What turned ipcbook0 on turns it off, also when a signal ends the story. */
static void capture_off(void)
{
	interface_flags(0);
}

/* False, which is told, if what sockets carry cannot be seen here. */
static bool capture_on(void)
{
	int flags = interface_flags(-1);

	if (flags < 0) {
		not_shown("%s", T("a capture: this network namespace has no ipcbook0.",
				  "抓包；这个网络命名空间里没有 ipcbook0。"));
		return false;
	}
	if (flags & IFF_UP)
		return true;
	if (interface_flags(1) < 0) {
		not_shown("%s", T("a capture on ipcbook0, which takes CAP_NET_ADMIN to turn on.",
				  "在 ipcbook0 上抓包；打开它需要 CAP_NET_ADMIN。"));
		return false;
	}
	scene_undo(capture_off);
	return true;
}

static void show_caught(const struct call *call, const struct caught *caught)
{
	show(NARRATOR, T("captured on ipcbook0, process %d to process %d, \"%s\":",
			 "在 ipcbook0 上抓到，进程 %d 发往进程 %d，“%s”："),
	     call->pids[THIN], call->pids[FAT], call->name);
	show_dump(caught);
	claim(caught->frames && caught->as_said,
	      "%s", T("The very words can be seen on ipcbook0, with who said them to whom.",
		      "原话在 ipcbook0 上同样看得见，还写明了是谁对谁说的。"));
	claim(caught->frames && caught->complete && !caught->elsewhere,
	      "%s", T("They were on no other interface, not even on lo.",
		      "别的网络接口上都没有，连 lo 上也没有。"));
}

static void page_ipcbook(void)
{
	struct call *call = scene_begin(sizeof(*call));
	struct caught caught;
	int capture = -1;

	strcpy(call->name, scene_name(IPCBOOK_SOCKET, "call"));
	if (capture_on())
		capture = open_capture();
	if (talk(call, IPCBOOK_CAPTURE_DEVICE, capture, &caught)) {
		show(FAT, T("asks its socket who is there: process %d",
			    "问套接字对面是谁：进程 %d"), call->peer);
		claim(call->peer == call->pids[THIN],
		      "%s", T("No port and no address, but a name; and the kernel vouches for the other one.",
			      "不用端口，不用地址，有名字就行；对方是谁，由内核作证。"));
		if (capture >= 0)
			show_caught(call, &caught);
	}
	if (capture >= 0)
		close(capture);
	scene_end();
	moral("%s", T("A socket is made for the world, and brings its stack along even where both are at home. Between kin there is something simpler: turn the page.",
		      "套接字是为走遍天下准备的，两人就在一台机器上，也得背着整套协议栈。自家人之间有更简单的办法：翻到下一页。"));
}

void page_socket(void)
{
	tell("%s", T("The fat one listens on a port of 127.0.0.1, the thin one connects. Meanwhile the narrator captures what passes on the network interfaces.",
		     "胖程序在 127.0.0.1 的一个端口上监听，瘦程序来连接。旁白则在各个网络接口上抓包。"));
	if (!page_tcp())
		return;
	step();
	tell("%s", T("The same over a socket of ipcbook's. What it carries turns round in the module; to be seen it is shown on ipcbook0.",
		     "同样的话，换成 ipcbook 的套接字再说一遍。数据在模块里折返；想看的话，ipcbook0 上可以看到。"));
	page_ipcbook();
}
