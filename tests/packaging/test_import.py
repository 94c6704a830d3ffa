"""`import refimpl` is light, and the engine has one name."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"cupy", "jax", "matplotlib", "torch", "tqdm"}

# Attempts are recorded, not results: what is not installed here must not be asked for either.
RECORD_IMPORTS = """
import sys

attempted = set()

def record(event, args):
    if event == "import":
        attempted.add(args[0].split(".")[0])

sys.addaudithook(record)
{statement}
print(*sorted(attempted))
"""


def _python(code):
    """Run code from the checkout's root, as `python -c` does there."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize(
    "statement",
    [
        "import refimpl",
        "import refimpl.autograd",
        "import refimpl.cli",
        "import refimpl.conformance.plugin",
        "from refimpl.spec import all_entries; assert list(all_entries())",
    ],
)
def test_importing_loads_no_framework_and_no_plotting(statement):
    result = _python(RECORD_IMPORTS.format(statement=statement))
    assert result.returncode == 0, result.stderr
    attempted = set(result.stdout.split())
    assert "refimpl" in attempted
    assert not attempted & HEAVY


def test_the_engines_folder_refuses_to_be_the_package_autograd():
    result = _python("import autograd")
    assert result.returncode != 0
    message = result.stderr.strip().splitlines()[-1]
    assert message.startswith("ImportError")
    assert "refimpl.autograd" in message


def test_the_uninstalled_checkout_differentiates_through_the_link():
    result = _python("import refimpl.autograd as ag; print(ag.grad(lambda x: x**3)(2.0))")
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) == 12.0
