// SPDX-License-Identifier: GPL-2.0-only
/*
 * Read one block through a ring and print it.
 *
 *	./readblock /dev/usher0n1 LBA
 *	usherctl exec --rights r --user nobody -- ./readblock - LBA
 *
 * Build it after "make install" with
 *	cc readblock.c -o readblock $(pkg-config --cflags --libs libusher)
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <usher.h>

static int failed(const char *what, int error)
{
	fprintf(stderr, "readblock: %s: %s\n", what, strerror(-error));
	return 1;
}

static void dump(const unsigned char *data, unsigned int length)
{
	unsigned int i, k;

	for (i = 0; i < length; i += 16) {
		printf("%06x ", i);
		for (k = i; k < i + 16 && k < length; k++)
			printf(" %02x", data[k]);
		printf("  ");
		for (k = i; k < i + 16 && k < length; k++)
			putchar(isprint(data[k]) ? data[k] : '.');
		putchar('\n');
	}
}

/* One command: an entry into the ring, and its completion out of it */
static int read_block(struct usher_ring *ring, __u64 lba, __u32 buf,
		      __u32 length)
{
	struct usher_sqe *sqe = usher_ring_get_sqe(ring);
	struct usher_cqe *cqe;
	__u16 status;
	int ret;

	usher_prep_read(sqe, lba, 1, buf, 0, length);

	ret = usher_ring_submit_and_wait(ring, 1);
	if (ret < 0)
		return failed("submit", ret);
	ret = usher_ring_wait_cqe(ring, &cqe);
	if (ret < 0)
		return failed("wait", ret);

	status = usher_cqe_status(cqe);
	if (status)
		fprintf(stderr, "readblock: LBA %llu: %s%s\n", lba,
			usher_strstatus(status),
			usher_cqe_flags(cqe) & USHER_CQE_REFUSED ?
			" (refused by the guard)" : "");
	usher_cqe_seen(ring, cqe);	/* the kernel may reuse the entry now */
	return status ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct usher_grant_info info;
	struct usher_ring ring;
	unsigned char *data;
	int grant, ret;
	__u32 buf;

	if (argc != 3) {
		fprintf(stderr, "usage: readblock NODE|- LBA\n");
		return 2;
	}

	/* A grant: from a node, or from the parent that made it */
	grant = strcmp(argv[1], "-") ? usher_open(argv[1], O_RDONLY) :
				       usher_grant_from_env();
	if (grant < 0)
		return failed(argv[1], grant);
	ret = usher_grant_info(grant, &info);
	if (ret < 0)
		return failed("grant", ret);

	/* Memory that the device may write, and a name for it */
	data = aligned_alloc(4096, (info.lba_bytes + 4095) / 4096 * 4096);
	if (!data)
		return failed("memory", -ENOMEM);
	ret = usher_buf_register(grant, data, info.lba_bytes, 0, &buf);
	if (ret < 0)
		return failed("register", ret);

	ret = usher_ring_init(&ring, grant, 1, 0);
	if (ret < 0)
		return failed("ring", ret);

	ret = read_block(&ring, strtoull(argv[2], NULL, 0), buf,
			 info.lba_bytes);
	if (!ret)
		dump(data, info.lba_bytes);

	usher_ring_exit(&ring);
	close(grant);	/* unregisters the buffer too */
	free(data);
	return ret;
}
