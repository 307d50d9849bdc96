"""rv_continuous.fit by maximum likelihood: SciPy's arguments for the fits of `gkvae.fitting`."""
from __future__ import annotations

from typing import Any

import numpy as np

from . import distributions
from ._arrays import as_sample
from ._evaluate import FAMILIES, PARAMETERS
from .fitting import _fit_one


def _fixed_of_scipy(dist: Any, args: tuple, kwds: dict) -> tuple:
    """The fixed values and the starts of the shapes, loc and scale, by their names."""
    shapes = [shape.strip() for shape in dist.shapes.split(",")]
    if len(args) > len(shapes):
        raise TypeError("Too many input arguments.")
    start = dict(zip(shapes, args))
    fixed = {}
    kwds = dict(kwds)
    kwds.pop("method", None)
    for name in [key for key in ("loc", "scale") if key in kwds]:
        start[name] = kwds.pop(name)
    for index, shape in enumerate(shapes):
        keys = [key for key in (f"f{index}", f"f{shape}", f"fix_{shape}") if key in kwds]
        if len(keys) > 1:
            raise ValueError(f"fixed shape parameter {shape} is given by several names: {', '.join(keys)}")
        if keys and kwds[keys[0]] is not None:
            fixed[shape] = float(kwds[keys[0]])
        for key in keys:
            del kwds[key]
    for name in ("loc", "scale"):
        if kwds.get(f"f{name}") is not None:
            fixed[name] = float(kwds[f"f{name}"])
        kwds.pop(f"f{name}", None)
    if kwds:
        raise TypeError(f"Unknown arguments: {kwds}.")
    return shapes, fixed, start


def fit_of_scipy(dist: Any, data: Any, args: tuple, kwds: dict) -> tuple:
    """rv_continuous.fit by maximum likelihood."""
    shapes, fixed, start = _fixed_of_scipy(dist, args, kwds)
    c = fixed.pop("c", start.pop("c", distributions.C))
    family = dist.name if dist.name in FAMILIES else list(FAMILIES)[dist.family]
    last = shapes[1]
    names = {"loc": "A", "scale": "B", "g": "g", last: PARAMETERS[family][3]}
    if len(fixed) == 4:
        raise ValueError("All parameters fixed. There is nothing to optimize.")
    x = as_sample(np.ravel(data))
    result = _fit_one((x, None, None), family, "mle", c, {names[key]: value for key, value in fixed.items()} or None,
                      {names[key]: value for key, value in start.items()} or None, None, None, None, 0.95, None,
                      distance=False)
    a, b, g, k = result.params
    return (g, k, a, b) if len(shapes) == 2 else (g, k, c, a, b)


def start_of_scipy(dist: Any, data: Any) -> tuple:
    """A start for SciPy's own fits: the closed form in seven quantiles."""
    x = as_sample(np.ravel(data))
    family = list(FAMILIES)[dist.family]
    a, b, g, k = _fit_one((x, None, None), family, "octile", distributions.C, None, None, None, None, None, 0.95,
                          None).params
    return (g, k, a, b) if dist.numargs == 2 else (g, k, distributions.C, a, b)
