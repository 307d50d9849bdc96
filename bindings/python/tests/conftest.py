"""Fixtures of the tests: the C program, real series, samples."""
import os
import subprocess
from pathlib import Path

import hypothesis
import numpy as np
import pytest

import gkvae

hypothesis.settings.register_profile("gkvae", database=None, deadline=None)
hypothesis.settings.load_profile("gkvae")


@pytest.fixture(scope="session")
def program():
    """Runs the C program and returns its output; GKVAE_PROGRAM names it."""
    path = os.environ.get("GKVAE_PROGRAM", "")
    if not os.access(path, os.X_OK):
        pytest.skip("GKVAE_PROGRAM names no program")
    return lambda *words: subprocess.run([path, *map(str, words)], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="session")
def series():
    """Reads a file of real series; SERIES_DIR names their folder."""
    folder = os.environ.get("SERIES_DIR", "")
    if not folder:
        pytest.skip("SERIES_DIR names no folder with exchange-returns.csv and mgnk.csv")
    return lambda name: np.genfromtxt(Path(folder) / name, delimiter=",", skip_header=1)


@pytest.fixture(scope="session")
def sample():
    return gkvae.gk.rvs(0.5, 0.2, loc=3, size=2000, random_state=5)
