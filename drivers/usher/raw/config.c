// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: access to configuration space.
 *
 * A process may read all of it. It may write only what is in an allow-list, which has
 * nothing that changes addresses, interrupts, power, or what the device may reach: all
 * that belongs to the kernel.
 */
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <uapi/linux/usher_raw.h>

#include "raw/config.h"
#include "raw/raw.h"

/* Registers of a header of type 0: PCI Local Bus Specification 3.0, 6.2 */
static const struct {
	u8 offset;
	u8 bytes;
} usher_raw_writable[] = {
	/* Writing ones clears what the device reported. */
	{ PCI_STATUS, 2 },
	/* It has no effect in PCI Express; Memory Write and Invalidate needs it. */
	{ PCI_CACHE_LINE_SIZE, 1 },
	{ PCI_LATENCY_TIMER, 1 },
};

static bool usher_raw_byte_is_writable(u32 offset)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(usher_raw_writable); i++)
		if (offset >= usher_raw_writable[i].offset &&
		    offset - usher_raw_writable[i].offset <
		    usher_raw_writable[i].bytes)
			return true;
	return false;
}

static bool usher_raw_is_writable(u32 offset, u32 bytes)
{
	while (bytes--)
		if (!usher_raw_byte_is_writable(offset + bytes))
			return false;
	return true;
}

static int usher_raw_config_check(struct usher_raw *raw,
				  const struct usher_raw_config *arg)
{
	if ((arg->bytes != 1 && arg->bytes != 2 && arg->bytes != 4) ||
	    arg->offset % arg->bytes || arg->offset >= raw->pdev->cfg_size)
		return -EINVAL;
	return 0;
}

/**
 * usher_raw_config_read - USHER_RAW_IOC_CONFIG_READ
 * @raw: the function
 * @arg: where; its value is 0, and filled in
 *
 * Return: 0, or as struct usher_raw_config says.
 */
int usher_raw_config_read(struct usher_raw *raw, struct usher_raw_config *arg)
{
	struct pci_dev *pdev = raw->pdev;
	u16 word;
	u8 byte;
	int ret;

	if (arg->value)
		return -EINVAL;
	ret = usher_raw_config_check(raw, arg);
	if (!ret)
		ret = usher_raw_lock(raw);
	if (ret)
		return ret;
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
	mutex_unlock(&raw->lock);
	return ret ? -EIO : 0;
}

/**
 * usher_raw_config_write - USHER_RAW_IOC_CONFIG_WRITE
 * @raw: the function
 * @arg: where, and which value
 *
 * Return: 0, or as struct usher_raw_config says.
 */
int usher_raw_config_write(struct usher_raw *raw,
			   const struct usher_raw_config *arg)
{
	struct pci_dev *pdev = raw->pdev;
	int ret;

	ret = usher_raw_config_check(raw, arg);
	if (ret)
		return ret;
	if (arg->bytes < 4 && arg->value >> (8 * arg->bytes))
		return -EINVAL;
	if (!usher_raw_is_writable(arg->offset, arg->bytes))
		return -EACCES;
	ret = usher_raw_lock(raw);
	if (ret)
		return ret;
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
	mutex_unlock(&raw->lock);
	return ret ? -EIO : 0;
}
