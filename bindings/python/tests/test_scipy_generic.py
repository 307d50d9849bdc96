"""SciPy's own checks of continuous distributions."""
import os

import numpy as np
import pytest
from scipy.stats.tests import test_continuous_basic as basic

import gkvae

# The names of SciPy's tests, and the shapes that it would list in distcont.
CASES = [(gkvae.gk, (0.5, 0.2, 0.8)), (gkvae.gk, (-1.0, 0.05, 0.6)), (gkvae.gh, (0.3, 0.1)),
         (gkvae.ggh, (0.5, 0.1, 0.8))]


@pytest.mark.parametrize("dist, shapes", CASES, ids=lambda case: getattr(case, "name", str(case)))
class TestGeneric:
    @pytest.mark.filterwarnings("ignore::RuntimeWarning")
    def test_basic(self, dist, shapes, monkeypatch):
        if not os.environ.get("GKVAE_SLOW"):  # the method of moments takes minutes, as SciPy's own list has it
            slow = {"MLE": [], "MM": ["rv_histogram_instance"]}
            monkeypatch.setattr(basic, "skip_fit_test", slow)
            monkeypatch.setattr(basic, "skip_fit_fix_test", slow)
        basic.test_cont_basic(dist, shapes, 500, 200)

    def test_moments(self, dist, shapes):
        basic.test_moments(dist, shapes, True, True, False)

    def test_scalar_draws(self, dist, shapes):
        basic.test_rvs_scalar(dist, shapes)

    def test_draws_broadcast(self, dist, shapes):
        from scipy.stats.tests.common_tests import check_rvs_broadcast
        loc, scale = np.zeros(2), np.ones((3, 1))
        args, shape = [], []
        for i, value in enumerate(shapes):
            args.append(value * np.ones((i + 2,) + (1,) * (i + 2)))
            shape.insert(0, i + 2)
        check_rvs_broadcast(dist, dist.name, [*args, loc, scale], tuple([*shape, 3, 2]), False, "d")
