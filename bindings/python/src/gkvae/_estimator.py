"""What the estimators of several dimensions share."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Union

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ._arrays import seed_of

if TYPE_CHECKING:
    from .multivariate import GKDistribution


def listed(columns: Any) -> List[Any]:
    """The columns as a list, also one of them."""
    return [columns] if isinstance(columns, str) or np.ndim(columns) == 0 else list(columns)


class TableEstimator(DensityMixin, BaseEstimator):
    """What all estimators of several columns share: their input, seeds and names of columns."""

    n_features_in_: int
    feature_names_in_: np.ndarray
    random_state: Any

    def _input(self, X: Any, reset: bool, finite: Union[bool, str] = True) -> np.ndarray:
        words: Dict[str, Any] = dict(reset=reset, dtype=float, order="C", ensure_min_samples=2 if reset else 1)
        try:
            from sklearn.utils.validation import validate_data
        except ImportError:  # scikit-learn before 1.6
            X = self._validate_data(X, force_all_finite=finite, **words)
        else:
            X = validate_data(self, X, ensure_all_finite=finite, **words)
        return np.require(X, float, ["C", "A"])

    def _seed(self) -> int:
        return seed_of(check_random_state(self.random_state))

    def _column(self, column: Union[int, str]) -> int:
        """The number of a column; names are those of the DataFrame that was fitted."""
        known = list(getattr(self, "feature_names_in_", []))
        if isinstance(column, str) and column not in known:
            raise ValueError(f"there is no column {column!r}; the columns of the fit are {known or 'without names'}")
        return known.index(column) if isinstance(column, str) else column


class Estimator(TableEstimator):
    """What MultivariateGK and GKMixture share."""

    def _weights(self, sample_weight: Any, X: np.ndarray) -> Optional[np.ndarray]:
        if sample_weight is None:
            return None
        from sklearn.utils.validation import _check_sample_weight
        return np.require(_check_sample_weight(sample_weight, X, dtype=float), float, ["C", "A"])

    def _auto(self, value: Any, name: str) -> Any:
        if not isinstance(value, str) and value >= 0:
            return float(value)
        if isinstance(value, str) and value == "auto":
            return value
        raise ValueError(f'{name} = {value!r}: give "auto" or a number ≥ 0')

    def _distribution(self) -> GKDistribution:
        """The fitted distribution; without a fit `hasattr` of what needs it is False."""
        if not hasattr(self, "distribution_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet: call fit(X)")
        return self.distribution_

    def score_samples(self, X: Any) -> np.ndarray:
        """The log density at each row of X."""
        check_is_fitted(self)
        return self.distribution_.logpdf(self._input(X, False), self.n_jobs)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean log density of the rows of X."""
        return float(np.mean(self.score_samples(X)))

    def aic(self, X: Any) -> float:
        """Akaike's criterion of this model on X: 2 parameters − 2 log L."""
        return 2 * self.n_parameters_ - 2 * float(self.score_samples(X).sum())

    def bic(self, X: Any) -> float:
        """Schwarz's criterion of this model on X: parameters · log n − 2 log L."""
        log_pdf = self.score_samples(X)
        return self.n_parameters_ * np.log(len(log_pdf)) - 2 * float(log_pdf.sum())

    def conditional(self, given: Mapping[Union[int, str], float]) -> GKDistribution:
        """The distribution of the other columns given the values of some, as in ``{0: 1.5}`` or ``{"name": 1.5}``."""
        check_is_fitted(self)
        return self.distribution_.conditional({self._column(column): value for column, value in given.items()})

    def marginal(self, columns: Union[int, str, Sequence[Union[int, str]]]) -> GKDistribution:
        """The joint distribution of these columns, by number or name."""
        check_is_fitted(self)
        return self.distribution_.marginal([self._column(column) for column in listed(columns)])

    def _named(self, numbers: dict) -> None:
        self.loglik_, self.aic_, self.bic_ = (float(numbers[name]) for name in ("log_likelihood", "aic", "bic"))
        self.n_parameters_ = int(numbers["parameters"])
        self.converged_ = bool(numbers["converged"] == 1)
