// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What the back ends on Linux share: regions that vanish.
 *
 * A region's pages are taken from the process when the device is removed or
 * reset; touching one is then SIGBUS. The handler puts a page full of ones there
 * instead, privately, and lets the access happen again. It walks a table of
 * fixed size, since it may interrupt a thread anywhere while another thread adds
 * a region: an entry counts from the moment its start is not 0.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault.h"
#include "pci.h"

#define MAX_PLACES	256

/**
 * struct place - a mapping that is watched
 * @start: first byte, 0 while the entry is free; written last, with release
 * @bytes: length
 * @lost: to be set
 */
struct place {
	uintptr_t start;
	size_t bytes;
	bool *lost;
};

static struct place places[MAX_PLACES];
static pthread_mutex_t places_lock = PTHREAD_MUTEX_INITIALIZER;
static uintptr_t page_bytes;
static int ones_fd = -1;		/* one page of ones */
static struct sigaction previous;	/* handler that was there before ours */
static bool caught;

/* With places_lock held. The descriptor is kept for good. */
static int make_ones(void)
{
	void *page;
	int fd, ret = 0;

	if (ones_fd >= 0)
		return 0;
	page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	page = malloc(page_bytes);
	if (!page)
		return -ENOMEM;
	memset(page, 0xff, page_bytes);
	fd = memfd_create("usher-ones", MFD_CLOEXEC);
	if (fd < 0) {
		ret = -errno;
	} else if (write(fd, page, page_bytes) != (ssize_t)page_bytes) {
		close(fd);
		fd = -1;
		ret = -ENOMEM;
	}
	free(page);
	ones_fd = fd;
	return ret;
}

int usher_pci_fault_add(void *base, size_t bytes, bool *lost)
{
	struct place *place = places;
	int ret;

	pthread_mutex_lock(&places_lock);
	ret = make_ones();
	while (!ret && place->start)
		if (++place == places + MAX_PLACES)
			ret = -ENOMEM;
	if (!ret) {
		/* after the 0 in start: see find_lost() */
		__atomic_thread_fence(__ATOMIC_RELEASE);
		__atomic_store_n(&place->bytes, bytes, __ATOMIC_RELAXED);
		__atomic_store_n(&place->lost, lost, __ATOMIC_RELAXED);
		__atomic_store_n(&place->start, (uintptr_t)base,
				 __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&places_lock);
	return ret;
}

void usher_pci_fault_remove(void *base)
{
	size_t i;

	pthread_mutex_lock(&places_lock);
	for (i = 0; i < MAX_PLACES; i++)
		if (places[i].start == (uintptr_t)base)
			__atomic_store_n(&places[i].start, 0, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&places_lock);
}

static bool put_ones(uintptr_t page)
{
	return mmap((void *)page, page_bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_FIXED, ones_fd, 0) != MAP_FAILED;
}

int usher_pci_fault_fill(void *base, size_t bytes)
{
	uintptr_t page = (uintptr_t)base, end = page + bytes;
	int ret;

	pthread_mutex_lock(&places_lock);
	ret = make_ones();
	pthread_mutex_unlock(&places_lock);
	for (; !ret && page < end; page += page_bytes)
		if (!put_ones(page))
			ret = -ENOMEM;
	return ret;
}

/* What to set when a page at @address is lost; NULL where none is watched */
static bool *find_lost(uintptr_t address)
{
	const struct place *place;
	uintptr_t start;
	size_t bytes;
	bool *lost;

	for (place = places; place < places + MAX_PLACES; place++) {
		start = __atomic_load_n(&place->start, __ATOMIC_ACQUIRE);
		bytes = __atomic_load_n(&place->bytes, __ATOMIC_RELAXED);
		lost = __atomic_load_n(&place->lost, __ATOMIC_RELAXED);
		/* the three belong together, unless another region came meanwhile */
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (start && address - start < bytes &&
		    start == __atomic_load_n(&place->start, __ATOMIC_RELAXED))
			return lost;
	}
	return NULL;
}

bool usher_pci_handle_fault(void *address)
{
	bool *lost = find_lost((uintptr_t)address);
	uintptr_t page = (uintptr_t)address & ~(page_bytes - 1);
	int saved = errno;
	bool done;

	if (!lost)
		return false;
	done = put_ones(page);
	errno = saved;
	if (!done)
		return false;
	__atomic_store_n(lost, true, __ATOMIC_RELEASE);
	return true;
}

static void handle(int number, siginfo_t *info, void *context)
{
	if (info->si_code == BUS_ADRERR && usher_pci_handle_fault(info->si_addr))
		return;

	if (previous.sa_flags & SA_SIGINFO)
		previous.sa_sigaction(number, info, context);
	else if (previous.sa_handler != SIG_DFL &&
		 previous.sa_handler != SIG_IGN)
		previous.sa_handler(number);
	else
		/* the access is repeated, and ends the process this time */
		signal(number, SIG_DFL);
}

int usher_pci_catch_faults(void)
{
	struct sigaction action = {
		.sa_sigaction = handle,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART,
	};
	int ret = 0;

	pthread_mutex_lock(&places_lock);
	if (!caught) {
		sigemptyset(&action.sa_mask);
		ret = sigaction(SIGBUS, &action, &previous);
		caught = !ret;
	}
	pthread_mutex_unlock(&places_lock);
	return ret ? fail(-errno, "SIGBUS: %s", strerror(errno)) : 0;
}
