"""Fits of samples: estimates, settings, errors."""
import json

import numpy as np
import pytest

import gkvae


def test_names_and_numbers(sample):
    fit = gkvae.fit_gk(sample)
    assert fit.params._fields == ("A", "B", "g", "k") and fit.params.A == fit.params[0]
    np.testing.assert_allclose(fit.params, (3, 1, 0.5, 0.2), atol=0.12)
    assert fit.converged and fit.method == "mle" and fit.n == 2000 and fit.test == "levels"
    np.testing.assert_allclose(np.sqrt(np.diag(fit.cov)), fit.se, rtol=1e-12)
    assert fit.aic == pytest.approx(8 - 2 * fit.loglik) and fit.loglik == pytest.approx(
        gkvae.gk.logpdf(sample, fit.params.g, fit.params.k, loc=fit.params.A, scale=fit.params.B).sum())
    interval = fit.conf_int()
    assert np.all(interval[:, 0] < fit.params) and np.all(fit.params < interval[:, 1])
    wider = fit.conf_int(0.99)
    assert np.all(wider[:, 0] < interval[:, 0]) and np.all(wider[:, 1] > interval[:, 1])
    profile = fit.conf_int(method="profile")
    np.testing.assert_allclose(profile, interval, atol=0.02)
    assert fit.dist.median() == fit.params.A
    assert "maximum likelihood" in fit.summary() and str(fit) == fit.summary() and "FitResult" in repr(fit)


def test_agrees_with_the_program(program, sample, tmp_path):
    np.savetxt(tmp_path / "x.csv", sample, fmt="%.17g")
    for method in ("lm", "mle", "octile"):
        printed = json.loads(program("fit", tmp_path / "x.csv", "-m", method, "--json"))
        fit = gkvae.fit_gk(sample, method=method)
        for name, numbers in printed[0]["parameters"].items():
            assert numbers["estimate"] == getattr(fit.params, name), (method, name)


def test_weights_are_counts(sample):
    x = sample[:200]
    twice = gkvae.fit_gk(np.concatenate([x, x + 1e-9]), method="lm")
    weighted = gkvae.fit_gk(x, weights=np.full(200, 2.0), method="lm")
    np.testing.assert_allclose(weighted.params, twice.params, atol=0.02)
    assert weighted.total == 400 and weighted.n == 200
    with pytest.raises(ValueError, match="weights"):
        gkvae.fit_gk(x, weights=[1, 2])


def test_fixed_start_and_bounds(sample):
    fit = gkvae.fit_gk(sample, fixed={"g": 0.5, "A": 3})
    assert fit.params.g == 0.5 and fit.params.A == 3 and fit.se.g == fit.se.A == 0 and fit.n_params == 2
    assert gkvae.fit_gk(sample, fixed=(3, None, 0.5, None)).params == fit.params
    bounded = gkvae.fit_gk(sample, bounds={"k": (0.3, 1)})
    assert bounded.params.k == pytest.approx(0.3) and bounded.bound.k == -1
    started = gkvae.fit_gk(sample, start={"g": 0.4, "k": 0.1})
    np.testing.assert_allclose(started.params, gkvae.fit_gk(sample).params, rtol=1e-6)
    for wrong in ({"q": 1}, (1, 2, 3), {"A": 3, "B": 1, "g": 0.5, "k": 0.2}):
        with pytest.raises(ValueError):
            gkvae.fit_gk(sample, fixed=wrong)


def test_c_is_estimated():
    x = gkvae.gk.rvs(2, 0.5, loc=3, size=400, random_state=3)
    held, free = gkvae.fit_gk(x), gkvae.fit_gk(x, free_c=True)
    assert held.c == 0.8 and held.c_estimate is None
    c = free.c_estimate
    assert c.determined and c.value == free.c != 0.8
    assert c.low < c.value < c.high and 0 < c.se < 0.2
    assert c.loglik_held == pytest.approx(held.loglik, abs=1e-6)
    assert c.ratio == pytest.approx(2 * (free.loglik - held.loglik), abs=1e-6)
    assert gkvae.fit_gk(x, c=free.c).loglik == pytest.approx(free.loglik, abs=1e-5)
    assert free.dist.logpdf(x).sum() == pytest.approx(free.loglik, abs=1e-6)
    with pytest.raises(ValueError, match="maximum likelihood"):
        gkvae.fit_gk(x, method="lm", free_c=True)


def test_rounded_and_censored(sample):
    rounded = np.round(sample, 1)
    with pytest.raises(ValueError, match=r'method="mle", resolution="auto"'):
        gkvae.fit_gk(np.round(sample))
    with pytest.raises(ValueError, match=r'need maximum likelihood \(method="mle"\)'):
        gkvae.fit_gk(sample, upper=sample + 1, method="lm")
    with pytest.raises(ValueError, match=r"nonparametric bootstrap only \(parametric=False\)"):
        gkvae.bootstrap(gkvae.fit_gk(sample, upper=sample + 0.1), replicates=19)
    with pytest.raises(ValueError, match=r"fix some of the parameters \(fixed=…\)"):
        gkvae.fit_gk([1, 2] * 10, upper=[2, 3] * 10)
    for resolution in (0.1, "auto"):
        fit = gkvae.fit_gk(rounded, resolution=resolution)
        assert fit.resolution == pytest.approx(0.1) and fit.test == "bins"
        np.testing.assert_allclose(fit.params, gkvae.fit_gk(sample).params, atol=0.01)
    upper = np.where(sample > 5, np.inf, sample)
    censored = gkvae.fit_gk(np.minimum(sample, 5), upper=upper)
    np.testing.assert_allclose(censored.params, gkvae.fit_gk(sample).params, atol=0.05)
    with pytest.raises(ValueError, match="resolution"):
        gkvae.fit_gk(sample, resolution=-1)


@pytest.mark.parametrize("family", ["gh", "ggh"])
def test_families(family):
    dist = getattr(gkvae, family)
    x = dist.rvs(0.4, 0.1, loc=2, size=1000, random_state=1)
    fit = gkvae.fit_gk(x, family=family)
    assert fit.params._fields == ("A", "B", "g", "h")
    np.testing.assert_allclose(fit.params, (2, 1, 0.4, 0.1), atol=0.15)
    assert fit.dist.dist.name == family and np.isfinite(fit.dist.logpdf(x)).all()
    assert gkvae.fit_gk(x, family=family, fixed={"h": 0}).params.h == 0


def test_refusals():
    for values, words in [([1, 2, 3], "8 values"), ([np.nan] * 10, "missing"), ([np.inf] * 10, "finite"),
                          ([], "8 values"), (5.0, "8 values"), (np.ones(50), "")]:
        with pytest.raises(ValueError, match=words):
            gkvae.fit_gk(values)
    with pytest.raises(ValueError, match="fit_many"):
        gkvae.fit_gk(np.random.default_rng(1).normal(size=(20, 3)))
    with pytest.raises(TypeError):
        gkvae.fit_gk(["a"] * 10)
    with pytest.raises(TypeError):
        gkvae.fit_gk(np.ones(10) * 1j)
    x = np.random.default_rng(1).normal(size=50)
    for keyword in ({"method": "ml"}, {"family": "normal"}, {"n_jobs": -2}, {"c": 1.5}, {"confidence": 95}):
        with pytest.raises(ValueError):
            gkvae.fit_gk(x, **keyword)
    with pytest.raises(ValueError, match="mle"):
        gkvae.fit_gk(x, method="lm").conf_int(method="profile")


@pytest.mark.parametrize("kind", ["i2", "f4", ">f8", "strided", "list", "2-d", "object"])
def test_any_array(kind):
    integers = np.random.default_rng(3).permutation(400)
    x = {"strided": lambda: np.repeat(integers.astype(float), 3)[::3], "list": lambda: integers.tolist(),
         "2-d": lambda: integers.astype(float)[:, None],
         "object": lambda: integers.astype(object)}.get(kind, lambda: integers.astype(kind))()
    assert gkvae.fit_gk(x).params == gkvae.fit_gk(integers.astype(float)).params


def test_many(sample):
    x = sample.reshape(-1, 4)
    fits = gkvae.fit_many(x)
    assert len(fits) == 4 and fits.params.shape == (4, 4) and fits.converged.all() and not fits.failed.any()
    for i, fit in enumerate(fits):
        assert fit.params == gkvae.fit_gk(x[:, i], method="lm").params
        assert tuple(fits.params[i]) == tuple(fit.params)
    parts = [x[:, 0], x[:100, 1], x[:30, 2]]
    ragged = gkvae.fit_many(parts, method="mle", n_jobs=2)
    assert [fit.n for fit in ragged] == [500, 100, 30]
    assert ragged[1].params == gkvae.fit_gk(parts[1]).params
    assert np.array_equal(gkvae.fit_many(np.asfortranarray(x)).params, fits.params)
    bad = x.copy()
    bad[0, 2] = np.nan
    with pytest.raises(ValueError, match="sample 3 of 4"):
        gkvae.fit_many(bad)
    fits = gkvae.fit_many(bad, errors="nan")
    assert fits.failed.tolist() == [False, False, True, False] and np.isnan(fits.params[2]).all()
    assert fits.summary().count("\n") == 4 and "1 failed" in repr(fits) and "finite" in fits.reason
    assert len(gkvae.fit_many(np.empty((10, 0)))) == 0


def test_bootstrap(sample):
    fit = gkvae.fit_gk(sample[:400], method="lm")
    result = gkvae.bootstrap(fit, replicates=200, random_state=3)
    assert np.array_equal(result.estimates, gkvae.bootstrap(fit, replicates=200, random_state=3, n_jobs=2).estimates)
    np.testing.assert_allclose(result.se, result.estimates.std(axis=0, ddof=1), rtol=1e-10)
    np.testing.assert_allclose(result.se, fit.se, rtol=0.4)
    assert 0 < result.pvalue <= 1 and 0 < result.pvalue_ad <= 1 and result.n_failed == 0
    wide, narrow = result.conf_int(), result.conf_int(0.5)
    assert np.all(wide[:, 0] < narrow[:, 0]) and np.all(narrow[:, 1] < wide[:, 1])
    other = gkvae.bootstrap(sample[:400], replicates=50, parametric=False, method="lm",
                            random_state=np.random.default_rng(1))
    assert np.isnan(other.pvalue) and other.estimates.shape == (50, 4)
    with pytest.raises(ValueError):
        gkvae.bootstrap(fit, replicates=3)


def test_plot(sample):
    pytest.importorskip("matplotlib")
    import matplotlib
    matplotlib.use("Agg")
    figure = gkvae.fit_gk(sample).plot()
    assert len(figure.axes) == 2


def test_intervals_of_quantiles(sample):
    """The median has the interval of A, others have the error of bootstrap estimates, and 95 % cover the truth."""
    fit = gkvae.fit_gk(sample)
    np.testing.assert_allclose(fit.quantile(0.5), [fit.params.A, *fit.conf_int()[0]], rtol=1e-6)
    table = fit.quantile([[0.01, 0.5, 0.99]], confidence=0.9)
    assert table.shape == (1, 3, 3) and np.array_equal(table[..., 0], fit.dist.ppf([[0.01, 0.5, 0.99]]))
    a, b, g, k = gkvae.bootstrap(fit, replicates=200, random_state=1).estimates.T
    _, low, high = fit.quantile(0.99)
    assert (high - low) / 3.92 == pytest.approx(np.std(gkvae.gk.ppf(0.99, g, k, loc=a, scale=b)), rel=0.2)
    draws = gkvae.gk.rvs(0.5, 0.2, size=(500, 150), random_state=2)
    truth, covered = gkvae.gk.ppf(0.99, 0.5, 0.2), 0
    for column in draws.T:
        _, low, high = gkvae.fit_gk(column).quantile(0.99)
        covered += low < truth < high
    assert 0.9 <= covered / 150 <= 0.99
    assert np.isfinite(gkvae.fit_gk(sample, fixed={"g": 0}, family="ggh").quantile(0.9)).all()
    with pytest.raises(ValueError, match="confidence"):
        fit.quantile(0.9, confidence=95)
    with pytest.raises(ValueError, match="no standard errors"):
        gkvae.fit_gk(sample, method="octile").quantile(0.9)


def test_published_estimates(series):
    """The verified maximum-likelihood estimates, to their printed digits (tests/mixture/test_series.c)."""
    columns = series("exchange-returns.csv")
    wanted = [[-8.4948e-5, 1.66518e-3, .020315, .34420, 8574.937], [-3.8692e-4, 6.00918e-3, .11368, .19635, 6477.158],
              [-2.7179e-4, 5.26072e-3, .04750, .27703, 6555.172], [-2.2786e-4, 4.84385e-3, .16919, .26151, 6753.200],
              [-2.5230e-4, 6.79302e-3, .08969, .16408, 6314.728]]
    errors = [[4.657e-5, 5.814e-5, .03188, .02556], [1.629e-4, 1.988e-4, .02894, .02374],
              [1.434e-4, 1.838e-4, .03143, .02554], [1.337e-4, 1.653e-4, .03087, .02510],
              [1.833e-4, 2.165e-4, .02749, .02251]]
    fits = gkvae.fit_many(columns, method="mle")
    assert fits.converged.all()
    for fit, numbers, se in zip(fits, wanted, errors):
        np.testing.assert_allclose([*fit.params, fit.loglik], numbers, rtol=1e-4)
        np.testing.assert_allclose(fit.se, se, rtol=1e-3)


def test_whole_numbers_are_not_truncated(sample):
    for keywords in ({"levels": 20.5}, {"n_jobs": 1.5}):
        with pytest.raises(TypeError, match="whole number"):
            gkvae.fit_gk(sample, method="lm", **keywords)
    with pytest.raises(TypeError, match="replicates = 19.5"):
        gkvae.bootstrap(gkvae.fit_gk(sample, method="lm"), replicates=19.5)


def test_nothing_is_no_sample():
    for call in (gkvae.bootstrap, gkvae.fit_gk, gkvae.fit_many):
        with pytest.raises(TypeError, match="is None"):
            call(None)


def test_settings_are_refused_also_where_samples_may_fail(sample):
    for keywords in ({"c": 1.5}, {"confidence": 95}):
        with pytest.raises(ValueError):
            gkvae.fit_many(sample.reshape(-1, 2), errors="nan", **keywords)
