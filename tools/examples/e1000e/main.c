// SPDX-License-Identifier: GPL-2.0-only
/*
 * A host on the network in one process: answers ARP and ping, or pings.
 *
 *	./e1000e 0000:01:00.0 10.0.0.2			answers
 *	./e1000e 0000:02:00.0 10.0.0.1 10.0.0.2 100	pings 100 times, 0 without end
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "e1000e.h"
#include "net.h"

#define SECOND		1000000000ULL
#define TRIES		10

static int failed(const char *what)
{
	fprintf(stderr, "e1000e: %s\n", what);
	return 1;
}

static int driver_failed(void)
{
	return failed(e1000e_reason());
}

static void report_working(void)
{
	printf("working\n");
	fflush(stdout);
}

/* Wait for the ring to have room: it empties by itself. */
static int send_frame(struct e1000e *nic, const uint8_t *frame, uint32_t bytes)
{
	uint64_t end = usher_pci_clock() + SECOND;
	int ret;

	do {
		ret = e1000e_send(nic, frame, bytes);
	} while (ret == -EAGAIN && usher_pci_clock() < end);
	return ret;
}

static int answer_all(struct e1000e *nic, const struct net_host *self)
{
	uint32_t bytes, answer;
	void *frame;
	int ret;

	for (;;) {
		bytes = e1000e_receive(nic, &frame);
		if (!bytes) {
			ret = e1000e_wait(nic, USHER_PCI_FOREVER);
			if (ret < 0 && ret != -EINTR)
				return driver_failed();
			continue;
		}
		answer = net_answer(self, frame, bytes);
		if (answer && send_frame(nic, frame, answer) < 0)
			return driver_failed();
	}
}

/**
 * struct wanted - what a frame must be that is waited for
 * @self: to whom
 * @peer: from whom
 * @number: of a ping, or -1 for an answer that has the hardware address
 */
struct wanted {
	const struct net_host *self;
	struct net_host *peer;
	int number;
};

static bool is_wanted(const struct wanted *wanted, const void *frame,
		      uint32_t bytes)
{
	if (wanted->number < 0)
		return net_told(wanted->self, wanted->peer, frame, bytes);
	return net_ponged(wanted->self, wanted->peer, wanted->number, frame,
			  bytes);
}

/* -ETIMEDOUT when it does not come within a second */
static int await_frame(struct e1000e *nic, const struct wanted *wanted)
{
	uint64_t end = usher_pci_clock() + SECOND, now;
	uint32_t bytes;
	void *frame;
	int ret;

	for (;;) {
		bytes = e1000e_receive(nic, &frame);
		if (bytes && is_wanted(wanted, frame, bytes))
			return 0;
		if (bytes)
			continue;
		now = usher_pci_clock();
		ret = now < end ? e1000e_wait(nic, end - now) : -ETIMEDOUT;
		if (ret < 0 && ret != -EINTR)
			return ret;
	}
}

/* The question again, until it is answered or that seems hopeless */
static int ask(struct e1000e *nic, const struct wanted *wanted)
{
	uint8_t frame[NET_PING];
	uint32_t bytes;
	int ret, i;

	bytes = wanted->number < 0 ?
		net_ask(wanted->self, wanted->peer, frame) :
		net_ping(wanted->self, wanted->peer, wanted->number, frame);
	for (i = 0; i < TRIES; i++) {
		ret = send_frame(nic, frame, bytes);
		if (!ret)
			ret = await_frame(nic, wanted);
		if (ret != -ETIMEDOUT)
			return ret;
	}
	return ret;
}

static int ping_all(struct e1000e *nic, const struct net_host *self,
		    struct net_host *peer, unsigned long count)
{
	struct wanted wanted = {
		.self = self,
		.peer = peer,
		.number = -1,
	};
	unsigned long i;

	if (ask(nic, &wanted) < 0)
		return driver_failed();
	for (i = 0; !count || i < count; i++) {
		wanted.number = i & 0xffff;
		if (ask(nic, &wanted) < 0)
			return driver_failed();
		if (!i)
			report_working();
	}
	printf("%lu pings answered\n", i);
	return 0;
}

int main(int argc, char **argv)
{
	struct net_host self, peer;
	struct e1000e *nic;
	int ret;

	if ((argc != 3 && argc != 5) || !net_parse(argv[2], self.ip) ||
	    (argc == 5 && !net_parse(argv[3], peer.ip))) {
		fprintf(stderr, "usage: e1000e ADDRESS IP [PEER-IP COUNT]\n");
		return 2;
	}
	usher_pci_catch_faults();
	if (e1000e_open(argv[1], &nic) < 0)
		return driver_failed();
	memcpy(self.mac, nic->mac, sizeof(self.mac));
	if (argc == 3) {
		report_working();
		ret = answer_all(nic, &self);
	} else {
		ret = ping_all(nic, &self, &peer, strtoul(argv[4], NULL, 0));
	}
	e1000e_close(nic);
	return ret;
}
