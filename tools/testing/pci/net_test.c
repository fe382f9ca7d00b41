// SPDX-License-Identifier: GPL-2.0-only
/*
 * The frames of the network example: what it answers, and what it must not
 * believe. Frames come from anybody on the network.
 */
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "../../examples/e1000e/net.h"

#define FRAME	1514

static const struct net_host self = {
	.mac = { 2, 0, 0, 0, 0, 2 },
	.ip = { 10, 0, 0, 2 },
};

static const struct net_host peer = {
	.mac = { 2, 0, 0, 0, 0, 1 },
	.ip = { 10, 0, 0, 1 },
};

/* Works on a copy at the end of its memory, so that the sanitizer sees reads past it. */
static uint32_t answer(struct __test_metadata *_metadata, const uint8_t *frame,
		       uint32_t bytes, uint8_t *reply)
{
	uint8_t *copy = malloc(bytes ? bytes : 1);
	uint32_t length;

	memcpy(copy, frame, bytes);
	length = net_answer(&self, copy, bytes);
	EXPECT_LE(length, bytes);
	if (length)
		memcpy(reply, copy, length);
	free(copy);
	return length;
}

TEST(addresses)
{
	static const char *const wrong[] = {
		"", "10.0.0", "10.0.0.256", "10.0.0.2.", "10.0.0.2x", "ten",
	};
	uint8_t ip[4] = { 0 };
	unsigned int i;

	EXPECT_TRUE(net_parse("192.168.0.255", ip));
	EXPECT_TRUE(ip[0] == 192 && ip[1] == 168 && !ip[2] && ip[3] == 255);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT_FALSE(net_parse(wrong[i], ip));
}

TEST(arp_is_answered)
{
	struct net_host told = { .ip = { 10, 0, 0, 2 } };
	uint8_t frame[FRAME], reply[FRAME];
	uint32_t bytes = net_ask(&peer, &self, frame);

	EXPECT_EQ(42, bytes);
	EXPECT_EQ(42, answer(_metadata, frame, bytes, reply));
	EXPECT_FALSE(memcmp(reply, peer.mac, 6));
	EXPECT_FALSE(memcmp(reply + 6, self.mac, 6));
	EXPECT_TRUE(net_told(&peer, &told, reply, 42));
	EXPECT_FALSE(memcmp(told.mac, self.mac, 6));

	EXPECT_FALSE(net_told(&self, &told, reply, 42));
	EXPECT_FALSE(net_told(&peer, &told, reply, 41));
	EXPECT_EQ(0, answer(_metadata, frame, 41, reply));
	frame[41] = 3;	/* somebody else is asked for */
	EXPECT_EQ(0, answer(_metadata, frame, bytes, reply));
}

TEST(ping_is_answered)
{
	uint8_t frame[FRAME], reply[FRAME];
	uint32_t bytes = net_ping(&peer, &self, 7, frame);

	EXPECT_EQ(NET_PING, bytes);
	EXPECT_EQ(bytes, answer(_metadata, frame, bytes, reply));
	EXPECT_TRUE(net_ponged(&peer, &self, 7, reply, bytes));
	EXPECT_FALSE(net_ponged(&peer, &self, 8, reply, bytes));
	EXPECT_FALSE(net_ponged(&self, &peer, 7, reply, bytes));
	EXPECT_FALSE(net_ponged(&peer, &self, 7, reply, bytes - 1));
	/* An answer is answered by nobody. */
	EXPECT_EQ(0, answer(_metadata, reply, bytes, frame));
	/* Ethernet pads short frames: what is behind the packet is no part of it */
	bytes = net_ping(&peer, &self, 7, frame);
	memset(frame + bytes, 0xaa, 20);
	EXPECT_EQ(bytes, answer(_metadata, frame, bytes + 20, reply));
}

/* Any one byte changed: a checksum, an address or a length is wrong then. */
TEST(damaged_pings_are_not_answered)
{
	uint8_t frame[FRAME], reply[FRAME];
	uint32_t bytes = net_ping(&peer, &self, 7, frame), i;

	for (i = 12; i < bytes; i++) {
		frame[i] ^= 0x10;
		EXPECT_EQ(0, answer(_metadata, frame, bytes, reply));
		frame[i] ^= 0x10;
	}
	for (i = 0; i < bytes; i++)
		EXPECT_EQ(0, answer(_metadata, frame, i, reply));
}

/* With right headers now and then, and any lengths in them */
TEST(any_frame_is_survived)
{
	uint8_t frame[FRAME], reply[FRAME];
	uint32_t round, i, bytes;

	seed_random(_metadata);
	for (round = 0; round < 200000; round++) {
		bytes = rand() % 200;
		for (i = 0; i < 200; i++)
			frame[i] = rand();
		if (round & 1)
			net_ping(&peer, &self, round, frame);
		else if (round & 2)
			net_ask(&peer, &self, frame);
		for (i = rand() % 4; i; i--)
			frame[rand() % 200] = rand();
		answer(_metadata, frame, bytes, reply);
	}
}

TEST_HARNESS_MAIN
