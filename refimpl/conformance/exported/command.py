"""`refimpl vectors`: its command line, and what it prints."""

from __future__ import annotations

import argparse
import fnmatch
from pathlib import Path

from refimpl.progress import progress
from refimpl.spec import Entry, all_entries

from ..loading import UsageError
from ..names import suggestion
from ..options import seed
from ..report import counted
from .layout import CONTAINERS, schema_text
from .verify import verify
from .write import write_vectors

DESCRIPTION = """\
Write the cases of the specification as files that any language reads: inputs, parameters,
cotangents, and what is right: outputs, gradients, tangents, second derivatives, tolerances."""

EPILOG = """\
examples:
  refimpl vectors cases                              every case of every method
  refimpl vectors cases sorting.soft_sort 'logic.*'  those of some methods
  refimpl vectors cases --format safetensors         (pip install 'refimpl[safetensors]')
  refimpl vectors cases --verify                     is the folder as it was written?

what is written:
  cases/manifest.json                version, seed, ids of the cases, SHA-256 of every file
  cases/schema.json                  the JSON Schema of the JSON files
  cases/sorting.soft_sort/index.json the method, and each case: parameters, tolerance, flags
  cases/sorting.soft_sort/single.npz the arrays of a case: in_x, param_power, out_P, cot_P, grad_x,
                                     tan_x, jvp_P, vec_x, hvp_x

testing another language:
  1. for each METHOD/CASE.npz, compute the outputs, and if you can the gradient of
     sum <output, cotangent>
  2. write them to results/METHOD/CASE.npz, under the names out_P and grad_x
  3. cp cases/manifest.json results/; refimpl check results/

The same version and seed give the same bytes on the same machine. docs/test-vectors.md explains
all of it, with programs in C and JavaScript."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options on the parser of the command."""
    parser.add_argument("folder", nargs="?", metavar="DIR", help="the folder to write")
    parser.add_argument("methods", nargs="*", metavar="METHOD", help="names or patterns; all")
    parser.add_argument(
        "--format", choices=CONTAINERS, default="npz", help="of the arrays (default: npz)"
    )
    parser.add_argument("--seed", type=seed, default=0, help="seed of the random inputs")
    parser.add_argument(
        "--force", action="store_true", help="replace vectors that are in the folder"
    )
    parser.add_argument(
        "--verify", action="store_true", help="compare a folder with its manifest, write nothing"
    )
    parser.add_argument(
        "--schema", action="store_true", help="print the JSON Schema of the files, and stop"
    )


def vectors(arguments: argparse.Namespace) -> int:
    """Write the vectors, or verify them; the exit status."""
    if arguments.schema:
        print(schema_text(), end="")
        return 0
    if arguments.folder is None:
        raise UsageError("vectors: expected a folder to write; see refimpl vectors --help")
    folder = Path(arguments.folder)
    if arguments.verify:
        return _verify(folder)
    try:
        manifest = write_vectors(
            folder,
            _chosen(arguments.methods),
            seed=arguments.seed,
            container=arguments.format,
            force=arguments.force,
            progress=progress,
        )
    except ImportError as error:
        raise UsageError(f"--format {arguments.format}: {error}") from error
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: {error.strerror}") from error
    size = sum(about["bytes"] for about in manifest["files"].values())
    print(
        f"{folder}: {counted(len(manifest['cases']), 'case')} of "
        f"{counted(len(manifest['methods']), 'method')}, {size / 1e6:.1f} MB; "
        f"refimpl {manifest['refimpl']}, seed {manifest['seed']}"
    )
    return 0


def _chosen(patterns: list[str]) -> list[Entry]:
    """The methods that the patterns name. UsageError for a pattern that names none."""
    entries = all_entries()
    for pattern in patterns:
        if not fnmatch.filter(entries, pattern):
            raise UsageError(f"no method {pattern!r}; {suggestion(pattern, entries)}")
    wanted = patterns or ["*"]
    return [e for n, e in entries.items() if any(fnmatch.fnmatchcase(n, p) for p in wanted)]


def _verify(folder: Path) -> int:
    try:
        wrong = verify(folder, progress)
    except ImportError as error:
        raise UsageError(str(error)) from error
    for line in wrong:
        print(line)
    print(f"{folder}: {counted(len(wrong), 'finding') if wrong else 'as it was written'}")
    return int(bool(wrong))
