"""The distributions: values, layouts and types of arrays, memory, and the bits of the C program."""
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

import gkvae
from gkvae import _evaluate as ev

FUNCTIONS = ["pdf", "logpdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf"]
PROBABILITIES = {"ppf", "isf"}


@pytest.mark.parametrize("name", ["gk", "gh", "ggh"])
def test_bits_of_the_program(program, name):
    """Scalars and short arrays have the program's bits."""
    shapes = (0.6, 0.15) if name == "gh" else (0.6, 0.15, 0.7)
    dist = getattr(gkvae, name)
    x = np.concatenate([np.linspace(-3, 12, 13), [1e9, -1e-9]])
    q = np.array([1e-12, 0.01, 0.3, 0.5, 0.9, 1 - 1e-9])
    words = ["--params", ",".join(map(repr, (3.0, 1.5, *shapes))), "--family", name]
    for function, more, points in [("pdf", [], x), ("pdf", ["--log"], x), ("cdf", [], x), ("cdf", ["--upper"], x),
                                   ("quantile", [], q), ("quantile", ["--upper"], q)]:
        method = {"pdf": "pdf", "pdf--log": "logpdf", "cdf": "cdf", "cdf--upper": "sf", "quantile": "ppf",
                  "quantile--upper": "isf"}[function + "".join(more)]
        printed = program("gk", function, *words, *more, "--", *map(repr, map(float, points))).split()
        expected = np.array(printed, float)
        values = getattr(dist, method)(points, *shapes, loc=3, scale=1.5)
        assert np.array_equal(values, expected), (function, more)
        assert getattr(dist, method)(float(points[0]), *shapes, loc=3, scale=1.5) == expected[0]


def test_normal_is_a_special_case():
    x = np.linspace(-9, 9, 3001)
    for name in FUNCTIONS:
        points = stats.norm.cdf(x)[np.abs(x) < 5] if name in PROBABILITIES else x
        np.testing.assert_allclose(getattr(gkvae.gk, name)(points, 0, 0, loc=1, scale=2),
                                   getattr(stats.norm, name)(points, 1, 2), rtol=1e-11, atol=1e-13)


def test_long_arrays_agree_with_scalars():
    x = gkvae.gk.rvs(1, 0.3, size=5000, random_state=3)
    for name in FUNCTIONS:
        points = stats.norm.cdf(x) if name in PROBABILITIES else x
        method = getattr(gkvae.gk, name)
        short = np.concatenate([method(part, 1, 0.3) for part in np.array_split(points, 50)])
        np.testing.assert_allclose(method(points, 1, 0.3), short, rtol=2e-12)


def test_c_is_a_default():
    assert gkvae.gk.pdf(1, 0.5, 0.2) == gkvae.gk.pdf(1, 0.5, 0.2, 0.8) == gkvae.gk.pdf(1, g=0.5, k=0.2, c=0.8)
    assert gkvae.gk.pdf(1, 0.5, 0.2) != gkvae.gk.pdf(1, 0.5, 0.2, 0.5)
    assert gkvae.gk(0.5, 0.2).mean() == gkvae.gk.mean(0.5, 0.2, 0.8) == gkvae.gk.mean(0.5, 0.2)
    assert gkvae.gk.expect(args=(0.5, 0.2)) == pytest.approx(gkvae.gk.mean(0.5, 0.2), rel=1e-6)
    assert gkvae.gk.interval(0.9, 0.5, 0.2) == gkvae.gk(0.5, 0.2).interval(0.9)
    assert gkvae.gk.median(0.5, 0.2, loc=4) == 4
    assert gkvae.gk.rvs(0.5, 0.2, random_state=1) == gkvae.gk(0.5, 0.2).rvs(random_state=1)


def test_invalid_parameters_are_nan():
    assert np.isnan(gkvae.gk.pdf(1, 0.5, -0.6))
    assert np.isnan(gkvae.gk.pdf(1, 0.5, 0.2, scale=0)) and np.isnan(gkvae.gk.pdf(1, 0.5, 0.2, scale=-1))
    assert np.isnan(gkvae.gk.cdf(1, np.nan, 0.2)) and np.isnan(gkvae.gk.ppf(1.5, 0.5, 0.2))
    values = gkvae.gk.pdf(1, 0.5, [0.2, -0.6, 0.1])
    assert np.array_equal(np.isnan(values), [False, True, False])
    assert np.isnan(gkvae.gk.mean(0.5, -0.6)) and np.isnan(gkvae.gk.entropy(0.5, -0.6))
    with pytest.raises(ValueError):
        gkvae.gk.rvs(0.5, -0.6)


def test_moments_beyond_existence():
    mean, variance, skewness, kurtosis = gkvae.gh.stats(0.2, [0.1, 0.3, 0.6], moments="mvsk")
    assert np.isfinite(mean).all() and np.array_equal(np.isinf(variance), [False, False, True])
    assert np.array_equal(np.isinf(kurtosis), [False, True, True])


def test_broadcasting():
    x, g, k = np.linspace(-1, 1, 5), np.array([[0.1], [0.2]]), np.array([0.1, 0.2, 0.3])[:, None, None]
    values = gkvae.gk.logpdf(x, g, k, loc=0.5)
    assert values.shape == (3, 2, 5)
    assert values[2, 1, 3] == gkvae.gk.logpdf(x[3], 0.2, 0.3, loc=0.5)
    assert gkvae.gk.pdf(np.empty((0, 3)), 0.1, 0.1).shape == (0, 3)
    assert gkvae.gk.pdf([], 0.1, 0.1).shape == (0,)
    assert gkvae.gk.pdf(1.0, np.empty(0), 0.1).shape == (0,)
    with pytest.raises(ValueError):
        gkvae.gk.pdf(np.zeros(2), np.zeros(3), 0.1)
    assert isinstance(gkvae.gk.pdf(np.array(1.0), 0.1, 0.1), np.float64)
    assert isinstance(gkvae.gk.pdf(np.float32(1), 0.1, 0.1), np.float64)
    with pytest.raises(TypeError):
        gkvae.gk.pdf(1j, 0.1, 0.1)
    with pytest.raises(TypeError):
        gkvae.gk.pdf("one", 0.1, 0.1)


@settings(max_examples=150)
@given(st.data())
def test_every_type_order_and_stride(data):
    kinds = st.one_of(hnp.integer_dtypes(endianness="?"), hnp.unsigned_integer_dtypes(endianness="?"),
                      hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)), hnp.boolean_dtypes())
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))
    array = data.draw(hnp.arrays(data.draw(kinds), shape))
    array = np.asarray(array, order=data.draw(st.sampled_from("CF")))
    for axis in range(array.ndim):
        step = data.draw(st.sampled_from([1, 2, -1, -3]))
        array = array[(slice(None),) * axis + (slice(None, None, step),)]
    if array.ndim:
        array = array.transpose(data.draw(st.permutations(range(array.ndim))))
    before = array.copy()
    values = gkvae.gk.cdf(array, 0.3, 0.1)
    with np.errstate(all="ignore"):
        expected = np.array([gkvae.gk.cdf(float(v), 0.3, 0.1) for v in array.ravel()]).reshape(array.shape)
    assert np.array_equal(values, expected, equal_nan=True)
    assert np.array_equal(array, before, equal_nan=True)


@pytest.mark.parametrize("kind", ["<f8", ">f8", "<f4", "i4", "f2"])
@pytest.mark.parametrize("view", [slice(None), slice(None, None, 2), slice(None, None, -3)])
def test_long_arrays_of_every_layout(kind, view):
    rng = np.random.default_rng(2)
    x = rng.integers(-3, 4, (300, 70, 3)).astype(kind)[view, ::2].transpose(2, 0, 1)
    g = np.array([0.1, 0.2, 0.3])[:, None, None]
    values, more = gkvae.gk.logpdf(x, 0.3, 0.1), gkvae.gk.logpdf(x, g, 0.1)
    table = {v: gkvae.gk.logpdf(float(v), 0.3, 0.1) for v in range(-3, 4)}
    expected = np.vectorize(table.get)(x.astype(int))
    np.testing.assert_allclose(values, expected, rtol=1e-12)
    np.testing.assert_allclose(more[2], expected[2], rtol=1e-12)
    np.testing.assert_allclose(more[0, 5, 7], gkvae.gk.logpdf(x[0, 5, 7], 0.1, 0.1), rtol=1e-12)
    columns = gkvae.gk.cdf(np.zeros((9000, 1)), np.linspace(0.1, 1, 4), 0.1)
    assert columns.shape == (9000, 4) and np.all(columns == 0.5)


@pytest.mark.parametrize("kind", [np.longdouble, object, bool, np.uint64])
def test_types_that_hypothesis_does_not_draw(kind):
    x = np.array([0, 1, 1, 0] * 5000, kind).reshape(200, 100)[::3, ::-1]
    np.testing.assert_allclose(gkvae.gk.logpdf(x, 0.3, 0.1), gkvae.gk.logpdf(x.astype(float), 0.3, 0.1), rtol=1e-14)
    one = gkvae.gk.cdf(float(x[0, 0]), 0.3, 0.1)
    assert gkvae.gk.cdf(x[0, 0], 0.3, 0.1) == gkvae.gk.cdf(x[0, :1], 0.3, 0.1)[0] == one


def test_unaligned_and_read_only():
    raw = np.zeros(8 * 10 + 1, np.uint8)
    unaligned = raw[1:].view(float)
    unaligned[:] = np.arange(10)
    assert not unaligned.flags.aligned
    assert np.array_equal(gkvae.gk.pdf(unaligned, 0.3, 0.1), gkvae.gk.pdf(np.arange(10.0), 0.3, 0.1))
    frozen = np.arange(10.0)
    frozen.flags.writeable = False
    assert np.array_equal(gkvae.gk.pdf(frozen, 0.3, 0.1), gkvae.gk.pdf(np.arange(10.0), 0.3, 0.1))


def test_layout_is_kept():
    x = np.asfortranarray(np.random.default_rng(1).normal(size=(30, 50)))
    values = gkvae.gk.logpdf(x, 0.3, 0.1)
    assert values.flags.f_contiguous and values[3, 7] == pytest.approx(gkvae.gk.logpdf(x[3, 7], 0.3, 0.1), rel=1e-12)


@pytest.mark.parametrize("kind", ["doubles", "floats", "strided", "broadcast"])
def test_memory_of_long_arrays(kind):
    """Beside the input and the result there is at most a tenth of the input."""
    n = 10**7
    x = {"doubles": lambda: np.zeros(n), "floats": lambda: np.zeros(n, np.float32),
         "strided": lambda: np.zeros(2 * n)[::2], "broadcast": lambda: np.zeros(n)}[kind]()
    g = np.array([[0.1]]) if kind != "broadcast" else np.full(1, 0.1)
    tracemalloc.start()
    values = gkvae.gk.logpdf(x, 0.1 if kind != "broadcast" else g, 0.1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert values.shape == (n,)
    assert peak <= values.nbytes + 0.1 * 8 * n


def test_frozen_and_pickled():
    dist = gkvae.gk(0.5, 0.2, loc=3, scale=2)
    assert dist.cdf(dist.ppf(0.3)) == pytest.approx(0.3, rel=1e-14)
    again = pickle.loads(pickle.dumps(dist))
    assert again.ppf(0.3) == dist.ppf(0.3)
    assert pickle.loads(pickle.dumps(gkvae.gh)).pdf(1, 0.1, 0.1) == gkvae.gh.pdf(1, 0.1, 0.1)


def test_draws_follow_numpy():
    draws = gkvae.gk.rvs(0.5, 0.2, size=1000, random_state=np.random.default_rng(8))
    z = np.random.default_rng(8).standard_normal(1000)
    np.testing.assert_allclose(draws, (1 + 0.8 * np.tanh(0.25 * z)) * z * (1 + z * z) ** 0.2, rtol=1e-13)
    assert stats.kstest(draws, gkvae.gk(0.5, 0.2).cdf).pvalue > 1e-3


def test_works_with_scipy(sample):
    assert stats.kstest(sample, "norm").pvalue < 1e-10
    assert stats.kstest(sample, gkvae.gk(0.5, 0.2, loc=3).cdf).pvalue > 1e-3
    shapes_and_more = gkvae.gk.fit(sample)
    assert len(shapes_and_more) == 5 and shapes_and_more[2] == 0.8
    fit = gkvae.fit_gk(sample)
    assert shapes_and_more == (fit.params.g, fit.params.k, 0.8, fit.params.A, fit.params.B)
    result = stats.fit(gkvae.gk, sample[:200], {"g": (0, 1), "k": (0, 0.5), "c": (0.8, 0.8), "loc": (2, 4),
                                                "scale": (0.5, 2)}, optimizer=_no_search)
    assert np.isfinite(result.nllf())


def _no_search(fun, bounds, **kwds):
    from scipy.optimize import OptimizeResult
    x = np.mean(bounds, axis=1)
    return OptimizeResult(x=x, fun=fun(x), success=True, message="")


def test_fit_arguments_of_scipy(sample):
    assert gkvae.gk.fit(sample, floc=3)[3] == 3
    assert gkvae.gk.fit(sample, fscale=1)[4] == 1
    assert gkvae.gk.fit(sample, f0=0.5)[0] == gkvae.gk.fit(sample, fg=0.5)[0] == gkvae.gk.fit(sample, fix_g=0.5)[0]
    assert gkvae.gk.fit(sample, fc=0.7)[2] == 0.7
    np.testing.assert_allclose(gkvae.gk.fit(sample, 0.4, 0.1, loc=3), gkvae.gk.fit(sample), rtol=1e-6)
    with pytest.raises(TypeError, match="Unknown"):
        gkvae.gk.fit(sample, nonsense=1)
    with pytest.raises(ValueError, match="fixed"):
        gkvae.gk.fit(sample, f0=0.5, f1=0.2, floc=3, fscale=1)


def test_limits_of_exactness():
    assert ev.EXACT >= 100
