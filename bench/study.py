#!/usr/bin/env python3
"""Trains and evaluates models side by side, over several seeds, and prints a table.

    bench/study.py STUDY [--seeds 1-3] [--program build/gkvae] [--out results/studies] [--data data] [NAME…]

A study (bench/studies/) is a text file:

    # a comment
    *: train.epochs=20 …             settings of all models
    eval: --samples 200 …            options of gkvae eval; each such line is an evaluation of its own
    against: NAME                    whose figures the others' are compared with, seed by seed
    NAME: model.base=normal …        a model, by its settings

With names, only those models. A run that is there is not done again, so a study that was stopped goes on. The
table has, for each model, the mean over seeds of the test set's figures, ± its standard error, and where there is
something to compare with the mean difference of the likelihoods of equal seeds, ± its standard error: of those by
refined posteriors, if there are any.
"""
import argparse
import json
import math
import pathlib
import subprocess
import sys


def read_study(path):
    study = {"common": [], "eval": [], "against": None, "models": {}}
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        name, _, rest = line.partition(":")
        if name == "*":
            study["common"] += rest.split()
        elif name == "eval":
            study["eval"].append(rest.split())
        elif name == "against":
            study["against"] = rest.strip()
        else:
            study["models"][name.strip()] = rest.split()
    return study


def run(command, log):
    print("$", " ".join(map(str, command)), file=sys.stderr, flush=True)
    with open(log, "w", encoding="utf-8") as out:
        result = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False)
    if result.returncode != 0:
        sys.exit(f"failed, see {log}")


def figures(arguments, study, name, seed):
    """Those of each evaluation of one model from one seed, which is trained if it is not there."""
    folder = arguments.out / arguments.study.stem / f"{name}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    result = []
    trained = folder / "trained"
    if not trained.exists():
        settings = [f"data.folder={arguments.data}", f"train.seed={seed}"] + study["common"] + study["models"][name]
        run([arguments.program, "train", "--overwrite", "--out", folder] + [x for s in settings for x in ("--set", s)],
            folder / "train.log")
        trained.write_text("")
    for number, options in enumerate(study["eval"] or [[]]):
        kept = folder / f"figures-{number}.json"
        if not kept.exists():
            run([arguments.program, "eval", folder, "--no-pictures"] + options, folder / "eval.log")
            kept.write_text((folder / "metrics.json").read_text(encoding="utf-8"), encoding="utf-8")
        result.append(json.loads(kept.read_text(encoding="utf-8")))
    return result


def mean_and_error(values):
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, math.nan
    return mean, math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1) / len(values))


def cell(values, places=2):
    mean, error = mean_and_error(values)
    return f"{mean:.{places}f}" + ("" if math.isnan(error) else f" ± {error:.{places}f}")


def print_table(all_figures, study, number):
    columns = [("−ELBO", "neg_elbo", 2), ("−log p(x)", "nll", 2), ("refined −ELBO", "refined_neg_elbo", 2),
               ("refined −log p(x)", "refined_nll", 2), ("training, s", "train_seconds", 0),
               ("refits, s", "refit_seconds", 1)]
    sample = next(iter(next(iter(all_figures.values())).values()))[number]
    columns = [c for c in columns if c[1] in sample or c[1] == "refit_seconds"]
    measure = "refined_nll" if "refined_nll" in sample else "nll"
    against = all_figures.get(study["against"], {})
    header = ["model"] + [c[0] for c in columns] + ([f"−log p(x) less {study['against']}'s"] if against else [])
    rows = []
    for name, by_seed in all_figures.items():
        row = [name] + [cell([f[number].get(key) or 0 for f in by_seed.values()], places) for _, key, places in columns]
        if against:
            common = [s for s in by_seed if s in against]
            row.append("" if name == study["against"] or not common else
                       cell([by_seed[s][number][measure] - against[s][number][measure] for s in common]))
        rows.append(row)
    print(f"test set: {sample['protocol']}; seeds {', '.join(map(str, next(iter(all_figures.values()))))}")
    widths = [max(len(row[i]) for row in [header] + rows) for i in range(len(header))]
    for row in [header] + rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("study", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seeds", default="1-3", help="as in 1-3 or 5 (default: 1-3)")
    parser.add_argument("--program", default="build/gkvae")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/studies"))
    parser.add_argument("--data", default="data")
    parser.add_argument("--only-table", action="store_true", help="of the runs that are there")
    arguments = parser.parse_args()
    study = read_study(arguments.study)
    first, _, last = arguments.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    names = arguments.names or list(study["models"])
    unknown = [name for name in names if name not in study["models"]]
    if unknown:
        sys.exit(f"{arguments.study} has no model {unknown[0]}; it has {', '.join(study['models'])}")
    all_figures = {}
    for seed in seeds:
        for name in names:
            folder = arguments.out / arguments.study.stem / f"{name}-{seed}"
            if arguments.only_table and not (folder / "figures-0.json").exists():
                continue
            all_figures.setdefault(name, {})[seed] = figures(arguments, study, name, seed)
    if not all_figures:
        sys.exit("there are no runs yet")
    for number in range(len(study["eval"] or [[]])):
        print_table({name: all_figures[name] for name in names if name in all_figures}, study, number)


if __name__ == "__main__":
    main()
