// SPDX-License-Identifier: GPL-2.0-only
/*
 * See e1000e.h. Section numbers are those of Intel's 82574 GbE Controller Family
 * Datasheet.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "e1000e.h"

/* Registers (10.2) */
#define CTRL		0x00000
#define CTRL_ASDE	0x00000020U
#define CTRL_SLU	0x00000040U
#define CTRL_RST	0x04000000U
#define STATUS		0x00008
#define STATUS_LU	0x00000002U
#define CTRL_EXT	0x00018
#define CTRL_EXT_PBA	0x80000000U	/* the MSI-X pending bits are cleared */
#define ICR		0x000c0
#define IMS		0x000d0
#define IMC		0x000d8
#define EIAC		0x000dc
#define INT_RXQ0	0x00100000U
#define IVAR		0x000e4
#define IVAR_RXQ0	0x00000008U	/* valid, and vector 0 */
#define RCTL		0x00100
#define RCTL_EN		0x00000002U
#define RCTL_BAM	0x00008000U	/* broadcast; buffers of 2048 bytes */
#define RCTL_SECRC	0x04000000U	/* no checksum in memory */
#define TCTL		0x00400
#define TCTL_EN		0x00000002U
#define TCTL_PSP	0x00000008U	/* short frames are padded */
#define TCTL_DEFAULTS	0x0003f0f0U	/* collisions, as 10.2.6.1 advises */
#define TIPG		0x00410
#define TIPG_DEFAULT	0x00602008U
#define RDBA		0x02800
#define RDLEN		0x02808
#define RDH		0x02810
#define RDT		0x02818
#define TDBA		0x03800
#define TDLEN		0x03808
#define TDH		0x03810
#define TDT		0x03818
#define RFCTL		0x05008
#define MTA		0x05200
#define MTA_ENTRIES	128
#define RAL		0x05400
#define RAH		0x05404

#define ENTRIES		64U
#define BUFFER		2048U		/* two in a page: none crosses one */
#define PAGE		4096U
#define DONE		0x01U		/* status of a descriptor: the device is done */
#define RX_WHOLE	0x02U		/* the frame ends here */
#define TX_WHOLE	0x01U
#define TX_CHECKSUM	0x02U
#define TX_REPORT	0x08U
#define RESET_TIMEOUT	1000000000ULL
#define LINK_TIMEOUT	10000000000ULL

/**
 * struct e1000e_rx - receive descriptor, legacy format (7.1.4)
 * @address: bus address of the buffer
 * @length: written by the device
 * @checksum: written by the device
 * @status: DONE is written last
 * @errors: 0 for a good frame
 * @special: VLAN tag
 */
struct e1000e_rx {
	uint64_t address;
	uint16_t length;
	uint16_t checksum;
	uint8_t status;
	uint8_t errors;
	uint16_t special;
};

/**
 * struct e1000e_tx - transmit descriptor, legacy format (7.2.10.1)
 * @address: bus address of the frame
 * @length: of the frame
 * @checksum_offset: zero
 * @command: TX_*
 * @status: DONE, by the device
 * @checksum_start: zero
 * @special: zero
 */
struct e1000e_tx {
	uint64_t address;
	uint16_t length;
	uint8_t checksum_offset;
	uint8_t command;
	uint8_t status;
	uint8_t checksum_start;
	uint16_t special;
};

static const char *reason;	/* of the driver's own failures */

static int fail(int error, const char *text)
{
	reason = text;
	return error;
}

const char *e1000e_reason(void)
{
	return reason ? reason : usher_pci_reason();
}

static uint32_t get(const struct e1000e *nic, uint32_t offset)
{
	return usher_pci_read32(&nic->registers, offset);
}

static void set(const struct e1000e *nic, uint32_t offset, uint32_t value)
{
	usher_pci_write32(&nic->registers, offset, value);
}

static uint8_t status_of(const uint8_t *status)
{
	uint8_t value = __atomic_load_n(status, __ATOMIC_RELAXED);

	usher_pci_rmb();
	return value;
}

/* As the device reads it */
static uint64_t bus_of(const struct usher_pci_dma *dma, uint64_t offset)
{
	return usher_pci_le64(usher_pci_dma_bus(dma, offset));
}

/* Before there is memory: what ran before us cannot write any more then. */
static int quiesce(struct e1000e *nic)
{
	int ret;

	set(nic, IMC, UINT32_MAX);
	set(nic, RCTL, 0);
	set(nic, TCTL, 0);
	set(nic, CTRL, get(nic, CTRL) | CTRL_RST);
	usher_pci_delay(1000000);	/* not to be accessed so soon */
	ret = usher_pci_await32(&nic->registers, CTRL, CTRL_RST, 0, RESET_TIMEOUT);
	if (!ret)
		set(nic, IMC, UINT32_MAX);
	return ret;
}

static void read_mac(struct e1000e *nic)
{
	uint32_t low = get(nic, RAL), high = get(nic, RAH), i;

	for (i = 0; i < 6; i++)
		nic->mac[i] = (i < 4 ? low >> 8 * i : high >> 8 * (i - 4)) & 0xff;
}

static int await_link(struct e1000e *nic)
{
	int ret;

	set(nic, CTRL, get(nic, CTRL) | CTRL_SLU | CTRL_ASDE);
	ret = usher_pci_await32(&nic->registers, STATUS, STATUS_LU, STATUS_LU,
				LINK_TIMEOUT);
	return ret == -ETIMEDOUT ? fail(ret, "there is no link") : ret;
}

static int make_memory(struct e1000e *nic)
{
	struct usher_pci *pci = nic->pci;
	int ret = usher_pci_dma_alloc(pci, 2 * PAGE, 0, &nic->rings);

	if (!ret)
		ret = usher_pci_dma_alloc(pci, ENTRIES * BUFFER, 0,
					  &nic->rx_data);
	if (!ret)
		ret = usher_pci_dma_alloc(pci, ENTRIES * BUFFER,
					  USHER_PCI_DMA_READ_ONLY,
					  &nic->tx_data);
	if (ret)
		return ret;
	nic->rx = nic->rings->address;
	nic->tx = (void *)((char *)nic->rings->address + PAGE);
	return 0;
}

static void start_receiver(struct e1000e *nic)
{
	uint32_t i;

	for (i = 0; i < MTA_ENTRIES; i++)
		set(nic, MTA + 4 * i, 0);
	for (i = 0; i < ENTRIES; i++)
		nic->rx[i].address = bus_of(nic->rx_data, i * BUFFER);
	set(nic, RFCTL, 0);
	usher_pci_write64(&nic->registers, RDBA,
			  usher_pci_dma_bus(nic->rings, 0));
	set(nic, RDLEN, ENTRIES * sizeof(*nic->rx));
	set(nic, RDH, 0);
	set(nic, RCTL, RCTL_EN | RCTL_BAM | RCTL_SECRC);
	set(nic, RDT, ENTRIES - 1);
}

static void start_transmitter(struct e1000e *nic)
{
	usher_pci_write64(&nic->registers, TDBA,
			  usher_pci_dma_bus(nic->rings, PAGE));
	set(nic, TDLEN, ENTRIES * sizeof(*nic->tx));
	set(nic, TDH, 0);
	set(nic, TDT, 0);
	set(nic, TIPG, TIPG_DEFAULT);
	set(nic, TCTL, TCTL_EN | TCTL_PSP | TCTL_DEFAULTS);
}

/* The receive queue has vector 0; its cause clears itself. */
static int start_interrupts(struct e1000e *nic)
{
	if (usher_pci_info(nic->pci)->irq != USHER_PCI_IRQ_MSIX)
		return fail(-EOPNOTSUPP, "the controller has no MSI-X");
	set(nic, CTRL_EXT, get(nic, CTRL_EXT) | CTRL_EXT_PBA);
	set(nic, IVAR, IVAR_RXQ0);
	set(nic, EIAC, INT_RXQ0);
	return usher_pci_enable_vectors(nic->pci, 1);
}

static int start(struct e1000e *nic)
{
	int ret = usher_pci_map_region(nic->pci, 0, &nic->registers);

	if (!ret && get(nic, STATUS) == UINT32_MAX)
		ret = fail(-ENODEV, "the controller does not answer");
	if (!ret)
		ret = quiesce(nic);
	if (!ret)
		ret = make_memory(nic);
	if (!ret)
		ret = start_interrupts(nic);
	if (!ret)
		ret = await_link(nic);
	if (ret)
		return ret;
	read_mac(nic);
	start_receiver(nic);
	start_transmitter(nic);
	return 0;
}

int e1000e_open(const char *address, struct e1000e **nic)
{
	int ret;

	reason = NULL;
	*nic = calloc(1, sizeof(**nic));
	if (!*nic)
		return fail(-ENOMEM, "no memory");
	ret = usher_pci_open(address, &(*nic)->pci);
	if (!ret)
		ret = start(*nic);
	if (ret < 0)
		e1000e_close(*nic);
	return ret;
}

void e1000e_close(struct e1000e *nic)
{
	if (nic->rings)
		quiesce(nic);
	usher_pci_close(nic->pci);
	free(nic);
}

int e1000e_send(struct e1000e *nic, const void *frame, uint32_t bytes)
{
	struct e1000e_tx *tx = &nic->tx[nic->tx_next];
	uint64_t offset = nic->tx_next * BUFFER;

	if (bytes < 14 || bytes > E1000E_FRAME)
		return fail(-EINVAL, "a frame has 14 to 1514 bytes");
	/* The tail must not reach the head: one descriptor stays unused. */
	if (nic->tx_sent == ENTRIES - 1) {
		tx = &nic->tx[(nic->tx_next + 1) % ENTRIES];
		if (!(status_of(&tx->status) & DONE))
			return fail(-EAGAIN, "the transmit ring is full");
		nic->tx_sent--;
		tx = &nic->tx[nic->tx_next];
	}
	memcpy((char *)nic->tx_data->address + offset, frame, bytes);
	tx->address = bus_of(nic->tx_data, offset);
	tx->length = usher_pci_le16(bytes);
	tx->command = TX_WHOLE | TX_CHECKSUM | TX_REPORT;
	tx->status = 0;
	nic->tx_next = (nic->tx_next + 1) % ENTRIES;
	nic->tx_sent++;
	set(nic, TDT, nic->tx_next);
	return 0;
}

/*
 * With the tail at a descriptor the device owns those before it: the buffer that
 * is handed out comes back to the device when the next one is taken.
 */
static uint32_t take(struct e1000e *nic, void **frame)
{
	uint32_t index = nic->rx_next, bytes;
	struct e1000e_rx *rx = &nic->rx[index];

	bytes = usher_pci_le16(rx->length);
	/* in one piece, and no longer than the buffer, whatever the device says */
	if (!(rx->status & RX_WHOLE) || rx->errors || bytes > BUFFER)
		bytes = 0;
	*frame = (char *)nic->rx_data->address + index * BUFFER;
	rx->status = 0;
	nic->rx_next = (index + 1) % ENTRIES;
	set(nic, RDT, index);
	return bytes;
}

uint32_t e1000e_receive(struct e1000e *nic, void **frame)
{
	uint32_t bytes = 0;

	while (!bytes && status_of(&nic->rx[nic->rx_next].status) & DONE)
		bytes = take(nic, frame);
	return bytes;
}

int e1000e_wait(struct e1000e *nic, uint64_t timeout_ns)
{
	int ret;

	/* The cause masked itself; what is pending interrupts at once. */
	set(nic, IMS, INT_RXQ0);
	ret = usher_pci_wait(nic->pci, 0, timeout_ns);
	return ret < 0 ? ret : 0;
}
