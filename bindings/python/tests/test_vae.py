"""Models: training, what they compute, files, and the bits of the C program."""
import gzip
import json
import pickle
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import gkvae

FIXTURE = Path(__file__).parents[3] / "tests/fixtures/mnist-small"
SMALL = dict(latent=4, hidden=32, layers=1, epochs=2, base_components=2, prior_layers=2, prior_hidden=16,
             verbose=False)


def idx(name):
    paths = list(FIXTURE.glob(f"**/{name}*"))
    if not paths:
        pytest.skip("the fixture is not here")
    raw = paths[0].read_bytes()
    raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    dims = raw[3]
    shape = struct.unpack(f">{dims}I", raw[4: 4 + 4 * dims])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dims).reshape(shape)


@pytest.fixture(scope="module")
def digits():
    return idx("train-images"), idx("train-labels")


@pytest.fixture(scope="module")
def model(digits):
    return gkvae.VAE(**SMALL).fit(digits[0])


def test_shapes(model, digits):
    X = digits[0][:20]
    Z = model.encode(X)
    assert Z.shape == (20, 4) and Z.dtype == np.float32
    mean, scale = model.encode(X, return_scale=True)
    assert np.array_equal(mean, Z) and np.all(scale > 0)
    images = model.decode(Z)
    assert images.shape == (20, 28, 28) and 0 <= images.min() and images.max() <= 1
    assert set(np.unique(model.decode(Z, medians=True))) <= {0, 1}
    assert np.array_equal(model.transform(X), Z) and np.array_equal(model.inverse_transform(Z), images)
    assert np.array_equal(model.reconstruct(X), images)
    samples, codes = model.sample(7, random_state=3, return_codes=True)
    assert np.array_equal(model.decode(codes), samples)
    assert np.array_equal(model.sample(7, random_state=3), samples)
    assert set(np.unique(model.sample(3, draw_pixels=True))) <= {0, 1}
    cold = model.sample(200, temperature=0.0, random_state=1, return_codes=True)[1]
    assert len(np.unique(cold.round(4), axis=0)) <= 2
    assert model.log_prob(codes).shape == (7,)
    np.testing.assert_allclose(model.from_latent_normal(model.to_latent_normal(codes)), codes, atol=1e-4)
    assert model.n_features_in_ == 784 and model.latent_ == 4
    assert model.encode(X[:0]).shape == (0, 4) and model.decode(Z[:0]).shape == (0, 28, 28)
    assert model.decode(Z[0]).shape == (1, 28, 28)


def test_likelihoods(model, digits):
    X = digits[0][:30]
    bound, estimate = model.elbo(X), model.log_likelihood(X, samples=200)
    assert np.all(estimate > bound - 1e-9) and model.score(X) == pytest.approx(model.elbo(X, samples=10).mean())
    # log p(x) ≥ log p(x, z) − log q(z | x) on average; here only the parts' shapes and signs
    at = model.log_likelihood(X, model.encode(X))
    assert at.shape == (30,) and np.all(at < 0)
    refined = model.refine(X, 2)
    assert np.all(refined.after <= refined.before) and refined.factor.shape == (30, 4, 4)
    closer = np.mean((model.reconstruct(X, refine=4) - model.targets(X).reshape(-1, 28, 28)) ** 2)
    assert closer < np.mean((model.reconstruct(X) - model.targets(X).reshape(-1, 28, 28)) ** 2)


def test_input_forms(model, digits):
    X = digits[0][:6]
    Z = model.encode(X)
    for form in (X.reshape(6, 784), X / 255, (X / 255).astype(np.float32), X.astype(int), X[..., None],
                 np.asfortranarray(X), X.tolist()):
        assert np.array_equal(model.encode(form), Z)
    binary = model.targets(X).reshape(X.shape)
    assert set(np.unique(binary)) <= {0, 1}
    assert np.array_equal(model.encode(binary), Z) and np.array_equal(model.encode(binary == 1), Z)
    for wrong in (X[:, :20], X * 2.0, -X.astype(float), X[0, 0], np.zeros((2, 3, 3, 2))):
        with pytest.raises(ValueError):
            model.encode(wrong)
    with pytest.raises(ValueError, match="4 dimensions"):
        model.decode(np.zeros((2, 5)))


def test_same_as_the_program(program, digits, tmp_path):
    """The same settings and images give the same model and figures."""
    images = tmp_path / "images.npy"
    np.save(images, digits[0])
    vae = gkvae.VAE(tmp_path / "py", batch=50, validation=50, **SMALL).fit(digits[0])
    words = []
    for name in ("latent", "hidden", "layers", "base_components", "prior_layers", "prior_hidden"):
        words += ["--set", f"model.{name}={SMALL[name]}"]
    program("train", "--out", tmp_path / "c", *words, "--set", "data.dataset=array", "--set", "train.epochs=2", "--set",
            "train.batch=50", "--set", "data.validation=50", "--set", f"data.train_images={images}")
    assert (tmp_path / "py/model.safetensors").read_bytes() == (tmp_path / "c/model.safetensors").read_bytes()
    test = tmp_path / "test.npy"
    np.save(test, digits[0][:40])
    program("eval", tmp_path / "py", "--samples", 20, "--set", f"data.test_images={test}", "--set",
            "eval.generation=none")
    figures = json.loads((tmp_path / "py/metrics.json").read_text())
    assert -vae.log_likelihood(digits[0][:40], samples=20).mean() == pytest.approx(figures["nll"], rel=1e-9)
    assert -vae.elbo(digits[0][:40], samples=20).mean() == pytest.approx(figures["neg_elbo"], rel=1e-9)


def test_history_and_callback(digits):
    seen = []
    vae = gkvae.VAE(**SMALL).fit(digits[0], callback=seen.append)
    assert [line["epoch"] for line in vae.history_] == [1, 2] and vae.result_["epochs"] == 2
    assert sum(p.epoch_ended for p in seen) == 2 and seen[-1].step == seen[-1].steps
    assert vae.history_[1]["neg_elbo"] < vae.history_[0]["neg_elbo"]


def test_stop_and_resume(digits, tmp_path):
    whole = gkvae.VAE(**SMALL).fit(digits[0])
    vae = gkvae.VAE(tmp_path / "run", **SMALL).fit(digits[0], callback=lambda p: p.step == 3)
    assert vae.result_["steps"] == 3 and vae.sample(1).shape == (1, 28, 28)
    with pytest.raises(ValueError, match="holds a run"):
        vae.fit(digits[0])
    vae.fit(digits[0], resume=True)
    assert np.array_equal(vae.encode(digits[0]), whole.encode(digits[0]))
    vae.set_params(epochs=3)
    with pytest.warns(UserWarning, match="extended"):
        vae.fit(digits[0], resume=True)
    assert vae.result_["epochs"] == 3 and [line["epoch"] for line in vae.history_] == [1, 2, 3]
    assert gkvae.VAE.load(tmp_path / "run").history_ == vae.history_
    again = vae.fit(digits[0], overwrite=True)
    assert again.result_["epochs"] == 3
    with pytest.raises(ValueError):
        gkvae.VAE(**SMALL).fit(digits[0], resume=True)

    class Odd(Exception):
        pass

    def raises(progress):
        raise Odd

    with pytest.raises(Odd):
        gkvae.VAE(**SMALL).fit(digits[0], callback=raises)


CONTROL_C = """
import os, signal, sys, threading, numpy as np, gkvae
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background has it ignored
X = np.random.default_rng(0).integers(0, 2, (400, 8, 8)).astype(float)
settings = dict(latent=2, hidden=16, layers=1, base_components=1, epochs=100000, verbose=False)
vae = gkvae.VAE(sys.argv[1], **settings)
timer = []
def start(progress):
    if not timer:
        timer.append(threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)))
        timer[0].start()
try:
    vae.fit(X, callback=start)
except KeyboardInterrupt:
    steps = vae.result_["steps"]
    again = gkvae.VAE(sys.argv[1], **settings)
    again.fit(X, resume=True, callback=lambda p: p.step > steps + 5)
    print("saved", again.result_["steps"] > steps > 0, gkvae.VAE.load(sys.argv[1]).sample(2).shape)
"""


def test_control_c_saves(tmp_path):
    run = subprocess.run([sys.executable, "-c", CONTROL_C, str(tmp_path / "run")], capture_output=True, text=True,
                         timeout=120)
    assert run.stdout.strip() == "saved True (2, 8, 8)", run.stdout + run.stderr


def test_files(model, digits, tmp_path):
    X = digits[0][:10]
    model.save(tmp_path / "run")
    loaded = gkvae.VAE.load(tmp_path / "run", n_jobs=1)
    assert np.array_equal(loaded.encode(X), model.encode(X)) and loaded.encode(X.reshape(10, 784)).shape == (10, 4)
    with pytest.raises(FileExistsError):
        model.save(tmp_path / "run")
    model.save(tmp_path / "run", overwrite=True)
    model.save(tmp_path / "model.safetensors")
    alone = gkvae.VAE.load(tmp_path / "model.safetensors")
    assert np.array_equal(alone.encode(X), model.encode(X))
    alone.save(tmp_path / "other")
    assert np.array_equal(gkvae.VAE.load(tmp_path / "other").encode(X), model.encode(X))
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.encode(X), model.encode(X))
    (tmp_path / "empty").mkdir()
    for wrong in (tmp_path / "empty", tmp_path / "nothing"):
        with pytest.raises(OSError):
            gkvae.VAE.load(wrong)
    (tmp_path / "bad.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ValueError):
        gkvae.VAE.load(tmp_path / "bad.safetensors")


def test_parameters(model):
    assert clone(model).get_params() == model.get_params()
    assert "latent=4" in repr(model)
    described = gkvae.VAE.settings()
    assert "model.latent" in described and "integer" in described["model.latent"]
    with pytest.raises(TypeError, match="latent"):
        gkvae.VAE(latnet=4)
    with pytest.raises(ValueError, match="latent"):
        gkvae.VAE(latent="many", verbose=False).fit(np.zeros((50, 4, 4)))
    with pytest.raises(NotFittedError):
        gkvae.VAE().encode(np.zeros((1, 4, 4)))
    with pytest.raises(ValueError, match="finite|values from"):
        gkvae.VAE(**SMALL).fit(np.full((50, 4, 4), np.nan))


def test_classes(digits):
    X, y = digits
    vae = gkvae.VAE(**{**SMALL, "base": "gk-by-class", "base_components": 1, "prior_flow": "none"}).fit(X, y)
    assert vae.predict_proba(X[:9]).shape == (9, 10) and vae.predict(X[:9]).shape == (9,)
    assert np.mean(vae.predict(X) == y) > 0.3
    assert vae.sample(3, label=7).shape == (3, 28, 28)
    with pytest.raises(ValueError):
        vae.fit(X, y[:3], overwrite=False)


@pytest.mark.filterwarnings("ignore:copies of other training images")
def test_levels_colour_and_numbers():
    rng = np.random.default_rng(0)
    base = rng.random((300, 1, 1)) * np.linspace(0, 1, 6)[:, None] * np.ones((6, 5))
    grey = gkvae.VAE(binarization="grey", likelihood="logistic-mixture", **SMALL).fit(base)
    assert grey.decode(grey.encode(base[:4])).shape == (4, 6, 5)
    drawn = 255 * grey.sample(3, draw_pixels=True)
    np.testing.assert_allclose(drawn, np.rint(drawn), atol=1e-3)
    colour = np.stack([base, base[:, ::-1], 1 - base], axis=3)
    rgb = gkvae.VAE(binarization="grey", likelihood="logistic-mixture", **SMALL).fit(colour)
    assert rgb.sample(2).shape == (2, 6, 5, 3) and "image/png" in rgb._repr_html_()
    table = rng.normal(size=(400, 3)) @ np.array([[5, 1, 0], [0, 2, 1], [0, 0, 1]]) + [100, 0, -7]
    numbers = gkvae.VAE(binarization="continuous", likelihood="normal-density", **SMALL).fit(table)
    assert numbers.n_features_in_ == 3
    draws = numbers.sample(500, draw_pixels=True, random_state=1).reshape(500, 3)
    np.testing.assert_allclose(draws.mean(axis=0), [100, 0, -7], atol=4)
    np.testing.assert_allclose(numbers.reconstruct(table[:5]).reshape(5, 3), table[:5], atol=25)


def test_notebook(model):
    html = model._repr_html_()
    data = html.split("base64,")[1].split("'")[0]
    import base64
    png = base64.b64decode(data)
    assert png.startswith(b"\x89PNG") and struct.unpack(">II", png[16:24]) == (8 * 28, 4 * 28)
    start = png.index(b"IDAT") + 4
    assert len(zlib.decompress(png[start: start + struct.unpack(">I", png[start - 8: start - 4])[0]])) == 112 * 225
    assert "VAE(" in gkvae.VAE(latent=3)._repr_html_()
