#!/usr/bin/env python3
"""Fault injection: makes gkvae's allocations and calls of the file system fail, kills it, sends it signals, cuts the
power, and runs two at a time; docs/reliability.md says what must hold then, and what was found.

    tests/torture/torture.py [--quick] [--build DIR] [--only FAULT,…] [--scenario NAME,…] [--at N] [--most N]

Prints one table, and for each failure a line with the command that repeats it. Exit code 0 if there is none, 1 if
there are some, and 77 if the system does not permit tracing or the build has a sanitizer.
"""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import injection
import power_cut
import processes
import scenarios

SKIPPED = 77
# The faults of calls: what failing_calls is told, the kinds of calls, and the codes with which the command may end.
WRITES = "create,write,sync,rename,link,unlink,truncate,mkdir"
CALLS = {
    "EIO": ("EIO", False, None),
    "EIO-on": ("EIO", True, None),
    "ENOSPC": ("ENOSPC", False, "create,write,sync,rename,link,mkdir,truncate,close"),
    "ENOSPC-on": ("ENOSPC", True, "create,write,sync,rename,link,mkdir,truncate,close"),
    "EINTR": ("EINTR", False, "open,create,read,write,sync,lock,truncate,close"),
    "short": ("short", False, "read,write"),
    "short-on": ("short", True, "read,write"),
    "kill-before": ("kill-before", False, WRITES),
    "kill-within": ("kill-within", False, "write"),
    "kill-after": ("kill-after", False, WRITES),
    "SIGINT": ("signal-2", False, WRITES + ",open,read"),
    "SIGTERM": ("signal-15", False, WRITES),
}
ALLOCATIONS = {"allocation": False, "allocation-on": True}
POWER_CUTS = [f"power-{kind}" for kind in power_cut.KINDS]
SIGNALS = {"signal": 1, "two-signals": 2}  # at random times
FAULTS = (*ALLOCATIONS, *CALLS, *POWER_CUTS, *SIGNALS, "two-processes")
TIMES = 6  # at which the second of two processes starts
# Commands that write nothing but their standard output leave nothing to a power cut.
WRITERS = [it.name for it in scenarios.SCENARIOS.values() if it.outputs or it.run]
# The quick part: faults, scenarios (none: all), and the most runs of each.
RUNS_OF_QUICK = ("train", "train-overwrite", "base-fit-update")
QUICK = (
    (("allocation",), (), 4),
    (("EIO", "ENOSPC-on"), (*RUNS_OF_QUICK, "eval-refine", "sample", "compare", "export-onnx", "export-explorer", "fit-csv",
                             "settings"), 5),
    (("short", "EINTR"), ("train-resume", "fit-npy", "sample"), 4),
    (("kill-within", "kill-after", "power-lost", "power-torn", "power-swapped"), RUNS_OF_QUICK, 5),
    (("signal",), ("train", "base-fit-update"), 3),
    (("two-processes",), ("train+eval", "update+sample"), 2),
)


def spread(count, most):
    """At most about `most` of the numbers 1 … count: the first and last ones, and evenly spaced ones between."""
    if count <= most:
        return list(range(1, count + 1))
    ends = most // 8
    chosen = {*range(1, ends + 1), *range(count - ends + 1, count + 1)}
    middle = most - len(chosen)
    chosen |= {ends + 1 + i * (count - 2 * ends) // middle for i in range(middle)}
    return sorted(chosen)


def choose_calls(log, most):
    """The numbers of calls to try: of equal neighbours the first two and the last two, then a spread of these."""
    calls = [fields for fields in log if fields[0].isdigit()]
    groups = []
    for fields in calls:
        label = (fields[1], injection.TEMPORARY.sub("", fields[3]))
        if not groups or groups[-1][0] != label:
            groups.append((label, []))
        groups[-1][1].append(int(fields[0]))
    numbers = [n for _, group in groups for n in sorted({*group[:2], *group[-2:]})]
    return [numbers[i - 1] for i in spread(len(numbers), most)]


class Torture:
    def __init__(self, options, lab):
        self.options = options
        self.lab = lab
        self.pairs = None
        self.states = {}  # power cuts: what a scenario's cuts may leave
        self.runs = collections.Counter()
        self.failures = []  # fault, scenario, N, column, text
        self.slots = queue.Queue()
        for slot in range(options.jobs):
            self.slots.put(slot)

    # --- One run -----------------------------------------------------------------------------------------------------

    def trial(self, fault, name, at):
        slot = self.slots.get()
        try:
            if fault == "two-processes":
                return self.pairs.try_pair(name, slot, at, TIMES)
            it = scenarios.SCENARIOS[name]
            if fault in SIGNALS:
                return processes.signals(self.lab, it, slot, at, SIGNALS[fault], self.options.seed)
            if fault in POWER_CUTS:
                return self.try_power_cut(fault, it, at, slot)
            return self.try_allocation(fault, it, at, slot) if fault in ALLOCATIONS else \
                self.try_call(fault, it, at, slot)
        finally:
            self.slots.put(slot)

    def try_allocation(self, fault, it, at, slot):
        lab, folder = self.lab, self.lab.fill(it, slot)
        outcome = lab.run_with_failing_allocation(it, folder, at, ALLOCATIONS[fault])
        found = lab.check_end(it, outcome, folder, (injection.MEMORY_CODE,)) + lab.check_recovery(it, folder)
        place = injection.functions(lab.programs["faults"], outcome.log) if found else ""
        return [(column, text + place) for column, text in found]

    def try_call(self, fault, it, at, slot):
        what, on, kinds = CALLS[fault]
        lab, folder = self.lab, self.lab.fill(it, slot)
        outcome = lab.run_with_failing_call(it, folder, what, at, on, kinds)
        if what.startswith("kill"):
            # A command that takes longer prints its progress more often: the last calls may be missing.
            done = all(fields[0] != str(at) for fields in outcome.log) and not outcome.signal and \
                outcome.code == lab.reference[it.name]["code"]
            found = [] if done or outcome.signal == signal.SIGKILL else [(injection.HANG, "not killed")]
        elif what.startswith("signal"):
            found = lab.check_signals(it, outcome, folder, [int(what.split("-")[1])])
        else:
            found = lab.check_end(it, outcome, folder, (injection.IO_CODE, *it.also), injection.REASONS.get(what))
        found += lab.check_recovery(it, folder)
        call = [" ".join(fields[1:5]) for fields in outcome.log if fields[0] == str(at)]
        return [(column, f"{text} (at {' '.join(call)})") for column, text in found]

    def try_power_cut(self, fault, it, at, slot):
        number, content = self.states[fault, it.name][at - 1]
        folder = self.lab.folder(slot)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        power_cut.write(content, folder)
        shutil.copytree(self.lab.base / "bin", folder / "bin")
        return [(column, f"{text} (after call {number})") for column, text in self.lab.check_recovery(it, folder)]

    # --- All runs of a fault and a scenario --------------------------------------------------------------------------

    def numbers(self, fault, name, most):
        """Which allocations, calls, states or times are to be tried."""
        if fault in SIGNALS:
            return list(range(1, most + 1))
        if fault == "two-processes":
            self.pairs = self.pairs or processes.Pairs(self.lab)
            return list(range(min(TIMES, most)))
        it = scenarios.SCENARIOS[name]
        folder = self.lab.fill(it, 0)
        if fault in ALLOCATIONS:
            log = self.lab.run_with_failing_allocation(it, folder, 0, False).log
            return spread([int(line.split()[1]) for line in log if line.startswith("total")][-1], most)
        if fault in POWER_CUTS:
            self.states[fault, name] = self.cut_power(it, folder, fault.split("-", 1)[1])
            return spread(len(self.states[fault, name]), most)
        what, _, kinds = CALLS[fault]
        log = self.lab.run_with_failing_call(it, folder, calls=kinds).log
        if what == "short":  # counts the calls that can be short only
            return spread(len([1 for fields in log if fields[0].isdigit()]), most)
        return choose_calls(log, most)

    def cut_power(self, it, folder, kind):
        data = self.lab.work / "writes"
        disk = power_cut.Disk(str(folder), ignored=("stdout", "bin"))
        log = self.lab.run_with_failing_call(it, folder, data=data).log
        return [(number, content) for number, content in power_cut.states(disk, log, data, kind)]

    def run_all(self, fault, name, most):
        began = time.monotonic()
        numbers = self.numbers(fault, name, most)
        if self.options.at is not None:
            numbers = [self.options.at]
        pool = concurrent.futures.ThreadPoolExecutor(self.options.jobs)
        try:
            for at, found in zip(numbers, pool.map(lambda at: self.trial(fault, name, at), numbers)):
                self.runs[fault] += 1
                self.failures += [(fault, name, at, column, text) for column, text in found]
        finally:
            pool.shutdown(cancel_futures=True)
        bad = len({at for f, n, at, _, _ in self.failures if (f, n) == (fault, name)})
        self.say(f"{fault} {name}: {len(numbers)} runs, {bad} failures, {time.monotonic() - began:.1f} s")

    def say(self, text):
        if not self.options.quick:
            print(text, file=sys.stderr, flush=True)

    # --- The report --------------------------------------------------------------------------------------------------

    def report(self):
        print("| fault | runs | " + " | ".join(injection.COLUMNS) + " |")
        print("|---|" + "---|" * (1 + len(injection.COLUMNS)))
        for fault in self.runs:
            counts = [len({(name, at) for f, name, at, c, _ in self.failures if (f, c) == (fault, column)})
                      for column in injection.COLUMNS]
            print(f"| {fault} | {self.runs[fault]} | " + " | ".join(map(str, counts)) + " |")
        for fault, name, at, column, text in self.failures:
            print(f"\n{column}: {text}\n    {self.options.command} --only {fault} --scenario {name} --at {at}")


def parse():
    parser = argparse.ArgumentParser(description="Fault injection; see docs/reliability.md.")
    parser.add_argument("--build", default=str(scenarios.SOURCE / "build"), help="the build folder")
    parser.add_argument("--leaks", help="a build folder with AddressSanitizer, for the failing allocations")
    parser.add_argument("--only", help="these faults: " + ", ".join(FAULTS))
    parser.add_argument("--scenario", help="these scenarios: " + ", ".join(scenarios.SCENARIOS))
    parser.add_argument("--at", type=int, help="this allocation, call, state or time alone")
    parser.add_argument("--seed", type=int, default=1, help="of the times of signals")
    parser.add_argument("--most", type=int, default=40, help="the most runs of a fault and a scenario")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--mnist", help="a folder with the files of MNIST, for data get")
    parser.add_argument("--work", help="a folder for the runs, which is kept")
    parser.add_argument("--quick", action="store_true", help="a sample of less than a minute")
    options = parser.parse_args()
    options.command = "python3 " + os.path.relpath(__file__)
    return options


def scenarios_of(fault):
    """The scenarios, or pairs of commands, that a fault is tried on."""
    if fault == "two-processes":
        return list(processes.PAIRS)
    if fault in SIGNALS:
        return list(processes.SCENARIOS)
    return WRITERS if fault in POWER_CUTS else list(scenarios.SCENARIOS)


def chosen(text, known):
    names = text.split(",") if text else list(known)
    for name in names:
        if name not in known:
            raise SystemExit(f"torture: what is {name}? There are: {', '.join(known)}")
    return names


def choose_plan(options):
    """The triples of fault, scenario and number of runs."""
    if options.quick:
        return [(fault, name, most) for faults, names, most in QUICK for fault in faults
                for name in names or scenarios_of(fault)]
    names = chosen(options.scenario, (*scenarios.SCENARIOS, *processes.PAIRS))
    return [(fault, name, options.most) for fault in chosen(options.only, FAULTS) for name in scenarios_of(fault)
            if name in names]


def main():
    options = parse()
    began = time.monotonic()
    if os.environ.get("GKV_SANITIZE"):
        print("skipped: a build with a sanitizer")
        return SKIPPED
    build = pathlib.Path(options.build).resolve()
    faulty = pathlib.Path(options.leaks or build).resolve()
    programs = {"gkvae": str(build / "gkvae"), "calls": str(build / "failing_calls"),
                "faults": str(faulty / "gkvae-faults")}
    if subprocess.run([programs["calls"], "--folder=/", "--", "true"], check=False).returncode == SKIPPED:
        print("skipped: the system does not permit ptrace")
        return SKIPPED
    work = options.work or tempfile.mkdtemp(prefix="gkvae-torture-")
    try:
        lab = injection.Lab(programs, work, options.mnist)
        torture = Torture(options, lab)
        plan = choose_plan(options)
        for name in scenarios.SCENARIOS:
            if any(name == of_plan for _, of_plan, _ in plan):
                lab.learn(scenarios.SCENARIOS[name])
        signal.signal(signal.SIGINT, signal.default_int_handler)  # also in the background
        try:
            for fault, name, most in plan:
                torture.run_all(fault, name, most)
        except KeyboardInterrupt:
            torture.say("interrupted; the table of what was done:")
        torture.report()
        torture.say(f"{sum(torture.runs.values())} runs in {(time.monotonic() - began) / 60:.0f} minutes")
        return 1 if torture.failures else 0
    finally:
        if not options.work:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
