"""What those try who know SciPy, scikit-learn and pandas."""
import copy
import pickle
import warnings

import joblib
import numpy as np
import pytest
from scipy import optimize, stats
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler

import gkvae

pandas = pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def table():
    dist = gkvae.GKDistribution([[0, 1, 0.5, 0.1], [2, 1, 0, 0.2]], [[1, 0.7], [0.7, 1]])
    return pandas.DataFrame(dist.rvs(600, random_state=1), columns=["index", "currency"])


# --- SciPy ---


def test_goodness_of_fit(sample):
    found = stats.goodness_of_fit(gkvae.gk, sample[:80], known_params={"c": 0.8}, statistic="ad", n_mc_samples=19,
                                  random_state=1)
    assert found.pvalue > 0.01
    uniform = stats.goodness_of_fit(gkvae.gk, np.random.default_rng(1).choice([-1, 1], 80) + 0.1 * sample[:80],
                                    fit_params={"g": 0, "k": 0}, known_params={"c": 0.8}, statistic="ad",
                                    n_mc_samples=99, random_state=1)
    assert uniform.pvalue < 0.05 < found.pvalue


def test_tests_and_plots_of_scipy(sample):
    v = gkvae.gk.fit(sample, floc=3)
    assert v[3] == 3
    dist = gkvae.gk(*v)
    named = gkvae.gk(g=v[0], k=v[1], loc=v[3], scale=v[4])
    assert stats.kstest(sample, gkvae.gk.cdf, args=v).pvalue == stats.kstest(sample, named.cdf).pvalue > 0.01
    assert stats.cramervonmises(sample, dist.cdf).pvalue > 0.01
    assert stats.probplot(sample, sparams=v[:3], dist=gkvae.gk)[1][2] > 0.98
    assert gkvae.gk.nnlf(v, sample) == pytest.approx(-dist.logpdf(sample).sum(), rel=1e-10)
    assert dist.interval(0.9) == pytest.approx(dist.ppf([0.05, 0.95]), rel=1e-12)


def test_loc_in_the_place_of_c():
    with pytest.warns(UserWarning, match="the arguments are g, k, c, loc, scale, so give loc and scale by name"):
        assert np.isnan(gkvae.gk(0.5, 0.2, 3.0, 1.0).pdf(1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gkvae.gk(0.5, 0.2, 0.7, 3.0, 1.0), gkvae.gh(0.5, 0.2, 3.0, 1.0), gkvae.ggh(0.5, 0.2, loc=3.0)


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_least_squares_in_existing_code(method):
    t = np.linspace(0, 10, 50)
    y = 3 * np.exp(-0.3 * t) + 0.5 + 0.01 * np.sin(9 * t)

    def residuals(x, t, y, shift=0.0):
        return x[0] * np.exp(-x[1] * t) + x[2] - y - shift

    def jacobian(x, t, y, shift=0.0):
        e = np.exp(-x[1] * t)
        return np.stack([e, -x[0] * t * e, np.ones_like(t)], axis=1)

    arguments = dict(jac=jacobian, method=method, x_scale="jac", args=(t, y), kwargs={"shift": 0.1}, max_nfev=200,
                     ftol=1e-12, xtol=1e-12, gtol=1e-12, verbose=0)
    if method == "trf":
        arguments.update(tr_solver="lsmr", tr_options={"regularize": True})
    theirs = optimize.least_squares(residuals, [1.0, 1.0, 1.0], **arguments)
    ours = gkvae.least_squares(residuals, [1.0, 1.0, 1.0], **arguments)
    np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-6)
    assert set(theirs) <= set(ours) and ours.cost <= theirs.cost * (1 + 1e-10)
    assert pickle.loads(pickle.dumps(ours)).x[0] == ours.x[0]


@pytest.mark.parametrize("wrong, words", [
    ({"x_scale": "foo"}, "x_scale"), ({"x_scale": [-1.0, 1]}, "x_scale"), ({"x_scale": [1.0]}, "x_scale"),
    ({"x_scale": np.inf}, "x_scale"), ({"tr_solver": "qr"}, "tr_solver"), ({"verbose": 3}, "verbose"),
    ({"bounds": [(0, 5), (0, 5), (0, 5)]}, "2 elements"), ({"f_scale": 0.0, "loss": "huber"}, "f_scale"),
    ({"method": "bfgs"}, "method"), ({"jac": "4-point"}, "jac"), ({"max_nfev": 0}, "max_nfev")])
def test_mistakes_that_scipy_refuses(wrong, words):
    for solver in (optimize.least_squares, gkvae.least_squares):
        if solver is optimize.least_squares and ("f_scale" in wrong or wrong.get("x_scale") is np.inf):
            continue  # SciPy divides by 0 there
        with pytest.raises(ValueError, match=words):
            solver(lambda x: x - 1, [2.0, 3.0], **wrong)


# --- Missing values, and other data that are no numbers ---


def test_missing_values(sample):
    holes = np.insert(sample, [0, 700], np.nan)
    whole = gkvae.fit_gk(sample)
    for x in (holes, pandas.Series(holes), np.ma.masked_invalid(holes), pandas.Series(holes).astype("Float64"),
              holes.tolist()):
        with pytest.raises(ValueError, match=r'value 1 of 2002 is missing \(NaN\), 2 in all: nan_policy="omit"'):
            gkvae.fit_gk(x)
        assert gkvae.fit_gk(x, nan_policy="omit").params == whole.params
    weights = np.ones(2002)
    weights[5] = np.nan
    assert gkvae.fit_gk(holes, weights=weights, nan_policy="omit").n == 1999
    assert gkvae.fit_gk(holes, upper=np.where(holes > 3, np.inf, holes), nan_policy="omit").n == 2000
    with pytest.raises(ValueError, match="nan_policy = 'propagate'"):
        gkvae.fit_gk(sample, nan_policy="propagate")
    assert np.isnan(gkvae.gk.pdf(np.ma.masked_greater([1.0, 5.0], 3), 0.1, 0.1)).tolist() == [False, True]
    with pytest.raises(ValueError):
        gkvae.gk.fit(holes)


def test_dates_are_no_numbers():
    for x in (pandas.date_range("2020-01-01", periods=50), pandas.to_timedelta(np.arange(50) ** 2, unit="D")):
        with pytest.raises(TypeError, match="dates or durations"):
            gkvae.fit_gk(x)
    with pytest.raises(TypeError, match="must be numbers"):
        gkvae.fit_gk(pandas.Series(["a", None] * 10))


def test_names_of_samples(table):
    fits = gkvae.fit_many(table)
    assert fits.names == ["index", "currency"] and fits["currency"].params == fits[1].params
    frame = fits.to_frame()
    assert frame.loc["index", "k"] == fits.params[0, 3] and frame.loc["currency", "se_g"] == fits.se[1, 2]
    assert frame["converged"].all() and "currency " in fits.summary()
    with pytest.raises(KeyError, match="no sample 'price'; the samples are index, currency"):
        fits["price"]
    groups = gkvae.fit_many(dict(list(table["index"].groupby(np.arange(600) // 300))), family="gh")
    assert groups.names == [0, 1] and groups.to_frame().columns[3] == "h"
    assert groups[1].params == gkvae.fit_gk(table["index"][300:], method="lm", family="gh").params


def test_missing_values_of_samples(table):
    holes = table.mask(table > 4)
    with pytest.raises(ValueError, match="sample 'index': value .* is missing"):
        gkvae.fit_many(holes)
    fits = gkvae.fit_many(holes, nan_policy="omit")
    twice = gkvae.fit_many(holes, nan_policy="omit", weights=np.full(600, 2.0), resolution=0.0)
    for i, name in enumerate(table):
        assert fits[i].params == gkvae.fit_gk(holes[name].dropna(), method="lm").params
        assert twice[i].params == gkvae.fit_gk(holes[name].dropna(), method="lm", resolution=0.0,
                                               weights=np.full(holes[name].count(), 2.0)).params
    assert gkvae.fit_many(holes, errors="nan").failed.all()
    listed = gkvae.fit_many([holes["index"], table["index"]], nan_policy="omit")
    assert listed[0].n < listed[1].n == 600


# --- scikit-learn ---


def test_moments_of_a_mixture(table):
    """The moments that users of GaussianMixture look for are those of draws, and of GaussianMixture for normals."""
    rows = np.vstack([table, table + 9])
    model = gkvae.GKMixture(2, random_state=0).fit(rows)
    assert model.means_.shape == (2, 2) and model.covariances_.shape == (2, 2, 2)
    draws, labels = model.distribution_.rvs(200_000, 1, components=True)
    for k in range(2):
        own = draws[labels == k]
        np.testing.assert_allclose(model.means_[k], own.mean(axis=0), atol=0.03)
        np.testing.assert_allclose(model.covariances_[k], np.cov(own.T), rtol=0.05)
    np.testing.assert_allclose(model.distribution_.mean(), draws.mean(axis=0), atol=0.05)
    np.testing.assert_allclose(model.distribution_.cov(), np.cov(draws.T), rtol=0.02)
    normals = gkvae.GKMixture(2, normal=True, shrink=0, random_state=0).fit(rows)
    theirs = GaussianMixture(2, random_state=0, tol=1e-8, max_iter=1000, n_init=3).fit(rows)
    order = np.argsort(theirs.means_[:, 0]), np.argsort(normals.means_[:, 0])
    np.testing.assert_allclose(normals.means_[order[1]], theirs.means_[order[0]], rtol=2e-3)
    np.testing.assert_allclose(normals.covariances_[order[1]], theirs.covariances_[order[0]], rtol=1e-2)
    assert {name for name in vars(theirs) if name.endswith("_") and "precisions" not in name} <= {
        name for name in dir(model) if name.endswith("_")}
    for name in ("means_", "covariances_", "location_"):
        assert not hasattr(gkvae.GKMixture(), name)
    with pytest.raises(NotFittedError):
        gkvae.MultivariateGK().covariance_


@pytest.mark.parametrize("margin", [(0.5, 0.2), (2, 0.5), (0, -0.45), (5, 1), (10, 0.1)])
def test_moments_are_exact(margin):
    """Against the moments of one dimension, and a quadrature in two."""
    g, k = margin
    dist = gkvae.GKDistribution([[100, 2, g, k], [-3, 1, -0.4, 0.1]], [[1, 0.7], [0.7, 1]])
    (mean,), (covariance,) = dist.component_moments()
    assert mean == pytest.approx([gkvae.gk.mean(g, k, loc=100, scale=2), gkvae.gk.mean(-0.4, 0.1, loc=-3)], rel=1e-12)
    assert np.diag(covariance) == pytest.approx([gkvae.gk.var(g, k, scale=2), gkvae.gk.var(-0.4, 0.1)], rel=1e-12)
    z = np.linspace(-13, 13, 1001)
    weights = np.exp(-z * z / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    one = dist.marginal(0).ppf(stats.norm.cdf(z)) - mean[0] if abs(g) < 1 and k >= 0 else None
    if one is not None:
        one[~np.isfinite(one)] = 0
        other = gkvae.gk.ppf(stats.norm.cdf(0.7 * z[:, None] + np.sqrt(0.51) * z), -0.4, 0.1)
        other[~np.isfinite(other)] = 0
        assert covariance[0, 1] == pytest.approx((weights * one) @ other @ weights, rel=1e-6)
    same = gkvae.GKDistribution([[0, 2, g, k], [0, 2, g, k]], [[1, -0.999], [-0.999, 1]])
    assert abs(np.linalg.det(same.cov())) < np.prod(np.diag(same.cov()))
    given = dist.conditional({1: -1.0})
    draws = given.rvs(100_000, random_state=2)
    assert given.mean() == pytest.approx(draws.mean(axis=0), abs=5 * draws.std() / 300)
    assert given.cov() == pytest.approx(np.atleast_2d(draws.var()), rel=0.15)


def test_moments_of_one_distribution(table):
    model = gkvae.MultivariateGK(method="mle").fit(table)
    theirs = EmpiricalCovariance().fit(table)
    np.testing.assert_allclose(model.location_, theirs.location_, atol=0.1)
    np.testing.assert_allclose(model.covariance_, theirs.covariance_, rtol=0.2)
    normal = gkvae.MultivariateGK(normal=True).fit(table)
    np.testing.assert_allclose(normal.location_, theirs.location_, rtol=1e-9)
    np.testing.assert_allclose(normal.covariance_, theirs.covariance_, rtol=1e-9)


def test_pipelines_and_searches(table):
    for model in (gkvae.MultivariateGK(), gkvae.GKMixture(2, random_state=0), gkvae.Density("t-copula")):
        pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), model).fit(table)
        scaled = pipeline[0].transform(table)
        assert pipeline.score(table) == pytest.approx(pipeline[-1].score(scaled))
        assert pipeline[-1].feature_names_in_.tolist() == ["index", "currency"]
        assert np.isfinite(cross_val_score(model, table, cv=3)).all()
        again = pickle.loads(pickle.dumps(pipeline))
        assert np.array_equal(again.score_samples(table), pipeline.score_samples(table))
        assert copy.deepcopy(pipeline).score(table) == pipeline.score(table)
        with pytest.raises(ValueError, match="NaN"):
            model.fit(table.mask(table > 4))
    search = GridSearchCV(Pipeline([("scale", RobustScaler()), ("model", gkvae.GKMixture(random_state=0))]),
                          {"model__n_components": [1, 2], "model__normal": [True, False]}, cv=2, n_jobs=2).fit(table)
    assert not search.best_params_["model__normal"]  # the margins are no normal ones
    kinds = GridSearchCV(gkvae.Density(folds=1, random_state=0), {"candidates": ["t-copula", "normal-mixture"]}, cv=2)
    assert np.isfinite(kinds.fit(table).best_score_)


def test_files_of_estimators(table, tmp_path):
    model = gkvae.GKMixture(2, random_state=0).fit(table)
    joblib.dump(model, tmp_path / "model.joblib")
    assert np.array_equal(joblib.load(tmp_path / "model.joblib").predict_proba(table), model.predict_proba(table))
    scores = joblib.Parallel(2)(joblib.delayed(gkvae.fit_gk)(table["index"][i::2].to_numpy()) for i in range(2))
    assert scores[1].params == gkvae.fit_gk(table["index"][1::2]).params


@pytest.mark.parametrize("form", ["list", "fortran", "strided", "backwards", ">f8", "f4", "frame"])
def test_layouts_of_tables(table, form):
    """The estimators take tables of every type, order and stride, and leave them as they are."""
    rows = np.ascontiguousarray(table.to_numpy()[:200].astype("f4"), float)
    given = {"list": rows.tolist, "fortran": lambda: np.asfortranarray(rows),
             "strided": lambda: np.repeat(np.repeat(rows, 2, axis=0), 3, axis=1)[::2, ::3],
             "backwards": lambda: rows[::-1, ::-1].copy()[::-1, ::-1], ">f8": lambda: rows.astype(">f8"),
             "f4": lambda: rows.astype("f4"), "frame": lambda: pandas.DataFrame(rows)}[form]()
    before = copy.deepcopy(given)
    for model in (gkvae.MultivariateGK(), gkvae.GKMixture(2, n_init=2, random_state=0),
                  gkvae.Density("t-copula", folds=1, random_state=0)):
        expected = model.fit(rows).score_samples(rows)
        assert np.array_equal(model.fit(given).score_samples(given), expected)
    assert np.array_equal(before, given)


def test_empty_tables(table):
    for model in (gkvae.MultivariateGK(), gkvae.GKMixture(), gkvae.Density("t-copula", folds=1)):
        for empty in (np.empty((0, 2)), np.empty((5, 0)), np.array(1.0)):
            with pytest.raises(ValueError):
                model.fit(empty)
        distribution = model.fit(table[:200].to_numpy()).marginal([0, 1])
        assert distribution.logpdf(np.empty((0, 2))).shape == (0,) and distribution.rvs(0).shape == (0, 2)


def test_impute_keeps_a_frame(table):
    model = gkvae.MultivariateGK(random_state=1).fit(table)
    holes = table.mask(table > 4)
    filled = model.impute(holes)
    assert isinstance(filled, pandas.DataFrame) and filled.columns.equals(table.columns)
    assert filled.index.equals(table.index) and not filled.isna().any().any()
    assert np.array_equal(filled[holes.notna()], holes, equal_nan=True)
    with pytest.warns(UserWarning, match="valid feature names"):
        assert np.array_equal(model.impute(holes.to_numpy()), filled)
    with pytest.raises(ValueError, match="feature names"):
        model.impute(holes[["currency", "index"]])


# --- A VAE in the manner of scikit-learn ---

SMALL = dict(latent=2, epochs=1, hidden=16, layers=1, base_components=2, verbose=False, seed=1)


@pytest.mark.filterwarnings("ignore:copies of other training images", "ignore:X does not have valid feature names")
def test_vae_among_estimators(tmp_path):
    rows = (np.random.default_rng(0).random((300, 36)) < np.linspace(0.1, 0.9, 36)).astype(float)
    labels = np.where(rows[:, 30] > 0, "yes", "no")
    pipeline = make_pipeline(gkvae.VAE(**SMALL), KNeighborsClassifier()).fit(rows, labels)  # labels are the neighbours'
    assert set(pipeline.predict(rows)) <= {"yes", "no"}
    model = gkvae.VAE(**SMALL).fit(pandas.DataFrame(rows))
    assert np.array_equal(model.encode(rows), pipeline[0].encode(rows))
    model.save(tmp_path / "run")
    assert np.array_equal(gkvae.VAE.load(tmp_path / "run").encode(rows), model.encode(rows))
    joblib.dump(model, tmp_path / "model.joblib")
    assert np.array_equal(joblib.load(tmp_path / "model.joblib").encode(rows), model.encode(rows))
    search = GridSearchCV(gkvae.VAE(**SMALL), {"latent": [2, 3]}, cv=2).fit(rows)
    assert search.best_params_["latent"] in (2, 3) and np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert PCA(2).fit(model.transform(rows)).components_.shape == (2, 2)
    with pytest.raises(ValueError, match=r"300 integers 0 … 255; np.unique"):
        gkvae.VAE(**{**SMALL, "base": "gk-by-class"}).fit(rows, labels)
    with pytest.raises(ValueError, match=r"X\[None\] is one image"):
        model.encode(rows[0].reshape(6, 6))
    with pytest.raises(ValueError, match=r"transpose\(0, 2, 3, 1\)"):
        model.encode(rows.reshape(-1, 1, 6, 6))


@pytest.mark.filterwarnings("ignore:copies of other training images")
def test_vae_leaves_no_folder_and_no_warning():
    rows = np.random.default_rng(0).random((300, 16))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        model = gkvae.VAE(**SMALL).fit(rows)
        folder = model.folder_
        assert folder.exists()
        del model
        assert not folder.exists()
        with pytest.raises(ValueError, match="0 to 255"):
            gkvae.VAE(**SMALL).fit(rows.round() * 255.0)
