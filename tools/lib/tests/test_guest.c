// SPDX-License-Identifier: GPL-2.0-only
/*
 * The library against the module.
 *
 * usage: test_guest NODE ZONED-NODE
 * Both are namespaces with blocks of 512 bytes, the second one zoned; what is on
 * them is lost.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "usher.h"
#include "tap.h"

#define BLOCK		512U
#define DATA_BYTES	(64 * 1024U)
#define MS		1000000ULL	/* in nanoseconds */

static const char *node, *zoned_node;
static unsigned char *data;

/* What most tests need: a grant, a buffer, and a ring of 8 entries */
struct bench {
	struct usher_grant_info info;
	struct usher_ring ring;
	int grant;
	__u32 buf;
};

static void set_up(struct bench *b, const char *path, __u32 ring_flags)
{
	memset(b, 0, sizeof(*b));
	b->grant = usher_open(path, O_RDWR);
	EXPECT(b->grant >= 0);
	EXPECT_EQ(usher_grant_info(b->grant, &b->info), 0);
	EXPECT_EQ(usher_buf_register(b->grant, data, DATA_BYTES, 0, &b->buf),
		  0);
	EXPECT_EQ(usher_ring_init(&b->ring, b->grant, 8, ring_flags), 0);
	if (tap_failed)
		exit(1);	/* nothing else can be tried */
}

static void tear_down(struct bench *b)
{
	usher_ring_exit(&b->ring);
	close(b->grant);
}

/* Submit what is prepared, and take one completion: its status */
static int finish(struct bench *b, __u64 *result)
{
	struct usher_cqe *cqe;
	int ret = usher_ring_submit_and_wait(&b->ring, 1);

	if (ret >= 0)
		ret = usher_ring_wait_cqe(&b->ring, &cqe);
	if (ret < 0)
		return ret;
	ret = usher_cqe_status(cqe);
	if (result)
		*result = usher_cqe_result(cqe);
	usher_cqe_seen(&b->ring, cqe);
	return ret;
}

static int do_write(struct bench *b, __u64 slba, __u32 blocks)
{
	usher_prep_write(usher_ring_get_sqe(&b->ring), slba, blocks, b->buf, 0,
			 blocks * BLOCK);
	return finish(b, NULL);
}

static int do_read(struct bench *b, __u64 slba, __u32 blocks)
{
	usher_prep_read(usher_ring_get_sqe(&b->ring), slba, blocks, b->buf, 0,
			blocks * BLOCK);
	return finish(b, NULL);
}

static void fill(unsigned char value)
{
	memset(data, value, DATA_BYTES);
}

static bool filled(unsigned char value, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes && data[i] == value; i++)
		;
	return i == bytes;
}

static void opening(void)
{
	struct usher_grant_info info;
	int fd = usher_open(node, O_RDONLY);

	EXPECT(fd >= 0);
	EXPECT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	EXPECT_EQ(usher_grant_info(fd, &info), 0);
	EXPECT_EQ(info.rights, USHER_RIGHT_READ | USHER_RIGHT_ADMIN);
	EXPECT_EQ(info.lba_bytes, BLOCK);
	EXPECT_EQ(info.state, USHER_GRANT_LIVE);
	close(fd);
}

static void commands_with_data(void)
{
	struct bench b;

	set_up(&b, node, 0);
	fill(0x11);
	EXPECT_EQ(do_write(&b, 100, 128), 0);
	fill(0x22);
	EXPECT_EQ(do_read(&b, 100, 128), 0);
	EXPECT(filled(0x11, DATA_BYTES));

	usher_prep_compare(usher_ring_get_sqe(&b.ring), 100, 128, b.buf, 0,
			   DATA_BYTES);
	EXPECT_EQ(finish(&b, NULL), 0);
	data[5000] ^= 1;
	usher_prep_compare(usher_ring_get_sqe(&b.ring), 100, 128, b.buf, 0,
			   DATA_BYTES);
	EXPECT_EQ(finish(&b, NULL), USHER_SC_COMPARE_FAILED);
	tear_down(&b);
}

/* What a command answers that the controller has if this bit of ONCS is set */
static int optional(struct bench *b, unsigned int bit)
{
	static unsigned char id[4096];

	EXPECT_EQ(usher_identify_ctrl(b->grant, id), 0);
	return id[520] >> bit & 1 ? 0 : USHER_SC_INVALID_OPCODE;
}

static void commands_without_data(void)
{
	struct usher_sqe *sqe;
	struct bench b;

	set_up(&b, node, 0);
	fill(0x33);
	EXPECT_EQ(do_write(&b, 0, 16), 0);
	usher_prep_flush(usher_ring_get_sqe(&b.ring));
	EXPECT_EQ(finish(&b, NULL), 0);
	usher_prep_verify(usher_ring_get_sqe(&b.ring), 0, 16);
	EXPECT_EQ(finish(&b, NULL), optional(&b, 7));
	usher_prep_write_uncorrectable(usher_ring_get_sqe(&b.ring), 2000, 1);
	EXPECT_EQ(finish(&b, NULL), optional(&b, 1));

	sqe = usher_ring_get_sqe(&b.ring);
	usher_prep_write_zeroes(sqe, 4, 4);
	usher_sqe_set_io_flags(sqe, USHER_IO_DEAC);
	EXPECT_EQ(finish(&b, NULL), 0);
	EXPECT_EQ(do_read(&b, 4, 4), 0);
	EXPECT(filled(0, 4 * BLOCK));
	EXPECT_EQ(do_read(&b, 8, 8), 0);
	EXPECT(filled(0x33, 8 * BLOCK));
	tear_down(&b);
}

static void ranges_in_memory(void)
{
	struct usher_dsm_range *dsm = (void *)data;
	struct usher_copy_range *copy = (void *)data;
	struct bench b;

	set_up(&b, node, 0);
	fill(0x44);
	EXPECT_EQ(do_write(&b, 0, 64), 0);
	fill(0x55);
	EXPECT_EQ(do_write(&b, 64, 64), 0);

	/* the last block of the one and the first of the other */
	usher_copy_range_set(&copy[0], 63, 1);
	usher_copy_range_set(&copy[1], 64, 1);
	usher_prep_copy(usher_ring_get_sqe(&b.ring), 200, 2, b.buf, 0);
	EXPECT_EQ(finish(&b, NULL), 0);
	EXPECT_EQ(do_read(&b, 200, 2), 0);
	EXPECT(filled(0x44, BLOCK));
	EXPECT_EQ(data[BLOCK], 0x55);

	usher_dsm_range_set(&dsm[0], 0, 8);
	usher_dsm_range_set(&dsm[1], 32, 8);
	usher_prep_deallocate(usher_ring_get_sqe(&b.ring), 2, b.buf, 0);
	EXPECT_EQ(finish(&b, NULL), 0);
	tear_down(&b);
}

static void refused_entries(void)
{
	struct usher_cqe *cqe;
	struct usher_sqe *sqe;
	struct bench b;

	set_up(&b, node, 0);
	/* an entry that nobody filled, and one that prep refused */
	usher_sqe_set_tag(usher_ring_get_sqe(&b.ring), 7);
	sqe = usher_ring_get_sqe(&b.ring);
	usher_sqe_set_tag(sqe, 8);
	EXPECT_EQ(usher_prep_read(sqe, 0, 0, b.buf, 0, BLOCK), -EINVAL);
	EXPECT_EQ(usher_ring_submit_and_wait(&b.ring, 2), 2);
	EXPECT_EQ(usher_ring_peek_cqe(&b.ring, &cqe), 0);
	EXPECT_EQ(usher_cqe_tag(cqe), 7);
	EXPECT_EQ(usher_cqe_status(cqe), USHER_SC_INVALID_OPCODE);
	EXPECT_EQ(usher_cqe_flags(cqe), USHER_CQE_REFUSED);
	EXPECT(usher_cqe_dnr(cqe));
	usher_cqe_seen(&b.ring, cqe);
	EXPECT_EQ(usher_ring_peek_cqe(&b.ring, &cqe), 0);
	EXPECT_EQ(usher_cqe_tag(cqe), 8);
	EXPECT_EQ(usher_cqe_status(cqe), USHER_SC_INVALID_OPCODE);
	usher_cqe_seen(&b.ring, cqe);

	EXPECT_EQ(do_read(&b, b.info.nlb, 1), USHER_SC_LBA_RANGE);
	tear_down(&b);
}

static void buffers(void)
{
	struct bench b;

	set_up(&b, node, 0);
	EXPECT_EQ(usher_buf_unregister(b.grant, b.buf), 0);
	EXPECT_EQ(usher_buf_unregister(b.grant, b.buf), -ENOENT);
	EXPECT(do_read(&b, 0, 1) > 0);
	EXPECT_EQ(usher_buf_register(b.grant, NULL, 4096, 0, &b.buf), -EFAULT);
	EXPECT_EQ(usher_buf_register(b.grant, data, 0, 0, &b.buf), -EINVAL);
	EXPECT_EQ(usher_buf_register(b.grant, data, 4096, USHER_BUF_RDONLY,
				     &b.buf), 0);
	EXPECT_EQ(do_write(&b, 0, 8), 0);
	EXPECT(do_read(&b, 0, 8) > 0);
	tear_down(&b);
}

static void ring_sizes(void)
{
	struct usher_ring_create create = {
		.sq_entries = 4,
		.cq_entries = 16,
	};
	struct usher_ring ring;
	int fd = usher_open(node, O_RDWR);

	EXPECT_EQ(usher_ring_init(&ring, fd, 0, 0), -EINVAL);
	EXPECT_EQ(usher_ring_init(&ring, fd, 3, 0), -EINVAL);
	EXPECT_EQ(usher_ring_init_params(&ring, fd, &create), 0);
	EXPECT_EQ(ring.sq_entries, 4);
	EXPECT_EQ(ring.cq_entries, 16);
	EXPECT_EQ(ring.nsid, 1);
	EXPECT_EQ(usher_ring_sq_space_left(&ring), 4);
	usher_ring_exit(&ring);
	close(fd);
}

/* Each command has a tag of its own, and each tag comes back once. */
static void many_commands(__u32 ring_flags)
{
	static unsigned char seen[2000];
	struct usher_cqe *cqes[5];
	unsigned int next = 0, done = 0, i, got;
	struct usher_sqe *sqe;
	struct bench b;

	memset(seen, 0, sizeof(seen));
	set_up(&b, node, ring_flags);
	while (done < sizeof(seen) && !tap_failed) {
		while (next < sizeof(seen) && next - done < 16 &&
		       (sqe = usher_ring_get_sqe(&b.ring))) {
			usher_prep_read(sqe, next, 1, b.buf, next % 128 * BLOCK,
					BLOCK);
			usher_sqe_set_tag(sqe, (__u16)next++);
		}
		EXPECT(usher_ring_submit_and_wait(&b.ring, 1) >= 0);
		got = usher_ring_peek_batch_cqe(&b.ring, cqes, 5);
		for (i = 0; i < got; i++) {
			EXPECT_EQ(usher_cqe_status(cqes[i]), 0);
			EXPECT_EQ(seen[usher_cqe_tag(cqes[i])]++, 0);
		}
		usher_ring_cq_advance(&b.ring, got);
		done += got;
	}
	EXPECT_EQ(usher_ring_cq_ready(&b.ring), 0);
	tear_down(&b);
}

static void many_commands_signalled(void)
{
	many_commands(0);
}

static void many_commands_polled(void)
{
	many_commands(USHER_RING_POLLED);
}

/* Without waiting: peek itself looks into the hardware queue. */
static void polled_peek(void)
{
	__u64 end = usher_deadline(10000 * MS);
	struct usher_cqe *cqe = NULL;
	struct bench b;
	int ret = -EAGAIN;

	set_up(&b, node, USHER_RING_POLLED);
	EXPECT_EQ(usher_ring_eventfd(&b.ring, 0), -EOPNOTSUPP);
	usher_prep_read(usher_ring_get_sqe(&b.ring), 0, 1, b.buf, 0, BLOCK);
	EXPECT_EQ(usher_ring_submit(&b.ring), 1);
	while (ret == -EAGAIN && usher_deadline(0) < end)
		ret = usher_ring_peek_cqe(&b.ring, &cqe);
	EXPECT_EQ(ret, 0);
	usher_cqe_seen(&b.ring, cqe);
	tear_down(&b);
}

static void deadlines(void)
{
	struct usher_cqe *cqe;
	sigset_t mask;
	struct bench b;
	__u64 end;

	set_up(&b, node, 0);
	end = usher_deadline(30 * MS);
	EXPECT_EQ(usher_ring_wait_cqe_timeout(&b.ring, &cqe, end), -ETIME);
	EXPECT(!cqe);
	EXPECT(usher_deadline(0) >= end);

	sigfillset(&mask);
	end = usher_deadline(30 * MS);
	EXPECT_EQ(usher_ring_submit_and_wait_timeout(&b.ring, 1, end, &mask),
		  -ETIME);
	EXPECT(usher_deadline(0) >= end);

	usher_prep_flush(usher_ring_get_sqe(&b.ring));
	end = usher_deadline(10000 * MS);
	EXPECT_EQ(usher_ring_submit_and_wait_timeout(&b.ring, 1, end, NULL), 1);
	EXPECT_EQ(usher_ring_wait_cqe_timeout(&b.ring, &cqe, 0), 0);
	tear_down(&b);
}

static void events(void)
{
	int event = eventfd(0, EFD_NONBLOCK);
	struct pollfd watch = { .events = POLLIN };
	struct bench b;
	__u64 count = 0;

	set_up(&b, node, 0);
	watch.fd = b.ring.fd;
	EXPECT_EQ(poll(&watch, 1, 0), 0);
	EXPECT_EQ(usher_ring_eventfd(&b.ring, event), 0);
	usher_prep_flush(usher_ring_get_sqe(&b.ring));
	EXPECT_EQ(usher_ring_submit_and_wait(&b.ring, 1), 1);
	EXPECT_EQ(poll(&watch, 1, 0), 1);
	EXPECT_EQ(watch.revents, POLLIN);
	EXPECT_EQ(read(event, &count, sizeof(count)), sizeof(count));
	EXPECT(count >= 1);

	EXPECT_EQ(usher_ring_eventfd(&b.ring, -1), 0);
	EXPECT_EQ(usher_ring_eventfd(&b.ring, 999), -EBADF);
	tear_down(&b);
	close(event);
}

static void counters(void)
{
	struct usher_ring_info info;
	struct bench b;
	__u16 tags[8];

	set_up(&b, node, 0);
	EXPECT_EQ(do_read(&b, 0, 1), 0);
	EXPECT_EQ(do_read(&b, b.info.nlb, 1), USHER_SC_LBA_RANGE);
	EXPECT_EQ(usher_ring_info(&b.ring, &info, tags, 8), 0);
	EXPECT_EQ(info.sq_entries, 8);
	EXPECT_EQ(info.cq_entries, 16);
	EXPECT_EQ(info.submitted, 2);
	EXPECT_EQ(info.completed, 2);
	EXPECT_EQ(info.refused, 1);
	EXPECT_EQ(info.inflight, 0);
	EXPECT_EQ(info.nr_tags, 0);
	EXPECT_EQ(usher_ring_info(&b.ring, &info, NULL, 0), 0);
	tear_down(&b);
}

/* A worker submits and ends; its parent maps the ring and finds what it did. */
static void take_over(void)
{
	struct usher_ring_create create = { .sq_entries = 4 };
	struct usher_ring ring;
	struct usher_cqe *cqe;
	struct bench b;
	int fd, status;
	pid_t child;

	set_up(&b, node, 0);
	fd = usher_ring_create(b.grant, &create);
	EXPECT(fd >= 0);
	child = fork();
	if (!child) {
		struct usher_sqe *sqe;

		if (usher_ring_attach(&ring, fd))
			_exit(1);
		sqe = usher_ring_get_sqe(&ring);
		usher_prep_read(sqe, 0, 1, b.buf, 0, BLOCK);
		usher_sqe_set_tag(sqe, 4711);
		_exit(usher_ring_submit(&ring) == 1 ? 0 : 2);
	}
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);

	EXPECT_EQ(usher_ring_attach(&ring, fd), 0);
	EXPECT_EQ(usher_ring_wait_cqe(&ring, &cqe), 0);
	EXPECT_EQ(usher_cqe_tag(cqe), 4711);
	EXPECT_EQ(usher_cqe_status(cqe), 0);
	usher_cqe_seen(&ring, cqe);
	EXPECT_EQ(usher_ring_sq_space_left(&ring), 4);
	usher_ring_exit(&ring);

	EXPECT_EQ(usher_ring_attach(&ring, b.grant), -ENOTTY);
	tear_down(&b);
}

static void narrowing(void)
{
	struct usher_limits limits = { .rings = 1, .ring_depth = 4 };
	struct usher_grant_info info;
	struct usher_ring ring, second;
	struct bench b;
	int grant;

	set_up(&b, node, 0);
	grant = usher_narrow(b.grant, 10, 20, USHER_RIGHT_READ, &limits);
	EXPECT(grant >= 0);
	EXPECT_EQ(usher_grant_info(grant, &info), 0);
	EXPECT_EQ(info.slba, 10);
	EXPECT_EQ(info.nlb, 20);
	EXPECT_EQ(info.rights, USHER_RIGHT_READ);
	EXPECT_EQ(usher_narrow(grant, 10, 21, USHER_RIGHT_READ, NULL), -ERANGE);
	EXPECT_EQ(usher_narrow(grant, 10, 20, USHER_RIGHT_WRITE, NULL), -EACCES);
	EXPECT_EQ(usher_ring_init(&ring, grant, 8, 0), -EDQUOT);
	EXPECT_EQ(usher_ring_init(&ring, grant, 4, 0), 0);
	EXPECT_EQ(usher_ring_init(&second, grant, 4, 0), -EDQUOT);

	EXPECT_EQ(usher_revoke(b.grant), 0);
	usher_prep_flush(usher_ring_get_sqe(&ring));
	EXPECT_EQ(usher_ring_submit(&ring), -EACCES);
	EXPECT_EQ(usher_grant_info(grant, &info), 0);
	EXPECT_EQ(info.state, USHER_GRANT_REVOKED);
	EXPECT_EQ(do_read(&b, 0, 1), 0);
	usher_ring_exit(&ring);
	close(grant);
	tear_down(&b);
}

static void slices(void)
{
	struct usher_grant_info info;
	char path[64];
	int parent = usher_open(node, O_RDWR), grant, slice;
	__u32 id = 0;

	grant = usher_narrow(parent, 5, 5, USHER_RIGHTS_ALL, NULL);
	EXPECT_EQ(usher_slice_add(grant, 0, 0, 0600, &id), 0);
	snprintf(path, sizeof(path), "%ss%u", node, id);
	slice = usher_open(path, O_RDWR);
	EXPECT(slice >= 0);
	EXPECT_EQ(usher_grant_info(slice, &info), 0);
	EXPECT_EQ(info.slba, 5);
	EXPECT_EQ(info.nlb, 5);
	EXPECT_EQ(usher_slice_remove(parent, id), 0);
	EXPECT_EQ(usher_slice_remove(parent, id), -ENOENT);
	EXPECT_EQ(usher_slice_add(grant, 0, 0, 0777, &id), -EINVAL);
	close(slice);
	close(grant);
	close(parent);
}

static void queries(void)
{
	static unsigned char answer[4096];
	int grant = usher_open(node, O_RDONLY);
	__u32 result = 0;

	EXPECT_EQ(usher_identify_ctrl(grant, answer), 0);
	EXPECT(!memcmp(answer + 24, "QEMU NVMe Ctrl", 14));
	EXPECT_EQ(usher_identify_ns(grant, answer), 0);
	EXPECT(answer[0] | answer[1] | answer[2]);	/* NSZE */
	EXPECT_EQ(usher_identify(grant, 0x05, 0, answer), 0);
	EXPECT_EQ(usher_identify(grant, 0x13, 0, answer), -EACCES);
	EXPECT_EQ(usher_get_log(grant, 0x02, 0, answer, 512), 0);
	EXPECT(answer[1] | answer[2]);			/* temperature */
	EXPECT_EQ(usher_get_features(grant, 0x06, 0, &result), 0);
	EXPECT_EQ(result & ~1U, 0);			/* write cache */
	close(grant);
}

/* Zone Type, State, Capacity, Start and Write Pointer of a reported zone */
static __u64 write_pointer(unsigned int zone)
{
	__u64 value;

	memcpy(&value, data + 64 + zone * 64 + 24, sizeof(value));
	return le64toh(value);
}

static void zones(void)
{
	struct bench b;
	__u64 zone, at = 0;

	set_up(&b, zoned_node, 0);
	zone = b.info.zone_blocks;
	EXPECT(zone);
	usher_prep_zone_send(usher_ring_get_sqe(&b.ring), 0, USHER_ZONE_RESET,
			     true);
	EXPECT_EQ(finish(&b, NULL), 0);

	usher_prep_zone_append(usher_ring_get_sqe(&b.ring), zone, 3, b.buf, 0,
			       3 * BLOCK);
	EXPECT_EQ(finish(&b, &at), 0);
	EXPECT_EQ(at, zone);
	usher_prep_zone_append(usher_ring_get_sqe(&b.ring), zone, 2, b.buf, 0,
			       2 * BLOCK);
	EXPECT_EQ(finish(&b, &at), 0);
	EXPECT_EQ(at, zone + 3);

	fill(0xee);
	usher_prep_zone_receive(usher_ring_get_sqe(&b.ring), 0, b.buf, 0, 4096,
				true);
	EXPECT_EQ(finish(&b, NULL), 0);
	EXPECT_EQ(write_pointer(0), 0);
	EXPECT_EQ(write_pointer(1), zone + 5);

	usher_prep_zone_send(usher_ring_get_sqe(&b.ring), zone,
			     USHER_ZONE_FINISH, false);
	EXPECT_EQ(finish(&b, NULL), 0);
	EXPECT_EQ(do_write(&b, zone + 5, 1), USHER_SC_ZONE_FULL);
	usher_prep_zone_send(usher_ring_get_sqe(&b.ring), zone,
			     USHER_ZONE_RESET, false);
	EXPECT_EQ(finish(&b, NULL), 0);
	EXPECT_EQ(do_write(&b, zone, 1), 0);
	tear_down(&b);
}

static const struct tap_test tests[] = {
	TAP_TEST(opening),
	TAP_TEST(commands_with_data),
	TAP_TEST(commands_without_data),
	TAP_TEST(ranges_in_memory),
	TAP_TEST(refused_entries),
	TAP_TEST(buffers),
	TAP_TEST(ring_sizes),
	TAP_TEST(many_commands_signalled),
	TAP_TEST(many_commands_polled),
	TAP_TEST(polled_peek),
	TAP_TEST(deadlines),
	TAP_TEST(events),
	TAP_TEST(counters),
	TAP_TEST(take_over),
	TAP_TEST(narrowing),
	TAP_TEST(slices),
	TAP_TEST(queries),
	TAP_TEST(zones),
};

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: test_guest NODE ZONED-NODE\n");
		return 2;
	}
	node = argv[1];
	zoned_node = argv[2];
	data = aligned_alloc(4096, DATA_BYTES);
	if (!data)
		return 2;
	return run_tests(tests, ARRAY_SIZE(tests));
}
