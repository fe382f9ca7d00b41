// SPDX-License-Identifier: GPL-2.0-only
/*
 * See net.h, and RFC 826 (ARP), 791 (IPv4), 792 (ICMP). Offsets are from the
 * beginning of the frame.
 */
#include <stdio.h>
#include <string.h>

#include "net.h"

#define ETHER_TO	0
#define ETHER_FROM	6
#define ETHER_TYPE	12
#define TYPE_IP		0x0800
#define TYPE_ARP	0x0806

#define ARP		14
#define ARP_BYTES	42
#define ARP_OPERATION	20
#define ARP_REQUEST	1
#define ARP_REPLY	2
#define ARP_FROM_MAC	22
#define ARP_FROM_IP	28
#define ARP_TO_MAC	32
#define ARP_TO_IP	38

#define IP		14
#define IP_LENGTH	16
#define IP_FRAGMENT	20
#define IP_TTL		22
#define IP_PROTOCOL	23
#define IP_CHECKSUM	24
#define IP_FROM		26
#define IP_TO		30
#define IP_BYTES	20		/* a header without options */
#define PROTOCOL_ICMP	1

#define ICMP		34
#define ICMP_CHECKSUM	36
#define ICMP_ID		38
#define ICMP_NUMBER	40
#define ICMP_DATA	42
#define ICMP_ECHO	8
#define ICMP_REPLY	0
#define PING_ID		0x7573

static uint16_t get16(const uint8_t *from)
{
	return (uint16_t)(from[0] << 8 | from[1]);
}

static void put16(uint8_t *to, uint16_t value)
{
	to[0] = value >> 8;
	to[1] = value & 0xff;
}

/* The Internet checksum (RFC 1071): 0 over what has a right one in it */
static uint16_t checksum(const uint8_t *data, uint32_t bytes)
{
	uint32_t sum = 0, i;

	for (i = 0; i + 1 < bytes; i += 2)
		sum += get16(data + i);
	if (bytes % 2)
		sum += (uint32_t)data[bytes - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

bool net_parse(const char *text, uint8_t *ip)
{
	unsigned int part[4], i;
	char after;

	if (sscanf(text, "%u.%u.%u.%u%c", &part[0], &part[1], &part[2],
		   &part[3], &after) != 4)
		return false;
	for (i = 0; i < 4; i++) {
		if (part[i] > 255)
			return false;
		ip[i] = part[i];
	}
	return true;
}

static void set_ether(uint8_t *frame, const uint8_t *to, const uint8_t *from,
		      uint16_t type)
{
	memmove(frame + ETHER_TO, to, 6);
	memcpy(frame + ETHER_FROM, from, 6);
	put16(frame + ETHER_TYPE, type);
}

/*
 * ARP
 */

static bool is_arp(const uint8_t *frame, uint32_t bytes, uint16_t operation)
{
	static const uint8_t kind[] = { 0, 1, 8, 0, 6, 4 };	/* MAC for IPv4 */

	return bytes >= ARP_BYTES && get16(frame + ETHER_TYPE) == TYPE_ARP &&
	       !memcmp(frame + ARP, kind, sizeof(kind)) &&
	       get16(frame + ARP_OPERATION) == operation;
}

static uint32_t answer_arp(const struct net_host *self, uint8_t *frame)
{
	set_ether(frame, frame + ETHER_FROM, self->mac, TYPE_ARP);
	put16(frame + ARP_OPERATION, ARP_REPLY);
	memcpy(frame + ARP_TO_MAC, frame + ARP_FROM_MAC, 6);
	memcpy(frame + ARP_TO_IP, frame + ARP_FROM_IP, 4);
	memcpy(frame + ARP_FROM_MAC, self->mac, 6);
	memcpy(frame + ARP_FROM_IP, self->ip, 4);
	return ARP_BYTES;
}

uint32_t net_ask(const struct net_host *self, const struct net_host *peer,
		 uint8_t *frame)
{
	static const uint8_t request[] = { 0, 1, 8, 0, 6, 4, 0, ARP_REQUEST };
	static const uint8_t all[] = { 255, 255, 255, 255, 255, 255 };

	set_ether(frame, all, self->mac, TYPE_ARP);
	memcpy(frame + ARP, request, sizeof(request));
	memcpy(frame + ARP_FROM_MAC, self->mac, 6);
	memcpy(frame + ARP_FROM_IP, self->ip, 4);
	memset(frame + ARP_TO_MAC, 0, 6);
	memcpy(frame + ARP_TO_IP, peer->ip, 4);
	return ARP_BYTES;
}

bool net_told(const struct net_host *self, struct net_host *peer,
	      const uint8_t *frame, uint32_t bytes)
{
	if (!is_arp(frame, bytes, ARP_REPLY) ||
	    memcmp(frame + ARP_FROM_IP, peer->ip, 4) ||
	    memcmp(frame + ARP_TO_IP, self->ip, 4))
		return false;
	memcpy(peer->mac, frame + ARP_FROM_MAC, 6);
	return true;
}

/*
 * ICMP
 */

/* Length of a good ICMP message for us in a frame, 0 if there is none */
static uint32_t icmp_bytes(const struct net_host *self, const uint8_t *frame,
			   uint32_t bytes)
{
	uint32_t length;

	if (bytes < ICMP_DATA || get16(frame + ETHER_TYPE) != TYPE_IP ||
	    frame[IP] != 0x45 || frame[IP_PROTOCOL] != PROTOCOL_ICMP ||
	    get16(frame + IP_FRAGMENT) & 0x3fff ||
	    memcmp(frame + IP_TO, self->ip, 4) ||
	    checksum(frame + IP, IP_BYTES))
		return 0;
	length = get16(frame + IP_LENGTH);
	if (length < ICMP_DATA - IP || length > bytes - IP)
		return 0;
	length -= IP_BYTES;
	return checksum(frame + ICMP, length) ? 0 : length;
}

static void finish_icmp(uint8_t *frame, uint32_t length)
{
	put16(frame + IP_CHECKSUM, 0);
	put16(frame + IP_CHECKSUM, checksum(frame + IP, IP_BYTES));
	put16(frame + ICMP_CHECKSUM, 0);
	put16(frame + ICMP_CHECKSUM, checksum(frame + ICMP, length));
}

static uint32_t answer_echo(const struct net_host *self, uint8_t *frame,
			    uint32_t length)
{
	set_ether(frame, frame + ETHER_FROM, self->mac, TYPE_IP);
	memcpy(frame + IP_TO, frame + IP_FROM, 4);
	memcpy(frame + IP_FROM, self->ip, 4);
	frame[IP_TTL] = 64;
	frame[ICMP] = ICMP_REPLY;
	finish_icmp(frame, length);
	return ICMP + length;
}

uint32_t net_answer(const struct net_host *self, uint8_t *frame, uint32_t bytes)
{
	uint32_t length;

	if (is_arp(frame, bytes, ARP_REQUEST))
		return memcmp(frame + ARP_TO_IP, self->ip, 4) ?
		       0 : answer_arp(self, frame);
	length = icmp_bytes(self, frame, bytes);
	return length && frame[ICMP] == ICMP_ECHO ?
	       answer_echo(self, frame, length) : 0;
}

uint32_t net_ping(const struct net_host *self, const struct net_host *peer,
		  uint16_t number, uint8_t *frame)
{
	uint32_t i;

	memset(frame, 0, ICMP_DATA);
	set_ether(frame, peer->mac, self->mac, TYPE_IP);
	frame[IP] = 0x45;
	put16(frame + IP_LENGTH, NET_PING - IP);
	frame[IP_TTL] = 64;
	frame[IP_PROTOCOL] = PROTOCOL_ICMP;
	memcpy(frame + IP_FROM, self->ip, 4);
	memcpy(frame + IP_TO, peer->ip, 4);
	frame[ICMP] = ICMP_ECHO;
	put16(frame + ICMP_ID, PING_ID);
	put16(frame + ICMP_NUMBER, number);
	for (i = ICMP_DATA; i < NET_PING; i++)
		frame[i] = (uint8_t)(number + i);
	finish_icmp(frame, NET_PING - ICMP);
	return NET_PING;
}

bool net_ponged(const struct net_host *self, const struct net_host *peer,
		uint16_t number, const uint8_t *frame, uint32_t bytes)
{
	uint32_t i;

	if (icmp_bytes(self, frame, bytes) != NET_PING - ICMP ||
	    frame[ICMP] != ICMP_REPLY || get16(frame + ICMP_ID) != PING_ID ||
	    get16(frame + ICMP_NUMBER) != number ||
	    memcmp(frame + IP_FROM, peer->ip, 4))
		return false;
	for (i = ICMP_DATA; i < NET_PING; i++)
		if (frame[i] != (uint8_t)(number + i))
			return false;
	return true;
}
