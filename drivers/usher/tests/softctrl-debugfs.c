// SPDX-License-Identifier: GPL-2.0-only
/*
 * The faults of the software controller, and what it saw:
 * /sys/kernel/debug/usher-softctrl/. Numbers may be given as 0x... A write
 * with an unknown word or too few numbers is EINVAL and changes nothing.
 *
 * What it saw (read)
 *
 * address	the PCI address, for /sys/bus/pci/devices/
 * commands	the last 256 commands fetched, the oldest first; a line each:
 *		seq=N qid=N cid=0x op=0x flags=0x nsid=0x mptr=0x prp1=0x prp2=0x
 *		cdw10=0x ... cdw15=0x. A write of anything forgets them
 * queues	a line for each queue that exists:
 *		"sq N cq=.. size=.. head=.. tail=.. fetched=.. doorbells=.." or
 *		"cq N vector=.. irq=.. size=.. head=.. tail=.. phase=.. posted=.. waiting=.."
 * stats	counters and states, "name value" lines; held says how many commands
 *		are held, aers how many event requests wait, shadow whether the
 *		doorbells are read from memory, unread how many completions the
 *		host has not taken, rounds how often the controller's thread went
 *		round, looks in how many of these rounds it looked at its queues
 * namespaces	a line for each: "ns N active=.. nsze=.. lba=.. ms=.. ext=.."
 *
 * Switches (read and write, 0 or 1)
 *
 * ignore_enable	CC.EN = 1 does not set CSTS.RDY
 * ignore_disable	CC.EN = 0 does not clear CSTS.RDY, and the controller goes on
 * ignore_shutdown	CC.SHN never completes
 * sticky_master	bus mastering cannot be switched off once it is on, but by a
 *			function level reset
 * flr_broken		a function level reset is offered but does nothing
 *			(module parameter flr=0: it is not offered)
 * cfg_error		the host bridge fails each access to configuration space
 * dead_admin		admin commands are fetched and never answered
 * dup			each completion is posted twice
 * csts_fatal		1: CSTS.CFS until the next disable; 2: for good
 * delay_us		I/O commands take so long, each by itself
 * block_ns		they take so long for each block that they name, one command
 *			after the other (not with delay_us)
 * grant_queues		I/O queue pairs that the next Number of Queues gives, at most
 *			as many as the module parameter says; 0: as many
 *
 * Actions and modes (write)
 *
 * hold		"on [op=N] [qid=N] [slba=N-N]": I/O commands that match (SLBA is
 *		CDW10-11, whatever the command) are fetched and not completed,
 *		"off": those that come now are. Those held stay held. Admin
 *		commands match only qid=0
 * release	"fifo [STATUS]" or "reverse [STATUS]": the held commands are executed
 *		and completed, or only completed with STATUS
 * abort	what Abort does to a command that is held or delayed: "real":
 *		it completes with Command Abort Requested; "ignore": the Abort
 *		completes and says that it did nothing; "silent": it never completes
 * fail		"io|admin OPCODE STATUS [COUNT [SKIP]]": the next COUNT (1) commands
 *		after SKIP (0) others of that opcode complete with STATUS (15 bits,
 *		DNR is 0x4000) and do nothing; COUNT 0 ends it
 * inject	"CQID SQID CID STATUS [DW0]": post a completion
 * garbage	"CQID COUNT SEED": overwrite COUNT entries from the queue's tail on with
 *		the pseudo-random bytes of SEED, and raise its interrupt
 * ns_size	"NSID BLOCKS": resize, and report it; 0 detaches the namespace,
 *		another size attaches it again
 * ns_format	"NSID LBASIZE [MS [EXT]]": 512 or 4096, 0 or 8 bytes of metadata,
 *		extended or not; contents are lost; reported
 * ns_replace	"NSID": another namespace of the same format takes its place:
 *		new NGUID and EUI-64, zeroed; reported. "NSID uuid": the new one
 *		has a UUID, and neither of these
 * event	"DW0": report an asynchronous event
 * event_at	"shutdown DW0", "disable DW0": report it, once, when the host wrote
 *		CC.SHN, or CC.EN = 0; the completion is there before CSTS changes.
 *		"never": not any more, which is also read when it was reported
 * surprise	"1": configuration space and BAR read all ones; "remove": so, and
 *		then the PCI core is told, as a hotplug slot would; "orderly":
 *		the PCI core removes the device while it still answers
 * rescan	"1": after a removal: the device comes back, powered on afresh
 * busy		"DOMAIN:BUS:DEVICE.FUNCTION": keep that function's configuration to
 *		oneself, as who resets it does; "none": no more
 * clear	"1": no faults; held commands are dropped
 */
#include <linux/debugfs.h>
#include <linux/io.h>
#include <linux/prandom.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "softctrl.h"

static struct dentry *sc_dir;
static struct sc_dev *sc_debug_dev;

/**
 * struct sc_file - a file in debugfs
 * @name:	its name
 * @show:	prints it, under sc_dev.lock
 * @store:	takes a line, under sc_dev.lock unless @unlocked
 * @unlocked:	@store calls the PCI core, whose callers wait for the controller
 */
struct sc_file {
	const char *name;
	void (*show)(struct sc_dev *sc, struct seq_file *m);
	int (*store)(struct sc_dev *sc, char *line);
	bool unlocked;
};

/* What it saw */

static void sc_show_address(struct sc_dev *sc, struct seq_file *m)
{
	seq_printf(m, "%04x:00:00.0\n", sc->sysdata.domain);
}

static void sc_show_commands(struct sc_dev *sc, struct seq_file *m)
{
	u64 seq = sc->log_seq > SC_LOG_ENTRIES ? sc->log_seq - SC_LOG_ENTRIES : 0;

	for (; seq < sc->log_seq; seq++) {
		const struct sc_entry *entry = &sc->log[seq % SC_LOG_ENTRIES];
		const struct nvme_common_command *c = &entry->sqe.common;
		const __le32 *dw = (const __le32 *)&entry->sqe;
		int i;

		if (entry->seq != seq)
			continue;	/* forgotten */
		seq_printf(m, "seq=%llu qid=%u cid=%#x op=%#x flags=%#x nsid=%#x mptr=%#llx prp1=%#llx prp2=%#llx",
			   entry->seq, entry->qid, c->command_id, c->opcode, c->flags,
			   le32_to_cpu(c->nsid), le64_to_cpu(c->metadata),
			   le64_to_cpu(c->dptr.prp1), le64_to_cpu(c->dptr.prp2));
		for (i = 10; i < 16; i++)
			seq_printf(m, " cdw%d=%#x", i, le32_to_cpu(dw[i]));
		seq_putc(m, '\n');
	}
}

static int sc_store_commands(struct sc_dev *sc, char *line)
{
	int i;

	for (i = 0; i < SC_LOG_ENTRIES; i++)
		sc->log[i].seq = U64_MAX;
	return 0;
}

static void sc_show_queues(struct sc_dev *sc, struct seq_file *m)
{
	int i;

	for (i = 0; i < SC_MAX_QUEUES; i++) {
		const struct sc_sq *sq = &sc->sq[i];

		if (sq->live)
			seq_printf(m, "sq %d cq=%u size=%u head=%u tail=%u fetched=%llu doorbells=%llu\n",
				   i, sq->cqid, sq->size, sq->head, sq->tail, sq->fetched,
				   sq->doorbells);
	}
	for (i = 0; i < SC_MAX_QUEUES; i++) {
		struct sc_cq *cq = &sc->cq[i];

		if (cq->live)
			seq_printf(m, "cq %d vector=%u irq=%d size=%u head=%u tail=%u phase=%u posted=%llu waiting=%zu\n",
				   i, cq->vector, cq->irq, cq->size, cq->head, cq->tail, cq->phase,
				   cq->posted, list_count_nodes(&cq->done));
	}
}

/* Completions that are posted, or wait to be, and that no doorbell has acknowledged */
static size_t sc_unread(struct sc_dev *sc)
{
	size_t sum = 0;
	int i;

	for (i = 0; i < SC_MAX_QUEUES; i++) {
		struct sc_cq *cq = &sc->cq[i];

		if (cq->live)
			sum += (cq->tail + cq->size - cq->head) % cq->size +
			       list_count_nodes(&cq->done);
	}
	return sum;
}

static void sc_show_stats(struct sc_dev *sc, struct seq_file *m)
{
	const struct sc_stats *s = &sc->stats;

	seq_printf(m, "ready %d\nfatal %d\nbus_master %d\nremoved %d\nshadow %d\n", sc->ready,
		   sc->fatal, sc_bus_master(sc), sc->removed, !!sc->dbbuf_db);
	seq_printf(m, "held %zu\ndelayed %zu\naers %zu\nevents %u\n", list_count_nodes(&sc->held),
		   list_count_nodes(&sc->delayed), list_count_nodes(&sc->aers), sc->nr_events);
	seq_printf(m, "rounds %llu\nlooks %llu\nunread %zu\n", s->rounds, s->looks,
		   sc_unread(sc));
	seq_printf(m, "fetched %llu\ncompleted %llu\ndropped %llu\naborts %llu\n", s->fetched,
		   s->completed, s->dropped, s->aborts);
	seq_printf(m, "enables %llu\ndisables %llu\nshutdowns %llu\nflrs %llu\n", s->enables,
		   s->disables, s->shutdowns, s->flrs);
	seq_printf(m, "interrupts %llu\nbad_doorbells %llu\ndma_errors %llu\n", s->interrupts,
		   s->bad_doorbells, s->dma_errors);
}

static void sc_show_namespaces(struct sc_dev *sc, struct seq_file *m)
{
	uint i;

	for (i = 0; i < sc_param.namespaces; i++)
		seq_printf(m, "ns %u active=%d nsze=%llu lba=%u ms=%u ext=%d\n", i + 1,
			   sc->ns[i].active, sc->ns[i].nsze, 1U << sc->ns[i].lba_shift,
			   sc->ns[i].ms, sc->ns[i].ext);
}

/* Modes */

static int sc_store_hold(struct sc_dev *sc, char *line)
{
	int opcode = -1, qid = -1;
	u64 first = 0, last = U64_MAX;
	char *word = strsep(&line, " ");

	if (!strcmp(word, "off") && !line) {
		sc->fault.hold = false;
		return 0;
	}
	if (strcmp(word, "on"))
		return -EINVAL;
	while ((word = strsep(&line, " "))) {
		if (sscanf(word, "op=%i", &opcode) != 1 && sscanf(word, "qid=%i", &qid) != 1 &&
		    sscanf(word, "slba=%lli-%lli", &first, &last) != 2)
			return -EINVAL;
	}
	sc->fault.hold = true;
	sc->fault.hold_opcode = opcode;
	sc->fault.hold_qid = qid;
	sc->fault.hold_first = first;
	sc->fault.hold_last = last;

	return 0;
}

static int sc_store_release(struct sc_dev *sc, char *line)
{
	char order[8];
	uint status = 0;
	bool reverse;

	if (sscanf(line, "%7s %i", order, &status) < 1 || status > 0x7fff)
		return -EINVAL;
	reverse = !strcmp(order, "reverse");
	if (!reverse && strcmp(order, "fifo"))
		return -EINVAL;
	sc_release_held(sc, reverse, status);

	return 0;
}

static int sc_store_abort(struct sc_dev *sc, char *line)
{
	static const char * const modes[] = {
		[SC_ABORT_REAL] = "real", [SC_ABORT_IGNORE] = "ignore",
		[SC_ABORT_SILENT] = "silent",
	};
	int mode = match_string(modes, ARRAY_SIZE(modes), line);

	if (mode < 0)
		return -EINVAL;
	sc->fault.abort = mode;

	return 0;
}

static int sc_store_fail(struct sc_dev *sc, char *line)
{
	struct sc_fail *fail;
	uint opcode, status, count = 1, skip = 0;
	char kind[8];

	if (sscanf(line, "%7s %i %i %i %i", kind, &opcode, &status, &count, &skip) < 3)
		return -EINVAL;
	if (!strcmp(kind, "io"))
		fail = &sc->fault.fail_io;
	else if (!strcmp(kind, "admin"))
		fail = &sc->fault.fail_admin;
	else
		return -EINVAL;
	if (opcode > 0xff || status > 0x7fff)
		return -EINVAL;
	fail->opcode = opcode;
	fail->status = status;
	fail->count = count;
	fail->skip = skip;

	return 0;
}

/* Bogus completions */

static int sc_store_inject(struct sc_dev *sc, char *line)
{
	struct nvme_completion cqe = {};
	uint cqid, sqid, cid, status, dw0 = 0;

	if (sscanf(line, "%i %i %i %i %i", &cqid, &sqid, &cid, &status, &dw0) < 4)
		return -EINVAL;
	if (cqid > 0xffff || sqid > 0xffff || cid > 0xffff || status > 0x7fff)
		return -EINVAL;
	cqe.result.u64 = cpu_to_le64(dw0);
	cqe.sq_id = cpu_to_le16(sqid);
	cqe.command_id = cid;
	cqe.status = cpu_to_le16(status << 1);

	return sc_inject(sc, cqid, &cqe);
}

static int sc_store_garbage(struct sc_dev *sc, char *line)
{
	struct rnd_state random;
	uint cqid, count, seed, i;
	struct sc_cq *cq;
	u8 entry[sizeof(struct nvme_completion)];
	int ret = 0;

	if (sscanf(line, "%i %i %u", &cqid, &count, &seed) != 3 || cqid >= SC_MAX_QUEUES)
		return -EINVAL;
	cq = &sc->cq[cqid];
	if (!cq->live)
		return -ENOENT;
	if (count > cq->size)
		return -EINVAL;

	prandom_seed_state(&random, seed);
	for (i = 0; i < count && !ret; i++) {
		prandom_bytes_state(&random, entry, sizeof(entry));
		ret = sc_dma(sc, cq->base + (cq->tail + i) % cq->size * sizeof(entry), entry,
			     sizeof(entry), SC_TO_HOST);
	}
	sc_raise_irq(sc, cq->vector);

	return ret;
}

/* Namespaces */

static struct sc_ns *sc_get_ns(struct sc_dev *sc, uint nsid)
{
	return nsid && nsid <= sc_param.namespaces ? &sc->ns[nsid - 1] : NULL;
}

static int sc_store_ns_size(struct sc_dev *sc, char *line)
{
	struct sc_ns *ns;
	u64 blocks;
	uint nsid;

	if (sscanf(line, "%i %lli", &nsid, &blocks) != 2)
		return -EINVAL;
	ns = sc_get_ns(sc, nsid);
	if (!ns || blocks > sc_max_nsze(ns))
		return -EINVAL;
	ns->active = blocks;
	if (blocks)
		ns->nsze = blocks;
	sc_ns_changed(sc, nsid);

	return 0;
}

static int sc_store_ns_format(struct sc_dev *sc, char *line)
{
	uint nsid, lba_size, ms = 0, ext = 0;
	struct sc_ns *ns;
	int ret;

	if (sscanf(line, "%i %i %i %i", &nsid, &lba_size, &ms, &ext) < 2 || ms > 0xffff)
		return -EINVAL;
	ns = sc_get_ns(sc, nsid);
	if (!ns)
		return -EINVAL;
	ret = sc_set_format(ns, lba_size, ms, ext);
	if (!ret)
		sc_ns_changed(sc, nsid);

	return ret;
}

static int sc_store_ns_replace(struct sc_dev *sc, char *line)
{
	char word[8] = "";
	struct sc_ns *ns;
	uint nsid;
	int ret;

	if (sscanf(line, "%i %7s", &nsid, word) < 1 || (*word && strcmp(word, "uuid")))
		return -EINVAL;
	ns = sc_get_ns(sc, nsid);
	if (!ns)
		return -EINVAL;
	ret = sc_set_format(ns, 1 << ns->lba_shift, ns->ms, ns->ext);
	if (ret)
		return ret;
	sc_new_identity(ns, *word);
	ns->active = true;
	sc_ns_changed(sc, nsid);

	return 0;
}

static int sc_store_event(struct sc_dev *sc, char *line)
{
	u32 dw0;

	if (kstrtou32(line, 0, &dw0))
		return -EINVAL;
	sc_event(sc, dw0);

	return 0;
}

static const char * const sc_moments[] = {
	[SC_NEVER] = "never", [SC_AT_SHUTDOWN] = "shutdown", [SC_AT_DISABLE] = "disable",
};

static void sc_show_event_at(struct sc_dev *sc, struct seq_file *m)
{
	seq_printf(m, "%s\n", sc_moments[sc->fault.event_at]);
}

static int sc_store_event_at(struct sc_dev *sc, char *line)
{
	char word[16];
	u32 dw0 = 0;
	int moment;

	if (sscanf(line, "%15s %i", word, &dw0) < 1)
		return -EINVAL;
	moment = match_string(sc_moments, ARRAY_SIZE(sc_moments), word);
	if (moment < 0)
		return -EINVAL;
	sc->fault.event_at = moment;
	sc->fault.event = dw0;

	return 0;
}

/* The whole device */

static int sc_store_surprise(struct sc_dev *sc, char *line)
{
	bool remove = !strcmp(line, "remove"), orderly = !strcmp(line, "orderly");

	if (!remove && !orderly && strcmp(line, "1"))
		return -EINVAL;
	if (!orderly) {
		mutex_lock(&sc->lock);
		sc_surprise(sc);
		mutex_unlock(&sc->lock);
	}
	if (remove || orderly)
		sc_remove_device(sc);

	return 0;
}

static int sc_store_rescan(struct sc_dev *sc, char *line)
{
	return strcmp(line, "1") ? -EINVAL : sc_add_device(sc);
}

static void sc_busy_end(struct sc_dev *sc)
{
	if (!sc->busy)
		return;
	pci_cfg_access_unlock(sc->busy);
	pci_dev_put(sc->busy);
	sc->busy = NULL;
}

static int sc_store_busy(struct sc_dev *sc, char *line)
{
	uint domain, bus, device, function;
	struct pci_dev *pdev;

	if (!strcmp(line, "none")) {
		sc_busy_end(sc);
		return 0;
	}
	if (sscanf(line, "%x:%x:%x.%x", &domain, &bus, &device, &function) != 4)
		return -EINVAL;
	pdev = pci_get_domain_bus_and_slot(domain, bus, PCI_DEVFN(device, function));
	if (!pdev)
		return -ENODEV;
	sc_busy_end(sc);
	pci_cfg_access_lock(pdev);
	sc->busy = pdev;

	return 0;
}

/**
 * sc_faults_clear - no faults
 * @sc:	the device
 */
void sc_faults_clear(struct sc_dev *sc)
{
	memset(&sc->fault, 0, sizeof(sc->fault));
}

static int sc_store_clear(struct sc_dev *sc, char *line)
{
	if (strcmp(line, "1"))
		return -EINVAL;
	sc_faults_clear(sc);
	sc_drop_held(sc);

	return 0;
}

static const struct sc_file sc_files[] = {
	{ .name = "address", .show = sc_show_address },
	{ .name = "commands", .show = sc_show_commands, .store = sc_store_commands },
	{ .name = "queues", .show = sc_show_queues },
	{ .name = "stats", .show = sc_show_stats },
	{ .name = "namespaces", .show = sc_show_namespaces },
	{ .name = "hold", .store = sc_store_hold },
	{ .name = "release", .store = sc_store_release },
	{ .name = "abort", .store = sc_store_abort },
	{ .name = "fail", .store = sc_store_fail },
	{ .name = "inject", .store = sc_store_inject },
	{ .name = "garbage", .store = sc_store_garbage },
	{ .name = "ns_size", .store = sc_store_ns_size },
	{ .name = "ns_format", .store = sc_store_ns_format },
	{ .name = "ns_replace", .store = sc_store_ns_replace },
	{ .name = "event", .store = sc_store_event },
	{ .name = "event_at", .show = sc_show_event_at, .store = sc_store_event_at },
	{ .name = "surprise", .store = sc_store_surprise, .unlocked = true },
	{ .name = "busy", .store = sc_store_busy },
	{ .name = "rescan", .store = sc_store_rescan, .unlocked = true },
	{ .name = "clear", .store = sc_store_clear },
};

static int sc_file_show(struct seq_file *m, void *unused)
{
	const struct sc_file *f = m->private;
	struct sc_dev *sc = sc_debug_dev;

	if (!f->show)
		return -EINVAL;
	mutex_lock(&sc->lock);
	f->show(sc, m);
	mutex_unlock(&sc->lock);

	return 0;
}

static int sc_file_open(struct inode *inode, struct file *file)
{
	return single_open(file, sc_file_show, inode->i_private);
}

static ssize_t sc_file_write(struct file *file, const char __user *ubuf, size_t count, loff_t *pos)
{
	const struct sc_file *f = ((struct seq_file *)file->private_data)->private;
	struct sc_dev *sc = sc_debug_dev;
	char *line;
	int ret;

	if (!f->store || count > 128)
		return -EINVAL;
	line = memdup_user_nul(ubuf, count);
	if (IS_ERR(line))
		return PTR_ERR(line);

	if (!f->unlocked)
		mutex_lock(&sc->lock);
	ret = f->store(sc, strim(line));
	if (!f->unlocked)
		mutex_unlock(&sc->lock);
	kfree(line);

	return ret ?: count;
}

static const struct file_operations sc_fops = {
	.owner		= THIS_MODULE,
	.open		= sc_file_open,
	.read		= seq_read,
	.write		= sc_file_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

/**
 * sc_debugfs_init - make the files
 * @sc:	the device
 */
void sc_debugfs_init(struct sc_dev *sc)
{
	struct sc_faults *fault = &sc->fault;
	int i;

	sc_debug_dev = sc;
	sc_dir = debugfs_create_dir("usher-softctrl", NULL);
	for (i = 0; i < ARRAY_SIZE(sc_files); i++)
		debugfs_create_file(sc_files[i].name,
				    (sc_files[i].show ? 0400 : 0) | (sc_files[i].store ? 0200 : 0),
				    sc_dir, (void *)&sc_files[i], &sc_fops);

	debugfs_create_bool("ignore_enable", 0600, sc_dir, &fault->ignore_enable);
	debugfs_create_bool("ignore_disable", 0600, sc_dir, &fault->ignore_disable);
	debugfs_create_bool("ignore_shutdown", 0600, sc_dir, &fault->ignore_shutdown);
	debugfs_create_bool("sticky_master", 0600, sc_dir, &fault->sticky_master);
	debugfs_create_bool("flr_broken", 0600, sc_dir, &fault->flr_broken);
	debugfs_create_bool("cfg_error", 0600, sc_dir, &fault->cfg_error);
	debugfs_create_bool("dead_admin", 0600, sc_dir, &fault->dead_admin);
	debugfs_create_bool("dup", 0600, sc_dir, &fault->dup);
	debugfs_create_u32("csts_fatal", 0600, sc_dir, &fault->csts_fatal);
	debugfs_create_u32("delay_us", 0600, sc_dir, &fault->delay_us);
	debugfs_create_u32("block_ns", 0600, sc_dir, &fault->block_ns);
	debugfs_create_u32("grant_queues", 0600, sc_dir, &fault->grant_queues);
}

/**
 * sc_debugfs_exit - remove the files; nobody is inside them afterwards
 */
void sc_debugfs_exit(void)
{
	debugfs_remove_recursive(sc_dir);
	sc_busy_end(sc_debug_dev);
}
