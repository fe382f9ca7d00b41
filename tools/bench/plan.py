# SPDX-License-Identifier: GPL-2.0-only
"""What `make bench` measures, and how it gets from there to costs of one I/O."""

import statistics
from dataclasses import asdict, dataclass

import measure
from measure import Memory, Options, Work

SLEEPING = ("pread", "uring", "passthru", "usher-passthru", "usher")
INTERRUPTS = SLEEPING + ("usher-awake",)
POLLING = ("uring-poll", "passthru-poll", "usher-poll")
DEPTHS = (1, 8, 32, 128)
SIZES = (512, 131072, 1048576)
# Longer than the emulated device takes for one doorbell, whatever the size
SETTLE = 800
SETTLED_REPEAT = 100
LATENCY = 300  # of a disk that the processor goes to sleep for; microseconds
# Of a disk that is so slow that 16 rings on one queue wait for slots, not for the processor
SLOW = 4000
ROUNDS = 5  # of what is taken by the clock
MITIGATIONS = ("off", "auto")


@dataclass
class Cost:
    """What one I/O takes, in the whole guest."""
    engine: str
    bytes: int
    write: bool
    qd: int
    user: float
    kernel: float
    syscalls: float
    interrupts: float
    doorbells: float

    @property
    def total(self):
        return self.user + self.kernel


def cost(work, results, counts, settled):
    """Of several repetitions the one in the middle.

    Where the device was waited for, the one a tenth from below: it has no timer
    interrupt in it, which many others have because of the wait, and no second look
    at the completion queue.
    """
    order = sorted(zip(counts, results), key=lambda pair: pair[0].user + pair[0].kernel)
    count, result = order[len(order) // 10 if settled else len(order) // 2]
    ios = result["ios"]
    return Cost(work.engine, work.bytes, work.write, work.qd, count.user / ios,
                count.kernel / ios, count.syscalls / ios, result["interrupts"] / ios,
                count.doorbells / ios)


def cases(engine):
    """(write, bytes, qd) of what an engine does."""
    depths = DEPTHS if engine != "pread" else (1,)
    return ([(write, 4096, qd) for write in (False, True) for qd in depths]
            + [(False, size, 1) for size in SIZES])


def interrupt_plan():
    return [Work(engine, qd, size, write, 10000 if size <= 4096 and qd > 1 else 2000, 3)
            for engine in INTERRUPTS for write, size, qd in cases(engine)]


def settled_plan(engines, which=None):
    return [Work(engine, qd, size, write, qd, SETTLED_REPEAT)
            for engine in engines for write, size, qd in which or cases(engine)]


def costs(module, mitigations, say, progress):
    """What an I/O costs by each interface."""
    found = []
    for what, plan, options in (
            ("interrupts", interrupt_plan(), Options(mitigations)),
            ("polled", settled_plan(POLLING), Options(mitigations, settle=SETTLE)),
            ("VFIO", settled_plan([measure.FLOOR]),
             Options(mitigations, settle=SETTLE, vfio=True)),
            ("sqpoll", settled_plan([measure.SQPOLL]),
             Options(mitigations, settle=SETTLE, sqpoll=True))):
        say(f"instructions, mitigations={mitigations}, {what}")
        answer = measure.run_guest(module, plan, options, progress)
        found += [cost(work, results, counts, bool(options.settle))
                  for work, results, counts in zip(plan, answer.results, answer.counts)]
    return found


def sleep_costs(module, progress):
    """What a read at QD 1 costs with interrupts, with and without going to sleep."""
    plan = settled_plan(SLEEPING, [(False, 4096, 1)])
    found = []
    for options in (Options(settle=SETTLE), Options(latency=LATENCY)):
        answer = measure.run_guest(module, plan, options, progress)
        found.append({work.engine: cost(work, results, counts, True).total
                      for work, results, counts in zip(plan, answer.results, answer.counts)})
    awake, asleep = found
    return {"awake": awake, "asleep": asleep, "latency": LATENCY}


def waiting_costs(module, progress):
    """What a read costs whoever polls, with its looks at a queue where nothing is yet."""
    found = {}
    for engine in (measure.FLOOR, "usher-poll", measure.SQPOLL):
        plan = [Work(engine, qd, repeat=3) for qd in (32, 128)]
        answer = measure.run_guest(module, plan, Options(
            vfio=engine == measure.FLOOR, sqpoll=engine == measure.SQPOLL), progress)
        found[engine] = {str(work.qd): cost(work, results, counts, False).total
                         for work, results, counts in zip(plan, answer.results, answer.counts)}
    return found


def rounds(works):
    """The works in turn, several times, so that each round has the same noise."""
    return [work for _ in range(ROUNDS) for work in works]


def in_turn(works, values):
    """For each of the works its values, one for each round."""
    return [values[number::len(works)] for number in range(len(works))]


def speeds(module, progress):
    """I/O per second by each interface, without the counter, and memory for rings."""
    works = [Work(engine, qd, count=2000 if qd == 1 else 30000)
             for qd in (1, 32, 128) for engine in INTERRUPTS + POLLING
             if qd == 1 or engine != "pread"]
    # Memory first, while there are no hardware queues yet
    answer = measure.run_guest(module, [Memory(), *rounds(works)], Options(counter=False),
                               progress)
    found = [{"engine": work.engine, "qd": work.qd,
              "iops": [result[0]["ios"] * 1e9 / result[0]["ns"] for result in results]}
             for work, results in zip(works, in_turn(works, answer.results))]
    return found, answer.memory[0]


def special_plan():
    """Works by the name of the figure they are for."""
    crowd = ("--idle-rings", 999, "--idle-buffers", 999)
    return {
        "alone": Work("usher", 32, repeat=3),
        "crowd": Work("usher", 32, repeat=3, more=crowd),
        "exclusive": Work("usher-many", 32, count=200000, repeat=3, more=("--rings", 4)),
        "shared": Work("usher-many", 32, count=200000, repeat=3, more=("--rings", 16)),
    }


def specials(module, progress):
    """What many rings cost."""
    plan = special_plan()
    answer = measure.run_guest(module, list(plan.values()), Options(), progress)
    found = {name: cost(work, results, counts, False).total for (name, work), results, counts
             in zip(plan.items(), answer.results, answer.counts)}
    works = [Work("usher-many", 32, count=400000, more=plan[name].more)
             for name in ("exclusive", "shared")]
    answer = measure.run_guest(module, rounds(works), Options(counter=False), progress)
    exclusive, shared = in_turn(works, [results[0]["ns"] for results in answer.results])
    found["time"] = statistics.median(b / a for a, b in zip(exclusive, shared))
    return found


def even_plan(qd, node, count):
    return Work("usher-many", qd, count=count, more=("--rings", 16), node=node)


def fairness(module, progress):
    """What each of 16 equal rings did in the same time.

    Long enough for chance to even out: with a tenth of the reads it makes 0.8 to 0.9.
    """
    plan = {"own": even_plan(32, measure.MANY_QUEUES, 2000000),
            "four": even_plan(32, measure.FOUR_QUEUES, 4000000),
            "one": even_plan(128, measure.ONE_QUEUE, 4000000)}
    answer = measure.run_guest(module, list(plan.values()), Options(counter=False), progress)
    found = {name: results[0]["done"] for name, results in zip(plan, answer.results)}
    answer = measure.run_guest(module, [even_plan(128, measure.ONE_QUEUE, 400000)],
                               Options(counter=False, latency=SLOW), progress)
    found["slots"] = answer.results[0][0]["done"]
    return found


def everything(module, say, progress):
    """All figures, as they go into results.json."""
    results = {"costs": {}}
    for mitigations in MITIGATIONS:
        results["costs"][mitigations] = [asdict(found) for found
                                         in costs(module, mitigations, say, progress)]
    say("QD 1, awake and asleep")
    results["sleep"] = sleep_costs(module, progress)
    say("polled, with waiting")
    results["waiting"] = waiting_costs(module, progress)
    say("I/O per second, without the counter, and memory")
    results["speeds"], results["memory"] = speeds(module, progress)
    say("many rings")
    results["many"] = specials(module, progress)
    say("fairness")
    results["fairness"] = fairness(module, progress)
    return results
