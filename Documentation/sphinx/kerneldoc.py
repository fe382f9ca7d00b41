# SPDX-License-Identifier: GPL-2.0-only
"""The directive `kernel-doc`: what the kernel's own tool makes of a C file.

    .. kernel-doc:: include/uapi/linux/usher.h
       :identifiers: usher_enter

The path is from the top folder. Without identifiers all that the file documents
is shown. The tool comes with the kernel headers that the guests' module is built
against, or is the one that KERNEL_DOC in the environment names.
"""

import os
import re
import subprocess
from functools import lru_cache
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import nested_parse_with_titles

TOP = Path(__file__).resolve().parents[2]


def output_of(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False)
    # The tool warns of mistakes in comments, and they are ours.
    complaints = [line for line in done.stderr.splitlines() if "warning:" in line]
    if done.returncode or complaints:
        raise ExtensionError(f"`{' '.join(command)}`: {done.stderr.strip()}")
    return done.stdout


@lru_cache(maxsize=None)
def tool():
    given = os.environ.get("KERNEL_DOC")
    if given:
        return given
    vm = TOP / "tools/testing/vm/vm"
    return output_of([str(vm), "kernel", "6.12", "--kdir"]).strip() + "/scripts/kernel-doc"


def scoped(text):
    """C lets a function have the name of a struct, Sphinx only in another scope."""
    for name in re.findall(r"^\.\. c:struct:: (\w+)$", text, re.MULTILINE):
        text = re.sub(rf"^(\.\. c:function:: .*\b{name} \(.*\n\n  .*\n)",
                      r".. c:namespace-push:: functions\n\n\1\n.. c:namespace-pop::\n",
                      text, flags=re.MULTILINE)
    return text


class KernelDoc(SphinxDirective):
    """Reads one file through the tool, and parses what comes out."""

    required_arguments = 1
    option_spec = {"identifiers": directives.unchanged_required}

    def run(self):
        path = TOP / self.arguments[0]
        command = [tool(), "-rst", "-sphinx-version", "3.0"]
        for name in self.options.get("identifiers", "").split():
            command += ["-function", name]
        self.env.note_dependency(str(path))
        text = scoped(output_of(command + [str(path)]))
        if not text.strip():
            raise self.error(f"{path}: nothing documented by that name")
        node = nodes.section()
        node.document = self.state.document
        nested_parse_with_titles(self.state, StringList(text.splitlines(), str(path)), node)
        return node.children


def setup(app):
    app.add_directive("kernel-doc", KernelDoc)
    return {"version": "1", "parallel_read_safe": True}
