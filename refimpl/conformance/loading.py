"""Finding what to test: a Python file by path, or the packaged adapter of a library by name."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from refimpl.spec import all_entries

from .faults import describe, printable
from .target import MARK, Target, implementations_in


class UsageError(Exception):
    """The command asks for something that does not exist."""


class LoadError(Exception):
    """The target exists but cannot be tested; the message says why and what to do."""


def adapters() -> list[str]:
    """Names of the libraries with a packaged adapter."""
    from . import adapters as package

    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.name[0] != "_")


def load(name: str) -> Target:
    """The target of that name. UsageError when there is none, LoadError when it does not work."""
    if name in adapters():
        return _adapter(name)
    path = Path(name)
    if path.suffix == ".py" or os.sep in name or path.exists():
        return load_file(path)
    if name in all_entries():
        raise UsageError(
            f"{name} is a method: name a file with an implementation of it, or check the method "
            f"itself by refimpl check --method {name}"
        )
    close = difflib.get_close_matches(name, adapters(), n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    known = ", ".join(adapters())
    raise UsageError(
        f"no target {name!r}: {hint}expected a Python file with @implements functions, "
        f"or a library with a packaged adapter ({known})"
    )


def load_file(path: Path) -> Target:
    """Import a file by its path and collect the functions marked in it."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder; expected a Python file with @implements functions")
    if not path.exists():
        folder = path.parent if path.parent.is_dir() else Path(".")
        nearby = [p.name for p in folder.glob("*.py")]
        close = difflib.get_close_matches(path.name, nearby, n=1, cutoff=0.5)
        hint = f"; did you mean {folder / close[0]}?" if close else ""
        raise UsageError(f"no such file: {path}{hint}")
    if path.suffix != ".py":
        raise UsageError(f"{path}: expected a Python file (.py)")
    module = _import(path)
    claims = implementations_in(vars(module))
    if not claims:
        if methods := _marked_methods(module):
            raise LoadError(f"{path}: {methods[0]} is a method; mark a function that calls it")
        raise LoadError(
            f"{path} has no function marked @implements. Mark one:\n"
            "    from refimpl.conformance import implements\n\n"
            '    @implements("sorting.sorting_network", framework="torch")\n'
            "    def my_sort(x, **params): ...\n"
            "`refimpl list` prints the names that can be implemented."
        )
    return Target(name=str(path), implementations=claims, path=str(path.resolve()))


def _marked_methods(module: ModuleType) -> list[str]:
    classes = {name: value for name, value in vars(module).items() if isinstance(value, type)}
    return [f"{k}.{m}" for k, c in classes.items() for m, f in vars(c).items() if hasattr(f, MARK)]


def _import(path: Path) -> ModuleType:
    """The module in a file, which may import its neighbours."""
    root, name = _place(path.resolve())
    try:
        with _first_on_path(str(path.resolve().parent)), _first_on_path(root):
            return _part_of_package(path, name) if "." in name else _alone(path)
    except LoadError:
        raise
    except SyntaxError as error:
        where = f"{error.filename or path}:{error.lineno}" if error.lineno else str(path)
        source = f"\n    {printable(error.text)}" if error.text else ""
        raise LoadError(f"{where}: syntax error: {error.msg}{source}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise LoadError(f"{path} does not import: {describe(error, path)}") from error


@contextmanager
def _first_on_path(folder: str) -> Iterator[None]:
    """Afterwards the folder is the last: functions that import still find what nobody else has."""
    if folder in sys.path:
        yield
        return
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
        sys.path.append(folder)


def _place(path: Path) -> tuple[str, str]:
    """The folder that a file is imported from, and its module's name there: with its packages."""
    folder, names = path.parent, [path.stem]
    while (folder / "__init__.py").exists() and folder.name.isidentifier():
        folder, names = folder.parent, [folder.name, *names]
    return str(folder), ".".join(names)


def _part_of_package(path: Path, name: str) -> ModuleType:
    """A module of a package, which may import from it by `from . import`."""
    sys.modules.pop(name, None)  # it may have been edited since
    module = importlib.import_module(name)
    found = module.__file__ or ""
    if not os.path.samefile(found, path):
        raise LoadError(f"{path}: import {name} finds {found} instead")
    return module


def _alone(path: Path) -> ModuleType:
    """A file of its own, under a name that no other module has."""
    name = f"_refimpl_target_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise LoadError(f"{path} cannot be imported as a Python module")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _adapter(name: str) -> Target:
    module = importlib.import_module(f".adapters.{name}", __package__)
    if reason := module.missing():
        raise LoadError(f"the adapter of {name} cannot run: {reason}")
    return Target(name=name, implementations=implementations_in(vars(module)))
