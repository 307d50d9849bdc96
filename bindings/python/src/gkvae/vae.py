"""Flow VAEs over a g-and-k base, in the manner of scikit-learn."""
from __future__ import annotations

import base64
import html
import json
import os
import shutil
import tempfile
from collections import namedtuple
from pathlib import Path
from typing import Any, Dict, Optional

import numpy as np

from ._arrays import address, as_real, seed_of
from ._calls import Call, Options, threads_of
from ._library import FlatSettings, Handle, check, text_of
from ._models import Model, keys, library
from ._pictures import grid_of, images_of, levels_of, png_of
from ._training import Training
from ._vae_support import describe, key_names

BINARY, MEAN_LEVELS, LEVELS, CONTINUOUS = range(4)  # gkv_pixels
_TEST = 1  # GKV_TEST of gkv_split
_RUN_FILES = ("config.ini", "model.safetensors", "checkpoint.safetensors", "history.csv", "history.jsonl",
              "refits.jsonl", "times.json", "metrics.json", "index.html", "training-images.npy", "training-labels")

Refined = namedtuple("Refined", "mean factor before after")


class VAE(Training):
    """A variational autoencoder whose prior is a flow over a g-and-k base.

    Parameters
    ----------
    folder : path, optional
        The run folder, in which a run of the program `gkvae` is kept; a temporary one by default. `save` copies it.
    config : path, optional
        An INI file of settings.
    image_shape : tuple, optional
        (height, width) or (height, width, 3) of images that are given as rows. By default a square if the number of
        columns is one, else a single row of pixels.
    verbose : bool
        Whether the progress is shown, by tqdm where it is installed.
    n_jobs : int, optional
        The number of threads; None is one for each processor, or a single one to train a small model. Results do not
        depend on it. Threads wait for each other without sleeping: where other work occupies the processors, give
        ``n_jobs=1``, or set ``OMP_WAIT_POLICY=passive`` in the environment before Python starts.
    **settings
        Settings by the keys of a configuration, as ``latent=16, epochs=10, base="gk-mixture", binarization="grey",
        likelihood="logistic-mixture", seed=3``; a key of two sections needs its section, as ``eval_samples=50``.
        ``VAE.settings()`` describes all. By default `validation` is a tenth of the images, at most 2000, and `batch`
        at most a thirtieth of the rest, but at least 16. ``dataset="mnist"`` lets `gkvae eval` find its test
        images and features.

    Attributes
    ----------
    folder_ : Path
        The run folder.
    history_ : list of dict
        A line of history.jsonl for each epoch: neg_elbo, reconstruction, kl, validation_neg_elbo in nats per image
        and others.
    result_ : dict
        The counts and seconds of the run.
    n_features_in_, latent_ : int
        The values of an image, and the dimensions of a code.

    Examples
    --------
    >>> import numpy as np, gkvae
    >>> rng = np.random.default_rng(0)
    >>> centres = rng.uniform(3, 9, (600, 2, 1, 1))
    >>> grid = np.arange(12)
    >>> X = np.exp(-((grid[:, None] - centres[:, 0]) ** 2 + (grid - centres[:, 1]) ** 2) / 6)   # blobs in [0, 1]
    >>> model = gkvae.VAE(latent=4, hidden=64, epochs=2, base_components=2, verbose=False).fit(X)
    >>> Z = model.encode(X)
    >>> Z.shape, model.decode(Z).shape, model.sample(5).shape
    ((600, 4), (600, 12, 12), (5, 12, 12))
    >>> model.log_likelihood(X[:3], samples=50).shape
    (3,)
    """

    def __init__(self, folder: Any = None, *, config: Any = None, image_shape: Optional[tuple] = None,
                 verbose: bool = True, n_jobs: Optional[int] = None, **settings: Any) -> None:
        self.folder = folder
        self.config = config
        self.image_shape = image_shape
        self.verbose = verbose
        self.n_jobs = n_jobs
        self._settings = dict(settings)
        key_names(settings)  # unknown ones are refused at once

    # --- The manner of scikit-learn ---

    def get_params(self, deep: bool = True) -> Dict[str, Any]:
        """The parameters, for scikit-learn."""
        own = {name: getattr(self, name) for name in ("folder", "config", "image_shape", "verbose", "n_jobs")}
        return {**own, **self._settings}

    def set_params(self, **params: Any) -> "VAE":
        """Sets parameters, for scikit-learn."""
        for name, value in params.items():
            if name in ("folder", "config", "image_shape", "verbose", "n_jobs"):
                setattr(self, name, value)
            else:
                key_names({name: value})
                self._settings[name] = value
        return self

    @staticmethod
    def settings() -> Dict[str, str]:
        """All settings by section.key: the type, the range and the meaning."""
        return {f"{key.section.decode()}.{key.name.decode()}": describe(key) for key in keys()}

    def __repr__(self) -> str:
        words = [f"{name}={value!r}" for name, value in self.get_params().items() if value is not None]
        return f"VAE({', '.join(words)})"

    # --- Files ---

    def _open(self, folder: Path) -> None:
        """Reads the history and the model; that of the checkpoint if training has not ended."""
        lines = folder / "history.jsonl"
        self.history_ = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
        for name in ("model.safetensors", "checkpoint.safetensors"):
            if (folder / name).exists():
                self._use(Model(folder / name))
                return

    def _use(self, model: Model) -> None:
        self._model = model
        self.n_features_in_, self.latent_ = model.values, model.latent

    @classmethod
    def load(cls, path: Any, **parameters: Any) -> "VAE":
        """Reads a run folder, or a model file.

        Parameters
        ----------
        path : path
            A folder of `fit`, `save` or `gkvae train`, or a file model.safetensors.
        **parameters
            Parameters of `VAE`, such as `n_jobs`.
        """
        path = Path(path)
        vae = cls(path if path.is_dir() else None, **parameters)
        if path.is_dir():
            check(library().gkv_run_recover(os.fsencode(path)))
            if not any((path / name).exists() for name in ("model.safetensors", "checkpoint.safetensors")):
                raise OSError(f"{path}: there is no model.safetensors; is this a run folder?")
            vae.folder_ = path
            vae._open(path)
        else:
            vae._use(Model(path))
        vae.image_shape = vae.image_shape or vae._shape
        return vae

    def save(self, path: Any, overwrite: bool = False) -> None:
        """Copies the run to a folder, or writes the model to a file that ends in .safetensors."""
        path, model = Path(path), self._fitted()
        if path.suffix == ".safetensors":
            check(library().gkv_model_save(model.place, os.fsencode(path)))
            return
        if path.exists() and any(path.iterdir()) and not overwrite:
            raise FileExistsError(f"{path} is not empty: give overwrite=True")
        path.mkdir(parents=True, exist_ok=True)
        if not hasattr(self, "folder_"):
            check(library().gkv_model_save(model.place, os.fsencode(path / "model.safetensors")))
            return
        for name in _RUN_FILES:
            if (self.folder_ / name).exists():
                shutil.copy2(self.folder_ / name, path / name)

    def __getstate__(self) -> Dict[str, Any]:
        state = {name: value for name, value in self.__dict__.items() if name not in ("_model", "_temporary")}
        if hasattr(self, "_model"):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.safetensors"
                check(library().gkv_model_save(self._model.place, os.fsencode(path)))
                state["_bytes"] = path.read_bytes()
        return state

    def __setstate__(self, state: Dict[str, Any]) -> None:
        data = state.pop("_bytes", None)
        self.__dict__.update(state)
        if data is not None:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.safetensors"
                path.write_bytes(data)
                self._use(Model(path))

    # --- Images ---

    def _fitted(self) -> Model:
        if not hasattr(self, "_model"):
            try:
                from sklearn.exceptions import NotFittedError
            except ImportError:
                NotFittedError = ValueError
            raise NotFittedError("this VAE is not fitted yet: call fit(X) or VAE.load(folder)")
        return self._model

    @property
    def _shape(self) -> tuple:
        model = self._fitted()
        return (model.height, model.width) + ((model.channels,) if model.channels > 1 else ())

    @property
    def _threads(self) -> int:
        return threads_of(self.n_jobs)

    def targets(self, X: Any) -> np.ndarray:
        """Images as the model sees them, float32 of shape (n, values).

        Images of a binary model that are not binary are binarized once, as in an evaluation of test images; those of
        levels are divided by 255; continuous ones are scaled.
        """
        model = self._fitted()
        images = images_of(X, self._shape)
        n = len(images)
        if images[0:1].size != model.values and n:
            raise ValueError(f"X has images of shape {images.shape[1:]}; the model is of {self._shape}")
        if model.pixels == CONTINUOUS:
            low, high = model.range
            return np.ascontiguousarray((images.reshape(n, model.values) - low) / (high - low), np.float32)
        if images.dtype.kind == "b" or (model.pixels == BINARY and images.dtype.kind in "fiu" and n and
                                        np.all((images == 0) | (images == 1))):
            return np.ascontiguousarray(images.reshape(n, model.values), np.float32)
        levels = levels_of(images)
        out = np.empty((n, model.values), np.float32)
        if n == 0:
            return out
        dataset = Handle(library().gkv_dataset_free)
        check(library().gkv_dataset_from_memory(n, model.height, model.width, model.channels, address(levels), None,
                                                dataset.out))
        check(library().gkv_flat_targets(model.place, dataset.place, n, _TEST, 0, address(out)))
        return out

    def _pictures(self, values: np.ndarray) -> np.ndarray:
        model = self._fitted()
        if model.pixels == CONTINUOUS:
            low, high = model.range
            values = low + values * (high - low)
        return values.reshape((-1, *self._shape))

    def _codes(self, Z: Any) -> np.ndarray:
        model = self._fitted()
        Z = np.require(as_real(Z, "Z"), np.float32, ["C", "A"])
        if Z.ndim == 1:
            Z = Z[None, :]
        if Z.ndim != 2 or Z.shape[1] != model.latent:
            raise ValueError(f"Z has shape {Z.shape}; codes have {model.latent} dimensions")
        return Z

    # --- What a model computes ---

    def encode(self, X: Any, return_scale: bool = False) -> Any:
        """The codes of images, of shape (n, latent): means of their posteriors for normal noise.

        With ``return_scale=True`` the means and the scales of the posteriors, before a posterior flow.
        """
        model, images = self._fitted(), self.targets(X)
        n = len(images)
        mean, scale = (np.empty((n, model.latent), np.float32) for _ in range(2))
        if return_scale:
            model.call("gkv_model_posterior", self._threads, n, address(images), after=(address(mean), address(scale)))
            return mean, scale
        model.call("gkv_model_encode", self._threads, n, address(images), after=(address(mean),))
        return mean

    def decode(self, Z: Any, medians: bool = False) -> np.ndarray:
        """The mean images of codes: probabilities of pixels, or mean levels in [0, 1]; or their medians."""
        model, Z = self._fitted(), self._codes(Z)
        images = np.empty((len(Z), model.values), np.float32)
        model.call("gkv_model_decode_medians" if medians else "gkv_model_decode", self._threads, len(Z), address(Z),
                   after=(address(images),))
        return self._pictures(images)

    def sample(self, n_samples: int = 1, *, temperature: float = 1.0, label: Optional[int] = None,
               random_state: Any = None, draw_pixels: bool = False, return_codes: bool = False) -> Any:
        """Images from the prior.

        Parameters
        ----------
        n_samples : int
            Their number.
        temperature : float
            The scale of the base's normal scores; 1 draws from the model, less is nearer its mode.
        label : int, optional
            The class, of a model with ``base="gk-by-class"``.
        random_state : int, Generator, RandomState or None
            The seed, or where it comes from.
        draw_pixels : bool
            Whether pixels are drawn as well; otherwise images are means.
        return_codes : bool
            Whether the codes are returned too.
        """
        model, seed = self._fitted(), seed_of(random_state)
        codes = np.empty((n_samples, model.latent), np.float32)
        if label is None:
            model.call("gkv_model_sample", self._threads, n_samples, seed, 0, temperature, after=(address(codes),))
        else:
            model.call("gkv_model_sample_class", self._threads, n_samples, label, seed, 0, temperature,
                       after=(address(codes),))
        if draw_pixels:
            images = np.empty((n_samples, model.values), np.float32)
            model.call("gkv_model_sample_images", self._threads, n_samples, address(codes), seed, 0,
                       after=(address(images),))
            images = self._pictures(images)
        else:
            images = self.decode(codes)
        return (images, codes) if return_codes else images

    def log_prob(self, Z: Any) -> np.ndarray:
        """log p(z) of codes under the prior, in nats."""
        model, Z = self._fitted(), self._codes(Z)
        out = np.empty(len(Z))
        model.call("gkv_model_log_prior", self._threads, len(Z), address(Z), after=(address(out),))
        return out

    def log_likelihood(self, X: Any, Z: Any = None, *, samples: int = 100, random_state: Any = None) -> np.ndarray:
        """log p(x) of images in nats by importance samples, or log p(x | z) if codes Z are given.

        The estimate is a lower bound on average, which is tighter with more samples. Without a `random_state` the
        noise is that of `gkvae eval`.
        """
        model, images = self._fitted(), self.targets(X)
        out = np.empty(len(images))
        if Z is not None:
            Z = self._codes(Z)
            if len(Z) != len(images):
                raise ValueError(f"there are {len(Z)} codes for {len(images)} images")
            model.call("gkv_model_log_likelihood", self._threads, len(images), address(images), address(Z),
                       after=(address(out),))
            return out
        model.call("gkv_estimate", self._threads, len(images), address(images), samples,
                   self._noise(random_state), 0, after=(None, address(out)))
        return -out

    def elbo(self, X: Any, *, samples: int = 100, random_state: Any = None) -> np.ndarray:
        """The evidence lower bound of images in nats, a mean over this number of draws."""
        model, images = self._fitted(), self.targets(X)
        out = np.empty(len(images))
        model.call("gkv_estimate", self._threads, len(images), address(images), samples, self._noise(random_state), 0,
                   after=(address(out), None))
        return -out

    def _noise(self, random_state: Any) -> int:
        return int(self._fitted().setting("eval.seed")) if random_state is None else seed_of(random_state)

    def refine(self, X: Any, iterations: int = 3, *, mode: str = "mean", curvature_samples: int = 2,
               prior_weight: float = 1.0, random_state: Any = 1) -> Refined:
        """The best Gaussian posterior of each image, or with ``mode="map"`` its most probable code.

        Returns
        -------
        Refined
            ``mean`` (n, latent), ``factor`` (n, latent, latent), whose product with its transpose is the covariance,
            and the −ELBO ``before`` and ``after`` in nats.
        """
        settings = FlatSettings("refine", [(name, text_of(value)) for name, value in {
            "mode": mode, "iterations": iterations, "curvature_samples": curvature_samples,
            "prior_weight": prior_weight, "seed": seed_of(random_state)}.items()], library())
        model, images = self._fitted(), self.targets(X)
        n, d = len(images), model.latent
        mean, factor = np.empty((n, d), np.float32), np.empty((n, d, d), np.float32)
        before, after = np.empty(n), np.empty(n)
        with Call() as call:
            options = Options(self._threads, call)
            status = library().gkv_flat_refine(
                model.place, n, address(images), settings.place, 0, options.place, address(mean), address(factor),
                address(before), address(after), None)
        call.check(status)
        return Refined(mean, factor, before, after)

    def reconstruct(self, X: Any, refine: int = 0) -> np.ndarray:
        """The decoded codes of images; with `refine` iterations, of codes that reconstruct more closely."""
        codes = self.refine(X, refine, mode="map").mean if refine else self.encode(X)
        return self.decode(codes)

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each label given the code of each image; of a model with ``base="gk-by-class"``."""
        model, codes = self._fitted(), self.encode(X)
        out = np.empty((len(codes), model.classes))
        model.call("gkv_model_classify", self._threads, len(codes), address(codes), after=(address(out),))
        return out

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of each image; of a model with ``base="gk-by-class"``."""
        return self.predict_proba(X).argmax(axis=1)

    transform, inverse_transform = encode, decode

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """Trains, and returns the codes."""
        return self.fit(X, y).encode(X)

    def score_samples(self, X: Any) -> np.ndarray:
        """log p(x) of images in nats, as `log_likelihood`."""
        return self.log_likelihood(X)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean evidence lower bound of images in nats."""
        return float(np.mean(self.elbo(X, samples=10)))

    def to_latent_normal(self, Z: Any) -> np.ndarray:
        """ε = h⁻¹(z): codes before the prior's flow, whose distribution is the base."""
        return self._through("gkv_model_normalise", Z)

    def from_latent_normal(self, E: Any) -> np.ndarray:
        """z = h(ε): the inverse of `to_latent_normal`."""
        return self._through("gkv_model_generate", E)

    def _through(self, function: str, Z: Any) -> np.ndarray:
        model, Z = self._fitted(), self._codes(Z)
        out = np.empty_like(Z)
        model.call(function, self._threads, len(Z), address(Z), after=(address(out),))
        return out

    def _repr_html_(self) -> str:
        """For notebooks: what the model is, and draws from its prior."""
        text = f"<code>{html.escape(repr(self))}</code>"
        if not hasattr(self, "_model"):
            return text
        model = self._model
        facts = (f"{model.parameters:,} parameters, {model.latent} latent dimensions, "
                 f"base {model.setting('model.base')}, prior flow {model.setting('model.prior_flow')}")
        limits = tuple(model.range) if model.pixels == CONTINUOUS else (0.0, 1.0)
        picture = base64.b64encode(png_of(grid_of(self.sample(32, random_state=1), 8, limits))).decode()
        return (f"{text}<p>{facts}</p><img alt='draws from the prior' style='image-rendering: pixelated; "
                f"width: {8 * 48}px' src='data:image/png;base64,{picture}'>")
