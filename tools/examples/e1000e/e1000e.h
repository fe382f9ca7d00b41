/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A driver for Intel's 82574 network controller in a process: one queue in each
 * direction, MSI-X. One thread at a time.
 *
 * Functions that return int return 0 or a negative errno value, with the reason
 * in e1000e_reason(), unless they say otherwise.
 */
#ifndef E1000E_H
#define E1000E_H

#include <usher_pci.h>

#define E1000E_FRAME	1514U		/* longest, without its checksum */

struct e1000e_rx;
struct e1000e_tx;

/**
 * struct e1000e - a controller
 * @pci: its function
 * @registers: region 0
 * @rings: a page with the receive ring, and one with the transmit ring
 * @rx_data: a buffer for each receive descriptor
 * @tx_data: a buffer for each transmit descriptor
 * @rx: receive ring
 * @tx: transmit ring
 * @rx_next: next descriptor that a frame will be in
 * @tx_next: next descriptor to send with
 * @tx_sent: descriptors that were ever used, so that their status counts
 * @mac: its address
 */
struct e1000e {
	struct usher_pci *pci;
	struct usher_pci_region registers;
	struct usher_pci_dma *rings;
	struct usher_pci_dma *rx_data;
	struct usher_pci_dma *tx_data;
	struct e1000e_rx *rx;
	struct e1000e_tx *tx;
	uint32_t rx_next;
	uint32_t tx_next;
	uint32_t tx_sent;
	uint8_t mac[6];
};

/* Why the last call that failed did so: a sentence */
const char *e1000e_reason(void);

/* Take a controller, reset it, and wait until it has a link. */
int e1000e_open(const char *address, struct e1000e **nic);

/* Stop it and give it back. */
void e1000e_close(struct e1000e *nic);

/*
 * Send a frame of 14 to E1000E_FRAME bytes, which is copied. -EAGAIN: the ring
 * is full, and the device sends on.
 */
int e1000e_send(struct e1000e *nic, const void *frame, uint32_t bytes);

/*
 * Take a frame, without waiting. Returns its length and where it is, good until
 * the next call; or 0.
 */
uint32_t e1000e_receive(struct e1000e *nic, void **frame);

/* Sleep until a frame comes; there may be none all the same. -ETIMEDOUT. */
int e1000e_wait(struct e1000e *nic, uint64_t timeout_ns);

#endif /* E1000E_H */
