"""The declarations of the package agree with the headers of the library."""
import ctypes
import re
from pathlib import Path

import pytest

from gkvae import _density, _evaluate, _library, _models, _training, density, fitting, multivariate, optimize, vae

HEADERS = Path(__file__).parents[3] / "include/gkvae"
LETTERS = {"size_t": "s", "double": "d", "bool": "b", "int": "i", "uint64_t": "u", "int64_t": "q", "gkv_gk_family": "i",
           "gkv_flat_function": "i", "gkv_gk_method": "i", "gkv_gk_intervals": "i", "gkv_lm_loss": "i",
           "gkv_train_start": "i", "gkv_refine_mode": "i", "gkv_split": "i"}
POINTERS = {"gkv_flat_progress": "P", "gkv_lm_residuals": "R", "gkv_lm_jacobian": "R", "gkv_flat_batch_callback": "B",
            "gkv_flat_train_callback": "T"}


def text_of(name):
    path = HEADERS / name
    if not path.exists():
        pytest.skip("the headers are not here")
    return re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)


def letters_of(arguments):
    letters = ""
    for argument in arguments.split(","):
        words = argument.replace("const ", "").strip()
        kind = words.split()[0].rstrip("*")
        if "*" in words or "[" in words:
            letters += POINTERS.get(kind, "p")
        else:
            letters += LETTERS[kind]
    return letters


def declared(header):
    found = {}
    for name, arguments in re.findall(r"GKV_API GKV_MUST_USE gkv_status\s+(\w+)\((.*?)\);", text_of(header), re.S):
        found[name] = arguments
    return found


def test_types_of_arguments():
    functions = declared("flat.h")
    for name, types in _library._FLAT.items():
        assert letters_of(functions[name]) == types.replace("z", "p"), name


def test_types_of_models():
    functions = {}
    for header in ("flat_model.h", "model.h", "settings.h", "eval.h", "data.h", "train.h"):
        functions.update(declared(header))
    for name, types in _models._FUNCTIONS.items():
        assert letters_of(functions[name]) == types.replace("z", "p"), name


def test_types_of_densities():
    functions = {**declared("density.h"), **declared("flat_density.h")}
    for name, types in _density._FUNCTIONS.items():
        assert letters_of(functions[name]) == types.replace("z", "p"), name
    text = text_of("density.h")
    assert enumeration(text, "GKV_DENSITY_ROWS_MIN")["GKV_DENSITY_ROWS_FEW"] == density._FEW
    assert f"GKV_GK_RESOLUTION_AUTO ({_density.RESOLUTION_AUTO})" in text_of("gk_fit.h")
    assert "GKV_DENSITY_CHOSEN = -1" in text and _density.CHOSEN == -1


def enumeration(text, first):
    block = next(b for b in re.findall(r"enum \w*\s*\{(.*?)\}", text, re.S) if re.search(rf"\b{first}\b", b))
    numbers, value = {}, -1
    for item in block.split(","):
        if item.strip():
            name, _, number = (part.strip() for part in item.partition("="))
            value = int(number) if number else value + 1
            numbers[name] = value
    return numbers


def test_numbers_of_enumerations():
    flat = text_of("flat.h")
    functions = enumeration(flat, "GKV_FLAT_PDF")
    for name in ("PDF", "LOG_PDF", "CDF", "UPPER", "LOG_CDF", "LOG_UPPER", "QUANTILE", "QUANTILE_UPPER",
                 "QUANTILE_LOG", "QUANTILE_LOG_UPPER", "Q", "Q_INVERSE", "RAW_MOMENT", "ENTROPY", "VALID"):
        assert functions[f"GKV_FLAT_{name}"] == getattr(_evaluate, name)
    for table, prefix, first in (("fit", "FIT", "LOG_LIKELIHOOD"), ("bootstrap", "BOOTSTRAP", "P_CHI2"),
                                 ("mixture", "MIXTURE", "LOG_LIKELIHOOD"), ("lm", "LM", "STOP")):
        numbers = enumeration(flat, f"GKV_FLAT_{prefix}_{first}")
        names = _library.names(table)
        assert numbers.pop(f"GKV_FLAT_{prefix}_NUMBERS") == len(names)
        for name, number in numbers.items():
            if number >= numbers[f"GKV_FLAT_{prefix}_{first}"]:
                word = name.replace(f"GKV_FLAT_{prefix}_", "").lower()
                if word.startswith("c_"):  # the numbers of an estimated c
                    word = "covariance.c.A" if word == "c_covariance" else f"{word[2:]}.c"
                assert names[number] == word
    losses = enumeration(text_of("lm.h"), "GKV_LM_HUBER")
    words = _library.settings("lm").words()["loss"]
    assert [f"GKV_LM_{word.upper()}" for word in words] == list(losses)
    assert list(optimize._LOSSES.values()) == words
    stops = enumeration(text_of("mgk_mixture.h"), "GKV_MIXTURE_LIMIT")
    assert ["", *(name.replace("GKV_MIXTURE_", "").replace("_", " ").lower() for name in stops)] == list(
        multivariate._STOPS)
    assert enumeration(text_of("lm.h"), "GKV_LM_STEP")["GKV_LM_FAULT"] == max(optimize._STATUS)
    model = text_of("flat_model.h")
    for table, first in (("train", "EPOCH"), ("result", "EPOCHS")):
        prefix = f"GKV_FLAT_{table.upper()}_"
        assert [*enumeration(model, prefix + first)] == [prefix + name.upper() for name in (
            *_library.names(table, _models.library()), "numbers")]
    stages = enumeration(text_of("train.h"), "GKV_RUN_BEGUN")
    assert [name.replace("GKV_RUN_", "").lower() for name in stages] == list(_training._STAGES)
    pixels = enumeration(text_of("settings.h"), "GKV_PIXELS_BINARY")
    assert [pixels[f"GKV_PIXELS_{name}"] for name in ("BINARY", "MEAN_LEVELS", "LEVELS", "CONTINUOUS")] == [
        vae.BINARY, vae.MEAN_LEVELS, vae.LEVELS, vae.CONTINUOUS]
    statuses = enumeration(text_of("error.h"), "GKV_OK")
    for name, value in statuses.items():
        assert getattr(_library, name.replace("GKV_ERR_", "").replace("GKV_", "")) == value
    gk, fit = text_of("gk.h"), text_of("gk_fit.h")
    assert enumeration(gk, "GKV_GK_FAMILY_GK") == {
        **{f"GKV_GK_FAMILY_{name.upper()}": number for name, number in _evaluate.FAMILIES.items()},
        "GKV_GK_FAMILIES": len(_evaluate.FAMILIES)}
    assert _evaluate.PARAMETERS == {"gk": tuple("ABgkc"), "gh": tuple("ABgh"), "ggh": tuple("ABghc")}
    assert _evaluate.TITLES == {"gk": "g-and-k", "gh": "g-and-h", "ggh": "generalised g-and-h"}
    methods = enumeration(fit, "GKV_GK_MLE")
    assert {"lm": methods["GKV_GK_LM"], "mle": methods["GKV_GK_MLE"],
            "octile": methods["GKV_GK_OCTILES"]} == _evaluate.METHODS
    assert {"wald": 0, "profile": 1} == _evaluate.INTERVALS == {
        name.replace("GKV_GK_", "").lower(): number for name, number in enumeration(fit, "GKV_GK_PROFILE").items()}
    tests = enumeration(fit, "GKV_GK_TEST_LEVELS")
    assert [name.replace("GKV_GK_TEST_", "").replace("_", " ").lower() for name in tests] == list(fitting._TESTS)


def test_statuses_are_exceptions():
    import gkvae
    with pytest.raises(gkvae.NumericalError):
        _library.check(_library.NUMERIC)
    for status, kind in [(_library.ARGUMENT, ValueError), (_library.MEMORY, MemoryError), (_library.IO, OSError),
                         (_library.INTERRUPTED, KeyboardInterrupt), (_library.BUSY, OSError)]:
        with pytest.raises(kind):
            _library.check(status)
    assert _library.check(0) is None
    assert issubclass(gkvae.NumericalError, ArithmeticError) and ctypes.sizeof(ctypes.c_bool) == 1


def test_settings_are_text_of_all_digits():
    for value, text in ((True, "yes"), (False, "no"), (0.1, "0.1"), (2.0, "2"), (1e-22, "1e-22"), (7, "7"),
                        (float("inf"), "inf"), (2**64 - 1, "18446744073709551615"), ("auto", "auto")):
        assert _library.text_of(value) == text
    import numpy as np
    assert _library.text_of(np.float64(1 / 3)) == repr(1 / 3) and _library.text_of(np.bool_(True)) == "yes"
    with pytest.raises(ValueError, match="c = nan"):
        _library.settings("fit", c=float("nan"))
    with pytest.raises(ValueError, match="nearest is method"):
        _library.settings("fit", methods="lm")
    assert _library.settings("fit", c=0.7) is _library.settings("fit", c=0.7, levels=None)


def test_no_number_is_copied():
    """The package reads numbers of flat functions from the library, and has no list of its own."""
    for source in (Path(_library.__file__).parent).glob("*.py"):
        assert not re.search(r"GKV_MGK_|gkv_flat\.h", source.read_text(encoding="utf-8")), source
