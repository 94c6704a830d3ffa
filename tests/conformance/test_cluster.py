"""`refimpl check TARGET --dask ADDRESS`: the report of one process, from workers of a cluster."""

import re
import sys
from pathlib import Path

import pytest
from ported_methods import source

import refimpl
from refimpl.cli import main
from refimpl.conformance import cluster

pytestmark = [
    pytest.mark.xdist_group("processes"),
    pytest.mark.filterwarnings("ignore"),  # of sockets and event loops, when a cluster ends
]
needed = pytest.mark.framework("distributed")


@pytest.fixture(scope="module")
def address():
    """Two workers, in processes of their own."""
    distributed = pytest.importorskip("distributed", reason="needs distributed")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(refimpl.__file__).parents[1])  # new processes look for it
        local = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
        )
        with local:
            yield local.scheduler_address


@pytest.fixture
def ported(tmp_path):
    """Write the ported methods, with replacements; the file's path."""

    def write(*changes):
        path = tmp_path / "ported.py"
        path.write_text(source("refimpl", *changes))
        return str(path)

    return write


def run(capsys, *arguments):
    status = main(["check", *map(str, arguments)])
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err
    return status, re.sub(r" in [\d.]+ s", "", printed.out), printed.err


SIGN = ("steepness * (b - a)", "steepness * (a - b)")
FEW = ("--method", "sorting.sorting_network", "--method", "sorting.soft_s*", "--max-cases", "10")


@needed
def test_the_workers_of_a_cluster_write_the_report_of_one_process(address, ported, capsys):
    path = ported(SIGN)
    here, there = (run(capsys, path, *FEW, *more) for more in ((), ("--dask", address)))
    assert here[0] == 1
    assert "agrees with the reference, -f(-x)" in here[1]
    assert there == here


@needed
def test_a_target_that_was_edited_is_loaded_again(address, ported, capsys):
    options = ("--method", "sorting.soft_sort", "--max-cases", "9", "--dask", address)
    assert run(capsys, ported(), *options)[0] == 0
    assert run(
        capsys, ported(("/ temperature, axis=-2)\n\n\nSIG", ", axis=-2)\n\n\nSIG")), *options
    )[0]
    assert run(capsys, ported(), *options, "--dtype", "float16")[0] == 0


@needed
def test_a_first_finding_ends_the_sweep(address, ported, capsys):
    status, out, _ = run(capsys, ported(SIGN), *FEW, "--fail-fast", "--dask", address)
    assert status == 1
    assert "FAILED: 1 comparison of" in out


@needed
def test_workers_with_another_version_are_refused(address, ported, capsys, monkeypatch):
    monkeypatch.setattr(cluster, "__version__", "99")
    status, _, error = run(capsys, ported(), "--dask", address)
    assert status == 2
    assert "workers have refimpl" in error
    assert "here is 99" in error


@needed
def test_a_scheduler_without_workers_is_a_usage_error(ported, capsys, monkeypatch):
    import distributed

    monkeypatch.setattr(cluster, "WAIT", 1)
    with distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None) as local:
        status, _, error = run(capsys, ported(), "--dask", local.scheduler_address)
    assert status == 2
    assert "the scheduler has no workers" in error


@needed
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "not an address"])
def test_an_address_where_nothing_answers_is_a_usage_error(address, ported, capsys, monkeypatch):
    monkeypatch.setattr(cluster, "WAIT", 1)
    status, _, error = run(capsys, ported(), "--dask", address)
    assert status == 2
    assert f"--dask {address}: no scheduler answers there" in error


def test_without_dask_the_reason_is_given(ported, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    status, _, error = run(capsys, ported(), "--dask", "tcp://127.0.0.1:8786")
    assert status == 2
    assert "pip install 'refimpl[dask]'" in error


def test_dask_needs_a_target_and_no_jobs(ported, capsys):
    status, _, error = run(capsys, "--dask", "tcp://127.0.0.1:8786")
    assert status == 2
    assert "--dask: expected a target" in error
    status, _, error = run(capsys, ported(), "--dask", "tcp://127.0.0.1:8786", "--jobs", "2")
    assert status == 2
    assert "give one" in error


@pytest.mark.slow
@needed
def test_a_worker_that_stops_is_a_finding(address, ported, capsys):
    stop = ("A = xp.sum(", "import os; os._exit(3)\n    A = xp.sum(")
    options = ("--method", "sorting.neural_sort", "--max-cases", "2", "--level", "values")
    status, out, _ = run(capsys, ported(stop), *options, "--dask", address)
    assert status == 1
    assert "a worker has stopped: KilledWorker" in out
