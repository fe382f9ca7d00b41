// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes, links and folders in sysfs, and in /proc. Paths are made as by printf().
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "sysfs.h"

static void make_path(char path[PATH_MAX], const char *format, va_list args)
{
	vsnprintf(path, PATH_MAX, format, args);
}

static char *trim(char *text)
{
	size_t length = strlen(text);

	while (length && isspace((unsigned char)text[length - 1]))
		text[--length] = '\0';
	return text;
}

bool sys_read(char *text, size_t size, const char *format, ...)
{
	char path[PATH_MAX];
	ssize_t got = -1;
	va_list args;
	int fd;

	va_start(args, format);
	make_path(path, format, args);
	va_end(args);

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		got = read(fd, text, size - 1);
		close(fd);
	}
	text[got < 0 ? 0 : got] = '\0';
	trim(text);
	return got >= 0;
}

ssize_t sys_bytes(void *bytes, size_t size, const char *format, ...)
{
	char path[PATH_MAX];
	ssize_t got;
	va_list args;
	int fd;

	va_start(args, format);
	make_path(path, format, args);
	va_end(args);

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = read(fd, bytes, size);
	if (got < 0)
		got = -errno;
	close(fd);
	return got;
}

__u64 sys_number(const char *format, ...)
{
	char path[PATH_MAX], text[32];
	va_list args;

	va_start(args, format);
	make_path(path, format, args);
	va_end(args);
	return sys_read(text, sizeof(text), "%s", path) ?
	       strtoull(text, NULL, 0) : 0;
}

bool sys_link(char *name, size_t size, const char *format, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *last;
	va_list args;
	ssize_t length;

	va_start(args, format);
	make_path(path, format, args);
	va_end(args);

	length = readlink(path, target, sizeof(target) - 1);
	target[length < 0 ? 0 : length] = '\0';
	last = strrchr(target, '/');
	snprintf(name, size, "%s", last ? last + 1 : target);
	return length > 0;
}

int sys_write(const char *text, const char *format, ...)
{
	char path[PATH_MAX];
	va_list args;
	int fd, ret = 0;

	va_start(args, format);
	make_path(path, format, args);
	va_end(args);

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int natural_order(const struct dirent **a, const struct dirent **b)
{
	return strverscmp((*a)->d_name, (*b)->d_name);
}

int sys_scan(char ***names, const char *format, ...)
{
	struct dirent **entries;
	char path[PATH_MAX];
	va_list args;
	int count, i;

	va_start(args, format);
	make_path(path, format, args);
	va_end(args);

	count = scandir(path, &entries, visible, natural_order);
	if (count < 0 && errno == ENOMEM)
		alloc_failed(path);
	if (count < 0) {
		*names = NULL;
		return 0;
	}
	*names = alloc_array(count + 1, sizeof(**names), path);
	for (i = 0; i < count; i++) {
		(*names)[i] = alloc_text(entries[i]->d_name, NAME_MAX);
		free(entries[i]);
	}
	free(entries);
	return count;
}

void sys_free(char **names, int count)
{
	while (count--)
		free(names[count]);
	free(names);
}

bool locked_down(void)
{
	char text[64];

	return sys_read(text, sizeof(text), "/sys/kernel/security/lockdown") &&
	       !strstr(text, "[none]");
}
