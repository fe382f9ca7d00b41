# SPDX-License-Identifier: GPL-2.0-only
"""Runs one command in a QEMU guest over the host's files."""

import json
import lzma
import os
import selectors
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cache
import kernels
import report
import root
from arch import X86
from cache import say
from kernels import HERE

# Exit statuses of our own; others are the command's
CANNOT_RUN = 120
NO_BOOT = 121
HUNG = 122
REPORTED = 123

BOOT_SECONDS = 600
# The guest ends itself when its time is over; if it cannot, it is made to.
GRACE_SECONDS = 30
BUSYBOX = "/bin/busybox"
TOP = HERE.parents[2]
MODULES = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay")


class GuestError(Exception):
    """The guest could not be started; the text says why and what to do."""


def need(program, package):
    path = shutil.which(program)
    if not path:
        raise GuestError(f"{program} is missing: install the package {package}, "
                         f"or run {HERE / 'deps'} vm")
    return path


# Acceleration

def kvm_works(qemu, image):
    """Boot a kernel without any root: it must get as far as its panic."""
    command = [qemu, "-accel", "kvm", "-nodefaults", "-no-user-config", "-display", "none",
               "-no-reboot", "-m", "256M", "-kernel", str(image), "-serial", "stdio",
               "-append", "console=ttyS0 panic=-1"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=15, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and b"Kernel panic" in done.stdout


def accelerator(qemu, image):
    """KVM only where a guest has really run with it since the host started."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    answer = cache.cache_folder() / f"accelerator-{boot}"
    with cache.locked("accelerator"):
        if not answer.exists():
            answer.write_text("kvm" if kvm_works(qemu, image) else "tcg")
    return answer.read_text()


# What goes into the guest

def root_modules(kernel):
    """Module files the root file system needs, in order of insertion."""
    files = []
    for name in MODULES:
        shown = cache.run(["modprobe", "-d", kernel.folder / "modules", "-S", kernel.release,
                           "--show-depends", name])
        for line in shown.splitlines():
            kind, path = line.split(maxsplit=1)
            if kind == "insmod" and path.strip() not in files:
                files.append(path.strip())
    return files


def own_root(kernel):
    """The folder of the host that is the guest's root, but for a slash."""
    return str(root.root(kernel.arch)) if kernel.arch.foreign else ""


def make_initramfs(kernel, run):
    tree = run / "initramfs"
    (tree / "bin").mkdir(parents=True)
    (tree / "modules").mkdir()
    shutil.copy(own_root(kernel) + BUSYBOX, tree / "bin/busybox")
    shutil.copy(HERE / "init", tree / "init")
    for number, path in enumerate(root_modules(kernel)):
        data = Path(path).read_bytes()
        if path.endswith(".xz"):
            data = lzma.decompress(data)
        (tree / "modules" / f"{number:02}").write_bytes(data)
    names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
    with open(run / "initrd", "wb") as archive:
        subprocess.run(["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"], cwd=tree,
                       input=names.encode(), stdout=archive, check=True)


def make_job(options, run):
    lines = [f"cd {shlex.quote(os.getcwd())} || exit"]
    lines += [f"export {shlex.quote(setting)}" for setting in options.env]
    lines += [f"exec {shlex.join(options.command)}", ""]
    (run / "job").write_text("\n".join(lines))


# The command line of QEMU

def escape(text):
    return str(text).replace(",", ",,")


def disk_options(text):
    """Split FILE,key=value... into the file and settings of drive, namespace, controller."""
    file, *settings = text.split(",")
    drive, namespace, controller = [], [], []
    for setting in settings:
        if setting.startswith("drive."):
            drive.append(setting.removeprefix("drive."))
        elif setting.startswith("ns."):
            namespace.append(setting.removeprefix("ns."))
        else:
            controller.append(setting)
    if file:
        drive.insert(0, f"file={escape(os.path.abspath(file))}")
    if not any(setting.startswith(("format=", "driver=")) for setting in drive):
        drive.append("format=raw")
    return drive, namespace, controller


def disk_arguments(disks):
    """Controllers nvme0, nvme1... each behind a port of its own, with namespaces nvme0n1..."""
    arguments = []
    controllers = namespaces = 0
    for kind, text in disks:
        drive, namespace, controller = disk_options(text)
        if kind == "nvme":
            number, namespaces = controllers, 0
            controllers += 1
            for setting in controller:
                if setting.startswith("subsys="):
                    arguments += ["-device", f"nvme-subsys,id={setting.removeprefix('subsys=')}"]
            arguments += [
                "-device", f"pcie-root-port,id=port{number},bus=pcie.0,chassis={number + 1},"
                           f"slot={number + 1}",
                "-device", ",".join([f"nvme,id=nvme{number},bus=port{number},"
                                     f"serial=usher{number}"] + controller)]
        elif not controllers:
            raise GuestError("--ns adds a namespace to the --nvme before it")
        elif controller:
            raise GuestError(f"--ns takes drive.* and ns.* settings, not {controller[0]}")
        namespaces += 1
        name = f"nvme{number}n{namespaces}"
        arguments += [
            "-drive", ",".join([f"if=none,id={name}-drive,cache=unsafe,discard=unmap"] + drive),
            "-device", ",".join([f"nvme-ns,id={name},bus=nvme{number},nsid={namespaces},"
                                 f"drive={name}-drive"] + namespace)]
    return arguments


def port_arguments(run):
    arguments = ["-device", "virtio-serial-pci"]
    for name in ("output", "control"):
        arguments += ["-chardev", f"file,id={name},path={escape(run / name)}",
                      "-device", f"virtserialport,chardev={name},name=usher.{name}"]
    # QEMU talks to a monitor of its own, so that the guest needs no go-between.
    arguments += ["-qmp", f"unix:{escape(run / 'guest.qmp')},server=on,wait=off",
                  "-chardev", f"socket,id=qmp,path={escape(run / 'guest.qmp')}",
                  "-device", "virtserialport,chardev=qmp,name=usher.qmp"]
    return arguments


def read_only(name, path):
    return ["-virtfs", f"local,id={name},path={escape(path)},mount_tag=usher.{name},"
                       "security_model=none,readonly=on,multidevs=remap"]


def file_arguments(options, kernel):
    arguments = read_only("root", own_root(kernel) or "/")
    if kernel.arch.foreign:
        arguments += read_only("host", "/")
    if options.share:
        share = escape(os.path.abspath(options.share))
        arguments += ["-virtfs", f"local,id=share,path={share},mount_tag=usher.share,"
                                 "security_model=none,multidevs=remap"]
    return arguments


def kernel_arguments(options, kernel, run):
    words = [*kernel.arch.words, "loglevel=7", "panic=-1", "oops=panic", "mitigations=off",
             "kunit.enable=1", "kunit.autorun=1", f"usher.vm={HERE}", f"usher.run={run}"]
    if kernel.arch.foreign:
        # What it sees of the host's files
        folders = dict.fromkeys(map(str, (TOP, run, kernel.folder, os.getcwd())))
        words.append(f"usher.host={':'.join(folders)}")
    if options.iommu and kernel.arch is X86:
        words.append("intel_iommu=on")
    words += options.append
    return ["-kernel", str(kernel.image), "-initrd", str(run / "initrd"),
            "-append", " ".join(words)]


def emulated(options, processor):
    thread = "single" if options.one_thread else "multi"
    return ["-accel", f"tcg,thread={thread}", "-cpu", processor]


def x86_arguments(options, kernel, qemu):
    image = kernels.kernel("6.12").image if kernel.name in kernels.BUILT else kernel.image
    arguments = ["-machine", "q35,kernel-irqchip=split" if options.iommu else "q35"]
    if not options.tcg and accelerator(qemu, image) == "kvm":
        arguments += ["-accel", "kvm", "-cpu", "host"]
    else:
        arguments += emulated(options, "max,la57=off")
    if options.iommu:
        arguments += ["-device", "intel-iommu,intremap=on,caching-mode=on"]
    return arguments


def arm64_arguments(options):
    """A processor that has pages of every size, and no features that are slow to emulate."""
    machine = "virt,gic-version=3" + (",iommu=smmuv3" if options.iommu else "")
    return ["-machine", machine] + emulated(options, "neoverse-n1")


def qemu_command(options, kernel, run, log):
    qemu = need(kernel.arch.qemu, kernel.arch.package)
    command = [qemu, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
    if kernel.arch is X86:
        command += x86_arguments(options, kernel, qemu)
    else:
        command += arm64_arguments(options)
    command += ["-smp", str(options.smp), "-m", options.mem]
    command += ["-chardev", f"file,id=console,path={escape(log)}", "-serial", "chardev:console"]
    command += ["-qmp", f"unix:{escape(run / 'host.qmp')},server=on,wait=off"]
    command += kernel_arguments(options, kernel, run)
    command += file_arguments(options, kernel) + port_arguments(run) + disk_arguments(options.disks)
    return command + options.qemu_arg


# The run

class Guest:
    """A running guest: relays its output, keeps what it told us."""

    def __init__(self, command, run):
        self.run = run
        self.told = {}
        self.line = b""
        self.pipes = selectors.DefaultSelector()
        for name, handle in (("output", self.relay), ("control", self.listen)):
            (run / name).unlink(missing_ok=True)
            os.mkfifo(run / name)
            pipe = os.open(run / name, os.O_RDWR | os.O_NONBLOCK)
            self.pipes.register(pipe, selectors.EVENT_READ, handle)
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def relay(self, data):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def listen(self, data):
        *lines, self.line = (self.line + data).split(b"\n")
        for line in lines:
            word, _, value = line.decode(errors="replace").partition(" ")
            self.told[word] = value

    def pump(self, seconds):
        """Handle what arrives; return whether anything did."""
        ready = self.pipes.select(seconds)
        for key, _ in ready:
            key.data(os.read(key.fd, 65536))
        return bool(ready)

    def wait(self, deadline, booting=None):
        """Until the guest ended (True) or the time is over (False)."""
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                return False
            if booting and "started" not in self.told and time.monotonic() > booting:
                return False
            self.pump(0.1)
        while self.pump(0):
            pass
        return True

    def panic(self):
        """Make a guest that does not end by itself say where it is."""
        try:
            with socket.socket(socket.AF_UNIX) as monitor:
                monitor.settimeout(5)
                monitor.connect(str(self.run / "host.qmp"))
                for command in ("qmp_capabilities", "inject-nmi"):
                    monitor.sendall(json.dumps({"execute": command}).encode() + b"\n")
                    monitor.recv(65536)
        except OSError as error:
            say(f"QEMU itself does not answer: {error}")

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def verdict(guest, log, limit):
    """Exit status of a run, with its reasons on stderr."""
    text = log.read_text(errors="replace") if log.exists() else ""
    reports = report.in_log(text)
    if guest.told.get("taint", "").isdigit():
        reports += report.in_taint(int(guest.told["taint"]))
    for line in reports:
        say(f"kernel report: {line}")
    if "started" not in guest.told:
        if not text and guest.process.returncode > 0:
            say(f"QEMU ended with status {guest.process.returncode}")
            return CANNOT_RUN
        say("the guest did not boot; the end of its kernel log:")
        print("\n".join(text.splitlines()[-15:]), file=sys.stderr)
        return NO_BOOT
    if reports:
        return REPORTED
    if "timeout" in guest.told or "status" not in guest.told:
        if guest.process.returncode == -signal.SIGKILL or "timeout" in guest.told:
            say(f"the guest did not end within {limit} seconds")
        else:
            say("the guest ended before its command did")
        return HUNG
    if guest.process.returncode:
        say("the guest hung while it shut down")
        return HUNG
    return int(guest.told["status"])


def watch(guest, limit):
    start = time.monotonic()
    try:
        if guest.wait(start + limit + GRACE_SECONDS, start + BOOT_SECONDS):
            return
        guest.panic()
        guest.wait(time.monotonic() + GRACE_SECONDS)
    finally:
        guest.end()


def boot_and_watch(options, kernel, run, log):
    """One boot, to its verdict."""
    log.unlink(missing_ok=True)
    guest = Guest(qemu_command(options, kernel, run, log), run)
    watch(guest, options.timeout)
    return verdict(guest, log, options.timeout)


def run_guest(options):
    """Run options.command in a guest; return the exit status of the run."""
    need("cpio", "cpio")
    need("modprobe", "kmod")
    need(BUSYBOX, "busybox-static")
    kernel = kernels.kernel(options.kernel)
    with tempfile.TemporaryDirectory(prefix="usher-vm-") as temporary:
        run = Path(temporary)
        log = Path(os.path.abspath(options.log)) if options.log else run / "console"
        make_initramfs(kernel, run)
        make_job(options, run)
        (run / "modules").write_text(f"{kernel.modules}\n")
        (run / "timeout").write_text(f"{options.timeout}\n")
        if options.share:
            (run / "share").touch()
        status = boot_and_watch(options, kernel, run, log)
        if status == NO_BOOT:
            # Emulation with several threads now and then traps in code that the
            # kernel patches as it boots. Nothing of the caller's ran yet.
            say("trying once more")
            status = boot_and_watch(options, kernel, run, log)
        if status and not options.log:
            kept = tempfile.NamedTemporaryFile(prefix="usher-vm-", suffix=".log", delete=False)
            with kept, open(log, "rb") as console:
                shutil.copyfileobj(console, kept)
            say(f"exit status {status}; kernel log: {kept.name}")
        elif status:
            say(f"exit status {status}; kernel log: {log}")
        return status
