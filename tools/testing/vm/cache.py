# SPDX-License-Identifier: GPL-2.0-only
"""The cache folder, and how something comes into it once."""

import fcntl
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path


class KernelError(Exception):
    """A kernel could not be had; the text says why and what to do."""


def cache_folder():
    base = os.environ.get("USHER_CACHE")
    if not base:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        base = os.path.join(base, "usher")
    path = Path(base).absolute()
    path.mkdir(parents=True, exist_ok=True)
    return path


def say(text):
    print(f"vm: {text}", file=sys.stderr, flush=True)


@contextmanager
def locked(name):
    """Let one process at a time make one thing in the cache."""
    with open(cache_folder() / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(command, **kwargs):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            stdin=subprocess.DEVNULL, text=True, check=False, **kwargs)
    if result.returncode:
        tail = "\n".join(result.stdout.splitlines()[-15:])
        raise KernelError(f"`{' '.join(map(str, command))}` failed:\n{tail}")
    return result.stdout


def newest(pattern):
    """The latest complete folder of that name pattern, or None."""
    found = sorted(cache_folder().glob(f"{pattern}/complete"),
                   key=lambda path: path.stat().st_mtime)
    return found[-1].parent if found else None


def filled(folder, fill):
    """A folder of the cache, filled once, however many ask for it at a time."""
    complete = folder / "complete"
    if not complete.exists():
        with locked(folder.name):
            if not complete.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                complete.touch()
    return folder
