# SPDX-License-Identifier: GPL-2.0-only
"""Packages of the archives, by apt: they are downloaded, not installed."""

import os
import re
import subprocess

from cache import KernelError, cache_folder, locked, run, say

APT_LISTS = "/var/lib/apt/lists"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
DEBIAN = "http://deb.debian.org/debian/"


class CannotDownload(KernelError):
    """The archive does not have what apt's lists say."""


class NotInArchive(KernelError):
    """The package archives that can be read do not have this kernel."""


def current(stamp):
    """Whether this machine's lists are no newer than that file."""
    try:
        return os.stat(APT_LISTS).st_mtime < stamp.stat().st_mtime
    except OSError:
        return False


def printed(command):
    """What a command prints; nothing if it fails."""
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=False).stdout


class Archive:
    """The package archives that this machine is configured for."""

    name = "the package archives of this machine (see /etc/apt/sources.list.d)"

    def options(self):
        """What apt is told besides its configuration."""
        return []

    def packages(self, prefix):
        """The names that begin so."""
        return printed(["apt-cache", *self.options(), "pkgnames", prefix]).split()

    def candidate(self, package):
        """The version and the dependencies apt would install, or None."""
        shown = printed(["apt-cache", *self.options(), "show", "--no-all-versions", package])
        version = re.search(r"^Version: (\S+)$", shown, re.M)
        if not version:
            return None
        depends = re.search(r"^Depends: (.*)$", shown, re.M)
        names = re.findall(r"(?:^|, |\| )([^\s,|]+)", depends.group(1)) if depends else []
        return version.group(1), names

    def look(self):
        """Have lists, if that is possible."""
        if not self.candidate("gcc"):
            self.update()

    def update(self):
        """Refresh the lists, as root if that can be had without asking."""
        command = ["apt-get", "-q", "update"]
        if os.getuid():
            command = ["sudo", "-n"] + command
        self.updated_by(command)

    def updated_by(self, command):
        """Whether a command refreshed the lists; if not, it is said why."""
        say(f"refreshing the lists of {self.name}")
        try:
            run(command)
        except (KernelError, OSError) as error:
            say(f"they stay as they are: {error}")
            return False
        return True

    def download(self, packages, folder):
        for package, version in packages.items():
            say(f"downloading {package} {version}")
            try:
                run(["apt-get", *self.options(), "download", "-o", "APT::Sandbox::User=root",
                     f"{package}={version}"], cwd=folder)
            except KernelError as error:
                raise CannotDownload(error) from error


def mirror():
    """Where this machine has Debian's packages from, also while it has no lists."""
    shown = printed(["apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI)"])
    found = re.search(r"^\S+/debian/$", shown, re.M)
    return found.group() if found else DEBIAN


class Suite(Archive):
    """A suite of Debian that this machine is not configured for.

    Its lists are in the cache: neither apt's own configuration nor its lists change.
    """

    def __init__(self, suite, architecture=None):
        self.suite = suite
        self.architecture = architecture
        self.name = f"Debian's {suite}" + (f" for {architecture}" if architecture else "")

    def folder(self):
        return cache_folder() / "-".join(filter(None, ("apt", self.suite, self.architecture)))

    def options(self):
        return ["-c", self.folder() / "apt.conf"]

    def configure(self):
        folder = self.folder()
        for name in ("lists/partial", "archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "sources.list").write_text(
            f"deb [signed-by={KEYRING} target=Packages] {mirror()} {self.suite} main\n")
        # What is run after an update of this machine's lists has nothing to do here.
        (folder / "apt.conf").write_text(f"""\
Dir::Etc::SourceList "{folder}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State::Lists "{folder}/lists";
Dir::Cache "{folder}";
Acquire::Languages "none";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
""")
        if self.architecture:
            # Nothing of it is installed here.
            (folder / "status").touch()
            with open(folder / "apt.conf", "a", encoding="utf-8") as configuration:
                configuration.write(f"""\
APT::Architecture "{self.architecture}";
APT::Architectures {{ "{self.architecture}"; }};
Dir::State::Status "{folder}/status";
""")

    def download_all(self, packages, folder):
        """Download packages and all that they depend on."""
        (folder / "partial").mkdir()
        run(["apt-get", *self.options(), "-q", "install", "-y", "--no-install-recommends",
             "--download-only", "-o", f"Dir::Cache::Archives={folder}", *packages])

    def look(self):
        """Refresh the lists when this machine's were."""
        if not current(self.folder() / "updated"):
            self.update()

    def update(self):
        with locked(self.folder().name):
            self.configure()
            if self.updated_by(["apt-get", *self.options(), "-q", "update"]):
                (self.folder() / "updated").touch()
