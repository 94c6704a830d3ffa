"""Processes that run calls one after another, each of which may die without the others.

The executors of concurrent.futures give up all calls when one of their processes dies. Here that
ends only the call that it was busy with, and the next call gets a new process.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from .clock import last_words
from .faults import describe

PATIENCE = 2.0  # seconds that a process has to end when it is asked to


class CallError(Exception):
    """What a call raised in its process, in words."""


class DeadProcessError(CallError):
    """A process ended instead of returning from a call.

    The text says how: by which signal, or with which exit status.

    last_words  the traceback of what it was doing, when it has ended itself (see `clock`)
    """

    def __init__(self, status: int, last_words: str) -> None:
        super().__init__(f"ended its process, {_how(status)}")
        self.last_words = last_words


def _how(status: int) -> str:
    if status >= 0:
        return f"with exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        return f"by signal {-status}"
    memory = ", as systems do that are out of memory" if name == "SIGKILL" else ""
    return f"by {name} ({signal.strsignal(-status)}{memory})"


class Processes:
    """Submits calls to some number of processes, as an executor of concurrent.futures does."""

    together = 1  # cases to a call: it is known at which one a process has died

    def __init__(self, number: int) -> None:
        self._threads = ThreadPoolExecutor(number)  # each of which waits for a process of its own
        self._own = threading.local()
        self._lock = threading.Lock()
        self._started: list[_Process] = []
        self._closed = False

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """A call in some process; `.result()` waits for what it returns, or raises CallError."""
        return self._threads.submit(self._call, function, arguments)

    def _call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        if getattr(self._own, "process", None) is None:
            self._own.process = self._start()
        try:
            return self._own.process.call(function, arguments)
        except DeadProcessError:
            self._own.process = None
            raise

    def _start(self) -> _Process:
        with self._lock:
            if self._closed:
                raise CallError("there are no more calls")
            self._started.append(_Process())
            return self._started[-1]

    def close(self) -> None:
        """End the processes, whatever they are doing, and give up the calls that wait."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._closed = True
        for process in self._started:
            process.end()
        self._threads.shutdown()


class _Process:
    """One process, and the pipe to it."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        handle, self._words = tempfile.mkstemp(prefix="refimpl-", text=True)
        os.close(handle)
        self._process = context.Process(target=_serve, args=(theirs, self._words))
        with _waiting:
            self._process.start()
        theirs.close()  # or the end of the process would not be the end of the pipe

    def call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """What the function returns there. CallError when it does not return."""
        try:
            self._pipe.send((function, arguments))
            result, error = self._pipe.recv()
        except (EOFError, OSError):
            raise self._death() from None
        if error:
            raise CallError(error)
        return result

    def _death(self) -> DeadProcessError:
        with _waiting:
            self._process.join()
        words = Path(self._words).read_text("utf-8", errors="backslashreplace")
        return DeadProcessError(self._process.exitcode or 0, words)

    def end(self) -> None:
        """Terminate the process; kill it when that is not enough."""
        self._process.terminate()
        with _waiting:
            self._process.join(PATIENCE)
        self._process.kill()
        with suppress(OSError):  # of systems on which a file that is open cannot be removed
            os.unlink(self._words)


_waiting = threading.Lock()  # starting a process waits for those that ended, in whatever thread


def _serve(pipe: Connection, words: str) -> None:
    """In a process: the calls that come through the pipe, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this one
    with open(words, "w", encoding="utf-8") as file, suppress(EOFError, OSError):
        last_words.set(file)
        while True:
            function, arguments = pipe.recv()
            pipe.send(_answer(function, arguments))


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, str | None]:
    try:
        return function(*arguments), None
    except Exception as error:
        return None, describe(error)
