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


def test_tour():
    run = subprocess.run([sys.executable, HERE / "tour.py"], capture_output=True, text=True, timeout=200)
    assert run.returncode == 0, run.stderr
    assert run.stderr == "" or "Warning" in run.stderr
    assert "likelihood ratio" in run.stdout and "log p(x)" in run.stdout
