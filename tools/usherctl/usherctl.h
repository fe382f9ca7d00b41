/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of usherctl share.
 */
#ifndef USHERCTL_H
#define USHERCTL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <usher.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define __printf(a, b)		__attribute__((__format__(printf, a, b)))

/* Exit statuses, also in the manual */
#define STATUS_FAILED	1	/* the device or the system said no */
#define STATUS_USAGE	2	/* wrong arguments, nothing was tried */
#define STATUS_BUSY	3	/* bind: the device is in use */
#define STATUS_DIFFERS	4	/* --verify: the second look saw other data */
#define STATUS_NO_EXEC	125	/* exec: failed before the command began */

/* A command of the command line; @argv[0] is its name, errors begin with it. */
int cmd_bench(int argc, char **argv);
int cmd_bind(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_read(int argc, char **argv);
int cmd_regs(int argc, char **argv);
int cmd_slice(int argc, char **argv);
int cmd_unbind(int argc, char **argv);
int cmd_write(int argc, char **argv);

/* parse.c: each parser returns NULL, or what is wrong with the text. */

/**
 * struct range - logical blocks
 * @slba: first
 * @nlb: how many, not 0; the last of them is at most 2^64 - 1
 */
struct range {
	__u64 slba;
	__u64 nlb;
};

/**
 * struct identity - whom a process runs as or a node belongs to
 * @name: in the user database, or NULL where only the number was given
 * @uid: user
 * @gid: group
 */
struct identity {
	char *name;
	uid_t uid;
	gid_t gid;
};

const char *parse_number(const char *text, __u64 *value);
const char *parse_size(const char *text, __u64 *bytes);
const char *parse_range(const char *text, struct range *range);
const char *parse_rights(const char *text, __u32 *rights);
const char *parse_mode(const char *text, mode_t *mode);
const char *parse_user(const char *text, struct identity *who);
const char *parse_group(const char *text, gid_t *gid);
const char *format_size(__u64 bytes, char text[16]);
const char *format_rights(__u32 rights, char text[16]);

/* message.c: errors to stderr */

enum action {
	ACT_OTHER,
	ACT_OPEN,
	ACT_INHERIT,
	ACT_NARROW,
	ACT_REGISTER,
	ACT_RING,
	ACT_SUBMIT,
	ACT_SLICE,
	ACT_QUERY,
};

void set_command(const char *name);
void note(const char *format, ...) __printf(1, 2);
int fail(const char *format, ...) __printf(1, 2);
int fail_at(enum action action, int error, const char *format, ...)
	__printf(3, 4);
int fail_command(const struct usher_cqe *cqe, const char *format, ...)
	__printf(2, 3);
int usage_error(const char *format, ...) __printf(1, 2);
const char *error_reason(enum action action, int error);
const char *error_remedy(enum action action, int error);
const char *status_remedy(__u16 status);

/* node.c: nodes and grants */

/**
 * struct node - a device node of usher, by its name
 * @device: N of usherN
 * @ns: N of usher0nN, or 0
 * @slice: N of usher0n1sN, or 0
 */
struct node {
	unsigned int device;
	unsigned int ns;
	unsigned int slice;
};

#define RAW_NODES	"/dev/usher-raw"
#define NODE_PATH	288

bool parse_node(const char *path, struct node *node);
const char *node_path(const char *name, char path[NODE_PATH]);
int open_grant(const char *node, __u32 rights, const char **name);
int open_widest(const char *node, const char **name);
int grant_info(int grant_fd, const char *name, struct usher_grant_info *info);
int open_blocks(const char *node, __u32 rights, const char **name,
		struct usher_grant_info *info);

/* narrow.c: the options that say how a grant is narrowed */

/**
 * struct narrow - a smaller grant
 * @range: blocks, where @have_range is set; else all of the parent's
 * @have_range: --range was given
 * @rights: USHER_RIGHT_*; 0: all of the parent's
 * @limits: 0 in a member: the parent's
 */
struct narrow {
	struct range range;
	bool have_range;
	__u32 rights;
	struct usher_limits limits;
};

const char *parse_narrow(struct narrow *narrow, int option, const char *text);
void help_narrow(void);
int open_narrowed(const char *node, const struct narrow *narrow);

/* progress.c */

/**
 * struct progress - a line on a terminal that says how far it is
 * @on: standard error is a terminal, and not --quiet
 * @total: bytes, or 0 where that is not known
 * @done: bytes
 * @begin: CLOCK_MONOTONIC, nanoseconds
 * @shown: when the line was written last
 */
struct progress {
	bool on;
	__u64 total;
	__u64 done;
	__u64 begin;
	__u64 shown;
};

void progress_begin(struct progress *progress, __u64 total, bool quiet);
void progress_add(struct progress *progress, __u64 bytes);
void progress_end(struct progress *progress);
double progress_seconds(const struct progress *progress);

/* sysfs.c */

#define SYS_PCI		"/sys/bus/pci/devices"
#define SYS_USHER	"/sys/class/usher"

bool sys_read(char *text, size_t size, const char *format, ...)
	__printf(3, 4);
__u64 sys_number(const char *format, ...)
	__printf(1, 2);
ssize_t sys_bytes(void *bytes, size_t size, const char *format, ...)
	__printf(3, 4);
bool sys_link(char *name, size_t size, const char *format, ...)
	__printf(3, 4);
int sys_write(const char *text, const char *format, ...)
	__printf(2, 3);
int sys_scan(char ***names, const char *format, ...)
	__printf(2, 3);
void sys_free(char **names, int count);

/* function.c: which PCI function is meant */

#define PCI_CLASS_NVME	0x010802
#define PCI_ADDRESS	32	/* bytes of "0000:01:00.0" and longer domains */

bool parse_address(const char *text, char bdf[PCI_ADDRESS]);
bool is_address(const char *text, char bdf[PCI_ADDRESS]);
bool names_function(const char *text);
int find_function(const char *text, char bdf[PCI_ADDRESS]);

/* pci-info.c */
int info_function(const char *text, bool json);

/* busy.c: who uses a disk */
int disk_names(const char *bdf, char ***names);
int disk_in_use(const char *disk);
int disks_in_use(const char *bdf);

/* users.c: who uses a PCI function of any class */
int function_in_use(const char *bdf);

/* protection.c: what contains a PCI function */

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
 * @direct: firmware asks for memory that it reaches in any case
 * @virtio: a device of a hypervisor's, which may pass the IOMMU by
 * @reset: there is one that stops it
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

void gather_protection(const char *bdf, struct protection *is);
const char *domain_mode(const char *domain);
enum known protection_contained(const struct protection *is);
const char *protection_reasons(const struct protection *is, char text[512]);
const char *protection_remedy(const struct protection *is);
const char *protection_sentence(const struct protection *is, char text[1024]);

#endif /* USHERCTL_H */
