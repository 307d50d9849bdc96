#!/usr/bin/env python3
"""Times the Python package beside SciPy in one run, and prints a table of both and their ratios.

    bench/python_peers.py [NIST_DIR]

- density, quantiles and fits of gkvae.gk, beside families of scipy.stats of like difficulty (skewnorm, johnsonsu,
  genhyperbolic, levy_stable) and a g-and-k whose quantile function is inverted by brentq
- least squares beside scipy.optimize.least_squares: two problems, and with the folder of NIST's files (make nist) its
  problems of nonlinear regression
- the cost of a call

Medians of repeated calls, with one thread each. PYTHONPATH names the package (`make check-python` leaves it in
build/python/site), or it is installed (`make python`).
"""
import math
import re
import statistics
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from scipy import optimize, stats

import gkvae

warnings.simplefilter("ignore")


def seconds(function, most=1.0, least_runs=3):
    """The median time of a call, of as many calls as there are in `most` seconds."""
    times, begin = [], time.perf_counter()
    while len(times) < least_runs or time.perf_counter() - begin < most:
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
        if times[-1] > 5 * most:
            break
    return statistics.median(times)


def text(value):
    for unit, name in ((1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")):
        if value >= unit:
            return f"{value / unit:.3g} {name}"
    return f"{value:.2g} s"


def row(what, peer, ours, theirs):
    print(f"| {what} | {peer} | {text(ours)} | {text(theirs)} | {theirs / ours:.3g} |", flush=True)


def brentq_inverse(x, g, k, c=0.8):
    def quantile(z):
        return (1 + c * math.tanh(g * z / 2)) * z * (1 + z * z) ** k
    return np.array([optimize.brentq(lambda z: quantile(z) - v, -40, 40, xtol=1e-13) for v in x])


def brentq_logpdf(x, g, k, c=0.8):
    z = brentq_inverse(x, g, k, c)
    t = np.tanh(g * z / 2)
    slope = (1 + z * z) ** k * ((1 + c * t) * (1 + (2 * k + 1) * z * z) / (1 + z * z) + c * g * z / 2 * (1 - t * t))
    return stats.norm.logpdf(z) - np.log(slope)


FAMILIES = [("skewnorm", (4.0,), 10**5, 2000), ("johnsonsu", (0.3, 1.5), 10**5, 2000),
            ("genhyperbolic", (0.5, 1.5, -0.5), 10**5, 20), ("levy_stable", (1.8, 0.3), 200, 2)]


def distributions():
    g, k = 0.5, 0.2
    x = gkvae.gk.rvs(g, k, size=10**5, random_state=1)
    q = np.random.default_rng(1).random(10**5)
    log_pdf = seconds(lambda: gkvae.gk.logpdf(x, g, k)) / x.size
    ppf = seconds(lambda: gkvae.gk.ppf(q, g, k)) / q.size
    sample = x[:1000]
    fit = seconds(lambda: gkvae.gk.fit(sample))
    for name, shapes, n_pdf, n_ppf in FAMILIES:
        dist = getattr(stats, name)
        row("log density", name, log_pdf, seconds(lambda: dist.logpdf(x[:n_pdf], *shapes)) / n_pdf)
        row("quantile", name, ppf, seconds(lambda: dist.ppf(q[:n_ppf], *shapes)) / n_ppf)
        if name != "levy_stable":  # hours
            row("fit of 1000", name, fit, seconds(lambda: dist.fit(sample), least_runs=1))
    row("log density", "g-and-k by brentq", log_pdf, seconds(lambda: brentq_logpdf(x[:1000], g, k)) / 1000)

    def negative(v):
        if v[1] <= 0 or not -0.05 < v[3] < 3:
            return np.inf
        return -brentq_logpdf((small - v[0]) / v[1], v[2], v[3]).sum() + small.size * math.log(v[1])

    small = x[:100]
    row("fit of 100", "g-and-k by brentq, Nelder–Mead", seconds(lambda: gkvae.gk.fit(small)), seconds(
        lambda: optimize.minimize(negative, [0, 1, 0.1, 0.1], method="Nelder-Mead"), least_runs=1))


def both(what, fun, x0, jac="2-point"):
    ours = gkvae.least_squares(fun, x0, jac=jac)
    theirs = optimize.least_squares(fun, x0, jac=jac)
    worse = "" if theirs.cost <= ours.cost * (1 + 1e-6) + 1e-30 else ", which ends higher"
    row(f"least squares: {what}", f"least_squares{worse}", seconds(lambda: gkvae.least_squares(fun, x0, jac=jac), 0.5),
        seconds(lambda: optimize.least_squares(fun, x0, jac=jac), 0.5))


def least_squares():
    t = np.linspace(0, 10, 200)
    y = 3 * np.exp(-0.4 * t) + 0.5 + 0.05 * np.sin(9 * t)

    def decay(v):
        return v[0] * np.exp(-v[1] * t) + v[2] - y

    def decay_jacobian(v):
        e = np.exp(-v[1] * t)
        return np.stack([e, -v[0] * t * e, np.ones_like(t)], axis=1)

    both("Rosenbrock", lambda v: np.array([10 * (v[1] - v[0] ** 2), 1 - v[0]]), [-1.2, 1])
    both("decay, 200 points", decay, [1, 1, 0])
    both("the same with a Jacobian", decay, [1, 1, 0], decay_jacobian)
    rates = np.linspace(0.2, 1, 1000)
    data = 3 * np.exp(-rates[:, None] * t) + 0.5

    def many(v, index):
        return v[:, :1] * np.exp(-v[:, 1:2] * t) + v[:, 2:] - data[index]

    ours = seconds(lambda: gkvae.least_squares_many(many, np.tile([1.0, 1.0, 0.0], (1000, 1)))) / 1000
    row("each of 1000 decays", "a loop over least_squares", ours, seconds(lambda: [optimize.least_squares(
        lambda v: v[0] * np.exp(-v[1] * t) + v[2] - data[i], [1, 1, 0]) for i in range(50)], least_runs=1) / 50)


# NIST's models, by the name of their files.
NIST = {
    "Misra1a": lambda b, x: b[0] * (1 - np.exp(-b[1] * x)),
    "Chwirut2": lambda b, x: np.exp(-b[0] * x) / (b[1] + b[2] * x),
    "Lanczos3": lambda b, x: b[0] * np.exp(-b[1] * x) + b[2] * np.exp(-b[3] * x) + b[4] * np.exp(-b[5] * x),
    "DanWood": lambda b, x: b[0] * x ** b[1],
    "Hahn1": lambda b, x: (b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3) / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3),
    "MGH17": lambda b, x: b[0] + b[1] * np.exp(-x * b[3]) + b[2] * np.exp(-x * b[4]),
    "MGH10": lambda b, x: b[0] * np.exp(b[1] / (x + b[2])),
    "Thurber": lambda b, x: (b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3) / (
        1 + b[4] * x + b[5] * x**2 + b[6] * x**3),
    "MGH09": lambda b, x: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
    "Rat43": lambda b, x: b[0] / (1 + np.exp(b[1] - b[2] * x)) ** (1 / b[3]),
    "Bennett5": lambda b, x: b[0] * (b[1] + x) ** (-1 / b[2]),
    "BoxBOD": lambda b, x: b[0] * (1 - np.exp(-b[1] * x)),
}


def read_nist(path):
    lines = path.read_text(errors="replace").splitlines()
    starts, certified, data = [[], []], [], []
    for line in lines[:60]:
        found = re.match(r"\s*b\d+\s*=\s*(.*)", line)
        if found:
            numbers = [float(word) for word in found.group(1).split()]
            starts[0].append(numbers[0])
            starts[1].append(numbers[1])
            certified.append(numbers[2])
    for line in lines[60:]:
        words = line.split()
        if len(words) == 2:
            data.append([float(word) for word in words])
    y, x = np.array(data).T
    return starts, np.array(certified), x, y


def nist(folder):
    """Our defaults are accurate to the last digits; with tolerances of 1e-8 as SciPy's they are compared in time."""
    digits, spent = {"gkvae": [], "gkvae, 1e-8": [], "SciPy": []}, {}
    for name, model in NIST.items():
        starts, certified, x, y = read_nist(Path(folder) / f"{name}.dat")
        for number, start in enumerate(starts):
            def fun(b):
                return model(b, x) - y
            solvers = {"gkvae": gkvae.least_squares,
                       "gkvae, 1e-8": lambda f, s: gkvae.least_squares(f, s, ftol=1e-8, xtol=1e-8, gtol=1e-8),
                       "SciPy": lambda f, s: optimize.least_squares(f, s, method="trf")}
            times = {}
            for solver, solve in solvers.items():
                try:
                    found = solve(fun, start).x
                    error = np.max(np.abs(found - certified) / np.abs(certified))
                    digits[solver].append(min(11.0, -math.log10(error)) if error > 0 else 11.0)
                    times[solver] = seconds(lambda: solve(fun, start), 0.2)
                except ValueError:
                    digits[solver].append(0.0)
            if len(times) == 3:
                for solver, time_of in times.items():
                    spent[solver] = spent.get(solver, 0) + math.log(time_of / times["SciPy"])
                row(f"NIST {name}, start {number + 1}: {digits['gkvae'][-1]:.1f} digits",
                    f"least_squares: {max(0, digits['SciPy'][-1]):.1f} digits", times["gkvae"],
                    times["SciPy"])
    for solver, found in digits.items():
        print(f"\n{solver}: {sum(d >= 4 for d in found)} of {len(found)} with 4 digits and more, "
              f"{sum(d >= 8 for d in found)} with 8; {math.exp(spent[solver] / len(found)):.2f} of SciPy's time")


def calls():
    value = gkvae._library.libgk.gkv_flat_gk_value
    inside = seconds(lambda: [value(0, 1, 0.3, 0.0, 1.0, 0.5, 0.2, 0.8) for _ in range(1000)], 0.3) / 1000
    empty = seconds(lambda: [value(0, 99, 0.3, 0.0, 1.0, 0.5, 0.2, 0.8) for _ in range(1000)], 0.3) / 1000
    scalar = seconds(lambda: [gkvae.gk.logpdf(0.3, 0.5, 0.2) for _ in range(1000)], 0.3) / 1000
    row("gk.logpdf of a number", "norm.logpdf", scalar, seconds(lambda: stats.norm.logpdf(0.3), 0.3))
    x = gkvae.gk.rvs(0.5, 0.2, size=10**6, random_state=1)
    out, one = np.empty_like(x), [np.array([v]) for v in (0.0, 1.0, 0.5, 0.2, 0.8)]
    arguments = [word for v in one for word in (1, v.ctypes.data)]

    def in_c():
        gkvae._library.libgk.gkv_flat_gk_evaluate(0, 1, False, x.size, x.ctypes.data, *arguments, out.ctypes.data)

    row("gk.logpdf of 10⁶ numbers", "the C function alone", seconds(lambda: gkvae.gk.logpdf(x, 0.5, 0.2)),
        seconds(in_c))
    print(f"\nthe cost of a call with numbers beside C: {text(scalar - (inside - empty))}")


if __name__ == "__main__":
    import gkvae._library  # noqa: F401
    print("| what | beside | gkvae | the other | ratio |\n|---|---|---|---|---|")
    distributions()
    least_squares()
    if len(sys.argv) > 1:
        nist(sys.argv[1])
    calls()
