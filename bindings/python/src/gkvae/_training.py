"""The training of VAE: from arrays to a run folder."""
from __future__ import annotations

import os
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Optional

import numpy as np

from ._arrays import address
from ._calls import Call, threads_of
from ._library import INTERRUPTED, check, names
from ._models import TRAIN_PROGRESS, Settings, library, setting
from ._pictures import images_of, levels_of
from ._vae_support import Bar, TemporaryFolder, key_names

_NEW, _RESUME, _OVERWRITE = range(3)  # gkv_train_start
_STAGES = ("none", "begun", "stopped", "finished")  # gkv_run_stage


_SMALL_STEP = 8e6  # multiply-adds of a step that one thread does in a few milliseconds


def _has_small_steps(settings: Settings) -> bool:
    """Whether a step of training is too little work for threads that wait for each other."""
    def number(key: str) -> float:
        return float(setting(settings.place, key))
    if setting(settings.place, "train.threads") != "auto" or setting(settings.place, "model.net") != "mlp":
        return False
    path = Path(setting(settings.place, "data.train_images"))
    if path.suffix != ".npy" or not path.is_file():
        return False
    values = np.prod(np.load(path, mmap_mode="r").shape[1:])
    hidden, width, latent = number("model.hidden"), number("model.prior_hidden"), number("model.latent")
    nets = 2 * hidden * (values + (number("model.layers") - 1) * hidden + 2 * latent)
    flow = number("model.prior_layers") * width * (width + 2 * latent)
    return bool(number("train.batch") * number("train.samples") * (nets + flow) < _SMALL_STEP)


def _labels(y: Any, n: int, needed: bool) -> Optional[np.ndarray]:
    """Labels as bytes. Others, as of a pipeline of scikit-learn, are None if the model has no use for them."""
    labels = np.asarray(y)
    if labels.shape == (n,) and labels.dtype.kind in "biuf" and np.all((labels >= 0) & (labels <= 255) & (
            labels == np.floor(labels))):
        return np.ascontiguousarray(labels, np.uint8)
    if needed:
        raise ValueError(f"y: give {n} integers 0 … 255; np.unique(y, return_inverse=True)[1] numbers other labels")
    return None


class Training:
    """What VAE does to train."""

    folder: Any
    config: Any
    image_shape: Optional[tuple]
    verbose: bool
    n_jobs: Optional[int]
    _settings: Dict[str, Any]

    def _open(self, folder: Path) -> None:
        """Reads the run of a folder."""
        raise NotImplementedError

    def fit(self, X: Any, y: Any = None, *, callback: Optional[Callable[[SimpleNamespace], Any]] = None,
            resume: bool = False, overwrite: bool = False) -> Any:
        """Trains on images.

        Parameters
        ----------
        X : array_like of shape (n, height, width), (n, height, width, 3) or (n, pixels)
            Bytes 0 … 255, or numbers in [0, 1], which become 256 levels. With ``binarization="continuous"`` any
            numbers. Or the path of a file or folder of images that the program reads.
        y : array_like, optional
            Labels 0 … 255, which ``base="gk-by-class"`` needs. With other bases any y is accepted.
        callback : callable, optional
            Called with the progress after each step: ``epoch``, ``step``, ``neg_elbo``, ``epoch_ended``,
            ``validation_neg_elbo``, ``seconds_left`` and others. It may return true to stop.
        resume : bool
            Whether to continue the run in the folder, also with more `epochs`.
        overwrite : bool
            Whether to replace a run in the folder.

        Returns
        -------
        self

        Raises
        ------
        KeyboardInterrupt
            After Ctrl-C. The state is saved: ``fit(X, resume=True)`` continues, with the same result.
        """
        if resume and overwrite:
            raise ValueError("resume and overwrite exclude each other")
        if self.folder is None and not resume:
            self._temporary = TemporaryFolder()
        if self.folder is None and not hasattr(self, "_temporary"):
            raise ValueError("there is no run to resume: give its folder")
        folder = Path(self._temporary.name) / "run" if self.folder is None else Path(self.folder)
        folder.mkdir(parents=True, exist_ok=True)
        stage = np.zeros(1, np.intc)
        check(library().gkv_flat_stage(os.fsencode(folder), address(stage)))
        if _STAGES[stage[0]] in ("stopped", "finished") and not (resume or overwrite):
            raise ValueError(f"{folder} holds a run: give resume=True or overwrite=True, or another folder")
        settings = self._all_settings(folder, resume)
        count = self._give_data(settings, folder, X, y)
        if not resume:
            self._give_defaults(settings, count)
        start = _RESUME if resume else _OVERWRITE if overwrite else _NEW
        names_of_result, self._progress_names = names("result", library()), names("train", library())
        result = np.zeros(len(names_of_result))
        self._warnings: List[str] = []
        with Call() as call, Bar(self.verbose) as bar:
            progress = TRAIN_PROGRESS(lambda context, warning, numbers: self._progress(call, bar, callback, warning,
                                                                                       numbers))
            threads = threads_of(self.n_jobs, small=_has_small_steps(settings))
            status = library().gkv_flat_train(os.fsencode(folder), start, settings.place, threads, progress, None,
                                              address(result))
            self.folder_ = folder
            self.result_ = dict(zip(names_of_result, map(float, result)))
            if status in (0, INTERRUPTED):
                self._open(folder)
        for text in self._warnings:
            warnings.warn(text, stacklevel=2)
        call.check(status)
        return self

    def _progress(self, call: Call, bar: "Bar", callback: Optional[Callable], warning: Optional[bytes],
                  numbers: Any) -> bool:
        def run() -> None:
            if warning is not None:
                if b"no test images" not in warning:  # an array has none
                    self._warnings.append(warning.decode(errors="replace"))
                return
            seen = SimpleNamespace(**{name: numbers[i] for i, name in enumerate(self._progress_names)})
            seen.epoch_ended = bool(seen.epoch_ended)
            bar.show(seen)
            if callback is not None and callback(seen):
                call.asked = True
        call.run(run)
        return call.stopped

    def _all_settings(self, folder: Path, resume: bool) -> Settings:
        settings = Settings()
        if resume:
            settings.read(folder / "config.ini")
        if self.config is not None:
            settings.read(self.config)
        for name, value in key_names(self._settings).items():
            settings.set(name, value)
        return settings

    def _give_defaults(self, settings: Settings, count: Optional[int]) -> None:
        """Sizes that small data need."""
        given = key_names(self._settings)
        if count is None or self.config is not None:
            return
        if "data.dataset" not in given:  # not MNIST, of which there may be test images nearby
            settings.set("data.dataset", "array")
        if "data.validation" not in given:
            settings.set("data.validation", min(2000, count // 10))
        rest = count - int(setting(settings.place, "data.validation"))
        if "train.batch" not in given:
            batch = int(setting(settings.place, "train.batch"))
            settings.set("train.batch", max(1, min(batch, max(rest // 30, 16), rest)))

    def _give_data(self, settings: Settings, folder: Path, X: Any, y: Any) -> Optional[int]:
        """Writes the arrays to the folder, and names the files in the settings."""
        if isinstance(X, (str, os.PathLike)):
            settings.set("data.train_images", Path(X).absolute())
            if y is not None:
                settings.set("data.train_labels", Path(y).absolute())
            return None
        continuous = setting(settings.place, "data.binarization") == "continuous"
        images = images_of(X, self.image_shape)
        array = images.astype(np.float32) if continuous else levels_of(images)
        path = folder.absolute() / "training-images.npy"
        np.save(path, array)
        settings.set("data.train_images", path)
        labels = None if y is None else _labels(y, len(array), setting(settings.place, "model.base") == "gk-by-class")
        if labels is not None:
            path = folder.absolute() / "training-labels"
            check(library().gkv_idx_write_labels(os.fsencode(path), labels.size, address(labels)))
            settings.set("data.train_labels", path)
        return len(array)
