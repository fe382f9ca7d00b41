/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of raw mode share: the devices, and the calls of linux/usher_raw.h,
 * one function each. These tests go without the library.
 *
 * What may fail returns a negative errno value, unless its comment says otherwise.
 */
#ifndef RAW_H
#define RAW_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>
#include <linux/usher_raw.h>

#include "environment.h"

/* ---- the devices ---- */

/* The educational device: docs/specs/edu.rst of QEMU */
#define EDU_ID			0x00
#define EDU_ID_VALUE		0x010000ed
#define EDU_LIVENESS		0x04
#define EDU_FACTORIAL		0x08
#define EDU_STATUS		0x20
#define EDU_STATUS_BUSY		0x01
#define EDU_RAISE		0x60
#define EDU_ACKNOWLEDGE		0x64
#define EDU_DMA_SOURCE		0x80
#define EDU_DMA_DESTINATION	0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98
#define EDU_DMA_TO_MEMORY	0x3
#define EDU_DMA_FROM_MEMORY	0x1
#define EDU_BUFFER		0x40000
#define EDU_BUFFER_BYTES	2048
#define EDU_DMA_US		100000	/* from the command to the access */
#define EDU_ADDRESS_BITS	28

/* Configuration space */
#define COMMAND			0x04
#define COMMAND_MASTER		0x0004
#define COMMAND_NO_INTX		0x0400
#define STATUS			0x06
#define CACHE_LINE_SIZE		0x0c
#define BAR0			0x10

#define PAGE			page_bytes()
#define MOST_PAGE		65536	/* of all processors, for static arrays */
#define NOBODY			65534

/* An interrupt that is due comes within this time. */
#define SOON_MS			10000
/* What ends by itself, in a debug kernel in an emulated processor, ends within this. */
#define PATIENCE_MS		20000

void own_nodes(uid_t uid);
bool unbind_function(const char *address);
bool bind_function(const char *address);
bool reset_by_sysfs(const char *address);
bool bridge_above(const char *function, char *text, size_t bytes);
bool set_domain(const char *address, const char *type);
long attribute(const char *address, const char *name);
long function_attribute(const char *address, const char *name);

/* ---- one call each ---- */

int call(int fd, unsigned long request, void *arg);
int open_node(const char *address);
struct usher_raw_info info_of(int fd);
bool translated(int fd);
struct usher_raw_region region_of(int fd, uint32_t index);
int config_read(int fd, uint32_t offset, uint32_t bytes, uint32_t *value);
int config_write(int fd, uint32_t offset, uint32_t bytes, uint32_t value);
bool in_command(int fd, uint32_t bits);
bool is_master(int fd);
int dma_bits(int fd, uint32_t bits);
int dma_alloc(int fd, uint32_t pages, struct usher_raw_dma *dma, uint64_t *bus);
int dma_register(int fd, void *addr, uint64_t length, uint32_t flags, uint32_t nr_bus,
		 uint64_t *bus);
int dma_free(int fd, uint32_t id);
int irq_enable(int fd, uint32_t kind, uint32_t count, const int *fds);
int irq_disable(int fd);
int irq_mask(int fd, uint32_t vector, uint32_t mask);
int reset(int fd);
const char *not_gone(int fd, uint32_t kind);
uint8_t *map(int fd, uint64_t offset, uint64_t bytes, int flags);

/* ---- registers ---- */

static inline uint32_t read32(const uint8_t *registers, uint32_t offset)
{
	return *(const __volatile__ uint32_t *)(registers + offset);
}

static inline void write32(uint8_t *registers, uint32_t offset, uint32_t value)
{
	*(__volatile__ uint32_t *)(registers + offset) = value;
}

static inline void write64(uint8_t *registers, uint32_t offset, uint64_t value)
{
	*(__volatile__ uint64_t *)(registers + offset) = value;
}

extern sigjmp_buf on_fault;

void catch_faults(bool on);
bool faults(const uint8_t *at);

/* ---- the educational device ---- */

void edu_dma(uint8_t *registers, uint64_t from, uint64_t to, uint64_t command);
void edu_dma_wait(const uint8_t *registers);
bool edu_answers(uint8_t *registers);

/* ---- interrupts ---- */

bool comes(int event, int timeout_ms);
long interrupts_of(long irq);

/* ---- the system ---- */

size_t page_bytes(void);
bool put(const char *path, const char *text);
bool read_text(const char *path, char *text, size_t bytes);
long number_in(const char *path);
long in_vmstat(const char *pattern);
bool was_said(const char *text);
long times_said(const char *text);
bool waits_in(pid_t thread, const char *function);
uint64_t now_ms(void);

/* Whether the condition holds, at the latest after PATIENCE_MS */
#define awaited(condition)						\
({									\
	uint64_t await_end = now_ms() + PATIENCE_MS;			\
	bool await_so;							\
									\
	while (!(await_so = (condition)) && now_ms() < await_end)	\
		usleep(1000);						\
	await_so;							\
})

#endif /* RAW_H */
