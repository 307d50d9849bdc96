#!/usr/bin/env python3
"""Tables of the study bench/plans/ex-post.ini: normal against g-and-k components, paired by seed.

usage: bench/ex_post.py FOLDER   (that of gkvae compare --plan bench/plans/ex-post.ini)

A cell is the mean Fréchet distance with normal components, an arrow, and that with g-and-k components. Below stands
their difference, g-and-k less normal, with its standard error over seeds.
"""
import json
import re
import statistics
import sys
from pathlib import Path


def distance(folder, model, seed):
    path = Path(folder) / f"{model}-{seed}" / "metrics.json"
    return json.loads(path.read_text())["frechet_lenet"] if path.exists() else None


def values_of(folder, pattern):
    """What the names of runs have in the group of the pattern, in numerical order."""
    found = (re.fullmatch(pattern, path.parent.name) for path in Path(folder).glob("*/metrics.json"))
    return sorted({match[1] for match in found if match}, key=float)


def mean_se(values):
    se = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return statistics.mean(values), se


def signed(mean, se):
    return f"{mean:+.2f} ± {se:.2f}".replace("-", "−")


def pairs_of(folder, net, components, seeds):
    """The distances of both kinds of components, of the seeds that have both."""
    normal, shaped = (f"{net}-{base}-mixture-{components}" for base in ("gaussian", "gk"))
    both = [(distance(folder, normal, s), distance(folder, shaped, s)) for s in seeds]
    return [pair for pair in both if None not in pair]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = sys.argv[1]
    betas = values_of(folder, r"beta-([\d.]+)-.*")
    latents = values_of(folder, r"beta-[\d.]+-(\d+)-.*")
    components = values_of(folder, r"beta-.*-mixture-(\d+)-\d+")
    seeds = values_of(folder, r"beta-.*-(\d+)")
    better = worse = 0
    for latent in latents:
        print(f"\n{latent} dimensions, {len(seeds)} seeds:\n")
        print("| β | N(0, I) | " + " | ".join(f"K = {k}" for k in components) + " |")
        print("|---|---|" + "---|" * len(components))
        for beta in betas:
            net = f"beta-{beta}-{latent}"
            plain = [d for d in (distance(folder, net, s) for s in seeds) if d is not None]
            row, differences = [], []
            for k in components:
                pairs = pairs_of(folder, net, k, seeds)
                if not pairs:
                    row.append("")
                    differences.append("")
                    continue
                mean, se = mean_se([b - a for a, b in pairs])
                better += mean < -2 * se
                worse += mean > 2 * se
                row.append(f"{statistics.mean(a for a, _ in pairs):.2f} → {statistics.mean(b for _, b in pairs):.2f}")
                differences.append(signed(mean, se))
            print(f"| {beta} | {statistics.mean(plain):.1f} | " + " | ".join(row) + " |" if plain else f"| {beta} |")
            print("| | | " + " | ".join(differences) + " |")
    print(f"\ng-and-k components are better by more than two standard errors in {better} cells, worse in {worse}.")


if __name__ == "__main__":
    main()
