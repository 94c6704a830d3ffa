"""Self-self attention: its invariances and limits."""

import numpy as np
import pytest

from refimpl.training.gem import normalised, self_self, self_self_attention

RNG = np.random.default_rng(0)


def test_low_temperature_weights_are_uniform_and_give_the_mean_of_the_values():
    s, v = RNG.normal(size=(2, 5, 4))
    found = self_self(s, v, np.array(1e-12))
    np.testing.assert_allclose(found, np.broadcast_to(v.mean(0), v.shape), rtol=1e-9)


def test_high_inverse_temperature_returns_each_tokens_own_value():
    s, v = RNG.normal(size=(2, 5, 4))
    np.testing.assert_allclose(self_self(s, v, np.array(1e6), iterations=0), v, atol=1e-9)


def test_the_attention_ignores_the_scale_of_the_tokens_and_the_values_carry_theirs():
    s, v = RNG.normal(size=(2, 5, 4))
    scaled = s * RNG.uniform(0.1, 9.0, size=(5, 1))
    tau = np.array(3.0)
    np.testing.assert_allclose(self_self(scaled, v, tau), self_self(s, v, tau), rtol=1e-10)
    np.testing.assert_allclose(self_self(s, 2 * v, tau), 2 * self_self(s, v, tau))


def test_zero_tokens_stay_zero():
    np.testing.assert_array_equal(normalised(np.zeros((2, 3))), 0.0)


def test_one_token_passes_its_value_through_the_projection():
    C = 4
    x, W = RNG.normal(size=(1, 2, C)), RNG.normal(size=(3 * C, C))
    gem, original = self_self_attention(x, W, np.zeros(3 * C), np.eye(C), np.ones(C), heads=2)
    np.testing.assert_allclose(gem, x @ W[2 * C :].T + 1)
    np.testing.assert_allclose(original, gem)


def test_bad_arguments_are_named():
    x, W = RNG.normal(size=(3, 1, 4)), RNG.normal(size=(12, 4))
    with pytest.raises(ValueError, match="heads=3"):
        self_self_attention(x, W, np.zeros(12), np.eye(4), np.zeros(4), heads=3)
    with pytest.raises(ValueError, match="inverse_temperature"):
        self_self_attention(
            x, W, np.zeros(12), np.eye(4), np.zeros(4), heads=2, inverse_temperature=0.0
        )
