"""The density of a table, as an estimator of scikit-learn."""
from __future__ import annotations

import os
import warnings
from collections import namedtuple
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Union

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._arrays import address, as_doubles, as_index, as_real, seed_of
from ._calls import Call, Options, threads_of
from ._density import CHOSEN, RESOLUTION_AUTO, Table, candidate_names, framed, library, summary
from ._estimator import TableEstimator, listed
from ._library import FlatSettings, text_of

_FEW = 30  # GKV_DENSITY_ROWS_FEW
_FLOW_SETTINGS = ("flow_layers", "flow_hidden", "flow_updates", "learning_rate", "weight_decay", "patience",
                  "max_freedom")
_LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)

Evaluation = namedtuple("Evaluation", "mean se difference difference_se lowest share_p_below_001")


class Outlier(NamedTuple):
    """A row of low density."""

    row: int
    log_density: float
    p_value: float
    column: str  # the column with the greatest normal score
    score: float


def _number_of(candidate: Optional[str]) -> int:
    """The number of a candidate; that of the chosen one for None."""
    if candidate is None:
        return CHOSEN
    if candidate not in candidate_names():
        raise ValueError(f"candidate = {candidate!r}: give one of {', '.join(candidate_names())}")
    return candidate_names().index(candidate)


def _flow_settings(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings of the flow's training, which are no others."""
    for name in given:
        if name not in _FLOW_SETTINGS:
            near = get_close_matches(str(name), _FLOW_SETTINGS, 1)
            raise ValueError(f"flow_settings has no {name!r}" + (f"; the nearest is {near[0]}" if near else "")
                             + f": give some of {', '.join(_FLOW_SETTINGS)}")
    return given


class TableDistribution:
    """A distribution of some columns of a `Density`: a conditional or a marginal one.

    `Density.conditional` and `Density.marginal` make them.

    Attributes
    ----------
    columns : list of str
        The names of the columns.
    d : int
        The number of columns.

    Examples
    --------
    >>> import numpy as np, gkvae
    >>> rng = np.random.default_rng(0)
    >>> X = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 300)
    >>> model = gkvae.Density(candidates="t-copula", random_state=0).fit(X)
    >>> given = model.conditional({0: 1.5})               # column 1 where column 0 is 1.5
    >>> bool(0.9 < given.quantiles(0.5)[0] < 1.5)
    True
    >>> given.rvs(3, random_state=1).shape, given.logpdf([[1.0]]).shape
    ((3, 1), (1,))
    """

    def __init__(self, table: Table, named: bool) -> None:
        self._table, self._named = table, named

    @property
    def d(self) -> int:
        return self._table.d

    @property
    def columns(self) -> List[str]:
        return self._table.columns

    def _places(self, columns: Sequence[Union[int, str]]) -> List[int]:
        known = self.columns
        for column in columns:
            if isinstance(column, str) and column not in known:
                raise ValueError(f"there is no column {column!r}; the columns are {', '.join(known)}")
        return [known.index(column) if isinstance(column, str) else as_index(column, "column", 0, self.d - 1)
                for column in columns]

    def logpdf(self, x: Any, n_jobs: Optional[int] = None) -> np.ndarray:
        """The log density at the rows of x, in nats."""
        if self._named and hasattr(x, "columns"):
            x = x[self.columns]
        x = as_doubles(x, "x")
        if x.ndim == 1:
            x = x[:, None] if self.d == 1 else x[None, :]
        if x.ndim != 2 or x.shape[1] != self.d:
            raise ValueError(f"x has shape {x.shape}; the distribution has {self.d} columns: {', '.join(self.columns)}")
        return self._table.log_density(CHOSEN, x, threads_of(n_jobs, x.size < 20_000))

    def pdf(self, x: Any) -> np.ndarray:
        """The density at the rows of x."""
        return np.exp(self.logpdf(x))

    def rvs(self, size: int = 1, random_state: Any = None) -> Any:
        """Draws as rows: a DataFrame if the density was fitted to one, else an array of shape (size, d)."""
        size = as_index(size, "size", 0)
        draws = self._table.draws(CHOSEN, size, seed_of(random_state), threads_of(None, size * self.d < 20_000))
        return framed(draws, self.columns if self._named else None)

    def quantiles(self, q: Any, draws: int = 100_000, random_state: Any = 0) -> np.ndarray:
        """Quantiles of each column from draws, of the shape of q and a last axis of columns."""
        q = as_real(q, "q")
        if q.size and not (np.all(q >= 0) and np.all(q <= 1)):
            raise ValueError("q: give probabilities, 0 to 1")
        return np.quantile(np.asarray(self.rvs(draws, random_state)), q, axis=0)

    def describe(self, levels: Sequence[float] = _LEVELS, draws: int = 100_000, random_state: Any = 0) -> Any:
        """Mean, standard deviation and quantiles of each column from draws, as `gkvae density conditional` prints them.

        Returns a DataFrame with a row for each column if the density was fitted to one, else a dictionary of them.
        """
        x = np.asarray(self.rvs(draws, random_state))
        table = np.vstack([x.mean(axis=0), x.std(axis=0, ddof=1), np.quantile(x, levels, axis=0)]).T
        words = ["mean", "sd", *(f"{100 * level:g}%" for level in levels)]
        if self._named:
            return framed(table, words, self.columns)
        return {column: dict(zip(words, row.tolist())) for column, row in zip(self.columns, table)}

    def conditional(self, given: Mapping[Union[int, str], float]) -> "TableDistribution":
        """The distribution of the other columns given the values of some."""
        return TableDistribution(self._table.part(CHOSEN, self._places(list(given)),
                                                  np.array(list(given.values()), float)), self._named)

    def marginal(self, columns: Union[int, str, Sequence[Union[int, str]]]) -> "TableDistribution":
        """The joint distribution of these columns, in this order."""
        return TableDistribution(self._table.part(CHOSEN, self._places(listed(columns)), None), self._named)

    def __repr__(self) -> str:
        return f"<TableDistribution of {', '.join(self.columns)}>"


class Density(TableEstimator):
    """The joint density of the columns of a table that are skewed and have heavy tails.

    Each column has its own margin: g-and-k, Student's t or a spline with Pareto tails, chosen by cross-validation. The
    dependence is a t copula, a mixture of normals, a mixture of g-and-k distributions, or a flow: the candidate with
    the greatest mean log density of held-out rows is chosen, and the others are kept.

    Parameters
    ----------
    candidates : "all", str or list of str
        The candidates that are fitted: "t-copula", "normal-mixture", "gk-mixture", "flow". The flow takes the most
        time, and the copula the least.
    margin : {"auto", "g-and-k", "t", "spline"}
        The kind of all margins; "auto" chooses one for each column.
    resolution : "auto", float, list of float, dict, or None
        The step to which values are rounded: for all columns, for each, or by name. "auto" recognises it; 0 and None
        take values as exact.
    folds : int, optional
        The folds of the validation, 1 to 20 and at most the number of rows, where 1 holds out a fifth of the rows. None
        is 5 below 1000 rows, 3 below 5000, else 1.
    max_components : int, optional
        The most components of a mixture; None is 8, but at most a quarter of the rows for each column.
    flow : {"realnvp", "spline", "gk-coupling", "maf", "glow"}
        The kind of the flow.
    flow_settings : dict, optional
        Settings of the flow's training: flow_layers, flow_hidden, flow_updates, learning_rate, weight_decay, patience,
        max_freedom.
    checkpoint : path, optional
        A file that keeps the state of the flow's training. A fit of the same rows that was interrupted continues from
        it, to the same result.
    random_state : int, generator of NumPy or None
        The seed of `fit` and `sample`. A number is that of `gkvae density --seed`.
    n_jobs : int, optional
        The number of threads; None is one below 20,000 numbers, else one for each processor. Results do not depend on
        it.
    verbose : bool
        Whether a bar of tqdm shows the progress.

    Attributes
    ----------
    chosen_ : str
        The candidate that validation has chosen.
    candidates_ : dict of str to Candidate
        For each candidate ``held_out`` and ``se``, the mean log density of held-out rows and its standard error,
        ``conf_int()``; ``difference`` and ``difference_se`` from the chosen one, ``difference_conf_int()``; ``lowest``;
        and ``beyond_99`` and ``beyond_999``, the shares of held-out values beyond the predicted quantiles of either
        tail (nominal are 0.01 and 0.001) with their 95 % intervals ``low`` and ``high``.
    margins_ : dict of str to Margin
        For each column ``kind``, ``params``, ``held_out``, ``resolution``, ``atom`` and others.
    columns_ : list of str
        The names of the columns.
    n_features_in_, n_rows_ : int
        The columns and the rows of the fit.

    Examples
    --------
    >>> import numpy as np, gkvae
    >>> rng = np.random.default_rng(0)
    >>> z = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 400)
    >>> X = np.column_stack([np.exp(0.5 * z[:, 0]), z[:, 1] * (1 + 0.2 * z[:, 1] ** 2)])
    >>> model = gkvae.Density(candidates=["t-copula", "normal-mixture"], random_state=0).fit(X)
    >>> model.chosen_ in model.candidates_, len(model.candidates_)
    (True, 2)
    >>> model.score_samples(X).shape, model.sample(5).shape
    ((400,), (5, 2))
    >>> [row.row for row in model.outliers(X, 1)] == [int(model.score_samples(X).argmin())]
    True
    >>> given = model.conditional({0: 3.0})              # column 1 where column 0 is 3
    >>> bool(given.quantiles(0.5)[0] > model.marginal(1).quantiles(0.5)[0])
    True
    """

    def __init__(self, candidates: Union[str, Sequence[str]] = "all", *, margin: str = "auto", resolution: Any = "auto",
                 folds: Optional[int] = None, max_components: Optional[int] = None, flow: str = "realnvp",
                 flow_settings: Optional[Mapping[str, Any]] = None, checkpoint: Any = None, random_state: Any = None,
                 n_jobs: Optional[int] = None, verbose: bool = False) -> None:
        self.candidates = candidates
        self.margin = margin
        self.resolution = resolution
        self.folds = folds
        self.max_components = max_components
        self.flow = flow
        self.flow_settings = flow_settings
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    # --- The fit ---

    def _settings(self) -> FlatSettings:
        given = self.candidates
        wanted = list(candidate_names()) if isinstance(given, str) and given == "all" else \
            [given] if isinstance(given, str) else list(given)
        for name in wanted:
            _number_of(name)
        values: Dict[str, Any] = {name: name in wanted for name in candidate_names()}
        values["margin"] = self.margin
        values["seed"] = seed_of(self.random_state)
        values["folds"] = 0 if self.folds is None else as_index(self.folds, "folds", 1, 20)
        values["max_components"] = 0 if self.max_components is None else as_index(self.max_components,
                                                                                   "max_components", 1)
        values.update(_flow_settings(self.flow_settings or {}))
        return FlatSettings("density", [(name, text_of(value)) for name, value in values.items()], library())

    def _resolution(self, d: int) -> Optional[np.ndarray]:
        given = self.resolution
        if isinstance(given, str) and given == "auto":
            return None
        if isinstance(given, Mapping):
            out = np.full(d, RESOLUTION_AUTO)
            for column, step in given.items():
                out[as_index(self._column(column), "resolution", 0, d - 1)] = 0.0 if step is None else float(step)
        else:
            out = np.array(np.broadcast_to(as_doubles(0.0 if given is None else given, "resolution"), (d,)))
        if np.any(out[out != RESOLUTION_AUTO] < 0):
            raise ValueError('resolution: give "auto" or numbers ≥ 0')
        return out

    def fit(self, X: Any, y: Any = None, *, upper: Any = None) -> "Density":
        """Fits the rows of X.

        Parameters
        ----------
        X : array_like or DataFrame of shape (n_samples, n_features)
            At least 10 rows of numbers, better hundreds. The names of the columns of a DataFrame are kept.
        y : ignored
        upper : array_like of shape (n_samples, n_features), optional
            The upper ends of intervals in which values lie, whose lower ends are in X. Equal ends are an exact value,
            and an infinite end is a censored one: ``X = 5000``, ``upper = inf`` is a claim of more than 5000.

        Returns
        -------
        Density
            The estimator itself.
        """
        X = self._input(X, True, finite=upper is None)
        n, d = X.shape
        ends = None if upper is None else as_doubles(upper, "upper", 2)
        if ends is not None and ends.shape != X.shape:
            raise ValueError(f"upper has shape {ends.shape}, and X {X.shape}")
        resolution = self._resolution(d)
        given = [str(name).encode() for name in getattr(self, "feature_names_in_", [])]
        column_names = (library().gkv_density_name.restype * d)(*given) if given else None
        held, table = self._settings(), Table()
        path = None if self.checkpoint is None else os.fsencode(self.checkpoint)
        with _Bar(self.verbose) as bar, Call(bar.show) as call:
            options = Options(threads_of(self.n_jobs, X.size < 20_000), call)
            status = library().gkv_flat_density_fit(
                n, d, address(X), address(ends), address(resolution), column_names, self.flow.encode(), path,
                held.place, options.place, table.out)
        call.check(status)
        self._use(table)
        if n < _FEW:
            warnings.warn(f"{n} rows say little about the shapes and the tails of a density", stacklevel=2)
        return self

    def _use(self, table: Table) -> None:
        self._table = table
        self.n_features_in_, self.n_rows_ = table.d, table.n_rows
        self.columns_, self.chosen_ = table.columns, table.chosen
        self.candidates_ = table.candidates()
        self.margins_ = dict(zip(self.columns_, table.margins()))

    # --- Densities ---

    @property
    def _named(self) -> bool:
        return hasattr(self, "feature_names_in_")

    def _rows(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        if self._named and hasattr(X, "columns") and set(self.columns_) <= set(map(str, X.columns)):
            X = X[self.columns_]
        return self._input(X, False)

    def _threads(self, size: int) -> int:
        return threads_of(self.n_jobs, size < 20_000)

    def score_samples(self, X: Any, candidate: Optional[str] = None) -> np.ndarray:
        """The log density at each row of X, in nats and the units of the columns; by another candidate if named."""
        X = self._rows(X)
        return self._table.log_density(_number_of(candidate), X, self._threads(X.size))

    def score(self, X: Any, y: Any = None) -> float:
        """The mean log density of the rows of X."""
        return float(np.mean(self.score_samples(X)))

    def sample(self, n_samples: int = 1, random_state: Any = None, candidate: Optional[str] = None) -> Any:
        """Draws as rows: a DataFrame if the density was fitted to one, else an array.

        `random_state` stands for that of the estimator.
        """
        check_is_fitted(self)
        count = as_index(n_samples, "n_samples", 0)
        seed = seed_of(self.random_state if random_state is None else random_state)
        draws = self._table.draws(_number_of(candidate), count, seed, self._threads(count * self.n_features_in_))
        return framed(draws, self.columns_ if self._named else None)

    def scores(self, X: Any) -> np.ndarray:
        """The normal scores of the values under their margins."""
        X = self._rows(X)
        return self._table.scores(X, self._threads(X.size))

    def p_values(self, X: Any, candidate: Optional[str] = None) -> np.ndarray:
        """The share of held-out rows of the fit that are as unlikely as each row of X.

        A new row of the same distribution has a p-value of at most α with probability α at most, whatever the model.
        """
        return self._table.p_values(_number_of(candidate), self.score_samples(X, candidate))

    def outliers(self, X: Any, n: int = 10, candidate: Optional[str] = None) -> Any:
        """The n rows of X with the lowest densities, lowest first.

        Returns
        -------
        list of Outlier, or DataFrame
            ``row``, the number of the row from 0 (in a DataFrame the index has the label), ``log_density``,
            ``p_value``, and ``column`` and ``score``, the column with the greatest normal score.
        """
        rows, count = self._rows(X), as_index(n, "n", 0)
        log_density = self._table.log_density(_number_of(candidate), rows, self._threads(rows.size))
        p = self._table.p_values(_number_of(candidate), log_density)
        order = np.argsort(log_density, kind="stable")[:count]
        z = self._table.scores(np.ascontiguousarray(rows[order]), 1)
        far = np.abs(z).argmax(axis=1) if len(order) else np.zeros(0, int)
        found = [Outlier(int(row), float(log_density[row]), float(p[row]), self.columns_[j], float(z[i, j]))
                 for i, (row, j) in enumerate(zip(order, far))]
        if not hasattr(X, "iloc"):
            return found
        import pandas
        return pandas.DataFrame(found, columns=list(Outlier._fields), index=X.index[order])

    def evaluate(self, X: Any) -> Dict[str, Any]:
        """Each candidate on new rows: do they have the same distribution?

        Returns
        -------
        dict of str to Evaluation
            For each candidate the ``mean`` log density and its ``se``, the paired ``difference`` from the chosen one
            and its ``difference_se``, the ``lowest`` log density, and ``share_p_below_001``, the share of rows with a
            p-value of at most 0.01, which is 0.01 for rows like those of the fit.
        """
        rows = self._rows(X)
        log_density = {name: self._table.log_density(_number_of(name), rows, self._threads(rows.size))
                       for name in self.candidates_}
        root, found = np.sqrt(len(rows)), {}
        for name, values in log_density.items():
            less = values - log_density[self.chosen_]
            se = [float(v.std(ddof=1) / root) if len(rows) > 1 else float("nan") for v in (values, less)]
            share = np.mean(self._table.p_values(_number_of(name), values) <= 0.01)
            found[name] = Evaluation(float(values.mean()), se[0], float(less.mean()), se[1], float(values.min()),
                                     float(share))
        return found

    def conditional(self, given: Mapping[Union[int, str], float], candidate: Optional[str] = None) -> TableDistribution:
        """The distribution of the other columns given the values of some, as in ``{"index": -3}`` or ``{0: -3}``.

        It is exact. A flow has none in closed form: if the flow is chosen, name another candidate.
        """
        return self._part(list(given), np.array(list(given.values()), float), candidate)

    def marginal(self, columns: Union[int, str, Sequence[Union[int, str]]],
                 candidate: Optional[str] = None) -> TableDistribution:
        """The joint distribution of these columns, by number or name. A flow has none in closed form."""
        return self._part(listed(columns), None, candidate)

    def _part(self, columns: List[Any], given: Optional[np.ndarray], candidate: Optional[str]) -> TableDistribution:
        check_is_fitted(self)
        if (self.chosen_ if candidate is None else candidate) == "flow":
            others = {name: c.held_out for name, c in self.candidates_.items() if name != "flow"}
            best = max(others, key=lambda name: others[name]) if others else ""
            advice = f'candidate="{best}"' if others else "candidates when fitting"
            raise ValueError(f"a flow has no conditional or marginal density in closed form: give {advice}")
        places = [as_index(self._column(column), "column", 0, self.n_features_in_ - 1) for column in columns]
        if not places or len(set(places)) < len(places) or (given is not None and len(places) == self.n_features_in_):
            raise ValueError(f"columns {columns}: give each once"
                             + (", and not all of them" if given is not None else ""))
        return TableDistribution(self._table.part(_number_of(candidate), places, given), self._named)

    def summary(self) -> str:
        """Margins and candidates as text, as `gkvae density fit` prints them."""
        check_is_fitted(self)
        return summary(self._table)

    # --- Files ---

    def save(self, path: Any) -> None:
        """Writes the density to a file, such as density.safetensors, which `gkvae density` and R read as well."""
        check_is_fitted(self)
        self._table.save(path)

    @classmethod
    def load(cls, path: Any, **parameters: Any) -> "Density":
        """Reads a density from a file, or from a folder of `gkvae density fit`.

        Parameters
        ----------
        path : path
            A file of `save`, or a folder that holds density.safetensors.
        **parameters
            Parameters of `Density` for what follows, such as `random_state` and `n_jobs`.
        """
        path = Path(path)
        density = cls(**parameters)
        density._use(Table.load(path / "density.safetensors" if path.is_dir() else path))
        if any(name not in (f"x{j}", f"column {j}") for j, name in enumerate(density.columns_, 1)):
            density.feature_names_in_ = np.array(density.columns_, dtype=object)
        return density

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_table")

    def __getstate__(self) -> Dict[str, Any]:
        state = dict(super().__getstate__())
        if "_table" in state:
            state["_table"] = state["_table"].to_bytes()
        return state

    def __setstate__(self, state: Dict[str, Any]) -> None:
        super().__setstate__(state)
        if isinstance(getattr(self, "_table", None), bytes):
            self._table = Table.from_bytes(self._table)  # type: ignore


class _Bar:
    """The progress of a fit, by tqdm where it is installed."""

    def __init__(self, verbose: bool) -> None:
        self.bar: Any = None
        if verbose:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                return
            self.bar = tqdm(unit="stage", desc="density", leave=False)

    def show(self, done: int, total: int) -> None:
        if self.bar is not None:
            self.bar.total = total
            self.bar.update(done - self.bar.n)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *exception: Any) -> None:
        if self.bar is not None:
            self.bar.close()
