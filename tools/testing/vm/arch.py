# SPDX-License-Identifier: GPL-2.0-only
"""The architectures of the guests."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Arch:
    """By which names an architecture is built for and emulated."""

    name: str           # for kbuild
    debian: str         # for packages
    prefix: str         # of the compiler and its friends; none: what runs here
    image: str          # the kernel, in its build folder
    qemu: str           # the emulator
    package: str        # what that is in
    words: tuple        # for the kernel's command line

    @property
    def foreign(self):
        """Whether this machine's programs are of no use to it."""
        return bool(self.prefix)

    def make(self):
        """What `make` of a kernel or a module is told."""
        return [f"ARCH={self.name}", f"CROSS_COMPILE={self.prefix}"] if self.foreign else []

    def target(self):
        return self.image.rpartition("/")[2]


# Not vmlinux by its PVH entry: what some compilers make of that crashes.
# On a busy host the kernel sees too few timer interrupts while it looks whether
# they come at all, and panics: it need not look.
X86 = Arch("x86", "amd64", "", "arch/x86/boot/bzImage", "qemu-system-x86_64", "qemu-system-x86",
           ("console=ttyS0", "unknown_nmi_panic", "no_timer_check"))
ARM64 = Arch("arm64", "arm64", "aarch64-linux-gnu-", "arch/arm64/boot/Image",
             "qemu-system-aarch64", "qemu-system-arm", ("console=ttyAMA0",))
