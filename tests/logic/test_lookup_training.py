"""Networks of every parametrisation learn a rule, and their circuits compute it."""

import itertools

import numpy as np
import pytest

from refimpl.autograd import value_and_grad
from refimpl.logic import lookup as look
from refimpl.logic.connections import connections
from refimpl.logic.discretise import from_tables
from refimpl.logic.group_sum import group_sum
from refimpl.logic.inference import Engine
from refimpl.logic.network import cross_entropy
from refimpl.training.optimizers import adam

BITS = ((np.arange(64)[:, None] >> np.arange(6)) & 1).astype(float)
LABELS = ((BITS[:, 0] == BITS[:, 1]) | (BITS[:, 4] == 1)).astype(int)  # three quarters are 1
SIZES = (6, 24, 24)


def trained(kind, rank, sampling, steps, noisy, seed=0):
    """Wirings and weights of two layers after so many steps of Adam."""
    rng = np.random.default_rng(seed)
    layers = list(itertools.pairwise(SIZES))
    wirings = [
        np.concatenate([connections("random", n, m, rng) for _ in range(rank // 2)])
        for n, m in layers
    ]
    options = {"parametrisation": kind, "rank": rank}
    params = [look.initial_weights(m, rng, **options).astype(float) for _, m in layers]

    def loss(params, noises):
        y = BITS
        for weights, wiring, noise in zip(params, wirings, noises, strict=True):
            y = look.lookup_layer(
                y, weights, wiring, parametrisation=kind, sampling=sampling, noise=noise
            )
        return cross_entropy(group_sum(y, k=2, tau=2.0), LABELS)

    optimizer = adam(0.05)
    state = optimizer.init(params)
    for _ in range(steps):
        noises = [look.gumbel_noise(rng.uniform(size=p.shape)) if noisy else 0.0 for p in params]
        _, gradients = value_and_grad(loss)(params, noises)
        params, state = optimizer.update(gradients, state, params)
    return wirings, params


@pytest.mark.parametrize("kind, rank, sampling, steps, noisy", [
    ("raw", 2, "soft", 150, False), ("raw", 2, "soft", 400, True),
    ("light", 2, "soft", 150, False), ("light", 2, "straight_through", 150, False),
    ("light", 4, "soft", 80, False), ("walsh", 2, "soft", 150, False),
    ("walsh", 4, "soft", 80, False),
])  # fmt: skip
def test_a_rule_is_learned_and_its_circuit_is_right_everywhere(kind, rank, sampling, steps, noisy):
    wirings, params = trained(kind, rank, sampling, steps, noisy)
    tables = [look.truth_tables(weights, kind) for weights in params]
    circuit = from_tables(6, tables, wirings, classes=2)
    np.testing.assert_array_equal(Engine(circuit).classify(BITS > 0), LABELS)


def test_straight_through_with_gumbel_noise_learns_more_than_the_frequent_class():
    wirings, params = trained("raw", 2, "straight_through", 400, True, seed=1)
    tables = [look.truth_tables(weights, "raw") for weights in params]
    found = Engine(from_tables(6, tables, wirings, classes=2)).classify(BITS > 0)
    assert np.mean(found == LABELS) > 0.9 > np.mean(LABELS)
