"""Densities of tables: the estimator, its parts and its files."""
import json
import pickle
import warnings

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

import gkvae
from gkvae import _density

FAST = dict(candidates=["t-copula", "normal-mixture"], folds=1, random_state=0)


def table(n, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.multivariate_normal([0, 0, 0], [[1, 0.6, 0.3], [0.6, 1, 0.2], [0.3, 0.2, 1]], n)
    return np.column_stack([np.exp(0.5 * z[:, 0]), z[:, 1] * (1 + 0.2 * z[:, 1] ** 2), z[:, 2]])


@pytest.fixture(scope="module")
def rows():
    return table(600)


@pytest.fixture(scope="module")
def model(rows):
    return gkvae.Density(["t-copula", "normal-mixture", "gk-mixture"], folds=1, max_components=2,
                         random_state=0).fit(rows)


@parametrize_with_checks([gkvae.Density("t-copula")])
def test_checks_of_scikit_learn(estimator, check):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*rows say little")
        check(estimator)


def test_report(model, rows):
    assert set(model.candidates_) == {"t-copula", "normal-mixture", "gk-mixture"}
    best = max(model.candidates_.values(), key=lambda c: c.held_out)
    assert model.chosen_ == best.name and best.difference == 0
    for c in model.candidates_.values():
        low, high = c.conf_int()
        assert low < c.held_out < high and c.n_rows == 120
        assert c.conf_int(0.99)[0] < low and (high - low) / 2 == pytest.approx(1.96 * c.se, rel=1e-4)
        assert c.difference_conf_int()[0] <= c.difference
        for tail in (c.beyond_99, c.beyond_999):
            assert 0 <= tail.low <= tail.share <= tail.high <= 1
    assert model.margins_["x3"].kind in _density.margin_names()
    assert model.columns_ == ["x1", "x2", "x3"] and model.n_rows_ == 600
    text = model.summary()
    assert "* " + model.chosen_ in text and "beyond 99.9 %" in text and "x2" in text
    with pytest.raises(ValueError, match="between 0 and 1"):
        best.conf_int(95)


def test_density_is_near_the_truth(model):
    new = table(3000, 1)
    a, b, c = new.T
    # the inverse of y (1 + y² / 5)
    z = np.array([np.roots([0.2, 0, 1, -v])[np.abs(np.roots([0.2, 0, 1, -v]).imag) < 1e-9].real[0] for v in b])
    truth = (stats.multivariate_normal([0, 0, 0], [[1, 0.6, 0.3], [0.6, 1, 0.2], [0.3, 0.2, 1]]).logpdf(
        np.column_stack([2 * np.log(a), z, c])) + np.log(2 / a) - np.log1p(0.6 * z**2))
    assert 0 < np.mean(truth) - model.score(new) < 0.12
    p = model.p_values(new)
    assert np.mean(p <= 0.05) < 0.09 and p.min() >= 1 / 121
    low = model.outliers(new, 5)
    assert [row.row for row in low] == list(np.argsort(model.score_samples(new))[:5])
    assert low[0].p_value == p[low[0].row] and low[0].column in model.columns_
    assert abs(low[0].score) == pytest.approx(np.abs(model.scores(new)[low[0].row]).max())
    found = model.evaluate(new)
    assert found[model.chosen_].mean == model.score(new) and found[model.chosen_].difference == 0
    assert 0 <= found["t-copula"].share_p_below_001 < 0.05
    shifted = model.evaluate(new + 4)
    assert shifted[model.chosen_].share_p_below_001 > 0.5


def test_draws(model, rows):
    draws = model.sample(4000, random_state=3)
    assert np.array_equal(draws, model.sample(4000, random_state=3))
    assert np.array_equal(draws[:10], model.sample(10, random_state=3))
    assert not np.array_equal(draws[:10], model.sample(10, random_state=4))
    assert np.array_equal(model.sample(3), model.sample(3))
    for j in range(3):
        assert stats.ks_2samp(draws[:, j], rows[:, j]).pvalue > 1e-3
    assert abs(stats.spearmanr(draws[:, 0], draws[:, 1])[0] - stats.spearmanr(rows[:, 0], rows[:, 1])[0]) < 0.08
    assert not np.array_equal(draws, model.sample(4000, 3, "t-copula"))


@pytest.mark.parametrize("candidate", ["t-copula", "normal-mixture", "gk-mixture"])
def test_conditional(model, rows, candidate):
    """f(x) = f(x_b) f(x_a | x_b), but for the share of the copula, which the conditional has as well."""
    part = model.marginal([1], candidate)
    for row in rows[:5]:
        rest = model.conditional({1: row[1]}, candidate)
        joint = part.logpdf(row[1:2])[0] + rest.logpdf(row[[0, 2]])[0]
        assert joint == pytest.approx(model.score_samples(row[None], candidate)[0], rel=1e-6)
    assert rest.columns == ["x1", "x3"] and rest.d == 2
    last = rest.conditional({"x3": 0.0})
    assert last.columns == ["x1"] and last.pdf([1.0]).shape == (1,)
    x = np.sinh(np.linspace(-8, 8, 4001))
    assert np.trapz(last.pdf(x), x) == pytest.approx(1, abs=5e-3)


def test_conditional_shows_the_dependence(model):
    high, low = (model.conditional({0: value}) for value in (3.0, 0.3))
    assert high.quantiles(0.5)[0] > low.quantiles(0.5)[0] + 1
    table = high.describe()
    assert list(table) == ["x2", "x3"] and list(table["x2"])[:3] == ["mean", "sd", "1%"]
    assert table["x2"]["50%"] == pytest.approx(high.quantiles(0.5)[0])
    for wrong in ({}, {7: 1.0}, {0: 1.0, 1: 1.0, 2: 1.0}, {0: np.nan}, {"a": 1.0}):
        with pytest.raises(ValueError):
            model.conditional(wrong)
    with pytest.raises(ValueError, match="shape"):
        high.logpdf(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="probabilities"):
        high.quantiles(50)
    with pytest.raises(ValueError, match="no column 'y'"):
        high.marginal("y")


def test_flow(rows):
    small = dict(flow_updates=100, flow_layers=2, flow_hidden=8)
    model = gkvae.Density("flow", folds=1, random_state=0, flow_settings=small).fit(rows)
    assert model.chosen_ == "flow" and list(model.candidates_) == ["flow"]
    assert model.sample(3).shape == (3, 3)
    with pytest.raises(ValueError, match="no conditional or marginal density in closed form: give candidates"):
        model.conditional({0: 1.0})
    both = gkvae.Density(["flow", "t-copula"], folds=1, random_state=0, flow="spline", flow_settings=small).fit(rows)
    if both.chosen_ == "flow":
        with pytest.raises(ValueError, match='candidate="t-copula"'):
            both.marginal(0)
    assert both.conditional({0: 1.0}, "t-copula").d == 2


def test_results_do_not_depend_on_threads(rows):
    settings = dict(folds=1, max_components=2, random_state=5,
                    flow_settings=dict(flow_updates=40, flow_layers=2, flow_hidden=8))
    one, two = (gkvae.Density(n_jobs=jobs, **settings).fit(rows) for jobs in (1, 2))
    assert one.candidates_ == two.candidates_
    for name in one.candidates_:
        assert np.array_equal(one.score_samples(rows, name), two.score_samples(rows, name))
    other = clone(one).set_params(random_state=6).fit(rows)
    assert other.candidates_ != one.candidates_


def test_same_as_the_program(rows, program, tmp_path):
    np.save(tmp_path / "rows.npy", rows)
    program("density", "fit", tmp_path / "rows.npy", "--out", tmp_path / "run", "--candidates",
            "t-copula,normal-mixture", "--folds", 1, "--seed", 0, "--no-page", "--quiet")
    model = gkvae.Density(**FAST).fit(rows)
    about = json.loads((tmp_path / "run" / "density.json").read_text())
    for candidate in about["candidates"]:
        assert model.candidates_[candidate["name"]].held_out == candidate["held_out"]
    read = gkvae.Density.load(tmp_path / "run")
    assert np.array_equal(read.score_samples(rows), model.score_samples(rows))
    model.save(tmp_path / "density.safetensors")
    printed = program("density", "log-density", tmp_path / "density.safetensors", tmp_path / "rows.npy")
    np.testing.assert_allclose(np.array(printed.split(), float), model.score_samples(rows), rtol=1e-12)


def test_files(model, rows, tmp_path):
    path = tmp_path / "density.safetensors"
    model.save(path)
    read = gkvae.Density.load(path, random_state=0)
    assert read.candidates_ == model.candidates_ and read.margins_ == model.margins_
    assert np.array_equal(read.sample(5), model.sample(5)) and read.chosen_ == model.chosen_
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.p_values(rows), model.p_values(rows))
    with pytest.raises(OSError):
        gkvae.Density.load(tmp_path / "none.safetensors")
    path.write_bytes(b"no density")
    with pytest.raises(ValueError):
        gkvae.Density.load(path)
    with pytest.raises(NotFittedError):
        gkvae.Density().save(path)
    assert pickle.loads(pickle.dumps(gkvae.Density("flow"))).candidates == "flow"


def test_rounded_and_censored_columns(rows):
    rounded = rows.copy()
    rounded[:, 2] = np.round(rounded[:, 2], 1)
    assert gkvae.Density(**FAST).fit(rounded).margins_["x3"].resolution == pytest.approx(0.1)
    exact = gkvae.Density(resolution=None, **FAST).fit(rows)
    assert all(margin.resolution == 0 for margin in exact.margins_.values())
    given = gkvae.Density(resolution={2: 0.1}, **FAST).fit(rounded)
    assert given.margins_["x3"].resolution == pytest.approx(0.1) and given.margins_["x1"].resolution == 0
    assert gkvae.Density(resolution=[0, 0, 0.1], **FAST).fit(rounded).margins_["x3"].resolution == pytest.approx(0.1)

    lower, upper = rows.copy(), rows.copy()
    cut = rows[:, 0] > 2
    lower[cut, 0], upper[cut, 0] = 2, np.inf
    censored = gkvae.Density(**FAST).fit(lower, upper=upper)
    margin = censored.margins_["x1"]
    assert margin.kind == "g-and-k" and margin.n_intervals == cut.sum()
    assert np.mean(censored.sample(20000)[:, 0] > 2) == pytest.approx(cut.mean(), abs=0.02)
    with pytest.raises(ValueError, match="shape"):
        gkvae.Density(**FAST).fit(lower, upper=upper[:, :1])
    with pytest.raises(ValueError):
        gkvae.Density(**FAST).fit(lower, upper=lower - 1)
    for wrong in (-0.5, {2: -1.5}, [0, 1]):
        with pytest.raises(ValueError):
            gkvae.Density(resolution=wrong, **FAST).fit(rows)


def test_atoms(rows):
    days = rows.copy()
    days[::4, 1] = 0
    margin = gkvae.Density(**FAST).fit(days).margins_["x2"]
    assert margin.atom == 0 and margin.atom_share == pytest.approx(0.25)


def test_bad_input(rows):
    for settings, match in [
            (dict(candidates="kde"), "candidate = 'kde': give one of"), (dict(margin="normal"), "margin"),
            (dict(flow="nvp"), "no flow"), (dict(folds=21), "folds"), (dict(candidates=[]), "none"),
            (dict(flow_settings={"flow_layer": 2}), "nearest is flow_layers"),
            (dict(flow_settings={"seed": 2}), "no 'seed'"), (dict(random_state=-1), "negative")]:
        with pytest.raises(ValueError, match=match):
            gkvae.Density(**settings).fit(rows)
    with pytest.raises(ValueError, match="more than the 10 rows"):
        gkvae.Density(folds=20).fit(rows[:10])
    with pytest.raises(ValueError, match="9 rows are too few"):
        gkvae.Density().fit(rows[:9])
    with pytest.warns(UserWarning, match="12 rows say little"):
        gkvae.Density(**FAST).fit(rows[:12])
    same = np.column_stack([rows, rows[:, 0]])
    with pytest.raises(ValueError, match="are equal"):
        gkvae.Density().fit(same)
    holes = rows.copy()
    holes[3, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        gkvae.Density().fit(holes)
    with pytest.raises(NotFittedError):
        gkvae.Density().sample()


def test_as_an_estimator(rows):
    scores = cross_val_score(gkvae.Density("t-copula", folds=1, random_state=0), rows, cv=2)
    assert scores.shape == (2,) and np.isfinite(scores).all()
    assert gkvae.Density("t-copula").get_params()["candidates"] == "t-copula"


def test_names_of_a_frame(rows):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(rows, columns=["claim", "delay", "größe"], index=[f"r{i}" for i in range(len(rows))])
    model = gkvae.Density(resolution={"delay": None}, **FAST).fit(frame)
    assert model.columns_ == ["claim", "delay", "größe"] and list(model.margins_) == model.columns_
    assert list(model.sample(2).columns) == model.columns_
    low = model.outliers(frame, 3)
    assert low.index[0] == f"r{low.row.iloc[0]}" and list(low.columns)[1:3] == ["log_density", "p_value"]
    turned = frame[["größe", "claim", "delay"]]
    assert np.array_equal(model.score_samples(turned), model.score_samples(frame))
    assert np.array_equal(model.p_values(turned), model.p_values(frame))
    extra = frame.assign(more=1)
    assert np.array_equal(model.score_samples(extra), model.score_samples(frame))
    given = model.conditional({"claim": 3.0})
    assert given.columns == ["delay", "größe"] and list(given.describe().index) == given.columns
    assert list(given.rvs(2).columns) == given.columns
    assert np.array_equal(given.logpdf(frame), given.logpdf(frame[["delay", "größe"]]))
    without = gkvae.Density(**FAST).fit(rows).marginal([0, 2])
    assert np.array_equal(without.logpdf(frame[["claim", "größe"]]), without.logpdf(rows[:, [0, 2]]))
    with pytest.raises(ValueError, match="no column 'claims'"):
        model.conditional({"claims": 1.0})
    with pytest.raises(ValueError, match="feature names"):
        model.score_samples(frame[["claim", "delay"]])


def test_names_are_kept_in_files(rows, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(rows, columns=["claim", "delay", "size"])
    model = gkvae.Density(**FAST).fit(frame)
    model.save(tmp_path / "density.safetensors")
    read = gkvae.Density.load(tmp_path / "density.safetensors")
    assert list(read.feature_names_in_) == ["claim", "delay", "size"] and read.conditional({"claim": 1.0}).d == 2


def test_progress_and_checkpoint(rows, tmp_path, capfd):
    model = gkvae.Density(verbose=True, checkpoint=tmp_path / "state", **FAST).fit(rows)
    assert not (tmp_path / "state").exists() and np.isfinite(model.score(rows))
    pytest.importorskip("tqdm")
    assert "density" in capfd.readouterr().err
