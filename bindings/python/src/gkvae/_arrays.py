"""NumPy arrays for C: doubles in memory order, without copies where the layout allows."""
from __future__ import annotations

import operator
from typing import Any, Optional

import numpy as np

Array = np.ndarray


def as_real(values: Any, name: str = "x") -> Array:
    """An array of real numbers of any type and layout; missing values of pandas and masked ones are NaN."""
    if values is None:
        raise TypeError(f"{name} is None: give numbers")
    array = np.asarray(values)
    if isinstance(values, np.ma.MaskedArray) and np.any(values.mask):
        return np.where(values.mask, np.nan, array.astype(float))
    if array.dtype.kind in "biuf":
        return array
    if array.dtype.kind == "c":
        raise TypeError(f"{name} is complex; the functions are of real numbers")
    if array.dtype.kind in "mM":
        raise TypeError(f"{name} has dates or durations ({array.dtype}); give numbers")
    try:
        if array.dtype.kind == "O" and hasattr(values, "to_numpy"):  # of pandas, perhaps with missing values
            return np.asarray(values.to_numpy(dtype=float, na_value=np.nan))
        return array.astype(float)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be numbers, not {array.dtype}") from error


def as_index(value: Any, name: str, least: Optional[int] = None, most: Optional[int] = None) -> int:
    """A whole number, within these limits; numbers with a fraction are refused and not truncated."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} = {value!r}: give a whole number") from None
    if (least is not None and number < least) or (most is not None and number > most):
        ends = f"{least} to {most}" if most is not None else f"at least {least}"
        raise ValueError(f"{name} = {number}: give {ends}")
    return number


def as_doubles(values: Any, name: str = "x", ndim: Optional[int] = None) -> Array:
    """A C-contiguous, aligned array of doubles; a copy only if `values` is not one."""
    array = np.require(as_real(values, name), float, ["C", "A"])
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{name} has {array.ndim} dimensions; give {ndim}")
    return array


def address(array: Optional[Array]) -> Optional[int]:
    """The address of an array's first element, or None for NULL."""
    return None if array is None else array.__array_interface__["data"][0]


def as_weights(weights: Any, n: int) -> Optional[Array]:
    """Weights of n observations, or None."""
    if weights is None:
        return None
    array = as_doubles(weights, "weights")
    if array.shape != (n,):
        raise ValueError(f"there are weights of shape {array.shape} for {n} observations")
    return array


def as_sample(values: Any, name: str = "x") -> Array:
    """A sample: one column of any layout."""
    array = as_real(values, name)
    if array.ndim > 1 and array.size not in array.shape:
        raise ValueError(f"{name} has shape {array.shape}; give one sample, or columns to fit_many")
    array = array.reshape(-1)
    return np.require(array, float, ["C", "A"])


def seed_of(random_state: Any) -> int:
    """A seed of the library from a seed, a generator of NumPy, or None for that of NumPy's global state."""
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool):
        if random_state < 0:
            raise ValueError(f"random_state = {random_state}: a seed is not negative")
        return int(random_state) & (2**64 - 1)
    if random_state is None:
        random_state = np.random.mtrand._rand
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 2**32, dtype=np.uint64)) << 32 | int(
            random_state.randint(0, 2**32, dtype=np.uint64))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, 2**64, dtype=np.uint64))
    raise ValueError(f"random_state = {random_state!r}: give None, a seed, or a generator of NumPy")
