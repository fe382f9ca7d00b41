// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opens rings and prints how much of the kernel's memory that takes, as one line
 * of JSON: free pages before less free pages after, caches dropped both times.
 * What the process itself uses for a ring is a few bytes of memory that it has
 * touched before.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <usher.h>

#define MAX_RINGS	4096

static struct usher_ring rings[MAX_RINGS];

static void __attribute__((noreturn)) die(const char *what, int error)
{
	fprintf(stderr, "memory: %s: %s\n", what, strerror(error));
	exit(1);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path, errno);
	close(fd);
}

/*
 * Free pages of all zones, and those that are free and kept by a processor for
 * itself; /proc/meminfo leaves these out, which are many now and few then.
 */
static long free_pages(void)
{
	FILE *file = fopen("/proc/zoneinfo", "r");
	char line[256];
	long pages = 0, number;

	if (!file)
		die("/proc/zoneinfo", errno);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " pages free %ld", &number) == 1 ||
		    sscanf(line, " count: %ld", &number) == 1)
			pages += number;
	fclose(file);
	return pages;
}

static long free_memory(void)
{
	write_file("/proc/sys/vm/drop_caches", "3");
	write_file("/proc/sys/vm/stat_refresh", "1");
	return free_pages() * sysconf(_SC_PAGESIZE);
}

static void open_rings(int grant, unsigned int first, unsigned int end,
		       unsigned int depth)
{
	unsigned int i;
	int ret;

	for (i = first; i < end; i++) {
		ret = usher_ring_init(&rings[i], grant, depth, 0);
		if (ret)
			die("usher_ring_init", -ret);
	}
}

int main(int argc, char **argv)
{
	struct rlimit limit = { MAX_RINGS + 64, MAX_RINGS + 64 };
	unsigned int first, more, depth;
	long before, between, after;
	int grant;

	if (argc != 5) {
		fprintf(stderr, "usage: memory DEPTH FIRST MORE NODE\n"
			"Opens FIRST rings, and then MORE of them.\n");
		return 2;
	}
	depth = strtoul(argv[1], NULL, 10);
	first = strtoul(argv[2], NULL, 10);
	more = strtoul(argv[3], NULL, 10);
	if (!first || !more || first + more > MAX_RINGS)
		die("number of rings", ERANGE);
	grant = usher_open(argv[4], O_RDWR);
	if (grant < 0)
		die(argv[4], -grant);
	if (setrlimit(RLIMIT_NOFILE, &limit))
		die("RLIMIT_NOFILE", errno);
	memset(rings, 0xff, sizeof(rings));

	before = free_memory();
	open_rings(grant, 0, first, depth);
	between = free_memory();
	open_rings(grant, first, first + more, depth);
	after = free_memory();
	printf("{\"depth\": %u, \"first\": %u, \"first_bytes\": %ld, ", depth, first,
	       before - between);
	printf("\"more\": %u, \"more_bytes\": %ld}\n", more, between - after);
	return 0;
}
