"""The workers of a Dask cluster: `refimpl check TARGET --dask tcp://scheduler:8786`.

Dask's distributed scheduler hands out the cases; here is only how it is reached, and what must hold
before anything is handed out: workers, with this version of refimpl.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from refimpl import __version__

from .loading import UsageError

WAIT = 15  # seconds for the scheduler, and for the first worker


class Cluster:
    """Submits calls, as an executor of concurrent.futures does."""

    together = 8  # cases to a call, which has far to go

    def __init__(self, client: Any) -> None:
        self._client = client
        self._tasks: list[Any] = []

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """A call on some worker; `.result()` waits for what it returns."""
        task = self._client.submit(function, *arguments, pure=False)
        self._tasks.append(task)
        return task

    def cancel(self) -> None:
        """Give up whatever has not been asked for."""
        self._client.cancel(self._tasks, force=True)


@contextmanager
def cluster(address: str) -> Iterator[Cluster]:
    """The cluster whose scheduler is at the address. UsageError when it cannot be used."""
    with _client(address) as client:
        workers = Cluster(client)
        try:
            yield workers
        finally:
            workers.cancel()


def _client(address: str) -> Any:
    try:
        import distributed
    except ImportError:
        reason = "dask.distributed is not installed: pip install 'refimpl[dask]'"
        raise UsageError(f"--dask: {reason}") from None
    try:
        client = distributed.Client(address, timeout=WAIT, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        text = " ".join(str(error).split())
        raise UsageError(f"--dask {address}: no scheduler answers there ({text})") from error
    try:
        client.wait_for_workers(1, timeout=WAIT)
        found = set(client.run(_version).values())
    except TimeoutError:
        client.close()
        raise UsageError(f"--dask {address}: the scheduler has no workers") from None
    except ImportError as error:
        client.close()
        raise UsageError(f"--dask {address}: a worker has no refimpl ({error})") from error
    if found != {__version__}:
        client.close()
        theirs = ", ".join(sorted(found))
        raise UsageError(f"--dask {address}: workers have refimpl {theirs}, here is {__version__}")
    return client


def _version() -> str:
    return __version__
