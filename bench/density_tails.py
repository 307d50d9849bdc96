#!/usr/bin/env python3
"""The probability beyond predicted 99.9 % quantiles of gkvae density, under the truth of the simulated sets.

bench/density_tails.py GKVAE [--splits N] [--sets NAME,...] [--candidates NAME,...] [--margin KIND]

Each split is a fit to 1500 rows, as in density.py. Quantiles come from 400,000 draws of the fit, and the probabilities
beyond them from 2 million draws of the truth. Prints, for each candidate and for the chosen one, the mean over splits,
columns and both tails, and for each tail the mean and the standard deviation over splits (lower tails of all columns,
then upper ones). Needs numpy and scipy. docs/density.md has the figures."""
import argparse, importlib.util, json, os, subprocess, tempfile
import numpy as np

spec = importlib.util.spec_from_file_location("density", os.path.join(os.path.dirname(__file__), "density.py"))
density = importlib.util.module_from_spec(spec)
spec.loader.exec_module(density)


def fit(a, rows, folder):
    np.save(os.path.join(folder, "rows.npy"), rows)
    subprocess.run([a.program, "density", "fit", os.path.join(folder, "rows.npy"), "--out", os.path.join(folder, "run"),
                    "--overwrite", "--quiet", "--no-page", "--resolution", "none", "--threads", "1", "--candidates",
                    a.candidates, "--margin", a.margin], check=True, capture_output=True)
    with open(os.path.join(folder, "run", "density.json")) as file:
        return json.load(file)


def shares(a, candidate, truth, folder):
    out = os.path.join(folder, "draws.npy")
    subprocess.run([a.program, "density", "sample", os.path.join(folder, "run"), "-n", "400000", "--candidate",
                    candidate, "--out", out, "--threads", "1"], check=True)
    low, high = np.quantile(np.load(out), [0.001, 0.999], axis=0)
    return np.concatenate([(truth < low).mean(0), (truth > high).mean(0)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--splits", type=int, default=8)
    parser.add_argument("--sets", default="lognormal/skew-t,Clayton,banana")
    parser.add_argument("--candidates", default="t-copula,normal-mixture,gk-mixture")
    parser.add_argument("--margin", default="auto")
    a = parser.parse_args()
    for name in a.sets.split(","):
        truth = density.SIMULATED[name](np.random.default_rng(99), 2_000_000)[0]
        found = {}
        with tempfile.TemporaryDirectory() as folder:
            for split in range(a.splits):
                about = fit(a, density.data_of(name, split, {})[0], folder)
                for candidate in about["candidates"]:
                    share = shares(a, candidate["name"], truth, folder)
                    for key in {candidate["name"], "chosen" if candidate["name"] == about["chosen"] else ""} - {""}:
                        found.setdefault(key, []).append(share)
                print(f"{name}, split {split}: {about['chosen']}, margins "
                      + ", ".join(c["margin"] for c in about["columns"]), flush=True)
        for key, values in found.items():
            v = 100 * np.array(values)
            print(f"{name}, {key}: beyond 99.9 %: {v.mean():.3f} %; by tail", v.mean(0).round(3), "±",
                  v.std(0).round(3))


if __name__ == "__main__":
    main()
