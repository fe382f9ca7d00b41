/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A driver for an NVMe controller in a process: one namespace, one I/O queue
 * pair, polled or with an interrupt. Commands have slots; each slot has a buffer
 * of its own, whose PRP list is built once. One thread at a time.
 *
 * Functions that return int return 0 or a negative errno value, with the reason
 * in nvme_reason(), unless they say otherwise.
 */
#ifndef NVME_H
#define NVME_H

#include <usher_pci.h>

#define NVME_MAX_SLOTS		1024U
#define NVME_MAX_BYTES		(1024U * 1024)	/* of a slot: one PRP list page */

enum nvme_opcode {
	NVME_WRITE	= 0x01,
	NVME_READ	= 0x02,
};

/**
 * struct nvme_command - submission queue entry, as the device reads it
 * @opcode: command
 * @flags: zero: PRPs, not fused
 * @cid: its slot
 * @nsid: namespace
 * @reserved: zero
 * @metadata: zero
 * @prp1: first page of data
 * @prp2: the second, or a list of all others
 * @cdw10: depends on the command, as the others do
 */
struct nvme_command {
	uint8_t opcode;
	uint8_t flags;
	uint16_t cid;
	uint32_t nsid;
	uint64_t reserved;
	uint64_t metadata;
	uint64_t prp1;
	uint64_t prp2;
	uint32_t cdw10;
	uint32_t cdw11;
	uint32_t cdw12;
	uint32_t cdw13;
	uint32_t cdw14;
	uint32_t cdw15;
};

/**
 * struct nvme_completion - completion queue entry, as the device writes it
 * @result: depends on the command
 * @reserved: nothing
 * @sq_head: how far the device has read
 * @sqid: which queue
 * @cid: slot of the command
 * @status: phase in bit 0, status above
 */
struct nvme_completion {
	uint32_t result;
	uint32_t reserved;
	uint16_t sq_head;
	uint16_t sqid;
	uint16_t cid;
	uint16_t status;
};

/**
 * struct nvme_queue - a submission and a completion queue
 * @commands: submission queue
 * @completions: completion queue
 * @entries: of each
 * @tail: next submission entry to fill
 * @head: next completion to look at
 * @phase: of a completion that is new
 * @doorbell: offset of the tail doorbell
 * @stride: from there to the head doorbell
 * @sq: memory of @commands
 * @cq: memory of @completions
 */
struct nvme_queue {
	struct nvme_command *commands;
	struct nvme_completion *completions;
	uint32_t entries;
	uint32_t tail;
	uint32_t head;
	uint16_t phase;
	uint32_t doorbell;
	uint32_t stride;
	struct usher_pci_dma *sq;
	struct usher_pci_dma *cq;
};

/**
 * struct nvme_slot - where the data of a command go
 * @first: bus address of its first page
 * @second: of its second
 * @list: of the list of all but the first
 */
struct nvme_slot {
	uint64_t first;
	uint64_t second;
	uint64_t list;
};

/**
 * struct nvme_options - what nvme_open() is to make
 * @slots: commands in flight, 1 to NVME_MAX_SLOTS
 * @slot_bytes: size of each buffer, whole pages, up to NVME_MAX_BYTES
 * @memory: of all buffers, aligned to a page; NULL: to be allocated
 * @interrupts: wait for interrupts, rather than poll
 */
struct nvme_options {
	uint32_t slots;
	uint32_t slot_bytes;
	void *memory;
	bool interrupts;
};

/**
 * struct nvme_done - a command that completed
 * @slot: its slot
 * @status: status code and type, 0 for success
 */
struct nvme_done {
	uint16_t slot;
	uint16_t status;
};

/**
 * struct nvme - a controller
 * @pci: its function
 * @registers: region 0
 * @admin: queue pair 0
 * @io: queue pair 1
 * @scratch: a page for the data of admin commands
 * @data: buffers of all slots
 * @lists: a page with a PRP list for each slot
 * @slots: each
 * @options: as given to nvme_open()
 * @enabled: the controller was told where its queues are
 * @polls: calls of nvme_reap_wait(), and its looks in vain
 * @vector: of the I/O queue pair
 * @block_shift: log2 of the bytes of a block
 * @blocks: size of the namespace
 * @max_bytes: what one command may move
 * @serial: serial number
 * @model: model
 */
struct nvme {
	struct usher_pci *pci;
	struct usher_pci_region registers;
	struct nvme_queue admin;
	struct nvme_queue io;
	struct usher_pci_dma *scratch;
	struct usher_pci_dma *data;
	struct usher_pci_dma *lists;
	struct nvme_slot *slots;
	struct nvme_options options;
	bool enabled;
	uint32_t polls;
	uint32_t vector;
	uint32_t block_shift;
	uint64_t blocks;
	uint64_t max_bytes;
	char serial[21];
	char model[41];
};

/* Why the last call that failed did so: a sentence */
const char *nvme_reason(void);

/* Take a controller and bring it up, with its first namespace. */
int nvme_open(const char *address, const struct nvme_options *options,
	      struct nvme **nvme);

/* Shut it down and give it back. */
void nvme_close(struct nvme *nvme);

/* The buffer of a slot */
void *nvme_data(const struct nvme *nvme, uint32_t slot);

/*
 * Put a command into the queue. The slot must be free, and the buffer large
 * enough.
 */
void nvme_queue(struct nvme *nvme, uint8_t opcode, uint16_t slot, uint64_t lba,
		uint32_t blocks);

/* Tell the device of all that was queued. */
void nvme_submit(struct nvme *nvme);

/*
 * Take completions, up to @max; returns how many there were, without waiting,
 * or -EIO when the device completed what was never submitted.
 */
int nvme_reap(struct nvme *nvme, struct nvme_done *done, uint32_t max);

/* Sleep until an interrupt; the device may have nothing all the same. */
int nvme_wait(struct nvme *nvme, uint64_t timeout_ns);

/*
 * nvme_reap() until there is something: sleeps, or polls and looks now and then
 * whether the device is still there. -ETIMEDOUT, -ENODEV, -EIO.
 */
int nvme_reap_wait(struct nvme *nvme, struct nvme_done *done, uint32_t max,
		   uint64_t timeout_ns);

/*
 * One command in slot 0, when no other is in flight. Returns 0, a positive NVMe
 * status, or a negative errno value.
 */
int nvme_transfer(struct nvme *nvme, uint8_t opcode, uint64_t lba,
		  uint32_t blocks);

#endif /* NVME_H */
