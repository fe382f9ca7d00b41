// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: configuration space. All is read; written is what changes neither
 * addresses, interrupts, power nor what the device may reach.
 */
#include "raw/raw.h"

/* Of a header of type 0: PCI Local Bus Specification 3.0, 6.2 */
static const struct {
	u8 offset;
	u8 bytes;
} usher_raw_writable[] = {
	/* Writing ones clears what the device reported. */
	{ PCI_STATUS, 2 },
	/* Of no effect in PCI Express; Memory Write and Invalidate needs it. */
	{ PCI_CACHE_LINE_SIZE, 1 },
	{ PCI_LATENCY_TIMER, 1 },
};

/* An allow-list: whatever is not in it belongs to the kernel. */
bool usher_raw_config_writable(u32 offset, u32 bytes)
{
	u32 at = offset;
	size_t i;

	while (at < offset + bytes) {
		for (i = 0; i < ARRAY_SIZE(usher_raw_writable); i++)
			if (usher_raw_writable[i].offset <= at &&
			    at - usher_raw_writable[i].offset <
			    usher_raw_writable[i].bytes)
				break;
		if (i == ARRAY_SIZE(usher_raw_writable))
			return false;
		at++;
	}
	return true;
}

static int usher_raw_config_read(struct pci_dev *pdev,
				 struct usher_raw_config *arg)
{
	int ret;
	u16 word;
	u8 byte;

	switch (arg->bytes) {
	case 1:
		ret = pci_read_config_byte(pdev, arg->offset, &byte);
		arg->value = byte;
		break;
	case 2:
		ret = pci_read_config_word(pdev, arg->offset, &word);
		arg->value = word;
		break;
	default:
		ret = pci_read_config_dword(pdev, arg->offset, &arg->value);
	}
	return ret ? -EIO : 0;
}

static int usher_raw_config_write(struct pci_dev *pdev,
				  const struct usher_raw_config *arg)
{
	int ret;

	if (arg->bytes < 4 && arg->value >> (8 * arg->bytes))
		return -EINVAL;
	if (!usher_raw_config_writable(arg->offset, arg->bytes))
		return -EACCES;
	switch (arg->bytes) {
	case 1:
		ret = pci_write_config_byte(pdev, arg->offset, arg->value);
		break;
	case 2:
		ret = pci_write_config_word(pdev, arg->offset, arg->value);
		break;
	default:
		ret = pci_write_config_dword(pdev, arg->offset, arg->value);
	}
	return ret ? -EIO : 0;
}

/**
 * usher_raw_config - USHER_RAW_IOC_CONFIG_READ and _WRITE
 * @raw: the function
 * @arg: where; @arg->value is filled in, or written
 * @write: write
 *
 * Return: 0, or as struct usher_raw_config says.
 */
int usher_raw_config(struct usher_raw *raw, struct usher_raw_config *arg,
		     bool write)
{
	struct pci_dev *pdev = raw->pdev;
	int ret;

	if ((arg->bytes != 1 && arg->bytes != 2 && arg->bytes != 4) ||
	    arg->offset % arg->bytes || arg->offset >= pdev->cfg_size)
		return -EINVAL;
	ret = usher_raw_lock(raw);
	if (ret)
		return ret;
	ret = write ? usher_raw_config_write(pdev, arg) :
		      usher_raw_config_read(pdev, arg);
	mutex_unlock(&raw->lock);
	return ret;
}
