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
import subprocess
import sys
import tempfile
import time

import injection
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
FAULTS = (*ALLOCATIONS, *CALLS)
SIGKILL = 9


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
        self.runs = collections.Counter()
        self.failures = []  # fault, scenario, N, column, text
        self.slots = queue.Queue()
        for slot in range(options.jobs):
            self.slots.put(slot)

    # --- One run -----------------------------------------------------------------------------------------------------

    def trial(self, fault, it, at):
        slot = self.slots.get()
        try:
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
            found = [] if outcome.signal == SIGKILL else [(injection.HANG, "not killed")]
        elif what.startswith("signal"):
            found = self.check_signal(it, outcome, folder, int(what.split("-")[1]))
        else:
            found = lab.check_end(it, outcome, folder, (injection.IO_CODE, *it.also),
                                  injection.REASONS.get(what))
        return found + lab.check_recovery(it, folder)

    def check_signal(self, it, outcome, folder, number):
        """A command ends with the code of the signal, is ended by it, or was done already."""
        if outcome.hung:
            return [(injection.HANG, "no end after the signal")]
        if outcome.signal == number or outcome.code == 128 + number:
            return [] if it.recovery == scenarios.TRAINING else self.lab.check_whole(it, folder)
        return self.lab.check_end(it, outcome, folder, (128 + number,))

    # --- All runs of a fault and a scenario --------------------------------------------------------------------------

    def numbers(self, fault, it):
        """Which allocations or calls are to fail."""
        if self.options.at:
            return [self.options.at]
        folder = self.lab.fill(it, 0)
        if fault in ALLOCATIONS:
            log = self.lab.run_with_failing_allocation(it, folder, 0, False).log
            totals = [int(line.split()[1]) for line in log if line.startswith("total")]
            return spread(totals[-1], self.options.most)
        log = self.lab.run_with_failing_call(it, folder, calls=CALLS[fault][2]).log
        numbers = choose_calls(log, self.options.most)
        if CALLS[fault][0] == "short":  # counts the calls that can be short only
            total = len([1 for fields in log if fields[0].isdigit()])
            numbers = spread(total, self.options.most)
        return numbers

    def run_all(self, fault, it):
        began = time.monotonic()
        numbers = self.numbers(fault, it)
        while not self.slots.empty():
            self.slots.get()
        for slot in range(self.options.jobs):
            self.slots.put(slot)
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            for at, found in zip(numbers, pool.map(lambda at: self.trial(fault, it, at), numbers)):
                self.runs[fault] += 1
                self.failures += [(fault, it.name, at, column, text) for column, text in found]
        bad = len({at for f, name, at, _, _ in self.failures if (f, name) == (fault, it.name)})
        self.say(f"{fault} {it.name}: {len(numbers)} runs, {bad} failures, {time.monotonic() - began:.1f} s")

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
    parser.add_argument("--at", type=int, help="this allocation or call alone")
    parser.add_argument("--most", type=int, default=100, help="the most runs of a fault and a scenario")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--mnist", help="a folder with the files of MNIST, for data get")
    parser.add_argument("--work", help="a folder for the runs, which is kept")
    parser.add_argument("--quick", action="store_true", help="a sample of less than a minute")
    options = parser.parse_args()
    options.command = "python3 " + os.path.relpath(__file__)
    return options


def chosen(text, known):
    names = text.split(",") if text else list(known)
    for name in names:
        if name not in known:
            raise SystemExit(f"torture: what is {name}? There are: {', '.join(known)}")
    return names


def main():
    options = parse()
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
        names = chosen(options.scenario, scenarios.SCENARIOS)
        for name in names:
            lab.learn(scenarios.SCENARIOS[name])
        for fault in chosen(options.only, FAULTS):
            for name in names:
                torture.run_all(fault, scenarios.SCENARIOS[name])
        torture.report()
        return 1 if torture.failures else 0
    finally:
        if not options.work:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
