"""Long calls: progress, callbacks into Python, and Ctrl-C."""
from __future__ import annotations

import signal
import threading
from typing import Any, Callable, Optional

from ._arrays import as_index
from ._library import INTERRUPTED, PROGRESS, Handle, check, libgk


class Call:
    """A call of C during which Ctrl-C is taken at the next callback, and exceptions of callbacks are kept.

    Python runs a signal's handler between two of its own instructions, also at the very first one of a callback,
    where no `try` could catch what the handler raises. The handler therefore only notes the signal, unless code
    of the user runs, and the original handler is called when C has returned.
    """

    def __init__(self, report: Optional[Callable[[int, int], Any]] = None) -> None:
        self.report = report
        self.error: Optional[BaseException] = None
        self.asked = False  # whether `report` has returned true
        self.progress = PROGRESS(self._progress)
        self._old: Any = None
        self._noted: Optional[tuple] = None
        self._in_user_code = False

    def __enter__(self) -> "Call":
        if threading.current_thread() is threading.main_thread():
            old = signal.getsignal(signal.SIGINT)
            if callable(old):
                self._old = old
                signal.signal(signal.SIGINT, self._handler)
        return self

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> None:
        if self._old is not None:
            signal.signal(signal.SIGINT, self._old)
        if self.error is not None:
            raise self.error
        if self._noted is not None and self._old is not None:
            self._old(*self._noted)

    def _handler(self, number: int, frame: Any) -> None:
        if self._in_user_code:
            self._old(number, frame)
        else:
            self._noted = (number, frame)

    def run(self, function: Callable, *args: Any) -> bool:
        """Calls a function of the user. Returns False if it has raised, or if the call must stop."""
        if self.stopped:
            return False
        try:
            self._in_user_code = True
            function(*args)
        except BaseException as error:  # the call must return to C first
            self.error = error
        finally:
            self._in_user_code = False
        return not self.stopped

    @property
    def stopped(self) -> bool:
        """Whether the call must return."""
        return self.asked or self.error is not None or self._noted is not None

    def _progress(self, context: Any, done: int, total: int) -> bool:
        if self.report is not None and not self.stopped:
            self.run(self._reported, done, total)
        return self.stopped

    def _reported(self, done: int, total: int) -> None:
        if self.report is not None:
            self.asked = bool(self.report(done, total))

    def check(self, status: int) -> None:
        """Raises the exception of a status; an interrupted call ends with its own exception (see __exit__)."""
        if not (status == INTERRUPTED and self.stopped) and self.error is None:
            check(status)


def threads_of(n_jobs: Optional[int], small: bool = False) -> int:
    """The number of threads of `n_jobs`: None and -1 are one for each processor.

    For small work None is one thread: where other work occupies the processors, threads that wait for each other a
    thousand times a second take ten times as long.
    """
    if n_jobs is None and small:
        return 1
    if n_jobs is None or n_jobs == -1:
        return 0
    n_jobs = as_index(n_jobs, "n_jobs")
    if not 1 <= n_jobs <= 256:
        raise ValueError(f"n_jobs = {n_jobs}: give 1 to 256 threads, or None for one for each processor")
    return n_jobs


class Options(Handle):
    """Options of a call: its threads, and the way to stop it."""

    def __init__(self, threads: int, call: Call) -> None:
        super().__init__(libgk.gkv_flat_free)
        self._call = call
        check(libgk.gkv_flat_options(threads, call.progress, None, self.out))
