/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What contains the DMA and the interrupts of a PCI function.
 */
#ifndef USHERCTL_PROTECTION_H
#define USHERCTL_PROTECTION_H

#include <stdbool.h>

/**
 * enum known - a fact that may be unknown
 * @KNOWN_UNKNOWN: it is not known
 * @KNOWN_NO: it is false
 * @KNOWN_YES: it is true
 */
enum known {
	KNOWN_UNKNOWN,
	KNOWN_NO,
	KNOWN_YES,
};

/**
 * struct protection - what contains the DMA and the interrupts of a function
 * @driver: the driver that it has, or ""
 * @group: its IOMMU group, or "" without an IOMMU
 * @domain: type of the group's domain: DMA (strict), DMA-FQ (lazy), identity
 * @neighbours: other functions in the group
 * @direct: the firmware reserves memory that the function reaches in any case
 * @virtio: it is a virtio device, which may bypass the IOMMU
 * @reset: it has a reset that stops it
 * @isolated_msi: it cannot forge the interrupts of others
 * @contained: what the module says of it
 */
struct protection {
	char driver[64];
	char group[32];
	char domain[16];
	int neighbours;
	bool direct;
	bool virtio;
	bool reset;
	enum known isolated_msi;
	enum known contained;
};

/**
 * gather_protection() - read from sysfs what contains a function
 * @bdf: address of the function
 * @is: result
 */
void gather_protection(const char *bdf, struct protection *is);

/**
 * domain_mode() - the type of an IOMMU domain in words
 * @domain: as in struct protection
 *
 * Return: strict, lazy, passthrough, or what there is
 */
const char *domain_mode(const char *domain);

/**
 * protection_contained() - whether the function is contained in raw mode
 * @is: from gather_protection()
 *
 * Return: what the module says, else what follows from the other facts
 */
enum known protection_contained(const struct protection *is);

/**
 * protection_reasons() - why a function is not contained
 * @is: from gather_protection()
 * @text: where to
 *
 * Return: @text, with all the reasons; "" where none is known
 */
const char *protection_reasons(const struct protection *is, char text[512]);

/**
 * protection_remedy() - what would improve the protection most
 * @is: from gather_protection()
 *
 * Return: a sentence, or NULL where none is known
 */
const char *protection_remedy(const struct protection *is);

/**
 * protection_sentence() - what is protected from a function with its present driver
 * @is: from gather_protection()
 * @text: where to
 *
 * Return: @text, without its subject: "contained by the IOMMU: ..."
 */
const char *protection_sentence(const struct protection *is, char text[1024]);

#endif /* USHERCTL_PROTECTION_H */
