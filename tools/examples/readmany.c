// SPDX-License-Identifier: GPL-2.0-only
/*
 * Read blocks with many commands in flight, and say which took longest.
 *
 *	./readmany /dev/usher0n1 COUNT
 *	usherctl exec --rights r --user nobody -- ./readmany - COUNT
 *
 * Build it after "make install" with
 *	cc readmany.c -o readmany $(pkg-config --cflags --libs libusher)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <usher.h>

#define DEPTH	32U	/* commands in flight */

/* A read from when it is prepared until it has completed */
struct request {
	__u64 lba;
	__u64 begun;			/* in nanoseconds */
	__u32 offset;			/* in the buffer */
	struct request *next;		/* of those that are free */
};

/* What there is to do, and was done */
struct work {
	struct usher_ring ring;
	struct request requests[DEPTH];
	struct request *free;
	__u64 lba, end;			/* next one to read, and where to stop */
	__u32 buf, lba_bytes;
	__u64 done, failed;
	__u64 slowest, slowest_lba;
};

static int failed(const char *what, int error)
{
	fprintf(stderr, "readmany: %s: %s\n", what, strerror(-error));
	return 1;
}

static __u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (__u64)ts.tv_sec * 1000000000 + (__u64)ts.tv_nsec;
}

/* As many reads as may be in flight */
static void prepare(struct work *w)
{
	while (w->lba < w->end && w->free) {
		struct usher_sqe *sqe = usher_ring_get_sqe(&w->ring);
		struct request *r = w->free;

		if (!sqe)
			break;
		w->free = r->next;
		r->lba = w->lba++;
		r->begun = now();
		usher_prep_read(sqe, r->lba, 1, w->buf, r->offset, w->lba_bytes);
		usher_sqe_set_data(&w->ring, sqe, r);
	}
}

/* A read has completed, whichever it is. */
static void completed(struct work *w, struct request *r, __u16 status)
{
	__u64 took = now() - r->begun;

	if (status) {
		fprintf(stderr, "readmany: LBA %llu: %s\n", r->lba, usher_strstatus(status));
		w->failed++;
	}
	if (took > w->slowest) {
		w->slowest = took;
		w->slowest_lba = r->lba;
	}
	w->done++;
	r->next = w->free;
	w->free = r;
}

static int read_all(struct work *w)
{
	__u64 count = w->end - w->lba;
	struct usher_cqe *cqe;
	int ret;

	while (w->done < count) {
		prepare(w);
		ret = usher_ring_submit_and_wait(&w->ring, 1);
		if (ret < 0 && ret != -EINTR)
			return failed("submit", ret);
		while (!usher_ring_peek_cqe(&w->ring, &cqe)) {
			completed(w, usher_cqe_get_data(&w->ring, cqe),
				  usher_cqe_status(cqe));
			usher_cqe_seen(&w->ring, cqe);
		}
	}
	printf("%llu blocks read, %llu failed; block %llu took longest, %llu us\n",
	       w->done, w->failed, w->slowest_lba, w->slowest / 1000);
	return w->failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct usher_grant_info info;
	static struct work work;
	unsigned char *data;
	int grant, ret;
	size_t bytes;
	__u32 i;

	if (argc != 3) {
		fprintf(stderr, "usage: readmany NODE|- COUNT\n");
		return 2;
	}
	grant = strcmp(argv[1], "-") ? usher_open(argv[1], O_RDONLY) :
				       usher_grant_from_env();
	if (grant < 0)
		return failed(argv[1], grant);
	ret = usher_grant_info(grant, &info);
	if (ret < 0)
		return failed("grant", ret);
	work.lba = info.slba;
	work.end = strtoull(argv[2], NULL, 0);
	work.end = info.slba + (work.end < info.nlb ? work.end : info.nlb);
	work.lba_bytes = info.lba_bytes;

	bytes = ((size_t)DEPTH * info.lba_bytes + 4095) / 4096 * 4096;
	data = aligned_alloc(4096, bytes);
	if (!data)
		return failed("memory", -ENOMEM);
	ret = usher_buf_register(grant, data, bytes, 0, &work.buf);
	if (ret < 0)
		return failed("register", ret);
	for (i = 0; i < DEPTH; i++) {
		work.requests[i].offset = i * info.lba_bytes;
		work.requests[i].next = work.free;
		work.free = &work.requests[i];
	}

	/* A ring that keeps a pointer for each command */
	ret = usher_ring_init(&work.ring, grant, DEPTH, USHER_RING_DATA64);
	if (ret < 0)
		return failed("ring", ret);
	ret = read_all(&work);

	usher_ring_exit(&work.ring);
	close(grant);	/* unregisters the buffer too */
	free(data);
	return ret;
}
