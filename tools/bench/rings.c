// SPDX-License-Identifier: GPL-2.0-only
/* usher's rings, by libusher. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <usher.h>

#include "bench.h"

static struct usher_ring ring;
static __u32 buffer;

static void make_ring(struct job *job, __u32 flags)
{
	int grant, ret;

	grant = usher_open(job->node, O_RDWR);
	if (grant < 0)
		die("%s: %s", job->node, strerror(-grant));
	ret = usher_buf_register(grant, job->data, (size_t)job->bytes * job->qd, 0,
				 &buffer);
	if (ret)
		die("usher_buf_register: %s", strerror(-ret));
	ret = usher_ring_init(&ring, grant, job->qd, flags);
	if (ret)
		die("usher_ring_init: %s", strerror(-ret));
}

void usher_setup(struct job *job)
{
	make_ring(job, 0);
}

void usher_poll_setup(struct job *job)
{
	make_ring(job, USHER_RING_POLLED);
}

static void prep(struct job *job, unsigned int place)
{
	struct usher_sqe *sqe = usher_ring_get_sqe(&ring);
	__u64 lba = next_lba(job);
	__u32 blocks = job->bytes >> job->lba_shift;
	__u64 offset = (__u64)place * job->bytes;

	if (!sqe)
		die("the ring has fewer entries than --qd");
	if (job->write)
		usher_prep_write(sqe, lba, blocks, buffer, offset, job->bytes);
	else
		usher_prep_read(sqe, lba, blocks, buffer, offset, job->bytes);
	usher_sqe_set_tag(sqe, place);
}

static unsigned int reap(struct job *job)
{
	struct usher_cqe *cqes[MAX_QD];
	unsigned int i, got;

	got = usher_ring_peek_batch_cqe(&ring, cqes, job->qd);
	for (i = 0; i < got; i++) {
		if (usher_cqe_status(cqes[i]))
			die("%s: transfer: %s", job->node,
			    usher_strstatus(usher_cqe_status(cqes[i])));
		job->free[job->nr_free++] = usher_cqe_tag(cqes[i]);
	}
	usher_ring_cq_advance(&ring, got);
	return got;
}

void usher_run(struct job *job, unsigned int count)
{
	unsigned int to_start = count, to_finish = count;
	int ret;

	while (to_finish) {
		for (; to_start && job->nr_free; to_start--)
			prep(job, job->free[--job->nr_free]);
		ret = usher_ring_submit_and_wait(&ring, to_finish < job->batch ?
						 to_finish : job->batch);
		if (ret < 0)
			die("usher_ring_submit_and_wait: %s", strerror(-ret));
		to_finish -= reap(job);
	}
}
