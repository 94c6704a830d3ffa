"""A limit on the time that a function under test may take at one case.

An alarm interrupts whatever Python runs, in the main thread of systems that have interval timers.
Code that does not come back to Python, such as a loop in C or in XLA, no alarm interrupts: a
process that is there for functions alone ends itself instead (see `processes`).
"""

from __future__ import annotations

import faulthandler
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import IO, Any

AGAIN = 1.0  # seconds until the next alarm, for functions that catch everything
GRACE = 2.0  # seconds between the alarm and the end of the process

last_words: ContextVar[IO[str] | None] = ContextVar("last_words", default=None)
"""In a process that may end: the file for the traceback of what it was doing when it had to."""


class TimeUp(BaseException):
    """What the alarm raises. No Exception, because functions catch these and go on."""


def interruptible() -> bool:
    """Whether an alarm can be set here."""
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


@dataclass
class Clock:
    """The time that all calls at one case may take together.

    limit  in seconds; None for no limit
    over   whether the limit was exceeded
    """

    limit: float | None = None
    over: bool = False
    _used: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time inside; TimeUp is raised there when none is left."""
        if self.limit is None:
            yield
            return
        start, left = time.monotonic(), self.limit - self._used
        try:
            with self._alarm(left), _end(left + GRACE):
                yield
        finally:
            self._used += time.monotonic() - start
            self.over = self.over or self._used >= self.limit

    @contextmanager
    def _alarm(self, seconds: float) -> Iterator[None]:
        """Alarms from then on. One that was set before, by others, is set again afterwards."""
        if not interruptible():
            yield
            return
        start, handler = time.monotonic(), signal.signal(signal.SIGALRM, self._ring)
        theirs, every = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.signal(signal.SIGALRM, handler or signal.SIG_DFL)
            if theirs:
                remaining = theirs - (time.monotonic() - start)
                signal.setitimer(signal.ITIMER_REAL, max(remaining, 1e-3), every)

    def _ring(self, *_: Any) -> None:
        self.over = True
        raise TimeUp


@contextmanager
def _end(seconds: float) -> Iterator[None]:
    """The end of this process from then on, by a thread that needs no interpreter."""
    file = last_words.get()
    if file is None:
        yield
        return
    faulthandler.dump_traceback_later(seconds, exit=True, file=file)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
