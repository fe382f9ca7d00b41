# SPDX-License-Identifier: GPL-2.0-only
"""Packages of the archives, by apt: they are downloaded, not installed."""

import os
import re
import subprocess

from cache import KernelError, run, say

APT_LISTS = "/var/lib/apt/lists"


class CannotDownload(KernelError):
    """The archive does not have what apt's lists say."""


class NotInArchive(KernelError):
    """The configured package archives do not have this kernel."""


def current(folder):
    """Whether apt's lists are no newer than our last look at them."""
    try:
        return os.stat(APT_LISTS).st_mtime < (folder / "complete").stat().st_mtime
    except OSError:
        return False


def candidate(package):
    """The version and the dependencies apt would install, or None."""
    shown = subprocess.run(["apt-cache", "show", "--no-all-versions", package],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                           text=True, check=False).stdout
    version = re.search(r"^Version: (\S+)$", shown, re.M)
    if not version:
        return None
    depends = re.search(r"^Depends: (.*)$", shown, re.M)
    names = re.findall(r"(?:^|, |\| )([^\s,|]+)", depends.group(1)) if depends else []
    return version.group(1), names


def update_lists():
    """Refresh apt's lists, as root if that can be had without asking."""
    command = ["apt-get", "-q", "update"]
    if os.getuid():
        command = ["sudo", "-n"] + command
    say("refreshing apt's package lists")
    try:
        run(command)
    except (KernelError, OSError) as error:
        say(f"apt's lists stay as they are: {error}")


def download(packages, folder):
    for package, version in packages.items():
        say(f"downloading {package} {version}")
        try:
            run(["apt-get", "download", "-o", "APT::Sandbox::User=root",
                 f"{package}={version}"], cwd=folder)
        except KernelError as error:
            raise CannotDownload(error) from error
