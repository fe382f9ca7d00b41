// SPDX-License-Identifier: GPL-2.0-only
/*
 * The frames of the network example: what it answers, and what it must not
 * believe. Frames come from anybody on the network.
 */
#include <stdlib.h>
#include <string.h>

#include "../../examples/e1000e/net.h"
#include "../../lib/tests/tap.h"

#define FRAME	1514

static const struct net_host self = {
	.mac = { 2, 0, 0, 0, 0, 2 },
	.ip = { 10, 0, 0, 2 },
};

static const struct net_host peer = {
	.mac = { 2, 0, 0, 0, 0, 1 },
	.ip = { 10, 0, 0, 1 },
};

/* A copy that ends where its memory ends, so that reading on is noticed */
static uint32_t answer(const uint8_t *frame, uint32_t bytes, uint8_t *reply)
{
	uint8_t *copy = malloc(bytes ? bytes : 1);
	uint32_t length;

	memcpy(copy, frame, bytes);
	length = net_answer(&self, copy, bytes);
	EXPECT(length <= bytes);
	if (length)
		memcpy(reply, copy, length);
	free(copy);
	return length;
}

static void addresses(void)
{
	static const char *const wrong[] = {
		"", "10.0.0", "10.0.0.256", "10.0.0.2.", "10.0.0.2x", "ten",
	};
	uint8_t ip[4] = { 0 };
	unsigned int i;

	EXPECT(net_parse("192.168.0.255", ip));
	EXPECT(ip[0] == 192 && ip[1] == 168 && !ip[2] && ip[3] == 255);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT(!net_parse(wrong[i], ip));
}

static void arp_is_answered(void)
{
	struct net_host told = { .ip = { 10, 0, 0, 2 } };
	uint8_t frame[FRAME], reply[FRAME];
	uint32_t bytes = net_ask(&peer, &self, frame);

	EXPECT_EQ(bytes, 42);
	EXPECT_EQ(answer(frame, bytes, reply), 42);
	EXPECT(!memcmp(reply, peer.mac, 6));
	EXPECT(!memcmp(reply + 6, self.mac, 6));
	EXPECT(net_told(&peer, &told, reply, 42));
	EXPECT(!memcmp(told.mac, self.mac, 6));

	EXPECT(!net_told(&self, &told, reply, 42));
	EXPECT(!net_told(&peer, &told, reply, 41));
	EXPECT_EQ(answer(frame, 41, reply), 0);
	frame[41] = 3;	/* somebody else is asked for */
	EXPECT_EQ(answer(frame, bytes, reply), 0);
}

static void ping_is_answered(void)
{
	uint8_t frame[FRAME], reply[FRAME];
	uint32_t bytes = net_ping(&peer, &self, 7, frame);

	EXPECT_EQ(bytes, NET_PING);
	EXPECT_EQ(answer(frame, bytes, reply), bytes);
	EXPECT(net_ponged(&peer, &self, 7, reply, bytes));
	EXPECT(!net_ponged(&peer, &self, 8, reply, bytes));
	EXPECT(!net_ponged(&self, &peer, 7, reply, bytes));
	EXPECT(!net_ponged(&peer, &self, 7, reply, bytes - 1));
	/* An answer is answered by nobody. */
	EXPECT_EQ(answer(reply, bytes, frame), 0);
	/* Ethernet pads short frames: what is behind the packet is no part of it */
	bytes = net_ping(&peer, &self, 7, frame);
	memset(frame + bytes, 0xaa, 20);
	EXPECT_EQ(answer(frame, bytes + 20, reply), bytes);
}

/* Any one byte changed: a checksum, an address or a length is wrong then. */
static void damaged_pings_are_not_answered(void)
{
	uint8_t frame[FRAME], reply[FRAME];
	uint32_t bytes = net_ping(&peer, &self, 7, frame), i;

	for (i = 12; i < bytes; i++) {
		frame[i] ^= 0x10;
		EXPECT_EQ(answer(frame, bytes, reply), 0);
		frame[i] ^= 0x10;
	}
	for (i = 0; i < bytes; i++)
		EXPECT_EQ(answer(frame, i, reply), 0);
}

/* With right headers now and then, and any lengths in them */
static void any_frame_is_survived(void)
{
	uint8_t frame[FRAME], reply[FRAME];
	uint32_t round, i, bytes;

	srand(1);
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
		answer(frame, bytes, reply);
	}
}

int main(void)
{
	static const struct tap_test tests[] = {
		TAP_TEST(addresses),
		TAP_TEST(arp_is_answered),
		TAP_TEST(ping_is_answered),
		TAP_TEST(damaged_pings_are_not_answered),
		TAP_TEST(any_frame_is_survived),
	};

	return run_tests(tests, ARRAY_SIZE(tests));
}
