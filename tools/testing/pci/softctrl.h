/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The controller made of software, usher-softctrl.ko (drivers/usher/tests), bound to
 * usher-raw, and a driver that keeps it at work. Its faults and counts are files in
 * debugfs. Its DMA is a memcpy() of the kernel's, so KASAN sees each access to memory
 * that was freed too early.
 *
 * The kernel's command line must have memmap=16M$0x30000000, for its registers.
 *
 * Functions return a negative errno value, unless their comment says otherwise.
 */
#ifndef SOFTCTRL_H
#define SOFTCTRL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* NVM Express 1.4: the one register that tests read, and how many are mapped */
#define NVME_CSTS	0x1c
#define REGISTER_BYTES	0x2000

/**
 * struct driver - a driver that lets the controller write memory all the time
 * @fd: function
 * @registers: mapped
 * @memory: submission queue and completion queue, a page each
 * @bus: their bus addresses, and that of a page for data: mapped by nobody, so that
 *	it is free as soon as the module lets it go
 * @event: vector 0
 * @tail: next entry to fill
 * @head: next completion
 * @phase: its phase bit
 * @done: completions
 * @polls: does not sleep until an interrupt comes
 * @end: stop
 * @thread: does it
 */
struct driver {
	int fd;
	uint8_t *registers;
	uint8_t *memory;
	uint64_t bus[3];
	int event;
	uint32_t tail;
	uint32_t head;
	uint32_t phase;
	uint32_t done;
	bool polls;
	bool end;
	pthread_t thread;
};

int softctrl_load(const char *parameters);
int softctrl_unload(void);
const char *softctrl(void);
int softctrl_open(void);
bool set_fault(const char *name, const char *what);
long counter(const char *name);
bool hold_a_command(struct driver *driver);
bool release_it(void);

int driver_start(struct driver *driver);
void driver_unmap(struct driver *driver);
void driver_finish(struct driver *driver);
void driver_stop(struct driver *driver);

#endif /* SOFTCTRL_H */
