// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contract of every ioctl: its errors by name, its sizes, its padding, who
 * may call it on what, and what the queries answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "helper.h"

#define NO_SUCH_ID	0x7fffffff

FIXTURE(ioctls) {
	int grant;
	int controller;
	struct ring ring;
	void *memory;
};

FIXTURE_SETUP(ioctls)
{
	self->controller = disk_open_controller(PLAIN, O_RDWR);
	ASSERT_LE(0, self->controller);
	self->grant = disk_open(PLAIN, O_RDWR);
	ASSERT_LE(0, self->grant);
	ASSERT_EQ(0, ring_open(&self->ring, self->grant, 8, 0));
	/* The second page is not there. */
	self->memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->memory);
	ASSERT_EQ(0, munmap(self->memory + PAGE, PAGE));
}

FIXTURE_TEARDOWN(ioctls)
{
	munmap(self->memory, PAGE);
	ring_close(&self->ring);
	close(self->grant);
	close(self->controller);
}

/* ---- all ioctls alike ---- */

union arguments {
	uint32_t size;
	struct usher_grant_info info;
	struct usher_narrow narrow;
	struct usher_revoke revoke;
	struct usher_slice slice;
	struct usher_buf_register buf_register;
	struct usher_buf_unregister buf_unregister;
	struct usher_ring_create ring_create;
	struct usher_admin admin;
	struct usher_enter enter;
	struct usher_ring_info ring_info;
	struct usher_eventfd eventfd;
	char bytes[DEVICE_PAGE];
};

/* What a call with good arguments does; what it made is undone at once. */
enum answer {
	ANSWERS_0,
	ANSWERS_FD,
	ANSWERS_BUFFER,
	ANSWERS_SLICE,
	ANSWERS_ENOENT,
};

#define MUST_BE_ZERO	8
#define ZERO(type, member)	(offsetof(struct type, member) + 1)

/* Members that must be zero are listed by offset + 1. */
static const struct ioctl_case {
	const char *name;
	unsigned long request;
	uint32_t size;
	uint32_t min; /* bytes that a caller must give, as usher.h says */
	bool of_ring;
	enum answer answer;
	size_t zero[MUST_BE_ZERO];
} cases[] = {
	{ "GRANT_INFO", USHER_IOC_GRANT_INFO, sizeof(struct usher_grant_info), 12,
	  false, ANSWERS_0, { ZERO(usher_grant_info, flags) } },
	{ "NARROW", USHER_IOC_NARROW, sizeof(struct usher_narrow), 28,
	  false, ANSWERS_FD, { ZERO(usher_narrow, flags), ZERO(usher_narrow, pad) } },
	{ "REVOKE", USHER_IOC_REVOKE, sizeof(struct usher_revoke), 8,
	  false, ANSWERS_0, { ZERO(usher_revoke, flags) } },
	{ "SLICE_ADD", USHER_IOC_SLICE_ADD, sizeof(struct usher_slice), 24,
	  false, ANSWERS_SLICE, { ZERO(usher_slice, flags), ZERO(usher_slice, id) } },
	{ "SLICE_REMOVE", USHER_IOC_SLICE_REMOVE, sizeof(struct usher_slice), 12,
	  false, ANSWERS_ENOENT,
	  { ZERO(usher_slice, flags), ZERO(usher_slice, uid),
	    ZERO(usher_slice, gid), ZERO(usher_slice, mode) } },
	{ "BUF_REGISTER", USHER_IOC_BUF_REGISTER, sizeof(struct usher_buf_register), 28,
	  false, ANSWERS_BUFFER,
	  { ZERO(usher_buf_register, id), ZERO(usher_buf_register, pad),
	    /* its second byte: no flag is there */
	    ZERO(usher_buf_register, flags) + 1 } },
	{ "BUF_UNREGISTER", USHER_IOC_BUF_UNREGISTER,
	  sizeof(struct usher_buf_unregister), 8, false, ANSWERS_ENOENT, {} },
	{ "RING_CREATE", USHER_IOC_RING_CREATE, sizeof(struct usher_ring_create), 12,
	  false, ANSWERS_FD,
	  { ZERO(usher_ring_create, mmap_bytes), ZERO(usher_ring_create, sq_offset),
	    ZERO(usher_ring_create, cq_offset), ZERO(usher_ring_create, sqe_shift),
	    ZERO(usher_ring_create, cqe_shift), ZERO(usher_ring_create, pad),
	    ZERO(usher_ring_create, flags) + 1 } },
	{ "ADMIN", USHER_IOC_ADMIN, sizeof(struct usher_admin), 48,
	  false, ANSWERS_0,
	  { ZERO(usher_admin, flags), ZERO(usher_admin, status),
	    ZERO(usher_admin, result), ZERO(usher_admin, pad) } },
	{ "ENTER", USHER_IOC_ENTER, sizeof(struct usher_enter), 16,
	  true, ANSWERS_0,
	  { ZERO(usher_enter, flags) + 1,
	    /* without the flag that makes it count */
	    ZERO(usher_enter, deadline_ns), ZERO(usher_enter, sigsetsize),
	    ZERO(usher_enter, idle_us) } },
	{ "RING_INFO", USHER_IOC_RING_INFO, sizeof(struct usher_ring_info), 36,
	  true, ANSWERS_0, { ZERO(usher_ring_info, flags),
			     ZERO(usher_ring_info, pad) } },
	{ "EVENTFD", USHER_IOC_EVENTFD, sizeof(struct usher_eventfd), 8,
	  true, ANSWERS_0, {} },
};

static void good_arguments(const struct ioctl_case *c, union arguments *arg,
			   void *memory)
{
	memset(arg, 0, sizeof(*arg));
	arg->size = c->size;
	switch (c->request) {
	case USHER_IOC_NARROW:
		arg->narrow.nlb = 8;
		break;
	case USHER_IOC_SLICE_ADD:
		arg->slice.mode = 0600;
		break;
	case USHER_IOC_SLICE_REMOVE:
		arg->slice.id = NO_SUCH_ID;
		break;
	case USHER_IOC_BUF_REGISTER:
		arg->buf_register.addr = (uintptr_t)memory;
		arg->buf_register.length = PAGE;
		break;
	case USHER_IOC_BUF_UNREGISTER:
		arg->buf_unregister.id = NO_SUCH_ID;
		break;
	case USHER_IOC_RING_CREATE:
		arg->ring_create.sq_entries = 4;
		break;
	case USHER_IOC_ADMIN:
		arg->admin.opcode = 0x0a;
		arg->admin.cdw10 = 0x07;
		break;
	case USHER_IOC_EVENTFD:
		arg->eventfd.fd = -1;
		break;
	}
}

/* True when a call with good arguments did what it should */
static bool answered(const struct ioctl_case *c, int grant,
		     const union arguments *arg, int ret)
{
	switch (c->answer) {
	case ANSWERS_FD:
		return ret >= 0 && !close(ret);
	case ANSWERS_BUFFER:
		return !ret && !buf_unregister(grant, arg->buf_register.id);
	case ANSWERS_SLICE:
		return !ret && !slice_remove(grant, arg->slice.id);
	case ANSWERS_ENOENT:
		return ret == -ENOENT;
	default:
		return !ret;
	}
}

#define fd_of(c)	((c)->of_ring ? self->ring.fd : self->grant)

TEST_F(ioctls, good_arguments)
{
	const struct ioctl_case *c;
	union arguments arg;

	for (c = cases; c < cases + ARRAY_SIZE(cases); c++) {
		good_arguments(c, &arg, self->memory);
		EXPECT_TRUE(answered(c, self->grant, &arg,
				     call(fd_of(c), c->request, &arg)))
			TH_LOG("%s", c->name);
	}
}

TEST_F(ioctls, enotty_on_the_other_kind_of_file)
{
	const struct ioctl_case *c;
	union arguments arg;

	for (c = cases; c < cases + ARRAY_SIZE(cases); c++) {
		int other = c->of_ring ? self->grant : self->ring.fd;

		good_arguments(c, &arg, self->memory);
		EXPECT_EQ(-ENOTTY, call(other, c->request, &arg))
			TH_LOG("%s", c->name);
		if (c->of_ring)
			EXPECT_EQ(-ENOTTY, call(self->controller, c->request,
						&arg));
	}
}

TEST_F(ioctls, enotty_for_unknown)
{
	union arguments arg = { .size = 8 };
	unsigned int nr;

	for (nr = 0; nr < 256; nr++) {
		bool of_grant = nr <= _IOC_NR(USHER_IOC_ADMIN);
		bool of_ring = nr >= _IOC_NR(USHER_IOC_ENTER) &&
			       nr <= _IOC_NR(USHER_IOC_EVENTFD);

		if (!of_grant)
			EXPECT_EQ(-ENOTTY, call(self->grant,
						_IO(USHER_IOC_TYPE, nr), &arg));
		if (!of_ring)
			EXPECT_EQ(-ENOTTY, call(self->ring.fd,
						_IO(USHER_IOC_TYPE, nr), &arg));
		/* Another type, a direction, or a size: other numbers */
		EXPECT_EQ(-ENOTTY, call(self->grant, _IO('n', nr), &arg));
		EXPECT_EQ(-ENOTTY, call(self->ring.fd, _IO('n', nr), &arg));
		EXPECT_EQ(-ENOTTY, call(self->grant,
					_IOC(_IOC_READ, USHER_IOC_TYPE, nr, 0),
					&arg));
		EXPECT_EQ(-ENOTTY, call(self->ring.fd,
					_IOC(_IOC_NONE, USHER_IOC_TYPE, nr, 4),
					&arg));
	}
}

TEST_F(ioctls, einval_for_a_short_struct)
{
	const struct ioctl_case *c;
	union arguments arg;
	uint32_t size;

	for (c = cases; c < cases + ARRAY_SIZE(cases); c++) {
		for (size = 0; size < c->min; size++) {
			good_arguments(c, &arg, self->memory);
			arg.size = size;
			EXPECT_EQ(-EINVAL, call(fd_of(c), c->request, &arg))
				TH_LOG("%s of %u bytes", c->name, size);
		}
	}
}

/*
 * A program that knows fewer members: those it does not give are zero, whatever lies
 * behind its struct, and nothing is written there.
 */
TEST_F(ioctls, older_struct_is_zero_extended)
{
	const struct ioctl_case *c;
	union arguments arg;
	uint32_t size, i;

	for (c = cases; c < cases + ARRAY_SIZE(cases); c++) {
		for (size = c->min; size < c->size; size++) {
			good_arguments(c, &arg, self->memory);
			arg.size = size;
			memset(arg.bytes + size, 0xa5, sizeof(arg) - size);
			EXPECT_TRUE(answered(c, self->grant, &arg,
					     call(fd_of(c), c->request, &arg)))
				TH_LOG("%s of %u bytes", c->name, size);
			for (i = size; i < sizeof(arg); i++)
				if (arg.bytes[i] != (char)0xa5)
					break;
			EXPECT_EQ(sizeof(arg), i)
				TH_LOG("%s of %u bytes", c->name, size);
		}
	}
}

TEST_F(ioctls, longer_struct_with_a_zero_tail)
{
	static const uint32_t more[] = { 1, 4, 8, 64, 1000 };
	const struct ioctl_case *c;
	union arguments arg;
	int i;

	for (c = cases; c < cases + ARRAY_SIZE(cases); c++) {
		for (i = 0; i < 5; i++) {
			good_arguments(c, &arg, self->memory);
			arg.size = c->size + more[i];
			EXPECT_TRUE(answered(c, self->grant, &arg,
					     call(fd_of(c), c->request, &arg)))
				TH_LOG("%s and %u bytes", c->name, more[i]);
		}
	}
}

TEST_F(ioctls, e2big_for_a_tail_not_zero)
{
	const struct ioctl_case *c;
	union arguments arg;

	for (c = cases; c < cases + ARRAY_SIZE(cases); c++) {
		good_arguments(c, &arg, self->memory);
		arg.size = c->size + 16;
		arg.bytes[c->size] = 1;
		EXPECT_EQ(-E2BIG, call(fd_of(c), c->request, &arg))
			TH_LOG("%s, first byte", c->name);
		arg.bytes[c->size] = 0;
		arg.bytes[c->size + 15] = 1;
		EXPECT_EQ(-E2BIG, call(fd_of(c), c->request, &arg))
			TH_LOG("%s, last byte", c->name);
		arg.size = UINT_MAX;
		EXPECT_EQ(-E2BIG, call(fd_of(c), c->request, &arg))
			TH_LOG("%s, endless", c->name);
	}
}

TEST_F(ioctls, einval_for_what_must_be_zero)
{
	const struct ioctl_case *c;
	union arguments arg;
	int i;

	for (c = cases; c < cases + ARRAY_SIZE(cases); c++) {
		for (i = 0; i < MUST_BE_ZERO && c->zero[i]; i++) {
			good_arguments(c, &arg, self->memory);
			arg.bytes[c->zero[i] - 1] = 2;
			EXPECT_EQ(-EINVAL, call(fd_of(c), c->request, &arg))
				TH_LOG("%s, byte %zu", c->name, c->zero[i] - 1);
		}
	}
}

TEST_F(ioctls, efault)
{
	const struct ioctl_case *c;
	union arguments arg;

	for (c = cases; c < cases + ARRAY_SIZE(cases); c++) {
		EXPECT_EQ(-EFAULT, call(fd_of(c), c->request, NULL))
			TH_LOG("%s at NULL", c->name);
		EXPECT_EQ(-EFAULT, call(fd_of(c), c->request, (void *)-PAGE))
			TH_LOG("%s in the kernel", c->name);
		/* The size can be read, the rest cannot. */
		good_arguments(c, &arg, self->memory);
		memcpy(self->memory + PAGE - 4, &arg.size, 4);
		EXPECT_EQ(-EFAULT, call(fd_of(c), c->request,
					self->memory + PAGE - 4))
			TH_LOG("%s at the end of a page", c->name);
	}
}

/* Where the answer cannot be written to the process, the call leaves nothing behind. */
TEST_F(ioctls, efault_for_the_answer)
{
	struct usher_grant_info before, after;
	const struct ioctl_case *c;
	union arguments arg;
	void *page;

	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, grant_info(self->grant, &before));
	for (c = cases; c < cases + ARRAY_SIZE(cases); c++) {
		if (c->answer == ANSWERS_ENOENT ||
		    c->request == USHER_IOC_NARROW ||
		    c->request == USHER_IOC_REVOKE ||
		    c->request == USHER_IOC_ENTER ||
		    c->request == USHER_IOC_EVENTFD)
			continue;
		good_arguments(c, &arg, self->memory);
		memcpy(page, &arg, c->size);
		ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ));
		EXPECT_EQ(-EFAULT, call(fd_of(c), c->request, page))
			TH_LOG("%s", c->name);
		ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ | PROT_WRITE));
	}
	munmap(page, PAGE);
	EXPECT_TRUE(wait_until(!grant_info(self->grant, &after) &&
			       !memcmp(&before.used, &after.used,
				       sizeof(before.used))));
}

TEST_F(ioctls, files_close_on_exec)
{
	int narrow = grant_narrow(self->grant, 0, 8, 0);

	ASSERT_LE(0, narrow);
	EXPECT_EQ(FD_CLOEXEC, fcntl(narrow, F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->ring.fd, F_GETFD));
	close(narrow);
}

/* Neither a grant nor a ring can be read or written like a file. */
TEST_F(ioctls, no_read_no_write)
{
	char byte = 0;

	EXPECT_EQ(-1, read(self->grant, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->grant, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(self->ring.fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, lseek(self->grant, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED,
				   self->grant, 0));
	EXPECT_EQ(ENODEV, errno);
}

/* ---- what a grant says of itself ---- */

TEST(rights_follow_the_open_mode)
{
	static const struct {
		int flags;
		uint32_t rights;
	} modes[] = {
		{ O_RDONLY, USHER_RIGHT_READ | USHER_RIGHT_ADMIN },
		{ O_WRONLY, USHER_RIGHT_WRITE | USHER_RIGHT_FLUSH |
			    USHER_RIGHT_ADMIN },
		{ O_RDWR, USHER_RIGHTS_ALL },
	};
	struct usher_grant_info info;
	int fd, i;

	for (i = 0; i < 3; i++) {
		fd = disk_open(PLAIN, modes[i].flags);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, grant_info(fd, &info));
		EXPECT_EQ(modes[i].rights, info.rights);
		close(fd);
		fd = disk_open_controller(PLAIN, modes[i].flags);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, grant_info(fd, &info));
		EXPECT_EQ(USHER_RIGHT_ADMIN, info.rights);
		close(fd);
	}
}

TEST(nodes_are_roots_alone)
{
	static const char * const suffixes[] = { "", "n1" };
	struct stat st;
	char path[64];
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, disk_node(PLAIN, suffixes[i], path, sizeof(path)));
		ASSERT_EQ(0, stat(path, &st));
		EXPECT_EQ(S_IFCHR | 0600, st.st_mode);
		EXPECT_EQ(0, st.st_uid);
		EXPECT_EQ(0, st.st_gid);
	}
}

/* What run-in-guest made the disks like */
FIXTURE(disks) {
};

FIXTURE_VARIANT(disks) {
	const char *disk;
	uint64_t bytes;
	uint32_t shift;
	uint32_t lba_bytes;
	uint32_t metadata;
	uint32_t csi;
	uint64_t zone_blocks;
	uint32_t max_transfer;
	uint32_t queue_pairs;
};

FIXTURE_VARIANT_ADD(disks, plain) {
	.disk = PLAIN, .bytes = 64 << 20, .shift = 9, .lba_bytes = 512,
	.max_transfer = 512 << 10, .queue_pairs = 4,
};

FIXTURE_VARIANT_ADD(disks, large) {
	.disk = LARGE, .bytes = 64 << 20, .shift = 12, .lba_bytes = 4096,
	.max_transfer = 2 << 20, .queue_pairs = 64,
};

FIXTURE_VARIANT_ADD(disks, zoned) {
	.disk = ZONED, .bytes = 32 << 20, .shift = 9, .lba_bytes = 512,
	.csi = 2, .zone_blocks = 2048, .max_transfer = 512 << 10,
	.queue_pairs = 64,
};

FIXTURE_VARIANT_ADD(disks, extended) {
	.disk = EXTENDED, .bytes = 16 << 20, .shift = 9, .lba_bytes = 520,
	.metadata = 8, .max_transfer = 512 << 10, .queue_pairs = 64,
};

FIXTURE_VARIANT_ADD(disks, separate) {
	.disk = SEPARATE, .bytes = 16 << 20, .shift = 9, .lba_bytes = 512,
	.metadata = 8, .max_transfer = 512 << 10, .queue_pairs = 64,
};

FIXTURE_SETUP(disks)
{
}

FIXTURE_TEARDOWN(disks)
{
}

TEST_F(disks, grant_info)
{
	/* The image also holds the metadata, so there are fewer blocks. */
	uint64_t blocks = variant->bytes >> variant->shift;
	struct usher_grant_info info;
	int fd;

	fd = disk_open(variant->disk, O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, grant_info(fd, &info));
	EXPECT_EQ(sizeof(info), info.size);
	EXPECT_EQ(0, info.flags);
	EXPECT_EQ(USHER_GRANT_LIVE, info.state);
	EXPECT_EQ(1, info.nsid);
	EXPECT_EQ(variant->csi, info.csi);
	EXPECT_EQ(variant->shift, info.lba_shift);
	EXPECT_EQ(variant->lba_bytes, info.lba_bytes);
	EXPECT_EQ(variant->metadata, info.metadata_bytes);
	EXPECT_EQ(variant->max_transfer, info.max_transfer);
	EXPECT_EQ(0, info.slba);
	if (variant->metadata) {
		EXPECT_LT(blocks * 9 / 10, info.nlb);
		EXPECT_GT(blocks, info.nlb);
	} else {
		EXPECT_EQ(blocks, info.nlb);
	}
	EXPECT_EQ(info.nlb, info.ns_blocks);
	EXPECT_EQ(variant->zone_blocks, info.zone_blocks);
	EXPECT_EQ(variant->queue_pairs, info.queue_pairs);
	EXPECT_LE(1, info.limits.rings);
	EXPECT_EQ(info.limits.ring_depth, info.max_entries);
	EXPECT_EQ(0, info.used.rings);
	EXPECT_EQ(0, info.used.pinned_bytes);
	EXPECT_EQ(0, info.used.ring_depth);
	EXPECT_EQ(256, info.max_dsm_ranges);
	/* Not every emulator has Verify; the limit on it is one of its own. */
	if (info.max_verify_blocks)
		EXPECT_EQ((512 << 10) / info.lba_bytes, info.max_verify_blocks);
	EXPECT_EQ(info.max_transfer / info.lba_bytes, info.max_zeroes_blocks);
	EXPECT_NE(0, info.max_dsm_range_blocks);
	EXPECT_NE(0, info.max_dsm_blocks);
	EXPECT_EQ(128, info.max_copy_ranges);
	EXPECT_EQ(128, info.max_copy_range_blocks);
	EXPECT_EQ(128, info.max_copy_blocks);
	EXPECT_EQ(1, info.vwc);
	close(fd);
}

TEST_F(disks, sysfs_says_the_same)
{
	struct usher_grant_info info;
	char node[64], path[128];
	long number;
	int fd;

	ASSERT_EQ(0, disk_node(variant->disk, "n1", node, sizeof(node)));
	fd = disk_open(variant->disk, O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, grant_info(fd, &info));
	close(fd);

#define attribute(name) ({						\
	snprintf(path, sizeof(path), "/sys/class/usher/%s/" name,	\
		 strrchr(node, '/') + 1);				\
	ASSERT_EQ(0, read_number(path, &number));			\
	number;								\
})
	EXPECT_EQ(info.nsid, attribute("nsid"));
	EXPECT_EQ(1 << info.lba_shift, attribute("lba_bytes"));
	EXPECT_EQ(info.metadata_bytes, attribute("metadata_bytes"));
	EXPECT_EQ(info.csi, attribute("csi"));
	EXPECT_EQ(info.ns_blocks, attribute("blocks"));
#undef attribute
}

/* ---- the controller's node ---- */

TEST_F(ioctls, controller_node_has_no_blocks)
{
	static const struct usher_limits no_limits;
	struct usher_grant_info info;
	int fd;

	ASSERT_EQ(0, grant_info(self->controller, &info));
	EXPECT_EQ(0, info.nsid);
	EXPECT_EQ(0, info.nlb);
	EXPECT_EQ(4, info.queue_pairs);

	EXPECT_EQ(-EACCES, ring_create(self->controller, 8, 0));
	EXPECT_EQ(-EOPNOTSUPP, buf_register(self->controller, self->memory,
					    PAGE, 0));
	EXPECT_EQ(-EOPNOTSUPP, slice_add(self->controller, 0, 0, 0600));
	EXPECT_EQ(-EOPNOTSUPP, slice_remove(self->controller, 1));
	EXPECT_EQ(-EOPNOTSUPP, grant_narrow(self->controller, 0, 8,
					    USHER_RIGHT_ADMIN));
	EXPECT_EQ(-EACCES, grant_narrow(self->controller, 0, 0,
					USHER_RIGHT_READ));
	fd = grant_limit(self->controller, &no_limits);
	EXPECT_LE(0, fd);
	close(fd);
}

/* ---- registering memory ---- */

TEST_F(ioctls, buf_register_errors)
{
	void *page = self->memory;
	int id;

	EXPECT_EQ(-EINVAL, buf_register(self->grant, page, 0, 0));
	EXPECT_EQ(-EINVAL, buf_register(self->grant, page, (1ULL << 30) + 1, 0));
	EXPECT_EQ(-EINVAL, buf_register(self->grant, page, ~0ULL, 0));
	EXPECT_EQ(-EINVAL, buf_register(self->grant, page + 1, 8, 0));
	EXPECT_EQ(-EINVAL, buf_register(self->grant, page + 2, 8, 0));
	EXPECT_EQ(-EFAULT, buf_register(self->grant, NULL, PAGE, 0));
	EXPECT_EQ(-EFAULT, buf_register(self->grant, page, 2 * PAGE, 0));
	EXPECT_EQ(-EFAULT, buf_register(self->grant, page + PAGE - 4, 8, 0));
	EXPECT_EQ(-EFAULT, buf_register(self->grant, (void *)-PAGE, PAGE, 0));
	EXPECT_EQ(-EFAULT, buf_register(self->grant, (void *)-8, PAGE, 0));
	EXPECT_EQ(-EFAULT, buf_register(self->grant,
					(void *)0xffff888000000000, PAGE, 0));

	ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, buf_register(self->grant, page, PAGE, 0));
	id = buf_register(self->grant, page, PAGE, USHER_BUF_RDONLY);
	EXPECT_LT(0, id);
	EXPECT_EQ(0, buf_unregister(self->grant, id));
	EXPECT_EQ(-ENOENT, buf_unregister(self->grant, id));
	ASSERT_EQ(0, mprotect(page, PAGE, PROT_NONE));
	EXPECT_EQ(-EFAULT, buf_register(self->grant, page, PAGE,
					USHER_BUF_RDONLY));
	ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ | PROT_WRITE));
}

static bool registers(int grant, void *addr, uint32_t flags)
{
	int id = buf_register(grant, addr, PAGE, flags);

	return id > 0 && !buf_unregister(grant, id);
}

/* The file system of a shared mapping would not know what the device writes. */
TEST_F(ioctls, buf_register_of_a_file_on_disk)
{
	char *map = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *page = map + PAGE;
	int fd = file_on_disk(PAGE);

	ASSERT_LE(0, fd);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(page, mmap(page, PAGE, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_FIXED, fd, 0));
	EXPECT_EQ(-EOPNOTSUPP, buf_register(self->grant, page, PAGE, 0));
	/* With memory that can be pinned around it, and after it was touched */
	EXPECT_EQ(-EOPNOTSUPP, buf_register(self->grant, map, 3 * PAGE, 0));
	memset(page, 1, PAGE);
	EXPECT_EQ(-EOPNOTSUPP, buf_register(self->grant, page, PAGE, 0));
	EXPECT_EQ(-EOPNOTSUPP, buf_register(self->grant, map, 3 * PAGE, 0));
	EXPECT_TRUE(registers(self->grant, page, USHER_BUF_RDONLY));

	ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, buf_register(self->grant, page, PAGE, 0));
	EXPECT_TRUE(registers(self->grant, page, USHER_BUF_RDONLY));
	ASSERT_EQ(page, mmap(page, PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_FIXED, fd, 0));
	EXPECT_TRUE(registers(self->grant, page, 0));
	munmap(map, 3 * PAGE);
	close(fd);
}

static sig_atomic_t signals;

static void count_signal(int number)
{
	signals++;
}

/* Many pages take time, in which signals come: they are no reason to fail. */
TEST_F(ioctls, buf_register_amid_signals)
{
	struct itimerval timer = {
		.it_value.tv_usec = 1000, .it_interval.tv_usec = 1000,
	};
	struct sigaction action = { .sa_handler = count_signal };
	size_t length = 16 << 20;
	long pins = pinned_pages();
	char *memory;
	int buf;

	memory = mmap(NULL, length, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &timer, NULL));
	for (signals = 0; signals < 300; ) {
		buf = buf_register(self->grant, memory, length, 0);
		ASSERT_LT(0, buf);
		ASSERT_EQ(0, buf_unregister(self->grant, buf));
		ASSERT_TRUE(wait_until(pinned_pages() == pins));
	}
	memset(&timer, 0, sizeof(timer));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &timer, NULL));
	munmap(memory, length);
}

TEST_F(ioctls, buf_register_rlimit)
{
	struct rlimit limit = { .rlim_cur = 4 * PAGE, .rlim_max = 4 * PAGE };
	int grant = self->grant, status;
	char *memory;
	pid_t pid;

	memory = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, memory);
	pid = fork();
	if (!pid) {
		int id;

		if (become(4711) || setrlimit(RLIMIT_MEMLOCK, &limit))
			_exit(1);
		if (buf_register(grant, memory, 5 * PAGE, 0) != -ENOMEM)
			_exit(2);
		/* Eight bytes across the end of a page count as two pages. */
		if (buf_register(grant, memory + PAGE - 4, 8, 0) < 0 ||
		    buf_register(grant, memory + 3 * PAGE, 2 * PAGE, 0) < 0)
			_exit(3);
		if (buf_register(grant, memory, 4, 0) != -ENOMEM)
			_exit(4);
		/* The user is charged, not the process. */
		if (!fork())
			_exit(buf_register(grant, memory, 4, 0) == -ENOMEM ? 0 : 5);
		wait(&status);
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			_exit(5);
		for (id = 1; buf_unregister(grant, id) == 0; id++)
			;
		if (!wait_until(buf_register(grant, memory, 4 * PAGE, 0) > 0))
			_exit(6);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	munmap(memory, 8 * PAGE);
}

/* The number of pages of a mapping that are there */
static int pages_there(void *memory, uint32_t pages)
{
	unsigned char there[pages];
	int n = 0;

	if (mincore(memory, pages * PAGE, there))
		return -errno;
	while (pages)
		n += there[--pages] & 1;
	return n;
}

/* What the user may not lock is refused before it is fetched. */
TEST_F(ioctls, buf_register_charges_first)
{
	struct rlimit limit = { .rlim_cur = 4 * PAGE, .rlim_max = 4 * PAGE };
	int grant = self->grant, status;
	char *memory;
	pid_t pid;

	memory = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, memory);
	pid = fork();
	if (!pid) {
		if (become(4711) || setrlimit(RLIMIT_MEMLOCK, &limit))
			_exit(1);
		_exit(buf_register(grant, memory, 64 * PAGE, 0) == -ENOMEM ? 0 : 2);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_EQ(0, pages_there(memory, 64));
	status = buf_register(grant, memory, 64 * PAGE, 0);
	EXPECT_LT(0, status);
	EXPECT_EQ(64, pages_there(memory, 64));
	EXPECT_EQ(0, buf_unregister(grant, status));
	munmap(memory, 64 * PAGE);
}

#define CGROUP	"/sys/fs/cgroup/usher-test"

/* What the control group has of the memory that there is for each processor */
static long percpu_bytes(void)
{
	char line[128];
	long bytes = 0;
	FILE *file = fopen(CGROUP "/memory.stat", "r");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "percpu %ld", &bytes) == 1)
			break;
	if (file)
		fclose(file);
	return bytes;
}

/* A reference count of each buffer is there for each processor. */
TEST_F(ioctls, buf_register_is_charged_to_the_cgroup)
{
	const int count = 512;
	int status, id;
	pid_t pid;

	if (write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory"))
		SKIP(return, "no memory controller for control groups here");
	ASSERT_EQ(0, mkdir(CGROUP, 0755));
	pid = fork();
	if (!pid) {
		if (write_text(CGROUP "/cgroup.procs", "0"))
			_exit(1);
		for (id = 1; id <= count; id++)
			if (buf_register(self->grant, self->memory, PAGE, 0) != id)
				_exit(2);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_LE(count * sysconf(_SC_NPROCESSORS_CONF) * (long)sizeof(long), percpu_bytes());
	for (id = 1; id <= count; id++)
		EXPECT_EQ(0, buf_unregister(self->grant, id));
	EXPECT_EQ(0, rmdir(CGROUP));
}

/* ---- creating rings ---- */

TEST_F(ioctls, ring_create_entries)
{
	static const struct {
		uint32_t sq;
		uint32_t cq;
		int error;
	} tries[] = {
		{ 0, 0, EINVAL }, { 3, 0, EINVAL }, { 0x80000000, 0, EINVAL },
		{ UINT_MAX, 0, EINVAL }, { 8, 4, EINVAL }, { 8, 12, EINVAL },
		{ 8, 1 << 30, EINVAL }, { 1, 1, 0 }, { 1, 0, 0 }, { 8, 8, 0 },
		{ 4096, 0, 0 }, { 4096, 8192, 0 }, { 8192, 0, EINVAL },
		{ 1, 8192, 0 }, { 1, 16384, EINVAL },
	};
	int fd, i;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		struct usher_ring_create arg = {
			.size = sizeof(arg),
			.sq_entries = tries[i].sq,
			.cq_entries = tries[i].cq,
		};

		fd = call(self->grant, USHER_IOC_RING_CREATE, &arg);
		if (tries[i].error) {
			EXPECT_EQ(-tries[i].error, fd)
				TH_LOG("%u, %u", tries[i].sq, tries[i].cq);
			continue;
		}
		EXPECT_LE(0, fd)
			TH_LOG("%u, %u", tries[i].sq, tries[i].cq);
		EXPECT_EQ(6, arg.sqe_shift);
		EXPECT_EQ(4, arg.cqe_shift);
		EXPECT_LE(sizeof(struct usher_ring_ctl), arg.sq_offset);
		EXPECT_LE(arg.sq_offset + 64ULL * arg.sq_entries, arg.cq_offset);
		if (!tries[i].cq)
			EXPECT_EQ(2 * tries[i].sq, arg.cq_entries);
		EXPECT_LE(arg.cq_offset + 16ULL * arg.cq_entries, arg.mmap_bytes);
		EXPECT_EQ(0, arg.mmap_bytes % PAGE);
		close(fd);
	}
}

/* ---- admin queries ---- */

static int admin(int grant, uint32_t opcode, uint32_t cdw10, uint32_t cdw11,
		 void *data, uint32_t length, uint32_t *status)
{
	struct usher_admin arg = {
		.size = sizeof(arg),
		.opcode = opcode,
		.cdw10 = cdw10,
		.cdw11 = cdw11,
		.data = (uintptr_t)data,
		.data_length = length,
	};
	int ret = call(grant, USHER_IOC_ADMIN, &arg);

	if (status)
		*status = arg.status;
	return ret;
}

/* A list of numbers below 256 that are let through */
static bool listed(const uint8_t *list, uint32_t number)
{
	for (; *list != 0xff; list++)
		if (*list == number)
			return true;
	return false;
}

TEST_F(ioctls, admin_allow_list)
{
	static const uint8_t opcodes[] = { 0x02, 0x06, 0x0a, 0xff };
	static const uint8_t cns[] = { 0, 1, 2, 3, 5, 6, 8, 0xff };
	static const uint8_t lids[] = { 1, 2, 3, 5, 0xff };
	static const uint8_t fids[] = { 1, 2, 4, 5, 6, 7, 8, 0x0a, 0x0b, 0xff };
	const uint32_t log = 127 << 16 | 0x8000;
	uint32_t i;

	for (i = 0; i < 256; i++) {
		/* Get Log Page with these dwords lacks the RAE bit. */
		if (!listed(opcodes, i))
			EXPECT_EQ(-EACCES, admin(self->grant, i, 1, 0,
						 self->memory, DEVICE_PAGE, NULL))
				TH_LOG("opcode %#x", i);
		EXPECT_EQ(listed(cns, i) ? 0 : -EACCES,
			  admin(self->grant, 0x06, i, 0, self->memory, DEVICE_PAGE, NULL))
			TH_LOG("CNS %#x", i);
		EXPECT_EQ(listed(lids, i) ? 0 : -EACCES,
			  admin(self->grant, 0x02, log | i, 0, self->memory, DEVICE_PAGE, NULL))
			TH_LOG("LID %#x", i);
		EXPECT_EQ(listed(fids, i) ? 0 : -EACCES,
			  admin(self->grant, 0x0a, i, 0, NULL, 0, NULL))
			TH_LOG("FID %#x", i);
	}
	EXPECT_EQ(-EACCES, admin(self->grant, 0x106, 1, 0, self->memory, DEVICE_PAGE, NULL));
}

/* Who may not see what others do may not read the error log, which has their LBAs. */
TEST_F(ioctls, admin_error_log_is_for_administrators)
{
	const uint32_t log = 127 << 16 | 0x8000;
	int status;
	pid_t child = fork();

	if (!child)
		_exit(become(4711) ||
		      admin(self->grant, 0x02, log | 1, 0, self->memory, PAGE, NULL) != -EACCES ||
		      admin(self->grant, 0x02, log | 2, 0, self->memory, PAGE, NULL));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, admin(self->grant, 0x02, log | 1, 0, self->memory, PAGE, NULL));
}

TEST_F(ioctls, admin_bits)
{
	const uint32_t log = 127 << 16 | 0x8000;
	uint32_t status, bit;

	/* Identify: no controller identifier, no UUID index */
	for (bit = 8; bit < 32; bit++)
		EXPECT_EQ(-EACCES, admin(self->grant, 0x06, 1 | 1U << bit, 0,
					 self->memory, DEVICE_PAGE, NULL));
	for (bit = 0; bit < 24; bit++)
		EXPECT_EQ(-EACCES, admin(self->grant, 0x06, 1, 1U << bit,
					 self->memory, DEVICE_PAGE, NULL));
	/* Get Log Page: events must be retained, no log specific field */
	EXPECT_EQ(-EACCES, admin(self->grant, 0x02, 127 << 16 | 2, 0,
				 self->memory, DEVICE_PAGE, NULL));
	for (bit = 8; bit < 15; bit++)
		EXPECT_EQ(-EACCES, admin(self->grant, 0x02, log | 2 | 1U << bit,
					 0, self->memory, DEVICE_PAGE, NULL));
	EXPECT_EQ(-EACCES, admin(self->grant, 0x02, log | 2, 1, self->memory,
				 DEVICE_PAGE, NULL));
	/* Get Features: current, default, saved; capabilities are not asked for */
	for (bit = 0; bit < 3; bit++)
		EXPECT_EQ(0, admin(self->grant, 0x0a, bit << 8 | 6, 0, NULL, 0, &status));
	EXPECT_EQ(-EACCES, admin(self->grant, 0x0a, 3 << 8 | 6, 0, NULL, 0, NULL));
	EXPECT_EQ(-EACCES, admin(self->grant, 0x0a, 8 << 8 | 6, 0, NULL, 0, NULL));
	EXPECT_EQ(-EACCES, admin(self->grant, 0x0a, 6, 1, NULL, 0, NULL));
}

TEST_F(ioctls, admin_answers)
{
	unsigned char *data = self->memory;
	struct usher_grant_info info;
	char serial[20 + 1];
	uint32_t status;

	ASSERT_EQ(0, grant_info(self->grant, &info));
	/* The field of 20 bytes is filled up with spaces. */
	snprintf(serial, sizeof(serial), "%-20s", environment(PLAIN));
	/* Identify Controller on both nodes: the serial number */
	ASSERT_EQ(0, admin(self->grant, 0x06, 1, 0, data, DEVICE_PAGE, &status));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, memcmp(data + 4, serial, 20));
	memset(data, 0, DEVICE_PAGE);
	ASSERT_EQ(0, admin(self->controller, 0x06, 1, 0, data, DEVICE_PAGE, &status));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, memcmp(data + 4, serial, 20));
	/* Identify Namespace: its size */
	ASSERT_EQ(0, admin(self->grant, 0x06, 0, 0, data, DEVICE_PAGE, &status));
	EXPECT_EQ(0, status);
	EXPECT_EQ(info.ns_blocks, *(uint64_t *)data);
	/* Active namespaces: one */
	ASSERT_EQ(0, admin(self->grant, 0x06, 2, 0, data, DEVICE_PAGE, &status));
	EXPECT_EQ(0, status);
	EXPECT_EQ(1, *(uint32_t *)data);
	EXPECT_EQ(0, *(uint32_t *)(data + 4));
	/* What the device refuses is a status. */
	ASSERT_EQ(0, admin(self->grant, 0x0a, 0x03 + 1, 0x0, NULL, 0, &status));
	ASSERT_EQ(0, admin(self->grant, 0x06, 5, 0x7f << 24, data, DEVICE_PAGE, &status));
	EXPECT_NE(0, status);
}

TEST_F(ioctls, admin_errors)
{
	struct usher_admin arg = {
		.size = sizeof(arg),
		.opcode = 0x02,
		.cdw10 = 1024 << 16 | 0x8002,
		.data_length = 2 * DEVICE_PAGE,
		.data = (uintptr_t)self->memory,
	};
	int fd;

	/* Too little room, and none */
	EXPECT_EQ(-EINVAL, admin(self->grant, 0x06, 1, 0, self->memory,
				 DEVICE_PAGE - 1, NULL));
	EXPECT_EQ(-EFAULT, admin(self->grant, 0x06, 1, 0, NULL, DEVICE_PAGE, NULL));
	EXPECT_EQ(-EFAULT, admin(self->grant, 0x06, 1, 0,
				 self->memory + PAGE - DEVICE_PAGE + 4, DEVICE_PAGE, NULL));
	/* More than a page of a log; an offset that is odd, or far away */
	EXPECT_EQ(-EINVAL, call(self->grant, USHER_IOC_ADMIN, &arg));
	arg.cdw10 = 0x8002;
	arg.cdw12 = 2;
	EXPECT_EQ(-EINVAL, call(self->grant, USHER_IOC_ADMIN, &arg));
	arg.cdw12 = 1 << 16;
	EXPECT_EQ(-EINVAL, call(self->grant, USHER_IOC_ADMIN, &arg));
	arg.cdw12 = 0;
	arg.cdw13 = 1;
	EXPECT_EQ(-EACCES, call(self->grant, USHER_IOC_ADMIN, &arg));
	arg.cdw13 = 0;
	arg.cdw14 = 1;
	EXPECT_EQ(-EACCES, call(self->grant, USHER_IOC_ADMIN, &arg));
	arg.cdw14 = 0;
	EXPECT_EQ(0, call(self->grant, USHER_IOC_ADMIN, &arg));
	/* Without the right */
	fd = grant_narrow(self->grant, 0, 8, USHER_RIGHT_READ);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EACCES, admin(fd, 0x06, 1, 0, self->memory, DEVICE_PAGE, NULL));
	close(fd);
}

/* ---- a ring's ioctls ---- */

TEST_F(ioctls, eventfd_errors)
{
	struct usher_eventfd arg = { .size = sizeof(arg) };
	int polled;

	arg.fd = -2;
	EXPECT_EQ(-EBADF, call(self->ring.fd, USHER_IOC_EVENTFD, &arg));
	arg.fd = 1 << 20;
	EXPECT_EQ(-EBADF, call(self->ring.fd, USHER_IOC_EVENTFD, &arg));
	arg.fd = self->grant;
	EXPECT_EQ(-EINVAL, call(self->ring.fd, USHER_IOC_EVENTFD, &arg));
	arg.fd = eventfd(0, EFD_CLOEXEC);
	EXPECT_EQ(0, call(self->ring.fd, USHER_IOC_EVENTFD, &arg));
	polled = ring_create(self->grant, 8, USHER_RING_POLLED);
	ASSERT_LE(0, polled);
	EXPECT_EQ(-EOPNOTSUPP, call(polled, USHER_IOC_EVENTFD, &arg));
	close(polled);
	close(arg.fd);
	arg.fd = -1;
	EXPECT_EQ(0, call(self->ring.fd, USHER_IOC_EVENTFD, &arg));
}

TEST_F(ioctls, enter_errors)
{
	struct usher_enter arg = { .size = sizeof(arg) };
	sigset_t mask;

	arg.min_complete = self->ring.cq_entries + 1;
	EXPECT_EQ(-EINVAL, call(self->ring.fd, USHER_IOC_ENTER, &arg));
	arg.min_complete = 1;
	arg.flags = USHER_ENTER_DEADLINE;
	EXPECT_EQ(-ETIME, call(self->ring.fd, USHER_IOC_ENTER, &arg));
	arg.sigmask = (uintptr_t)&mask;
	arg.sigsetsize = 7;
	EXPECT_EQ(-EINVAL, call(self->ring.fd, USHER_IOC_ENTER, &arg));
	arg.sigmask = (uintptr_t)-PAGE;
	arg.sigsetsize = 8;
	EXPECT_EQ(-EFAULT, call(self->ring.fd, USHER_IOC_ENTER, &arg));
	/* Whether or not there is something to wait for */
	arg.min_complete = 0;
	arg.sigsetsize = 16;
	EXPECT_EQ(-EINVAL, call(self->ring.fd, USHER_IOC_ENTER, &arg));
	arg.sigmask = 0;
	EXPECT_EQ(-EINVAL, call(self->ring.fd, USHER_IOC_ENTER, &arg));
}

TEST_F(ioctls, ring_info)
{
	struct usher_ring_info info = {
		.size = sizeof(info),
		.nr_tags = 16,
		.tags = (uintptr_t)-PAGE,
	};

	/* No command is in flight, so no tag is written. */
	EXPECT_EQ(0, call(self->ring.fd, USHER_IOC_RING_INFO, &info));
	EXPECT_EQ(0, info.nr_tags);
	EXPECT_EQ(8, info.sq_entries);
	EXPECT_EQ(16, info.cq_entries);
	EXPECT_EQ(self->ring.bytes, info.mmap_bytes);
	EXPECT_EQ(6, info.sqe_shift);
	EXPECT_EQ(4, info.cqe_shift);
	EXPECT_EQ(1, info.nsid);
	EXPECT_EQ(0, info.state);
	EXPECT_LE(1, info.qid);
	EXPECT_LE(info.qid, 4);
	EXPECT_EQ(0, info.inflight);
	EXPECT_EQ(0, info.submitted);
	EXPECT_EQ(0, info.completed);
}

TEST_HARNESS_MAIN
