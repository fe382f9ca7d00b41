/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of ARP, IPv4 and ICMP as it takes to answer a ping, and to send one.
 * Frames are Ethernet frames without their checksum; addresses are in network
 * byte order, as in the frames.
 */
#ifndef NET_H
#define NET_H

#include <stdbool.h>
#include <stdint.h>

#define NET_PING	98U	/* length of a frame made by net_ping() */

/**
 * struct net_host - one end
 * @mac: hardware address
 * @ip: IPv4 address
 */
struct net_host {
	uint8_t mac[6];
	uint8_t ip[4];
};

/* "10.0.0.2" */
bool net_parse(const char *text, uint8_t *ip);

/*
 * Turn a frame into the answer of @self. Returns the length of the answer, 0 if
 * the frame calls for none.
 */
uint32_t net_answer(const struct net_host *self, uint8_t *frame,
		    uint32_t bytes);

/* Make a question for the hardware address of @peer; returns its length. */
uint32_t net_ask(const struct net_host *self, const struct net_host *peer,
		 uint8_t *frame);

/* Whether a frame answers that question; if so, fill @peer->mac. */
bool net_told(const struct net_host *self, struct net_host *peer,
	      const uint8_t *frame, uint32_t bytes);

/* Make an echo request; returns its length. */
uint32_t net_ping(const struct net_host *self, const struct net_host *peer,
		  uint16_t number, uint8_t *frame);

/* Whether a frame is the whole answer to that echo request. */
bool net_ponged(const struct net_host *self, const struct net_host *peer,
		uint16_t number, const uint8_t *frame, uint32_t bytes);

#endif /* NET_H */
