"""Runs the fuzzers and prints what each did. `make fuzz` calls it:

    run_fuzzers.py BUILD SECONDS RUNS fuzz_NAME…

A fuzzer ends after so many seconds, or after so many executions; 0 means no limit.
A fuzzer starts from the files of tests/fuzz/corpus/NAME and of BUILD/corpus/NAME, and keeps new ones in the latter.
BUILD/fuzz_NAME.log is its output. An input that breaks something is BUILD/NAME-crash-… (or NAME-timeout-…, NAME-oom-…,
NAME-leak-…); `BUILD/fuzz_NAME FILE` repeats it. Exits 1 if there is one.
"""
import glob
import os
import re
import subprocess
import sys
import time

# Of the clock, and not of the processor: on a busy machine 10 seconds were too few for an input of 0.4.
LIMITS = ["-timeout=60", "-rss_limit_mb=2048", "-malloc_limit_mb=1024"]

# The most bytes of an input. Long inputs take long, and reach nothing new.
LONGEST = {"labels": 512, "arrays": 1024, "fit": 4096, "history": 4096, "model": 4096, "safetensors": 4096,
           "checkpoint": 4608, "density": 7168}
LONGEST_OTHERS = 2048

# For speed: little freed memory is kept from being used again, and no stacks of allocations are kept. Where an input is
# repeated without these, reports tell more.
SANITIZER = "quarantine_size_mb=1:thread_local_quarantine_size_kb=64:malloc_context_size=0:max_malloc_fill_size=64"

COLUMNS = "{:<14} {:>12} {:>10} {:>10} {:>8} {:>10}  {}"


def run(build, seconds, runs, program):
    name = program.removeprefix("fuzz_")
    found = os.path.join(build, "corpus", name)
    given = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", name)
    os.makedirs(found, exist_ok=True)
    for old in glob.glob(os.path.join(build, f"{name}-*-*")):
        os.remove(old)
    log = os.path.join(build, program + ".log")
    began = time.monotonic()
    with open(log, "wb") as out:
        code = subprocess.run([os.path.join(build, program), f"-max_total_time={seconds}", f"-runs={runs or -1}",
                               f"-max_len={LONGEST.get(name, LONGEST_OTHERS)}", *LIMITS, "-print_final_stats=1",
                               f"-artifact_prefix={build}/{name}-", found, given], stdout=out, stderr=out,
                              env={"ASAN_OPTIONS": SANITIZER, **os.environ, "OMP_NUM_THREADS": "1"}).returncode
    seconds_taken = time.monotonic() - began
    with open(log, encoding="utf-8", errors="replace") as file:
        text = file.read()

    def figure(key):
        match = re.search(rf"^stat::{key}:\s*(\d+)", text, re.MULTILINE)
        return int(match.group(1)) if match else 0

    edges = re.findall(r"^#\d+\s.*\bcov: (\d+)", text, re.MULTILINE)
    broken = sorted(os.path.basename(path) for path in glob.glob(os.path.join(build, f"{name}-*-*")))
    result = "none" if code == 0 else " ".join(broken) or f"ended with {code}: see {log}"
    executions = figure("number_of_executed_units")
    print(COLUMNS.format(name, f"{executions:,}", f"{seconds_taken:,.0f}", f"{figure('average_exec_per_sec'):,}",
                         edges[-1] if edges else "?", f"{figure('peak_rss_mb'):,}", result), flush=True)
    return code == 0


def main():
    build, seconds, runs, programs = os.path.abspath(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    print(COLUMNS.format("reader", "executions", "seconds", "a second", "edges", "peak MiB", "broken"), flush=True)
    results = [run(build, seconds, runs, program) for program in programs]
    return 0 if all(results) else 1


sys.exit(main())
