"""Recorded numbers of the encoders of difflogic's experiments and of torchlogix."""

from __future__ import annotations

import numpy as np

from refimpl.data.uci import adult_lines
from refimpl.logic import encoders, monk

from . import recorded
from .sorting_networks import Inputs, Record

EXPERIMENTS = "difflogic experiments/"


@recorded("difflogic", f"{EXPERIMENTS}uci_datasets.py:MONKsDataset")
def _monk(inputs: Inputs, record: Record) -> Inputs:
    style = record["params"]["style"]
    labels = monk.rule(monk.GRID, style).astype(np.int64)
    noisy = labels ^ np.isin(np.arange(1, 433), monk.WRONG.get(style, ()))
    return {
        "train_x": encoders.encode_monk(inputs["train_attributes"]),
        "train_y": noisy[np.asarray(inputs["train_id"]) - 1],
        "test_x": encoders.encode_monk(monk.GRID),
        "test_y": labels,
    }


@recorded("difflogic", f"{EXPERIMENTS}uci_datasets.py:BreastCancerDataset")
def _breast_cancer(inputs: Inputs, record: Record) -> Inputs:
    x, y, kept = encoders.encode_breast_cancer(inputs["rows"])
    train, test = encoders.shuffled_split(len(x), test_share=0.25, seed=0)
    return {"x": x, "y": y, "kept_rows": kept, "train_index": train, "test_index": test}


@recorded("difflogic", f"{EXPERIMENTS}uci_datasets.py:AdultDataset.preprocess_adult_to_binary_data")
def _adult(inputs: Inputs, record: Record) -> Inputs:
    x, y = encoders.encode_adult(inputs["rows"], "upstream")
    return {"x": x, "y": y}


@recorded("difflogic", "difflogic AdultDataset")
def _adult_statistics(inputs: Inputs, record: Record) -> Inputs:
    found = {}
    for name, lines in zip(("train", "test"), adult_lines(download=False), strict=True):
        x, y = encoders.encode_adult(lines, "upstream")
        found[f"{name}_shape"] = np.array(x.shape)
        found[f"{name}_column_sums"] = x.sum(axis=0, dtype=np.int64)
        found[f"{name}_positive"] = np.array(y.sum())
    return found


@recorded("difflogic", f"{EXPERIMENTS}mnist_dataset.py:MNISTRemoveBorderTransform")
def _border(inputs: Inputs, record: Record) -> Inputs:
    return {"images": encoders.remove_border(inputs["images"])}


@recorded("torchlogix", "torchlogix.layers.FixedBinarization")
def _fixed(inputs: Inputs, record: Record) -> Inputs:
    x, axis = inputs["x"], record["params"]["feature_dim"]
    axis = -1 if axis == -2 else axis  # counted with the axis of thresholds
    return {"y": encoders.thermometer(x, inputs["thresholds"], axis=axis)}


@recorded("torchlogix", "torchlogix.layers.LearnableBinarization (train, soft)")
def _learnable(inputs: Inputs, record: Record) -> Inputs:
    params, raw = record["params"], inputs["raw_diffs"]
    temperature = params["temperature_softplus"]
    y = encoders.soft_thermometer(
        inputs["x"], raw, sharpness=params["temperature_sampling"], temperature=temperature
    )
    return {"y": y, "thresholds": encoders.ordered_thresholds(raw, temperature)}


@recorded("torchlogix", "torchlogix.layers.Binarization.get_initial_thresholds")
def _thresholds(inputs: Inputs, record: Record) -> Inputs:
    count, found = record["params"]["num_bits"], {}
    for method in ("uniform", "distributive"):
        for one_per in ("feature", "global"):
            levels = encoders.thresholds(inputs["x"], count, method=method, one_per=one_per)
            row = one_per == "global" and method == "uniform"  # torchlogix keeps an axis there
            found[f"{method}_{one_per}"] = levels[None, :] if row else levels
    return found
