#!/usr/bin/env python3
"""Densities of tables: gkvae density against scikit-learn's GaussianMixture (BIC) and KernelDensity.

bench/density.py GKVAE [--splits N] [--sets NAME,...] [--out FILE.json] [--csv FOLDER]

Five simulated sets have a true density; the others are tables of R and of scikit-learn, and every CSV file of FOLDER.
A quarter of the rows of a real set is for the test; a simulated set has 1500 rows and 4000 for the test. Rounded
columns are spread over their intervals first, for all models alike. The results are mean log densities of test rows.
Needs numpy, scipy, scikit-learn and Rscript. Prints the tables of docs/density.md."""
import argparse, io, json, os, subprocess, sys, tempfile, time
import numpy as np
from scipy import stats

CANDIDATES = ["t-copula", "normal-mixture", "gk-mixture", "flow"]
N, N_TEST = 1500, 4000


# --- Simulated sets: rows, and their true log density

def correlation(d, r):
    return np.full((d, d), r) + (1 - r) * np.eye(d)


def two_piece_t(nu, gamma):
    """Fernández and Steel (1998): a t whose halves are stretched by gamma and 1/gamma."""
    below = 1 / (1 + gamma ** 2)

    def ppf(u):
        return np.where(u < below, stats.t.ppf(u / below / 2, nu) / gamma,
                        gamma * stats.t.ppf(0.5 + (u - below) / (1 - below) / 2, nu))

    def logpdf(x):
        return np.log(2 / (gamma + 1 / gamma)) + stats.t.logpdf(np.where(x < 0, x * gamma, x / gamma), nu)
    return ppf, logpdf


def normal_copula(rng, n, r, margins):
    z = rng.multivariate_normal(np.zeros(len(margins)), r, n)
    x = np.column_stack([ppf(stats.norm.cdf(z[:, j])) for j, (ppf, _) in enumerate(margins)])
    log_density = stats.multivariate_normal(np.zeros(len(margins)), r).logpdf(z) - stats.norm.logpdf(z).sum(1)
    return x, log_density + sum(logpdf(x[:, j]) for j, (_, logpdf) in enumerate(margins))


def lognormal_skew_t(rng, n):
    lognormal = (stats.lognorm(0.8).ppf, stats.lognorm(0.8).logpdf)
    return normal_copula(rng, n, correlation(3, 0.5), [lognormal, two_piece_t(4, 1.8), two_piece_t(6, 0.7)])


def clayton(rng, n, theta=2.0):
    margins = [stats.norm(), stats.t(4), stats.gamma(3)]
    v = rng.gamma(1 / theta, size=(n, 1))
    u = (1 + rng.exponential(size=(n, 3)) / v) ** (-1 / theta)
    s = (u ** -theta).sum(1) - 2
    log_density = np.log1p(theta) + np.log1p(2 * theta) - (theta + 1) * np.log(u).sum(1) - (1 / theta + 3) * np.log(s)
    x = np.column_stack([m.ppf(u[:, j]) for j, m in enumerate(margins)])
    return x, log_density + sum(m.logpdf(x[:, j]) for j, m in enumerate(margins))


def g_and_k(rng, n):
    r = correlation(4, 0.4)
    z = rng.multivariate_normal(np.zeros(4), r, n)
    g, k = np.array([0.5, -0.8, 0.0, 1.2]), np.array([0.1, 0.2, 0.35, 0.05])
    t, q = np.tanh(g * z / 2), (1 + z * z) ** k
    slope = 0.4 * g * (1 - t * t) * z * q + (1 + 0.8 * t) * q * (1 + 2 * k * z * z / (1 + z * z))
    return (1 + 0.8 * t) * z * q, stats.multivariate_normal(np.zeros(4), r).logpdf(z) - np.log(slope).sum(1)


def banana(rng, n):
    a, b = rng.standard_t(5, n), rng.standard_t(5, n)
    return (np.column_stack([a, 0.5 * a * a + 0.5 * b]),
            stats.t.logpdf(a, 5) + stats.t.logpdf(b, 5) - np.log(0.5))


def mixture(rng, n):
    means = np.array([[0, 0, 0, 0], [4, 1, -2, 0], [0, 5, 2, 3]])
    covariances = [correlation(4, 0.6), 0.5 * correlation(4, -0.2), np.diag([1, 0.3, 2, 0.5])]
    weights = np.array([0.5, 0.3, 0.2])
    which = rng.choice(3, n, p=weights)
    x = np.array([rng.multivariate_normal(means[c], covariances[c]) for c in which])
    parts = [np.log(w) + stats.multivariate_normal(m, c).logpdf(x) for w, m, c in zip(weights, means, covariances)]
    return x, np.logaddexp.reduce(parts, axis=0)


SIMULATED = {"lognormal/skew-t": lognormal_skew_t, "Clayton": clayton, "g-and-k": g_and_k, "banana": banana,
             "mixture": mixture}

# --- Tables of R and of scikit-learn

R_TABLES = {
    "quakes": "quakes",
    "EuStockMarkets": "apply(log(as.matrix(EuStockMarkets)), 2, diff) * 100",
    "faithful": "faithful",
    "airquality": "na.omit(airquality)[, 1:4]",
    "iris": "iris[, 1:4]",
}


def spread(x, rng):
    """Values that are multiples of a power of ten, with ties, are spread over their intervals."""
    x = x.astype(float).copy()
    for j in range(x.shape[1]):
        column = x[:, j]
        if len(np.unique(column)) > 0.95 * len(column):
            continue
        for digits in range(-3, 7):
            h = 10.0 ** -digits
            if np.allclose(column / h, np.round(column / h), atol=1e-6):
                x[:, j] += h * (rng.random(len(column)) - 0.5)
                break
    return x


def real_sets(folder):
    sets = {}
    for name, expression in R_TABLES.items():
        text = subprocess.run(["Rscript", "-e", f"write.csv({expression}, stdout(), row.names = FALSE)"], check=True,
                              capture_output=True, text=True).stdout
        sets[name] = np.genfromtxt(io.StringIO(text), delimiter=",", skip_header=1)
    from sklearn import datasets
    sets["breast cancer"] = datasets.load_breast_cancer().data[:, :5]
    sets["wine"] = datasets.load_wine().data[:, [0, 1, 4, 6, 9, 12]]
    sets["diabetes"] = datasets.load_diabetes(scaled=False).data[:, [2, 3, 4, 6, 8, 9]]
    for name in sorted(os.listdir(folder)) if folder else []:
        if name.endswith(".csv"):
            x = np.genfromtxt(os.path.join(folder, name), delimiter=",", skip_header=1)
            sets[name[:-4]] = x[np.isfinite(x).all(1)]
    return sets


def data_of(name, split, tables):
    """Training rows, test rows and, of a simulated set, the true log densities of the test rows."""
    rng = np.random.default_rng([split, len(name), sum(map(ord, name))])
    if name in SIMULATED:
        x, truth = SIMULATED[name](rng, N + N_TEST)
        return x[:N], x[N:], truth[N:]
    x = spread(tables[name], rng)
    order = rng.permutation(len(x))
    n_test = len(x) // 4
    return x[order[n_test:]], x[order[:n_test]], None


# --- Models: log densities of the test rows

def gkvae(program, train, test, folder, threads):
    run = os.path.join(folder, "run")
    np.save(os.path.join(folder, "train.npy"), train)
    np.save(os.path.join(folder, "test.npy"), test)
    subprocess.run([program, "density", "fit", os.path.join(folder, "train.npy"), "--out", run, "--overwrite",
                    "--quiet", "--no-page", "--resolution", "none", "--threads", str(threads)], check=True,
                   capture_output=True)
    with open(os.path.join(run, "density.json")) as file:
        about = json.load(file)
    scores = {}
    for c in about["candidates"]:
        out = os.path.join(folder, "log.npy")
        subprocess.run([program, "density", "log-density", run, os.path.join(folder, "test.npy"), "--candidate",
                        c["name"], "--out", out, "--quiet", "--threads", str(threads)], check=True)
        scores[c["name"]] = np.load(out)[:, 0]
    return scores, about


def tails(program, run, test, folder):
    """The shares of test values beyond the predicted 99.9 % quantiles of both tails, by draws."""
    out = os.path.join(folder, "draws.npy")
    subprocess.run([program, "density", "sample", run, "-n", "200000", "--out", out, "--threads", "1"], check=True)
    draws = np.load(out)
    low, high = np.quantile(draws, [0.001, 0.999], axis=0)
    return int(((test < low) | (test > high)).sum()), 2 * test.size


def gaussian_mixture(train, test):
    from sklearn.mixture import GaussianMixture
    mean, sd = train.mean(0), train.std(0)
    z = (train - mean) / sd
    fits = [GaussianMixture(k, n_init=3, random_state=0, reg_covar=1e-5).fit(z) for k in range(1, 11)]
    best = min(fits, key=lambda fit: fit.bic(z))
    return best.score_samples((test - mean) / sd) - np.log(sd).sum()


def kernel_density(train, test):
    from sklearn.model_selection import GridSearchCV
    from sklearn.neighbors import KernelDensity
    mean, sd = train.mean(0), train.std(0)
    search = GridSearchCV(KernelDensity(), {"bandwidth": np.geomspace(0.05, 1, 12)}, cv=5)
    search.fit((train - mean) / sd)
    return search.best_estimator_.score_samples((test - mean) / sd) - np.log(sd).sum()


# --- Results

MODELS = ["chosen"] + CANDIDATES + ["GaussianMixture", "KernelDensity"]


def summarise(results):
    names = list(dict.fromkeys(r["set"] for r in results))
    rows = []
    for name in names:
        runs = [r for r in results if r["set"] == name]
        mean = {m: np.mean([r["mean"][m] for r in runs]) for m in MODELS if all(m in r["mean"] for r in runs)}
        best = max(mean, key=mean.get)
        gain = [r["mean"]["chosen"] - max(r["mean"]["GaussianMixture"], r["mean"]["KernelDensity"]) for r in runs]
        count = len(gain)
        half = stats.t.ppf(0.975, count - 1) * np.std(gain, ddof=1) / np.sqrt(count) if count > 1 else np.nan
        single = max(mean[c] for c in CANDIDATES if c in mean)
        rows.append({"set": name, "splits": count, "mean": mean, "best": best, "regret": mean[best] - mean["chosen"],
                     "regret_single": single - mean["chosen"], "gain": np.mean(gain), "half": half,
                     "lowest": min(r["lowest"] for r in runs), "runs": runs})
    return rows


def print_tables(results):
    rows = summarise(results)
    print("| set | splits | " + " | ".join(MODELS) + " | regret | chosen less scikit-learn's better |")
    print("|---|---|" + "---|" * (len(MODELS) + 2))
    for r in rows:
        cells = [f"{r['mean'][m]:.3f}" if m in r["mean"] else "–" for m in MODELS]
        cells = [f"**{c}**" if m == r["best"] else c for m, c in zip(MODELS, cells)]
        print(f"| {r['set']} | {r['splits']} | " + " | ".join(cells) +
              f" | {r['regret']:.3f} | {r['gain']:+.3f} ± {r['half']:.3f} |")
    print(f"\nmean regret over {len(rows)} sets: {np.mean([r['regret'] for r in rows]):.4f}; of single rows:",
          ", ".join(f"{m} {np.mean([max(r['mean'].values()) - r['mean'].get(m, np.nan) for r in rows]):.3f}"
                    for m in MODELS[1:]))
    simulated = [r for r in rows if r["set"] in SIMULATED]
    if simulated:
        print("simulated sets, regret to the best single candidate:",
              ", ".join(f"{r['set']} {r['regret_single']:.4f}" for r in simulated))
        for r in simulated:
            beyond, of = sum(x["beyond"][0] for x in r["runs"]), sum(x["beyond"][1] for x in r["runs"])
            low, high = stats.binom.ppf([0.025, 0.975], of, 0.001) / of
            bad = sum(x["below"] for x in r["runs"])
            lost = np.mean([x["truth"] - x["mean"]["chosen"] for x in r["runs"]])
            print(f"  {r['set']}: truth less chosen {lost:.3f}; beyond 99.9 %: {100 * beyond / of:.3f} % "
                  f"(interval of 0.1 %: {100 * low:.3f} … {100 * high:.3f}); rows below −50 where the truth is above "
                  f"−30: {bad}; lowest {r['lowest']:.1f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--sets", default="")
    parser.add_argument("--csv", default="")
    parser.add_argument("--out", default="")
    parser.add_argument("--threads", type=int, default=1)
    a = parser.parse_args()
    tables = real_sets(a.csv)
    names = a.sets.split(",") if a.sets else list(SIMULATED) + list(tables)
    results = []
    if a.out and os.path.exists(a.out):
        with open(a.out) as file:
            results = json.load(file)
    done = {(r["set"], r["split"]) for r in results}
    with tempfile.TemporaryDirectory() as folder:
        for split in range(a.first, a.splits):
            for name in names:
                if (name, split) in done:
                    continue
                train, test, truth = data_of(name, split, tables)
                start = time.time()
                scores, about = gkvae(a.program, train, test, folder, a.threads)
                seconds = time.time() - start
                scores["chosen"] = scores[about["chosen"]]
                result = {"set": name, "split": split, "n": len(train), "d": train.shape[1],
                          "chosen": about["chosen"], "seconds": seconds, "lowest": float(scores["chosen"].min()),
                          "margins": [c["margin"] for c in about["columns"]],
                          "margin_held_out": [c["held_out"] for c in about["columns"]]}
                scores["GaussianMixture"] = gaussian_mixture(train, test)
                scores["KernelDensity"] = kernel_density(train, test)
                result["mean"] = {m: float(s.mean()) for m, s in scores.items()}
                if truth is not None:
                    result["truth"] = float(truth.mean())
                    result["below"] = int(((scores["chosen"] < -50) & (truth > -30)).sum())
                    result["beyond"] = tails(a.program, os.path.join(folder, "run"), test, folder)
                results.append(result)
                print(f"split {split} {name}: {about['chosen']} {result['mean']['chosen']:.3f}, {seconds:.1f} s",
                      file=sys.stderr, flush=True)
                if a.out:
                    with open(a.out + ".new", "w") as file:
                        json.dump(results, file, indent=1)
                    os.replace(a.out + ".new", a.out)
    print_tables(results)


if __name__ == "__main__":
    main()
