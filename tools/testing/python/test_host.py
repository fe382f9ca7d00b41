#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The Python package without a device: arguments, errors, structures; TAP.

USHER_LIBRARY is the library of the tree, if it is not set.
"""

import ctypes
import errno
import mmap
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import tap

TOP = Path(__file__).resolve().parents[3]
PACKAGE = TOP / "tools/python"
os.environ.setdefault("USHER_LIBRARY", str(TOP / "tools/lib/libusher.so.0"))
sys.path.insert(0, str(PACKAGE))

import usher    # noqa: E402 pylint: disable=wrong-import-position
from usher import _abi, errors, memory    # noqa: E402 pylint: disable=wrong-import-position


def python(program, **environment):
    """Run a program with the package in a process of its own."""
    return subprocess.run([sys.executable, "-W", "error", "-c", program], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=dict(os.environ, PYTHONPATH=str(PACKAGE), **environment))


class Library(unittest.TestCase):
    """The library is found, or it is said what is missing."""

    def test_missing(self):
        done = python("import usher", USHER_LIBRARY="/nowhere/libusher.so.0")
        self.assertEqual(1, done.returncode)
        last = done.stdout.splitlines()[-1]
        self.assertIn("ImportError: /nowhere/libusher.so.0", last)
        self.assertIn("install libusher, or name the file in USHER_LIBRARY", last)

    def test_other_library(self):
        done = python("import usher", USHER_LIBRARY="libc.so.6")
        self.assertEqual(1, done.returncode)
        self.assertIn("too old", done.stdout.splitlines()[-1])

    def test_structures(self):
        lines = ["#include <stdio.h>", "#include <usher.h>", "#include <usher_pci.h>",
                 "int main(void) {"]
        expected = []
        for name, structure in _abi.STRUCTURES.items():
            lines.append(f'printf("{name} %zu\\n", sizeof(struct {name}));')
            expected.append(f"{name} {ctypes.sizeof(structure)}")
            for member, *_ in structure._fields_:
                lines.append(f'printf("{name}.{member} %zu\\n", '
                             f"offsetof(struct {name}, {member}));")
                expected.append(f"{name}.{member} {getattr(structure, member).offset}")
        lines.append("return 0; }")
        with tempfile.TemporaryDirectory() as folder:
            source, program = Path(folder, "offsets.c"), Path(folder, "offsets")
            source.write_text("\n".join(lines))
            subprocess.run(["cc", "-I", TOP / "tools/lib/include", "-I", TOP / "include/uapi",
                            "-o", program, source], check=True)
            found = subprocess.run([program], check=True, text=True, stdout=subprocess.PIPE)
        self.assertEqual(expected, found.stdout.splitlines())

    def test_constants(self):
        header = (TOP / "tools/lib/include/usher.h").read_text()
        for action in usher.ZoneAction:
            self.assertRegex(header, rf"USHER_ZONE_{action.name}\s*= {action.value:#04x}")
        for flag in ("DEAC", "FUA", "LR"):
            self.assertRegex(header, rf"USHER_IO_{flag}\s+{usher.IoFlags[flag].value:#010x}U")


class Errors(unittest.TestCase):
    """What is raised is Python's own class, too."""

    def test_no_node(self):
        with self.assertRaises(FileNotFoundError) as caught:
            usher.open("/dev/usher99n1")
        self.assertIsInstance(caught.exception, usher.NotFoundError)
        self.assertIsInstance(caught.exception, usher.UsherError)
        self.assertEqual(errno.ENOENT, caught.exception.errno)
        self.assertIn("/dev/usher99n1", str(caught.exception))

    def test_other_node(self):
        with self.assertRaises(usher.UsherError) as caught:
            usher.open("/dev/null")
        self.assertEqual(errno.ENOTTY, caught.exception.errno)

    def test_environment(self):
        done = python("import usher\ntry: usher.from_env()\n"
                      "except FileNotFoundError as error: print(error.errno)")
        self.assertEqual(f"{errno.ENOENT}\n", done.stdout)
        for text, number in (("seven", errno.EINVAL), ("999", errno.EBADF)):
            done = python("import usher\ntry: usher.from_env()\n"
                          "except usher.UsherError as error: print(error.errno)",
                          USHER_GRANT_FD=text)
            self.assertEqual(f"{number}\n", done.stdout)

    def test_no_function(self):
        with self.assertRaises(FileNotFoundError) as caught:
            usher.Function("ffff:ff:1f.7")
        self.assertIn("ffff:ff:1f.7", str(caught.exception))
        with self.assertRaises(usher.UsherError) as caught:
            usher.Function("nonsense")
        self.assertEqual(errno.EINVAL, caught.exception.errno)
        self.assertIn("is no PCI address", str(caught.exception))

    def test_classes(self):
        for number, kind in ((errno.EACCES, PermissionError), (errno.ENODEV, usher.GoneError),
                             (errno.ETIME, TimeoutError), (errno.ETIMEDOUT, TimeoutError),
                             (errno.EAGAIN, BlockingIOError), (errno.ESTALE, usher.StaleError)):
            error = errors.error(number, "it")
            self.assertIsInstance(error, kind)
            self.assertIsInstance(error, usher.UsherError)
            self.assertEqual(number, error.errno)
        self.assertIs(usher.UsherError, type(errors.error(errno.EINVAL, "it")))

    def test_status(self):
        error = usher.NvmeError(0x285)
        self.assertEqual((0x285, errno.EIO), (error.status, error.errno))
        self.assertIn("compare failed", str(error))
        self.assertEqual("success", usher.strstatus(0))
        completion = usher.Completion(0x80, 7, True, False, True)
        with self.assertRaises(usher.NvmeError) as caught:
            completion.check()
        self.assertIs(completion, caught.exception.completion)
        self.assertFalse(completion.ok)
        self.assertEqual("LBA out of range", completion.text)
        self.assertTrue(usher.Completion(0, 0, False, False, False).check().ok)


class Arguments(unittest.TestCase):
    """What C would cut off is refused."""

    def test_numbers(self):
        self.assertEqual(255, errors.unsigned(255, 8, "it"))
        for value in (-1, 256):
            with self.assertRaisesRegex(ValueError, "it is"):
                errors.unsigned(value, 8, "it")

    def test_timeouts(self):
        self.assertEqual(1500000000, errors.nanoseconds(1.5))
        self.assertEqual(2**64 - 1, errors.nanoseconds(None))
        self.assertEqual(2**63 - 1, errors.nanoseconds(float("inf")))
        for timeout in (-1, float("nan")):
            with self.assertRaises(ValueError):
                errors.nanoseconds(timeout)

    def test_memory(self):
        for wrong in (b"read-only", bytearray(), memoryview(bytearray(8))[::2]):
            with self.assertRaises(ValueError):
                memory.Memory(wrong)
        with self.assertRaises(TypeError):
            memory.Memory(7)
        mine = bytearray(16)
        held = memory.Memory(mine)
        with self.assertRaises(BufferError):
            mine.append(1)
        mine[3] = 7
        self.assertEqual(7, ctypes.c_ubyte.from_address(held.address + 3).value)
        del held
        mine.append(1)

    def test_memory_lives(self):
        anonymous = mmap.mmap(-1, 4096)
        held = memory.Memory(anonymous)
        with self.assertRaises(BufferError):
            anonymous.close()
        held.view[0] = 1
        del held
        anonymous.close()

    def test_grant_closed(self):
        grant = usher.Grant(os.open("/dev/null", os.O_RDONLY))
        with grant:
            with self.assertRaises(usher.UsherError) as caught:
                grant.info()
            self.assertEqual(errno.ENOTTY, caught.exception.errno)
            for call in (lambda: grant.narrow(-1, 1, usher.Rights.READ),
                         lambda: grant.alloc(0), lambda: grant.identify(256),
                         lambda: grant.get_log(1, -4)):
                self.assertRaises(ValueError, call)
            for call in (grant.revoke, lambda: grant.alloc(4096), lambda: grant.ring(8)):
                self.assertRaises(usher.UsherError, call)
        self.assertTrue(grant.closed)
        grant.close()
        for call in (grant.info, grant.fileno, grant.revoke, grant.ring, grant.__enter__):
            self.assertRaises(ValueError, call)

    def test_no_rings(self):
        self.assertRaises(ValueError, usher.wait_rings, [])

    def test_left_open(self):
        done = python("import os, usher\nusher.Grant(os.open('/dev/null', 0))")
        self.assertIn("ResourceWarning: a grant was not closed", done.stdout)


if __name__ == "__main__":
    tap.main()
