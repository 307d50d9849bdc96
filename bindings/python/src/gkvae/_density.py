"""Densities of tables of the library: handles, their numbers as records, and rows with names."""
from __future__ import annotations

import ctypes
import functools
import os
import tempfile
from ctypes import c_char_p, c_int64, c_size_t, c_void_p
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ._arrays import address
from ._calls import Call, Options
from ._library import Handle, check, names
from ._models import library as models

CHOSEN = -1  # GKV_DENSITY_CHOSEN
RESOLUTION_AUTO = -1.0  # GKV_GK_RESOLUTION_AUTO

# gkvae/density.h and flat_density.h: letters as in _library.py
_FUNCTIONS = {
    "gkv_flat_density_settings": "p", "gkv_flat_density_fit": "sspppp" + "zzppp", "gkv_flat_density_margin": "psp",
    "gkv_flat_density_candidate": "pqp", "gkv_density_save": "pz", "gkv_density_load": "zp",
    "gkv_density_log_density": "pqsppp", "gkv_density_sample": "pqsuupp", "gkv_density_conditional": "pqsppp",
    "gkv_density_marginal": "pqspp", "gkv_density_scores": "psppp" + "p", "gkv_density_p_values": "pqspp",
}


@functools.lru_cache(maxsize=None)
def library() -> ctypes.CDLL:
    """libgkvae, with the functions of densities."""
    found = models()
    from ._library import _TYPES
    types: Dict[str, Any] = {**_TYPES, "q": c_int64}
    for name, letters in _FUNCTIONS.items():
        getattr(found, name).restype = ctypes.c_int
        getattr(found, name).argtypes = [types[letter] for letter in letters]
    for name in ("gkv_density_candidate_name", "gkv_density_margin_name"):
        getattr(found, name).restype, getattr(found, name).argtypes = c_char_p, [c_int64]
    for name in ("gkv_density_dimensions", "gkv_density_rows"):
        getattr(found, name).restype, getattr(found, name).argtypes = c_size_t, [c_void_p]
    found.gkv_density_name.restype, found.gkv_density_name.argtypes = c_char_p, [c_void_p, c_size_t]
    found.gkv_density_chosen.restype, found.gkv_density_chosen.argtypes = c_int64, [c_void_p]
    found.gkv_density_free.restype, found.gkv_density_free.argtypes = None, [c_void_p]
    return found


def _words(function: str) -> Tuple[str, ...]:
    """The names that a function has for 0, 1, …"""
    found: List[str] = []
    while True:
        name = getattr(library(), function)(len(found))
        if name is None:
            return tuple(found)
        found.append(name.decode())


@functools.lru_cache(maxsize=None)
def candidate_names() -> Tuple[str, ...]:
    """The names of the candidates, in the order of the library."""
    return _words("gkv_density_candidate_name")


@functools.lru_cache(maxsize=None)
def margin_names() -> Tuple[str, ...]:
    """The names of the kinds of margins."""
    return _words("gkv_density_margin_name")


class Tail(NamedTuple):
    """The share of held-out values beyond a predicted quantile, and its 95 % interval."""

    share: float
    low: float
    high: float


class Candidate(NamedTuple):
    """What validation has found about a candidate. Log densities are in nats, means over held-out rows."""

    name: str
    held_out: float
    se: float
    difference: float  # from the chosen candidate, by pairs of rows
    difference_se: float
    lowest: float  # the lowest log density of a held-out row
    n_rows: int
    copula_share: float
    n_components: int  # of a mixture
    n_updates: int  # of a flow
    freedom: float  # ν of the copula, or the median ν of a flow's base
    beyond_99: Tail
    beyond_999: Tail

    def conf_int(self, level: float = 0.95) -> Tuple[float, float]:
        """The interval of the mean held-out log density, by the normal distribution."""
        half = self.se * _normal_quantile(level)
        return self.held_out - half, self.held_out + half

    def difference_conf_int(self, level: float = 0.95) -> Tuple[float, float]:
        """The interval of the difference from the chosen candidate."""
        half = self.difference_se * _normal_quantile(level)
        return self.difference - half, self.difference + half


def _normal_quantile(level: float) -> float:
    from statistics import NormalDist
    if not 0 < level < 1:
        raise ValueError(f"level = {level}: give a number between 0 and 1")
    return NormalDist().inv_cdf(0.5 + level / 2)


class Margin(NamedTuple):
    """The distribution of one column."""

    kind: str
    params: Dict[str, float]  # those of the family and the scales of its tails; or knots and shapes of tails
    held_out: Dict[str, float]  # the mean log density of held-out values by each kind that was tried
    resolution: float  # 0 for exact values
    atom: Optional[float]  # a value that is too frequent for a density
    atom_share: float
    n_far: int  # held-out values with a normal score beyond ±6
    n_intervals: int  # values known by an interval only


_PARAMETERS = {"g-and-k": ("A", "B", "g", "k", "c", "lower_tail", "upper_tail"),
               "t": ("loc", "scale", "df", "lower_tail", "upper_tail"),
               "spline": ("knots", "lower_shape", "upper_shape")}


class Table(Handle):
    """A density of the library, or a conditional or marginal one."""

    def __init__(self) -> None:
        super().__init__(library().gkv_density_free)

    @classmethod
    def load(cls, path: Any) -> "Table":
        """A density from a file."""
        table = cls()
        check(library().gkv_density_load(os.fsencode(path), table.out))
        return table

    @classmethod
    def from_bytes(cls, data: bytes) -> "Table":
        """A density from the content of a file."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "density.safetensors"
            path.write_bytes(data)
            return cls.load(path)

    def save(self, path: Any) -> None:
        """Writes the density to a file."""
        check(library().gkv_density_save(self.place, os.fsencode(path)))

    def to_bytes(self) -> bytes:
        """The content of a file with this density."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "density.safetensors"
            self.save(path)
            return path.read_bytes()

    @property
    def d(self) -> int:
        return int(library().gkv_density_dimensions(self.place))

    @property
    def n_rows(self) -> int:
        return int(library().gkv_density_rows(self.place))

    @property
    def columns(self) -> List[str]:
        return [library().gkv_density_name(self.place, j).decode(errors="replace") for j in range(self.d)]

    @property
    def chosen(self) -> str:
        return candidate_names()[library().gkv_density_chosen(self.place)]

    def candidates(self) -> Dict[str, Candidate]:
        """What validation has found, by the name of the candidate."""
        found = {}
        for number, name in enumerate(candidate_names()):
            row = np.empty(len(names("density_candidate", library())))
            check(library().gkv_flat_density_candidate(self.place, number, address(row)))
            v = dict(zip(names("density_candidate", library()), row.tolist()))
            if v["fitted"]:
                tails = [Tail(v[f"beyond.{p}"], v[f"beyond_low.{p}"], v[f"beyond_high.{p}"]) for p in ("99", "99.9")]
                found[name] = Candidate(name, v["held_out"], v["se"], v["difference"], v["difference_se"], v["lowest"],
                                        int(v["rows"]), v["copula_share"], int(v["components"]), int(v["updates"]),
                                        v["freedom"], *tails)
        return found

    def margins(self) -> List[Margin]:
        """The distributions of the columns."""
        found = []
        for column in range(self.d):
            row = np.empty(len(names("density_margin", library())))
            check(library().gkv_flat_density_margin(self.place, column, address(row)))
            v = dict(zip(names("density_margin", library()), row.tolist()))
            kind = margin_names()[int(v["kind"])]
            params = {name: v[f"parameter.{i}"] for i, name in enumerate(_PARAMETERS[kind], 1)}
            held_out = {name: v[f"held_out.{name}"] for name in margin_names() if not np.isnan(v[f"held_out.{name}"])}
            found.append(Margin(kind, params, held_out, v["resolution"], v["atom"] if v["atom_share"] > 0 else None,
                                v["atom_share"], int(v["far"]), int(v["intervals"])))
        return found

    def _run(self, function: str, threads: int, *arguments: Any, after: tuple = ()) -> None:
        with Call() as call:
            options = Options(threads, call)
            status = getattr(library(), function)(self.place, *arguments, options.place, *after)
        call.check(status)

    def log_density(self, candidate: int, x: np.ndarray, threads: int) -> np.ndarray:
        out = np.empty(len(x))
        self._run("gkv_density_log_density", threads, candidate, len(x), address(x), after=(address(out),))
        return out

    def draws(self, candidate: int, count: int, seed: int, threads: int) -> np.ndarray:
        out = np.empty((count, self.d))
        self._run("gkv_density_sample", threads, candidate, count, seed, 0, after=(address(out),))
        return out

    def scores(self, x: np.ndarray, threads: int) -> np.ndarray:
        out = np.empty_like(x)
        self._run("gkv_density_scores", threads, len(x), address(x), after=(address(out), None))
        return out

    def p_values(self, candidate: int, log_density: np.ndarray) -> np.ndarray:
        out = np.empty(len(log_density))
        check(library().gkv_density_p_values(self.place, candidate, len(out), address(log_density), address(out)))
        return out

    def part(self, candidate: int, columns: Sequence[int], given: Optional[np.ndarray]) -> "Table":
        """The distribution of the other columns given the values of these, or that of these columns."""
        part, which = Table(), np.array(columns, np.uintp)
        function = library().gkv_density_marginal if given is None else library().gkv_density_conditional
        values = () if given is None else (address(given),)
        check(function(self.place, candidate, which.size, address(which), *values, part.out))
        return part


def framed(values: np.ndarray, columns: Optional[Sequence[str]], index: Any = None) -> Any:
    """A DataFrame if there are names of columns and pandas is there, else the array."""
    if columns is None:
        return values
    try:
        import pandas
    except ImportError:
        return values
    return pandas.DataFrame(values, columns=list(columns), index=index)


def summary(table: Table) -> str:
    """The tables of Density.summary."""
    count = f"{table.d} column{'s' if table.d > 1 else ''}"
    lines = [f"Density of {count}, fitted to {table.n_rows} rows", "",
             f"{'column':<16} {'margin':<8} {'resolution':>10} {'log f':>9}  parameters"]
    for name, margin in zip(table.columns, table.margins()):
        shown = f"{margin.resolution:g}" if margin.resolution else "exact"
        log_f = margin.held_out.get(margin.kind, np.nan)
        lines.append(f"{name:<16} {margin.kind:<8} {shown:>10} {log_f:9.4f}  "
                     + ", ".join(f"{key} = {value:.4g}" for key, value in margin.params.items()))
        if margin.atom is not None:
            lines.append(f"{'':<16} the value {margin.atom:g} is {100 * margin.atom_share:.1f} % of the rows: "
                         "densities near it mean little")
        if margin.n_far:
            lines.append(f"{'':<16} {margin.n_far} held-out values have scores beyond ±6")
    lines += ["", f"  {'candidate':<15} {'held-out log f':>19} {'less the chosen':>19} {'lowest':>8} "
                  f"{'beyond 99 %, in %':>24} {'beyond 99.9 %, in %':>24}"]
    for name, c in table.candidates().items():
        mark, less = ("*", "") if name == table.chosen else (" ", f"{c.difference:.4f} ± {c.difference_se:.4f}")
        tails = [f"{100 * t.share:.3f} ({100 * t.low:.3f} … {100 * t.high:.3f})" for t in (c.beyond_99, c.beyond_999)]
        lines.append(f"{mark} {name:<15} {c.held_out:10.4f} ± {c.se:.4f} {less:>19} {c.lowest:8.1f} {tails[0]:>24} "
                     f"{tails[1]:>24}")
    return "\n".join(lines)
