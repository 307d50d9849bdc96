"""The wheel of gkvae: any Python 3, this platform, because it contains the shared libraries (`make python`)."""
from pathlib import Path

from setuptools import setup
from setuptools.dist import Distribution
from wheel.bdist_wheel import bdist_wheel

HERE = Path(__file__).parent
if not list(HERE.glob("src/gkvae/_lib/libgk.so*")):
    raise SystemExit("there is no library in src/gkvae/_lib: `make python` in the repository's root builds the wheel")


class PlatformDistribution(Distribution):
    def has_ext_modules(self):
        return True


class PlatformWheel(bdist_wheel):
    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


setup(version=(HERE / "VERSION").read_text().strip(), distclass=PlatformDistribution,
      cmdclass={"bdist_wheel": PlatformWheel})
