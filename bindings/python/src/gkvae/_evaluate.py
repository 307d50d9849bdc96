"""Functions of a family at scalars and at broadcast arrays, computed in C."""
from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from ._arrays import address, as_real
from ._library import check, libgk, names, settings

_WORDS = settings("fit").words()
FAMILIES = {word: number for number, word in enumerate(_WORDS["family"])}
# Families in texts; and the names of A, B, g, the weight of the tails, and c if the family has it.
TITLES = {word: libgk.gkv_gk_family_name(number).decode() for word, number in FAMILIES.items()}
PARAMETERS = {word: tuple(name.decode() for i in range(5) if (name := libgk.gkv_gk_family_parameter(number, i)))
              for word, number in FAMILIES.items()}
METHODS = {word: number for number, word in enumerate(_WORDS["method"])}
INTERVALS = {word: number for number, word in enumerate(_WORDS["intervals"])}
GK, GH, GGH = (FAMILIES[word] for word in ("gk", "gh", "ggh"))
(PDF, LOG_PDF, CDF, UPPER, LOG_CDF, LOG_UPPER, QUANTILE, QUANTILE_UPPER, QUANTILE_LOG, QUANTILE_LOG_UPPER, Q, Q_INVERSE,
 RAW_MOMENT, ENTROPY, VALID) = map(names("function").index, (
     "pdf", "log_pdf", "cdf", "upper", "log_cdf", "log_upper", "quantile", "quantile_upper", "quantile_log",
     "quantile_log_upper", "Q", "Q_inverse", "raw_moment", "entropy", "valid"))

# Up to this number of elements each is computed in long double, with the bits of the program `gkvae gk`. More are
# computed by the vector functions, whose relative error is 1e-13.
EXACT = 128
_CHUNK = 1 << 20  # elements between two looks for Ctrl-C
_BUFFER = 1 << 13  # elements that are converted at a time
_SCALARS = (float, int)
_DOUBLE = np.dtype(float)
_PARAMETERS = 5 * ctypes.c_double
_value = libgk.gkv_flat_gk_value
_evaluate = libgk.gkv_flat_gk_evaluate


def value(family: int, function: int, x: Any, a: Any, b: Any, g: Any, k: Any, c: Any) -> Any:
    """The function at x, for scalars or arrays that broadcast; NaN where parameters are invalid."""
    if not (isinstance(g, _SCALARS) and isinstance(k, _SCALARS) and isinstance(c, _SCALARS)
            and isinstance(a, _SCALARS) and isinstance(b, _SCALARS)):
        a, b, g, k, c = map(_plain, (a, b, g, k, c))
        if not all(isinstance(v, _SCALARS) for v in (a, b, g, k, c)):
            return _array(family, function, x, a, b, g, k, c)
    if not isinstance(x, _SCALARS):
        x = _plain(x)
    try:
        if isinstance(x, _SCALARS):
            return np.float64(_value(family, function, x, a, b, g, k, c))
        if type(x) is np.ndarray and x.dtype == _DOUBLE and x.flags.forc and x.flags.aligned:
            return _whole(family, function, x, _PARAMETERS(a, b, g, k, c))
    except (OverflowError, TypeError, ctypes.ArgumentError):  # an integer beyond doubles
        pass
    return _array(family, function, x, a, b, g, k, c)


def _plain(value: Any) -> Any:
    """A number of Python in place of a scalar or an array of NumPy without dimensions."""
    if isinstance(value, np.generic) or (type(value) is np.ndarray and value.ndim == 0):
        item = value.item()
        if isinstance(item, _SCALARS):
            return item
    return value


def _whole(family: int, function: int, x: np.ndarray, parameters: Any) -> np.ndarray:
    """The function of one distribution at an array of doubles without gaps."""
    out, n, at = np.empty_like(x), x.size, ctypes.addressof(parameters)
    arguments = [word for i in range(5) for word in (1, at + 8 * i)]
    from_x, to_out = address(x) or 0, address(out) or 0
    for first in range(0, n, _CHUNK):
        check(_evaluate(family, function, n <= EXACT, min(_CHUNK, n - first), from_x + 8 * first, *arguments,
                        to_out + 8 * first))
    return out


def _call(family: int, function: int, exact: bool, x: np.ndarray, parameters: list, out: np.ndarray) -> None:
    arguments = []
    for parameter in parameters:
        arguments += [parameter.size, address(parameter)]
    check(_evaluate(family, function, exact, x.size, address(x), *arguments, address(out)))


def _array(family: int, function: int, *operands: Any) -> Any:
    x, *parameters = [as_real(operand, name) for operand, name in zip(operands, ("x", "loc", "scale", "g", "k", "c"))]
    shape = np.broadcast_shapes(x.shape, *(parameter.shape for parameter in parameters))
    single = all(parameter.size == 1 for parameter in parameters)
    if single:
        parameters = [np.array(parameter, float).reshape(1) for parameter in parameters]
    n = int(np.prod(shape))
    exact = n <= EXACT
    if single and x.shape == shape and x.dtype == _DOUBLE and x.flags.aligned and x.flags.forc:
        out = _whole(family, function, np.asarray(x), _PARAMETERS(*(float(v[0]) for v in parameters)))
    elif n <= _BUFFER:
        out = np.empty(shape)
        if not single:
            parameters = [_doubles(parameter, shape) for parameter in parameters]
        _call(family, function, exact, _doubles(x, shape), parameters, out)
    else:
        out = _in_parts(family, function, x, parameters, shape, single)
    return np.float64(out[()]) if shape == () else out


def _doubles(array: np.ndarray, shape: tuple) -> np.ndarray:
    return np.require(np.broadcast_to(array, shape), float, ["C", "A"])


def _in_parts(family: int, function: int, x: np.ndarray, parameters: list, shape: tuple,
              single: bool) -> np.ndarray:
    """Converts and broadcasts a part at a time, in the order of memory of x."""
    x = np.broadcast_to(x, shape)
    order = sorted(range(len(shape)), key=lambda axis: -abs(x.strides[axis]))
    turned = tuple(shape[axis] for axis in order)
    out = np.empty(turned)
    x = x.transpose(order)
    if not single:
        parameters = [np.broadcast_to(parameter, shape).transpose(order) for parameter in parameters]
    axis, inner = len(turned) - 1, 1
    while axis > 0 and inner * turned[axis] <= _BUFFER:
        inner *= turned[axis]
        axis -= 1
    step = max(1, _BUFFER // inner)
    for index in np.ndindex(turned[:axis]):
        for first in range(0, turned[axis], step):
            part: Any = (*index, slice(first, first + step))
            values = np.require(x[part], float, ["C", "A"])
            if single:
                numbers = parameters
            else:
                numbers = [_one_or_all(parameter[part]) for parameter in parameters]
            _call(family, function, False, values, numbers, out[part])
    return out.transpose(np.argsort(order))


def _one_or_all(part: np.ndarray) -> np.ndarray:
    """One element if all are the same place of memory."""
    if not any(part.strides):
        part = part[(slice(0, 1),) * part.ndim]
    return np.require(part, float, ["C", "A"])


def moments(family: int, g: Any, k: Any, c: Any) -> np.ndarray:
    """Mean, variance, skewness and kurtosis at A = 0 and B = 1, as the last axis."""
    shape = np.broadcast_shapes(np.shape(g), np.shape(k), np.shape(c))
    out = np.empty(shape + (4,))
    n = int(np.prod(shape))
    arguments = []
    arrays = [np.broadcast_to(as_real(v), shape).astype(float).ravel() for v in (0, 1, g, k, c)]
    for array in arrays:
        arguments += [n, address(array)]
    if n:
        check(libgk.gkv_flat_gk_moments(family, n, *arguments, address(out)))
    return out
