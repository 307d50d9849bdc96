"""The arguments of fits as settings of C, and the call of C that all fits share."""
from __future__ import annotations

from typing import Any, Mapping, Optional

import numpy as np

from ._arrays import address, as_index
from ._calls import Call, Options, threads_of
from ._evaluate import FAMILIES, METHODS, PARAMETERS
from ._library import libgk, names, settings as flat_settings

NUMBERS = names("fit")


def choice(value: str, choices: Mapping[str, int], name: str) -> int:
    try:
        return choices[value]
    except (KeyError, TypeError):
        raise ValueError(f"{name} = {value!r}: give one of {', '.join(map(repr, choices))}") from None


def vector_of(values: Any, family: str, name: str, missing: float) -> Optional[np.ndarray]:
    """Numbers of A, B, g, k from a mapping, or from four numbers in which None is missing."""
    if values is None:
        return None
    names = PARAMETERS[family][:4]
    if isinstance(values, Mapping):
        unknown = [key for key in values if key not in names]
        if unknown:
            raise ValueError(f"{name} has {unknown[0]!r}; the parameters are {', '.join(names)}")
        values = [values.get(key) for key in names]
    values = [missing if value is None else float(value) for value in values]
    if len(values) != 4:
        raise ValueError(f"{name} has {len(values)} numbers; give those of {', '.join(names)}, None for no number")
    return np.array(values, float)


def fit_settings(family: str, method: str, c: float, fixed: Any, start: Any, bounds: Any, resolution: Any,
              levels: Optional[int], free_c: bool = False) -> dict:
    """The settings that all fits share, checked, by their names in C."""
    choice(family, FAMILIES, "family")
    choice(method, METHODS, "method")
    if resolution is not None and resolution != "auto" and not (
            not isinstance(resolution, str) and 0 <= float(resolution) < np.inf):
        raise ValueError(f'resolution = {resolution!r}: give the unit of rounded values, None, or "auto"')
    numbers = {"family": family, "method": method, "c": float(c),
               "levels": as_index(levels, "levels", 0) if levels is not None else None,
               "resolution": resolution if resolution is None or resolution == "auto" else float(resolution)}
    if free_c:
        numbers["free_c"] = True
    held = vector_of(fixed, family, "fixed", np.nan)
    if held is not None and not np.isnan(held).any():
        raise ValueError("all parameters are fixed: there is nothing to fit")
    low = high = None
    if bounds is not None:
        pairs = dict(bounds) if isinstance(bounds, Mapping) else dict(zip(PARAMETERS[family][:4], bounds))
        low = vector_of({key: pair[0] for key, pair in pairs.items() if pair is not None}, family, "bounds", -np.inf)
        high = vector_of({key: pair[1] for key, pair in pairs.items() if pair is not None}, family, "bounds", np.inf)
    for name, values in (("fixed", held), ("start", vector_of(start, family, "start", np.nan)), ("low", low),
                         ("high", high)):
        if values is not None:
            numbers.update({f"{name}.{parameter}": float(value) for parameter, value in zip("ABgk", values)
                            if not np.isnan(value)})
    return numbers


def run_fits(samples: np.ndarray, starts: np.ndarray, upper: Optional[np.ndarray], weights: Optional[np.ndarray],
         settings: dict, n_jobs: Optional[int]) -> tuple:
    """The rows of numbers and the statuses of the fits; the first status that is not OK, and its call."""
    count = len(starts) - 1
    rows, statuses = np.empty((count, len(NUMBERS))), np.zeros(count, np.intc)
    held = flat_settings("fit", **settings)
    with Call() as call:
        options = Options(threads_of(n_jobs, count == 1 and samples.size < 10**5), call)
        status = libgk.gkv_flat_gk_fit(count, address(starts), address(samples), address(upper), address(weights),
                                       held.place, options.place, address(rows), address(statuses))
    return rows, statuses, status, call
