"""One page for each registered method, and one for each package. Nothing here names a method."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.conformance.notes import note_of
from refimpl.conformance.show import definition, parameters, summary
from refimpl.spec import Case, Entry, all_entries, find

from . import plots as drawing
from . import sources
from .docstrings import cell, plain, to_markdown

SHOWN_VALUES, SHOWN_LINES = 8, 80
UNKNOWN = object()  # the default of a parameter that a case passes on
Row = tuple[str, ...]


def write(entries: Mapping[str, Entry], root: Path, target: Path, *, plots: bool) -> None:
    """Write methods/PACKAGE/NAME.md for each entry, and the lists that lead to them."""
    compared = _compared(root / "docs" / "peers.md")
    by_package: dict[str, list[Entry]] = {}
    for entry in entries.values():
        by_package.setdefault(entry.name.partition(".")[0], []).append(entry)
    for package, members in by_package.items():
        folder = target / "methods" / package
        folder.mkdir(parents=True, exist_ok=True)
        for entry in members:
            text = page(entry, root, compared.get(entry.name, []), plots=plots)
            (folder / f"{short(entry)}.md").write_text(text, encoding="utf-8")
        (folder / "index.md").write_text(_package_page(package, members), encoding="utf-8")
    if plots:
        places = [target / "methods" / f"{name.replace('.', '/')}.svg" for name in entries]
        with ProcessPoolExecutor() as pool:  # half of the time of a build is spent here
            list(pool.map(_draw, entries, places, chunksize=4))
    listed = "\n".join(f"{name}/index" for name in by_package)
    (target / "methods" / "index.md").write_text(
        f"# Methods\n\nThe {len(entries)} methods of the specification, one page each. The pages "
        "are generated from the registry: what they say is what `refimpl check` tests.\n\n"
        f"```{{toctree}}\n:maxdepth: 2\n\n{listed}\n```\n",
        encoding="utf-8",
    )


def _draw(name: str, path: Path) -> None:
    try:
        drawing.draw(find(name), path)
    except Exception as error:
        raise RuntimeError(f"the figure of {name}: {type(error).__name__}: {error}") from error


def short(entry: Entry) -> str:
    """The name without its package."""
    return entry.name.rpartition(".")[2]


def source_path(entry: Entry, root: Path) -> str:
    """Where the function is defined, from the root of the repository."""
    file = inspect.getsourcefile(inspect.unwrap(entry.function))
    assert file is not None, f"{entry.name}: no source file"
    return Path(file).resolve().relative_to(root).as_posix()


def page(entry: Entry, root: Path, compared: list[Row], *, plots: bool) -> str:
    """The page of one method, as Markdown."""
    cases = entry.generate()
    place = f"methods/{entry.name.replace('.', '/')}.md"
    first, _, rest = (inspect.getdoc(entry.function) or "").partition("\n\n")
    source = source_path(entry, root)
    parts = [f"# {entry.name}", plain(first) if rest else ""]
    if plots:
        name = short(entry)
        parts += [f"```{{figure}} {name}.svg\n:alt: {entry.name}\n\n{drawing.caption(entry)}\n```"]
    parts += _idea(entry)
    parts += ["## Definition", _linked(to_markdown(rest or first), entry)]
    parts += ["## Source", f"From {sources.link(source, place)}:"]
    parts += [f"```python\n{_source(entry)}\n```"]
    parts += ["## Arguments and results", _arguments(entry, cases)]
    parts += ["## Derivative", *_derivative(entry)]
    parts += ["## Promises", *_promises(entry)]
    parts += ["## Check your implementation", _check(entry)]
    parts += ["## Published libraries", *_libraries(entry, compared)]
    parts += ["## Cases", *_cases(entry, cases)]
    parts += ["## Reference", plain(entry.source)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _arguments(entry: Entry, cases: list[Case]) -> str:
    rows = [("name", "what", "default", "in the cases")]
    for name in entry.inputs:
        what = "input, differentiable" if name in entry.differentiable else "input"
        rows.append((f"`{name}`", what, "", _shapes(case.inputs[name] for case in cases)))
    for name, default in _parameters(entry, cases):
        given = "required" if default is inspect.Parameter.empty else f"`{_text(default)}`"
        given = "" if default is UNKNOWN else given
        tried = [case.params[name] for case in cases if name in case.params]
        rows.append((f"`{name}`", "parameter", given, _values(tried)))
    found = [_outputs(entry, case) for case in _representative(cases)]
    for name in entry.outputs:
        rows.append((f"`{name}`", "result", "", _shapes(shapes[name] for shapes in found)))
    return table(rows)


def _parameters(entry: Entry, cases: list[Case]) -> list[tuple[str, Any]]:
    """Those that the cases set first of all, with the defaults of the function."""
    defaults = dict(parameters(entry))
    used = dict.fromkeys(name for case in cases for name in case.params)
    if entry.call is not None:  # a case is evaluated otherwise: its parameters are the cases'
        call = inspect.signature(entry.call).parameters
        defaults |= {k: call[k].default for k in used if k in call}
        return [(name, defaults.get(name, UNKNOWN)) for name in used]
    return list(defaults.items())


def _representative(cases: list[Case]) -> list[Case]:
    """A few cases of different shapes, to say what comes out."""
    kinds = {tuple(np.shape(a) for a in case.inputs.values()): case for case in reversed(cases)}
    return list(reversed(kinds.values()))[:4]


def _outputs(entry: Entry, case: Case) -> dict[str, np.ndarray]:
    with np.errstate(all="ignore"):
        return {k: np.asarray(v) for k, v in _evaluate(entry, case).items()}


def _evaluate(entry: Entry, case: Case) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return entry.evaluate(inputs=case.inputs, params=case.params)


def _shapes(arrays: Iterable[Any]) -> str:
    seen = dict.fromkeys(str(tuple(np.shape(a))).replace(",)", ",)") for a in arrays)
    return _few(list(seen))


def _values(values: list[Any]) -> str:
    return _few(list(dict.fromkeys(f"`{_text(v)}`" for v in values)))


def _few(texts: list[str]) -> str:
    more = f", and {len(texts) - SHOWN_VALUES} more" if len(texts) > SHOWN_VALUES else ""
    return ", ".join(texts[:SHOWN_VALUES]) + more


def _text(value: Any) -> str:
    """A value for a table: short, and the same in every build."""
    if isinstance(value, np.ndarray):
        return f"array{list(value.shape)}"
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    text = re.sub(r" at 0x[0-9a-f]+", "", repr(value))
    return text if len(text) <= 40 else text[:37] + "..."


def _derivative(entry: Entry) -> Iterator[str]:
    if not entry.differentiable:
        yield "Not differentiable: the results are piecewise constant, or are no function of reals."
    else:
        names = ", ".join(f"`{name}`" for name in entry.differentiable)
        if entry.is_derivative:
            yield f"The gradient in {names} is the mathematical derivative."
        else:
            yield f"The gradient in {names} is replaced on purpose: {plain(entry.gradient)}."
        yield (
            "Second derivatives are specified as well."
            if entry.second_order
            else "Second derivatives are not specified."
        )
    if entry.kinks:
        yield f"**Kinks and ties.** {plain(entry.kinks)}."
        yield "What all methods do at kinks is in [conventions](../../conventions.md)."


def _promises(entry: Entry) -> Iterator[str]:
    if entry.invariants:
        yield "These hold for every input. They are tested on whatever implementation is checked."
        yield "\n".join(f"- **{plain(i.name)}**: {plain(i.clause)}" for i in entry.invariants)
    else:
        yield "None beyond those of all methods: samples of a batch do not influence each other."


def _cases(entry: Entry, cases: list[Case]) -> Iterator[str]:
    kinds = Counter(case.kind for case in cases)
    numbers = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    yield f"{len(cases)} cases: {numbers}. `refimpl show {entry.name} --cases` lists them."
    rows = [("flag", "cases", "what it provokes", "typical mistake")]
    for flag, number in Counter(flag for case in cases for flag in case.flags).items():
        note = note_of(entry, flag)
        texts = (note.description, note.effect) if note else ("", "")
        rows.append((f"`{flag}`", str(number), *map(cell, texts)))
    if len(rows) > 1:
        yield table(rows)


def _libraries(entry: Entry, compared: list[Row]) -> Iterator[str]:
    if compared:
        rows = [("library", "verdict", "comparisons passed", "why"), *compared]
        yield with_reasons(table(rows) + "\n")
        yield "More in [the comparison of libraries](../../peers.md)."
    else:
        yield "No published library is compared with this method yet."
    if entry.variants:
        yield "Other conventions that a report recognises:"
        yield "\n".join(f"- {plain(text)}" for text in entry.variants)


def _compared(peers: Path) -> dict[str, list[Row]]:
    """Rows of the table of published libraries, by method."""
    found: dict[str, list[Row]] = {}
    library = ""
    for line in peers.read_text(encoding="utf-8").splitlines():
        cells = [text.strip() for text in re.split(r"(?<!\\)\|", line)][1:-1]
        if line.startswith("## "):
            library = line[3:]
        elif len(cells) == 4 and "." in cells[0]:  # method, verdict, comparisons passed, why
            found.setdefault(cells[0], []).append((library, *cells[1:]))
    return found


def _source(entry: Entry) -> str:
    """The function, and below it what it calls of the same file, as far as that is short."""
    texts = [definition(entry).partition("\n")[2]]
    for function in _called(inspect.unwrap(entry.function)):
        text = inspect.getsource(function).rstrip()
        if sum(part.count("\n") for part in (*texts, text)) > SHOWN_LINES:
            texts.append("# The rest is in the file.")
            break
        texts.append(text)
    return "\n\n\n".join(texts)


def _called(function: Any) -> Iterator[Any]:
    """Functions of the same file that are called, directly or not, and have no page themselves."""
    if not inspect.isfunction(function):
        return
    names = vars(sys.modules[function.__module__])
    with_page = {inspect.unwrap(entry.function) for entry in all_entries().values()}
    found, codes = {function}, [function.__code__]
    while codes:
        code = codes.pop(0)
        codes[:0] = [part for part in code.co_consts if inspect.iscode(part)]
        for name in code.co_names:
            called = inspect.unwrap(names[name]) if callable(names.get(name)) else None
            here = inspect.isfunction(called) and called.__module__ == function.__module__
            if here and called not in found | with_page:
                found.add(called)
                codes.append(called.__code__)
                yield called


def _idea(entry: Entry) -> Iterator[str]:
    """What the head of the file says, which is where ideas and formulas shared by methods are."""
    text = inspect.getdoc(sys.modules[entry.function.__module__]) or ""
    if "\n\n" in text:
        yield "## Idea"
        yield _linked(to_markdown(text), entry)


def _linked(text: str, entry: Entry) -> str:
    """Names of other methods of the package in backticks, as links to their pages."""
    package = entry.name.rpartition(".")[0]
    given = {*entry.inputs, *entry.outputs, *(name for name, _ in parameters(entry)), short(entry)}

    def replaced(match: re.Match[str]) -> str:
        name = match[1]
        known = name not in given and f"{package}.{name}" in all_entries()
        return f"[`{name}`]({name}.md)" if known else match[0]

    fences = re.split(r"(?ms)(^```.*?^```)", text)
    fences[::2] = [re.sub(r"`(\w+)`", replaced, prose) for prose in fences[::2]]
    return "".join(fences)


def _check(entry: Entry) -> str:
    given = ", ".join([*entry.inputs, "*", *(name for name, _ in _parameters(entry, []))])
    given = given.removesuffix(", *") + (", **options" if given.endswith("*") else "")
    returned = ", ".join(entry.outputs)
    return f"""Mark your function, written for PyTorch, JAX or NumPy:

```python
# my_{short(entry)}.py
from refimpl.conformance import implements


@implements("{entry.name}", framework="torch")
def my_{short(entry)}({given}):
    ...
    return {returned}
```

and compare it with the specification:

```sh
refimpl check my_{short(entry)}.py
```

[Testing your implementation](../../testing-your-implementation.md) explains
the report. `refimpl check --method {entry.name}` checks the specification itself, by finite
differences, by its promises, and by recorded numbers where there are some."""


def with_reasons(text: str | re.Match[str]) -> str:
    """A table whose last column are sentences: they have room on a phone, too."""
    found = text if isinstance(text, str) else text[0]
    return f'<div class="reasons">\n\n{found}\n</div>\n'


def table(rows: list[Row]) -> str:
    """A Markdown table; the first row is the header."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + " --- |" * len(rows[0]))
    return "\n".join(lines)


def _package_page(package: str, members: list[Entry]) -> str:
    described = inspect.getdoc(importlib.import_module(f"refimpl.{package}")) or ""
    rows = [
        ("method", "what it is"),
        *((f"[{short(entry)}]({short(entry)}.md)", cell(summary(entry))) for entry in members),
    ]
    listed = "\n".join(f"{short(entry)} <{short(entry)}>" for entry in members)
    return (
        f"# {package}\n\n{to_markdown(described)}\n{table(rows)}\n\n"
        f"```{{toctree}}\n:hidden:\n\n{listed}\n```\n"
    )
