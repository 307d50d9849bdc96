#!/usr/bin/env python3
"""Learning curves of runs against the FLOPs of their training, as a Markdown table.

    bench/learning_curves.py [--program build/gkvae] [--at FLOPS,FLOPS…] RUN…

A row is a number of FLOPs, a column a run. The entries are the −ELBO of the held-out images, by the averaged weights,
at the end of the last epoch within these FLOPs. The FLOPs of an image are those of `gkvae bench`, and its images are
those that the run has seen. The learning rate falls to 0 over a run, so its last entry says what its budget buys, and
earlier ones are above what a run of that budget would reach.
"""
import argparse
import csv
import json
import os
import subprocess
import tempfile


def operations(program, run):
    """FLOPs and images of a training step."""
    with tempfile.TemporaryDirectory() as folder:
        figures = os.path.join(folder, "figures.json")
        subprocess.run([program, "bench", os.path.join(run, "config.ini"), "--only", "draws",
                        "--seconds", "1", "--images", "1000", "--quiet", "--json", figures], check=True,
                       stdout=subprocess.DEVNULL)
        with open(figures, encoding="utf-8") as file:
            model = json.load(file)["models"][0]
    return model["training_operations_per_image"] * model["batch"]


def curve(program, run):
    """(FLOPs, held-out −ELBO, seconds) at the end of each epoch."""
    step = operations(program, run)
    points, seconds = [], 0
    with open(os.path.join(run, "history.csv"), encoding="utf-8") as file:
        for row in csv.DictReader(file):
            seconds += float(row["seconds"])
            points.append((step * int(row["step"]), float(row["validation_neg_elbo"]), seconds))
    return points


def entry(points, flops):
    reached = [value for at, value, _ in points if at <= flops * 1.01]
    return f"{reached[-1]:.2f}" if reached and points[-1][0] >= flops * .95 else "–"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--program", default="build/gkvae")
    parser.add_argument("--at", default="2.5e12,5e12,1e13,2e13,3e13,5e13,1e14,2e14,3e14,4e14")
    arguments = parser.parse_args()
    curves = [curve(arguments.program, run) for run in arguments.runs]
    print("| FLOPs |", " | ".join(os.path.basename(os.path.normpath(run)) for run in arguments.runs), "|")
    print("|---" * (len(curves) + 1) + "|")
    for flops in map(float, arguments.at.split(",")):
        entries = [entry(points, flops) for points in curves]
        if any(one != "–" for one in entries):
            mantissa, exponent = f"{flops:.1e}".split("e")
            print(f"| {mantissa.removesuffix('.0')}·10^{int(exponent)} |", " | ".join(entries), "|")
    print("| the last epoch |", " | ".join(f"{points[-1][1]:.2f} at {points[-1][0]:.2g}" for points in curves), "|")


main()
