"""The shared libraries of the wheel, and how their errors become exceptions."""
from __future__ import annotations

import ctypes
import functools
import itertools
import os
from ctypes import CFUNCTYPE, c_bool, c_char_p, c_double, c_int, c_int64, c_size_t, c_uint64, c_void_p
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Tuple

from .errors import NumericalError

PROGRESS = CFUNCTYPE(c_bool, c_void_p, c_uint64, c_uint64)
RESIDUALS = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p)
BATCH = CFUNCTYPE(c_int, c_void_p, c_size_t, c_void_p, c_void_p, c_void_p, c_void_p)

# The types of arguments by letter. Arrays are addresses; None is NULL.
_TYPES = {"p": c_void_p, "s": c_size_t, "d": c_double, "i": c_int, "b": c_bool, "u": c_uint64, "z": c_char_p,
          "P": PROGRESS, "R": RESIDUALS, "B": BATCH}

_MIXTURE = "sppdpp"  # count … cholesky of a mixture

# The functions of gkvae/flat.h that return a status.
_FLAT = {
    "gkv_flat_set": "pzz",
    "gkv_flat_fit_settings": "p",
    "gkv_flat_mgk_settings": "p",
    "gkv_flat_mixture_settings": "p",
    "gkv_flat_lm_settings": "p",
    "gkv_flat_options": "iPpp",
    "gkv_flat_gk_evaluate": "iibsp" + 5 * "sp" + "p",
    "gkv_flat_gk_moments": "is" + 5 * "sp" + "p",
    "gkv_flat_gk_fit": "spppp" + "pp" + "pp",
    "gkv_flat_gk_bootstrap": "sppps" + "pp" + "pp",
    "gkv_flat_mgk_fit": "sspppp" + "ppppp",
    "gkv_flat_mixture_fit": "sspp" + "sspp" + "ppppp",
    "gkv_flat_mixture_evaluate": "ssp" + _MIXTURE + "ipp",
    "gkv_flat_mixture_draw": "ss" + _MIXTURE + "uuipp",
    "gkv_flat_mixture_part": "s" + _MIXTURE + "spp" + "ppppp",
    "gkv_flat_mixture_margin": "s" + _MIXTURE + "sispp",
    "gkv_flat_mixture_scores": "ssp" + _MIXTURE + "bip",
    "gkv_flat_mgk_impute": "sspdppuuip",
    "gkv_flat_lm_solve": "ssRRppppp" + "pppp",
    "gkv_flat_lm_solve_many": "sssBBppppp" + "pippp",
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
libgk.gkv_error_remedy.restype = c_int
libgk.gkv_remedy_name.restype, libgk.gkv_remedy_name.argtypes = c_char_p, [c_int]
libgk.gkv_flat_free.restype, libgk.gkv_flat_free.argtypes = None, [c_void_p]
for _name in ("gkv_flat_setting_name", "gkv_flat_setting_words"):
    getattr(libgk, _name).restype, getattr(libgk, _name).argtypes = c_char_p, [c_void_p, c_size_t]
libgk.gkv_gk_family_name.restype, libgk.gkv_gk_family_name.argtypes = c_char_p, [c_int64]
libgk.gkv_gk_family_parameter.restype, libgk.gkv_gk_family_parameter.argtypes = c_char_p, [c_int64, c_size_t]
libgk.gkv_lm_stop_name.restype = c_char_p
libgk.gkv_lm_stop_name.argtypes = [c_int]
libgk.gkv_flat_gk_value.restype = c_double
libgk.gkv_flat_gk_value.argtypes = [c_int, c_int, *(6 * [c_double])]
for _name, _types in {"gkv_gk_k_min": 2, "gkv_gk_order_level": 3}.items():
    getattr(libgk, _name).restype = c_double
    getattr(libgk, _name).argtypes = _types * [c_double]


# The keywords of remedies (gkv_remedy_name) that functions of this package have.
_KEYWORDS = {"likelihood": 'method="mle"', "resolution": 'method="mle", resolution="auto"', "fix": "fixed=…",
             "nonparametric": "parametric=False"}


def message() -> str:
    """The message of the last call of this thread that failed, with the keyword that helps."""
    text = libgk.gkv_error_message().decode(errors="replace")
    remedy = libgk.gkv_remedy_name(libgk.gkv_error_remedy())
    keyword = _KEYWORDS.get(remedy.decode()) if remedy else None
    return f"{text} ({keyword})" if keyword else text


def check(status: int) -> None:
    """Raises the exception of a status that is not OK."""
    if status:
        raise _EXCEPTIONS.get(status, RuntimeError)(message())


def names(table: str, library: ctypes.CDLL = libgk) -> Tuple[str, ...]:
    """The names of the numbers of a table: those of the function gkv_flat_TABLE_name."""
    function = getattr(library, f"gkv_flat_{table}_name")
    function.restype, function.argtypes = c_char_p, [c_size_t]
    return tuple(name.decode() for name in itertools.takewhile(bool, map(function, itertools.count())))


class Handle:
    """An object of the library, which is freed with this one."""

    def __init__(self, free: Callable) -> None:
        self.place = c_void_p()
        self._free = free

    def __del__(self) -> None:
        if getattr(self, "place", None) and self.place.value:
            self._free(self.place)
            self.place = c_void_p()

    @property
    def out(self) -> int:
        """The address of the pointer, for functions that create the object."""
        return ctypes.addressof(self.place)


def text_of(value: Any) -> str:
    """A value of a setting as text: every digit of a number, yes or no for a truth."""
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


class FlatSettings(Handle):
    """Settings of a kind of gkvae/flat.h: "fit", "mgk", "mixture", "lm"; or "refine" of another library."""

    def __init__(self, kind: str, values: Iterable[Tuple[str, str]] = (), library: ctypes.CDLL = libgk) -> None:
        super().__init__(libgk.gkv_flat_free)
        check(getattr(library, f"gkv_flat_{kind}_settings")(self.out))
        for name, text in values:
            check(libgk.gkv_flat_set(self.place, name.encode(), text.encode()))

    def words(self) -> Dict[str, List[str]]:
        """The words of each setting that has some, in the order of their numbers."""
        found: Dict[str, List[str]] = {}
        i = 0
        while True:
            name = libgk.gkv_flat_setting_name(self.place, i)
            if name is None:
                return found
            words = libgk.gkv_flat_setting_words(self.place, i).decode()
            if words:
                found[name.decode()] = words.split(", ")
            i += 1


@functools.lru_cache(maxsize=64)
def _kept(kind: str, values: Tuple[Tuple[str, str], ...]) -> FlatSettings:
    return FlatSettings(kind, values)


def settings(kind: str, **values: Any) -> FlatSettings:
    """Settings with these values, of which None is the default. Calls with the same ones share an object."""
    return _kept(kind, tuple((name, text_of(value)) for name, value in values.items() if value is not None))
