// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver in the process that has the whole controller by VFIO, and checks
 * nothing: the example driver. It polls.
 */
#include <string.h>

#include "../examples/nvme/nvme.h"
#include "bench.h"

#define PATIENCE_NS	30000000000ULL

static struct nvme *nvme;

void vfio_setup(struct job *job)
{
	struct nvme_options options = {
		.slots = job->qd,
		.slot_bytes = job->stride,
		.memory = job->data,
	};

	if (nvme_open(job->node, &options, &nvme) < 0)
		die("%s: %s", job->node, nvme_reason());
}

static unsigned int reap(struct job *job)
{
	struct nvme_done done[MAX_QD];
	int i, got;

	got = nvme_reap_wait(nvme, done, job->qd, PATIENCE_NS);
	if (got < 0)
		die("%s: %s", job->node, nvme_reason());
	for (i = 0; i < got; i++) {
		if (done[i].status)
			die("%s: transfer: status %x", job->node, done[i].status);
		job->free[job->nr_free++] = done[i].slot;
	}
	return got;
}

void vfio_run(struct job *job, unsigned int count)
{
	unsigned int to_start = count, to_finish = count;

	while (to_finish) {
		for (; to_start && job->nr_free; to_start--)
			nvme_queue(nvme, job->write ? NVME_WRITE : NVME_READ,
				   job->free[--job->nr_free], next_lba(job),
				   job->blocks);
		nvme_submit(nvme);
		to_finish -= reap(job);
	}
}
