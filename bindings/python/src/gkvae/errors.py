"""Exceptions of gkvae: what a failed call of the C library becomes."""
from __future__ import annotations

__all__ = ["NumericalError", "ConvergenceWarning"]


class NumericalError(ArithmeticError):
    """There is no finite result: an iteration diverged, or a matrix is singular."""


class ConvergenceWarning(UserWarning):
    """A fit has not converged: its estimates are not a verified optimum."""
