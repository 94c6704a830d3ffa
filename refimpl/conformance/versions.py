"""Versions of the packages that a target uses."""

from __future__ import annotations

from importlib import metadata

from .target import Target

_NEEDS = {
    "numpy": ("numpy",),
    "torch": ("torch",),
    "jax": ("jax",),
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
    "cupy": ("cupy", "cupy-cuda12x", "cupy-cuda13x"),
    "autograd": ("autograd",),
    "refimpl": ("numpy",),
}


def versions(target: Target) -> dict[str, str]:
    """Versions by name: the library that the target is the adapter of, and its frameworks."""
    names = {} if target.path is not None else {target.name: None}
    for claim in target.implementations:
        names |= dict.fromkeys(_NEEDS.get(claim.framework, ()))
    found = {name: installed(name) for name in names}
    return {name: version for name, version in found.items() if version}


def installed(name: str) -> str:
    """The version of an installed package; "" if there is none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
