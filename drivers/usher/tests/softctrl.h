/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A software NVMe controller on a PCI root bus of its own, for tests.
 *
 * softctrl.c		the root bus, configuration space, interrupts, load and unload
 * softctrl-nvme.c	what the controller does: registers, queues, commands
 * softctrl-debugfs.c	the faults, and what the controller saw
 */
#ifndef USHER_SOFTCTRL_H
#define USHER_SOFTCTRL_H

#include <linux/irq_work.h>
#include <linux/irqdomain.h>
#include <linux/mutex.h>
#include <linux/nvme.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

/* BAR 0 */
#define SC_BAR_SIZE		0x8000
#define SC_MSIX_TABLE		0x4000
#define SC_MSIX_PBA		0x5000

#define SC_MAX_QUEUES		65	/* admin and 64 I/O */
#define SC_MAX_VECTORS		65
#define SC_MAX_NS		4
#define SC_NR_AER		4
#define SC_NR_FEATURES		0x12
#define SC_LOG_ENTRIES		256

/* Not a status: the command stays with the controller for now. */
#define SC_PENDING		0xffff

enum sc_intr { SC_INTR_NONE, SC_INTR_PIN, SC_INTR_MSI, SC_INTR_MSIX };
enum sc_abort { SC_ABORT_REAL, SC_ABORT_IGNORE, SC_ABORT_SILENT };
enum sc_moment { SC_NEVER, SC_AT_SHUTDOWN, SC_AT_DISABLE };
enum sc_dir { SC_TO_HOST, SC_FROM_HOST, SC_COMPARE };

/**
 * struct sc_params - module parameters, described in softctrl.c
 */
struct sc_params {
	unsigned long bar_base;
	char *driver;
	char *intr;
	char *serial;
	char *model;
	uint queues;
	uint vectors;
	uint mqes;
	uint to;
	uint crwmt;
	uint mpsmin;
	uint dstrd;
	uint mdts;
	uint vsl;
	uint wzsl;
	uint wusl;
	uint dmrl;
	uint dmrsl;
	ulong dmsl;
	uint acl;
	bool limits;
	uint oncs;
	bool vwc;
	bool dbbuf;
	bool flr;
	uint namespaces;
	uint ns_mib;
	uint lba_size;
	uint metadata;
	bool extended;
};

extern struct sc_params sc_param;

/**
 * struct sc_cmd - a command that the controller has fetched
 * @list:	in one of &struct sc_dev's lists or &sc_cq.done
 * @sqe:	the command as it was in the submission queue
 * @sqid:	the queue it came from
 * @status:	its status, once it is in &sc_cq.done
 * @result:	DW0 and DW1 of its completion
 * @due:	when a delayed command may run
 */
struct sc_cmd {
	struct list_head list;
	struct nvme_command sqe;
	u16 sqid;
	u16 status;
	u64 result;
	ktime_t due;
};

/**
 * struct sc_sq - a submission queue
 * @live:	it exists
 * @cqid:	where its completions go
 * @size:	entries
 * @head:	next entry to fetch
 * @tail:	last value of its doorbell
 * @base:	bus address
 * @fetched:	commands fetched since the queue was created
 * @doorbells:	doorbell changes seen (several quick writes may count as one)
 */
struct sc_sq {
	bool live;
	u16 cqid;
	u32 size;
	u32 head;
	u32 tail;
	u64 base;
	u64 fetched;
	u64 doorbells;
};

/**
 * struct sc_cq - a completion queue
 * @live:	it exists
 * @irq:	interrupts are on
 * @phase:	phase tag of the next entry
 * @vector:	its interrupt vector
 * @size:	entries
 * @head:	last value of its doorbell
 * @tail:	next entry to post
 * @base:	bus address
 * @posted:	entries posted since the queue was created
 * @done:	completed commands that wait for a free entry
 */
struct sc_cq {
	bool live;
	bool irq;
	u8 phase;
	u16 vector;
	u32 size;
	u32 head;
	u32 tail;
	u64 base;
	u64 posted;
	struct list_head done;
};

/**
 * struct sc_ns - a namespace
 * @active:	it is attached
 * @lba_shift:	log2 of the data bytes of a block
 * @ms:		metadata bytes of a block
 * @ext:	metadata follows the data of each block
 * @nsze:	blocks
 * @nguid:	its identity, or zeros; the EUI-64 is the first half
 * @uuid:	its UUID, or zeros
 * @store:	its contents, sc_param.ns_mib MiB
 * @bad:	a bit for each block that Write Uncorrectable marked
 */
struct sc_ns {
	bool active;
	u8 lba_shift;
	u16 ms;
	bool ext;
	u64 nsze;
	u8 nguid[16];
	u8 uuid[16];
	u8 *store;
	unsigned long *bad;
};

/**
 * struct sc_fail - complete an opcode with a status instead of executing it
 * @skip:	how many are executed before
 * @count:	how many times still
 * @opcode:	which opcode
 * @status:	which status
 */
struct sc_fail {
	u32 skip;
	u32 count;
	u8 opcode;
	u16 status;
};

/**
 * struct sc_faults - what goes wrong, see softctrl-debugfs.c
 */
struct sc_faults {
	bool ignore_enable;
	bool ignore_disable;
	bool ignore_shutdown;
	bool sticky_master;
	bool flr_broken;
	bool cfg_error;
	bool dead_admin;
	bool dup;
	u32 csts_fatal;
	u32 delay_us;
	u32 block_ns;
	enum sc_abort abort;
	bool hold;
	int hold_opcode;
	int hold_qid;
	u64 hold_first;
	u64 hold_last;
	enum sc_moment event_at;
	u32 event;
	u32 grant_queues;
	struct sc_fail fail_admin;
	struct sc_fail fail_io;
};

/**
 * struct sc_stats - what the controller has counted since it was loaded
 * @rounds:	rounds of its thread, whatever state it is in
 * @looks:	rounds in which it looked at its queues
 * @fetched:	commands fetched
 * @completed:	completions posted for commands
 * @dropped:	commands forgotten
 * @aborts:	Abort commands
 * @enables:	CC.EN seen set
 * @disables:	CC.EN seen cleared
 * @shutdowns:	CC.SHN seen set
 * @flrs:	function level resets
 * @interrupts:	interrupts sent
 * @bad_doorbells: doorbells that hold what they may not
 * @dma_errors:	accesses to memory that failed
 */
struct sc_stats {
	u64 rounds;
	u64 looks;
	u64 fetched;
	u64 completed;
	u64 dropped;
	u64 aborts;
	u64 enables;
	u64 disables;
	u64 shutdowns;
	u64 flrs;
	u64 interrupts;
	u64 bad_doorbells;
	u64 dma_errors;
};

/**
 * struct sc_entry - a command as the controller saw it
 * @seq:	its number since load
 * @qid:	the submission queue
 * @sqe:	the command
 */
struct sc_entry {
	u64 seq;
	u16 qid;
	struct nvme_command sqe;
};

/**
 * struct sc_vector - one interrupt vector
 * @sc:		the device
 * @nr:		its number
 * @work:	delivers it from hard interrupt context
 */
struct sc_vector {
	struct sc_dev *sc;
	u16 nr;
	struct irq_work work;
};

/**
 * struct sc_dev - the device
 * @bar:	BAR 0, as the driver sees it
 * @bus:	its root bus
 * @sysdata:	the bus's domain, as x86 wants it
 * @window:	the memory behind the bus
 * @irq_domain:	where its vectors come from
 * @fwnode:	names @irq_domain
 * @thread:	plays the controller
 * @intr:	which interrupts it offers
 * @cfg_lock:	guards @cfg, @removed, @flr_pending, and each DMA access, so
 *		that DMA has ended when a write to the command register returns
 * @cfg:	configuration space
 * @cfg_wmask:	its writable bits
 * @pcie_cap:	offset of the PCI Express capability
 * @msi_cap:	offset of the MSI or MSI-X capability
 * @removed:	the device was pulled out
 * @flr_pending: a function level reset for @thread to carry out
 * @irq_pending: vectors to be delivered
 * @vectors:	one for each of @irq_pending
 * @lock:	guards all that follows, which only the thread and debugfs use
 * @fault:	what goes wrong
 * @enabled:	CC.EN was seen set
 * @ready:	CSTS.RDY
 * @fatal:	CSTS.CFS
 * @shst:	CSTS.SHST
 * @page_size:	CC.MPS in bytes
 * @sq:		submission queues, the admin queue first
 * @cq:		completion queues, the admin queue first
 * @held:	commands held back by the hold fault
 * @delayed:	commands that wait for their time, in order
 * @free_at:	when the last of them is done, with the block_ns fault
 * @aers:	outstanding Asynchronous Event Requests
 * @events:	events not yet reported
 * @nr_events:	how many
 * @masked_log:	for each event type the log page that must be read before
 *		another is reported, or 0
 * @changed_ns:	namespaces for the Changed Namespace List
 * @dbbuf_db:	bus address of the shadow doorbells, or 0
 * @dbbuf_ei:	bus address of their event indexes
 * @features:	current values
 * @ns:		the namespaces
 * @scratch:	a page for small transfers
 * @busy:	a function whose configuration the file "busy" keeps to itself, or NULL
 * @log:	the last commands
 * @log_seq:	how many were ever logged
 * @stats:	counters
 */
struct sc_dev {
	void __iomem *bar;
	struct pci_bus *bus;
	struct pci_sysdata sysdata;
	struct resource window;
	struct irq_domain *irq_domain;
	struct fwnode_handle *fwnode;
	struct task_struct *thread;
	enum sc_intr intr;

	raw_spinlock_t cfg_lock;
	u8 cfg[PCI_CFG_SPACE_SIZE];
	u8 cfg_wmask[PCI_CFG_SPACE_SIZE];
	u8 pcie_cap;
	u8 msi_cap;
	bool removed;
	bool flr_pending;

	DECLARE_BITMAP(irq_pending, SC_MAX_VECTORS);
	struct sc_vector vectors[SC_MAX_VECTORS];

	struct mutex lock;	/* guards all that follows */
	struct sc_faults fault;
	bool enabled;
	bool ready;
	bool fatal;
	u8 shst;
	u32 page_size;
	struct sc_sq sq[SC_MAX_QUEUES];
	struct sc_cq cq[SC_MAX_QUEUES];
	struct list_head held;
	struct list_head delayed;
	ktime_t free_at;
	struct list_head aers;
	u32 events[SC_NR_AER];
	u32 nr_events;
	u8 masked_log[8];
	DECLARE_BITMAP(changed_ns, SC_MAX_NS + 1);
	u64 dbbuf_db;
	u64 dbbuf_ei;
	u32 features[SC_NR_FEATURES];
	struct sc_ns ns[SC_MAX_NS];
	void *scratch;
	struct pci_dev *busy;
	struct sc_entry log[SC_LOG_ENTRIES];
	u64 log_seq;
	struct sc_stats stats;
};

/* softctrl.c */
int sc_dma(struct sc_dev *sc, u64 addr, void *buf, size_t len, enum sc_dir dir);
int sc_dma_cqe(struct sc_dev *sc, u64 addr, const struct nvme_completion *cqe);
bool sc_bus_master(struct sc_dev *sc);
bool sc_take_flr(struct sc_dev *sc);
void sc_raise_irq(struct sc_dev *sc, u16 vector);
void sc_surprise(struct sc_dev *sc);
void sc_remove_device(struct sc_dev *sc);
int sc_add_device(struct sc_dev *sc);

/* softctrl-nvme.c */
int sc_nvme_init(struct sc_dev *sc);
void sc_nvme_exit(struct sc_dev *sc);
void sc_power_on(struct sc_dev *sc);
bool sc_poll(struct sc_dev *sc);
void sc_drop_commands(struct sc_dev *sc);
void sc_drop_held(struct sc_dev *sc);
void sc_release_held(struct sc_dev *sc, bool reverse, u16 status);
int sc_inject(struct sc_dev *sc, u16 cqid, const struct nvme_completion *cqe);
int sc_set_format(struct sc_ns *ns, u32 lba_size, u16 ms, bool ext);
u64 sc_max_nsze(const struct sc_ns *ns);
void sc_new_identity(struct sc_ns *ns, bool uuid);
void sc_event(struct sc_dev *sc, u32 dw0);
void sc_ns_changed(struct sc_dev *sc, u32 nsid);

/* softctrl-debugfs.c */
void sc_faults_clear(struct sc_dev *sc);
void sc_debugfs_init(struct sc_dev *sc);
void sc_debugfs_exit(void);

#endif /* USHER_SOFTCTRL_H */
