# SPDX-License-Identifier: GPL-2.0-only
"""Configuration of Sphinx; `make docs` in the top folder builds the HTML."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "sphinx"))

project = "usher"
copyright = "the usher authors"
release = "0.1.0"
extensions = ["kerneldoc", "manpage"]
highlight_language = "none"
html_theme = "sphinx_rtd_theme"
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["usher.css"]
html_show_copyright = False
