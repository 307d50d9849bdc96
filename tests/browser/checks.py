"""What the tests of pages share: a list of failures."""

import sys

failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what, file=sys.stderr)
