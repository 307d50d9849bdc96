#!/usr/bin/env python3
"""Trains and evaluates models side by side, over several seeds, and prints a table.

    bench/study.py STUDY [--seeds 1-3] [--program build/gkvae] [--out results/studies] [--data data] [NAME…]

A study (bench/studies/) is a text file:

    # a comment
    config: configs/mnist-quick.ini  what all models are made of, unless it is the default
    *: train.epochs=20 …             settings of all models
    eval: --samples 200 …            options of gkvae eval; each such line is an evaluation of its own
    against: NAME                    whose figures the others' are compared with, seed by seed
    NAME: model.base=normal …        a model, by its settings

With names, only those models. A run that is there, by the same settings and configuration, is not done again, so a
study that was stopped goes on. The table has, for each model, the mean over seeds of the test set's figures, ± its
standard error, and where there is something to compare with the mean difference of the likelihoods of equal seeds,
± its standard error: of those by refined posteriors, if there are any.
"""
import argparse
import hashlib
import json
import math
import pathlib
import subprocess
import sys


def read_study(path):
    study = {"config": None, "common": [], "eval": [], "against": None, "models": {}}
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        name, _, rest = line.partition(":")
        if name == "*":
            study["common"] += rest.split()
        elif name == "eval":
            study["eval"].append(rest.split())
        elif name in ("config", "against"):
            study[name] = rest.strip()
        else:
            study["models"][name.strip()] = rest.split()
    return study


def run(command, log):
    print("$", " ".join(map(str, command)), file=sys.stderr, flush=True)
    with open(log, "w", encoding="utf-8") as out:
        result = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False)
    if result.returncode != 0:
        sys.exit(f"failed, see {log}")


def digest(config):
    """Lines of a mark: what stands in the configuration file, if there is one."""
    files = [pathlib.Path(path) for path in config]
    return [f"{path}: sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}" for path in files if path.is_file()]


def is_done(mark, what, digests=()):
    """Whether what stands in this file, so that what was asked for otherwise, or by another configuration file, is done
    anew. Older marks say nothing of the file's content, and are believed."""
    if not mark.exists():
        return False
    first, *rest = mark.read_text(encoding="utf-8").splitlines() or [""]
    return first == " ".join(what) and (not rest or rest == list(digests))


def figures(arguments, study, name, seed):
    """Those of each evaluation of one model from one seed, which is trained if it is not there; None if it is not and
    only a table is asked for."""
    folder = arguments.out / arguments.study.stem / f"{name}-{seed}"
    settings = [f"train.seed={seed}"] + study["common"] + study["models"][name]
    config = [study["config"]] if study["config"] else []
    evaluations = study["eval"] or [[]]
    trained = folder / "trained"
    kept = [folder / f"figures-{number}.json" for number in range(len(evaluations))]
    marks = [folder / f"evaluated-{number}" for number in range(len(evaluations))]
    train = not is_done(trained, config + settings, digest(config))
    missing = [n for n, options in enumerate(evaluations) if train or not is_done(marks[n], options)]
    if arguments.only_table and missing:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    if train: # what is there stops being what the marks say
        for mark in [trained, *folder.glob("evaluated-*")]:
            mark.unlink(missing_ok=True)
        read = digest(config) # as it is when training begins
        run([arguments.program, "train"] + config + ["--overwrite", "--out", folder, "--set", f"data.folder={arguments.data}"] +
            [x for s in settings for x in ("--set", s)], folder / "train.log")
        trained.write_text("\n".join([" ".join(config + settings)] + read), encoding="utf-8")
    for n in missing:
        marks[n].unlink(missing_ok=True)
        run([arguments.program, "eval", folder, "--no-pictures"] + evaluations[n], folder / "eval.log")
        kept[n].write_text((folder / "metrics.json").read_text(encoding="utf-8"), encoding="utf-8")
        marks[n].write_text(" ".join(evaluations[n]), encoding="utf-8")
    return [json.loads(path.read_text(encoding="utf-8")) for path in kept]


def mean_and_error(values):
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, math.nan
    return mean, math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1) / len(values))


def cell(values, places=2):
    if any(value is None for value in values):
        return "–"
    mean, error = mean_and_error(values)
    return f"{mean:.{places}f}" + ("" if math.isnan(error) else f" ± {error:.{places}f}")


def print_table(all_figures, study, number):
    columns = [("−ELBO", "neg_elbo", 2), ("−log p(x)", "nll", 2), ("refined −ELBO", "refined_neg_elbo", 2),
               ("refined −log p(x)", "refined_nll", 2), ("training, s", "train_seconds", 0),
               ("refits, s", "refit_seconds", 1)]
    sample = next(iter(next(iter(all_figures.values())).values()))[number]
    columns = [c for c in columns if sample.get(c[1]) is not None or c[1] == "refit_seconds"]
    measure = "refined_nll" if sample.get("refined_nll") is not None else "nll"
    against = all_figures.get(study["against"], {})
    header = ["model"] + [c[0] for c in columns] + ([f"−log p(x) less {study['against']}'s"] if against else [])
    rows = []
    for name, by_seed in all_figures.items():
        row = [f"{name} ({len(by_seed)})"] + [cell([f[number].get(key, 0) for f in by_seed.values()], places) for _, key, places in columns]
        if against:
            pairs = [(by_seed[s][number][measure], against[s][number][measure]) for s in by_seed if s in against]
            row.append("" if name == study["against"] or not pairs else
                       cell([None if None in pair else pair[0] - pair[1] for pair in pairs]))
        rows.append(row)
    print(f"test set: {sample['protocol']}; means over seeds, whose number is in brackets")
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
    arguments = parser.parse_intermixed_args()
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
            found = figures(arguments, study, name, seed)
            if found:
                all_figures.setdefault(name, {})[seed] = found
    if not all_figures:
        sys.exit("there are no runs yet")
    for number in range(len(study["eval"] or [[]])):
        print_table({name: all_figures[name] for name in names if name in all_figures}, study, number)


if __name__ == "__main__":
    main()
