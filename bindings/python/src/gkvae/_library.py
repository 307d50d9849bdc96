"""The shared libraries of the wheel, and how their errors become exceptions."""
from __future__ import annotations

import ctypes
import os
import re
from ctypes import CFUNCTYPE, c_bool, c_char_p, c_double, c_int, c_size_t, c_uint64, c_void_p
from pathlib import Path

from .errors import NumericalError

PROGRESS = CFUNCTYPE(c_bool, c_void_p, c_uint64, c_uint64)
RESIDUALS = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p)
BATCH = CFUNCTYPE(c_int, c_void_p, c_size_t, c_void_p, c_void_p, c_void_p, c_void_p)

# The types of arguments by letter. Arrays are addresses; None is NULL.
_TYPES = {"p": c_void_p, "s": c_size_t, "d": c_double, "i": c_int, "b": c_bool, "u": c_uint64, "z": c_char_p,
          "P": PROGRESS, "R": RESIDUALS, "B": BATCH}

_FIT = "iiddidsppppiPp"  # family … context of a fit
_MIXTURE = "sppdpp"  # count … cholesky of a mixture

# The functions of gkvae/flat.h that return a status.
_FLAT = {
    "gkv_flat_gk_evaluate": "iibsp" + 5 * "sp" + "p",
    "gkv_flat_gk_moments": "is" + 5 * "sp" + "p",
    "gkv_flat_gk_fit_samples": "spppp" + "iiddidsb" + "pppp" + "iPppp",
    "gkv_flat_gk_bootstrap": "sppp" + "iidds" + "pppp" + "sbud" + "iPppp",
    "gkv_flat_mgk_estimate": "sspp" + "idddbbb" + "iPp" + "ppppp",
    "gkv_flat_mixture_estimate": "sspp" + "ssdbbdsusd" + "iPp" + "ppppp",
    "gkv_flat_mixture_evaluate": "ssp" + _MIXTURE + "ipp",
    "gkv_flat_mixture_draw": "ss" + _MIXTURE + "uuipp",
    "gkv_flat_mixture_part": "s" + _MIXTURE + "spp" + "ppppp",
    "gkv_flat_mixture_margin": "s" + _MIXTURE + "sispp",
    "gkv_flat_mixture_scores": "ssp" + _MIXTURE + "bip",
    "gkv_flat_mgk_impute": "sspdppuuip",
    "gkv_flat_lm_minimize": "ssRRppppp" + "idpsd" + "ppp",
    "gkv_flat_lm_batch": "sssBBppppp" + "idpsi" + "ppp",
}

OK, ARGUMENT, MEMORY, DATA, CONFIG, IO, NUMERIC, BUSY, INTERRUPTED, INTERNAL = range(10)
_EXCEPTIONS = {ARGUMENT: ValueError, MEMORY: MemoryError, DATA: ValueError, CONFIG: ValueError, IO: OSError,
               NUMERIC: NumericalError, BUSY: BlockingIOError, INTERRUPTED: KeyboardInterrupt, INTERNAL: RuntimeError}


def folder() -> Path:
    """The folder of the shared libraries: that of the package, or the one that GKVAE_LIBRARIES names."""
    return Path(os.environ.get("GKVAE_LIBRARIES") or Path(__file__).parent / "_lib")


def open_library(name: str, functions: dict[str, str]) -> ctypes.CDLL:
    """Loads NAME.so or NAME.so.VERSION, and declares functions that return a status."""
    paths = sorted(folder().glob(f"{name}.so*"))
    try:
        library = ctypes.CDLL(str(paths[0] if paths else folder() / f"{name}.so"))
    except OSError as error:
        raise ImportError(f"{name} cannot be loaded: {error}. The package needs libsleef3 and libgomp1, and for models "
                          "libjansson4, libinih1, libmd0, libpng16-16 and zlib1g as well.") from error
    for function, types in functions.items():
        declared = getattr(library, function)
        declared.restype = c_int
        declared.argtypes = [_TYPES[letter] for letter in types]
    return library


libgk = open_library("libgk", _FLAT)
for _name in ("gkv_error_message", "gkv_version", "gkv_build_description"):
    getattr(libgk, _name).restype = c_char_p
libgk.gkv_lm_stop_name.restype = c_char_p
libgk.gkv_lm_stop_name.argtypes = [c_int]
libgk.gkv_flat_gk_value.restype = c_double
libgk.gkv_flat_gk_value.argtypes = [c_int, c_int] + 6 * [c_double]
for _name, _types in {"gkv_gk_k_min": 2, "gkv_gk_order_level": 3}.items():
    getattr(libgk, _name).restype = c_double
    getattr(libgk, _name).argtypes = _types * [c_double]


_OPTION = re.compile(r"--(method|resolution)[ =](\w+)")  # options of the program are keywords here


def message() -> str:
    """The message of the last call of this thread that failed."""
    text = libgk.gkv_error_message().decode(errors="replace")
    return _OPTION.sub(r'\1="\2"', text.replace("mle --resolution", "mle, --resolution"))


def check(status: int) -> None:
    """Raises the exception of a status that is not OK."""
    if status:
        raise _EXCEPTIONS.get(status, RuntimeError)(message())
