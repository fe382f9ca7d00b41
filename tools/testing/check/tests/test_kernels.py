# SPDX-License-Identifier: GPL-2.0-only
"""Where kernels come from; what of fragments goes to Kconfig, and must come back."""

import os
import subprocess
import tempfile
import time
import unittest
import unittest.mock
from pathlib import Path

import arch
import archive
import kernels
from cache import KernelError


class Packages(unittest.TestCase):
    def test_the_newest_release_of_a_series(self):
        packages = [f"linux-source-{release}" for release in
                    ("6.1", "6.12", "7.2", "7.10", "7.9", "70.1", "7.11-rt", "7.x")]
        self.assertEqual(kernels.newest_of("7", packages), "linux-source-7.10")
        self.assertEqual(kernels.newest_of("6.1", packages), "linux-source-6.1")
        self.assertIsNone(kernels.newest_of("8", packages))


class Suite(unittest.TestCase):
    """What a suite has that this machine is not configured for."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.archives("file:/nowhere/at/all/debian")
        for name, value in (("APT_CONFIG", self.folder / "apt.conf"),
                            ("USHER_CACHE", self.folder / "cache")):
            patch = unittest.mock.patch.dict(os.environ, {name: str(value)})
            patch.start()
            self.addCleanup(patch.stop)

    def archives(self, *uris):
        """Let these be the archives of this machine."""
        (self.folder / "sources.list").write_text(
            "".join(f"deb {uri} stable main\n" for uri in uris))
        (self.folder / "apt.conf").write_text(
            f'Dir::Etc::SourceList "{self.folder}/sources.list";\n'
            'Dir::Etc::SourceParts "/dev/null";\n')

    def test_it_is_where_the_machine_has_debian_from(self):
        for uris, wanted in (
                (("http://one.test/debian-security", "http://two.test/x/debian/"),
                 "http://two.test/x/debian/"),
                (("http://one.test/debian",), "http://one.test/debian/"),
                (("http://one.test/ubuntu",), archive.DEBIAN),
                ((), archive.DEBIAN)):
            self.archives(*uris)
            self.assertEqual(archive.mirror(), wanted)

    def test_the_machine_stays_as_it_is(self):
        suite = archive.Suite("later")
        suite.configure()
        shown = subprocess.run(["apt-config", *suite.options(), "dump"], check=True, text=True,
                               stdout=subprocess.PIPE).stdout
        for name in ("Dir::State::Lists", "Dir::Cache", "Dir::Etc::SourceList"):
            self.assertRegex(shown, f'(?mi)^{name} "{suite.folder()}')
        self.assertNotRegex(shown, "(?m)^APT::Update::P.*Invoke.*::")

    def test_of_another_architecture(self):
        suite = archive.Suite("later", "arm64")
        suite.configure()
        shown = subprocess.run(["apt-config", *suite.options(), "dump"], check=True, text=True,
                               stdout=subprocess.PIPE).stdout
        self.assertIn('APT::Architecture "arm64";', shown)
        self.assertRegex(shown, f'(?mi)^Dir::State::Status "{suite.folder()}')
        self.assertNotEqual(suite.folder(), archive.Suite("later").folder())

    def test_what_cannot_be_read_is_skipped(self):
        done = subprocess.run([kernels.HERE / "vm", "kernel", "minimal-7"], check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertIn("/nowhere/at/all/debian", done.stderr)
        self.assertIn("trixie-backports", done.stderr.splitlines()[-1])

    def test_it_is_looked_at_again_when_the_lists_of_the_machine_changed(self):
        lists = self.folder / "lists"
        lists.mkdir()
        suite = archive.Suite("later")
        with unittest.mock.patch.object(archive, "APT_LISTS", lists), \
                unittest.mock.patch.object(archive, "say"), \
                unittest.mock.patch.object(archive, "run") as run:
            for age, wanted in ((-10, 1), (-10, 1), (10, 2)):
                os.utime(lists, times=(time.time() + age,) * 2)
                suite.look()
                self.assertEqual(run.call_count, wanted)
            # What failed is tried again.
            run.side_effect = KernelError("no way")
            suite.look()
            suite.look()
            self.assertEqual(run.call_count, 4)


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
        self.assertEqual(kernels.recipe("minimal-iommu-7"),
                         ("7", ("minimal.config", "minimal-iommu.config")))
        self.assertEqual(kernels.recipe("minimal-tests-7"),
                         ("7", ("minimal.config", "minimal-tests.config")))
        self.assertEqual(kernels.recipe("arm64-16k"),
                         ("6.12", ("debug.config", "arm64.config", "16k.config")))
        self.assertEqual(kernels.recipe("headers-arm64-16k"), kernels.recipe("arm64-16k"))
        self.assertIn(kernels.WITH_SYMBOLS, kernels.CONFIGURED)
        for name in kernels.BUILT + tuple(kernels.CONFIGURED):
            for fragment in kernels.recipe(name)[1]:
                self.assertTrue((kernels.HERE / fragment).exists(), fragment)

    def test_which_architecture(self):
        for name in kernels.NAMES:
            foreign = "arm64" in name
            self.assertEqual(kernels.arch_of(name).foreign, foreign, name)
        self.assertEqual(arch.X86.make(), [])
        self.assertEqual(arch.ARM64.make(), ["ARCH=arm64", "CROSS_COMPILE=aarch64-linux-gnu-"])
        self.assertEqual(arch.ARM64.target(), "Image")

    def test_what_kconfig_dropped_is_an_error(self):
        got = self.write("got", "CONFIG_B=7\n# CONFIG_C is not set\nCONFIG_E=y\n")
        kernels.check_config(["CONFIG_B=7", "# CONFIG_A is not set", "# CONFIG_C is not set"], got)
        for line in ("CONFIG_A=y", "CONFIG_C=y", "CONFIG_B=8", "# CONFIG_E is not set"):
            self.assertRaises(KernelError, kernels.check_config, [line], got)


if __name__ == "__main__":
    unittest.main()
