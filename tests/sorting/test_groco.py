"""The group-ordering loss."""

import numpy as np
import pytest

from refimpl.autograd import grad
from refimpl.sorting.groco import groco_loss


def embeddings(seed=0, shape=(3, 7, 4)):
    return np.random.default_rng(seed).normal(size=shape)


def test_well_separated_groups_and_large_steepness_have_no_loss():
    views = np.broadcast_to(np.eye(6), (2, 6, 6))
    assert groco_loss(views, negatives=3, steepness=1e8) < 1e-6
    assert groco_loss(views, negatives=3, steepness=1.0) > 0.1


def test_positives_below_negatives_cost_much():
    views = embeddings()
    aligned = np.broadcast_to(views[:1], views.shape)
    assert groco_loss(aligned, negatives=3) < groco_loss(views, negatives=3)


def test_stop_grad_keeps_the_value_and_changes_the_gradient():
    views = embeddings()
    free, stopped = (
        lambda v, s=s: groco_loss(v, negatives=4, steepness=3.0, stop_grad=s) for s in (False, True)
    )
    assert free(views) == stopped(views)
    assert not np.allclose(grad(free)(views), grad(stopped)(views))


def test_the_length_of_an_embedding_does_not_matter():
    views = embeddings()
    lengths = np.exp(embeddings(1, (3, 7, 1)))
    assert np.isclose(groco_loss(views * lengths, negatives=4), groco_loss(views, negatives=4))


def test_float32_is_kept():
    views = embeddings().astype(np.float32)
    assert groco_loss(views, negatives=4).dtype == np.float32
    assert grad(lambda v: groco_loss(v, negatives=4))(views).dtype == np.float32


def test_only_the_first_views_serve_as_positives():
    views = embeddings(shape=(3, 6, 4))
    changed = views.copy()
    changed[2] += 1.0
    first_anchor = [groco_loss(v[:2], negatives=3) for v in (views, changed)]
    assert first_anchor[0] == first_anchor[1]
    assert groco_loss(views, negatives=3, positives=1) != groco_loss(views, negatives=3)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="negatives: 10 need at least 11 samples, got 7"):
        groco_loss(embeddings())
    with pytest.raises(ValueError, match="views: expected"):
        groco_loss(embeddings(shape=(1, 12, 3)))
