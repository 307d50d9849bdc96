"""One run of a scenario with a fault, and the verdict on it.

A Lab knows the programs and what each scenario does without faults. Lab.trial() runs a scenario with one fault in a
fresh folder, checks what the command said and left behind, then runs it again without a fault (the recovery), and
checks the result of that. It returns a list of findings: pairs of a column of the table and a text.
"""
import hashlib
import os
import pathlib
import re
import signal
import subprocess
import time
from dataclasses import dataclass, field

import scenarios

CRASH, HANG, LOSS, CODE, LEAK = COLUMNS = ("crashes", "hangs", "losses", "wrong codes", "leaks")
MEMORY_CODE, IO_CODE, CONFIG_CODE = 8, 5, 4
LEAK_EXIT, ASAN_EXIT = 99, 98  # of the sanitizers, as set below
TIMEOUT = 60
REASONS = {"EIO": "Input/output error", "ENOSPC": "No space left on device", "EINTR": "Interrupted system call"}
# Files that say when or how long something was done, or by which process.
VARYING = re.compile(r"(^|/)(times\.json|metrics.*\.json|index\.html|history\.(csv|jsonl)|refits\.jsonl|lock|stdout"
                     r"|compare\.(csv|json)|[^/]*\.log)$")
TEMPORARY = re.compile(r"\.gkvae-tmp-\d+-\d+$")


@dataclass
class Outcome:
    """How a command ended. `signal` is 0 if it exited by itself; `log` has the lines of the fault tool."""
    code: int
    signal: int
    out: str
    err: str
    hung: bool = False
    log: list = field(default_factory=list)


def plain(text):
    """Standard output without what depends on the time, on the name of the program or on the working folder."""
    text = re.sub(r"\S*/(slot-\d+|reference)/", "", text)
    text = re.sub(r"\S*/gkvae(-faults)?|\d+:\d\d\b", "", text)
    if "training, s\n" in text:  # the last column of the table of compare
        text = re.sub(r" +\d+(\.\d+)?$", "", text, flags=re.MULTILINE)
    return "\n".join(line for line in text.splitlines() if not re.search(r"second|images/s|minutes|\d ms|milli", line))


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def tree(folder):
    """The content of a folder, as a dictionary; files that vary are only present or absent."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = TEMPORARY.sub(".temporary", str(path.relative_to(folder)))
        if path.is_symlink() or not path.is_file():
            found[name] = "other"
        else:
            found[name] = ("varies", path.stat().st_size > 0) if VARYING.search(name) else digest(path)
    return found


def temporaries(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")
                  if TEMPORARY.search(path.name) or path.name.startswith(".gkvae-"))


class Lab:
    def __init__(self, programs, work, mnist=None):
        self.programs = programs  # "gkvae", "faults", "calls": paths
        self.work = pathlib.Path(work).resolve()
        self.base = self.work / "base"
        self.reference = {}
        self.recovered = {}  # scenario: states from which the recovery is known to succeed
        scenarios.prepare(programs["gkvae"], programs["calls"], self.base, mnist)

    # --- Running -----------------------------------------------------------------------------------------------------

    def run(self, command, folder, prefix=(), program=None, variables=None, meanwhile=None, out="stdout"):
        """Runs a command of gkvae in a folder; calls `meanwhile` with the process."""
        variables = {**scenarios.environment(folder), **(variables or {})}
        with open(folder / out, "w+", encoding="utf-8", errors="replace") as stream:
            process = subprocess.Popen([*prefix, program or self.programs["gkvae"], *command], cwd=folder,
                                       env=variables, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.PIPE,
                                       start_new_session=True)
            hung = False
            if meanwhile:
                meanwhile(process)
            try:
                err = process.communicate(timeout=TIMEOUT)[1]
            except subprocess.TimeoutExpired:
                hung = True
                os.killpg(process.pid, signal.SIGKILL)
                err = process.communicate()[1]
            stream.seek(0)
            code = process.returncode
            return Outcome(max(code, 0), max(-code, 0), stream.read(), err.decode(errors="replace"), hung)

    def run_with_failing_allocation(self, it, folder, at, on):
        """The at-th allocation fails; 0 counts them."""
        log = folder.parent / f"{folder.name}.log"
        log.unlink(missing_ok=True)
        variables = {"GKV_FAULT_AT": str(at), "GKV_FAULT_LOG": str(log),
                     "ASAN_OPTIONS": f"exitcode={ASAN_EXIT}:detect_leaks=1:allocator_may_return_null=1",
                     "LSAN_OPTIONS": f"exitcode={LEAK_EXIT}:print_suppressions=0:suppressions="
                                     f"{scenarios.SOURCE}/tests/lsan.supp"}
        if on:
            variables["GKV_FAULT_ON"] = "1"
        outcome = self.run(it.command, folder, program=self.programs["faults"], variables=variables)
        outcome.log = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        return outcome

    def run_with_failing_call(self, it, folder, fault=None, at=0, on=False, calls=None, data=None):
        """The fault happens at the at-th call of these kinds; 0 counts them."""
        log = folder.parent / f"{folder.name}.log"
        prefix = [self.programs["calls"], f"--folder={folder}", f"--log={log}", f"--at={at}"]
        prefix += [f"--do={fault}"] if fault else []
        prefix += ["--on"] if on else []
        prefix += [f"--calls={calls}"] if calls else []
        prefix += [f"--data={data}"] if data else []
        outcome = self.run(it.command, folder, prefix=[*prefix, "--"])
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        outcome.log = [line.split("\t") for line in lines]
        for fields in outcome.log:
            if fields[0] == "end":
                outcome.code, outcome.signal = ((int(fields[2]), 0) if fields[1] == "exit" else (0, int(fields[2])))
        return outcome

    def folder(self, slot):
        return self.work / f"slot-{slot}"

    def fill(self, it, slot):
        folder = self.folder(slot)
        scenarios.fill(self.base, it, folder)
        return folder

    # --- Without faults ----------------------------------------------------------------------------------------------

    def learn(self, it, slot=0):
        """Runs a scenario twice without faults. Its output and its files must be the same."""
        first, second = [], []
        for seen in (first, second):
            began = time.monotonic()
            folder = self.fill(it, slot)
            before = {name: digest(folder / name) for name in it.outputs}
            outcome = self.run(it.command, folder)
            seen += [outcome.code, plain(outcome.out), {name: digest(folder / name) for name in it.outputs}]
            if outcome.hung or outcome.signal:
                raise SystemExit(f"{it.name} fails without a fault: {outcome}")
        if first != second:
            raise SystemExit(f"{it.name} is not the same each time: {first} {second}")
        self.reference[it.name] = {"code": first[0], "out": first[1], "files": first[2], "before": before,
                                   "seconds": time.monotonic() - began}
        self.recovered[it.name] = set()

    # --- Verdicts ----------------------------------------------------------------------------------------------------

    def files(self, it, folder):
        return {name: digest(folder / name) for name in it.outputs}

    def check_end(self, it, outcome, folder, wanted, reason=None):
        """A command that was to fail with the code `wanted`, or to succeed all the same."""
        reference = self.reference[it.name]
        if outcome.hung:
            return [(HANG, f"no end within {TIMEOUT} s")]
        if outcome.signal:
            return [(CRASH, f"signal {outcome.signal}: {last_line(outcome.err)}")]
        if outcome.code == ASAN_EXIT:
            return [(CRASH, first_match(r"ERROR: .*", outcome.err))]
        if outcome.code == LEAK_EXIT:
            return [(LEAK, first_match(r"(Direct|Indirect) leak.*", outcome.err) + where(outcome.err))]
        found = []
        if outcome.code == reference["code"] and outcome.code not in wanted:
            if outcome.code == 0 and plain(outcome.out) != reference["out"]:
                found.append((LOSS, f"exit {outcome.code} with other output: {outcome.out[-200:]!r}"))
            missing = [name for name, sum_ in self.files(it, folder).items() if sum_ != reference["files"][name]]
            if missing and outcome.code == 0:
                found.append((LOSS, f"exit 0 without the files {missing}"))
            return found
        if outcome.code not in wanted:
            found.append((CODE, f"exit {outcome.code}, not {wanted[0]}: {last_line(outcome.err)}"))
        elif "gkvae: " not in outcome.err:
            found.append((CODE, f"exit {outcome.code} without a message"))
        elif reason and outcome.code == IO_CODE:
            if reason not in outcome.err and not it.foreign:
                found.append((CODE, f"the reason ({reason}) is not told: {last_line(outcome.err)}"))
            if not names_a_path(outcome.err):
                found.append((CODE, f"no path is told: {last_line(outcome.err)}"))
        if it.recovery in (scenarios.RERUN, scenarios.FITTING):
            found += self.check_whole(it, folder)
        return found

    def check_signals(self, it, outcome, folder, sent):
        """A command ends with the code of a signal, is ended by it, or was done already."""
        if outcome.hung:
            return [(HANG, "no end after the signal")]
        if outcome.signal in sent or outcome.code - 128 in sent:
            return self.check_whole(it, folder) if it.recovery == scenarios.RERUN else []
        return self.check_end(it, outcome, folder, tuple(128 + number for number in sent))

    def check_whole(self, it, folder):
        """Each file is the old one or the new one, or absent if the command removes what it is to replace."""
        if it.steps:  # a training may be in the middle
            return []
        reference = self.reference[it.name]
        absent = (None,) if it.removes else ()
        return [(LOSS, f"{name} is neither the old file nor the new one")
                for name, sum_ in self.files(it, folder).items()
                if sum_ not in (reference["before"][name], reference["files"][name], *absent)]

    def check_recovery(self, it, folder):
        """The next start makes everything good. States that were seen before are not tried again."""
        state = hashlib.sha256(repr(sorted(tree(folder).items())).encode()).hexdigest()
        if state in self.recovered[it.name]:
            return []
        found = self.recover(it, folder)
        if not found:
            self.recovered[it.name].add(state)
        return found

    def recover(self, it, folder):
        found = []
        reference = self.reference[it.name]
        if it.run and (it.recovery == scenarios.UPDATE or "--overwrite" in it.command):
            fitted = ("density",) if it.recovery == scenarios.FITTING else ()
            out = "after.csv" if fitted else "after.png"
            outcome = self.run((*fitted, "sample", it.run, "-n", "4", "--out", out), folder)
            if outcome.code != 0:
                return [(LOSS, f"no command can use the run: {last_line(outcome.err)}")]
        if it.recovery == scenarios.UPDATE:
            files = self.files(it, folder)
            if files not in (reference["before"], reference["files"]):
                found.append((LOSS, "the model and its configuration do not belong together"))
        outcome = None
        if it.recovery == scenarios.TRAINING and "--overwrite" not in it.command:
            checkpoint = (folder / it.run / "checkpoint.safetensors").exists()
            outcome = self.run(("train", "-q", "--resume", "--out", it.run), folder)
            if outcome.code != 0 and not checkpoint and "--resume" not in it.command:
                # Nothing was saved, so the command is repeated.
                outcome = self.run(it.command, folder)
                if outcome.code == CONFIG_CODE:
                    outcome = self.run((*it.command, "--overwrite"), folder)
        elif it.recovery == scenarios.FITTING:
            outcome = self.fit_again(it, folder)
        else:
            outcome = self.run(it.command, folder)
        if outcome.hung:
            return found + [(HANG, "the recovery has no end")]
        if it.complete and it.complete in outcome.err and self.files(it, folder) == reference["files"]:
            return found  # a second time is refused
        if outcome.code != reference["code"] or outcome.signal:
            return found + [(LOSS, f"the recovery fails with {outcome.code}: {last_line(outcome.err)}")]
        if it.recovery != scenarios.UPDATE:
            if it.recovery == scenarios.RERUN and not it.steps and plain(outcome.out) != reference["out"]:
                found.append((LOSS, f"the recovery prints something else: {outcome.out[-200:]!r}"))
            wrong = [name for name, sum_ in self.files(it, folder).items() if sum_ != reference["files"][name]]
            found += [(LOSS, f"{name} is not the same after the recovery") for name in wrong]
        left = temporaries(folder)
        if left:
            found.append((LOSS, f"temporary files after the recovery: {left}"))
        return found


    def fit_again(self, it, folder):
        """The fit of a density is continued if there is its state, begun otherwise, and replaced if it is complete."""
        command = tuple(word for word in it.command if word not in ("--resume", "--overwrite"))
        has_state = (folder / it.run / "checkpoint.safetensors").exists()
        outcome = self.run((*command, "--resume") if has_state else command, folder)
        return self.run((*command, "--overwrite"), folder) if outcome.code == CONFIG_CODE else outcome


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "(no message)"


def first_match(pattern, text):
    match = re.search(pattern, text)
    return match.group(0)[:200] if match else last_line(text)


def where(text):
    """The functions of gkvae in a report of LeakSanitizer, from the allocation upwards."""
    names = re.findall(r"#\d+ 0x\w+ in (\w+) .*/src/", text)
    return f" in {' < '.join(names[:5])}" if names else ""


PATHS = re.compile(r"[\w./-]*(/|\.(csv|npy|npz|png|ini|idx|json|jsonl|html|py|onnx|safetensors)|done|half|new|kept|table"
                   r"|planned|flows|onnx|standard output|fetched|data|fitted|begun|density|imported|pictures)")


def names_a_path(text):
    return PATHS.search(text) is not None


def functions(program, log):
    """Where the allocation that failed was asked for: the innermost functions of gkvae."""
    failed = [line for line in log if line.startswith("failed")]
    if not failed:
        return ""
    addresses = failed[0].split(":")[1].split()
    result = subprocess.run(["addr2line", "-f", "-e", program, *addresses], check=False, stdout=subprocess.PIPE,
                            text=True)
    lines = result.stdout.splitlines()
    named = [f"{name} ({os.path.basename(place)})" for name, place in zip(lines[::2], lines[1::2]) if "/src/" in place]
    return " in " + " < ".join(named[:6])
