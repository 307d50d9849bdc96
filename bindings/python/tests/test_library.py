"""The declarations of the package agree with the headers of the library."""
import ctypes
import re
from pathlib import Path

import pytest

from gkvae import _evaluate, _library, _models, _training, fitting, multivariate, optimize, vae

HEADERS = Path(__file__).parents[3] / "include/gkvae"
LETTERS = {"size_t": "s", "double": "d", "bool": "b", "int": "i", "uint64_t": "u", "gkv_gk_family": "i",
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
        assert letters_of(functions[name]) == types, name


def test_types_of_models():
    functions = {}
    for header in ("flat_model.h", "model.h", "settings.h", "eval.h", "data.h", "train.h"):
        functions.update(declared(header))
    for name, types in _models._FUNCTIONS.items():
        assert letters_of(functions[name]) == types.replace("z", "p"), name


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
    numbers = enumeration(flat, "GKV_FLAT_FIT_LOG_LIKELIHOOD")
    assert numbers["GKV_FLAT_FIT_NUMBERS"] == fitting.SIZE
    assert numbers["GKV_FLAT_FIT_LOG_LIKELIHOOD"] == fitting._FIRST
    names = [name for name, value in numbers.items() if fitting._FIRST <= value < fitting.SIZE]
    same = {"loglik": "LOG_LIKELIHOOD", "pvalue": "P_VALUE", "n_params": "PARAMETERS"}
    assert names == ["GKV_FLAT_FIT_" + same.get(name, name.upper()) for name in fitting._NUMBERS]
    assert enumeration(flat, "GKV_FLAT_BOOTSTRAP_SE")["GKV_FLAT_BOOTSTRAP_NUMBERS"] == 36
    mixture = enumeration(flat, "GKV_FLAT_MIXTURE_BIC")
    short = {"LOGLIK": "LOG_LIKELIHOOD"}
    for name in ("LOGLIK", "AIC", "BIC", "PARAMETERS", "COMPONENTS", "ITERATIONS", "CONVERGED", "STOP", "UNEXPLAINED",
                 "LAST_GAIN", "SHRINK", "REPAIR", "GOODNESS", "FALLBACKS", "NUMBERS"):
        assert mixture["GKV_FLAT_MIXTURE_" + short.get(name, name)] == getattr(multivariate, name)
    losses = enumeration(text_of("lm.h"), "GKV_LM_HUBER")
    assert {"linear": losses["GKV_LM_SQUARES"], **{name: losses[f"GKV_LM_{name.upper()}"] for name in (
        "huber", "soft_l1", "cauchy")}} == optimize._LOSSES
    stops = enumeration(text_of("mgk_mixture.h"), "GKV_MIXTURE_LIMIT")
    assert ["", *(name.replace("GKV_MIXTURE_", "").replace("_", " ").lower() for name in stops)] == list(
        multivariate._STOPS)
    assert enumeration(text_of("lm.h"), "GKV_LM_STEP")["GKV_LM_FAULT"] == max(optimize._STATUS)
    model = text_of("flat_model.h")
    for prefix, names in (("GKV_FLAT_TRAIN_", _training._PROGRESS), ("GKV_FLAT_RESULT_", _training._RESULT)):
        assert [*enumeration(model, prefix + names[0].upper())] == [prefix + name.upper() for name in (
            *names, "numbers")]
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
        "GKV_GK_FAMILY_GK": 0, "GKV_GK_FAMILY_GH": 1, "GKV_GK_FAMILY_GGH": 2, "GKV_GK_FAMILIES": 3}
    methods = enumeration(fit, "GKV_GK_MLE")
    assert {"lm": methods["GKV_GK_LM"], "mle": methods["GKV_GK_MLE"],
            "octile": methods["GKV_GK_OCTILES"]} == fitting.METHODS
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
