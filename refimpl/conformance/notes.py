"""What the flags of the cases mean: which known mistake a case provokes, and what it looks like.

Flags that several methods use are explained here; a method explains its own in its entry
(`specification(notes=...)`).
"""

from __future__ import annotations

from collections.abc import Iterable

from refimpl.spec import Entry, Note, find

from .outcome import Outcome

NOTES: dict[str, Note] = {
    "ties": Note(
        "convention",
        "Equal values in the input: two orders are right, and max, sort and abs have a kink.",
        "Gradients that depend on the order of equal elements, or NaN from 0 / 0.",
    ),
    "size-one": Note(
        "degenerate size",
        "One element (n = 1): nothing to compare, no layer, no pair.",
        "IndexError on an empty list of layers, log of 0, division by n - 1.",
    ),
    "size-two": Note(
        "degenerate size",
        "Two elements: layers without a pair, slices of length one.",
        "An empty layer that is skipped, or an axis that is squeezed away.",
    ),
    "odd-size": Note(
        "size assumption",
        "The number of elements is odd, so one is left over when they are paired.",
        "The last element is dropped, or paired with itself.",
    ),
    "not-power-of-two": Note(
        "size assumption",
        "The number of elements is not a power of two.",
        "Padding that leaks into the result, or pairs that are cut away wrongly.",
    ),
    "batch0": Note(
        "batch axes",
        "A batch of no samples.",
        "A reduction over nothing (NaN or an exception) where an empty array is right.",
    ),
    "single": Note(
        "batch axes",
        "No batch axis at all.",
        "An axis that is taken from the front instead of from the end.",
    ),
    "batch3": Note(
        "batch axes",
        "One batch axis: the usual case.",
        "Samples that are mixed with each other.",
    ),
    "batch2x1x3": Note(
        "batch axes",
        "Several batch axes, one of them of length one.",
        "Axes that are flattened in the wrong order, or a squeeze that removes one too many.",
    ),
    "float32": Note(
        "precision",
        "The inputs are float32.",
        "A silent change to float64, or a cancellation that float64 hides.",
    ),
    "stop-gradient": Note(
        "detached on purpose",
        "Part of the computation is a constant for the gradient, by definition.",
        "A gradient that flows where it must not, or is cut off where it must flow.",
    ),
    "censored-ties": Note(
        "ties",
        "Subjects with an event and censored subjects share a time.",
        "Who counts as earlier, and which positions the others may hold, is decided wrongly.",
    ),
    "large-values": Note(
        "overflow",
        "Inputs of large magnitude.",
        "exp overflows to inf and inf / inf is NaN, where a stable form stays finite.",
    ),
    "small-differences": Note(
        "cancellation",
        "Inputs that are nearly equal.",
        "Differences that round to zero, or slopes that explode.",
    ),
    "saturated": Note(
        "vanishing gradient",
        "The smoothing is so sharp that results round to 0 or 1.",
        "log(0), or a gradient that is NaN instead of zero.",
    ),
    "smooth-limit": Note(
        "limit",
        "The smoothing is so wide that the result hardly depends on the input.",
        "A division by the parameter that is not a number.",
    ),
    "negative-parameter": Note(
        "range of a parameter",
        "A parameter with the unusual sign.",
        "An absolute value or a logarithm that hides or breaks the sign.",
    ),
    "unsorted-descending": Note(
        "direction",
        "The input is in descending order, the worst case of an ascending sort.",
        "A network with a layer missing passes on sorted inputs and fails here.",
    ),
    "sorted": Note(
        "direction",
        "The input is already in order.",
        "A descending result looks like a reversed one here.",
    ),
}


def note_of(entry: Entry, flag: str) -> Note | None:
    """The explanation of a flag that a case of the entry carries."""
    return entry.notes.get(flag) or NOTES.get(flag)


def explained(entry: Entry, flags: Iterable[str]) -> list[str]:
    """A line for each flag that has an explanation."""
    return [f"{k}: {note.description} {note.effect}" for k, note in _notes(entry, flags).items()]


def notes_of(outcome: Outcome) -> dict[str, Note]:
    """The explanations of the flags of an outcome; none for recorded numbers."""
    return _notes(find(outcome.entry), outcome.flags) if outcome.flags else {}


def _notes(entry: Entry, flags: Iterable[str]) -> dict[str, Note]:
    found = {flag: note_of(entry, flag) for flag in flags}
    return {flag: note for flag, note in found.items() if note is not None}
