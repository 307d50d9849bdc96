"""Signals at random times, and two processes in one folder."""
import itertools
import os
import random
import signal
import time

import injection
import scenarios

# --- Signals ---------------------------------------------------------------------------------------------------------

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SCENARIOS = ("train", "train-resume", "train-overwrite", "base-fit-update", "eval", "sample", "compare-plan",
             "fit-mixture", "density-fit", "data-get")


def send(process, number):
    """Ctrl-C and a closing terminal reach all processes of a command, SIGTERM its first."""
    try:
        if number == signal.SIGTERM:
            os.kill(process.pid, number)
        else:
            os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def signals(lab, it, slot, at, count, seed):
    """Sends `count` signals at times that depend on the seed and on `at`; then the recovery."""
    rng = random.Random(f"{seed} {it.name} {at} {count}")
    folder = lab.fill(it, slot)
    seconds = lab.reference[it.name]["seconds"]
    sent = [rng.choice(SIGNALS) for _ in range(count)]

    def meanwhile(process):
        for number in sent:
            time.sleep(rng.uniform(0, 1.1 * seconds / count))
            send(process, number)

    outcome = lab.run(it.command, folder, meanwhile=meanwhile)
    found = lab.check_signals(it, outcome, folder, sent)
    return found + lab.check_recovery(it, folder)


# --- Two processes ---------------------------------------------------------------------------------------------------

TRAIN = ("train", "-q", "--overwrite", "--out", "done", *scenarios.SET, "--epochs", "1", "--seed", "3")
UPDATE = ("base", "fit", "done", "--base", "gk", "--update")
EVAL = ("eval", "-q", "done", "--no-generation")
SAMPLE = ("sample", "done", "-n", "8", "--out", "s.png")
COMPARE = ("compare", "done", "other", "--out", "table")
COMMANDS = {"train": TRAIN, "eval": EVAL, "update": UPDATE, "sample": SAMPLE, "compare": COMPARE}
PAIRS = {f"{first}+{second}": (first, second)
         for first, second in itertools.product(COMMANDS, COMMANDS)}
IT = scenarios.Scenario("pair", SAMPLE, folders=("done", "other"))
REFUSALS = (0, 3, 4, 5, 7)  # with a message


class Pairs:
    """What the commands give of each whole model that two of them can leave."""

    def __init__(self, lab):
        self.lab = lab
        self.models = []  # of the run, trained anew, with another base, and both: what eval prints and sample draws
        for before in ((), (TRAIN,), (UPDATE,), (TRAIN, UPDATE)):
            folder = lab.fill(IT, 0)
            for command in before:
                self.succeed(command, folder)
            figures = injection.plain(self.succeed(EVAL, folder).out)
            self.succeed(SAMPLE, folder)
            self.models.append((figures, injection.digest(folder / "s.png")))

    def succeed(self, command, folder):
        outcome = self.lab.run(command, folder)
        if outcome.code != 0 or outcome.signal:
            raise SystemExit(f"{command} fails without a fault: {outcome.err}")
        return outcome

    def try_pair(self, name, slot, at, times):
        """Starts the second command when a share at/times of the first one's time is over."""
        names = PAIRS[name]
        folder = self.lab.fill(IT, slot)
        outcomes = [None, None]

        def second(_):
            time.sleep(0.3 * at / times)
            outcomes[1] = self.lab.run(COMMANDS[names[1]], folder, out="stdout-2")

        outcomes[0] = self.lab.run(COMMANDS[names[0]], folder, meanwhile=second)
        found = []
        for which, outcome in zip(names, outcomes):
            found += [(column, f"{which}: {text}") for column, text in self.check(which, outcome, folder)]
        return found + self.check_after(folder)

    def check(self, which, outcome, folder):
        if outcome.hung:
            return [(injection.HANG, "no end")]
        if outcome.signal:
            return [(injection.CRASH, f"signal {outcome.signal}")]
        if outcome.code not in REFUSALS or (outcome.code != 0 and "gkvae: " not in outcome.err):
            return [(injection.CODE, f"exit {outcome.code}: {injection.last_line(outcome.err)}")]
        if outcome.code == 0 and which == "eval" and \
                injection.plain(outcome.out) not in [figures for figures, _ in self.models]:
            return [(injection.LOSS, f"figures of no whole model: {outcome.out[:300]!r}")]
        if outcome.code == 0 and which == "sample" and \
                injection.digest(folder / "s.png") not in [picture for _, picture in self.models]:
            return [(injection.LOSS, "a picture of no whole model")]
        return []

    def check_after(self, folder):
        """The run is whole: one model, which all commands can use."""
        sample, figures = self.lab.run(SAMPLE, folder), self.lab.run(EVAL, folder)
        if sample.code != 0 or figures.code != 0:
            return [(injection.LOSS, f"afterwards: {injection.last_line(sample.err or figures.err)}")]
        now = (injection.plain(figures.out), injection.digest(folder / "s.png"))
        found = [] if now in self.models else [(injection.LOSS, "afterwards: not a whole model")]
        left = injection.temporaries(folder)
        return found + ([(injection.LOSS, f"temporary files: {left}")] if left else [])
