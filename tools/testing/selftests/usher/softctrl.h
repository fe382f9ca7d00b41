/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the softctrl_*_test programs share: they load the software controller
 * (usher-softctrl.ko, drivers/usher/tests), make its faults through debugfs, and do
 * I/O on it as a process. softctrl-debugfs.c lists the files in debugfs.
 *
 * They need root, usher loaded, USHER_SOFTCTRL (see helper.h), and memory for the
 * controller's registers on the kernel's command line: memmap=16M$0x30000000.
 *
 * Functions that return int return a negative errno, unless they say otherwise.
 */
#ifndef USHER_TEST_SOFTCTRL_H
#define USHER_TEST_SOFTCTRL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper.h"

#define DEBUGFS		"/sys/kernel/debug/usher-softctrl/"
#define IO_TIMEOUT	"/sys/module/usher/parameters/io_timeout"
#define DRIVER		"/sys/bus/pci/drivers/usher/"
#define DEVICES		"/sys/bus/pci/devices/"

#define ENTRIES		64
#define BLOCK		512
#define BUF_BYTES	(ENTRIES * 4096)

/* Status codes that only a device makes */
#define SC_ABORT_REQ	0x007
#define SC_READ_ERROR	0x281

/**
 * struct softctrl - the fixture: the controller, and a process that uses it
 * @loaded: usher-softctrl.ko is loaded
 * @address: PCI address
 * @node: node of the namespace, in /dev
 * @old_timeout: the module parameter io_timeout before the test
 * @kmsg: the kernel log, from the beginning of the test on
 * @pins: pages that were pinned before the test
 * @grant: on @node, or -1
 * @ring: on @grant; @ring.ctl is NULL when there is none
 * @mem: BUF_BYTES of memory, registered with @grant
 * @buf: its id
 * @nsid: the namespace of @grant
 *
 * Each program has a fixture of its own name with these data:
 *
 *	#define _test_data_NAME	softctrl
 *	FIXTURE(NAME);
 */
struct softctrl {
	bool loaded;
	char address[32];
	char node[64];
	char old_timeout[16];
	int kmsg;
	long pins;
	int grant;
	struct ring ring;
	unsigned char *mem;
	uint32_t buf;
	uint32_t nsid;
};

/* ---- a test's beginning and end ---- */

void softctrl_require(void);
int softctrl_setup(struct softctrl *self);
int softctrl_teardown(struct softctrl *self);

/* ---- the controller: faults, and what it has counted ---- */

int fault(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
long stat_of(const char *name);
bool wait_stat(const char *name, long least);
long io_fetched(void);
unsigned long last_command(const char *key);
bool cq_is_empty(unsigned int qid);
bool quiet(void);

/* ---- the device: from plugging it in to an open ring ---- */

int plug(struct softctrl *self, const char *params);
int unplug(struct softctrl *self);
int find_node(struct softctrl *self);
int open_grant(struct softctrl *self);
int open_node(struct softctrl *self);
int start(struct softctrl *self, const char *params);
int start_unstoppable(struct softctrl *self, const char *params);
void close_all(struct softctrl *self);

/* ---- commands ---- */

int enter(const struct ring *ring, uint32_t submit, uint32_t complete, unsigned int ms);
int reap(struct ring *ring, struct usher_cqe *cqe, unsigned int ms);
void push_io(struct softctrl *self, uint8_t opcode, uint64_t slba, uint32_t nlb, uint16_t tag);
int submit_io(struct softctrl *self, uint8_t opcode, uint64_t slba, uint16_t tag);
int do_io(struct softctrl *self, uint8_t opcode, uint64_t slba, uint16_t tag);
int hold_read(struct softctrl *self, uint16_t tag);
unsigned int qid_of(const struct softctrl *self);

/* ---- what must be true afterwards ---- */

bool settled(struct softctrl *self);
bool is_gone(struct softctrl *self);
bool wait_pins(long want);
int logged(struct softctrl *self, const char *needle);

#endif /* USHER_TEST_SOFTCTRL_H */
