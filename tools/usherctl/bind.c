// SPDX-License-Identifier: GPL-2.0-only
/*
 * usherctl bind and usherctl unbind: from the kernel's drivers to usher and
 * usher-raw and back, by the driver_override of the PCI function.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <usher.h>

#include "commands.h"
#include "disk.h"
#include "function.h"
#include "message.h"
#include "module.h"
#include "node.h"
#include "protection.h"
#include "status.h"
#include "sysfs.h"
#include "users.h"

#define NODE_WAIT_MS	10000

#define HEADER_TYPE	0x0e	/* in configuration space */
#define HEADER_TYPE_MASK	0x7f
#define PCI_CLASS_HOST		0x0600	/* class and subclass */
#define PCI_CLASS_ISA		0x0601

/**
 * struct target - the function that is meant, and what is to be done
 * @text: as the user named it
 * @bdf: its PCI address
 * @driver: the driver it has, or ""
 * @raw: --raw
 * @force: --force, also where somebody loses what is in use
 * @back: --to-kernel, --to-nvme
 * @nvme: --to-nvme
 */
struct target {
	const char *text;
	char bdf[PCI_ADDRESS];
	char driver[64];
	bool raw;
	bool force;
	bool back;
	bool nvme;
};

static const char *wanted_driver(const struct target *target)
{
	return target->raw ? "usher-raw" : "usher";
}

static int refused(const char *what, int error)
{
	fail("%s: %s", what, strerror(-error));
	if (error == -EACCES || error == -EPERM)
		fprintf(stderr, "  Changing drivers needs root.\n");
	return STATUS_FAILED;
}

static int in_use(const struct target *target)
{
	fail("%s is in use; nothing was changed", target->text);
	return STATUS_BUSY;
}

static bool is_nvme(const char *bdf)
{
	return sys_number(SYS_PCI "/%s/class", bdf) == PCI_CLASS_NVME;
}

static int resolve(struct target *target)
{
	char path[PATH_MAX];
	int ret = find_function(target->text, target->bdf);

	if (ret)
		return ret;
	snprintf(path, sizeof(path), SYS_PCI "/%s/driver_override",
		 target->bdf);
	if (access(path, W_OK))
		return refused(target->bdf, -errno);
	sys_link(target->driver, sizeof(target->driver), SYS_PCI "/%s/driver",
		 target->bdf);
	return 0;
}

static int no_nvme(const struct target *target)
{
	return fail("%s is no NVMe controller (PCI class 010802)", target->bdf);
}

/* Host, ISA and PCI bridges: the machine does not work without their drivers. */
static bool is_bridge(const char *bdf)
{
	__u64 class = sys_number(SYS_PCI "/%s/class", bdf) >> 8;
	__u8 header[HEADER_TYPE + 1] = {};

	sys_bytes(header, sizeof(header), SYS_PCI "/%s/config", bdf);
	return header[HEADER_TYPE] & HEADER_TYPE_MASK ||
	       class == PCI_CLASS_HOST || class == PCI_CLASS_ISA;
}

/* Refuse what the new driver would refuse, before the function loses the present one. */
static int check_kind(const struct target *target)
{
	if (!target->raw && !is_nvme(target->bdf)) {
		no_nvme(target);
		fprintf(stderr,
			"  \"usherctl bind --raw\" gives a function of any class to a driver in a process.\n");
		return STATUS_FAILED;
	}
	if (!target->raw)
		return 0;
	if (is_bridge(target->bdf))
		return fail("%s is a bridge: name a function behind it",
			    target->bdf);
	if (!sys_number(SYS_PCI "/%s/sriov_numvfs", target->bdf))
		return 0;
	if (virtual_functions_in_use(target->bdf))
		return in_use(target);
	fail("%s has virtual functions, which would lose it", target->bdf);
	fprintf(stderr,
		"  Remove them first: echo 0 > " SYS_PCI "/%s/sriov_numvfs\n",
		target->bdf);
	return STATUS_FAILED;
}

/*
 * Drivers
 */

static int set_override(const char *bdf, const char *driver)
{
	int ret = sys_write(driver, SYS_PCI "/%s/driver_override", bdf);

	return ret < 0 ? refused("driver_override", ret) : 0;
}

static int release_driver(const struct target *target)
{
	int ret;

	if (!*target->driver)
		return 0;
	ret = sys_write(target->bdf, SYS_DRIVERS "/%s/unbind", target->driver);
	/* ENODEV: another process has unbound it, or the device is gone */
	return ret < 0 && ret != -ENODEV ? refused("unbind", ret) : 0;
}

/* Let the kernel choose a driver. Return: the driver that the function has then */
static const char *probe(struct target *target)
{
	sys_write(target->bdf, "/sys/bus/pci/drivers_probe");
	sys_link(target->driver, sizeof(target->driver), SYS_PCI "/%s/driver",
		 target->bdf);
	return target->driver;
}

/*
 * Nodes
 */

/* List the nodes of a PCI function. Return: how many of them have no file in /dev */
static int missing_nodes(const char *bdf, char ***names, int *count)
{
	char path[NODE_PATH];
	int i, missing = 0;

	*count = sys_scan(names, SYS_PCI "/%s/usher", bdf);
	for (i = 0; i < *count; i++)
		missing += access(node_path((*names)[i], path), F_OK) != 0;
	return missing;
}

/* Wait until each node that the kernel announced is in /dev, and say its path. */
static int wait_nodes(const char *bdf)
{
	__u64 end = usher_deadline(NODE_WAIT_MS * 1000000ULL);
	struct pollfd watch = {
		.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK),
		.events = POLLIN,
	};
	char **names, events[4096], path[NODE_PATH];
	int count, i, missing;

	for (;;) {
		__u64 now = usher_deadline(0);

		/*
		 * Watch before looking, or a node that is made after the look is
		 * missed. Watch again each time: RAW_NODES may not have been there.
		 */
		inotify_add_watch(watch.fd, "/dev", IN_CREATE | IN_MOVED_TO);
		inotify_add_watch(watch.fd, RAW_NODES, IN_CREATE | IN_MOVED_TO);
		missing = missing_nodes(bdf, &names, &count);
		if ((count && !missing) || now >= end)
			break;
		sys_free(names, count);
		poll(&watch, 1, (int)((end - now) / 1000000) + 1);
		while (read(watch.fd, events, sizeof(events)) > 0)
			;
	}
	close(watch.fd);

	for (i = 0; i < count && !missing; i++)
		puts(node_path(names[i], path));
	sys_free(names, count);
	if (!count)
		return fail("%s has no nodes; the kernel log says why", bdf);
	if (missing)
		return fail("%s: %d of its nodes are not in /dev; is devtmpfs or udev at work?",
			    bdf, missing);
	return 0;
}

/* Print the nodes on standard output, for scripts, and the protection on the other. */
static int say_bound(const struct target *target)
{
	struct protection is;
	const char *remedy;
	char text[1024];
	int ret = wait_nodes(target->bdf);

	if (ret || !target->raw)
		return ret;
	fflush(stdout);		/* the node comes first, where both are one file */
	gather_protection(target->bdf, &is);
	note("%s is %s", target->bdf, protection_sentence(&is, text));
	remedy = protection_remedy(&is);
	if (remedy)
		fprintf(stderr, "  %s\n", remedy);
	return 0;
}

/*
 * Commands
 */

static int parse_arguments(struct target *target, int argc, char **argv,
			   const struct option *options, void (*help)(void))
{
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'r':
			target->raw = true;
			break;
		case 'f':
			target->force = true;
			break;
		case 'n':
			target->nvme = true;
			target->back = true;
			break;
		case 'k':
			target->back = true;
			break;
		case 'h':
			help();
			exit(0);
		default:
			return usage_error("the arguments are not understood");
		}
	}
	if (argc - optind != 1)
		return usage_error("name one device");
	target->text = argv[optind];
	return 0;
}

static void bind_help(void)
{
	printf("Usage: usherctl bind [--raw] [--force] DEVICE\n\n"
	       "Take a device from its driver for usher, and print the nodes it has then. DEVICE is\n"
	       "a PCI address (01:00.0), a disk (/dev/nvme0n1, or any link to it) or a network\n"
	       "interface (eth0). Loads the module if need be. A device in use is refused with exit\n"
	       "status 3, and by what is said.\n\n"
	       "  --raw     a PCI function of any class, for a driver in a process: it gets the\n"
	       "            node /dev/usher-raw/ADDRESS, and what contains it is said\n"
	       "  --force   even if it is in use, another controller has its disks, too, or\n"
	       "            another driver than nvme has a disk: its users lose it as if it were\n"
	       "            unplugged\n");
}

static int check_use(const struct target *target)
{
	int users;

	if (target->force)
		return 0;
	users = virtual_functions_in_use(target->bdf);
	if (!users && !*target->driver)
		return 0;
	if (!users && !target->raw && strcmp(target->driver, "nvme")) {
		fail("%s belongs to the driver %s", target->bdf, target->driver);
		fprintf(stderr, "  Unbind it there first, or say --force.\n");
		return STATUS_BUSY;
	}
	users += target->raw ? function_in_use(target->bdf) :
			       disks_in_use(target->bdf);
	users += disks_shared(target->bdf);
	return users ? in_use(target) : 0;
}

/* The driver of usher did not take the function: let its former driver have it. */
static int give_back(struct target *target)
{
	const char *bdf = target->bdf;

	fail("%s: %s does not take this device; the kernel log says why", bdf,
	     wanted_driver(target));
	sys_write("\n", SYS_PCI "/%s/driver_override", bdf);
	if (*probe(target))
		fprintf(stderr, "  Its driver is %s again.\n", target->driver);
	return STATUS_FAILED;
}

int cmd_bind(int argc, char **argv)
{
	static const struct option options[] = {
		{ "raw",	no_argument, NULL, 'r' },
		{ "force",	no_argument, NULL, 'f' },
		{ "help",	no_argument, NULL, 'h' },
		{ }
	};
	struct target target = {};
	int ret = parse_arguments(&target, argc, argv, options, bind_help);

	if (!ret)
		ret = resolve(&target);
	if (!ret)
		ret = check_kind(&target);
	if (ret)
		return ret;
	if (!strcmp(target.driver, wanted_driver(&target)))
		return say_bound(&target);

	ret = check_use(&target);
	if (!ret)
		ret = load_module("usher", wanted_driver(&target));
	if (!ret)
		ret = set_override(target.bdf, wanted_driver(&target));
	if (ret)
		return ret;
	ret = release_driver(&target);
	if (ret) {
		set_override(target.bdf, "\n");
		return ret;
	}
	if (strcmp(probe(&target), wanted_driver(&target)))
		return give_back(&target);
	return say_bound(&target);
}

static void unbind_help(void)
{
	printf("Usage: usherctl unbind [--to-kernel | --to-nvme] [--force] DEVICE\n\n"
	       "Take a device from usher or usher-raw. DEVICE is a PCI address or a node of it.\n"
	       "Programs that use it get ENODEV; its slices are gone.\n\n"
	       "  --to-kernel   give it to the driver that would have it without usher, also\n"
	       "                where it was unbound before\n"
	       "  --to-nvme     the same, for an NVMe disk alone\n"
	       "  --force       even if it has virtual functions that are in use\n");
}

static int not_bound(const struct target *target)
{
	char override[64];

	if (!*target->driver) {
		fail("%s is not bound to usher, nor to any driver", target->text);
		fprintf(stderr,
			"  \"usherctl unbind --to-kernel %s\" gives it to the kernel's own.\n",
			target->bdf);
		return STATUS_FAILED;
	}
	fail("%s is not bound to usher, but to %s", target->text, target->driver);
	sys_read(override, sizeof(override), SYS_PCI "/%s/driver_override",
		 target->bdf);
	if (!strcmp(override, target->driver))
		fprintf(stderr,
			"  Give it back by \"driverctl unset-override %s\", or by driver_override in sysfs.\n",
			target->bdf);
	return STATUS_FAILED;
}

/* With --to-kernel, a function without a driver is right, too. */
static int check_bound(const struct target *target)
{
	if (strcmp(target->driver, "usher") &&
	    strcmp(target->driver, "usher-raw") &&
	    (*target->driver || !target->back))
		return not_bound(target);
	return target->nvme && !is_nvme(target->bdf) ? no_nvme(target) : 0;
}

static int give_to_kernel(struct target *target)
{
	if (!*probe(target))
		return fail("%s: no driver took it; the kernel log says why",
			    target->bdf);
	printf("%s %s\n", target->bdf, target->driver);
	return 0;
}

int cmd_unbind(int argc, char **argv)
{
	static const struct option options[] = {
		{ "to-kernel",	no_argument, NULL, 'k' },
		{ "to-nvme",	no_argument, NULL, 'n' },
		{ "force",	no_argument, NULL, 'f' },
		{ "help",	no_argument, NULL, 'h' },
		{ }
	};
	struct target target = {};
	int ret = parse_arguments(&target, argc, argv, options, unbind_help);

	if (!ret)
		ret = resolve(&target);
	if (!ret)
		ret = check_bound(&target);
	if (!ret && !target.force && virtual_functions_in_use(target.bdf))
		ret = in_use(&target);
	if (ret)
		return ret;

	if (target.nvme)
		ret = load_module("nvme", "nvme");
	else if (target.back)
		load_by_alias(target.bdf);
	if (!ret)
		ret = set_override(target.bdf, "\n");
	if (!ret)
		ret = release_driver(&target);
	return ret || !target.back ? ret : give_to_kernel(&target);
}
