#!/usr/bin/env python3
"""What gkvae aims at, and how far it is on this machine.

    bench/reaches.py [PROGRAM]    default: build/gkvae

Runs `gkvae bench` with the default model and the plain one, and its evaluation again with 5000
samples an image. The ratios to PyTorch are bench/peers.sh's.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

CONFIG = pathlib.Path(__file__).parent.parent / "configs" / "mnist.ini"


def bench(program, *arguments):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "figures.json"
        subprocess.run([program, "bench", CONFIG, "--quiet", "--json", path, *arguments], check=True,
                       stdout=subprocess.DEVNULL)
        return json.loads(path.read_text(encoding="utf-8"))


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else "build/gkvae"
    whole = bench(program)
    deep = bench(program, "--only", "evaluation", "--set", "eval.samples=5000", "--seconds", "60")
    default, plain = (model["at"] for model in whole["models"])
    one, most = 0, len(plain) - 1
    threads = plain[most]["threads"]
    lines = []

    def line(what, figure, least=None, most_of=None, unit="", digits=2):
        aim = f"≥ {least:.{digits}f}" if least is not None else f"≤ {most_of:.{digits}f}"
        reached = figure >= least if least is not None else figure <= most_of
        lines.append((what, f"{figure:.{digits}f}{unit}", f"{aim}{unit}", "yes" if reached else "no"))

    def share(what, value, least):
        line(what, 100 * value, least=least, unit=" %", digits=0)

    for name, model, training, evaluation, drawing in (("default", default, 78, 75, 75), ("plain", plain, 84, 75, 75)):
        for at in model:
            where = f"{name} model, {at['threads']} thread{'s' if at['threads'] > 1 else ''}"
            share(f"training step of the {where}", at["step_share_of_peak"], training)
            share(f"evaluation of the {where}", at["evaluation_share_of_peak"], evaluation)
            share(f"draws of the {where}", at["drawing_share_of_peak"], drawing)
        if most:
            line(f"training step of the {name} model, {threads} threads against 1",
                 model[one]["step_seconds"] / model[most]["step_seconds"], least=1.88)
    for model in deep["models"]:
        for at in model["at"]:
            share(f"5000 samples an image, {model['name']} model, {at['threads']} thread"
                  f"{'s' if at['threads'] > 1 else ''}", at["evaluation_share_of_peak"], 75)
    line("from the start of gkvae train to its first step", whole["first_step_seconds"], most_of=0.15, unit=" s")
    line("memory of gkvae train at most", 1e-6 * whole["peak_memory_bytes"], most_of=300, unit=" MB", digits=0)
    width = max(len(what) for what, *_ in lines)
    for what, figure, aim, reached in lines:
        print(f"{what:<{width}}  {figure:>8}  {aim:>9}  {reached}")


if __name__ == "__main__":
    main()
