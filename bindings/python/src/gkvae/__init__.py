"""The g-and-k distribution, its fits and mixtures, nonlinear least squares, and flow VAEs over a g-and-k base.

Everything is computed by the C libraries that the package contains. The interpreter's lock is free meanwhile, and
results do not depend on the number of threads. Failures are exceptions with the message of the library:
`ValueError`, `OSError`, `MemoryError`, `NumericalError`, and `KeyboardInterrupt` after Ctrl-C.

====================================  =========================================================
`gk`, `gh`, `ggh`                     distributions, as those of `scipy.stats`
`fit_gk`, `fit_many`, `bootstrap`     fits of samples, with standard errors and tests
`MultivariateGK`, `GKMixture`         several dimensions, as estimators of scikit-learn
`least_squares`                       `scipy.optimize.least_squares` by Levenberg–Marquardt
`least_squares_many`                  many small problems at once
`Density`                             the joint density of a table with skewness and heavy tails
`VAE`                                 variational autoencoders, as estimators of scikit-learn
====================================  =========================================================
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import ConvergenceWarning, NumericalError

if TYPE_CHECKING:
    from ._many import FitResults, fit_many
    from .density import Density, TableDistribution
    from .distributions import ggh, gh, gk
    from .fitting import BootstrapResult, FitResult, bootstrap, fit_gk
    from .multivariate import GKDistribution, GKMixture, MultivariateGK
    from .optimize import least_squares, least_squares_many
    from .vae import VAE

__all__ = ["gk", "gh", "ggh", "fit_gk", "fit_many", "bootstrap", "FitResult", "FitResults", "BootstrapResult",
           "MultivariateGK", "GKMixture", "GKDistribution", "least_squares", "least_squares_many", "Density",
           "TableDistribution", "VAE", "NumericalError", "ConvergenceWarning", "build_description"]

# The modules of what is loaded when it is first used: SciPy's distributions alone take half a second.
_PLACES = {name: module for module, names in {
    "distributions": ("gk", "gh", "ggh"),
    "fitting": ("fit_gk", "bootstrap", "FitResult", "BootstrapResult"),
    "_many": ("fit_many", "FitResults"),
    "multivariate": ("MultivariateGK", "GKMixture", "GKDistribution"),
    "optimize": ("least_squares", "least_squares_many"),
    "density": ("Density", "TableDistribution"),
    "vae": ("VAE",),
}.items() for name in names}


def __getattr__(name: str) -> Any:
    from importlib import import_module
    if name == "__version__":
        from ._library import libgk
        return libgk.gkv_version().decode()
    if name not in _PLACES:
        raise AttributeError(f"module 'gkvae' has no attribute {name!r}")
    value = getattr(import_module(f"gkvae.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list:
    return sorted({*globals(), *_PLACES, "__version__"})


def build_description() -> str:
    """The compiler of the libraries, and the instruction set that they use on this machine."""
    from ._library import libgk
    return libgk.gkv_build_description().decode()
