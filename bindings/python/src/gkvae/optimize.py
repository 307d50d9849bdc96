"""Nonlinear least squares by the Levenberg–Marquardt method, called as SciPy's least_squares is."""
from __future__ import annotations

import ctypes
from typing import Any, Callable, Optional, Tuple, Union

import numpy as np
from scipy.optimize import OptimizeResult

from ._arrays import address, as_doubles, as_index
from ._calls import Call
from ._library import BATCH, RESIDUALS, libgk, names, settings

_STOP, _ITERATIONS, _JACOBIANS, _COST = map(names("lm").index, ("stop", "iterations", "jacobian_evaluations",
                                                               "cost_after"))
_NUMBERS = len(names("lm"))
# the names of losses in C; the others are computed here
_LOSSES = {"linear": "squares", "huber": "huber", "soft_l1": "soft_l1", "cauchy": "cauchy"}
_TOLERANCES = (1e-22, 1e-12, 1e-14)  # of gkvae/lm.h: cost, step, gradient
# gkv_lm_stop → status of SciPy
_STATUS = {0: -1, 1: 2, 2: 3, 3: 4, 4: 1, 5: 1, 6: 0, 7: -1, 8: -1, 9: -1}
_DEFAULT_STEPS = 5000
_NO_RESIDUALS, _NO_BATCH = RESIDUALS(0), BATCH(0)  # NULL


class _Views:
    """Arrays on memory of C, kept by address: the solver uses a few places again and again."""

    def __init__(self) -> None:
        self._known: dict = {}

    def __call__(self, at: int, shape: tuple, kind: Any = ctypes.c_double) -> np.ndarray:
        key = (at, shape)
        if key not in self._known:
            size = int(np.prod(shape))
            self._known[key] = np.frombuffer((kind * size).from_address(at), dtype=kind).reshape(shape)
        return self._known[key]


def _arctan(z: np.ndarray) -> tuple:
    t = 1 + z * z
    return np.arctan(z), 1 / t, -2 * z / (t * t)


def _rho(loss: Any, z: np.ndarray) -> tuple:
    """ρ and ρ' of z = (f/scale)²."""
    if loss == "linear":
        return z, np.ones_like(z)
    if loss == "huber":
        inner = z <= 1
        root = np.sqrt(np.where(inner, 1, z))
        return np.where(inner, z, 2 * root - 1), np.where(inner, 1, 1 / root)
    if loss == "soft_l1":
        t = np.sqrt(1 + z)
        return 2 * (t - 1), 1 / t
    if loss == "cauchy":
        return np.log1p(z), 1 / (1 + z)
    rho = _arctan(z) if loss == "arctan" else loss(z)
    if np.shape(rho) != (3, z.size):
        raise ValueError(f"The return value of `loss` callable has wrong shape: {np.shape(rho)} for {z.size} residuals")
    return np.asarray(rho[0], float), np.asarray(rho[1], float)


def _dense(jacobian: Any, n: int, p: int) -> np.ndarray:
    if hasattr(jacobian, "toarray"):
        jacobian = jacobian.toarray()
    elif hasattr(jacobian, "matmat"):  # a LinearOperator
        jacobian = jacobian.matmat(np.eye(p))
    jacobian = np.atleast_2d(np.asarray(jacobian, float))
    if jacobian.shape != (n, p):
        raise ValueError(f"`jac` has shape {jacobian.shape}; it must be {(n, p)}: a row for each residual")
    return jacobian


class _Problem:
    """One problem: the callbacks, and what they have seen."""

    call: Call
    best: Optional[Tuple[bytes, np.ndarray]]

    def __init__(self, fun: Callable, jac: Any, x0: np.ndarray, loss: Any, scale: float) -> None:
        self.fun, self.jac, self.loss, self.scale = fun, jac, loss, scale
        self.p = x0.size
        self.transforms = callable(loss) or loss == "arctan"
        self.views = _Views()
        self.f_at, self.f = x0.tobytes(), self.evaluate(x0)  # bytes compare faster than arrays
        self.n, self.rows = self.f.size, max(self.f.size, x0.size)  # C needs as many residuals as parameters
        self.best_cost, self.best = np.inf, None
        self.j_at: Optional[np.ndarray] = None
        self.j: Optional[np.ndarray] = None
        self.calls = 1
        if not np.all(np.isfinite(self.f)):
            raise ValueError("Residuals are not finite in the initial point.")

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        f = self.fun(x.copy())
        if type(f) is np.ndarray and f.ndim == 1 and f.dtype == float:
            return f
        f = np.atleast_1d(f)
        if f.ndim > 1:
            raise ValueError(f"`fun` must return at most 1-d array_like. f.shape: {f.shape}")
        if f.dtype.kind == "c":
            raise ValueError("`fun` returned complex residuals; return real and imaginary parts")
        return np.asarray(f, float)

    def residuals(self, context: Any, x_at: int, r_at: int) -> int:
        x, r = self.views(x_at, (self.p,)), self.views(r_at, (self.rows,))
        return 0 if self.call.run(self._residuals, x, r) else 6

    def _residuals(self, x: np.ndarray, r: np.ndarray) -> None:
        at = x.tobytes()
        if at != self.f_at:
            self.f, self.f_at = self.evaluate(x), at
            self.calls += 1
            if self.f.size != self.n:
                raise ValueError(f"`fun` returned {self.f.size} residuals after {self.n}")
        f = self.f
        if self.transforms:
            with np.errstate(invalid="ignore", over="ignore"):
                rho, _ = _rho(self.loss, (f / self.scale) ** 2)
                f = np.copysign(self.scale * np.sqrt(rho), f)
        r[: self.n] = f
        r[self.n:] = 0
        cost = f @ f
        if cost < self.best_cost:
            self.best_cost, self.best = cost, (self.f_at, self.f)

    def jacobian(self, context: Any, x_at: int, j_at: int) -> int:
        x, j = self.views(x_at, (self.p,)), self.views(j_at, (self.p, self.rows))
        return 0 if self.call.run(self._jacobian, x, j) else 6

    def _jacobian(self, x: np.ndarray, j: np.ndarray) -> None:
        self.j, self.j_at = _dense(self.jac(x.copy()), self.n, self.p), x.copy()
        jacobian = self.j
        if self.transforms:
            u = self.f / self.scale
            rho, slope = _rho(self.loss, u * u)
            root = np.sqrt(rho)
            with np.errstate(invalid="ignore", divide="ignore"):
                factor = np.where(root > 1e-100, slope * np.abs(u) / root, np.sqrt(slope))
            jacobian = jacobian * factor[:, None]
        j[:, : self.n] = jacobian.T
        j[:, self.n:] = 0

    def at(self, x: np.ndarray) -> np.ndarray:
        """The residuals at the solution, in general those that were computed there."""
        if self.best is not None and self.best[0] == x.tobytes():
            return self.best[1]
        return self.evaluate(x)

    def jacobian_at(self, x: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """The Jacobian at the solution: by `jac`, or by central differences."""
        if self.jac is not None:
            if self.j is not None and self.j_at is not None and np.array_equal(self.j_at, x):
                return self.j
            return _dense(self.jac(x.copy()), self.n, self.p)
        columns = []
        for i in range(self.p):
            step = np.cbrt(np.finfo(float).eps) * max(1.0, abs(x[i])) if x[i] == 0 else (
                np.cbrt(np.finfo(float).eps) * abs(x[i]))
            ends = []
            for to in (min(x[i] + step, high[i]), max(x[i] - step, low[i])):
                shifted = x.copy()
                shifted[i] = to
                ends.append((to, self.evaluate(shifted)))
            (a, fa), (b, fb) = ends
            columns.append((fa - fb) / (a - b) if a != b else np.zeros(self.n))
        return np.array(columns).reshape(self.p, self.n).T


def _bounds(bounds: Any, p: int) -> tuple:
    if not hasattr(bounds, "lb") and len(bounds) != 2:
        raise ValueError("`bounds` must contain 2 elements: all lower bounds, and all upper bounds.")
    low, high = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    try:
        low = np.broadcast_to(np.asarray(low, float), p).copy()
        high = np.broadcast_to(np.asarray(high, float), p).copy()
    except ValueError:
        raise ValueError("Inconsistent shapes between bounds and `x0`.") from None
    if np.any(low >= high):
        raise ValueError("Each lower bound must be strictly less than each upper bound.")
    return low, high


def _check_unused(x_scale: Any, tr_solver: Any, verbose: Any, p: int) -> None:
    """Arguments that have no effect are those that SciPy accepts."""
    if not (isinstance(x_scale, str) and x_scale == "jac"):
        try:
            scale = np.broadcast_to(np.asarray(x_scale, float), p) if np.ndim(x_scale) == 0 else np.asarray(
                x_scale, float)
            bad = scale.shape != (p,) or not np.all((scale > 0) & np.isfinite(scale))
        except (TypeError, ValueError):
            bad = True
        if bad:
            raise ValueError(f"`x_scale` must be 'jac', a positive number or {p} positive numbers, not {x_scale!r}.")
    if tr_solver not in (None, "exact", "lsmr"):
        raise ValueError("`tr_solver` must be None, 'exact' or 'lsmr'.")
    if verbose not in (0, 1, 2):
        raise ValueError("`verbose` must be in [0, 1, 2].")


def _tolerances(ftol: Any, xtol: Any, gtol: Any) -> np.ndarray:
    return np.array([0.0 if value is None else float(value) for value in (ftol, xtol, gtol)])


def _complex_step(fun: Callable) -> Callable:
    def jacobian(x: np.ndarray) -> np.ndarray:
        columns = []
        for i in range(x.size):
            shifted = x.astype(complex)
            shifted[i] += 1e-40j
            columns.append(np.imag(np.atleast_1d(fun(shifted))) / 1e-40)
        return np.array(columns).T
    return jacobian


def _loss_of_c(loss: Any) -> str:
    if callable(loss) or loss == "arctan":
        return "squares"  # residuals are transformed so that half their squares are the cost
    if loss not in _LOSSES:
        raise ValueError(f"`loss` must be one of {[*_LOSSES, 'arctan']} or a callable, not {loss!r}")
    return _LOSSES[loss]


def _settings(loss: str, scale: float, tolerances: tuple, max_nfev: Optional[int], acceleration: float = 0.0) -> Any:
    cost, step, gradient = map(float, _tolerances(*tolerances))
    steps = _DEFAULT_STEPS if max_nfev is None else as_index(max_nfev, "max_nfev") - 1
    return settings("lm", loss=loss, loss_scale=float(scale), cost_tolerance=cost, step_tolerance=step,
                    gradient_tolerance=gradient, max_iterations=steps, acceleration=float(acceleration))


def least_squares(fun: Callable, x0: Any, jac: Any = "2-point", bounds: Any = (-np.inf, np.inf), method: str = "trf",
                  ftol: Optional[float] = _TOLERANCES[0], xtol: Optional[float] = _TOLERANCES[1],
                  gtol: Optional[float] = _TOLERANCES[2], x_scale: Any = 1.0, loss: Any = "linear",
                  f_scale: float = 1.0, diff_step: Any = None, tr_solver: Any = None, tr_options: Any = None,
                  jac_sparsity: Any = None, max_nfev: Optional[int] = None, verbose: int = 0, args: tuple = (),
                  kwargs: Optional[dict] = None, *, acceleration: float = 0.0) -> OptimizeResult:
    """Minimizes ½ Σ ρ(f_i(x)²): `scipy.optimize.least_squares` by the Levenberg–Marquardt method of this library.

    The arguments are those of SciPy. The method does not depend on the units of the parameters, so that `x_scale`
    has no effect, and neither have `method`, `tr_solver`, `tr_options`, `jac_sparsity` and `diff_step`. There may be
    fewer residuals than parameters.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args, **kwargs)`` returns the residuals.
    x0 : array_like
        The start, within the bounds.
    jac : {"2-point", "3-point", "cs"} or callable
        The Jacobian, of shape (m, n), dense or sparse. The first two are differences that are one-sided until the
        solution converges, and central from there on; "cs" needs a `fun` of complex numbers.
    bounds : pair of array_like, or Bounds
        Lower and upper bounds.
    ftol, xtol, gtol : float or None
        MINPACK's tolerances of cost, step and gradient. The defaults, 1e-22, 1e-12 and 1e-14, are those with which
        solutions are accurate to the last digits that the data determine. None is 0.
    loss : {"linear", "huber", "soft_l1", "cauchy", "arctan"} or callable
        ρ.
    f_scale : float
        The residual at which the loss begins to differ from the square.
    max_nfev : int, optional
        The greatest number of evaluations that are not for differences; 5001 by default.
    verbose : {0, 1, 2}
        Whether a line is printed at the end.
    acceleration : float
        The limit of the geodesic acceleration; 0.75 is usual, and 0 disables it.

    Returns
    -------
    OptimizeResult
        With ``x, cost, fun, jac, grad, optimality, active_mask, nfev, njev, status, message, success`` as SciPy's,
        and ``cov``, the covariance matrix (JᵀJ)⁻¹·2 cost/(m − n) of the estimates; ∞ where the data do not determine
        a parameter.

    Examples
    --------
    >>> import numpy as np, gkvae
    >>> t = np.linspace(0, 3, 20)
    >>> y = 5 * np.exp(-0.7 * t) + 1
    >>> fit = gkvae.least_squares(lambda v: v[0] * np.exp(-v[1] * t) + v[2] - y, [1, 1, 0])
    >>> fit.x.round(6), fit.success
    (array([5. , 0.7, 1. ]), True)
    """
    if method not in ("trf", "dogbox", "lm"):
        raise ValueError("`method` must be 'trf', 'dogbox' or 'lm'.")
    if jac not in ("2-point", "3-point", "cs") and not callable(jac):
        raise ValueError("`jac` must be '2-point', '3-point', 'cs' or callable.")
    if np.iscomplexobj(x0):
        raise ValueError("`x0` must be real.")
    x = np.array(np.atleast_1d(x0), float)
    if x.ndim > 1:
        raise ValueError("`x0` must have at most 1 dimension.")
    if x.size == 0:
        raise ValueError("`x0` is empty.")
    if max_nfev is not None and max_nfev <= 0:
        raise ValueError("`max_nfev` must be None or positive integer.")
    low, high = _bounds(bounds, x.size)
    if np.any((x < low) | (x > high)):
        raise ValueError("`x0` is infeasible.")
    own_loss = _loss_of_c(loss)
    _check_unused(x_scale, tr_solver, verbose, x.size)
    if not float(f_scale) > 0:
        raise ValueError(f"`f_scale` must be positive, not {f_scale!r}.")
    if args or kwargs:
        function, jacobian, more = fun, jac, kwargs or {}

        def fun(v: np.ndarray) -> Any:
            return function(v, *args, **more)

        if callable(jacobian):
            def jac(v: np.ndarray) -> Any:
                return jacobian(v, *args, **more)
    derivative = jac if callable(jac) else _complex_step(fun) if jac == "cs" else None
    problem = _Problem(fun, derivative, x, loss, float(f_scale))
    covariance, numbers = np.empty((x.size, x.size)), np.empty(_NUMBERS)
    held = _settings(own_loss, f_scale, (ftol, xtol, gtol), max_nfev, acceleration)
    with Call() as call:
        problem.call = call
        status = libgk.gkv_flat_lm_solve(
            problem.rows, x.size, RESIDUALS(problem.residuals),
            RESIDUALS(problem.jacobian) if derivative is not None else _NO_RESIDUALS, None, None, address(low),
            address(high), None, held.place, address(x), address(covariance), address(numbers))
    call.check(status)
    return _result(problem, x, low, high, covariance, numbers, verbose)


def _result(problem: _Problem, x: np.ndarray, low: np.ndarray, high: np.ndarray, covariance: np.ndarray,
            numbers: np.ndarray, verbose: int) -> OptimizeResult:
    stop, cost = int(numbers[_STOP]), float(numbers[_COST])
    f = problem.at(x)
    jacobian = problem.jacobian_at(x, low, high)
    _, slope = _rho(problem.loss, (f / problem.scale) ** 2)
    gradient = jacobian.T @ (slope * f)
    mask = np.where(x <= low, -1, np.where(x >= high, 1, 0))
    free = np.where(mask == 0, gradient, np.where(mask < 0, np.minimum(gradient, 0), np.maximum(gradient, 0)))
    dof = problem.n - x.size
    status = _STATUS.get(stop, -1)
    result = OptimizeResult(
        x=x, cost=cost, fun=f, jac=jacobian * np.sqrt(slope)[:, None], grad=gradient,
        optimality=float(np.max(np.abs(free))), active_mask=mask,
        nfev=problem.calls if problem.jac is not None else int(numbers[_ITERATIONS]) + 1,
        njev=int(numbers[_JACOBIANS]), status=status,
        message=libgk.gkv_lm_stop_name(stop).decode(), success=status > 0,
        cov=covariance * (2 * cost / dof if dof > 0 else np.nan))
    if verbose:
        print(f"{result.message}: {result.nfev} evaluations, cost {cost:.4e}, optimality {result.optimality:.2e}")
    return result


def least_squares_many(fun: Callable, x0: Any, jac: Optional[Callable] = None, bounds: Any = (-np.inf, np.inf), *,
                       weights: Any = None, ftol: Optional[float] = _TOLERANCES[0],
                       xtol: Optional[float] = _TOLERANCES[1], gtol: Optional[float] = _TOLERANCES[2],
                       loss: str = "linear", f_scale: float = 1.0, max_nfev: Optional[int] = None) -> OptimizeResult:
    """Solves many small problems of one size, several at a time in the vectors of the processor.

    Parameters
    ----------
    fun : callable
        ``fun(x, index)`` returns the residuals, of shape (k, m), of the problems ``index``, of shape (k,), at ``x``,
        of shape (k, n). k is at most 8.
    x0 : array_like of shape (count, n)
        The start of each problem.
    jac : callable, optional
        ``jac(x, index)`` returns the Jacobians, of shape (k, m, n); by default they are differences.
    bounds : pair of array_like
        Lower and upper bounds, of shape (n,) or (count, n).
    weights : array_like of shape (count, m), optional
        Weights ≥ 0 of the squared residuals.
    loss : {"linear", "huber", "soft_l1", "cauchy"}
    ftol, xtol, gtol, f_scale, max_nfev
        As in `least_squares`.

    Returns
    -------
    OptimizeResult
        With arrays of all problems: ``x`` (count, n), ``cost``, ``nfev``, ``njev``, ``status``, ``success``
        (count,), and ``cov`` (count, n, n).

    Examples
    --------
    >>> import numpy as np, gkvae
    >>> t, rates = np.linspace(0, 3, 20), np.linspace(0.5, 1, 100)
    >>> y = np.exp(-rates[:, None] * t)
    >>> fit = gkvae.least_squares_many(lambda x, i: x[:, :1] * np.exp(-x[:, 1:] * t) - y[i], np.ones((100, 2)))
    >>> bool(np.allclose(fit.x[:, 1], rates)), bool(fit.success.all())
    (True, True)
    """
    x = np.array(as_doubles(x0, "x0", 2))
    count, p = x.shape
    if loss not in _LOSSES:
        raise ValueError(f"`loss` must be one of {list(_LOSSES)}, not {loss!r}")
    low, high = (np.ascontiguousarray(np.broadcast_to(np.asarray(end, float), x.shape)) for end in bounds)
    if np.any((x < low) | (x > high)):
        raise ValueError("`x0` is infeasible.")
    if count == 0:
        return OptimizeResult(x=x, cost=np.empty(0), nfev=np.empty(0, int), njev=np.empty(0, int),
                              status=np.empty(0, int), success=np.empty(0, bool), cov=np.empty((0, p, p)))
    first = np.asarray(fun(x[:1].copy(), np.arange(1)), float)
    if first.ndim != 2 or first.shape[0] != 1:
        raise ValueError(f"`fun` must return residuals of shape (k, m) for x of shape (k, n), not {first.shape}")
    m = first.shape[1]
    rows = max(m, p)
    if weights is not None:
        weights = np.ascontiguousarray(np.broadcast_to(np.asarray(weights, float), (count, m)))
        if rows > m:
            weights = np.ascontiguousarray(np.pad(weights, ((0, 0), (0, rows - m)), constant_values=1.0))
    views = _Views()

    def take(lanes: int, problem: int, active: int, x_at: int) -> tuple:
        on = views(active, (lanes,), ctypes.c_bool)
        index = views(problem, (lanes,), ctypes.c_size_t)[on].astype(np.intp)
        return on, index, np.ascontiguousarray(views(x_at, (p, lanes)).T[on])

    def residuals(context: Any, lanes: int, problem: int, active: int, x_at: int, r_at: int) -> int:
        def run() -> None:
            on, index, values = take(lanes, problem, active, x_at)
            r = views(r_at, (rows, lanes)).T
            if rows > m:
                r[:, m:] = 0
            r[on, :m] = fun(values, index)
        return 0 if call.run(run) else 6

    def jacobians(context: Any, lanes: int, problem: int, active: int, x_at: int, j_at: int) -> int:
        def run() -> None:
            assert jac is not None
            on, index, values = take(lanes, problem, active, x_at)
            j = views(j_at, (p, rows, lanes)).transpose(2, 1, 0)
            if rows > m:
                j[:, m:] = 0
            j[on, :m] = jac(values, index)
        return 0 if call.run(run) else 6

    numbers, covariances = np.empty((count, _NUMBERS)), np.empty((count, p, p))
    held = _settings(_LOSSES[loss], f_scale, (ftol, xtol, gtol), max_nfev)
    with Call() as call:
        status = libgk.gkv_flat_lm_solve_many(
            count, rows, p, BATCH(residuals), BATCH(jacobians) if jac is not None else _NO_BATCH, None,
            address(weights), address(low), address(high), None, held.place, 1, address(x), address(covariances),
            address(numbers))
    call.check(status)
    statuses = np.array([_STATUS.get(int(stop), -1) for stop in numbers[:, _STOP]])
    cost = numbers[:, _COST].copy()
    scale = 2 * cost / (m - p) if m > p else np.full(count, np.nan)
    with np.errstate(invalid="ignore"):
        cov = covariances * scale[:, None, None]
    return OptimizeResult(x=x, cost=cost, nfev=(numbers[:, _ITERATIONS] + 1).astype(int),
                          njev=numbers[:, _JACOBIANS].astype(int), status=statuses, success=statuses > 0, cov=cov)
