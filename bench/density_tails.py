#!/usr/bin/env python3
"""The probability beyond predicted 99.9 % quantiles of gkvae density, under the truth of the simulated sets.

bench/density_tails.py GKVAE [--splits N] [--sets NAME,...] [--candidates NAME,...] [--margin KIND] [--oracle]

Each split is a fit to 1500 rows, as in density.py. Quantiles come from 400,000 draws of the fit, and the probabilities
beyond them from 2 million draws of the truth. For each candidate and for the chosen one the first line is the mean over
splits, columns and both tails; the root mean square of the relative error of a tail's probability; and how often the
number of values beyond, in 4000 other rows, is within the 95 % binomial interval, as density.py counts it. The second
line has the mean and the standard deviation of each tail (lower tails of all columns, then upper ones).

--oracle adds two: `truth` has the true quantiles, which shows what the interval, for independent values, is worth for
columns that depend on each other; `oracle` knows the families of the true distribution, and has their parameters by
maximum likelihood from the same 1500 rows. GKVAE may be "none": the oracle alone. Needs numpy, scipy and, for the set
"mixture", scikit-learn. docs/density.md has the figures."""
import argparse, importlib.util, json, os, subprocess, tempfile
import numpy as np
from scipy import optimize, stats

spec = importlib.util.spec_from_file_location("density", os.path.join(os.path.dirname(__file__), "density.py"))
density = importlib.util.module_from_spec(spec)
spec.loader.exec_module(density)
LEVELS = np.array([0.001, 0.999])


def fit(a, rows, folder):
    np.save(os.path.join(folder, "rows.npy"), rows)
    subprocess.run([a.program, "density", "fit", os.path.join(folder, "rows.npy"), "--out", os.path.join(folder, "run"),
                    "--overwrite", "--quiet", "--no-page", "--resolution", "none", "--threads", "1", "--candidates",
                    a.candidates, "--margin", a.margin], check=True, capture_output=True)
    with open(os.path.join(folder, "run", "density.json")) as file:
        return json.load(file)


def quantiles_of(candidate, folder):
    out = os.path.join(folder, "draws.npy")
    subprocess.run([a.program, "density", "sample", os.path.join(folder, "run"), "-n", "400000", "--candidate",
                    candidate, "--out", out, "--threads", "1"], check=True)
    return np.quantile(np.load(out), LEVELS, axis=0)


# --- Maximum likelihood of the true families: the quantiles [2 × columns]

def most_likely(log_density, start):
    """The maximum of a log likelihood, from the true parameters."""
    def lost(p):
        with np.errstate(all="ignore"):
            value = -np.sum(log_density(p))
        return value if np.isfinite(value) else 1e10
    options = {"maxiter": 4000, "xatol": 1e-4, "fatol": 1e-4}
    return optimize.minimize(lost, start, method="Nelder-Mead", options=options).x


def two_piece(x, nu, gamma):
    p = most_likely(lambda p: density.two_piece_t(np.exp(p[2]), np.exp(p[3]))[1]((x - p[0]) / np.exp(p[1])) - p[1],
                    [0, 0, np.log(nu), np.log(gamma)])
    return p[0] + np.exp(p[1]) * density.two_piece_t(np.exp(p[2]), np.exp(p[3]))[0](LEVELS)


def student(x, nu):
    p = most_likely(lambda p: stats.t.logpdf((x - p[0]) / np.exp(p[1]), np.exp(p[2])) - p[1], [0, 0, np.log(nu)])
    return p[0] + np.exp(p[1]) * stats.t.ppf(LEVELS, np.exp(p[2])), p


def gk(x, g, k):
    """A grid of scores inverts the quantile function."""
    z = np.linspace(-7, 7, 20001)

    def parts(p):
        t, q = np.tanh(p[2] * z / 2), (1 + z * z) ** p[3]
        slope = 0.4 * p[2] * (1 - t * t) * z * q + (1 + 0.8 * t) * q * (1 + 2 * p[3] * z * z / (1 + z * z))
        return p[0] + np.exp(p[1]) * (1 + 0.8 * t) * z * q, np.exp(p[1]) * slope

    def log_density(p):
        values, slope = parts(p)
        if (slope <= 0).any():
            return -np.inf
        score = np.interp(x, values, z)
        return stats.norm.logpdf(score) - np.log(np.interp(score, z, slope))
    return np.interp(stats.norm.ppf(LEVELS), z, parts(most_likely(log_density, [0, 0, g, k]))[0])


def oracle_lognormal_skew_t(x):
    y = np.log(x[:, 0])
    return [np.exp(y.mean() + y.std() * stats.norm.ppf(LEVELS)), two_piece(x[:, 1], 4, 1.8), two_piece(x[:, 2], 6, 0.7)]


def oracle_clayton(x):
    p = most_likely(lambda p: stats.gamma.logpdf(x[:, 2], np.exp(p[0]), scale=np.exp(p[1])), [np.log(3), 0])
    return [x[:, 0].mean() + x[:, 0].std() * stats.norm.ppf(LEVELS), student(x[:, 1], 4)[0],
            stats.gamma.ppf(LEVELS, np.exp(p[0]), scale=np.exp(p[1]))]


def oracle_g_and_k(x):
    return [gk(x[:, j], g, k) for j, (g, k) in enumerate(zip([0.5, -0.8, 0.0, 1.2], [0.1, 0.2, 0.35, 0.05]))]


def oracle_banana(x):
    first, p = student(x[:, 0], 5)
    square = x[:, 0] ** 2
    q = most_likely(lambda q: stats.t.logpdf((x[:, 1] - q[0] - q[1] * square) / np.exp(q[2]), np.exp(q[3])) - q[2],
                    [0, 0.5, np.log(0.5), np.log(5)])
    rng = np.random.default_rng(5)
    a = p[0] + np.exp(p[1]) * rng.standard_t(np.exp(p[2]), 1_000_000)
    return [first, np.quantile(q[0] + q[1] * a * a + np.exp(q[2]) * rng.standard_t(np.exp(q[3]), len(a)), LEVELS)]


def oracle_mixture(x):
    from sklearn.mixture import GaussianMixture
    found = GaussianMixture(3, n_init=3, random_state=0).fit(x)
    sd = np.sqrt(np.array([np.diag(c) for c in found.covariances_]))
    return [[optimize.brentq(lambda v: found.weights_ @ stats.norm.cdf((v - found.means_[:, j]) / sd[:, j]) - level,
                             -50, 50) for level in LEVELS] for j in range(x.shape[1])]


ORACLES = {"lognormal/skew-t": oracle_lognormal_skew_t, "Clayton": oracle_clayton, "g-and-k": oracle_g_and_k,
           "banana": oracle_banana, "mixture": oracle_mixture}

# --- Results


def measure(truth, quantiles):
    """The probabilities beyond [columns of the lower tails, then of the upper ones], and how often the number of values
    beyond is within its interval, over parts of the truth that are as large as the tests of density.py."""
    low, high = quantiles
    beyond = np.concatenate([truth < low, truth > high], axis=1)
    tests = len(truth) // density.N_TEST
    counts = beyond[:tests * density.N_TEST].reshape(tests, -1).sum(1)
    ends = stats.binom.ppf([0.025, 0.975], density.N_TEST * beyond.shape[1], 0.001)
    return beyond.mean(0), ((counts >= ends[0]) & (counts <= ends[1])).mean()


def show(name, key, found):
    v = 100 * np.array([share for share, _ in found])
    error, within = np.sqrt(((v / 0.1 - 1) ** 2).mean()), 100 * np.mean([within for _, within in found])
    print(f"{name}, {key}: beyond 99.9 %: {v.mean():.3f} %, error of a tail {error:.2f}, "
          f"within the interval in {within:.0f} %\n    by tail",
          v.mean(0).round(3), "±", v.std(0).round(3), flush=True)


def main():
    for name in a.sets.split(","):
        truth = density.SIMULATED[name](np.random.default_rng(99), 2_000_000)[0]
        found, chosen = {}, []
        if a.oracle:
            found["truth"] = [measure(truth, np.quantile(truth, LEVELS, axis=0))]
        with tempfile.TemporaryDirectory() as folder:
            for split in range(a.splits):
                rows = density.data_of(name, split, {})[0]
                if a.oracle:
                    found.setdefault("oracle", []).append(measure(truth, np.array(ORACLES[name](rows)).T))
                if a.program == "none":
                    continue
                about = fit(a, rows, folder)
                chosen.append((about["chosen"], ", ".join(c["margin"] for c in about["columns"])))
                for candidate in about["candidates"]:
                    one = measure(truth, quantiles_of(candidate["name"], folder))
                    for key in {candidate["name"], "chosen" if candidate["name"] == about["chosen"] else ""} - {""}:
                        found.setdefault(key, []).append(one)
        for key, values in found.items():
            show(name, key, values)
        for kind in sorted(set(chosen)):
            print(f"    {chosen.count(kind)} fits: {kind[0]}, margins {kind[1]}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--sets", default="lognormal/skew-t,Clayton,banana")
    parser.add_argument("--candidates", default="t-copula,normal-mixture,gk-mixture")
    parser.add_argument("--margin", default="auto")
    parser.add_argument("--oracle", action="store_true")
    a = parser.parse_args()
    main()
