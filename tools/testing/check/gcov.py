# SPDX-License-Identifier: GPL-2.0-only
"""Which lines of the module were executed, from what a guest's kernel counted."""

import json
import re
import subprocess
from collections import defaultdict
from pathlib import Path

# Sources by their path below the folder of a build, without the tests
SOURCE = re.compile(r"(?:^|/)(drivers/usher/(?!(?:.*/)?tests/).*\.[ch])$")


class GcovError(Exception):
    """The counts cannot be read; the text says why."""


def notes_beside(folder):
    """Put a link to the compiler's notes beside each file of counts; return those files.

    A guest's kernel names the counts by where the object was built.
    """
    counts = sorted(folder.rglob("*.gcda"))
    for path in counts:
        notes = Path("/") / path.relative_to(folder).with_suffix(".gcno")
        link = path.with_suffix(".gcno")
        link.unlink(missing_ok=True)
        link.symlink_to(notes)
    return counts


def add_lines(text, lines):
    """Add what gcov says of one or more objects, one JSON object a line."""
    for report in text.splitlines():
        for file in json.loads(report)["files"]:
            source = SOURCE.search(file["file"])
            if not source:
                continue
            for line in file["lines"]:
                lines[source.group(1)][line["line_number"]] += line["count"]


def read(folders):
    """How often each line was executed, in all folders: {file: {line: count}}."""
    lines = defaultdict(lambda: defaultdict(int))
    for folder in folders:
        counts = notes_beside(folder)
        if not counts:
            continue
        done = subprocess.run(["gcov", "--json-format", "--stdout", *counts],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False)
        if done.returncode or "mismatch" in done.stderr:
            raise GcovError(f"gcov: {done.stderr.strip()}")
        add_lines(done.stdout, lines)
    if not lines:
        raise GcovError("no guest left any counts")
    return lines


def row(name, counts):
    executed = sum(count > 0 for count in counts)
    return f"{name:40} {executed:8} {len(counts):8} {100 * executed / len(counts):8.1f}"


def table(lines):
    """A row for each file, sorted by folder, and sums."""
    folders = defaultdict(dict)
    for name, counts in lines.items():
        if counts:
            folders[str(Path(name).parent)][name] = list(counts.values())
    rows = [f"{'file':40} {'executed':>8} {'lines':>8} {'percent':>8}"]
    everything = []
    for folder, files in sorted(folders.items()):
        rows.append("")
        rows += [row(name, counts) for name, counts in sorted(files.items())]
        counts = sum(files.values(), [])
        if len(files) > 1:
            rows.append(row(f"{folder}/", counts))
        everything += counts
    if everything:
        rows += ["", row("all", everything)]
    return "\n".join(rows) + "\n"


def missed(lines, top):
    """The lines that were not executed, as FILE:LINE: TEXT."""
    rows = []
    for name, counts in sorted(lines.items()):
        source = (top / name).read_text().splitlines()
        rows += [f"{name}:{number}: {source[number - 1].strip()}"
                 for number, count in sorted(counts.items())
                 if not count and number <= len(source)]
    return "\n".join(rows) + "\n"
