"""Several dimensions: the estimators, and the distributions that they fit."""
import pickle

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import gkvae

MARGINS = np.array([[[0, 1, 0.5, 0.1], [2, 1, 0, 0.2], [-1, 2, -0.3, 0.05]],
                    [[9, 1, 0.2, 0.1], [-5, 1, 0.4, 0.1], [4, 1, 0, 0]]])
R = np.array([[[1, 0.7, 0.2], [0.7, 1, 0.1], [0.2, 0.1, 1]], [[1, -0.3, 0], [-0.3, 1, 0.5], [0, 0.5, 1]]])


@pytest.fixture(scope="module")
def one():
    return gkvae.GKDistribution(MARGINS[0], R[0])


@pytest.fixture(scope="module")
def two():
    return gkvae.GKDistribution(MARGINS, R, [0.65, 0.35])


@parametrize_with_checks([gkvae.MultivariateGK(), gkvae.GKMixture(), gkvae.GKMixture(normal=True)])
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_density(one, two):
    x = two.rvs(500, random_state=2)
    f = []
    for margins, r in zip(MARGINS, R):
        z = np.stack([gkvae._evaluate.value(0, gkvae._evaluate.Q_INVERSE, x[:, j], *margins[j], 0.8)
                      for j in range(3)], axis=1)
        log_slope = sum(stats.norm.logpdf(z[:, j]) - gkvae.gk.logpdf(x[:, j], *margins[j, 2:], loc=margins[j, 0],
                                                                     scale=margins[j, 1]) for j in range(3))
        f.append(stats.multivariate_normal.logpdf(z, cov=r) - log_slope)
    mixture = np.logaddexp(np.log(0.65) + f[0], np.log(0.35) + f[1])
    np.testing.assert_allclose(two.logpdf(x), mixture, rtol=1e-9)
    np.testing.assert_allclose(one.logpdf(x), f[0], rtol=1e-9)
    responsibilities = two.responsibilities(x)
    np.testing.assert_allclose(responsibilities[:, 0], np.exp(np.log(0.65) + f[0] - mixture), atol=1e-12)
    np.testing.assert_allclose(responsibilities.sum(axis=1), 1)
    assert two.pdf(x[0]).shape == (1,)


def test_conditional(one, two):
    """f(x) = f(x_b) f(x_a | x_b), and the conditional of a normal distribution is the textbook's."""
    x = two.rvs(20, random_state=3)
    for dist in (one, two):
        for row in x:
            joint = dist.logpdf(row)[0]
            rest = dist.conditional({1: row[1]})
            assert rest.d == 2
            assert joint == pytest.approx(dist.marginal(1).logpdf(row[1:2])[0] + rest.logpdf(row[[0, 2]])[0], rel=1e-9)
            last = dist.conditional({1: row[1], 0: row[0]})
            assert 0 < last.cdf(row[2]) < 1 and last.ppf(last.cdf(row[2])) == pytest.approx(row[2])
            assert last.cdf(row[2]) + last.sf(row[2]) == pytest.approx(1)
    normal = gkvae.GKDistribution([[0, 1, 0, 0], [0, 1, 0, 0]], [[1, 0.6], [0.6, 1]])
    given = normal.conditional({0: 2.0})
    assert given.ppf(0.5) == pytest.approx(1.2) and given.covariances[0, 0, 0] == pytest.approx(1 - 0.36)
    again = given.rvs(4000, random_state=1)[:, 0]
    assert stats.kstest(again, stats.norm(1.2, 0.8).cdf).pvalue > 1e-3
    for wrong in ({5: 1.0}, {}, {0: 1.0, 1: 2.0}):
        with pytest.raises(ValueError):
            normal.conditional(wrong)


def test_scores(two):
    x = two.rvs(3000, random_state=4)
    white = two.scores(x, whiten=True)
    assert np.abs(np.corrcoef(white.T) - np.eye(3)).max() < 0.06
    for column in range(3):
        assert stats.kstest(white[:, column], "norm").pvalue > 1e-3
        assert stats.kstest(two.scores(x)[:, column], "norm").pvalue > 1e-3


def test_refused_distributions():
    for arguments in [([[0, -1, 0, 0]],), ([[0, 1, 0, -0.9]],), ([0, 1, 0, 0],), (MARGINS[0], np.ones((3, 3))),
                      (MARGINS[0], 2 * np.eye(3)), (MARGINS[0], np.eye(2)), (MARGINS, R, [1.0]), (MARGINS, R, [1, -1])]:
        with pytest.raises(ValueError):
            gkvae.GKDistribution(*arguments)
    with pytest.raises(ValueError, match="3 dimensions"):
        gkvae.GKDistribution(MARGINS).logpdf(np.zeros((4, 2)))


def test_multivariate(one):
    x = one.rvs(4000, random_state=1)
    model = gkvae.MultivariateGK(random_state=3).fit(x)
    assert np.all(np.abs(model.margins_ - MARGINS[0]) < 4.5 * model.margins_se_)
    assert np.all(np.abs(model.correlation_ - R[0]) <= 4.5 * model.correlation_se_ + 1e-12)
    assert model.loglik_ == pytest.approx(model.score_samples(x).sum(), rel=1e-9)
    assert model.bic(x) == pytest.approx(model.bic_) and model.aic(x) == pytest.approx(model.aic_)
    for j, fit in enumerate(model.margin_fits_):
        assert fit.params == gkvae.fit_gk(x[:, j], method="lm").params
    assert np.array_equal(model.sample(5), clone(model).fit(x).sample(5)) and model.sample(5).shape == (5, 3)
    normal = gkvae.MultivariateGK(normal=True).fit(x)
    np.testing.assert_allclose(normal.score_samples(x), stats.multivariate_normal.logpdf(
        x, x.mean(axis=0), np.cov(x.T, bias=True)), rtol=1e-6)
    holes = x.copy()
    holes[::3, 0] = np.nan
    filled = model.impute(holes)
    assert np.array_equal(filled[1], x[1]) and np.isfinite(filled).all()
    assert abs(np.corrcoef(filled[::3, :2].T)[0, 1] - np.corrcoef(x[:, :2].T)[0, 1]) < 0.06
    counted = gkvae.MultivariateGK().fit(x, sample_weight=np.full(len(x), 2.0))
    assert counted.loglik_ == pytest.approx(2 * counted.score_samples(x).sum(), rel=1e-9)


def test_ties_fall_back_to_a_normal_margin(one):
    x = one.rvs(300, random_state=1)
    x[:, 1] = np.round(x[:, 1])
    with pytest.warns(UserWarning, match="column 1, because of ties"):
        model = gkvae.MultivariateGK().fit(x)
    assert np.all(model.margins_[1, 2:] == 0) and np.any(model.margins_[0, 2:] != 0)
    with pytest.raises(ValueError):
        gkvae.MultivariateGK(normal_fallback=False).fit(x)


def test_published_correlations(series):
    model = gkvae.MultivariateGK().fit(series("mgnk.csv"))
    np.testing.assert_allclose(model.correlation_[[1, 2, 2], [0, 0, 1]], [.665, .814, .640], atol=1e-3)
    np.testing.assert_allclose(model.correlation_se_[[1, 2, 2], [0, 0, 1]], [.014, .008, .015], atol=1e-3)
    mle = gkvae.MultivariateGK(method="mle").fit(series("mgnk.csv"))
    np.testing.assert_allclose(mle.margins_, [[4.946e-4, 6.7777e-3, -.0719, .2798],
                                              [4.659e-4, 5.2364e-3, -.1043, .2778],
                                              [7.117e-4, 7.8811e-3, -.1031, .3785]], rtol=2e-3)


def test_mixture(two):
    x, labels = two.rvs(1500, random_state=1, components=True)
    model = gkvae.GKMixture(2, random_state=0).fit(x)
    assert model.converged_ and model.stop_ == "converged"
    np.testing.assert_allclose(model.weights_, [0.65, 0.35], atol=0.03)
    np.testing.assert_allclose(model.margins_[:, :, 0], MARGINS[:, :, 0], atol=0.3)
    assert np.mean(model.predict(x) == labels) > 0.99
    assert np.array_equal(model.predict(x), model.predict_proba(x).argmax(axis=1))
    assert model.lower_bound_ == pytest.approx(model.score(x)) and model.loglik_ == pytest.approx(
        model.score_samples(x).sum())
    draws, component = model.sample(100)
    assert draws.shape == (100, 3) and set(component) == {0, 1}
    assert np.array_equal(gkvae.GKMixture(2, random_state=0).fit_predict(x), model.predict(x))
    assert np.array_equal(gkvae.GKMixture(2, random_state=0, n_jobs=2).fit(x).margins_, model.margins_)
    chosen = gkvae.GKMixture((1, 3), random_state=0).fit(x)
    assert len(chosen.weights_) == 2
    normal = gkvae.GKMixture(2, normal=True, random_state=0, shrink=0.0, tol=1e-6).fit(x)
    reference = GaussianMixture(2, random_state=0, tol=1e-9, reg_covar=0, max_iter=1000).fit(x)
    assert normal.score(x) == pytest.approx(reference.score(x), abs=1e-4)
    assert model.bic(x) < normal.bic(x)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.score_samples(x), model.score_samples(x))
    with pytest.warns(gkvae.ConvergenceWarning):
        gkvae.GKMixture(2, max_iter=1, n_init=1, tol=0.0).fit(x)
    for wrong in (0, (3, 2), 5000):
        with pytest.raises(ValueError):
            gkvae.GKMixture(wrong).fit(x)


def test_in_pipelines(two):
    x = two.rvs(400, random_state=1)
    pipeline = make_pipeline(StandardScaler(), gkvae.GKMixture(2, random_state=0)).fit(x)
    assert pipeline.predict(x).shape == (400,)
    search = GridSearchCV(gkvae.GKMixture(random_state=0), {"n_components": [1, 2]}, cv=2).fit(x)
    assert search.best_params_ == {"n_components": 2}


def test_names_of_columns(two):
    model = gkvae.MultivariateGK().fit(two.rvs(300, random_state=1))
    with pytest.raises(ValueError, match="without names"):
        model.conditional({"a": 1.0})
    model.feature_names_in_ = np.array(["a", "b", "c"], dtype=object)
    by_name, by_number = model.conditional({"b": 1.0}), model.conditional({1: 1.0})
    assert np.array_equal(by_name.means, by_number.means) and model.marginal(["c", "a"]).d == 2
    assert model.marginal("c").cdf(0.0) == model.distribution_.cdf(0.0, column=2)
    with pytest.raises(ValueError, match="no column 'q'"):
        model.marginal("q")


def test_whole_numbers_are_not_truncated():
    x = gkvae.gk.rvs(0.5, 0.1, size=(60, 2), random_state=1)
    for keywords in ({"n_components": 1.5}, {"n_components": (1.2, 2.9)}, {"max_iter": 2.5}, {"n_init": 1.5},
                     {"n_jobs": 1.5}):
        with pytest.raises(TypeError, match=f"{next(iter(keywords))} = .*whole number"):
            gkvae.GKMixture(**keywords).fit(x)
    for count in ((2, 1), 0, (1, 2, 3)):
        with pytest.raises(ValueError, match="n_components"):
            gkvae.GKMixture(count).fit(x)
    dist = gkvae.GKDistribution([[0, 1, 0.5, 0.1], [2, 1, 0, 0.2]])
    with pytest.raises(TypeError, match="column = 0.5"):
        dist.conditional({0.5: 1})
    with pytest.raises(TypeError, match="column = 0.0"):
        dist.marginal(0.0)
    with pytest.raises(TypeError, match="size = 2.5"):
        dist.rvs(2.5)
    for call in (lambda i: dist.cdf(0, column=i), lambda i: dist.ppf(0.5, i), lambda i: dist.marginal(i),
                 lambda i: dist.conditional({i: 1.0})):
        for wrong in (-1, 2):
            with pytest.raises(ValueError, match=f"column = {wrong}: give 0 to 1"):
                call(wrong)
        call(np.int64(1))
    with pytest.raises(ValueError, match="not all of them"):
        dist.conditional({0: 1.0, 1: 1.0})


def test_a_distribution_has_a_component():
    for shape in ((0, 2, 4), (1, 0, 4)):
        with pytest.raises(ValueError, match="at least one component"):
            gkvae.GKDistribution(np.zeros(shape))
