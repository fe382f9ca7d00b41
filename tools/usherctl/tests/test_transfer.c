// SPDX-License-Identifier: GPL-2.0-only
/*
 * usherctl read and usherctl write against a namespace in memory: order, ends,
 * errors, and what --verify sees.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands.h"
#include "message.h"
#include "status.h"
#include "fake_usher.h"
#include "tap.h"

static char folder[32];
static char in_path[64], out_path[64];
static unsigned char pattern[FAKE_BLOCKS * 520];

static void make_input(size_t bytes)
{
	int fd = open(in_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	EXPECT_EQ(write(fd, pattern, bytes), bytes);
	close(fd);
}

/* The output file holds the pattern from @from on, and nothing else. */
static bool output_is(size_t from, size_t bytes)
{
	static unsigned char data[sizeof(pattern) + 1];
	int fd = open(out_path, O_RDONLY);
	ssize_t got = read(fd, data, sizeof(data));

	close(fd);
	return got == (ssize_t)bytes && !memcmp(data, pattern + from, bytes);
}

static bool is_zero(const unsigned char *data, size_t bytes)
{
	while (bytes--)
		if (*data++)
			return false;
	return true;
}

/* Run with the words of @line as arguments; "IN" and "OUT" are the files. */
static int run(int (*command)(int argc, char **argv), const char *line)
{
	char *copy = strdup(line), *argv[16], *word;
	int argc = 0, status;

	for (word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
		if (!strcmp(word, "IN"))
			word = in_path;
		else if (!strcmp(word, "OUT"))
			word = out_path;
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	optind = 0;	/* begin anew */
	status = command(argc, argv);
	free(copy);
	return status;
}

/* Until the process waits for something */
static void await_sleep(pid_t process)
{
	char path[32], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", process);
	while (state != 'S') {
		file = fopen(path, "re");
		if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = 'S';
		if (file)
			fclose(file);
	}
}

/*
 * As run(), with @bytes of the pattern from a pipe for standard input; @flags are those
 * of its end here. The other end waits until this one has found the pipe empty.
 */
static int run_piped_flags(size_t bytes, const char *line, int flags)
{
	int ends[2], saved = dup(STDIN_FILENO), status;
	pid_t child;

	EXPECT(!pipe(ends));
	child = fork();
	if (!child) {
		close(ends[0]);
		signal(SIGPIPE, SIG_DFL);
		if (flags & O_NONBLOCK)
			await_sleep(getppid());
		_exit(write(ends[1], pattern, bytes) != (ssize_t)bytes);
	}
	EXPECT(!fcntl(ends[0], F_SETFL, flags));
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	status = run(cmd_write, line);
	dup2(saved, STDIN_FILENO);
	close(saved);
	waitpid(child, NULL, 0);
	return status;
}

static int run_piped(size_t bytes, const char *line)
{
	return run_piped_flags(bytes, line, 0);
}

static void write_all_and_read_back(void)
{
	size_t bytes = FAKE_BLOCKS * 512;

	fake_reset(512);
	fake.backwards = true;
	make_input(bytes);
	EXPECT_EQ(run(cmd_write, "write --quiet --input IN usher0n1"), 0);
	EXPECT(!memcmp(fake.disk, pattern, bytes));
	EXPECT_EQ(fake.flushes, 1);
	EXPECT(fake.depth_seen >= 8);

	fake.depth_seen = 0;
	EXPECT_EQ(run(cmd_read, "read --quiet --output OUT usher0n1"), 0);
	EXPECT(output_is(0, bytes));
	EXPECT(fake.depth_seen >= 8);
}

static void only_the_range(void)
{
	fake_reset(512);
	make_input(300 * 512);
	EXPECT_EQ(run(cmd_write, "write --quiet --input IN --range 1000-1299 usher0n1"),
		  0);
	EXPECT(is_zero(fake.disk, 1000 * 512));
	EXPECT(!memcmp(fake.disk + 1000 * 512, pattern, 300 * 512));
	EXPECT(is_zero(fake.disk + 1300 * 512, (FAKE_BLOCKS - 1300) * 512));

	EXPECT_EQ(run(cmd_read, "read --quiet --output OUT --range 1010+5 usher0n1"),
		  0);
	EXPECT(output_is(10 * 512, 5 * 512));
	EXPECT_EQ(run(cmd_read, "read --quiet --output OUT --slba 1010 --count 7 usher0n1"),
		  0);
	EXPECT(output_is(10 * 512, 7 * 512));
}

static void partial_block(void)
{
	fake_reset(512);
	memset(fake.disk, 0xff, FAKE_BLOCKS * 512);
	make_input(70000);
	EXPECT_EQ(run(cmd_write, "write --quiet --input IN usher0n1"), 0);
	EXPECT(!memcmp(fake.disk, pattern, 70000));
	EXPECT(is_zero(fake.disk + 70000, 137 * 512 - 70000));
	EXPECT_EQ(fake.disk[137 * 512], 0xff);

	EXPECT_EQ(run(cmd_read, "read --quiet --output OUT --bytes 70000 usher0n1"),
		  0);
	EXPECT(output_is(0, 70000));

	/* in memory that held other blocks before */
	memset(fake.disk, 0xff, FAKE_BLOCKS * 512);
	fake.pinned_max = 300 * 1024;
	make_input(5 * 131072 - 600);
	EXPECT_EQ(run(cmd_write, "write --quiet --input IN usher0n1"), 0);
	EXPECT(!memcmp(fake.disk, pattern, 5 * 131072 - 600));
	EXPECT(is_zero(fake.disk + 5 * 131072 - 600, 88));
}

static void from_a_pipe(void)
{
	fake_reset(512);
	EXPECT_EQ(run_piped(200001, "write --quiet usher0n1"), 0);
	EXPECT(!memcmp(fake.disk, pattern, 200001));

	fake_reset(512);
	EXPECT_EQ(run_piped(0, "write --quiet usher0n1"), 0);
	EXPECT_EQ(fake.writes, 0);
}

/* A parent may have set O_NONBLOCK for purposes of its own. */
static void from_a_pipe_that_does_not_wait(void)
{
	fake_reset(512);
	EXPECT_EQ(run_piped_flags(1000000, "write --quiet usher0n1", O_NONBLOCK), 0);
	EXPECT(!memcmp(fake.disk, pattern, 1000000));
}

/* Copy from a pipe to the output file, from when it is full on. */
static int copy_when_full(int pipe_end)
{
	int fd = open(out_path, O_WRONLY | O_CREAT | O_TRUNC, 0600), waiting = 0;
	char data[4096];
	ssize_t got;

	while (waiting < 65536 - 4096)
		if (ioctl(pipe_end, FIONREAD, &waiting))
			return 1;
	while ((got = read(pipe_end, data, sizeof(data))) > 0)
		if (write(fd, data, got) != got)
			return 1;
	return got < 0;
}

static void to_a_pipe_that_does_not_wait(void)
{
	int ends[2], saved = dup(STDOUT_FILENO), status;
	pid_t child;

	fake_reset(512);
	memcpy(fake.disk, pattern, FAKE_BLOCKS * 512);
	EXPECT(!pipe(ends));
	fflush(stdout);
	child = fork();
	if (!child) {
		close(ends[1]);
		_exit(copy_when_full(ends[0]));
	}
	close(ends[0]);
	EXPECT(!fcntl(ends[1], F_SETFL, O_NONBLOCK));
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	status = run(cmd_read, "read --quiet --bytes 1000000 usher0n1");
	dup2(saved, STDOUT_FILENO);
	close(saved);
	EXPECT_EQ(status, 0);
	waitpid(child, &status, 0);
	EXPECT_EQ(status, 0);
	EXPECT(output_is(0, 1000000));
}

static void too_long(void)
{
	fake_reset(512);
	make_input(10 * 512 + 1);
	EXPECT_EQ(run(cmd_write, "write --quiet --input IN --range 0+10 usher0n1"),
		  STATUS_FAILED);
	EXPECT_EQ(fake.writes, 0);

	/* of a pipe it is known only in the end */
	EXPECT_EQ(run_piped(10 * 512 + 1, "write --quiet --range 0+10 usher0n1"),
		  STATUS_FAILED);
	EXPECT(!memcmp(fake.disk, pattern, 10 * 512));
	EXPECT(is_zero(fake.disk + 10 * 512, 512));

	EXPECT_EQ(run_piped(10 * 512, "write --quiet --range 0+10 usher0n1"), 0);
}

static void too_short(void)
{
	fake_reset(512);
	make_input(9 * 512);
	EXPECT_EQ(run(cmd_write, "write --quiet --input IN --count 10 usher0n1"),
		  STATUS_FAILED);
	EXPECT_EQ(run(cmd_write, "write --quiet --input IN --bytes 5K usher0n1"),
		  STATUS_FAILED);
	EXPECT_EQ(fake.writes, 0);
	EXPECT_EQ(run_piped(9 * 512, "write --quiet --count 10 usher0n1"),
		  STATUS_FAILED);
	EXPECT(!memcmp(fake.disk, pattern, 9 * 512));
}

static void just_that_much(void)
{
	fake_reset(512);
	make_input(100 * 512);
	EXPECT_EQ(run(cmd_write, "write --quiet --input IN --count 3 usher0n1"),
		  0);
	EXPECT(!memcmp(fake.disk, pattern, 3 * 512));
	EXPECT(is_zero(fake.disk + 3 * 512, 512));
	EXPECT_EQ(run(cmd_write, "write --quiet --input IN --slba 10 --bytes 600 usher0n1"),
		  0);
	EXPECT(!memcmp(fake.disk + 10 * 512, pattern, 600));
	EXPECT(is_zero(fake.disk + 10 * 512 + 600, 1024 - 600));
}

static void outside_the_grant(void)
{
	static const char * const lines[] = {
		"read --quiet --output OUT --range 99-100 usher0n1",
		"read --quiet --output OUT --range 199-200 usher0n1",
		"read --quiet --output OUT --range 200+1 usher0n1",
		"read --quiet --output OUT --range 0-18446744073709551614 usher0n1",
		"read --quiet --output OUT --range 100-18446744073709551615 usher0n1",
		"read --quiet --output OUT --slba 200 usher0n1",
		"read --quiet --output OUT --slba 100 --count 101 usher0n1",
		"read --quiet --output OUT --bytes 16E usher0n1",
		"read --quiet --output OUT --bytes 51201 usher0n1",
		"read --quiet --output OUT --range 100+1 --bytes 513 usher0n1",
	};
	unsigned int i;

	fake_reset(512);
	fake.info.slba = 100;
	fake.info.nlb = 100;
	for (i = 0; i < ARRAY_SIZE(lines); i++)
		EXPECT(run(cmd_read, lines[i]));
	EXPECT_EQ(fake.enters, 0);
	EXPECT_EQ(run(cmd_read, "read --quiet --output OUT usher0n1"), 0);
	EXPECT(!output_is(0, 100 * 512));	/* zeros, not the pattern */
}

static void missing_right(void)
{
	fake_reset(512);
	make_input(512);
	fake.info.rights = USHER_RIGHT_READ;
	EXPECT_EQ(run(cmd_write, "write --quiet --input IN usher0n1"),
		  STATUS_FAILED);
	fake.info.rights = USHER_RIGHT_WRITE;
	EXPECT_EQ(run(cmd_write, "write --quiet --verify --input IN usher0n1"),
		  STATUS_FAILED);
	EXPECT_EQ(run(cmd_read, "read --quiet --output OUT usher0n1"),
		  STATUS_FAILED);
	EXPECT_EQ(fake.enters, 0);

	EXPECT_EQ(run(cmd_write, "write --quiet --input IN usher0n1"), 0);
	EXPECT_EQ(fake.flushes, 0);	/* for want of the right */
}

static void failing_block(void)
{
	fake_reset(512);
	memcpy(fake.disk, pattern, FAKE_BLOCKS * 512);
	fake.backwards = true;
	fake.fail_lba = 600;
	fake.fail_status = 0x281;
	EXPECT_EQ(run(cmd_read, "read --quiet --output OUT usher0n1"),
		  STATUS_FAILED);
	/* what came before the failing chunk, in order, or less */
	EXPECT(output_is(0, 512 * 512) || output_is(0, 256 * 512) ||
	       output_is(0, 0));

	make_input(1000 * 512);
	EXPECT_EQ(run(cmd_write, "write --quiet --input IN usher0n1"),
		  STATUS_FAILED);
	EXPECT_EQ(fake.flushes, 0);
}

static void verify_agrees(void)
{
	fake_reset(512);
	fake.backwards = true;
	make_input(1000 * 512);
	EXPECT_EQ(run(cmd_write, "write --quiet --verify --input IN usher0n1"),
		  0);
	EXPECT(!memcmp(fake.disk, pattern, 1000 * 512));
	EXPECT_EQ(run(cmd_read, "read --quiet --verify --count 1000 --output OUT usher0n1"),
		  0);
	EXPECT(output_is(0, 1000 * 512));
}

static void verify_sees_a_difference(void)
{
	fake_reset(512);
	make_input(1000 * 512);
	fake.corrupt = true;
	fake.corrupt_lba = 777;
	fake.reads = 1;		/* the first read is wrong already */
	EXPECT_EQ(run(cmd_write, "write --quiet --verify --input IN usher0n1"),
		  STATUS_DIFFERS);

	fake.reads = 0;
	EXPECT_EQ(run(cmd_read, "read --quiet --verify --output OUT usher0n1"),
		  STATUS_DIFFERS);
	fake.reads = 0;
	EXPECT_EQ(run(cmd_read, "read --quiet --output OUT usher0n1"), 0);
}

static void device_goes(void)
{
	fake_reset(512);
	fake.enter_after = 3;
	fake.enter_error = -ENODEV;
	EXPECT_EQ(run(cmd_read, "read --quiet --output OUT usher0n1"),
		  STATUS_FAILED);
}

static void little_memory(void)
{
	fake_reset(512);
	make_input(2000 * 512);
	fake.pinned_max = 300 * 1024;
	EXPECT_EQ(run(cmd_write, "write --quiet --input IN usher0n1"), 0);
	EXPECT(!memcmp(fake.disk, pattern, 2000 * 512));
	EXPECT_EQ(fake.depth_seen, 2);
	EXPECT_EQ(run(cmd_write, "write --quiet --verify --input IN usher0n1"),
		  0);

	/* less than one chunk of the usual size */
	fake.pinned_max = 64 * 1024;
	memset(fake.disk, 0, FAKE_BLOCKS * 512);
	EXPECT_EQ(run(cmd_write, "write --quiet --input IN usher0n1"), 0);
	EXPECT(!memcmp(fake.disk, pattern, 2000 * 512));
	EXPECT_EQ(run(cmd_read, "read --quiet --count 2000 --output OUT usher0n1"), 0);
	EXPECT(output_is(0, 2000 * 512));
	fake.pinned_max = 1024;
	memset(fake.disk, 0, FAKE_BLOCKS * 512);
	EXPECT_EQ(run(cmd_write, "write --quiet --verify --input IN usher0n1"),
		  0);
	EXPECT(!memcmp(fake.disk, pattern, 2000 * 512));

	fake.pinned_max = 511;
	EXPECT_EQ(run(cmd_write, "write --quiet --input IN usher0n1"),
		  STATUS_FAILED);
}

static void shallow_ring(void)
{
	fake_reset(512);
	make_input(2000 * 512);
	fake.info.limits.ring_depth = 3;
	EXPECT_EQ(run(cmd_write, "write --quiet --input IN usher0n1"), 0);
	EXPECT_EQ(fake.depth_seen, 2);
}

static void odd_blocks(void)
{
	fake_reset(520);
	fake.info.max_transfer = 8192;
	make_input(1001 * 520 + 100);
	EXPECT_EQ(run(cmd_write, "write --quiet --verify --input IN usher0n1"),
		  0);
	EXPECT(!memcmp(fake.disk, pattern, 1001 * 520 + 100));
	EXPECT_EQ(run(cmd_read, "read --quiet --output OUT --count 1001 usher0n1"),
		  0);
	EXPECT(output_is(0, 1001 * 520));

	fake.info.max_transfer = 512;
	EXPECT_EQ(run(cmd_read, "read --quiet --output OUT usher0n1"),
		  STATUS_FAILED);
}

static void zones(void)
{
	fake_reset(512);
	fake.info.zone_blocks = 100;
	make_input(1000 * 512);
	EXPECT_EQ(run(cmd_write, "write --quiet --input IN --slba 50 usher0n1"),
		  0);
	EXPECT(!memcmp(fake.disk + 50 * 512, pattern, 1000 * 512));
	EXPECT_EQ(fake.depth_seen, 1);
	EXPECT_EQ(run(cmd_read, "read --quiet --output OUT --range 50+1000 usher0n1"),
		  0);
	EXPECT(output_is(0, 1000 * 512));
}

static const struct tap_test tests[] = {
	TAP_TEST(write_all_and_read_back),
	TAP_TEST(only_the_range),
	TAP_TEST(partial_block),
	TAP_TEST(from_a_pipe),
	TAP_TEST(from_a_pipe_that_does_not_wait),
	TAP_TEST(to_a_pipe_that_does_not_wait),
	TAP_TEST(too_long),
	TAP_TEST(too_short),
	TAP_TEST(just_that_much),
	TAP_TEST(outside_the_grant),
	TAP_TEST(missing_right),
	TAP_TEST(failing_block),
	TAP_TEST(verify_agrees),
	TAP_TEST(verify_sees_a_difference),
	TAP_TEST(device_goes),
	TAP_TEST(little_memory),
	TAP_TEST(shallow_ring),
	TAP_TEST(odd_blocks),
	TAP_TEST(zones),
};

int main(void)
{
	__u32 state = 1;
	size_t i;
	int status;

	for (i = 0; i < sizeof(pattern); i++) {
		state = state * 1664525 + 1013904223;
		pattern[i] = (unsigned char)(state >> 24);
	}
	snprintf(folder, sizeof(folder), "/tmp/usherctl-test-XXXXXX");
	if (!mkdtemp(folder))
		return 2;
	snprintf(in_path, sizeof(in_path), "%s/in", folder);
	snprintf(out_path, sizeof(out_path), "%s/out", folder);

	set_command("usherctl");
	status = run_tests(tests, ARRAY_SIZE(tests));
	unlink(in_path);
	unlink(out_path);
	rmdir(folder);
	return status;
}
