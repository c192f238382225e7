// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook capture, ipcbook capture stat: what the namespace's sockets carry.
 *
 * The interface is set up while the command runs, unless it is up already, and
 * set down again however it ends but by SIGKILL. Frames are read from a packet
 * socket and told a line each; with a command, that is run meanwhile instead:
 * tcpdump, tshark or anything that listens there.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "tool.h"

/* The signal that ends it; where it waits then; the command that runs meanwhile. */
static atomic_int stopped, waiting = -1, running;

/* A wait that begins just now ends at once as well. */
static void stop(int number)
{
	int saved = errno;

	stopped = number;
	if (waiting >= 0)
		fcntl(waiting, F_SETFL, O_NONBLOCK);
	if (running)
		kill(running, number);
	errno = saved;
}

static const int ending[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE,
};

/* One that is ignored stays so. */
static void watch_signals(void)
{
	struct sigaction action = { .sa_handler = stop }, before;

	for (size_t i = 0; i < sizeof(ending) / sizeof(*ending); i++)
		if (!sigaction(ending[i], NULL, &before) &&
		    before.sa_handler != SIG_IGN)
			sigaction(ending[i], &action, NULL);
}

/* What @doing to the interface failed with, and what to do about it. */
static int failed_capture(const char *doing)
{
	int error = errno;

	if (error == ENODEV)
		complain("cannot %s %s: this network namespace has none; is the module loaded?",
			 doing, IPCBOOK_CAPTURE_DEVICE);
	else if (error == EPERM || error == EACCES)
		complain("cannot %s %s: permission denied; it takes CAP_NET_RAW and CAP_NET_ADMIN",
			 doing, IPCBOOK_CAPTURE_DEVICE);
	else
		complain("cannot %s %s: %s", doing, IPCBOOK_CAPTURE_DEVICE,
			 strerror(error));
	return error == ENODEV ? STATUS_DEVICE : status_of(-error);
}

/*
 * Whether what has the interface's name is the module's: where another one had it
 * first, the namespace has no capture. Its address cannot be changed.
 */
static bool is_ours(int fd)
{
	static const char address[ETH_ALEN] = { 2 };
	struct ifreq request = { .ifr_name = IPCBOOK_CAPTURE_DEVICE };

	return !ioctl(fd, SIOCGIFHWADDR, &request) &&
	       request.ifr_hwaddr.sa_family == ARPHRD_ETHER &&
	       memcmp(request.ifr_hwaddr.sa_data, address, ETH_ALEN) == 0;
}

/* The flags of the interface: asked for, and set where @up is 0 or 1. */
int interface_flags(int up)
{
	struct ifreq request = { 0 };
	int fd, ret;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	strcpy(request.ifr_name, IPCBOOK_CAPTURE_DEVICE);
	ret = ioctl(fd, SIOCGIFFLAGS, &request);
	if (!ret && !is_ours(fd)) {
		errno = ENODEV;
		ret = -1;
	}
	if (!ret && up >= 0) {
		request.ifr_flags &= ~IFF_UP;
		request.ifr_flags |= up ? IFF_UP : 0;
		ret = ioctl(fd, SIOCSIFFLAGS, &request);
	}
	close(fd);
	return ret ? -1 : request.ifr_flags;
}

static int packet_socket(void)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(IPCBOOK_CAPTURE_DEVICE),
	};
	int fd, room = 16 << 20;

	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (!bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

/* ------------------------------------------------------------- telling frames */

static const char *event_name(unsigned int event)
{
	static const char *const names[] = {
		[IPCBOOK_CAPTURE_CONNECT] = "connect",
		[IPCBOOK_CAPTURE_ACCEPT] = "accept",
		[IPCBOOK_CAPTURE_DATA] = "data",
		[IPCBOOK_CAPTURE_SHUTDOWN] = "shutdown",
		[IPCBOOK_CAPTURE_CLOSE] = "close",
	};

	if (event < sizeof(names) / sizeof(*names) && names[event])
		return names[event];
	return "unknown";
}

static void tell_line(const struct ipcbook_capture *frame, const char *name,
		      __u64 now)
{
	print_time(stdout, now);
	printf(" %llu %s %s %u>%u ",
	       (unsigned long long)be64toh(frame->connection),
	       frame->flags & IPCBOOK_CAPTURE_ACCEPTED ? "<" : ">",
	       event_name(frame->event), ntohl(frame->sender),
	       ntohl(frame->receiver));
	print_escaped(stdout, name, true);
	if (frame->event == IPCBOOK_CAPTURE_DATA)
		printf(" %llu %u+%u/%u",
		       (unsigned long long)be64toh(frame->number),
		       ntohl(frame->offset), ntohl(frame->length),
		       ntohl(frame->total));
	else if (frame->detail)
		printf(" %u", frame->detail);
	putchar('\n');
}

static void tell_json(const struct ipcbook_capture *frame, const char *name,
		      __u64 now)
{
	const unsigned char *payload = (const unsigned char *)(frame + 1);

	printf("{\"time_ns\":%llu,\"connection\":%llu,\"event\":\"%s\",\"detail\":%u",
	       now, (unsigned long long)be64toh(frame->connection),
	       event_name(frame->event), frame->detail);
	printf(",\"records\":%s,\"accepted\":%s,\"sender\":%u,\"receiver\":%u,\"name\":",
	       frame->flags & IPCBOOK_CAPTURE_RECORDS ? "true" : "false",
	       frame->flags & IPCBOOK_CAPTURE_ACCEPTED ? "true" : "false",
	       ntohl(frame->sender), ntohl(frame->receiver));
	print_json_string(stdout, name, strlen(name));
	printf(",\"number\":%llu,\"position\":%llu",
	       (unsigned long long)be64toh(frame->number),
	       (unsigned long long)be64toh(frame->position));
	printf(",\"offset\":%u,\"length\":%u,\"total\":%u,\"base64\":",
	       ntohl(frame->offset), ntohl(frame->length), ntohl(frame->total));
	print_base64(stdout, payload, ntohl(frame->length));
	puts("}");
}

/* A frame of ours that is whole; others are passed over. */
static const struct ipcbook_capture *frame_of(const unsigned char *bytes,
					      size_t length)
{
	const struct ethhdr *ether = (const struct ethhdr *)bytes;
	const struct ipcbook_capture *frame;

	if (length < sizeof(*ether) + sizeof(*frame) ||
	    ether->h_proto != htons(IPCBOOK_CAPTURE_ETHERTYPE))
		return NULL;
	frame = (const struct ipcbook_capture *)(bytes + sizeof(*ether));
	if (frame->version != IPCBOOK_CAPTURE_VERSION ||
	    ntohl(frame->length) > length - sizeof(*ether) - sizeof(*frame))
		return NULL;
	return frame;
}

static int tell_frames(const struct options *options, int fd)
{
	static unsigned char bytes[65536];
	const struct ipcbook_capture *frame;
	char name[IPCBOOK_NAME_LEN + 1] = "";
	struct timespec now;
	__u64 count = 0;
	ssize_t n;

	waiting = fd;
	/* What could not be told is told of in main.c. */
	while (!stopped && !ferror(stdout) &&
	       (!options->given[OPTION_COUNT] || count < options->count)) {
		n = recv(fd, bytes, sizeof(bytes), 0);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return failed_capture("listen at");
		frame = n < 0 ? NULL : frame_of(bytes, n);
		if (!frame)
			continue;
		memcpy(name, frame->name, IPCBOOK_NAME_LEN);
		clock_gettime(CLOCK_REALTIME, &now);
		(options->given[OPTION_JSON] ? tell_json : tell_line)
			(frame, name,
			 now.tv_sec * 1000000000ULL + now.tv_nsec);
		fflush(stdout);
		count++;
	}
	return STATUS_DONE;
}

static int run_meanwhile(char **command)
{
	sigset_t set, before;
	siginfo_t info;
	int status;
	pid_t pid;

	/* A signal finds either no command, or the one to pass it on to. */
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ending) / sizeof(*ending); i++)
		sigaddset(&set, ending[i]);
	sigprocmask(SIG_BLOCK, &set, &before);
	if (stopped)
		return 128 + stopped;
	pid = fork();
	if (pid > 0)
		running = pid;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (!pid) {
		execvp(*command, command);
		complain("cannot run '%s': %s", *command, strerror(errno));
		_exit(127);
	}
	if (pid < 0) {
		complain("cannot run '%s': %s", *command, strerror(errno));
		return STATUS_FAILED;
	}
	/* Its number is its own until it is waited for. */
	while (waitid(P_PID, pid, &info, WEXITED | WNOWAIT) < 0)
		;
	running = 0;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	       128 + WTERMSIG(status);
}

int capture_run(const struct options *options)
{
	int fd, flags, status;

	flags = interface_flags(-1);
	if (flags < 0)
		return failed_capture("find");
	watch_signals();
	if (!(flags & IFF_UP) && interface_flags(1) < 0)
		return failed_capture("set up");
	if (options->operand_count) {
		status = run_meanwhile(options->operands);
	} else {
		fd = packet_socket();
		status = fd < 0 ? failed_capture("listen at") :
				  tell_frames(options, fd);
	}
	if (!(flags & IFF_UP))
		interface_flags(0);
	return status;
}

/* ------------------------------------------------------------------------ stat */

static unsigned long long read_counter(const char *counter)
{
	unsigned long long value = 0;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s",
		 IPCBOOK_CAPTURE_DEVICE, counter);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

/* What is told about those who listen. */
struct listeners {
	bool json;
	unsigned int index;
	unsigned int count;
};

/* One packet socket; of those on our interface, what it has lost. */
static int on_listener(struct nl_msg *message, void *arg)
{
	struct packet_diag_msg *diag = nlmsg_data(nlmsg_hdr(message));
	struct nlattr *info, *memory;
	struct listeners *listeners = arg;
	struct packet_diag_info *about;
	__u32 drops = 0;

	info = nlmsg_find_attr(nlmsg_hdr(message), sizeof(*diag),
			       PACKET_DIAG_INFO);
	if (!info)
		return NL_OK;
	about = nla_data(info);
	if (about->pdi_index != listeners->index)
		return NL_OK;
	memory = nlmsg_find_attr(nlmsg_hdr(message), sizeof(*diag),
				 PACKET_DIAG_MEMINFO);
	if (memory && nla_len(memory) > (int)(SK_MEMINFO_DROPS * sizeof(drops)))
		drops = ((__u32 *)nla_data(memory))[SK_MEMINFO_DROPS];
	if (listeners->json)
		printf("%s{\"inode\":%u,\"dropped\":%u}",
		       listeners->count ? "," : "", diag->pdiag_ino, drops);
	else
		printf("listener %u dropped %u\n", diag->pdiag_ino, drops);
	listeners->count++;
	return NL_OK;
}

static void tell_listeners(struct listeners *listeners)
{
	struct packet_diag_req request = {
		.sdiag_family = AF_PACKET,
		.pdiag_show = PACKET_SHOW_INFO | PACKET_SHOW_MEMINFO,
	};
	struct nl_sock *socket = nl_socket_alloc();

	if (!socket)
		return;
	nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, on_listener,
			    listeners);
	if (!nl_connect(socket, NETLINK_SOCK_DIAG) &&
	    nl_send_simple(socket, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request,
			   sizeof(request)) >= 0)
		nl_recvmsgs_default(socket);
	nl_socket_free(socket);
}

int capture_stat(const struct options *options)
{
	struct listeners listeners = {
		.json = options->given[OPTION_JSON],
		.index = if_nametoindex(IPCBOOK_CAPTURE_DEVICE),
	};
	int flags = interface_flags(-1);
	bool up = flags & IFF_UP;

	if (flags < 0)
		return failed_capture("find");
	if (listeners.json) {
		printf("{\"interface\":\"%s\",\"up\":%s",
		       IPCBOOK_CAPTURE_DEVICE, up ? "true" : "false");
		printf(",\"frames\":%llu,\"bytes\":%llu,\"dropped\":%llu",
		       read_counter("tx_packets"), read_counter("tx_bytes"),
		       read_counter("tx_dropped"));
	} else {
		printf("interface %s %s\nframes %llu\nbytes %llu\ndropped %llu\n",
		       IPCBOOK_CAPTURE_DEVICE, up ? "up" : "down",
		       read_counter("tx_packets"), read_counter("tx_bytes"),
		       read_counter("tx_dropped"));
	}
	if (listeners.json)
		fputs(",\"listeners\":[", stdout);
	tell_listeners(&listeners);
	if (listeners.json)
		puts("]}");
	return STATUS_DONE;
}
