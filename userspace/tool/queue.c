// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook queue: create, send, recv, peek, stat, rm.
 *
 * Sending reads the whole of a message first and then sends it. Receiving puts
 * together everything that is to be written of a message and writes it at
 * once; a message that was taken and could not be written is reported as lost,
 * with an exit status of its own. How the waiting ends is in stop.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

/* The contract's default of --bytes. */
#define DEFAULT_BYTES 262144ULL

/* Why a queue cannot be opened, by how it was to be. */
static int failed_open(const struct options *options, int flags, int error)
{
	bool create = flags & O_CREAT;

	return failed(error, create ? "create" : "open", IPCBOOK_QUEUE,
		      options->operands[0],
		      (flags & O_ACCMODE) == O_WRONLY ? "write permission" :
							"read permission");
}

/* Open the queue that a command is about; with --create also a new one. */
static int open_queue(const struct options *options, int flags, int *fd)
{
	flags |= O_CLOEXEC;
	*fd = -ENOENT;
	if (options->given[OPTION_CREATE])
		flags |= O_CREAT;
	*fd = ipcbook_queue_open(options->operands[0], flags, 0666, NULL);
	if (*fd >= 0)
		return STATUS_DONE;
	/* Being there is enough; creating is not what is not allowed. */
	if (*fd == -EACCES)
		flags &= ~O_CREAT;
	return failed_open(options, flags, *fd);
}

/* ------------------------------------------------------------------- create */

/* One thing that was asked for and is otherwise. */
static int otherwise(const struct options *options, const char *what,
		     unsigned long long asked, unsigned long long there)
{
	complain("queue '%s' is there with other settings: %s %llu, not %llu",
		 options->operands[0], what, there, asked);
	return STATUS_FAILED;
}

/* Is the queue what was asked for? It may have been there before. */
static int compare_settings(const struct options *options,
			    const struct ipcbook_stat *stat)
{
	const struct ipcbook_queue_limits *asked = &options->limits;

	if (asked->messages && asked->messages != stat->max_depth)
		return otherwise(options, "messages", asked->messages,
				 stat->max_depth);
	if (asked->bytes && asked->bytes != stat->max_bytes)
		return otherwise(options, "bytes", asked->bytes,
				 stat->max_bytes);
	if (asked->size && asked->size != stat->max_size)
		return otherwise(options, "size", asked->size, stat->max_size);
	if (!options->given[OPTION_MODE] || options->mode == stat->mode)
		return STATUS_DONE;
	complain("queue '%s' is there with other settings: mode %04o, not %04o",
		 options->operands[0], stat->mode, options->mode);
	return STATUS_FAILED;
}

static int failed_create(const struct options *options, int flags, int error)
{
	const struct ipcbook_queue_limits *asked = &options->limits;
	__u64 bytes = asked->bytes ? asked->bytes : DEFAULT_BYTES;

	if (error != -EINVAL || asked->size <= bytes)
		return failed_open(options, flags, error);
	complain("a message of queue '%s' cannot be larger than the queue: --bytes is %llu",
		 options->operands[0], bytes);
	return STATUS_FAILED;
}

int queue_create(const struct options *options)
{
	int flags = O_RDONLY | O_CREAT | O_CLOEXEC;
	struct ipcbook_stat stat;
	mode_t mode = 0666;
	int fd, status;

	if (options->given[OPTION_EXCL])
		flags |= O_EXCL;
	if (options->given[OPTION_MODE]) {
		mode = options->mode;
		umask(0);
	}
	fd = ipcbook_queue_open(options->operands[0], flags, mode,
				&options->limits);
	if (fd < 0)
		return failed_create(options, flags, fd);
	status = read_stat(options, IPCBOOK_QUEUE, fd, &stat);
	if (!status)
		status = compare_settings(options, &stat);
	if (!status && options->given[OPTION_JSON])
		print_stat_json(stdout, &stat);
	close(fd);
	return status;
}

/* --------------------------------------------------------------------- send */

/**
 * struct sender - a command that sends
 * @options: its call
 * @fd: the queue
 * @size: the longest message that it takes
 * @sent: messages so far
 */
struct sender {
	const struct options *options;
	int fd;
	__u64 size;
	__u64 sent;
};

static int refuse(const struct sender *sender, const char *why)
{
	complain("cannot send to queue '%s': %s", sender->options->operands[0],
		 why);
	return STATUS_FAILED;
}

/* A failure in the midst of several messages tells how many went. */
static int send_failed(const struct sender *sender, int status)
{
	if (sender->sent)
		complain("messages sent before that: %llu", sender->sent);
	return status;
}

static int too_long(const struct sender *sender)
{
	complain("too long for queue '%s', which takes %llu bytes; see queue create --size",
		 sender->options->operands[0], sender->size);
	return STATUS_FAILED;
}

static int send_message(struct sender *sender, const void *payload,
			size_t length)
{
	const struct options *options = sender->options;
	long long type = options->type ? options->type : IPCBOOK_TYPE_MIN;
	int error;

	if (!length)
		return refuse(sender, "a message has at least one byte");
	if (length > sender->size)
		return too_long(sender);
	error = ipcbook_queue_send(sender->fd, type, payload, length,
				   options->given[OPTION_NOWAIT] ?
				   IPCBOOK_NOWAIT : 0, deadline_of(options));
	if (error)
		return failed(error, "send to", IPCBOOK_QUEUE,
			      options->operands[0], "write permission");
	sender->sent++;
	if (!options->given[OPTION_JSON])
		return STATUS_DONE;
	fputs("{\"queue\":", stdout);
	print_json_string(stdout, options->operands[0],
			  strlen(options->operands[0]));
	printf(",\"type\":%lld,\"length\":%zu}\n", type, length);
	return STATUS_DONE;
}

/* The words of a call, with a space between them, as echo has it. */
static int send_words(struct sender *sender)
{
	const struct options *options = sender->options;
	char *payload = NULL;
	size_t length = 0;
	int status;
	FILE *out;

	out = open_memstream(&payload, &length);
	if (!out)
		return refuse(sender, strerror(errno));
	for (int i = 1; i < options->operand_count; i++)
		fprintf(out, "%s%s", i > 1 ? " " : "", options->operands[i]);
	fclose(out);
	status = send_message(sender, payload, length);
	free(payload);
	return status;
}

static int unreadable(const struct sender *sender, int error)
{
	const char *file = sender->options->file;

	complain("cannot read %s: %s", file ? file : "standard input",
		 strerror(error));
	return send_failed(sender, STATUS_FAILED);
}

/* All of the input, as one message; no more is read than the queue takes. */
static int send_whole(struct sender *sender, FILE *input)
{
	size_t length = 0, room = 0, most = sender->size + 1;
	char *payload = NULL, *more;
	int status;

	do {
		room = room ? 2 * room : 65536;
		if (room > most)
			room = most;
		more = realloc(payload, room);
		if (!more)
			break;
		payload = more;
		length += fread(payload + length, 1, room - length, input);
	} while (length == room && room < most);
	if (!more || ferror(input))
		status = unreadable(sender, errno);
	else
		status = send_message(sender, payload, length);
	free(payload);
	return status;
}

/* Each part of the input as a message, without the byte that ends it. */
static int send_parts(struct sender *sender, FILE *input, int end)
{
	int status = STATUS_DONE;
	char *payload = NULL;
	ssize_t length;
	size_t room = 0;

	while (!status) {
		length = getdelim(&payload, &room, end, input);
		if (length < 0)
			break;
		if (payload[length - 1] == end)
			length--;
		if (!length)
			continue;
		status = send_message(sender, payload, length);
		if (status)
			send_failed(sender, status);
		else if (fflush(stdout))
			break;
	}
	if (!status && ferror(input))
		status = unreadable(sender, errno);
	free(payload);
	return status;
}

static int send_input(struct sender *sender, FILE *input)
{
	const struct options *options = sender->options;

	if (options->operand_count > 1)
		return send_words(sender);
	if (options->given[OPTION_NULL])
		return send_parts(sender, input, '\0');
	if (options->given[OPTION_LINES])
		return send_parts(sender, input, '\n');
	return send_whole(sender, input);
}

/* Where the payload comes from, if not from the call's words. */
static FILE *open_input(const char *file)
{
	FILE *input;

	if (!file || strcmp(file, "-") == 0)
		return stdin;
	input = fopen(file, "re");
	if (!input)
		complain("cannot read %s: %s", file, strerror(errno));
	return input;
}

static int check_payload(const struct options *options)
{
	static const int ways[] = { OPTION_FILE, OPTION_LINES, OPTION_NULL };

	if (options->operand_count < 2)
		return STATUS_DONE;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (options->given[ways[i]])
			return wrong_call(options->command,
					  "MESSAGE excludes --file, --lines and --null");
	return STATUS_DONE;
}

int queue_send(const struct options *options)
{
	struct sender sender = { .options = options };
	struct ipcbook_stat stat;
	FILE *input;
	int status;

	status = check_payload(options);
	if (status)
		return status;
	input = open_input(options->file);
	if (!input)
		return STATUS_FAILED;
	status = open_queue(options, O_WRONLY, &sender.fd);
	if (status)
		goto out;
	status = read_stat(options, IPCBOOK_QUEUE, sender.fd, &stat);
	sender.size = stat.max_size;
	if (!status)
		status = send_input(&sender, input);
	close(sender.fd);
out:
	if (input != stdin)
		fclose(input);
	return status;
}

/* ------------------------------------------------------------ recv and peek */

/**
 * struct receiver - a command that receives, or looks at messages
 * @options: its call
 * @fd: the queue
 * @output: where payloads go
 * @buffer: for one message
 * @room: its size
 * @length: bytes of the message that is in it
 * @info: where that came from
 * @stop: who watches for the end, of a command that waits
 */
struct receiver {
	const struct options *options;
	int fd;
	int output;
	char *buffer;
	size_t room;
	size_t length;
	struct ipcbook_queue_info info;
	struct stop *stop;
};

static void print_message_json(FILE *out, const struct receiver *receiver)
{
	const struct ipcbook_queue_info *info = &receiver->info;
	const char *name = receiver->options->operands[0];

	fputs("{\"queue\":", out);
	print_json_string(out, name, strlen(name));
	fprintf(out, ",\"number\":%llu,\"type\":%lld,\"length\":%llu,\"time\":",
		info->number, info->type, info->length);
	print_seconds(out, info->sent_ns);
	fprintf(out, ",\"pid\":%u,\"uid\":%u,\"gid\":%u,", info->pid,
		info->uid, info->gid);
	if (utf8_valid(receiver->buffer, receiver->length)) {
		fputs("\"text\":", out);
		print_json_string(out, receiver->buffer, receiver->length);
	} else {
		fputs("\"base64\":", out);
		print_base64(out, receiver->buffer, receiver->length);
	}
	putc('}', out);
}

static void print_info(FILE *out, const struct ipcbook_queue_info *info)
{
	fprintf(out, "number=%llu type=%lld length=%llu time=", info->number,
		info->type, info->length);
	print_time(out, info->sent_ns);
	fprintf(out, " pid=%u uid=%u gid=%u\n", info->pid, info->uid,
		info->gid);
}

/* A message as it was asked for, and what ends it. */
static void print_message(FILE *out, const struct receiver *receiver)
{
	const bool *given = receiver->options->given;
	bool ended = false;

	if (given[OPTION_JSON]) {
		print_message_json(out, receiver);
	} else {
		if (given[OPTION_INFO])
			print_info(out, &receiver->info);
		fwrite(receiver->buffer, 1, receiver->length, out);
		ended = receiver->length &&
			receiver->buffer[receiver->length - 1] == '\n';
	}
	if (given[OPTION_NULL])
		putc('\0', out);
	else if (!given[OPTION_RAW] && !ended)
		putc('\n', out);
}

/* Write the message in the buffer; 0 or a negative errno. */
static int write_message(const struct receiver *receiver)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out;
	int error;

	out = open_memstream(&text, &size);
	if (!out)
		return -errno;
	print_message(out, receiver);
	if (fclose(out))
		return -ENOMEM;
	error = write_all(receiver->output, text, size);
	free(text);
	return error;
}

static unsigned int receive_flags(const struct options *options)
{
	unsigned int flags = 0;

	if (options->given[OPTION_NOWAIT])
		flags |= IPCBOOK_NOWAIT;
	if (options->given[OPTION_TRUNCATE])
		flags |= IPCBOOK_TRUNCATE;
	return flags;
}

/* Take, or look at, one message into the buffer; 0 or a negative errno. */
static int fetch(struct receiver *receiver, enum ipcbook_select select,
		 int64_t type, unsigned int flags, uint64_t deadline)
{
	ssize_t length;

	length = ipcbook_queue_recv(receiver->fd, select, type,
				    receiver->buffer, receiver->room, flags,
				    deadline, &receiver->info);
	if (length < 0)
		return length;
	receiver->length = length;
	return 0;
}

static int failed_fetch(const struct receiver *receiver, int error)
{
	const struct options *options = receiver->options;

	if (error == -EMSGSIZE) {
		complain("queue '%s' keeps a message longer than %zu bytes; see --truncate",
			 options->operands[0], receiver->room);
		return STATUS_FAILED;
	}
	return failed(error == -EAGAIN ? -ENOMSG : error, "receive from",
		      IPCBOOK_QUEUE, options->operands[0], "read permission");
}

/* Where payloads go: standard output or a file, which is made for it. */
static int open_output(const struct options *options, int *output)
{
	const char *file = options->output;
	int flags;

	*output = STDOUT_FILENO;
	if (file && strcmp(file, "-") != 0)
		*output = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			       0666);
	flags = *output < 0 ? -1 : fcntl(*output, F_GETFL);
	if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY)
		return STATUS_DONE;
	complain("cannot write to %s: %s", file ? file : "standard output",
		 flags < 0 ? strerror(errno) : "it is not open for that");
	return STATUS_FAILED;
}

/* Room for one message: the queue's longest, or --size. */
static int make_room(struct receiver *receiver)
{
	const struct options *options = receiver->options;
	struct ipcbook_stat stat;
	int status;

	status = read_stat(options, IPCBOOK_QUEUE, receiver->fd, &stat);
	if (status)
		return status;
	receiver->room = stat.max_size;
	if (options->limits.size && options->limits.size < stat.max_size)
		receiver->room = options->limits.size;
	receiver->buffer = malloc(receiver->room);
	if (receiver->buffer)
		return STATUS_DONE;
	complain("there is no memory for a message of %zu bytes",
		 receiver->room);
	return STATUS_FAILED;
}

static int receiver_open(struct receiver *receiver)
{
	int status;

	status = open_output(receiver->options, &receiver->output);
	if (status)
		return status;
	status = open_queue(receiver->options, O_RDONLY, &receiver->fd);
	if (status)
		return status;
	return make_room(receiver);
}

static void receiver_close(struct receiver *receiver)
{
	free(receiver->buffer);
	if (receiver->fd >= 0)
		close(receiver->fd);
	if (receiver->output > STDOUT_FILENO)
		close(receiver->output);
}

/* The command was asked to stop, having written whatever it has taken. */
static int stopped(const struct receiver *receiver, int reason)
{
	if (receiver->options->given[OPTION_FOLLOW])
		return STATUS_DONE;
	if (reason > 0)
		stop_die(reason);
	complain("the output is closed; no message was taken for it");
	return STATUS_FAILED;
}

static int lost(const struct receiver *receiver, int error)
{
	const struct ipcbook_queue_info *info = &receiver->info;

	complain("message %llu, type %lld, %llu bytes, of queue '%s' is gone unwritten: %s",
		 info->number, info->type, info->length,
		 receiver->options->operands[0], strerror(-error));
	return STATUS_LOST;
}

/* Take one message and write it; the exit status, or -1 to go on. */
static int receive_one(struct receiver *receiver)
{
	const struct options *options = receiver->options;
	uint64_t deadline = deadline_of(options);
	int error, reason;

	do {
		reason = stop_asked(receiver->stop);
		if (reason)
			return stopped(receiver, reason);
		error = fetch(receiver, options->select, options->type,
			      receive_flags(options), deadline);
		reason = stop_asked(receiver->stop);
	} while (error == -EINTR && !reason);
	if ((error == -EINTR || error == -EAGAIN) && reason)
		return stopped(receiver, reason);
	if (error == -EIDRM && options->given[OPTION_FOLLOW])
		return STATUS_DONE;
	if (error)
		return failed_fetch(receiver, error);
	error = write_message(receiver);
	return error ? lost(receiver, error) : -1;
}

static int receive_all(struct receiver *receiver)
{
	const struct options *options = receiver->options;
	int status = -1;
	__u64 taken;

	receiver->stop = stop_watch(receiver->fd, receiver->output);
	if (!receiver->stop) {
		complain("cannot start to wait: %s", strerror(errno));
		return STATUS_FAILED;
	}
	for (taken = 0; status < 0 && (options->given[OPTION_FOLLOW] ||
				       taken < options->count); taken++)
		status = receive_one(receiver);
	stop_unwatch(receiver->stop);
	return status < 0 ? STATUS_DONE : status;
}

int queue_recv(const struct options *options)
{
	struct receiver receiver = { .options = options, .fd = -1 };
	int status;

	status = receiver_open(&receiver);
	if (!status)
		status = receive_all(&receiver);
	receiver_close(&receiver);
	return status;
}

static int show(const struct receiver *receiver)
{
	int error = write_message(receiver);

	if (!error)
		return STATUS_DONE;
	complain("cannot write: %s", strerror(-error));
	return STATUS_FAILED;
}

/* Does the message in the buffer have a type that was asked for? */
static bool selected(const struct receiver *receiver)
{
	const struct options *options = receiver->options;

	switch (options->select) {
	case IPCBOOK_EXACT:
		return receiver->info.type == options->type;
	case IPCBOOK_UPTO:
		return receiver->info.type <= options->type;
	case IPCBOOK_NOT:
		return receiver->info.type != options->type;
	default:
		return true;
	}
}

/* There may be more than the module lets us look at. */
static int peek_limit(const struct receiver *receiver)
{
	struct ipcbook_stat stat;
	int status;

	status = read_stat(receiver->options, IPCBOOK_QUEUE, receiver->fd,
			   &stat);
	if (status || stat.depth <= IPCBOOK_NTH_MAX + 1)
		return status;
	complain("queue '%s' holds %llu messages; only the oldest %lld can be looked at",
		 receiver->options->operands[0], stat.depth,
		 IPCBOOK_NTH_MAX + 1);
	return STATUS_FAILED;
}

/* All messages that the module lets us look at, one after the other. */
static int peek_all(struct receiver *receiver, unsigned int flags)
{
	int error = 0, status = STATUS_DONE;
	bool found = false;

	for (int64_t nth = 0; nth <= IPCBOOK_NTH_MAX && !status; nth++) {
		error = fetch(receiver, IPCBOOK_NTH, nth, flags, 0);
		if (error)
			break;
		if (!selected(receiver))
			continue;
		found = true;
		status = show(receiver);
	}
	if (status)
		return status;
	if (error == -ENOMSG && found)
		return STATUS_DONE;
	return error ? failed_fetch(receiver, error) : peek_limit(receiver);
}

static int peek(struct receiver *receiver)
{
	const struct options *options = receiver->options;
	unsigned int flags = receive_flags(options) | IPCBOOK_PEEK;
	int error;

	if (options->given[OPTION_ALL])
		return peek_all(receiver, flags);
	error = fetch(receiver, options->select, options->type, flags, 0);
	return error ? failed_fetch(receiver, error) : show(receiver);
}

int queue_peek(const struct options *options)
{
	struct receiver receiver = { .options = options, .fd = -1 };
	int status;

	status = receiver_open(&receiver);
	if (!status)
		status = peek(&receiver);
	receiver_close(&receiver);
	return status;
}

/* -------------------------------------------------------------- stat and rm */

int queue_stat(const struct options *options)
{
	int fd, status;

	status = open_queue(options, O_RDONLY, &fd);
	return status ? status : tell_stat(options, IPCBOOK_QUEUE, fd);
}

int queue_rm(const struct options *options)
{
	return remove_all(options, IPCBOOK_QUEUE);
}
