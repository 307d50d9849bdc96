"""Runs the fuzzers and prints what each did. `make fuzz` calls it:

    run_fuzzers.py BUILD SECONDS fuzz_NAME…

A fuzzer starts from the files of tests/fuzz/corpus/NAME and of BUILD/corpus/NAME, and keeps new ones in the latter.
BUILD/fuzz_NAME.log is its output. An input that breaks something is BUILD/NAME-crash-… (or NAME-timeout-…, NAME-oom-…,
NAME-leak-…); `BUILD/fuzz_NAME FILE` repeats it. Exits 1 if there is one.
"""
import glob
import os
import re
import subprocess
import sys

LIMITS = ["-max_len=8192", "-timeout=10", "-rss_limit_mb=2048", "-malloc_limit_mb=1024"]
COLUMNS = "{:<14} {:>12} {:>10} {:>12}  {}"


def run(build, seconds, program):
    name = program.removeprefix("fuzz_")
    found = os.path.join(build, "corpus", name)
    given = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", name)
    os.makedirs(found, exist_ok=True)
    for old in glob.glob(os.path.join(build, f"{name}-*-*")):
        os.remove(old)
    log = os.path.join(build, program + ".log")
    with open(log, "wb") as out:
        code = subprocess.run([os.path.join(build, program), f"-max_total_time={seconds}", *LIMITS,
                               "-print_final_stats=1", f"-artifact_prefix={build}/{name}-", found, given],
                              stdout=out, stderr=out).returncode
    with open(log, encoding="utf-8", errors="replace") as file:
        text = file.read()

    def figure(key):
        match = re.search(rf"^stat::{key}:\s*(\d+)", text, re.MULTILINE)
        return int(match.group(1)) if match else 0

    broken = sorted(os.path.basename(path) for path in glob.glob(os.path.join(build, f"{name}-*-*")))
    result = "none" if code == 0 else " ".join(broken) or f"ended with {code}: see {log}"
    executions = figure("number_of_executed_units")
    print(COLUMNS.format(name, f"{executions:,}", f"{figure('average_exec_per_sec'):,}",
                         f"{figure('peak_rss_mb'):,}", result), flush=True)
    return code == 0


def main():
    build, seconds, programs = os.path.abspath(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    print(COLUMNS.format("reader", "executions", "a second", "peak MiB", "broken"), flush=True)
    results = [run(build, seconds, program) for program in programs]
    return 0 if all(results) else 1


sys.exit(main())
