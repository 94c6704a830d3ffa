"""Adult and Breast Cancer (Ljubljana) of the UCI repository (CC BY 4.0), as lines of text."""

from __future__ import annotations

from .files import Source, read

_UCI = "https://archive.ics.uci.edu/ml/machine-learning-databases/"
ADULT = [
    Source(
        "adult.data",
        "df25a4e32ed6f1bd4b3910d21a7bd661a09061eced7cb45555a519d9667cc87b",
        [f"{_UCI}adult/adult.data"],
        text=True,
    ),
    Source(
        "adult.test",
        "5c8e678e04c82a07182bbcb6667c9a06faaba123a55b409af7c5d21fb45784b3",
        [f"{_UCI}adult/adult.test"],
        text=True,
    ),
]
"""Training and test file."""
BREAST_CANCER = Source(
    "breast-cancer.data",
    "ca7d3fa97b62ff967b6894ffbb3acaaf4a51062e0149e5950b3ad6f685970b65",
    [f"{_UCI}breast-cancer/breast-cancer.data"],
    text=True,
)


def adult_lines(*, download: bool = True) -> tuple[list[str], list[str]]:
    """The lines of the training and of the test file: 32 561 and 16 281.

    Raises as `files.read`.
    """
    train, test = (_lines(read("adult", source, download=download)) for source in ADULT)
    return train, test


def breast_cancer_lines(*, download: bool = True) -> list[str]:
    """The 286 lines of the file. Raises as `files.read`."""
    return _lines(read("breast_cancer", BREAST_CANCER, download=download))


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8").splitlines()
