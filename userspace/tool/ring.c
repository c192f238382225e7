// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook ring: create, produce, consume, stat, rm.
 *
 * produce reads its input and makes records of it, a line each or blocks of one
 * size; consume writes their payloads out. Neither makes a system call for a
 * record: many are read, and written, at a time. On a terminal both show how far
 * they are, on standard error.
 *
 * A record is released only after it has been written out, so that one who is
 * stopped or fails loses none: the next consumer finds what was not written, and
 * of what was only the record that was cut short.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <ipcbook/ring.h>

#include "tool.h"

#define DEFAULT_SIZE	65536ULL
#define DEFAULT_BLOCK	4096U

/* Input is read in such pieces, where lines are wanted. */
#define PIECE		65536U

#define NSEC_PER_SEC	1000000000ULL
/* How often progress is shown. */
#define SHOW_NS		200000000ULL

/* A signal that asks to end: in order, between two records. */
static atomic_int ending;

/**
 * struct flow - what goes through
 * @options: the call
 * @ring: the tool's side of the ring
 * @records: how many
 * @bytes: their payloads
 * @began: when, in nanoseconds
 * @shown: when progress was shown last; 0 if it is not to be
 */
struct flow {
	const struct options *options;
	struct ipcbook_ring ring;
	__u64 records;
	__u64 bytes;
	uint64_t began;
	uint64_t shown;
};

static int failed_ring(const struct options *options, const char *doing,
		       int error, const char *needed)
{
	return failed(error, doing, IPCBOOK_RING, options->operands[0], needed);
}

static int open_ring(const struct options *options, int flags, int *fd)
{
	*fd = ipcbook_ring_open(options->operands[0], flags | O_CLOEXEC, 0,
				NULL);
	if (*fd >= 0)
		return STATUS_DONE;
	return failed_ring(options, "open", *fd, flags & O_RDWR ?
			   "read and write permission" : "read permission");
}

/* ------------------------------------------------------------------- create */

static __u32 flags_of(const struct options *options)
{
	return (options->given[OPTION_MANY] ? IPCBOOK_RING_MANY : 0) |
	       (options->given[OPTION_OVERWRITE] ? IPCBOOK_RING_OVERWRITE : 0);
}

/* Is the ring what was asked for? It may have been there before. */
static int compare_settings(const struct options *options,
			    const struct ipcbook_stat *stat)
{
	const char *name = options->operands[0];

	if (options->limits.size && options->limits.size != stat->max_bytes)
		complain("ring '%s' is there with other settings: size %llu, not %llu",
			 name, stat->max_bytes, options->limits.size);
	else if (flags_of(options) & ~stat->flags)
		complain("ring '%s' is there with other settings: %s", name,
			 options->given[OPTION_MANY] ? "one producer, not many" :
			 "nothing is overwritten");
	else if (options->given[OPTION_MODE] && options->mode != stat->mode)
		complain("ring '%s' is there with other settings: mode %04o, not %04o",
			 name, stat->mode, options->mode);
	else
		return STATUS_DONE;
	return STATUS_FAILED;
}

static int failed_create(const struct options *options, __u64 size, int error)
{
	long page = sysconf(_SC_PAGESIZE);

	if (error == -EINVAL && (size & (size - 1) || size < (__u64)page)) {
		complain("ring '%s' needs a power of two from %ld bytes: --size is %llu",
			 options->operands[0], page, size);
		return STATUS_FAILED;
	}
	return failed_ring(options, "create", error, "read permission");
}

int ring_create(const struct options *options)
{
	struct ipcbook_ring_limits limits = {
		.size = options->limits.size ? options->limits.size :
					       DEFAULT_SIZE,
		.flags = flags_of(options),
	};
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
	fd = ipcbook_ring_open(options->operands[0], flags, mode, &limits);
	if (fd < 0)
		return failed_create(options, limits.size, fd);
	status = read_stat(options, IPCBOOK_RING, fd, &stat);
	if (!status)
		status = compare_settings(options, &stat);
	if (!status && options->given[OPTION_JSON])
		print_stat_json(stdout, &stat);
	close(fd);
	return status;
}

/* ----------------------------------------------------------------- progress */

static void show(const struct flow *flow, uint64_t now)
{
	double seconds = (double)(now - flow->began) / NSEC_PER_SEC;

	fprintf(stderr, "\r%llu records, %.1f MiB, %.1f MiB/s \33[K",
		flow->records, flow->bytes / 1048576.0,
		seconds > 0 ? flow->bytes / 1048576.0 / seconds : 0);
}

static void show_progress(struct flow *flow)
{
	uint64_t now;

	if (!flow->shown)
		return;
	now = ipcbook_deadline(0);
	if (now - flow->shown < SHOW_NS)
		return;
	flow->shown = now;
	show(flow, now);
}

static void interrupted(int number)
{
	ending = number;
}

/* Becomes one side of the ring; a signal ends it in order from now on. */
static int begin(struct flow *flow, const struct options *options, int flags)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM };
	struct sigaction action = { .sa_handler = interrupted };
	int fd, error, status;

	memset(flow, 0, sizeof(*flow));
	flow->options = options;
	status = open_ring(options, flags, &fd);
	if (status)
		return status;
	error = ipcbook_ring_attach(&flow->ring, fd, 0);
	if (error == -EBUSY)
		complain("ring '%s' has a %s already", options->operands[0],
			 flags == O_RDWR ? "producer" : "consumer");
	else if (error)
		failed_ring(options, "map", error, NULL);
	if (error)
		return status_of(error);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	flow->began = ipcbook_deadline(0);
	if (isatty(STDERR_FILENO) && !options->given[OPTION_JSON])
		flow->shown = flow->began;
	return STATUS_DONE;
}

static int finish(struct flow *flow, int status)
{
	int fd = flow->ring.fd;

	ipcbook_ring_detach(&flow->ring);
	close(fd);
	if (flow->shown) {
		show(flow, ipcbook_deadline(0));
		fputc('\n', stderr);
	}
	if (flow->options->given[OPTION_JSON]) {
		fputs("{\"ring\":", stderr);
		print_json_string(stderr, flow->options->operands[0],
				  strlen(flow->options->operands[0]));
		fprintf(stderr, ",\"records\":%llu,\"bytes\":%llu}\n",
			flow->records, flow->bytes);
	}
	if (ending)
		stop_die(ending);
	return status;
}

/* Waits for a record, or for room; what is wrong then is said. */
static int await(struct flow *flow, uint32_t length, uint32_t flags)
{
	int error;

	show_progress(flow);
	if (ending)
		return -EINTR;
	if (flow->options->given[OPTION_NOWAIT])
		return -EAGAIN;
	error = ipcbook_ring_wait(&flow->ring, length, flags,
				  deadline_of(flow->options));
	return error == -EINTR && !ending ? 0 : error;
}

/* ------------------------------------------------------------------ produce */

/* Room for a record of up to so many bytes. */
static int reserve(struct flow *flow, uint32_t length, void **payload)
{
	int error;

	while ((error = ipcbook_ring_reserve(&flow->ring, length, payload)) ==
	       -EAGAIN) {
		error = await(flow, length, 0);
		if (error)
			break;
	}
	return error;
}

static int failed_produce(const struct options *options, int error)
{
	if (error == -EINTR)
		return STATUS_DONE;
	return failed_ring(options, "write to", error, NULL);
}

static int produce_record(struct flow *flow, const void *bytes, size_t length)
{
	void *payload;
	int error;

	if (length > ipcbook_ring_max(&flow->ring)) {
		complain("a line of %zu bytes is too long for ring '%s': %u bytes are the most",
			 length, flow->options->operands[0],
			 ipcbook_ring_max(&flow->ring));
		return STATUS_FAILED;
	}
	error = reserve(flow, length, &payload);
	if (error)
		return failed_produce(flow->options, error);
	memcpy(payload, bytes, length);
	ipcbook_ring_commit_deferred(&flow->ring);
	flow->records++;
	flow->bytes += length;
	return STATUS_DONE;
}

/*
 * Is what a read or a write has just failed with no reason to give up? Neither
 * is somebody else's O_NONBLOCK, see write_all().
 */
static bool goes_on(int fd, short events)
{
	struct pollfd file = { .fd = fd, .events = events };

	if (ending || (errno != EINTR && errno != EAGAIN))
		return false;
	if (errno == EAGAIN)
		poll(&file, 1, -1);
	return true;
}

static ssize_t read_some(int input, void *bytes, size_t length)
{
	ssize_t got;

	do {
		got = read(input, bytes, length);
	} while (got < 0 && goes_on(input, POLLIN));
	return got;
}

static int failed_input(const struct options *options)
{
	if (ending)
		return STATUS_DONE;
	complain("cannot read %s: %s",
		 options->file ? options->file : "standard input",
		 strerror(errno));
	return STATUS_FAILED;
}

/* Each line, without what ends it; at the end also one that nothing ends. */
static int produce_lines(struct flow *flow, int input)
{
	char end = flow->options->given[OPTION_NULL] ? '\0' : '\n', *stop;
	size_t room = 2 * PIECE + ipcbook_ring_max(&flow->ring);
	char *bytes = malloc(room), *line;
	size_t held = 0;
	int status = bytes ? STATUS_DONE : STATUS_FAILED;
	ssize_t got = 1;

	while (!status && got > 0 && !ending) {
		/* What is produced is not held back while there is no more. */
		ipcbook_ring_flush(&flow->ring);
		got = read_some(input, bytes + held, PIECE);
		if (got < 0) {
			status = failed_input(flow->options);
			break;
		}
		held += got;
		line = bytes;
		while (!status && (stop = memchr(line, end, bytes + held -
						 line))) {
			status = produce_record(flow, line, stop - line);
			line = stop + 1;
		}
		held -= line - bytes;
		memmove(bytes, line, held);
		show_progress(flow);
		if (held && (!got || held > ipcbook_ring_max(&flow->ring)) &&
		    !status) {
			status = produce_record(flow, bytes, held);
			held = 0;
		}
	}
	free(bytes);
	return status;
}

/* Up to a whole block, of which *held are there; what the last read answered. */
static ssize_t read_block(int input, void *bytes, uint32_t block,
			  uint32_t *held)
{
	ssize_t got = 1;

	*held = 0;
	while (*held < block) {
		got = read_some(input, (char *)bytes + *held, block - *held);
		if (got <= 0)
			break;
		*held += got;
	}
	return got;
}

/* Blocks of one size, read into the ring itself; the last may be shorter. */
static int read_in_place(struct flow *flow, int input, uint32_t block)
{
	uint32_t held;
	void *payload;
	ssize_t got = 1;
	int error;

	while (got > 0 && !ending) {
		error = reserve(flow, block, &payload);
		if (error)
			return failed_produce(flow->options, error);
		got = read_block(input, payload, block, &held);
		if (held == block) {
			ipcbook_ring_commit(&flow->ring);
			flow->records++;
			flow->bytes += held;
			show_progress(flow);
			continue;
		}
		/* It turned out to be shorter. */
		if (held) {
			char *rest = malloc(held);

			if (!rest)
				return failed_produce(flow->options, -ENOMEM);
			memcpy(rest, payload, held);
			ipcbook_ring_discard(&flow->ring);
			error = produce_record(flow, rest, held);
			free(rest);
			if (error)
				return error;
		} else {
			ipcbook_ring_discard(&flow->ring);
		}
		if (got < 0)
			return failed_input(flow->options);
	}
	return STATUS_DONE;
}

/*
 * The same where a record that is not filled is in others' way: those of the
 * other producers wait behind it, or the oldest have been displaced for it.
 */
static int read_apart(struct flow *flow, int input, uint32_t block)
{
	char *bytes = malloc(block);
	int status = STATUS_DONE;
	uint32_t held;
	ssize_t got = 1;

	if (!bytes)
		return failed_produce(flow->options, -ENOMEM);
	while (!status && got > 0 && !ending) {
		got = read_block(input, bytes, block, &held);
		if (held)
			status = produce_record(flow, bytes, held);
		ipcbook_ring_flush(&flow->ring);
		if (got < 0 && !status)
			status = failed_input(flow->options);
		show_progress(flow);
	}
	free(bytes);
	return status;
}

static int produce_blocks(struct flow *flow, int input, uint32_t block)
{
	return flow->ring.flags ? read_apart(flow, input, block) :
				  read_in_place(flow, input, block);
}

static int open_input(const char *file, int *fd)
{
	*fd = STDIN_FILENO;
	if (!file || strcmp(file, "-") == 0)
		return STATUS_DONE;
	*fd = open(file, O_RDONLY | O_CLOEXEC);
	if (*fd >= 0)
		return STATUS_DONE;
	complain("cannot read %s: %s", file, strerror(errno));
	return STATUS_FAILED;
}

int ring_produce(const struct options *options)
{
	__u64 block = options->limits.size;
	struct flow flow;
	int input, status;
	uint32_t most;

	status = open_input(options->file, &input);
	if (status)
		return status;
	status = begin(&flow, options, O_RDWR);
	if (status)
		return status;
	most = ipcbook_ring_max(&flow.ring);
	if (block > most) {
		complain("--size %llu is too much for ring '%s': %u bytes are the most",
			 block, options->operands[0], most);
		return finish(&flow, STATUS_FAILED);
	}
	if (!block)
		block = most < DEFAULT_BLOCK ? most : DEFAULT_BLOCK;
	status = options->given[OPTION_LINES] || options->given[OPTION_NULL] ?
		 produce_lines(&flow, input) :
		 produce_blocks(&flow, input, block);
	return finish(&flow, status);
}

/* ------------------------------------------------------------------ consume */

/* Records that are written out by one system call. */
#define BATCH	256

/**
 * struct batch - records that are read and not yet written out
 * @parts: payloads, and what ends each
 * @count: how many parts
 * @written: how many of them are written to their end
 * @records: how many records
 * @bytes: their payloads
 * @copy: where newest wins, one payload that stays
 */
struct batch {
	struct iovec parts[2 * BATCH];
	int count;
	int written;
	int records;
	size_t bytes;
	void *copy;
};

/* Writes all parts, unless a signal asks to end; 0 or a negative errno. */
static int write_parts(int fd, struct batch *batch)
{
	struct iovec *part = batch->parts;
	ssize_t done;

	while (batch->written < batch->count) {
		done = writev(fd, part, batch->count - batch->written);
		if (done < 0 && goes_on(fd, POLLOUT))
			continue;
		if (done < 0)
			return ending ? -EINTR : -errno;
		while (batch->written < batch->count &&
		       (size_t)done >= part->iov_len) {
			done -= part++->iov_len;
			batch->written++;
		}
		if (batch->written == batch->count)
			break;
		part->iov_base = (char *)part->iov_base + done;
		part->iov_len -= done;
		/* A signal ends a write that waits with what it has written. */
		if (ending)
			return -EINTR;
	}
	return 0;
}

static void add(struct batch *batch, const struct options *options,
		const void *payload, uint32_t length)
{
	static const char ends[] = "\n";
	bool zero = options->given[OPTION_NULL];

	batch->parts[batch->count++] = (struct iovec){ (void *)payload, length };
	if (zero || options->given[OPTION_LINES])
		batch->parts[batch->count++] = (struct iovec){
			(void *)&ends[zero], 1,
		};
	batch->records++;
	batch->bytes += length;
}

/* A record that can be read before the ones before it are given back. */
static bool another(const struct ipcbook_ring *ring)
{
	uint32_t word = __atomic_load_n(ipcbook_ring_word(ring, ring->position),
					__ATOMIC_ACQUIRE);

	return (word ^ IPCBOOK_RING_READY) < ring->bound;
}

/* What is there, without waiting. */
static int gather(struct flow *flow, struct batch *batch)
{
	struct ipcbook_ring *ring = &flow->ring;
	const void *payload;
	uint32_t length;
	int error;

	batch->count = 0;
	batch->written = 0;
	batch->records = 0;
	batch->bytes = 0;
	do {
		error = ipcbook_ring_peek(ring, &payload, &length);
		if (error)
			return error;
		if (ring->flags & IPCBOOK_RING_OVERWRITE)
			payload = memcpy(batch->copy, payload, length);
		error = ipcbook_ring_pass(ring);
		if (error)
			return error;
		add(batch, flow->options, payload, length);
	} while (batch->records < BATCH && another(ring) &&
		 (!flow->options->given[OPTION_COUNT] ||
		  flow->records + batch->records < flow->options->count));
	return 0;
}

static bool enough(const struct flow *flow)
{
	return ending || (flow->options->given[OPTION_COUNT] &&
			  flow->records >= flow->options->count);
}

/* Until there are no more, or as many as were asked for. */
static int consume_all(struct flow *flow, struct batch *batch, int output)
{
	uint32_t flags = flow->options->given[OPTION_FOLLOW] ?
			 0 : IPCBOOK_RING_HANGUP;
	int error;

	while (!enough(flow)) {
		error = gather(flow, batch);
		if (error == -EOVERFLOW)
			continue;
		if (error == -EAGAIN)
			error = await(flow, 0, flags);
		else if (!error)
			error = write_parts(output, batch);
		if (error)
			return error;
		ipcbook_ring_flush(&flow->ring);
		flow->records += batch->records;
		flow->bytes += batch->bytes;
		batch->records = 0;
		batch->bytes = 0;
		show_progress(flow);
	}
	return 0;
}

static int open_output(const char *file, int *fd)
{
	*fd = STDOUT_FILENO;
	if (!file || strcmp(file, "-") == 0)
		return STATUS_DONE;
	*fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (*fd >= 0)
		return STATUS_DONE;
	complain("cannot write %s: %s", file, strerror(errno));
	return STATUS_FAILED;
}

/* Of a batch that was not written to its end, what was written is released. */
static void release_written(struct flow *flow, const struct batch *batch)
{
	int records = batch->written / (batch->count / batch->records);
	struct ipcbook_ring *ring = &flow->ring;
	const void *payload;
	uint32_t length;

	/* Back to the last that was released. */
	ring->position = ring->published;
	ring->records -= batch->records;
	ring->bytes -= batch->bytes;
	ring->deferred = 0;
	for (; records; records--) {
		if (ipcbook_ring_peek(ring, &payload, &length) ||
		    ipcbook_ring_release_deferred(ring))
			break;
		flow->records++;
		flow->bytes += length;
	}
	ipcbook_ring_flush(ring);
}

/* How a consumer ended. What was taken and not written stays in the ring. */
static int failed_consume(struct flow *flow, const struct batch *batch,
			  int error)
{
	const struct options *options = flow->options;

	if (!batch->records)
		return !error || error == -EINTR || error == -EPIPE ?
		       STATUS_DONE :
		       failed_ring(options, "read from", error, NULL);
	release_written(flow, batch);
	if (error == -EINTR)
		return STATUS_DONE;
	complain("cannot write %s: %s",
		 options->output ? options->output : "standard output",
		 strerror(-error));
	return STATUS_FAILED;
}

int ring_consume(const struct options *options)
{
	struct batch batch = { .count = 0 };
	uint64_t lost;
	struct flow flow;
	int output = -1, status, error;

	status = begin(&flow, options, O_RDONLY);
	if (status)
		return status;
	batch.copy = malloc(ipcbook_ring_max(&flow.ring));
	status = batch.copy ? open_output(options->output, &output) :
			      failed_ring(options, "read from", -ENOMEM, NULL);
	if (!status) {
		lost = ipcbook_ring_lost(&flow.ring);
		error = consume_all(&flow, &batch, output);
		lost = ipcbook_ring_lost(&flow.ring) - lost;
		status = failed_consume(&flow, &batch, error);
		if (lost)
			complain("ring '%s': %llu records were written over before they were read",
				 options->operands[0],
				 (unsigned long long)lost);
	}
	free(batch.copy);
	return finish(&flow, status);
}

/* -------------------------------------------------------------- stat and rm */

int ring_stat(const struct options *options)
{
	int fd, status;

	status = open_ring(options, O_RDONLY, &fd);
	return status ? status : tell_stat(options, IPCBOOK_RING, fd);
}

int ring_rm(const struct options *options)
{
	return remove_all(options, IPCBOOK_RING);
}
