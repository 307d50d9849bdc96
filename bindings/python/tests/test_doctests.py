"""The examples of the docstrings."""
import doctest
import importlib
import pkgutil

import pytest

import gkvae

MODULES = ["gkvae", *(f"gkvae.{module.name}" for module in pkgutil.iter_modules(gkvae.__path__))]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(name)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert doctest.testmod(module, optionflags=flags).failed == 0


def test_public_names_are_documented():
    for name in gkvae.__all__:
        assert len((getattr(gkvae, name).__doc__ or "").strip()) > 20, name
    assert set(gkvae.__all__) <= set(dir(gkvae))
    assert gkvae.__version__.count(".") == 2 and "kernels" in gkvae.build_description()
