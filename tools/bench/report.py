# SPDX-License-Identifier: GPL-2.0-only
"""Makes the tables and plots of Documentation/performance from results.json."""

import math
import statistics
from dataclasses import dataclass
from xml.sax.saxutils import escape

NAMES = {
    "pread": "pread, O_DIRECT",
    "uring": "io_uring, block",
    "uring-poll": "io_uring, block, polled",
    "passthru": "io_uring passthrough",
    "passthru-poll": "io_uring passthrough, polled",
    "usher-passthru": "usher, io_uring passthrough",
    "usher": "usher ring",
    "usher-awake": "usher ring, awake",
    "usher-poll": "usher ring, polled",
    "usher-sqpoll": "usher ring, sqpoll",
    "vfio": "driver on VFIO, polled",
}
COLOURS = {
    "pread": "#b0b7bf", "uring": "#7fa8d9", "uring-poll": "#4a7ebb", "passthru": "#8d7fc7",
    "passthru-poll": "#5b4a9e", "usher-passthru": "#c9a6d6",
    "usher": "#f3b877", "usher-awake": "#e8873a",
    "usher-poll": "#b94f10", "usher-sqpoll": "#7a2f05", "vfio": "#4d4d4d",
}
BASE = "passthru"  # what wall-clock time is compared with


@dataclass
class Figure:
    """One table and one plot: a row and a colour for each engine.

    rows holds lists of numbers, in the order of columns; None where an engine has none.
    """
    name: str
    title: str
    note: str
    columns: list
    rows: dict
    digits: int = 0

    def text(self, value):
        return "" if value is None else f"{value:,.{self.digits}f}"


def size_name(size):
    for unit, shift in (("MiB", 20), ("KiB", 10)):
        if size >= 1 << shift:
            return f"{size >> shift} {unit}"
    return f"{size} B"


class Costs:
    """Looks costs up."""

    def __init__(self, costs):
        self.costs = {(one["engine"], one["write"], one["bytes"], one["qd"]): one
                      for one in costs}

    def get(self, what, engine, qd, size=4096, write=False):
        one = self.costs.get((engine, write, size, qd))
        if one is None:
            return None
        return one["user"] + one["kernel"] if what == "total" else one[what]

    def depths(self):
        return sorted({qd for _, _, _, qd in self.costs})

    def sizes(self):
        return sorted({size for _, _, size, _ in self.costs})

    def by_depth(self, what, write=False):
        return self.rows(lambda engine, qd: self.get(what, engine, qd, write=write),
                         self.depths())

    def by_size(self, what):
        return self.rows(lambda engine, size: self.get(what, engine, 1, size), self.sizes())

    @staticmethod
    def rows(value, columns):
        rows = {engine: [value(engine, column) for column in columns] for engine in NAMES}
        return {engine: values for engine, values in rows.items() if any(
            value is not None for value in values)}


def cost_figures(results):
    off, auto = Costs(results["costs"]["off"]), Costs(results["costs"]["auto"])
    depths = [f"QD {qd}" for qd in off.depths()]
    sizes = [size_name(size) for size in off.sizes()]
    yield Figure("read", "Instructions for a random 4 KiB read", "User and kernel, interrupts "
                 "included.", depths, off.by_depth("total"))
    yield Figure("read-kernel", "The kernel's part of them", "The same reads.", depths,
                 off.by_depth("kernel"))
    yield Figure("write", "Instructions for a random 4 KiB write", "User and kernel, interrupts "
                 "included.", depths, off.by_depth("total", True))
    yield Figure("size", "Instructions for a read of another size", "QD 1.", sizes,
                 off.by_size("total"))
    yield Figure("mitigations", "Instructions for a random 4 KiB read, mitigations on",
                 "As the first figure, with mitigations=auto.", depths, auto.by_depth("total"))
    yield Figure("syscalls", "System calls per I/O", "Random 4 KiB reads.", depths,
                 off.by_depth("syscalls"), 4)
    yield Figure("interrupts", "Interrupts of the device per I/O", "Random 4 KiB reads.", depths,
                 off.by_depth("interrupts"), 4)
    yield Figure("doorbells", "Doorbell writes per I/O", "Random 4 KiB reads.", depths,
                 off.by_depth("doorbells"), 4)


def sleep_figure(sleep):
    rows = {engine: [sleep["awake"][engine], sleep["asleep"][engine]]
            for engine in NAMES if engine in sleep["awake"]}
    return Figure("sleep", "Instructions for a read at QD 1, with interrupts",
                  "Two exact ends of the first figure: the device answers before the processor "
                  "can go to sleep, or takes so long that it always does.",
                  ["at once", f"after {sleep['latency']} µs"], rows)


def speed_figure(speeds):
    iops = {(one["engine"], one["qd"]): one["iops"] for one in speeds}
    depths = sorted({qd for _, qd in iops})
    rows = Costs.rows(lambda engine, qd: statistics.median(
        mine / base for mine, base in zip(iops[engine, qd], iops[BASE, qd]))
        if (engine, qd) in iops else None, depths)
    return Figure("iops", "I/O per second, as a multiple of stock passthrough",
                  "Random 4 KiB reads, wall-clock time, without the counter, median of five "
                  "rounds. The time that the emulator takes for the device is in it.",
                  [f"QD {qd}" for qd in depths], rows, 2)


def figures(results):
    return [*cost_figures(results), sleep_figure(results["sleep"]),
            speed_figure(results["speeds"])]


# The table of what was to be reached

@dataclass
class Target:
    """A measured number, and what it was to be; more_is_better turns the comparison round.

    Without bar and aim it is there for others to be compared with.
    """
    what: str
    value: float
    shown: str
    bar: float | None = None
    aim: float | None = None
    unit: str = "{:g}"
    more_is_better: bool = False

    def verdict(self):
        def reaches(limit):
            return self.value >= limit if self.more_is_better else self.value <= limit

        if self.bar is None:
            return ""
        return "aim" if reaches(self.aim) else "bar" if reaches(self.bar) else "no"


def fraction(value):
    return f"1/{1 / value:.1f}" if value < 1 else f"{value:.2f}"


def against_stock(costs):
    for engine in ("usher", "usher-awake", "usher-poll", "usher-sqpoll"):
        for qd in (32, 128):
            ratio = costs.get("total", engine, qd) / costs.get("total", BASE, qd)
            yield Target(f"4 KiB read, QD {qd}, {NAMES[engine]}, against stock passthrough", ratio,
                         fraction(ratio), 1 / 7, 1 / 10, "1/{:.0f}")
    for engine in ("usher-poll", "usher-sqpoll"):
        for qd in (32, 128):
            ratio = costs.get("total", engine, qd) / costs.get("total", "vfio", qd)
            yield Target(f"4 KiB read, QD {qd}, {NAMES[engine]}, against the driver on VFIO",
                         ratio, f"{ratio:.1f}", 3, 2)
    for engine in ("usher", "usher-awake"):
        ratio = costs.get("total", engine, 1) / costs.get("total", BASE, 1)
        yield Target(f"QD 1, interrupt-driven, {NAMES[engine]}, against stock passthrough",
                     ratio, fraction(ratio), 1 / 2, 1 / 3, "1/{:.0f}")


def with_waiting(waiting):
    for engine in ("usher-poll", "usher-sqpoll"):
        for qd, value in waiting[engine].items():
            ratio = value / waiting["vfio"][qd]
            yield Target(f"4 KiB read, QD {qd}, {NAMES[engine]}, against the driver on VFIO, with "
                         "the waiting of both", ratio, f"{ratio:.1f}", 3, 2)


def targets(results):
    costs = Costs(results["costs"]["off"])
    yield from against_stock(costs)
    yield from with_waiting(results["waiting"])
    for engine in ("usher-poll", "usher-sqpoll"):
        busy = costs.get("total", engine, 1)
        yield Target(f"QD 1, {NAMES[engine]}, instructions without waiting", busy,
                     f"{busy:,.0f}", 1000, 600)
    ratio = costs.get("kernel", "usher-poll", 1, 1 << 20) / costs.get("kernel", "usher-poll", 1)
    yield Target("Kernel instructions of a 1 MiB read over a 4 KiB read (QD 1, polled)", ratio,
                 f"{ratio:.3f}", 1.2, 1.0)
    for engine in ("usher", "usher-sqpoll"):
        calls = costs.get("syscalls", engine, 128)
        yield Target(f"System calls per I/O at QD 128, {NAMES[engine]}", calls,
                     fraction(calls) if calls else "0", 1 / 64, 0, "1/{:.0f}")
    many = results["many"]
    ratio = many["crowd"] / many["alone"]
    yield Target("Cost per I/O with 1,000 rings and 1,000 buffers open, against one of each",
                 ratio, f"{ratio:.2f}", 1.1, 1.0)
    for part, what in (("more", "on a hardware queue that exists"),
                       ("first", "with the hardware queue made for it")):
        memory = results["memory"][part + "_bytes"] / results["memory"][part] / 1024
        yield Target(f"Kernel memory for a ring of depth 128 {what}, in KiB", memory,
                     f"{memory:.1f}", 64, 24)
    for ratio, what in ((many["shared"] / many["exclusive"], "instructions"),
                        (many["time"], "time")):
        yield Target(f"16 rings on 4 shared queues against 4 on their own, {what} per I/O", ratio,
                     f"{ratio:.2f}", 1.3, 1.1)
    yield from fairness(results["fairness"])


def evenness(done):
    return min(done) / max(done)


def fairness(done):
    """Slowest ring against fastest; rings take queues in turn, so each fourth has the same."""
    within = min(evenness(done["four"][queue::4]) for queue in range(4))
    for value, what in ((evenness(done["slots"]), "one queue, slow disk"),
                        (evenness(done["one"]), "one queue, fast disk"),
                        (within, "4 queues, among those of the same queue"),
                        (evenness(done["four"]), "4 queues, among all")):
        yield Target(f"Fairness: slowest of 16 rings against the fastest, {what}", value,
                     f"{value:.2f}", 0.8, 0.95, more_is_better=True)
    value = evenness(done["own"])
    yield Target("The same with nothing shared, 16 rings on 16 queues", value, f"{value:.2f}")


def limit_text(target, limit):
    if limit is None:
        return ""
    if target.unit.startswith("1/"):
        return target.unit.format(1 / limit) if limit else "0"
    return target.unit.format(limit)


# reStructuredText

def rst_table(header, rows, first=40):
    """A list-table; the first column is text, the others are numbers."""
    rest = (100 - first) // max(1, len(header) - 1)
    lines = [".. list-table::", "   :header-rows: 1",
             f"   :widths: {' '.join(map(str, [first] + [rest] * (len(header) - 1)))}", ""]
    for row in [header, *rows]:
        for number, cell in enumerate(row):
            lines.append(f"   {'* -' if number == 0 else '  -'} {cell}".rstrip())
    return lines + [""]


def heading(text, line):
    return [text, line * len(text), ""]


def rst_machine(results):
    lines = []
    for key, value in results["machine"].items():
        lines.append(f":{key}: {value}")
    return lines + [""]


def rst(results):
    lines = [".. SPDX-License-Identifier: GPL-2.0-only",
             ".. Made by `make bench`; do not edit.", ""]
    lines += rst_machine(results)
    lines += heading("What was to be reached", "~")
    lines += rst_table(["figure", "measured", "bar", "aim", "reached"],
                       [[one.what, one.shown, limit_text(one, one.bar),
                         limit_text(one, one.aim), one.verdict()] for one in targets(results)], 56)
    for figure in figures(results):
        lines += heading(figure.title, "~")
        lines += [figure.note, ""]
        lines += rst_table(["", *figure.columns], [
            [NAMES[engine], *map(figure.text, values)] for engine, values in figure.rows.items()])
        lines += [f".. image:: {figure.name}.svg", f"   :alt: {figure.title}", ""]
    return "\n".join(lines)


# SVG

WIDTH = 860
LEFT, RIGHT, TOP = 70, 10, 40
FLOOR = 344  # where the bars stand
LEGEND, LEGEND_ROW, IN_A_ROW = FLOOR + 40, 18, 4


def decades(figure):
    """The powers of ten that the bars lie between."""
    values = [value for row in figure.rows.values() for value in row if value]
    low = math.floor(math.log10(min(values)) - 0.05)
    return low, max(low + 1, math.ceil(math.log10(max(values))))


def svg_text(x, y, text, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(text)}</text>'


def svg_axis(low, high, place):
    lines = []
    for power in range(low, high + 1):
        y = place(10.0 ** power)
        lines.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
                     'stroke="#dddddd"/>')
        lines.append(svg_text(LEFT - 6, y + 4, f"{10.0 ** power:,g}" if power < 0
                              else f"{10 ** power:,}", 'text-anchor="end"'))
    return lines


def svg_bars(figure, place):
    lines = []
    group = (WIDTH - LEFT - RIGHT) / len(figure.columns)
    width = group * 0.86 / len(figure.rows)
    for column, label in enumerate(figure.columns):
        start = LEFT + column * group + group * 0.07
        lines.append(svg_text(start + group * 0.43, FLOOR + 18, label,
                              'text-anchor="middle"'))
        for number, (engine, values) in enumerate(figure.rows.items()):
            value, x = values[column], start + number * width
            if value is None:
                continue
            y = place(value) if value else FLOOR
            lines.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width * 0.9:.1f}" '
                         f'height="{FLOOR - y:.1f}" fill="{COLOURS[engine]}"/>')
            middle = x + width * 0.45 + 4
            lines.append(svg_text(middle, y - 4, figure.text(value),
                                  f'transform="rotate(-90 {middle:.1f} {y - 4:.1f})" '
                                  'font-size="10"'))
    return lines


def svg_legend(figure):
    lines = []
    for number, engine in enumerate(figure.rows):
        x = LEFT + number % IN_A_ROW * 195
        y = LEGEND + number // IN_A_ROW * LEGEND_ROW
        lines.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" '
                     f'fill="{COLOURS[engine]}"/>')
        lines.append(svg_text(x + 15, y, NAMES[engine]))
    return lines


def svg(figure):
    """A group of bars for each column, on a logarithmic scale."""
    low, high = decades(figure)

    def place(value):
        # Room above the highest decade for the numbers on the bars
        share = (math.log10(value) - low) / (high - low)
        return FLOOR - share * (FLOOR - TOP - 40)

    height = LEGEND + math.ceil(len(figure.rows) / IN_A_ROW) * LEGEND_ROW
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
             f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" fill="#ffffff"/>',
             svg_text(LEFT, 24, figure.title, 'font-size="15" font-weight="bold"')]
    lines += svg_axis(low, high, place) + svg_bars(figure, place) + svg_legend(figure)
    return "\n".join(lines + ["</svg>", ""])


def write(results, folder):
    """All files of the report."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.inc").write_text(rst(results))
    for figure in figures(results):
        (folder / f"{figure.name}.svg").write_text(svg(figure))
