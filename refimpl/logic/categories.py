"""The categories of the data sets of Petersen et al. 2022, in the order of their bits.

MONK's problems, Breast Cancer (Ljubljana) and Adult are data sets of the UCI repository.
"""

from __future__ import annotations

MONK = (3, 3, 2, 3, 4, 2)
"""Values of each of the six attributes, counted from 1."""


def _ranges(starts: range, width: int) -> list[str]:
    return [f"{low}-{low + width - 1}" for low in starts]


BREAST_CANCER: dict[str, list[str]] = {
    "age": _ranges(range(10, 100, 10), 10),
    "menopause": ["lt40", "ge40", "premeno"],
    "tumor-size": _ranges(range(0, 60, 5), 5),
    "inv-nodes": [*_ranges(range(0, 36, 3), 3), "36-39"],
    "node-caps": ["yes", "no"],
    "deg-malig": ["1", "2", "3"],
    "breast": ["left", "right"],
    "breast-quad": ["left_up", "left_low", "right_up", "right_low", "central"],
    "irradiat": ["yes", "no"],
}
"""Attributes of the Breast Cancer data, after the class: 51 bits."""


def _words(text: str) -> list[str]:
    return text.split()


ADULT: list[tuple[int, list[str]]] = [
    (1, _words(
        "Private Self-emp-not-inc Self-emp-inc Federal-gov Local-gov State-gov Without-pay "
        "Never-worked"
    )),
    (3, _words(
        "Bachelors Some-college 11th HS-grad Prof-school Assoc-acdm Assoc-voc 9th 7th-8th 12th "
        "Masters 1st-4th 10th Doctorate 5th-6th Preschool"
    )),
    (5, _words(
        "Married-civ-spouse Divorced Never-married Separated Widowed Married-spouse-absent "
        "Married-AF-spouse"
    )),
    (6, _words(
        "Tech-support Craft-repair Other-service Sales Exec-managerial Prof-specialty "
        "Handlers-cleaners Machine-op-inspct Adm-clerical Farming-fishing Transport-moving "
        "Priv-house-serv Protective-serv Armed-Forces"
    )),
    (7, _words("Wife Own-child Husband Not-in-family Other-relative Unmarried")),
    (8, _words("White Asian-Pac-Islander Amer-Indian-Eskimo Other Black")),
    (9, _words("Female Male")),
    (13, _words(
        "United-States Cambodia England Puerto-Rico Canada Germany Outlying-US(Guam-USVI-etc) "
        "India Japan Greece South China Cuba Iran Honduras Philippines Italy Poland Jamaica "
        "Vietnam Mexico Portugal Ireland France Dominican-Republic Laos Ecuador Taiwan Haiti "
        "Columbia Hungary Guatemala Nicaragua Scotland Thailand Yugoslavia El-Salvador "
        "Trinadad&Tobago Peru Hong Holand-Netherlands"
    )),
]  # fmt: skip
"""Column of the Adult file, and its categories: 99 bits, before those of the numbers."""
