#!/usr/bin/env python3
"""Draws from a model, made a second time from its file and docs/model.md alone.

Needs NumPy, and check_model.py beside it. Takes what the program has drawn with seed 1 into a folder,

    gkvae encode MODEL --what prior     --count N --out FOLDER/prior.npy
    gkvae encode MODEL --what prior-eps --count N --out FOLDER/prior-eps.npy
    gkvae sample MODEL              --first F -n N --npy FOLDER/means.npy
    gkvae sample MODEL --form draws --first F -n N --npy FOLDER/draws.npy        (not of grey levels)
    gkvae sample MODEL --class Y    --first F -n N --npy FOLDER/class-Y.npy      (of a base by class)

draws the same from the counter-based generator, and compares. means.idx and draws.idx, which --idx
of the same calls writes, must be these arrays rounded to bytes.

    python3 tests/numpy/check_draws.py MODEL.safetensors FOLDER --first F
"""

import argparse
import glob
import math
import os
import re
import sys

import numpy as np

sys.dont_write_bytecode = True  # nothing into the source folder
from check_model import Model, gk_quantile, normals, read_images, sigmoid, words
from prior_flows import generate_layer, layers_of

TOLERANCE = 1e-4  # of codes, beside 1 + their size; and of probabilities
SEED = 1          # of gkvae sample and gkvae encode --what prior, unless they are given one
STREAM_SAMPLE, STREAM_PIXELS = 8, 16  # places in the counter, by purpose
STEP_SCORES, STEP_COMPONENT = 0, 1    # of the first of them


def uniforms(n, index, step, stream, seed):
    """Doubles on (0, 1): the middles of 2^52 cells, from two words each."""
    drawn = words(2 * n, index, step, stream, seed)
    high, low = drawn[..., 0::2], drawn[..., 1::2]
    return ((high << np.uint64(20) | low >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def student_score(w, nu):
    """t with F_ν(t) = Φ(w): bisection in θ, t = √ν·tan θ, of ∫cos^(ν−1) over its place."""
    node, weight = np.polynomial.legendre.leggauss(100)
    front = math.exp(math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2)) / math.sqrt(math.pi)
    target = np.array([math.erf(abs(x) / math.sqrt(2)) / 2 for x in w])
    low, high = np.zeros_like(w), np.full_like(w, np.pi / 2)
    for _ in range(60):
        middle = (low + high) / 2
        places = middle[:, None] * (node + 1) / 2
        below = front * middle / 2 * (np.cos(places) ** (nu - 1) @ weight)
        low, high = np.where(below < target, middle, low), np.where(below < target, high, middle)
    return np.sign(w) * math.sqrt(nu) * np.tan(low)


def components(model, choice, which):
    """The component of each draw: of all, or of class `which` alone."""
    logits = model.tensors["prior.base.logits"]
    weights = np.exp(logits - logits.max())
    weights /= weights.sum()
    own = np.arange(len(weights))
    if which is not None:
        own = own.reshape(int(model.option("base_classes")), -1)[which]
    reached = np.cumsum(weights[own])
    return own[np.minimum((reached < choice[:, None] * reached[-1]).sum(1), len(own) - 1)]


def base_draws(model, w, choice, which):
    """ε from normals w[n, d] and uniforms choice[n]."""
    base = {name.removeprefix("prior.base."): t for name, t in model.tensors.items() if name.startswith("prior.base.")}
    if model.option("base") == "student-t":
        scores = [student_score(w[:, j], math.exp(f)) for j, f in enumerate(base["log_freedom"])]
        return base["location"] + base["scale"] * np.stack(scores, 1)
    if "logits" in base:
        chosen = components(model, choice, which)
        if "whitening" in base:  # the row ζ with ζW = w
            upper = base["whitening"].reshape(-1, model.d, model.d)[chosen]
            zeta = np.zeros_like(w)
            for j in range(model.d):
                zeta[:, j] = (w[:, j] - (zeta[:, :j] * upper[:, :j, j]).sum(1)) / upper[:, j, j]
            w = zeta
        base = {name: base[name][chosen] for name in ("location", "scale", "g", "k") if name in base}
    if "cholesky" in base:
        w = w @ base["cholesky"].T
    if "g" in base:
        w = gk_quantile(w, base["g"], base["k"])
    return base["location"] + base["scale"] * w if "scale" in base else w


def generate(model, eps):
    """z = h(ε): the layers from the last to the first."""
    z = eps
    for layer in reversed(range(layers_of(model))):
        z = generate_layer(model, layer, z)
    return z


def prior_draws(model, number, which=None):
    """ε and z of the draws of these numbers."""
    w = normals(model.d, number, STEP_SCORES, STREAM_SAMPLE, SEED)
    choice = uniforms(1, number, STEP_COMPONENT, STREAM_SAMPLE, SEED)[:, 0]
    eps = base_draws(model, w, choice, which)
    return eps, generate(model, eps)


def load(folder, name, width):
    array = np.load(os.path.join(folder, name))
    if array.dtype != np.float32 or array.ndim != 2 or array.shape[1] != width:
        raise SystemExit(f"{name}: {array.dtype} {array.shape}, not float32 of {width} columns")
    return array


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("folder")
    parser.add_argument("--first", type=int, default=0, help="the number of the images' first draw")
    arguments = parser.parse_args()
    model = Model(arguments.model)
    pixels = int(model.settings["image.height"]) * int(model.settings["image.width"])
    worst = {}

    for place, name in enumerate(("prior-eps", "prior")):
        theirs = load(arguments.folder, name + ".npy", model.d)
        ours = prior_draws(model, np.arange(len(theirs)))[place]
        worst[name] = (abs(ours - theirs) / (1 + abs(ours))).max()
    names = [os.path.basename(path) for path in sorted(glob.glob(os.path.join(arguments.folder, "class-*.npy")))]
    for name in ["means.npy"] + names:
        theirs = load(arguments.folder, name, pixels)
        which = re.fullmatch(r"class-(\d+)\.npy", name)
        number = arguments.first + np.arange(len(theirs))
        ours = sigmoid(model.decode(prior_draws(model, number, int(which[1]) if which else None)[1]))
        worst[name] = abs(ours - theirs).max()
    if model.settings["data.binarization"] != "grey":
        means, theirs = (load(arguments.folder, name, pixels) for name in ("means.npy", "draws.npy"))
        drawn = words(pixels, arguments.first + np.arange(len(means)), 0, STREAM_PIXELS, SEED)
        worst["draws.npy"] = abs((drawn < means.astype(np.float64) * 2.0**32) - theirs).max()  # exact
        # Means of the draws of all images and pixels, within five standard errors.
        error = (theirs - means).sum() / math.sqrt((means * (1 - means.astype(np.float64))).sum())
        worst["draws against means"] = 0 if abs(error) < 5 else abs(error)

    for form in ("means", "draws"):
        path = os.path.join(arguments.folder, form + ".idx")
        if os.path.exists(path):
            rounded = np.rint(np.float32(255) * load(arguments.folder, form + ".npy", pixels))  # halves to even
            worst[form + ".idx"] = abs(rounded - read_images(path)).max()

    print("  draws: " + ", ".join(f"{name} {error:.1e}" for name, error in worst.items()))
    if not all(error <= TOLERANCE for error in worst.values()):
        print(f"  FAILED: more than {TOLERANCE:g}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
