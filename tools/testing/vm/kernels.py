# SPDX-License-Identifier: GPL-2.0-only
"""Kernels for the guests, fetched or built into a cache folder.

6.1, 6.12   Debian's stock kernels and their headers, unpacked, not installed
source      Debian's source of 6.12
debug       that source, built with debug.config
gcov        that source, built with gcov.config over debug.config
debug-7     Debian's source of the newest 7, built with 7.config over debug.config
arm64-*     that source for arm64, built with arm64.config over debug.config, with pages of
            4, 16 or 64 KiB
minimal-*   Debian's source of 6.12, 6.1 or the newest 7, configured with minimal.config,
            and with a file of a few lines over that: to compile the module for, not to boot
"""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from arch import ARM64, X86
from archive import Archive, CannotDownload, NotInArchive, Suite, current
from cache import KernelError, cache_folder, filled, newest, run, say

HERE = Path(__file__).resolve().parent
STOCK = ("6.1", "6.12")
MACHINE = Archive()
# By series, what its folder in the cache is called, and where it is from
SOURCES = {"6.12": ("source", MACHINE), "6.1": ("old-source", MACHINE),
           "7": ("new-source", Suite("trixie-backports"))}
# Kernels built here, each from fragments of which a later one overrides
FRAGMENTS = {"debug": ("debug.config",), "gcov": ("debug.config", "gcov.config")}
FRAGMENTS |= {f"arm64-{pages}": ("debug.config", "arm64.config", f"{pages}.config")
              for pages in ("4k", "16k", "64k")}
FRAGMENTS["debug-7"] = ("debug.config", "7.config")
BUILT = tuple(FRAGMENTS)
# Those that are only configured, by name: the series, and the fragments
CONFIGURED = {
    f"{name}-{series}": (series, fragments) for series in SOURCES for name, fragments in (
        ("minimal", ("minimal.config",)),
        ("minimal-net", ("minimal.config", "minimal-net.config")),
        ("minimal-iommu", ("minimal.config", "minimal-iommu.config")))
}
# For arm64, what the module is compiled for where there is no time to build a kernel
CONFIGURED["headers-arm64-16k"] = ("6.12", FRAGMENTS["arm64-16k"])
# Where the unit tests do not run, they are compiled at least.
CONFIGURED["minimal-tests-7"] = ("7", ("minimal.config", "minimal-tests.config"))
# What this one exports is known as well: its code is compiled.
WITH_SYMBOLS = "minimal-6.12"
NAMES = STOCK + BUILT + tuple(CONFIGURED) + ("source",)


def arch_of(name):
    return ARM64 if "arm64" in name.split("-") else X86


class Kernel:
    """One kernel in the cache."""

    def __init__(self, name, folder):
        self.name = name
        self.folder = folder
        self.arch = arch_of(name)
        self.make = " ".join(self.arch.make())
        self.release = (folder / "release").read_text().strip()
        self.image = folder / "image"
        self.kdir = folder / "kdir"
        self.modules = folder / "modules" / "lib" / "modules" / self.release


# Packages

def stock_image(name):
    """Name of the package with the newest stock kernel of a series."""
    for meta in (f"linux-image-{name}-amd64", "linux-image-amd64"):
        found = MACHINE.candidate(meta)
        for package in found[1] if found else ():
            if re.match(rf"linux-image-{re.escape(name)}\.\d+.*-amd64$", package):
                return package
    return None


def stock_packages(name):
    """Versions by name of the packages that make up a stock kernel, or None."""
    image = stock_image(name)
    if not image:
        return None
    headers = image.replace("linux-image-", "linux-headers-")
    wanted = [image, headers]
    wanted += [package for package in (MACHINE.candidate(headers) or (None, []))[1]
               if re.match(r"linux-(headers-.*-common|kbuild-)", package)]
    versions = {package: MACHINE.candidate(package) for package in wanted}
    if len(versions) < 4 or None in versions.values():
        return None
    return {package: found[0] for package, found in versions.items()}


def newest_of(series, packages):
    """The one of these packages with the source of that series, and the latest of it."""
    releases = {}
    for package in packages:
        release = re.fullmatch(rf"linux-source-({re.escape(series)}(?:\.\d+)*)", package)
        if release:
            releases[tuple(map(int, release.group(1).split(".")))] = package
    return releases[max(releases)] if releases else None


def source_packages(series, archive):
    package = newest_of(series, archive.packages(f"linux-source-{series}"))
    found = archive.candidate(package) if package else None
    return {package: found[0]} if found else None


def unpack(packages, archive, folder, root):
    archive.download(packages, folder)
    root.mkdir()
    for package in sorted(folder.glob("*.deb")):
        run(["dpkg-deb", "-x", package, root])
        package.unlink()


# Making things in the cache

def unpacked(name, archive, packages, version, fill):
    """The folder that fill(packages, folder) makes of the packages apt knows.

    Where apt has no lists, what was made earlier serves.
    """
    earlier = newest(f"{name}-*")
    if earlier and current(earlier / "complete"):
        return earlier
    archive.look()
    found = packages()
    if not found and earlier:
        return earlier
    if not found:
        raise NotInArchive(f"kernel {name} is not in {archive.name}, or that cannot be read")

    def folder_of(found):
        return filled(cache_folder() / f"{name}-{version(found)}",
                      lambda folder: fill(found, folder))

    try:
        folder = folder_of(found)
    except CannotDownload:
        # Old lists name versions that the archive has replaced since.
        archive.update()
        folder = folder_of(packages() or found)
    (folder / "complete").touch()
    return folder


def find_image_package(packages):
    return next(package for package in packages if package.startswith("linux-image-"))


def make_stock(packages, folder):
    """Unpack a stock kernel and its headers so that both work in place."""
    root = folder / "root"
    unpack(packages, MACHINE, folder, root)
    release = find_image_package(packages).removeprefix("linux-image-")

    kdir = root / "usr/src" / f"linux-headers-{release}"
    makefile = kdir / "Makefile"
    makefile.write_text(makefile.read_text().replace(" /usr/", f" {root}/usr/"))
    # Only type information for BPF needs it, and then pahole too.
    (kdir / "vmlinux").unlink(missing_ok=True)
    modules = root / "lib/modules"
    if not modules.exists():
        modules = root / "usr/lib/modules"
    (folder / "modules/lib").mkdir(parents=True)
    (folder / "modules/lib/modules").symlink_to(modules)
    for link, target in (("build", kdir), ("source", kdir)):
        (modules / release / link).unlink(missing_ok=True)
        (modules / release / link).symlink_to(target)

    (folder / "image").symlink_to(root / "boot" / f"vmlinuz-{release}")
    (folder / "kdir").symlink_to(kdir)
    run(["depmod", "-b", folder / "modules", release])
    (folder / "release").write_text(release + "\n")


def make_source(packages, archive, folder):
    unpack(packages, archive, folder, folder / "root")
    say("unpacking the kernel source")
    packed = next((folder / "root/usr/src").glob("linux-source-*.tar.xz"))
    run(["tar", "-C", folder, "-xf", packed])
    shutil.rmtree(folder / "root")
    next(folder.glob("linux-source-*")).rename(folder / "linux")


def source(series="6.12"):
    name, archive = SOURCES[series]
    folder = unpacked(name, archive, lambda: source_packages(series, archive),
                      lambda packages: next(iter(packages.values())),
                      lambda packages, folder: make_source(packages, archive, folder))
    return folder / "linux"


def recipe(name):
    """The series of the source and the fragments that make a kernel."""
    return CONFIGURED.get(name) or ("7" if name == "debug-7" else "6.12", FRAGMENTS[name])


def need_compiler(arch):
    compiler = f"{arch.prefix}gcc"
    if not shutil.which(compiler):
        raise KernelError(f"{compiler} is missing: run {HERE / 'deps'} "
                          f"{'cross' if arch.foreign else 'build'}")
    return compiler


def built_folder(name):
    """Named by a hash of what goes into the kernel."""
    series, fragments = recipe(name)
    compiler = run([need_compiler(arch_of(name)), "--version"])
    parts = [(HERE / fragment).read_bytes() for fragment in fragments]
    version = source(series).parent.name.removeprefix(f"{SOURCES[series][0]}-")
    parts += [version.encode(), compiler.splitlines()[0].encode()]
    identity = hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]
    return cache_folder() / f"{name}-{identity}"


def merged(fragments):
    """The lines of configuration fragments, the last for each symbol."""
    lines = {}
    for fragment in fragments:
        for line in fragment.read_text().splitlines():
            symbol = re.match(r"(?:CONFIG_\w+(?==)|# CONFIG_\w+(?= is not set$))", line)
            if symbol:
                lines[symbol.group().removeprefix("# ")] = line
    return list(lines.values())


def check_config(wanted, got):
    """Every line that is wanted must have survived Kconfig."""
    have = set(got.read_text().splitlines())
    enabled = {line.split("=")[0] for line in have if line.startswith("CONFIG_")}
    lost = []
    for line in wanted:
        unset = re.fullmatch(r"# (CONFIG_\w+) is not set", line)
        if unset and unset.group(1) in enabled:
            lost.append(line)
        elif line.startswith("CONFIG_") and line not in have:
            lost.append(line)
    if lost:
        raise KernelError("this kernel source does not take these lines:\n" + "\n".join(lost))


def configure(name, build):
    """Configure a source tree into a build folder; return the command that builds there."""
    series, fragments = recipe(name)
    build.mkdir()
    make = ["make", "-C", source(series), f"O={build}", f"-j{os.cpu_count()}",
            *arch_of(name).make()]
    wanted = merged(HERE / fragment for fragment in fragments)
    (build / "wanted.config").write_text("\n".join(wanted) + "\n")
    run(make + ["allnoconfig"],
        env=dict(os.environ, KCONFIG_ALLCONFIG=str(build / "wanted.config")))
    check_config(wanted, build / ".config")
    return make


def finish(build, folder):
    """Keep of a build what guests and modules need."""
    for path in build.rglob("*.o"):
        path.unlink()
    (folder / "kdir").symlink_to(build)
    shutil.copy(build / "include/config/kernel.release", folder / "release")


def make_configured(name, folder):
    build = folder / "build"
    say(f"configuring the kernel {name}" +
        (", and building what it exports (three minutes)" if name == WITH_SYMBOLS else ""))
    make = configure(name, build)
    run(make + (["vmlinux", "modules"] if name == WITH_SYMBOLS else ["modules_prepare"]))
    finish(build, folder)


def make_built(name, folder):
    build = folder / "build"
    say(f"building the {name} kernel (about ten minutes on two cores)")
    make = configure(name, build)
    run(make + [arch_of(name).target(), "modules"])
    run(make + [f"INSTALL_MOD_PATH={folder}/modules", "modules_install"])
    finish(build, folder)
    (folder / "image").symlink_to(build / arch_of(name).image)


def kernel(name):
    """Fetch or build a kernel, unless the cache has it."""
    if name in BUILT:
        folder = filled(built_folder(name), lambda folder: make_built(name, folder))
    elif name in CONFIGURED:
        folder = filled(built_folder(name), lambda folder: make_configured(name, folder))
    else:
        folder = unpacked(name, MACHINE, lambda: stock_packages(name),
                          lambda packages: packages[find_image_package(packages)], make_stock)
    return Kernel(name, folder)
