"""Names: of the folder of a method, the file of a case, and the arrays in it.

    DIR/manifest.json              version, seed, checksums
    DIR/schema.json                the JSON Schema of the two kinds of JSON files
    DIR/METHOD/index.json          the method, and a record for each of its cases
    DIR/METHOD/CASE.npz            the arrays of a case (or CASE.safetensors)

The name of an array is one of the prefixes below, `_`, and the name of an input, output or
parameter.
"""

from __future__ import annotations

import re
from importlib import resources

FORMAT = "refimpl-vectors/1"
"""Changes when a program that reads vectors would have to change."""

MANIFEST = "manifest.json"
INDEX = "index.json"
SCHEMA = "schema.json"
CONTAINERS = ("npz", "safetensors")

PREFIXES = {
    "in": "an input",
    "param": "a parameter that is a number, a truth value, text (as UTF-8 bytes) or an array",
    "out": "an output",
    "cot": "a cotangent of an output",
    "grad": "the gradient of sum <output, cotangent> with respect to an input",
    "tan": "a tangent of an input",
    "jvp": "the derivative of an output along the tangents",
    "vec": "a direction in an input",
    "hvp": "the derivative of the gradient along the directions, with respect to an input",
}
RESULTS = {"values": "out", "vjp": "grad", "jvp": "jvp", "second_order": "hvp"}
"""What is computed, by check: what results of another implementation hold."""

ARRAY = re.compile(rf"({'|'.join(PREFIXES)})_[A-Za-z0-9_]{{1,100}}")
METHOD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}\.[A-Za-z][A-Za-z0-9_]{0,60}")
FILE = re.compile(rf"{METHOD.pattern}/[A-Za-z0-9_][A-Za-z0-9_.+=,-]{{0,150}}")
"""The only paths that a manifest may name, besides the schema: no `..`, no absolute ones."""


def file_of(method: str, case: str, container: str) -> str:
    """The path of a case in the folder. ValueError for a name that is no portable file name."""
    path = f"{method}/{case}.{container}"
    if not FILE.fullmatch(path):
        raise ValueError(f"case {method}/{case}: its name cannot be a file name everywhere")
    return path


def schema_text() -> str:
    """The JSON Schema of manifest.json and index.json, as `refimpl vectors --schema` prints it."""
    return resources.files(__package__).joinpath("vectors.schema.json").read_text("utf-8")
