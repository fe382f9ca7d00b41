// SPDX-License-Identifier: GPL-2.0-only
/*
 * usherctl bind and usherctl unbind: from the nvme driver to usher and back, by
 * the driver_override of the PCI function.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include "usherctl.h"

#define SYS_DRIVERS	"/sys/bus/pci/drivers"
#define PCI_CLASS_NVME	0x010802
#define NODE_WAIT_MS	10000

struct target {
	const char *text;	/* as the user named it */
	char bdf[32];
	char driver[64];	/* the driver it has, or "" */
	bool flag;		/* --force, --to-nvme */
};

/*
 * Which PCI function is meant
 */

/* "01:00.0" is short for "0000:01:00.0". */
static bool from_bdf(const char *text, char bdf[32])
{
	unsigned int domain = 0, bus, slot, function;
	int length = 0;

	if (sscanf(text, "%x:%x:%x.%x%n", &domain, &bus, &slot, &function,
		   &length) != 4) {
		domain = 0;
		if (sscanf(text, "%x:%x.%x%n", &bus, &slot, &function,
			   &length) != 3)
			return false;
	}
	if (text[length])
		return false;
	snprintf(bdf, 32, "%04x:%02x:%02x.%x", domain, bus, slot, function);
	return true;
}

/* The PCI function that a folder in sysfs lies under */
static bool pci_parent(const char *folder, char bdf[32])
{
	char path[PATH_MAX], name[64];
	char *slash;

	if (!realpath(folder, path))
		return false;
	for (;;) {
		if (sys_link(name, sizeof(name), "%s/subsystem", path) &&
		    !strcmp(name, "pci"))
			return from_bdf(strrchr(path, '/') + 1, bdf);
		slash = strrchr(path, '/');
		if (!slash || slash == path)
			return false;
		*slash = '\0';
	}
}

/* A multipath head lies under no controller: its subsystem lists them. */
static int from_head(const char *disk, char bdf[32])
{
	char **names, path[PATH_MAX], found[32] = "";
	int i, count = sys_scan(&names, "/sys/class/block/%s/device", disk);
	int ret = 0;

	for (i = 0; i < count && !ret; i++) {
		snprintf(path, sizeof(path),
			 "/sys/class/block/%s/device/%s/device", disk, names[i]);
		if (strncmp(names[i], "nvme", 4) || !pci_parent(path, bdf))
			continue;
		if (*found && strcmp(found, bdf))
			ret = fail("%s is reached by %s and %s: name one of these",
				   disk, found, bdf);
		snprintf(found, sizeof(found), "%s", bdf);
	}
	sys_free(names, count);
	if (!ret && !*found)
		ret = fail("%s: no PCI function is behind it", disk);
	return ret;
}

static int find_function(struct target *target)
{
	const char *slash = strrchr(target->text, '/');
	const char *name = slash ? slash + 1 : target->text;
	static const char * const classes[] = { "usher", "nvme", "block" };
	char path[PATH_MAX];
	size_t i;

	if (from_bdf(target->text, target->bdf)) {
		snprintf(path, sizeof(path), SYS_PCI "/%s", target->bdf);
		if (access(path, F_OK))
			return fail("%s: there is no such PCI function, see \"usherctl list\"",
				    target->bdf);
		return 0;
	}

	for (i = 0; i < ARRAY_SIZE(classes); i++) {
		snprintf(path, sizeof(path), "/sys/class/%s/%s", classes[i],
			 name);
		if (pci_parent(path, target->bdf))
			return 0;
	}
	if (!access(path, F_OK))
		return from_head(name, target->bdf);
	return fail("%s: there is no such disk or PCI function, see \"usherctl list\"",
		    target->text);
}

static int refused(const char *what, int error)
{
	fail("%s: %s", what, strerror(-error));
	if (error == -EACCES || error == -EPERM)
		fprintf(stderr, "  Changing drivers needs root.\n");
	return STATUS_FAILED;
}

static int resolve(struct target *target)
{
	char path[PATH_MAX];
	int ret = find_function(target);

	if (ret)
		return ret;
	snprintf(path, sizeof(path), SYS_PCI "/%s/driver_override",
		 target->bdf);
	if (access(path, W_OK))
		return refused(target->bdf, -errno);
	if (sys_number(SYS_PCI "/%s/class", target->bdf) != PCI_CLASS_NVME)
		return fail("%s is no NVMe controller (PCI class 01 08 02)",
			    target->bdf);
	sys_link(target->driver, sizeof(target->driver), SYS_PCI "/%s/driver",
		 target->bdf);
	return 0;
}

/*
 * Drivers
 */

static bool driver_is_there(const char *driver)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), SYS_DRIVERS "/%s", driver);
	return !access(path, F_OK);
}

static int load_module(const char *module)
{
	int status;
	pid_t child;

	if (driver_is_there(module))
		return 0;

	child = fork();
	if (!child) {
		execlp("modprobe", "modprobe", module, NULL);
		execl("/sbin/modprobe", "modprobe", module, NULL);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return fail("modprobe %s: %s", module, strerror(errno));
	if (status || !driver_is_there(module)) {
		fail("the module \"%s\" is not loaded, and \"modprobe %s\" failed",
		     module, module);
		fprintf(stderr,
			"  Install it (make install, or DKMS), or load it with insmod; the kernel log says more.\n");
		return STATUS_FAILED;
	}
	return 0;
}

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
	/* ENODEV: somebody else was faster, or the device is gone */
	return ret < 0 && ret != -ENODEV ? refused("unbind", ret) : 0;
}

/* The driver that the function has now */
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

/* Names of the nodes of a PCI function; how many of them lack a file in /dev */
static int missing_nodes(const char *bdf, char ***names, int *count)
{
	char path[PATH_MAX];
	int i, missing = 0;

	*count = sys_scan(names, SYS_PCI "/%s/usher", bdf);
	for (i = 0; i < *count; i++) {
		snprintf(path, sizeof(path), "/dev/%s", (*names)[i]);
		missing += access(path, F_OK) != 0;
	}
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
	char **names, events[4096];
	int count, i, missing;

	/* The watch first: a node made between look and wait is seen. */
	inotify_add_watch(watch.fd, "/dev", IN_CREATE | IN_MOVED_TO);
	for (;;) {
		__u64 now = usher_deadline(0);

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
		printf("/dev/%s\n", names[i]);
	sys_free(names, count);
	if (!count)
		return fail("%s has no nodes; the kernel log says why", bdf);
	if (missing)
		return fail("%s: %d of its nodes are not in /dev; is devtmpfs or udev at work?",
			    bdf, missing);
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
		case 'f':
			target->flag = true;
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
	printf("Usage: usherctl bind [--force] DEVICE\n\n"
	       "Take an NVMe disk from its driver for usher, and print the nodes it has then.\n"
	       "DEVICE is a PCI address (01:00.0), /dev/nvme0 or /dev/nvme0n1. Loads the module\n"
	       "if need be. A disk in use is refused with exit status 3, and by what is said.\n\n"
	       "  --force   even if it is in use, or another driver than nvme has it:\n"
	       "            file systems on it are lost as if it were unplugged\n");
}

static int check_use(const struct target *target)
{
	int users;

	if (target->flag || !*target->driver)
		return 0;
	if (strcmp(target->driver, "nvme")) {
		fail("%s belongs to the driver %s", target->bdf, target->driver);
		fprintf(stderr, "  Unbind it there first, or say --force.\n");
		return STATUS_BUSY;
	}

	users = disks_in_use(target->bdf);
	if (!users)
		return 0;
	fail("%s is in use; nothing was changed", target->text);
	return STATUS_BUSY;
}

/* usher did not take it: the former driver gets it again. */
static int give_back(struct target *target)
{
	const char *bdf = target->bdf;

	fail("%s: usher does not take this device; the kernel log says why", bdf);
	sys_write("\n", SYS_PCI "/%s/driver_override", bdf);
	if (*probe(target))
		fprintf(stderr, "  Its driver is %s again.\n", target->driver);
	return STATUS_FAILED;
}

int cmd_bind(int argc, char **argv)
{
	static const struct option options[] = {
		{ "force",	no_argument, NULL, 'f' },
		{ "help",	no_argument, NULL, 'h' },
		{ }
	};
	struct target target = {};
	int ret = parse_arguments(&target, argc, argv, options, bind_help);

	if (!ret)
		ret = resolve(&target);
	if (ret)
		return ret;
	if (!strcmp(target.driver, "usher"))
		return wait_nodes(target.bdf);

	ret = check_use(&target);
	if (!ret)
		ret = load_module("usher");
	if (!ret)
		ret = set_override(target.bdf, "usher");
	if (ret)
		return ret;
	ret = release_driver(&target);
	if (ret) {
		set_override(target.bdf, "\n");
		return ret;
	}
	if (strcmp(probe(&target), "usher"))
		return give_back(&target);
	return wait_nodes(target.bdf);
}

static void unbind_help(void)
{
	printf("Usage: usherctl unbind [--to-nvme] DEVICE\n\n"
	       "Take a device from usher. DEVICE is a PCI address or a node of it. Programs that\n"
	       "use it get ENODEV; its slices are gone.\n\n"
	       "  --to-nvme   give it to the driver that would have it without usher\n");
}

int cmd_unbind(int argc, char **argv)
{
	static const struct option options[] = {
		{ "to-nvme",	no_argument, NULL, 'f' },
		{ "help",	no_argument, NULL, 'h' },
		{ }
	};
	struct target target = {};
	int ret = parse_arguments(&target, argc, argv, options, unbind_help);

	if (!ret)
		ret = resolve(&target);
	if (ret)
		return ret;
	if (strcmp(target.driver, "usher"))
		return fail("%s is not bound to usher%s%s", target.text,
			    *target.driver ? ", but to " : "", target.driver);

	if (target.flag)
		ret = load_module("nvme");
	if (!ret)
		ret = set_override(target.bdf, "\n");
	if (!ret)
		ret = release_driver(&target);
	if (ret || !target.flag)
		return ret;
	if (!*probe(&target))
		return fail("%s: no driver took it; the kernel log says why",
			    target.bdf);
	printf("%s %s\n", target.bdf, target.driver);
	return 0;
}
