"""The tour runs, and so do the first lines of the READMEs."""
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1]


@pytest.mark.parametrize("path", [HERE / "README.md", HERE.parents[1] / "README.md"], ids=["package", "repository"])
def test_first_lines(path):
    code = re.search(r"```python\n(import gkvae.*?)```", path.read_text(), re.S).group(1)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200)
    assert run.returncode == 0, run.stderr
    assert "log-likelihood" in run.stdout


def test_risk_of_a_portfolio(tmp_path):
    pytest.importorskip("pandas")
    script = HERE.parents[1] / "examples/returns/risk.py"
    if not script.exists():
        pytest.skip("the examples are not here")
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stderr == "" and (tmp_path / "risk.safetensors").exists()
    loss, shortfall = map(float, re.search(r"99 % of the days lose less than (\S+) %; the others (\S+) %",
                                           run.stdout).groups())
    assert 1.1 < loss < 1.5 < shortfall < 1.9  # the 1 % quantile of the days is -1.29
    assert "the least likely days" in run.stdout and "later days: mean log density" in run.stdout


def test_tour():
    run = subprocess.run([sys.executable, HERE / "tour.py"], capture_output=True, text=True, timeout=200)
    assert run.returncode == 0, run.stderr
    assert run.stderr == "" or "Warning" in run.stderr
    assert "likelihood ratio" in run.stdout and "log p(x)" in run.stdout
