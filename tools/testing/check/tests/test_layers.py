# SPDX-License-Identifier: GPL-2.0-only
"""What breaks the order of the module's rooms is seen."""

import tempfile
import unittest
from pathlib import Path

import layers


def faults(**files):
    """Of a tree made of these files: name (with __ for /) to its includes."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        for name, used in files.items():
            room, _, rest = name.rpartition("__")
            path = top / room / rest.replace("_", ".")
            path.parent.mkdir(exist_ok=True)
            path.write_text("".join(f'#include "{header}"\n' for header in used))
        return layers.faults(layers.includes(top))


class Includes(unittest.TestCase):
    def test_downwards_is_right(self):
        self.assertEqual(faults(ring__a_c=["nvme/b.h", "ring/a.h"], ring__a_h=[],
                                nvme__b_h=["core/c.h"], core__c_h=[]), [])

    def test_upwards_is_seen(self):
        self.assertEqual(len(faults(nvme__b_c=["ring/a.h"], ring__a_h=[])), 1)

    def test_raw_mode_stands_on_core_alone(self):
        self.assertEqual(faults(raw__a_c=["core/b.h"], core__b_h=[]), [])
        self.assertEqual(len(faults(raw__a_c=["guard/b.h"], guard__b_h=[])), 1)
        self.assertEqual(len(faults(device__a_c=["raw/b.h"], raw__b_h=[])), 1)

    def test_the_guard_stands_on_nothing(self):
        self.assertEqual(len(faults(guard__a_c=["core/b.h"], core__b_h=[])), 1)

    def test_a_circle_in_a_room_is_seen(self):
        self.assertIn("a circle", faults(grant__a_h=["grant/b.h"], grant__b_h=["grant/a.h"])[0])

    def test_nothing_knows_of_tests(self):
        self.assertEqual(faults(tests__a_c=["ring/b.h"], ring__b_h=[]), [])
        self.assertEqual(len(faults(ring__b_c=["tests/a.h"], tests__a_h=[])), 1)

    def test_an_unknown_room_is_seen(self):
        self.assertEqual(len(faults(attic__a_c=["core/b.h"], core__b_h=[])), 1)


class Calls(unittest.TestCase):
    def test_upwards_is_seen(self):
        self.assertEqual(layers.faults({("grant/a", "core/b"): "a uses f() of b"}), [])
        self.assertEqual(len(layers.faults({("core/b", "grant/a"): "b uses f() of a"})), 1)

    def test_a_circle_is_seen(self):
        self.assertIn("a circle", layers.faults({("nvme/a", "nvme/b"): "", ("nvme/b", "nvme/c"): "",
                                                 ("nvme/c", "nvme/a"): ""})[0])


if __name__ == "__main__":
    unittest.main()
