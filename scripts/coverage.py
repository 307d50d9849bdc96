#!/usr/bin/env python3
"""Prints which part of the lines and branches of src/ ran, by module, and the files with the least.

    scripts/coverage.py BUILD [--worst N] [--lines FILE]

BUILD was configured with -DGKV_COVERAGE=ON, and tests ran in it since (`make coverage` does both). --worst says how
many files are named (15); --lines prints the lines of one file that did not run, or of whose branches one was not
taken.

gcov counts. Code that is compiled more than once (for several instruction sets, in single and double precision, as a
template in a header) counts once: a line ran if it ran in one of them, and so for the k-th branch of a line. Only the
copies of functions that are always inlined have their own branches. Files that were not compiled are not counted.
"""
import argparse
import collections
import glob
import json
import os
import signal
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCES = os.path.join(ROOT, "src") + os.sep
FEWEST = 10  # branches of a file that is named


def note_files(build):
    """The folders with notes of the compiler, and the names of these."""
    found = collections.defaultdict(list)
    for path in sorted(glob.glob(os.path.join(glob.escape(build), "CMakeFiles", "**", "*.gcno"), recursive=True)):
        found[os.path.dirname(path)].append(os.path.basename(path))
    return sorted(found.items())


def gcov(folder, names):
    """What gcov says of some objects, a document for each."""
    done = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", *names], cwd=folder,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


class Source:
    """How often each line ran, and each of its branches."""

    def __init__(self):
        self.lines = {}
        self.branches = {}

    def add(self, lines):
        for line in lines:
            number, counts = line["line_number"], [branch["count"] for branch in line["branches"]]
            self.lines[number] = max(self.lines.get(number, 0), line["count"])
            known = self.branches.setdefault(number, [])
            known.extend([0] * (len(counts) - len(known)))
            for k, count in enumerate(counts):
                known[k] = max(known[k], count)

    def figures(self):
        """Lines, those that ran, branches, those that were taken."""
        branches = [count for counts in self.branches.values() for count in counts]
        return (len(self.lines), sum(count > 0 for count in self.lines.values()), len(branches),
                sum(count > 0 for count in branches))


def read(build):
    sources = collections.defaultdict(Source)
    for folder, names in note_files(build):
        for document in gcov(folder, names):
            base = document["current_working_directory"]
            for file in document["files"]:
                path = os.path.normpath(os.path.join(base, file["file"]))
                if path.startswith(SOURCES) and os.path.exists(path):  # notes of a removed file may be there
                    sources[path[len(SOURCES):]].add(file["lines"])
    return sources


def share(part, whole):
    return f"{100 * part / whole:.1f}%" if whole else "–"


def print_table(title, rows):
    width = max([len(title), *(len(name) for name, _ in rows)])
    print(f"{title:<{width}}  {'lines':>7} {'ran':>7}  {'branches':>8} {'taken':>7} {'not taken':>10}")
    for name, (lines, ran, branches, taken) in rows:
        print(f"{name:<{width}}  {lines:>7} {share(ran, lines):>7}  {branches:>8} {share(taken, branches):>7}"
              f" {branches - taken:>10}")


def print_modules(sources):
    modules = collections.defaultdict(lambda: [0] * 4)
    for path, source in sources.items():
        for name in path.split(os.sep)[0], "all":
            modules[name] = [a + b for a, b in zip(modules[name], source.figures())]
    rows = sorted((name, figures) for name, figures in modules.items() if name != "all")
    print_table("module", rows + [("all", modules["all"])])


def print_worst(sources, count):
    rows = [(path, source.figures()) for path, source in sources.items() if source.figures()[2] >= FEWEST]
    rows.sort(key=lambda row: (row[1][3] / row[1][2], row[0]))
    print(f"\nthe least branches taken, of files with {FEWEST} or more:")
    print_table("file", rows[:count])


def print_lines(sources, wanted):
    name = os.path.relpath(os.path.abspath(wanted), SOURCES)
    if name not in sources:
        sys.exit(f"coverage: {wanted}: nothing is known of it: give a path such as src/num/sort.c")
    source = sources[name]
    with open(os.path.join(SOURCES, name), encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            counts = source.branches.get(number, [])
            if source.lines.get(number) == 0 or 0 in counts:
                print(f"{number:>5} {sum(count > 0 for count in counts)}/{len(counts)}  {text.rstrip()}")


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as when head ends
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build")
    parser.add_argument("--worst", type=int, default=15, metavar="N")
    parser.add_argument("--lines", metavar="FILE")
    arguments = parser.parse_args()
    sources = read(arguments.build)
    if not sources:
        sys.exit(f"coverage: {arguments.build} has no files of gcov: configure it with -DGKV_COVERAGE=ON, and build")
    if arguments.lines:
        print_lines(sources, arguments.lines)
        return
    print_modules(sources)
    print_worst(sources, arguments.worst)


main()
