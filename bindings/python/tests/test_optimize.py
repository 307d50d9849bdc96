"""Least squares beside SciPy's."""
import numpy as np
import pytest
from scipy import optimize, sparse

import gkvae


def rosenbrock(x):
    return np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def rosenbrock_jacobian(x):
    return np.array([[-20 * x[0], 10], [-1, 0]])


T = np.linspace(0, 10, 50)
Y = 3 * np.exp(-0.3 * T) + 0.5 + 0.05 * np.sin(9 * T) + 2.0 * (np.arange(50) % 7 == 0)


def decay(x, t=T, y=Y):
    return x[0] * np.exp(-x[1] * t) + x[2] - y


def log_loss(z):
    return np.array([np.log1p(z), 1 / (1 + z), -1 / (1 + z) ** 2])


FIELDS = {"x", "cost", "fun", "jac", "grad", "optimality", "active_mask", "nfev", "njev", "status", "message",
          "success"}


@pytest.mark.parametrize("jac", ["2-point", "3-point", "cs", rosenbrock_jacobian,
                                 lambda x: sparse.csr_matrix(rosenbrock_jacobian(x)),
                                 lambda x: sparse.linalg.aslinearoperator(rosenbrock_jacobian(x))])
def test_rosenbrock(jac):
    result = gkvae.least_squares(rosenbrock, [-1.2, 1], jac=jac)
    np.testing.assert_allclose(result.x, [1, 1], rtol=1e-12)
    assert isinstance(result, optimize.OptimizeResult) and FIELDS <= set(result)
    assert result.success and result.status > 0 and result.cost < 1e-20
    np.testing.assert_allclose(result.jac, rosenbrock_jacobian(result.x), rtol=1e-6)


@pytest.mark.parametrize("loss", ["linear", "huber", "soft_l1", "cauchy", "arctan", log_loss])
@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), ([0, 0, 0.5], [2.5, 1, 5])])
def test_same_as_scipy(loss, bounds):
    ours = gkvae.least_squares(decay, [1, 1, 1], loss=loss, f_scale=0.1, bounds=bounds)
    scipys = optimize.least_squares(decay, [1, 1, 1], loss=loss, f_scale=0.1, bounds=bounds, xtol=1e-13, ftol=1e-13,
                                    gtol=1e-13)
    np.testing.assert_allclose(ours.x, scipys.x, rtol=1e-5)
    assert ours.cost <= scipys.cost * (1 + 1e-12)
    np.testing.assert_allclose(ours.fun, scipys.fun, atol=1e-5)
    np.testing.assert_allclose(ours.grad, scipys.grad, atol=1e-4)
    assert np.array_equal(ours.active_mask, scipys.active_mask) and ours.optimality < 1e-4
    if loss == "linear":
        np.testing.assert_allclose(ours.jac, scipys.jac, rtol=1e-5, atol=1e-8)


def test_arguments():
    full = gkvae.least_squares(decay, [1, 1, 1], args=(T,), kwargs={"y": Y})
    assert np.array_equal(full.x, gkvae.least_squares(decay, [1, 1, 1]).x)
    positional = gkvae.least_squares(decay, [1, 1, 1], "2-point", (-np.inf, np.inf), "trf", 1e-8, 1e-8, 1e-8, "jac")
    np.testing.assert_allclose(positional.x, full.x, rtol=1e-4)
    bounds = optimize.Bounds([0, 0, 0.5], [2.5, 1, 5])
    assert gkvae.least_squares(decay, [1, 1, 1], bounds=bounds).active_mask.tolist() == [1, 0, 0]
    limited = gkvae.least_squares(rosenbrock, [-1.2, 1], max_nfev=3)
    assert limited.status == 0 and not limited.success and limited.nfev <= 3
    scalar = gkvae.least_squares(lambda x: x - 3, 0.0)
    assert scalar.x == pytest.approx([3])


def test_covariance():
    fit = gkvae.least_squares(decay, [1, 1, 1])
    popt, pcov = optimize.curve_fit(lambda t, a, b, c: decay((a, b, c), t, 0), T, Y, [1, 1, 1])
    np.testing.assert_allclose(fit.x, popt, rtol=1e-5)
    np.testing.assert_allclose(fit.cov, pcov, rtol=1e-3)  # MINPACK's J is of one-sided differences


def test_fewer_residuals_than_parameters():
    result = gkvae.least_squares(lambda x: [x[0] + x[1] - 1], [0.0, 0.0])
    assert result.success and result.x.sum() == pytest.approx(1) and result.fun.shape == (1,)
    assert result.jac.shape == (1, 2)


def test_refusals():
    for arguments, words in [(([np.nan],), "not finite"), (([3.0], "2-point", (0, 1)), "infeasible"),
                             (([3.0], "4-point"), "jac"), (([[1.0]],), "1 dimension"), (([1j],), "real"),
                             (([3.0], "2-point", (5, 4)), "strictly less")]:
        with pytest.raises(ValueError, match=words):
            gkvae.least_squares(lambda x: x, *arguments)
    with pytest.raises(ValueError, match="not finite"):
        gkvae.least_squares(lambda x: [np.inf], [1.0])
    with pytest.raises(ValueError, match="loss"):
        gkvae.least_squares(lambda x: x, [1.0], loss="l1")
    with pytest.raises(ValueError, match="shape"):
        gkvae.least_squares(lambda x: x, [1.0], jac=lambda x: np.ones((2, 2)))


class Odd(Exception):
    pass


@pytest.mark.parametrize("where", ["fun", "jac"])
def test_exceptions_of_the_user_pass_through(where):
    calls = []

    def fun(x):
        calls.append(x)  # x may be kept
        if where == "fun" and len(calls) == 5:
            raise Odd
        return rosenbrock(x)

    def jac(x):
        if where == "jac" and len(calls) > 4:
            raise Odd
        return rosenbrock_jacobian(x)

    with pytest.raises(Odd):
        gkvae.least_squares(fun, [-1.2, 1], jac=jac)
    assert not np.array_equal(calls[0], calls[-1])


def test_residuals_that_are_not_finite_shorten_the_step():
    result = gkvae.least_squares(lambda x: [np.log(x[0]) if x[0] > 0 else np.nan], [20.0])
    assert result.x == pytest.approx([1])


def test_nested():
    def fun(x):
        inner = gkvae.least_squares(lambda y: y - x[0], [0.0])
        return [inner.x[0] - 2]
    assert gkvae.least_squares(fun, [0.0]).x == pytest.approx([2])


def test_many():
    t, rates = np.linspace(0, 3, 20), np.linspace(0.5, 1, 203)
    y = np.exp(-rates[:, None] * t) + 0.01 * np.sin(np.outer(np.arange(203), t))

    def fun(x, index):
        assert x.shape == (len(index), 2) and len(index) <= 8
        return x[:, :1] * np.exp(-x[:, 1:] * t) - y[index]

    def jac(x, index):
        e = np.exp(-x[:, 1:] * t)
        return np.stack([e, -t * x[:, :1] * e], axis=2)

    for jacobian in (None, jac):
        fit = gkvae.least_squares_many(fun, np.ones((203, 2)), jacobian)
        assert fit.success.all() and fit.x.shape == (203, 2) and fit.cov.shape == (203, 2, 2)
        for i in (0, 100, 202):
            one = gkvae.least_squares(lambda x: fun(x[None], np.array([i]))[0], [1, 1])
            np.testing.assert_allclose(fit.x[i], one.x, rtol=1e-9)
            np.testing.assert_allclose(fit.cov[i], one.cov, rtol=1e-5)
            assert fit.cost[i] == pytest.approx(one.cost)
    bounded = gkvae.least_squares_many(fun, np.full((203, 2), 0.6), jac, bounds=([0, 0], [2, 0.7]))
    assert bounded.x[:, 1].max() <= 0.7
    with pytest.raises(Odd):
        def bad(x, index):
            if len(index) > 1:
                raise Odd
            return fun(x, index)
        gkvae.least_squares_many(bad, np.ones((203, 2)))
    assert gkvae.least_squares_many(fun, np.empty((0, 2))).x.shape == (0, 2)
