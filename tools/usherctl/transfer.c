// SPDX-License-Identifier: GPL-2.0-only
/*
 * usherctl read and usherctl write: between blocks and a file or pipe.
 *
 * The blocks are moved in chunks. Each chunk has a slot: memory, and a command
 * in flight. Slots are used in turn: @tail counts the chunks begun, @head those
 * finished, in their order, so that a pipe gets its bytes in order while many
 * commands are in flight. With --verify a chunk is read once more, into memory
 * of its own, and compared.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <usher.h>

#include "commands.h"
#include "grant.h"
#include "message.h"
#include "parse.h"
#include "progress.h"
#include "status.h"

/* Together at most 4 MiB, half of the smallest usual RLIMIT_MEMLOCK */
#define CHUNK_BYTES	(128 * 1024U)
#define MAX_DEPTH	32U

enum stage {
	STAGE_MOVE,	/* the command itself is in flight */
	STAGE_CHECK,	/* the second look is in flight */
	STAGE_DONE,
};

struct slot {
	enum stage stage;
	__u64 slba;
	__u32 blocks;
	__u32 bytes;		/* of the file; fewer than the blocks' at its end */
	char *data;
	char *check;		/* NULL without --verify */
};

struct transfer {
	/* what to do */
	bool writing;
	bool verify;
	bool quiet;
	const char *node;
	const char *path;	/* file, or NULL for standard input or output */
	const char *range_text;
	bool have_slba, have_count, have_bytes;
	__u64 slba;
	__u64 count;		/* blocks */
	__u64 bytes;		/* of the file; UINT64_MAX: to its end */
	struct range range;	/* where */

	/* with what */
	const char *name;	/* the grant, in messages */
	const char *file_name;
	int grant;
	int file;
	struct usher_grant_info info;
	struct usher_ring ring;
	__u32 buf;
	char *memory;
	size_t memory_bytes;
	size_t stride;		/* bytes from slot to slot in memory */
	__u32 chunk;		/* blocks */
	__u32 depth;		/* slots, a power of two */
	struct slot slots[MAX_DEPTH];

	/* how far */
	__u64 head, tail;	/* chunks finished and begun */
	__u64 next;		/* first block of the next chunk */
	__u64 left;		/* bytes of the file not begun */
	__u64 moved;		/* bytes of the file finished */
	__u32 padding;	/* zeros behind the end of the input */
	bool input_ended;
	bool stop;		/* begin no more chunks */
	int status;
	struct progress progress;
};

static struct slot *slot_of(struct transfer *t, __u64 chunk)
{
	return &t->slots[chunk & (t->depth - 1)];
}

static void stop(struct transfer *t, int status)
{
	t->stop = true;
	if (!t->status)
		t->status = status;
}

/*
 * Arguments
 */

static const struct option options[] = {
	{ "range",	required_argument, NULL, 'r' },
	{ "slba",	required_argument, NULL, 's' },
	{ "count",	required_argument, NULL, 'c' },
	{ "bytes",	required_argument, NULL, 'b' },
	{ "input",	required_argument, NULL, 'i' },
	{ "output",	required_argument, NULL, 'o' },
	{ "verify",	no_argument,	   NULL, 'v' },
	{ "quiet",	no_argument,	   NULL, 'q' },
	{ "help",	no_argument,	   NULL, 'h' },
	{ }
};

static void help(bool writing)
{
	printf("Usage: usherctl %s [OPTION]... [NODE]\n\n%s",
	       writing ? "write" : "read",
	       writing ?
	       "Write a file or standard input to blocks of NODE.\n" :
	       "Write blocks of NODE to a file or standard output.\n");
	printf("Without NODE, or with -, use the grant inherited in " USHER_GRANT_ENV ".\n\n"
	       "  --range FIRST-LAST   blocks, absolute in the namespace\n"
	       "  --range FIRST+COUNT  (default: all blocks of the grant)\n"
	       "  --slba FIRST         first block (default: the grant's first)\n"
	       "  --count BLOCKS       how many blocks (default: to the grant's end)\n"
	       "  --bytes SIZE         how many bytes; units K M G T, kB MB GB TB\n");
	if (writing)
		printf("  --input FILE         instead of standard input\n"
		       "  --verify             read each chunk back and compare\n");
	else
		printf("  --output FILE        instead of standard output\n"
		       "  --verify             read each chunk twice and compare\n");
	printf("  --quiet              no progress line, no summary\n\n");
	if (writing)
		printf("Where the input ends inside a block, the block is filled with zeros, and\n"
		       "that is said. With --range the input may be shorter, not longer. With\n"
		       "--count or --bytes just that much is taken; less is an error.\n");
	else
		printf("With --bytes the last block is cut to size.\n");
	printf("A block is the bytes that \"usherctl info\" calls \"block in memory\": its data,\n"
	       "and its metadata where the format transfers them together.\n");
}

static int parse_option(struct transfer *t, int option)
{
	const char *wrong = NULL;

	switch (option) {
	case 'r':
		t->range_text = optarg;
		wrong = parse_range(optarg, &t->range);
		break;
	case 's':
		t->have_slba = true;
		wrong = parse_number(optarg, &t->slba);
		break;
	case 'c':
		t->have_count = true;
		wrong = parse_number(optarg, &t->count);
		if (!wrong && !t->count)
			wrong = "is no count: one block at least";
		break;
	case 'b':
		t->have_bytes = true;
		wrong = parse_size(optarg, &t->bytes);
		if (!wrong && !t->bytes)
			wrong = "is no size: one byte at least";
		break;
	case 'i':
	case 'o':
		if (t->writing != (option == 'i'))
			return usage_error("--%s is for \"usherctl %s\"",
					   option == 'i' ? "input" : "output",
					   option == 'i' ? "write" : "read");
		t->path = optarg;
		break;
	case 'v':
		t->verify = true;
		break;
	case 'q':
		t->quiet = true;
		break;
	default:
		return usage_error("the arguments are not understood");
	}
	return wrong ? usage_error("\"%s\" %s", optarg, wrong) : 0;
}

static int parse_arguments(struct transfer *t, int argc, char **argv)
{
	int option, ret;

	while ((option = getopt_long(argc, argv, "r:s:c:b:i:o:vqh", options,
				     NULL)) != -1) {
		if (option == 'h') {
			help(t->writing);
			exit(0);
		}
		ret = parse_option(t, option);
		if (ret)
			return ret;
	}

	if (argc - optind > 1)
		return usage_error("one node at a time, not also \"%s\"",
				   argv[optind + 1]);
	t->node = argv[optind];
	if (t->range_text && (t->have_slba || t->have_count))
		return usage_error("--range excludes --slba and --count");
	if (t->have_count && t->have_bytes)
		return usage_error("--count excludes --bytes");
	return 0;
}

/* Blocks and bytes from the arguments and the grant */
static int settle_range(struct transfer *t)
{
	__u64 end = t->info.slba + t->info.nlb;
	__u32 lba_bytes = t->info.lba_bytes;
	__u64 most;

	if (!t->range_text) {
		t->range.slba = t->have_slba ? t->slba : t->info.slba;
		t->range.nlb = t->range.slba < end ? end - t->range.slba : 1;
		if (t->have_count)
			t->range.nlb = t->count;
		else if (t->have_bytes)
			t->range.nlb = (t->bytes - 1) / lba_bytes + 1;
	}

	if (t->range.slba < t->info.slba || t->range.slba >= end ||
	    t->range.nlb > end - t->range.slba) {
		fail("%s: %llu blocks from %llu on are outside the grant, which has %llu to %llu",
		     t->name, t->range.nlb, t->range.slba, t->info.slba,
		     end - 1);
		return -1;
	}

	most = t->range.nlb * lba_bytes;
	if (t->have_bytes && t->bytes > most) {
		fail("%s: %llu bytes do not fit into the %llu of the range",
		     t->name, t->bytes, most);
		return -1;
	}
	if (!t->have_bytes)
		t->bytes = t->writing && !t->have_count ? UINT64_MAX : most;
	return 0;
}

/*
 * Files
 */

static int open_file(struct transfer *t)
{
	t->file_name = t->path ? t->path : t->writing ? "standard input" :
		       "standard output";
	if (!t->path)
		t->file = t->writing ? STDIN_FILENO : STDOUT_FILENO;
	else if (t->writing)
		t->file = open(t->path, O_RDONLY | O_CLOEXEC);
	else
		t->file = open(t->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			       0666);

	if (t->file < 0) {
		fail("%s: %s", t->file_name, strerror(errno));
		return -1;
	}
	if (isatty(t->file)) {
		fail("%s is a terminal: redirect it, or name a file with --%s",
		     t->file_name, t->writing ? "input" : "output");
		return -1;
	}
	return 0;
}

/* Bytes that the input has, or 0 where that is not known */
static __u64 input_size(struct transfer *t)
{
	struct stat st;
	off_t at = lseek(t->file, 0, SEEK_CUR);

	if (fstat(t->file, &st) || !S_ISREG(st.st_mode) || at < 0 ||
	    st.st_size <= at)
		return 0;
	return st.st_size - at;
}

/* The input is known to fit, or to be large enough, before anything is written. */
static int check_input(struct transfer *t, __u64 *size)
{
	__u64 most = t->range.nlb * t->info.lba_bytes;

	*size = input_size(t);
	if (!*size)
		return 0;
	if (t->bytes == UINT64_MAX && *size > most) {
		fail("%s: %llu bytes do not fit into the %llu of blocks %llu to %llu",
		     t->file_name, *size, most, t->range.slba,
		     t->range.slba + t->range.nlb - 1);
		return -1;
	}
	if (t->bytes != UINT64_MAX && *size < t->bytes) {
		fail("%s: it has %llu bytes, not %llu; nothing was written",
		     t->file_name, *size, t->bytes);
		return -1;
	}
	if (*size > t->bytes)
		*size = t->bytes;
	return 0;
}

/* As many bytes as there are, up to @size; negative after a message */
static ssize_t read_fully(struct transfer *t, char *data, size_t size)
{
	size_t done = 0;
	ssize_t got;

	while (done < size) {
		got = read(t->file, data + done, size - done);
		if (!got)
			break;
		if (got < 0 && errno != EINTR) {
			fail("%s: %s", t->file_name, strerror(errno));
			return -1;
		}
		if (got > 0)
			done += got;
	}
	return (ssize_t)done;
}

static int write_fully(struct transfer *t, const char *data, size_t size)
{
	ssize_t put;

	while (size) {
		put = write(t->file, data, size);
		if (put < 0 && errno != EINTR) {
			fail("%s: %s", t->file_name, strerror(errno));
			return -1;
		}
		if (put > 0) {
			data += put;
			size -= put;
		}
	}
	return 0;
}

/*
 * Ring and memory
 */

static __u32 power_of_two_below(__u32 n)
{
	return n ? 1U << (31 - __builtin_clz(n)) : 1;
}

static __u32 smaller(__u32 a, __u32 b)
{
	return a < b ? a : b;
}

/* Register memory for all slots; for fewer, where limits allow no more. */
static int register_memory(struct transfer *t)
{
	__u32 flags = t->writing && !t->verify ? USHER_BUF_RDONLY : 0;
	int ret;

	for (;;) {
		t->memory_bytes = t->stride * t->depth * (t->verify ? 2 : 1);
		ret = usher_buf_register(t->grant, t->memory, t->memory_bytes,
					 flags, &t->buf);
		if (t->depth == 1 || (ret != -ENOMEM && ret != -EDQUOT))
			return ret;
		t->depth /= 2;
	}
}

static int set_up_memory(struct transfer *t)
{
	size_t size = t->stride * t->depth * (t->verify ? 2 : 1);
	__u32 i;
	int ret;

	t->memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t->memory == MAP_FAILED)
		return -errno;
	/* a huge page counts as a whole, however little of it is registered */
	madvise(t->memory, size, MADV_NOHUGEPAGE);

	ret = register_memory(t);
	if (ret < 0)
		return ret;
	for (i = 0; i < t->depth; i++) {
		t->slots[i].data = t->memory + i * t->stride;
		t->slots[i].check = t->verify ?
				    t->slots[i].data + t->depth * t->stride : NULL;
	}
	return 0;
}

static int set_up_ring(struct transfer *t)
{
	__u32 lba_bytes = t->info.lba_bytes;
	int ret;

	t->chunk = smaller(CHUNK_BYTES, t->info.max_transfer) / lba_bytes;
	if (!t->chunk) {
		fail("%s: a block of %u bytes is more than one command may move (%u)",
		     t->name, lba_bytes, t->info.max_transfer);
		return -1;
	}
	t->stride = ((size_t)t->chunk * lba_bytes + 4095) & ~(size_t)4095;

	t->depth = t->verify ? MAX_DEPTH / 2 : MAX_DEPTH;
	t->depth = smaller(t->depth, t->info.max_entries);
	t->depth = power_of_two_below(smaller(t->depth,
					      t->info.limits.ring_depth));
	/* a zone takes its blocks in order only */
	if (t->writing && t->info.zone_blocks)
		t->depth = 1;

	ret = usher_ring_init(&t->ring, t->grant, t->depth, 0);
	if (ret < 0) {
		fail_at(ACT_RING, ret, "%s: no ring", t->name);
		return ret;
	}

	ret = set_up_memory(t);
	if (ret < 0)
		fail_at(ACT_REGISTER, ret, "%s: %zu bytes of memory", t->name,
			t->memory_bytes);
	return ret;
}

/*
 * Chunks
 */

static void issue(struct transfer *t, struct slot *slot, bool write,
		  const char *to)
{
	struct usher_sqe *sqe = usher_ring_get_sqe(&t->ring);
	__u64 offset = to - t->memory;
	__u32 length = slot->blocks * t->info.lba_bytes;

	/* The ring has an entry for each slot, and a slot one command at a time. */
	if (write)
		usher_prep_write(sqe, slot->slba, slot->blocks, t->buf, offset,
				 length);
	else
		usher_prep_read(sqe, slot->slba, slot->blocks, t->buf, offset,
				length);
	usher_sqe_set_tag(sqe, (__u16)(slot - t->slots));
}

/* Blocks from @next on that one command may move */
static __u32 next_blocks(const struct transfer *t)
{
	__u64 blocks = t->range.slba + t->range.nlb - t->next;
	__u64 zone = t->info.zone_blocks;

	if (zone && blocks > zone - t->next % zone)
		blocks = zone - t->next % zone;
	return blocks < t->chunk ? (__u32)blocks : t->chunk;
}

/* Fill a slot from the input: bytes of the file in it, 0 at its end */
static ssize_t fill_slot(struct transfer *t, struct slot *slot)
{
	__u32 lba_bytes = t->info.lba_bytes, room = slot->blocks * lba_bytes;
	ssize_t got;

	if (t->left < room)
		room = (__u32)t->left;
	got = read_fully(t, slot->data, room);
	if (got < 0) {
		stop(t, STATUS_FAILED);
		return got;
	}
	t->input_ended = (size_t)got < room;
	slot->blocks = ((__u32)got + lba_bytes - 1) / lba_bytes;
	t->padding = slot->blocks * lba_bytes - (__u32)got;
	memset(slot->data + got, 0, t->padding);
	return got;
}

/* Begin one more chunk; false where there is none. */
static bool begin_chunk(struct transfer *t)
{
	struct slot *slot = slot_of(t, t->tail);
	__u32 room;

	if (t->stop || t->input_ended || !t->left ||
	    t->next == t->range.slba + t->range.nlb)
		return false;

	slot->stage = STAGE_MOVE;
	slot->slba = t->next;
	slot->blocks = next_blocks(t);
	room = slot->blocks * t->info.lba_bytes;
	slot->bytes = t->left < room ? (__u32)t->left : room;
	if (t->writing) {
		ssize_t got = fill_slot(t, slot);

		if (got <= 0)
			return false;
		slot->bytes = (__u32)got;
	} else {
		slot->blocks = (slot->bytes - 1) / t->info.lba_bytes + 1;
	}

	issue(t, slot, t->writing, slot->data);
	t->next += slot->blocks;
	t->left -= slot->bytes;
	t->tail++;
	return true;
}

static void command_failed(struct transfer *t, const struct slot *slot,
			   const struct usher_cqe *cqe)
{
	/* one message is enough: others in flight fail for the same reason */
	if (!t->status) {
		progress_end(&t->progress);
		fail_command(cqe, "%s: blocks %llu to %llu", t->name, slot->slba,
			     slot->slba + slot->blocks - 1);
	}
	stop(t, STATUS_FAILED);
}

static void check_slot(struct transfer *t, const struct slot *slot)
{
	__u32 lba_bytes = t->info.lba_bytes, block;

	for (block = 0; block < slot->blocks; block++) {
		size_t at = (size_t)block * lba_bytes;

		if (!memcmp(slot->data + at, slot->check + at, lba_bytes))
			continue;
		if (!t->status) {
			progress_end(&t->progress);
			fail("%s: block %llu reads differently from what was %s",
			     t->name, slot->slba + block,
			     t->writing ? "written" : "read before");
		}
		stop(t, STATUS_DIFFERS);
		return;
	}
}

static void advance_slot(struct transfer *t, struct slot *slot,
			 const struct usher_cqe *cqe)
{
	enum stage stage = slot->stage;

	slot->stage = STAGE_DONE;
	if (usher_cqe_status(cqe)) {
		command_failed(t, slot, cqe);
	} else if (stage == STAGE_MOVE && slot->check) {
		slot->stage = STAGE_CHECK;
		issue(t, slot, false, slot->check);
	} else if (stage == STAGE_CHECK) {
		check_slot(t, slot);
	}
}

static void reap(struct transfer *t)
{
	struct usher_cqe *cqe;

	while (!usher_ring_peek_cqe(&t->ring, &cqe)) {
		advance_slot(t, &t->slots[usher_cqe_tag(cqe)], cqe);
		usher_cqe_seen(&t->ring, cqe);
	}
}

/* Finish the oldest chunks, in order, as far as they are done. */
static void retire(struct transfer *t)
{
	while (t->head < t->tail && slot_of(t, t->head)->stage == STAGE_DONE) {
		struct slot *slot = slot_of(t, t->head++);

		/* after an error what comes behind it is not handed out */
		if (t->status)
			continue;
		if (!t->writing && write_fully(t, slot->data, slot->bytes)) {
			stop(t, STATUS_FAILED);
			continue;
		}
		t->moved += slot->bytes;
		progress_add(&t->progress, slot->bytes);
	}
}

static int wait_ring(struct transfer *t)
{
	int ret;

	do {
		ret = usher_ring_submit_and_wait(&t->ring, 1);
	} while (ret == -EINTR);

	if (ret < 0) {
		progress_end(&t->progress);
		fail_at(ACT_SUBMIT, ret, "%s", t->name);
	}
	return ret;
}

static int move_chunks(struct transfer *t)
{
	int ret;

	for (;;) {
		while (t->tail - t->head < t->depth && begin_chunk(t))
			;
		if (t->head == t->tail)
			return t->status;
		ret = wait_ring(t);
		if (ret < 0)
			return STATUS_FAILED;
		reap(t);
		retire(t);
	}
}

/* Where the range was filled, the input must be at its end. */
static int check_input_end(struct transfer *t)
{
	char byte;

	if (t->bytes != UINT64_MAX) {
		if (!t->left)
			return 0;
		return fail("%s: it ended after %llu of %llu bytes; they were written",
			    t->file_name, t->moved, t->bytes);
	}
	if (t->input_ended || read_fully(t, &byte, 1) <= 0)
		return 0;
	return fail("%s: longer than the %llu bytes of blocks %llu to %llu, which were written",
		    t->file_name, t->moved, t->range.slba,
		    t->range.slba + t->range.nlb - 1);
}

/* Make durable what was written. */
static int flush_cache(struct transfer *t)
{
	struct usher_cqe *cqe;
	__u16 status;

	if (!t->info.vwc)
		return 0;
	if (!(t->info.rights & USHER_RIGHT_FLUSH)) {
		note("%s: not flushed, for want of that right: the data may be in a volatile cache",
		     t->name);
		return 0;
	}

	usher_prep_flush(usher_ring_get_sqe(&t->ring));
	do {
		if (wait_ring(t) < 0)
			return STATUS_FAILED;
	} while (usher_ring_peek_cqe(&t->ring, &cqe));
	status = usher_cqe_status(cqe);
	usher_cqe_seen(&t->ring, cqe);
	return status ? fail("%s: flush: %s (status %03xh)", t->name,
			     usher_strstatus(status), status) : 0;
}

static void summary(const struct transfer *t)
{
	double seconds = progress_seconds(&t->progress);
	char size[16], rate[16];

	if (t->padding)
		note("the input ended inside block %llu: its last %u bytes were filled with zeros",
		     t->next - 1, t->padding);
	if (!t->moved)
		note("%s: it is empty, nothing was written", t->file_name);
	if (t->quiet || !t->moved)
		return;
	note("%llu bytes (%s), blocks %llu to %llu, in %.1f s, %s/s%s",
	     t->moved, format_size(t->moved, size), t->range.slba,
	     t->next - 1, seconds,
	     format_size((__u64)((double)t->moved / seconds), rate),
	     t->verify ? ", verified" : "");
}

static int run(struct transfer *t)
{
	__u64 total = t->bytes;
	int status;

	/* The input is opened before anything is taken, the output truncated last. */
	if (t->writing && (open_file(t) || check_input(t, &total)))
		return STATUS_FAILED;
	if (set_up_ring(t))
		return STATUS_FAILED;
	if (!t->writing && open_file(t))
		return STATUS_FAILED;

	t->next = t->range.slba;
	t->left = t->bytes;
	progress_begin(&t->progress, total, t->quiet);
	status = move_chunks(t);
	if (!status && t->writing)
		status = flush_cache(t);
	progress_end(&t->progress);
	if (!status && t->writing)
		status = check_input_end(t);
	if (!status)
		summary(t);
	if (!t->writing && t->path && close(t->file) && !status)
		status = fail("%s: %s", t->file_name, strerror(errno));
	return status;
}

static int get_grant(struct transfer *t)
{
	__u32 rights = 0;

	if (t->writing)
		rights |= USHER_RIGHT_WRITE;
	if (!t->writing || t->verify)
		rights |= USHER_RIGHT_READ;
	t->grant = open_blocks(t->node, rights, &t->name, &t->info);
	return t->grant < 0 ? -1 : 0;
}

static int transfer(bool writing, int argc, char **argv)
{
	struct transfer t = {
		.writing = writing,
	};
	int ret = parse_arguments(&t, argc, argv);

	if (ret)
		return ret;
	if (get_grant(&t) || settle_range(&t))
		return STATUS_FAILED;
	/* the process ends here: the kernel takes ring, memory and grant back */
	return run(&t);
}

int cmd_read(int argc, char **argv)
{
	return transfer(false, argc, argv);
}

int cmd_write(int argc, char **argv)
{
	return transfer(true, argc, argv);
}
