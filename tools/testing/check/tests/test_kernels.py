# SPDX-License-Identifier: GPL-2.0-only
"""What of configuration fragments goes to Kconfig, and what must come back."""

import tempfile
import unittest
from pathlib import Path

import kernels
from cache import KernelError


class Fragments(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def test_later_lines_override(self):
        one = self.write("one", "# Words on CONFIG_A=y\n# CONFIG_D=m\nCONFIG_A=y\nCONFIG_B=7\nCONFIG_C=m\n")
        two = self.write("two", "# CONFIG_A is not set\nCONFIG_C=y\nCONFIG_D=y\n")
        self.assertEqual(kernels.merged([one, two]), ["# CONFIG_A is not set", "CONFIG_B=7",
                                                      "CONFIG_C=y", "CONFIG_D=y"])

    def test_each_kernel_has_its_fragments(self):
        self.assertEqual(kernels.recipe("debug"), ("6.12", ("debug.config",)))
        self.assertEqual(kernels.recipe("minimal-6.12"), ("6.12", ("minimal.config",)))
        self.assertEqual(kernels.recipe("minimal-net-6.1"),
                         ("6.1", ("minimal.config", "minimal-net.config")))
        self.assertIn(kernels.WITH_SYMBOLS, kernels.CONFIGURED)
        for name in kernels.BUILT + tuple(kernels.CONFIGURED):
            for fragment in kernels.recipe(name)[1]:
                self.assertTrue((kernels.HERE / fragment).exists(), fragment)

    def test_what_kconfig_dropped_is_an_error(self):
        got = self.write("got", "CONFIG_B=7\n# CONFIG_C is not set\nCONFIG_E=y\n")
        kernels.check_config(["CONFIG_B=7", "# CONFIG_A is not set", "# CONFIG_C is not set"], got)
        for line in ("CONFIG_A=y", "CONFIG_C=y", "CONFIG_B=8", "# CONFIG_E is not set"):
            self.assertRaises(KernelError, kernels.check_config, [line], got)


if __name__ == "__main__":
    unittest.main()
