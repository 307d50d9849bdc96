"""Settings of models by keyword, and the progress of training."""
from __future__ import annotations

import shutil
import sys
import tempfile
import weakref
from types import SimpleNamespace
from typing import Any, Dict, List

from ._models import keys


def describe(key: Any) -> str:
    words = [key.type.decode(), key.range.decode(), key.meaning.decode()]
    return "; ".join(word for word in words if word)


def key_names(settings: Dict[str, Any]) -> Dict[str, Any]:
    """The settings by section.key."""
    known: Dict[str, List[str]] = {}
    for key in keys():
        section, name = key.section.decode(), key.name.decode()
        known.setdefault(name, []).append(f"{section}.{name}")
        known[f"{section}_{name}"] = [f"{section}.{name}"]
    found = {}
    for name, value in settings.items():
        places = known.get(name)
        if places is None:
            import difflib
            near = difflib.get_close_matches(name, known, 1)
            raise TypeError(f"VAE has no setting {name!r}{f'; do you mean {near[0]}?' if near else ''} "
                            "(VAE.settings() describes all)")
        if len(places) > 1:  # seed and samples of training, not of an evaluation
            places = [place for place in places if place.startswith("train.")] or places
        if len(places) > 1:
            raise TypeError(f"the setting {name!r} is in several sections: give "
                            f"{' or '.join(place.replace('.', '_') for place in places)}")
        found[places[0]] = value
    return found


class TemporaryFolder:
    """A folder that is removed with its object or at the end of the process, silently, as nobody has to close it."""

    def __init__(self) -> None:
        self.name = tempfile.mkdtemp(prefix="gkvae-")
        self._end = weakref.finalize(self, shutil.rmtree, self.name, ignore_errors=True)


class Bar:
    """The progress of training: a bar of tqdm, or a line for each epoch."""

    def __init__(self, verbose: bool) -> None:
        self.verbose = verbose
        self.bar: Any = None

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *exception: Any) -> None:
        if self.bar is not None:
            self.bar.close()

    def show(self, seen: SimpleNamespace) -> None:
        if not self.verbose:
            return
        if self.bar is None:
            try:
                from tqdm.auto import tqdm
                self.bar = tqdm(total=int(seen.steps), initial=int(seen.step) - 1, unit="step", desc="training",
                                mininterval=0.2, leave=False)
            except ImportError:
                self.bar = _Lines()
        if isinstance(self.bar, _Lines):
            if seen.epoch_ended:
                print(f"epoch {seen.epoch:.0f} of {seen.epochs:.0f}: -ELBO {seen.neg_elbo:.2f}, validation "
                      f"{seen.validation_neg_elbo:.2f}", file=sys.stderr)
            return
        if seen.epoch_ended:
            self.bar.set_postfix_str(f"epoch {seen.epoch:.0f}: -ELBO {seen.neg_elbo:.2f}, validation "
                                     f"{seen.validation_neg_elbo:.2f}", refresh=False)
        elif seen.step > self.bar.n:
            self.bar.update(int(seen.step) - self.bar.n)


class _Lines:
    """In the place of a bar."""

    def close(self) -> None:
        pass
