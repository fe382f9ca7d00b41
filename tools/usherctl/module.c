// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading modules by modprobe.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"
#include "module.h"
#include "status.h"
#include "sysfs.h"

#define MODPROBE_SAYS	1024	/* bytes of its messages that are looked at */

static bool driver_is_there(const char *driver)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), SYS_DRIVERS "/%s", driver);
	return !access(path, F_OK);
}

/* Copy from a pipe to standard error. Return: how many bytes of it are in @said */
static size_t pass_on(int fd, char said[MODPROBE_SAYS])
{
	char data[512];
	size_t length = 0;
	ssize_t got;

	while ((got = read(fd, data, sizeof(data))) > 0 || (got < 0 && errno == EINTR)) {
		if (got < 0)
			continue;
		fwrite(data, 1, got, stderr);
		if ((size_t)got > MODPROBE_SAYS - 1 - length)
			got = MODPROBE_SAYS - 1 - length;
		memcpy(said + length, data, got);
		length += got;
	}
	return length;
}

/*
 * Run modprobe, and pass on what it says. @option is "-q" where it is no error that
 * there is no such module. @said answers the beginning of what it said.
 */
static int load(const char *option, const char *module, char said[MODPROBE_SAYS])
{
	int status, ends[2];
	size_t length;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return fail("modprobe %s: %s", module, strerror(errno));
	child = fork();
	if (!child) {
		dup2(ends[1], STDERR_FILENO);
		setenv("LC_ALL", "C", 1);
		execlp("modprobe", "modprobe", option, module, NULL);
		execl("/sbin/modprobe", "modprobe", option, module, NULL);
		_exit(127);
	}
	close(ends[1]);
	length = pass_on(ends[0], said);
	said[length] = '\0';
	close(ends[0]);
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return fail("modprobe %s: %s", module, strerror(errno));
	return status ? STATUS_FAILED : 0;
}

/* The kernel was reached, and wants a signature that it knows. */
static bool wants_signature(const char *said)
{
	return strstr(said, "Required key not available") ||
	       strstr(said, "Key was rejected by service") ||
	       (strstr(said, "Operation not permitted") && locked_down());
}

static const char *load_remedy(const char *said)
{
	if (wants_signature(said))
		return "This kernel loads signed modules only (module.sig_enforce, or lockdown\n"
		       "  as by Secure Boot). Sign it with a key that the machine knows: DKMS does,\n"
		       "  once its key is enrolled by \"mokutil --import\".";
	if (strstr(said, "Operation not permitted"))
		return "Loading a module needs root.";
	return "Install it (make install, or DKMS), or load it with insmod;\n"
	       "  the kernel log says more.";
}

int load_module(const char *module, const char *driver)
{
	char said[MODPROBE_SAYS];
	int ret;

	if (driver_is_there(driver))
		return 0;
	ret = load("-a", module, said);
	if (!ret && driver_is_there(driver))
		return 0;
	if (!ret)
		return fail("the module \"%s\" has no driver %s: it is older than this program",
			    module, driver);
	fail("the module \"%s\" is not loaded, and \"modprobe %s\" failed",
	     module, module);
	fprintf(stderr, "  %s\n", load_remedy(said));
	return STATUS_FAILED;
}

void load_by_alias(const char *bdf)
{
	char alias[256], said[MODPROBE_SAYS];

	if (sys_read(alias, sizeof(alias), SYS_PCI "/%s/modalias", bdf))
		load("-q", alias, said);
}
