// SPDX-License-Identifier: GPL-2.0-only
/* A file whose pages do not come, see fuse.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuse.h"

#define MAX_READS	64
#define MAX_READ	(128 * 1024)

/**
 * struct server - what the server knows
 * @fuse: /dev/fuse
 * @asked: where it tells of reads
 * @answer: says when they may be answered
 * @bytes: size of the file
 * @answers: they may be
 * @reads: those not answered yet
 * @nr_reads: how many
 */
struct server {
	int fuse;
	int asked;
	int answer;
	size_t bytes;
	bool answers;
	struct {
		uint64_t unique;
		uint32_t size;
	} reads[MAX_READS];
	int nr_reads;
};

static void reply(struct server *s, uint64_t unique, int error, const void *data, size_t bytes)
{
	struct fuse_out_header out = {
		.len	= sizeof(out) + bytes,
		.error	= error,
		.unique	= unique,
	};
	struct iovec iov[] = {
		{ .iov_base = &out, .iov_len = sizeof(out) },
		{ .iov_base = (void *)data, .iov_len = bytes },
	};

	/* A request that was interrupted or aborted wants no answer: ENOENT. */
	if (writev(s->fuse, iov, 2) < 0 && errno != ENOENT && errno != ENODEV)
		_exit(1);
}

static void reply_init(struct server *s, uint64_t unique)
{
	struct fuse_init_out out = {
		.major		= FUSE_KERNEL_VERSION,
		.minor		= FUSE_KERNEL_MINOR_VERSION,
		/* Who waits for a page that is read ahead can be killed. */
		.max_readahead	= MAX_READ,
		.flags		= FUSE_ASYNC_READ,
		.max_write	= 4096,
	};

	reply(s, unique, 0, &out, sizeof(out));
}

static void reply_attributes(struct server *s, uint64_t unique)
{
	struct fuse_attr_out out = {
		.attr_valid	= 3600,
		.attr = {
			.ino	= 1,
			.size	= s->bytes,
			.mode	= S_IFREG | 0600,
			.nlink	= 1,
		},
	};

	reply(s, unique, 0, &out, sizeof(out));
}

static void reply_zeroes(struct server *s, uint64_t unique, uint32_t size)
{
	static const char zeroes[MAX_READ];

	reply(s, unique, 0, zeroes, size < MAX_READ ? size : MAX_READ);
}

static void keep_read(struct server *s, uint64_t unique, uint32_t size)
{
	if (s->answers) {
		reply_zeroes(s, unique, size);
		return;
	}
	if (s->nr_reads == MAX_READS)
		_exit(1);
	s->reads[s->nr_reads].unique = unique;
	s->reads[s->nr_reads++].size = size;
	if (write(s->asked, "r", 1) != 1)
		_exit(1);
}

static void answer_reads(struct server *s)
{
	s->answers = true;
	while (s->nr_reads) {
		s->nr_reads--;
		reply_zeroes(s, s->reads[s->nr_reads].unique, s->reads[s->nr_reads].size);
	}
}

static void handle(struct server *s, const struct fuse_in_header *in)
{
	const struct fuse_read_in *read_in = (const void *)(in + 1);
	struct fuse_open_out open_out = {};

	switch (in->opcode) {
	case FUSE_INIT:
		reply_init(s, in->unique);
		break;
	case FUSE_GETATTR:
		reply_attributes(s, in->unique);
		break;
	case FUSE_OPEN:
		reply(s, in->unique, 0, &open_out, sizeof(open_out));
		break;
	case FUSE_READ:
		keep_read(s, in->unique, read_in->size);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;		/* no answer is wanted */
	case FUSE_FLUSH:
	case FUSE_RELEASE:
		reply(s, in->unique, 0, NULL, 0);
		break;
	default:
		reply(s, in->unique, -EOPNOTSUPP, NULL, 0);
	}
}

/* Until the file system is unmounted */
static void serve(struct server *s)
{
	static char request[FUSE_MIN_READ_BUFFER + MAX_READ];
	struct pollfd fds[] = {
		{ .fd = s->fuse, .events = POLLIN },
		{ .fd = s->answer, .events = POLLIN },
	};

	while (poll(fds, 2, -1) > 0) {
		if (fds[1].revents) {
			answer_reads(s);
			fds[1].fd = -1;
		}
		if (!fds[0].revents)
			continue;
		if (read(s->fuse, request, sizeof(request)) < 0) {
			if (errno == ENODEV)
				_exit(0);
			continue;
		}
		handle(s, (const void *)request);
	}
	_exit(1);
}

static int mount_file(struct slow_file *file, int fuse)
{
	char options[96];
	int fd;

	*file = (struct slow_file) { .path = "/tmp/usher-slow-XXXXXX" };
	fd = mkstemp(file->path);
	if (fd < 0)
		return -errno;
	close(fd);
	snprintf(options, sizeof(options), "fd=%d,rootmode=100600,user_id=0,group_id=0", fuse);
	if (mount("usher-slow", file->path, "fuse", MS_NOSUID | MS_NODEV, options))
		return -errno;
	return 0;
}

/**
 * slow_file_begin - make a file of @bytes bytes
 * @file: filled in
 * @bytes: its size
 *
 * Return: 0 or a negative errno.
 */
int slow_file_begin(struct slow_file *file, size_t bytes)
{
	struct server server = { .bytes = bytes };
	int asked[2], answer[2], ret;

	if (access("/dev/fuse", F_OK) && system("modprobe fuse"))
		return -ENODEV;
	server.fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (server.fuse < 0)
		return -errno;
	if (pipe2(asked, O_CLOEXEC) || pipe2(answer, O_CLOEXEC))
		return -errno;
	ret = mount_file(file, server.fuse);
	if (ret)
		return ret;
	file->server = fork();
	if (!file->server) {
		/* Who is stuck in a fault must not keep it, and so itself, alive. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(asked[0]);
		close(answer[1]);
		server.asked = asked[1];
		server.answer = answer[0];
		serve(&server);
	}
	close(server.fuse);
	close(asked[1]);
	close(answer[0]);
	file->asked = asked[0];
	file->answer = answer[1];
	return file->server < 0 ? -errno : 0;
}

/* Private memory with the contents of the file, or MAP_FAILED */
void *slow_file_map(const struct slow_file *file, size_t bytes)
{
	int fd = open(file->path, O_RDWR | O_CLOEXEC);
	struct stat st;
	void *map;

	/* The kernel asks for the size only when somebody wants to know it. */
	if (fd < 0 || fstat(fd, &st))
		return MAP_FAILED;
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	return map;
}

/* From now on all reads are answered. */
void slow_file_answer(struct slow_file *file)
{
	if (write(file->answer, "a", 1) != 1)
		kill(file->server, SIGKILL);
}

/* Reads that are not answered fail. */
void slow_file_end(struct slow_file *file)
{
	kill(file->server, SIGKILL);
	waitpid(file->server, NULL, 0);
	umount2(file->path, MNT_DETACH);
	unlink(file->path);
	close(file->answer);
	close(file->asked);
}
