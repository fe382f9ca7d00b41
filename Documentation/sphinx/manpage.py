# SPDX-License-Identifier: GPL-2.0-only
"""The directive `man-page`: a manual page as HTML, as mandoc makes it.

    .. man-page:: tools/usherctl/usherctl.1

The path is from the top folder.
"""

import re
import subprocess
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

TOP = Path(__file__).resolve().parents[2]


def as_html(path):
    command = ["mandoc", "-T", "html", "-O", "fragment", "-W", "warning,stop", str(path)]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, check=False)
    except FileNotFoundError as error:
        raise ExtensionError(f"{error}: install the package mandoc") from error
    if done.returncode:
        raise ExtensionError(f"`{' '.join(command)}`: {done.stderr.strip()}")
    # The page has a title of its own, so what mandoc heads with 1 is one lower here.
    return re.sub(r"(</?h)([1-5])\b", lambda tag: f"{tag[1]}{int(tag[2]) + 1}", done.stdout)


class ManPage(SphinxDirective):
    """Puts what comes out of mandoc into the page."""

    required_arguments = 1

    def run(self):
        path = TOP / self.arguments[0]
        self.env.note_dependency(str(path))
        return [nodes.raw("", as_html(path), format="html")]


def setup(app):
    app.add_directive("man-page", ManPage)
    return {"version": "1", "parallel_read_safe": True}
