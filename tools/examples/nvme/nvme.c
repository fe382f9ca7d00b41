// SPDX-License-Identifier: GPL-2.0-only
/*
 * See nvme.h. Section numbers are those of the NVM Express Base Specification,
 * revision 2.0.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nvme.h"

/* Registers (3.1.3) */
#define CAP		0x00
#define CAP_MQES(cap)	((uint32_t)((cap) & 0xffff))
#define CAP_TO(cap)	((cap) >> 24 & 0xff)		/* 500 ms each */
#define CAP_DSTRD(cap)	((cap) >> 32 & 0xf)
#define CAP_MPSMIN(cap)	((cap) >> 48 & 0xf)
#define INTMS		0x0c
#define CC		0x14
#define CC_EN		0x00000001U
#define CC_SHN_NORMAL	0x00004000U
#define CC_SIZES	0x00460000U	/* entries of 64 and 16 bytes */
#define CSTS		0x1c
#define CSTS_RDY	0x1U
#define CSTS_CFS	0x2U
#define CSTS_SHST	0xcU
#define CSTS_SHST_DONE	0x8U
#define AQA		0x24
#define ASQ		0x28
#define ACQ		0x30
#define DOORBELLS	0x1000

/* Admin commands (5) */
#define ADMIN_CREATE_SQ		0x01
#define ADMIN_CREATE_CQ		0x05
#define ADMIN_IDENTIFY		0x06
#define QUEUE_CONTIGUOUS	0x1U
#define QUEUE_INTERRUPTS	0x2U

#define PAGE		4096U		/* of the controller, as CC says */
#define PRPS		(PAGE / 8)
#define ADMIN_ENTRIES	8U
#define ADMIN_TIMEOUT	5000000000ULL
#define NSID		1
#define LOOK_EVERY	16384		/* polls between looks at the clock */

static const char *reason;	/* of the driver's own failures */

static int fail(int error, const char *text)
{
	reason = text;
	return error;
}

const char *nvme_reason(void)
{
	return reason ? reason : usher_pci_reason();
}

static void *at(const struct usher_pci_dma *dma, uint64_t offset)
{
	return (char *)dma->address + offset;
}

/* The address of a page, as the device reads it */
static uint64_t prp(const struct usher_pci_dma *dma, uint64_t offset)
{
	return usher_pci_le64(usher_pci_dma_bus(dma, offset));
}

/*
 * Queues
 */

static int make_queue(struct nvme *nvme, struct nvme_queue *queue,
		      uint32_t number, uint32_t entries)
{
	uint64_t cap = usher_pci_read64(&nvme->registers, CAP);
	int ret;

	queue->entries = entries;
	queue->phase = 1;
	queue->stride = 4U << CAP_DSTRD(cap);
	queue->doorbell = DOORBELLS + 2 * number * queue->stride;
	ret = usher_pci_dma_alloc(nvme->pci,
				  entries * sizeof(struct nvme_command),
				  USHER_PCI_DMA_CONTIGUOUS, &queue->sq);
	if (ret < 0)
		return ret;
	ret = usher_pci_dma_alloc(nvme->pci,
				  entries * sizeof(struct nvme_completion),
				  USHER_PCI_DMA_CONTIGUOUS, &queue->cq);
	if (ret < 0)
		return ret;
	queue->commands = queue->sq->address;
	queue->completions = queue->cq->address;
	return 0;
}

/* The entry to be filled next: the slots see to it that there is one. */
static struct nvme_command *next_command(struct nvme_queue *queue)
{
	struct nvme_command *command = &queue->commands[queue->tail];

	if (++queue->tail == queue->entries)
		queue->tail = 0;
	return command;
}

static void ring_tail(struct nvme *nvme, struct nvme_queue *queue)
{
	usher_pci_write32(&nvme->registers, queue->doorbell, queue->tail);
}

static void ring_head(struct nvme *nvme, struct nvme_queue *queue)
{
	usher_pci_write32(&nvme->registers, queue->doorbell + queue->stride,
			  queue->head);
}

/* The device writes the phase last: what is read after it is there. */
static bool take_completion(struct nvme_queue *queue, uint16_t *cid,
			    uint16_t *status, uint32_t *result)
{
	const struct nvme_completion *completion =
		&queue->completions[queue->head];
	uint16_t word = usher_pci_load16(&completion->status);

	if ((word & 1) != queue->phase)
		return false;
	usher_pci_rmb();
	*cid = usher_pci_le16(completion->cid);
	*status = word >> 1 & 0x7ff;
	*result = usher_pci_le32(completion->result);
	if (++queue->head == queue->entries) {
		queue->head = 0;
		queue->phase ^= 1;
	}
	return true;
}

/*
 * Admin commands
 */

static int run_admin(struct nvme *nvme, const struct nvme_command *command)
{
	uint64_t end = usher_pci_clock() + ADMIN_TIMEOUT;
	uint16_t cid, status;
	uint32_t result;

	*next_command(&nvme->admin) = *command;
	ring_tail(nvme, &nvme->admin);
	while (!take_completion(&nvme->admin, &cid, &status, &result)) {
		if (usher_pci_clock() > end)
			return fail(-ETIMEDOUT,
				    "an admin command did not complete");
		usher_pci_delay(20000);
	}
	ring_head(nvme, &nvme->admin);
	return status ? fail(-EIO, "an admin command was refused") : 0;
}

static int identify(struct nvme *nvme, uint32_t cns, uint32_t nsid)
{
	struct nvme_command command = {
		.opcode = ADMIN_IDENTIFY,
		.nsid = usher_pci_le32(nsid),
		.prp1 = prp(nvme->scratch, 0),
		.cdw10 = usher_pci_le32(cns),
	};

	return run_admin(nvme, &command);
}

static uint64_t little_endian(const uint8_t *bytes, unsigned int count)
{
	uint64_t value = 0;

	while (count--)
		value = value << 8 | bytes[count];
	return value;
}

static void copy_text(char *to, const uint8_t *from, size_t bytes)
{
	while (bytes && from[bytes - 1] == ' ')
		bytes--;
	memcpy(to, from, bytes);
	to[bytes] = '\0';
}

/* Identify Controller and Identify Namespace (5.17.2) */
static int read_identity(struct nvme *nvme)
{
	const uint8_t *data = nvme->scratch->address;
	uint8_t format;
	int ret;

	ret = identify(nvme, 1, 0);
	if (ret)
		return ret;
	copy_text(nvme->serial, data + 4, 20);
	copy_text(nvme->model, data + 24, 40);
	nvme->max_bytes = data[77] && data[77] < 20 ?
			  (uint64_t)PAGE << data[77] : UINT64_MAX;
	if (nvme->max_bytes > nvme->options.slot_bytes)
		nvme->max_bytes = nvme->options.slot_bytes;

	ret = identify(nvme, 0, NSID);
	if (ret)
		return ret;
	nvme->blocks = little_endian(data, 8);
	format = data[26] & 0xf;
	nvme->block_shift = data[128 + 4 * format + 2];
	if (!nvme->blocks || nvme->block_shift < 9 || nvme->block_shift > 16)
		return fail(-EOPNOTSUPP, "there is no namespace 1 of blocks of 512 to 65536 bytes");
	if (little_endian(data + 128 + 4 * format, 2))
		return fail(-EOPNOTSUPP, "namespace 1 has metadata");
	return 0;
}

static int create_queues(struct nvme *nvme)
{
	uint32_t size = (nvme->io.entries - 1) << 16 | 1;
	uint32_t interrupts = nvme->options.interrupts ?
			      nvme->vector << 16 | QUEUE_INTERRUPTS : 0;
	struct nvme_command cq = {
		.opcode = ADMIN_CREATE_CQ,
		.prp1 = prp(nvme->io.cq, 0),
		.cdw10 = usher_pci_le32(size),
		.cdw11 = usher_pci_le32(interrupts | QUEUE_CONTIGUOUS),
	};
	struct nvme_command sq = {
		.opcode = ADMIN_CREATE_SQ,
		.prp1 = prp(nvme->io.sq, 0),
		.cdw10 = usher_pci_le32(size),
		.cdw11 = usher_pci_le32(1 << 16 | QUEUE_CONTIGUOUS),
	};
	int ret = run_admin(nvme, &cq);

	return ret ? ret : run_admin(nvme, &sq);
}

/*
 * Up and down
 */

/* Wait until CSTS has @value in @mask; a failed controller may never. */
static int wait_status(struct nvme *nvme, uint32_t mask, uint32_t value)
{
	uint64_t cap = usher_pci_read64(&nvme->registers, CAP);
	int ret = usher_pci_await32(&nvme->registers, CSTS, mask, value,
				    (CAP_TO(cap) + 1) * 500000000);

	if (ret == -ETIMEDOUT && usher_pci_read32(&nvme->registers, CSTS) & CSTS_CFS)
		return fail(-EIO, "the controller says it failed");
	return ret;
}

static int disable(struct nvme *nvme)
{
	usher_pci_write32(&nvme->registers, CC, 0);
	return wait_status(nvme, CSTS_RDY, 0);
}

static int enable(struct nvme *nvme)
{
	const struct usher_pci_region *registers = &nvme->registers;
	uint32_t size = nvme->admin.entries - 1;

	usher_pci_write32(registers, AQA, size << 16 | size);
	usher_pci_write64(registers, ASQ, usher_pci_dma_bus(nvme->admin.sq, 0));
	usher_pci_write64(registers, ACQ, usher_pci_dma_bus(nvme->admin.cq, 0));
	nvme->enabled = true;
	usher_pci_write32(registers, CC, CC_SIZES | CC_EN);
	return wait_status(nvme, CSTS_RDY, CSTS_RDY);
}

/* The bus addresses of each slot's pages, and of all but the first as a list */
static void fill_slots(struct nvme *nvme)
{
	uint32_t bytes = nvme->options.slot_bytes, i, page;
	uint64_t *list, offset;

	for (i = 0; i < nvme->options.slots; i++) {
		offset = (uint64_t)i * bytes;
		list = at(nvme->lists, (uint64_t)i * PAGE);
		for (page = 1; page < bytes / PAGE; page++)
			list[page - 1] = prp(nvme->data, offset + page * PAGE);
		nvme->slots[i].first = prp(nvme->data, offset);
		nvme->slots[i].second = list[0];
		nvme->slots[i].list = prp(nvme->lists, (uint64_t)i * PAGE);
	}
}

static int make_slots(struct nvme *nvme)
{
	const struct nvme_options *options = &nvme->options;
	uint64_t bytes = (uint64_t)options->slots * options->slot_bytes;
	int ret;

	nvme->slots = calloc(options->slots, sizeof(*nvme->slots));
	if (!nvme->slots)
		return fail(-ENOMEM, "no memory");
	ret = options->memory ?
	      usher_pci_dma_register(nvme->pci, options->memory, bytes, 0,
				     &nvme->data) :
	      usher_pci_dma_alloc(nvme->pci, bytes, 0, &nvme->data);
	if (!ret)
		ret = usher_pci_dma_alloc(nvme->pci,
					  (uint64_t)options->slots * PAGE, 0,
					  &nvme->lists);
	if (!ret)
		fill_slots(nvme);
	return ret;
}

static int make_memory(struct nvme *nvme)
{
	uint64_t cap = usher_pci_read64(&nvme->registers, CAP);
	int ret;

	if (CAP_MPSMIN(cap))
		return fail(-EOPNOTSUPP, "the controller has no pages of 4 KiB");
	if (nvme->options.slots > CAP_MQES(cap))
		return fail(-EOPNOTSUPP, "the controller's queues are shorter");
	ret = make_queue(nvme, &nvme->admin, 0, ADMIN_ENTRIES);
	if (!ret)
		ret = make_queue(nvme, &nvme->io, 1, nvme->options.slots + 1);
	if (!ret)
		ret = usher_pci_dma_alloc(nvme->pci, PAGE, 0, &nvme->scratch);
	if (!ret)
		ret = make_slots(nvme);
	return ret;
}

/* One vector for the admin queue, which is polled, and one for I/O, if possible */
static int make_vectors(struct nvme *nvme)
{
	uint32_t vectors = usher_pci_info(nvme->pci)->vectors;

	if (!nvme->options.interrupts) {
		usher_pci_write32(&nvme->registers, INTMS, UINT32_MAX);
		return 0;
	}
	nvme->vector = vectors > 1 ? 1 : 0;
	return usher_pci_enable_vectors(nvme->pci, nvme->vector + 1);
}

static int bring_up(struct nvme *nvme)
{
	int ret = usher_pci_map_region(nvme->pci, 0, &nvme->registers);

	if (!ret)
		ret = disable(nvme);
	if (!ret)
		ret = make_memory(nvme);
	if (!ret)
		ret = make_vectors(nvme);
	if (!ret)
		ret = enable(nvme);
	if (!ret)
		ret = read_identity(nvme);
	if (!ret)
		ret = create_queues(nvme);
	return ret;
}

int nvme_open(const char *address, const struct nvme_options *options,
	      struct nvme **nvme)
{
	int ret;

	reason = NULL;
	if (!options->slots || options->slots > NVME_MAX_SLOTS ||
	    !options->slot_bytes || options->slot_bytes > NVME_MAX_BYTES ||
	    options->slot_bytes % PAGE)
		return fail(-EINVAL, "there are 1 to 1024 slots of whole pages up to 1 MiB");

	*nvme = calloc(1, sizeof(**nvme));
	if (!*nvme)
		return fail(-ENOMEM, "no memory");
	(*nvme)->options = *options;
	ret = usher_pci_open(address, &(*nvme)->pci);
	if (!ret)
		ret = bring_up(*nvme);
	if (ret < 0)
		nvme_close(*nvme);
	return ret;
}

void nvme_close(struct nvme *nvme)
{
	if (nvme->enabled) {
		usher_pci_write32(&nvme->registers, CC,
				  CC_SIZES | CC_EN | CC_SHN_NORMAL);
		wait_status(nvme, CSTS_SHST, CSTS_SHST_DONE);
		disable(nvme);
	}
	usher_pci_close(nvme->pci);
	free(nvme->slots);
	free(nvme);
}

/*
 * Input and output
 */

void *nvme_data(const struct nvme *nvme, uint32_t slot)
{
	return at(nvme->data, (uint64_t)slot * nvme->options.slot_bytes);
}

/* A transfer of one page has no second PRP, which must be zero then. */
static uint64_t second_prp(const struct nvme_slot *slot, uint32_t bytes)
{
	if (bytes <= PAGE)
		return 0;
	return bytes <= 2 * PAGE ? slot->second : slot->list;
}

void nvme_queue(struct nvme *nvme, uint8_t opcode, uint16_t slot, uint64_t lba,
		uint32_t blocks)
{
	struct nvme_command *command = next_command(&nvme->io);
	const struct nvme_slot *data = &nvme->slots[slot];

	command->opcode = opcode;
	command->cid = usher_pci_le16(slot);
	command->nsid = usher_pci_le32(NSID);
	command->prp1 = data->first;
	command->prp2 = second_prp(data, blocks << nvme->block_shift);
	command->cdw10 = usher_pci_le32((uint32_t)lba);
	command->cdw11 = usher_pci_le32((uint32_t)(lba >> 32));
	command->cdw12 = usher_pci_le32(blocks - 1);
	/* all else in the queue is zero and stays so */
}

void nvme_submit(struct nvme *nvme)
{
	ring_tail(nvme, &nvme->io);
}

int nvme_reap(struct nvme *nvme, struct nvme_done *done, uint32_t max)
{
	uint32_t count = 0, result;

	while (count < max &&
	       take_completion(&nvme->io, &done[count].slot,
			       &done[count].status, &result)) {
		if (done[count].slot >= nvme->options.slots)
			return fail(-EIO, "the device completed a command that there is not");
		count++;
	}
	if (count)
		ring_head(nvme, &nvme->io);
	return (int)count;
}

int nvme_wait(struct nvme *nvme, uint64_t timeout_ns)
{
	int ret = usher_pci_unmask(nvme->pci, nvme->vector);

	if (!ret)
		ret = usher_pci_wait(nvme->pci, nvme->vector, timeout_ns);
	return ret < 0 ? ret : 0;
}

/* Without interrupts: now and then whether there is anything to wait for */
static int look(struct nvme *nvme, uint64_t *end, uint64_t timeout_ns)
{
	if (usher_pci_gone(nvme->pci))
		return fail(-ENODEV, "the controller is gone");
	if (!*end)
		*end = usher_pci_clock() + timeout_ns;
	else if (usher_pci_clock() > *end)
		return fail(-ETIMEDOUT, "a command did not complete");
	return 0;
}

int nvme_reap_wait(struct nvme *nvme, struct nvme_done *done, uint32_t max,
		   uint64_t timeout_ns)
{
	uint64_t end = 0;
	int count, ret = 0;

	for (;;) {
		count = nvme_reap(nvme, done, max);
		if (count < 0)
			return count;
		if (!count && nvme->options.interrupts)
			ret = nvme_wait(nvme, timeout_ns);
		else if (++nvme->polls % LOOK_EVERY == 0)
			ret = look(nvme, &end, timeout_ns);
		if (ret < 0 && ret != -EINTR)
			return ret;
		if (count)
			return count;
	}
}

int nvme_transfer(struct nvme *nvme, uint8_t opcode, uint64_t lba,
		  uint32_t blocks)
{
	struct nvme_done done;
	int ret;

	nvme_queue(nvme, opcode, 0, lba, blocks);
	nvme_submit(nvme);
	ret = nvme_reap_wait(nvme, &done, 1, ADMIN_TIMEOUT);
	return ret < 0 ? ret : done.status;
}
