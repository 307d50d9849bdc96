"""The library of models, and handles of its objects."""
from __future__ import annotations

import ctypes
from ctypes import CFUNCTYPE, POINTER, c_bool, c_char_p, c_double, c_int, c_size_t, c_void_p
from typing import Any, Iterator, Optional

import numpy as np

from ._arrays import address
from ._calls import Call, Options
from ._library import Handle, check, libgk, open_library, text_of

TRAIN_PROGRESS = CFUNCTYPE(c_bool, c_void_p, c_char_p, POINTER(c_double))

# gkvae/model.h, data.h, settings.h, eval.h and flat_model.h: letters as in _library.py; T is TRAIN_PROGRESS
_FUNCTIONS = {
    "gkv_flat_model_settings": "p", "gkv_flat_train": "zipiTpp", "gkv_flat_stage": "zp",
    "gkv_flat_refine_settings": "p", "gkv_flat_refine": "psppup" + "ppppp",
    "gkv_flat_targets": "ppsisp", "gkv_flat_dataset": "pspp",
    "gkv_settings_set": "pzzz", "gkv_settings_read": "pz", "gkv_settings_write": "pz", "gkv_settings_check": "p",
    "gkv_settings_get": "pzsp",
    "gkv_model_load": "zp", "gkv_model_save": "pz", "gkv_model_posterior": "pspppp",
    "gkv_model_encode": "psppp", "gkv_model_sample_posterior": "pspuupp", "gkv_model_decode": "psppp",
    "gkv_model_decode_medians": "psppp", "gkv_model_sample_images": "pspuupp", "gkv_model_sample": "psuudpp",
    "gkv_model_sample_class": "pssuudpp", "gkv_model_classify": "psppp", "gkv_model_log_prior": "psppp",
    "gkv_model_log_likelihood": "pspppp", "gkv_model_normalise": "psppp", "gkv_model_generate": "psppp",
    "gkv_estimate": "pspsuuppp", "gkv_dataset_from_memory": "ssssppp", "gkv_idx_write_labels": "zsp",
    "gkv_run_recover": "z",
}
_SIZES = ("channels", "values", "height", "width", "latent", "parameters", "classes")

_loaded: Optional[ctypes.CDLL] = None


def library() -> ctypes.CDLL:
    """libgkvae, loaded at the first call."""
    global _loaded
    if _loaded is None:
        found = open_library("libgkvae", {name: types for name, types in _FUNCTIONS.items() if "T" not in types})
        for name, types in _FUNCTIONS.items():
            if "T" in types:
                function = getattr(found, name)
                function.restype = c_int
                function.argtypes = [c_char_p, c_int, c_void_p, c_int, TRAIN_PROGRESS, c_void_p, c_void_p]
        for size in _SIZES:
            function = getattr(found, f"gkv_model_{size}")
            function.restype, function.argtypes = c_size_t, [c_void_p]
        found.gkv_model_settings_of.restype, found.gkv_model_settings_of.argtypes = c_void_p, [c_void_p]
        found.gkv_flat_pixels.restype, found.gkv_flat_pixels.argtypes = c_int, [c_void_p, c_void_p]
        found.gkv_settings_key_at.restype = POINTER(_Key)
        found.gkv_settings_key_at.argtypes = [c_size_t]
        for name in ("gkv_model_free", "gkv_dataset_free"):
            getattr(found, name).restype, getattr(found, name).argtypes = None, [c_void_p]
        _loaded = found
    return _loaded


class _Key(ctypes.Structure):
    """gkv_settings_key"""
    _fields_ = [(name, c_char_p) for name in ("section", "name", "type", "range", "meaning")]


def keys() -> Iterator[_Key]:
    """The keys of the settings, in the order of the configuration."""
    i = 0
    while True:
        key = library().gkv_settings_key_at(i)
        if not key:
            return
        yield key.contents
        i += 1


class Settings(Handle):
    """Settings: an object of the library, read and written by keys."""

    def __init__(self) -> None:
        super().__init__(libgk.gkv_flat_free)
        check(library().gkv_flat_model_settings(self.out))

    def set(self, name: str, value: Any) -> None:
        check(library().gkv_settings_set(self.place, name.encode(), text_of(value).encode(), b"VAE"))

    def read(self, path: Any) -> None:
        check(library().gkv_settings_read(self.place, str(path).encode()))


def setting(place: Any, name: str) -> str:
    """The value of a key of settings as text."""
    buffer = ctypes.create_string_buffer(2048)
    check(library().gkv_settings_get(place, name.encode(), len(buffer), ctypes.addressof(buffer)))
    return buffer.value.decode()


class Model(Handle):
    """A trained model."""

    channels: int
    values: int
    height: int
    width: int
    latent: int
    parameters: int
    classes: int

    def __init__(self, path: Any) -> None:
        super().__init__(library().gkv_model_free)
        check(library().gkv_model_load(str(path).encode(), self.out))
        for size in _SIZES:
            setattr(self, size, getattr(library(), f"gkv_model_{size}")(self.place))
        limits = np.empty(2)
        self.pixels = library().gkv_flat_pixels(self.place, address(limits))
        self.range = limits

    def setting(self, name: str) -> str:
        return setting(library().gkv_model_settings_of(self.place), name)

    def call(self, function: str, threads: int, *arguments: Any, after: tuple = ()) -> None:
        """Calls a function of gkvae/model.h: the model, these arguments, the options, and those after them."""
        with Call() as call:
            options = Options(threads, call)
            status = getattr(library(), function)(self.place, *arguments, options.place, *after)
        call.check(status)
