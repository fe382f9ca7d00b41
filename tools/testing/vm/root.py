# SPDX-License-Identifier: GPL-2.0-only
"""The files of guests that cannot run this machine's: Debian's packages, unpacked."""

import hashlib
import shutil
import subprocess

from archive import Suite
from cache import cache_folder, filled, say

SUITE = "bookworm"
# What guest-init and the tests in guests call; apt adds what these depend on.
PACKAGES = ("base-files", "base-passwd", "bash", "busybox-static", "coreutils", "dash", "fio",
            "debianutils", "diffutils", "e2fsprogs", "findutils", "grep", "kmod", "mawk", "mount",
            "nvme-cli", "procps", "python3", "sed", "usr-is-merged", "util-linux")
# What packages leave to their scripts, which do not run here
LINKS = {"usr/bin/awk": "mawk", "usr/bin/sh": "dash"}


def make_root(arch, folder):
    say(f"unpacking a root of Debian's packages for {arch.debian} (40 MB to download)")
    suite = Suite(SUITE, arch.debian)
    suite.look()
    suite.download_all(PACKAGES, folder)
    root = folder / "root"
    for name in ("bin", "sbin", "lib"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for package in sorted(folder.glob("*.deb")):
        # dpkg-deb -x would put folders in place of the links.
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package],
                              stdout=subprocess.PIPE) as packed:
            subprocess.run(["tar", "-C", root, "-x", "--keep-directory-symlink",
                            "--no-same-owner"], stdin=packed.stdout, check=True)
        package.unlink()
    for name, target in LINKS.items():
        (root / name).unlink(missing_ok=True)
        (root / name).symlink_to(target)
    for name in ("passwd", "group"):
        shutil.copy(root / f"usr/share/base-passwd/{name}.master", root / "etc" / name)


def root(arch):
    """The folder that is such a guest's root."""
    identity = hashlib.sha256(" ".join((SUITE,) + PACKAGES).encode()).hexdigest()[:12]
    folder = filled(cache_folder() / f"root-{arch.debian}-{identity}",
                    lambda folder: make_root(arch, folder))
    return folder / "root"
