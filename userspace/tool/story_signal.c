// SPDX-License-Identifier: GPL-2.0-only
/*
 * The story's page on signals.
 *
 * That a signal carries no data is tried out below the library, whose calls have
 * nowhere to put any: the request to send one is written by hand, once as it has
 * to be and once with words in an attribute of their own.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include <ipcbook/signal.h>

#include "story.h"

/* What is sent: one in order, one that falls together, one by hand. */
#define KNOCK		40
#define TAP		10
#define TAPS		3
#define BY_HAND		41

/**
 * struct knock - signals from the fat one to the thin one
 * @name: under which the thin one is registered
 * @fat: the fat one's process
 * @first: what arrived first
 * @second: what was fetched after all the rest had been sent
 * @seconds: how many
 * @plain: libnl's answer to the request by hand
 * @loaded: and to the same with words
 * @above: the library's answer to signal 65
 */
struct knock {
	char name[IPCBOOK_NAME_LEN];
	pid_t fat;
	struct ipcbook_signal_info first;
	struct ipcbook_signal_info second[4];
	int seconds;
	int plain;
	int loaded;
	int above;
};

enum { REGISTERED, HAD, SENT };

static int knock_thin(void *scene)
{
	const char *doing = T("receive a signal", "接收信号");
	uint64_t deadline = ipcbook_deadline(60000000000LL);
	struct ipcbook_signal *signal;
	struct knock *knock = scene;

	must(ipcbook_signal_open(&signal), T("open a handle", "打开句柄"));
	must(ipcbook_signal_register(signal, knock->name, NULL, 0, 0),
	     T("register", "注册"));
	cue(REGISTERED);
	must(ipcbook_signal_wait(signal, &knock->first, 1, deadline), doing);
	cue(HAD);
	must_be_cued(SENT);
	knock->seconds = must(ipcbook_signal_fetch(signal, knock->second, 4),
			      doing);
	ipcbook_signal_close(signal);
	return STATUS_DONE;
}

/* The request to send a signal, with words or without; what libnl answered. */
static int send_by_hand(const struct knock *knock, const char *words)
{
	struct nl_sock *socket = nl_socket_alloc();
	struct nl_msg *request = nlmsg_alloc();
	int answer = -NLE_NOMEM, family;

	if (!socket || !request)
		goto out;
	answer = genl_connect(socket);
	if (answer < 0)
		goto out;
	family = genl_ctrl_resolve(socket, IPCBOOK_GENL_NAME);
	answer = family;
	if (family < 0)
		goto out;
	genlmsg_put(request, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0,
		    NLM_F_REQUEST | NLM_F_ACK, IPCBOOK_CMD_SIGNAL_SEND,
		    IPCBOOK_GENL_VERSION);
	nla_put_string(request, IPCBOOK_A_NAME, knock->name);
	nla_put_u32(request, IPCBOOK_A_NUMBER, BY_HAND);
	if (words)
		nla_put_string(request, IPCBOOK_A_MAX + 1, words);
	answer = nl_send_sync(socket, request);
	/* It has freed the request. */
	request = NULL;
out:
	nlmsg_free(request);
	nl_socket_free(socket);
	return answer;
}

static int knock_fat(void *scene)
{
	const char *doing = T("send a signal", "发送信号");
	struct ipcbook_signal *signal;
	struct knock *knock = scene;

	knock->fat = getpid();
	must(ipcbook_signal_open(&signal), T("open a handle", "打开句柄"));
	must_be_cued(REGISTERED);
	must(ipcbook_signal_kill_name(signal, knock->name, KNOCK), doing);
	must_be_cued(HAD);
	knock->above = ipcbook_signal_kill_name(signal, knock->name,
						IPCBOOK_SIGNAL_MAX + 1);
	for (int i = 0; i < TAPS; i++)
		must(ipcbook_signal_kill_name(signal, knock->name, TAP), doing);
	knock->loaded = send_by_hand(knock, T("lunch is at noon", "中午开饭"));
	knock->plain = send_by_hand(knock, NULL);
	cue(SENT);
	ipcbook_signal_close(signal);
	return STATUS_DONE;
}

static void show_knock(const struct knock *knock)
{
	const struct ipcbook_signal_info *info = &knock->first;

	show(THIN, T("gets number %u from process %u of user %u; that is all of it",
		     "收到信号 %u，来自进程 %u，用户 %u；除此之外什么都没有"),
	     info->number, info->pid, info->uid);
	claim(info->number == KNOCK && (pid_t)info->pid == knock->fat &&
	      info->uid == geteuid(),
	      "%s", T("The number and the sender arrive.",
		      "信号的编号和发送者都到了。"));
	claim(knock->above == -EINVAL,
	      "%s", T("There are 64 numbers to say something by: 65 is refused.",
		      "能用的编号只有 64 个：第 65 号被拒绝。"));
	step();
	tell("%s", T("The fat one would like to say what about. It writes the request by hand, and adds a field with its words.",
		     "胖程序还想说说是什么事。它亲手写了一份发送请求，另加一个字段，把话放了进去。"));
}

/* What became of a request, of which libnl says this. */
static const char *became(int answer)
{
	return answer ? T("refused", "被拒绝") : T("accepted", "被接受");
}

static void show_attempt(const struct knock *knock)
{
	const struct ipcbook_signal_info *taps = &knock->second[0];
	const struct ipcbook_signal_info *hand = &knock->second[1];

	show(FAT, T("with the words the request is %s, without them it is %s",
		    "带上这句话，请求%s；去掉这句话，请求%s"),
	     became(knock->loaded), became(knock->plain));
	claim(knock->loaded == -NLE_INVAL && !knock->plain &&
	      knock->seconds == 2 && hand->number == BY_HAND &&
	      hand->count == 1,
	      T("A signal has no field for data: only the request without one arrived, as signal %u.",
		"信号没有放数据的字段：只有不带字段的请求到了，成为信号 %u。"),
	      hand->number);
	step();
	show(FAT, T("had also sent signal %d, %d times, while the thin one was not looking",
		    "还趁瘦程序没在看的时候，把信号 %d 发了 %d 次"), TAP, TAPS);
	show(THIN, T("gets number %u once, with the count %u",
		     "只收到一次信号 %u，计数为 %u"), taps->number, taps->count);
	claim(taps->number == TAP && taps->count == TAPS,
	      "%s", T("The lower numbers, up to 31, fall together; that they did is counted, and not lost.",
		      "31 号以内的信号会合并成一个；不过合并了几个都记着数，并不会悄悄丢掉。"));
	moral("%s", T("A signal tells that something happened, and never what. To talk, it takes a connection: turn the page.",
		      "信号只能说出了事，说不出是什么事。要说话，得先连上线：翻到下一页。"));
}

void page_signal(void)
{
	struct knock *knock = scene_begin(sizeof(*knock));
	struct actor fat, thin;

	tell(T("A signal is a knock at the door. The thin one registers under a name and waits; the fat one sends it signal %d.",
	       "信号好比敲门。瘦程序用一个名字注册，等着；胖程序给它发信号 %d。"),
	     KNOCK);
	snprintf(knock->name, sizeof(knock->name), "story-%d-thin", getpid());
	enter(&thin, THIN, knock_thin, knock);
	enter(&fat, FAT, knock_fat, knock);
	if (left_well(&fat) && left_well(&thin)) {
		show_knock(knock);
		show_attempt(knock);
	}
	scene_end();
}
