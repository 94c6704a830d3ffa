"""Self-self attention: its invariances and limits."""

import numpy as np
import pytest

from refimpl.training.gem import normalised, self_self, self_self_attention
from refimpl.training.gem_block import (
    Block,
    Streams,
    gem_block,
    gem_transformer,
    layer_norm,
    similarity_maps,
)

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
    with pytest.raises(ValueError, match=r"bias_qkv: expected \(12,\)"):
        self_self_attention(x, W, np.zeros(4), np.eye(4), np.zeros(4), heads=2)
    with pytest.raises(ValueError, match="inverse_temperature"):
        self_self_attention(
            x, W, np.zeros(12), np.eye(4), np.zeros(4), heads=2, inverse_temperature=0.0
        )


def block(seed, C=4, heads=2):
    rng = np.random.default_rng(seed)
    W, V = rng.normal(size=(3 * C, C)), rng.normal(size=(C, C))
    M = rng.normal(size=(C, C))

    def attend(x):
        return self_self_attention(x, W, np.zeros(3 * C), V, np.zeros(C), heads=heads)

    return Block(layer_norm, attend, lambda x: np.tanh(layer_norm(x) @ M))


def test_the_ordinary_stream_is_that_of_an_unwrapped_transformer():
    blocks, x = [block(k) for k in range(4)], RNG.normal(size=(5, 2, 4))
    plain = gem_transformer(x, blocks, 0)
    np.testing.assert_array_equal(plain.gem, plain.original)
    for wrapped in range(1, 5):
        found = gem_transformer(x, blocks, wrapped)
        np.testing.assert_array_equal(found.original, plain.original)


def test_the_second_stream_collects_the_self_self_attention_only():
    blocks, x = [block(k) for k in range(3)], RNG.normal(size=(5, 2, 4))
    start = gem_transformer(x, blocks[:1], 0).original
    second = gem_block(Streams(start, start), blocks[1])
    added = [blocks[k].attend(layer_norm(o))[0] for k, o in ((1, start), (2, second.original))]
    np.testing.assert_allclose(gem_transformer(x, blocks, 2).gem, start + sum(added), rtol=1e-12)


@pytest.mark.framework
def test_layer_norm_and_interpolation_are_those_of_torch():
    torch = pytest.importorskip("torch", reason="needs torch")
    x, w, b = RNG.normal(size=(3, 2, 4)), RNG.normal(size=4), RNG.normal(size=4)
    theirs = torch.nn.functional.layer_norm(*map(torch.tensor, (x,)), (4,), torch.tensor(w),
                                            torch.tensor(b))  # fmt: skip
    np.testing.assert_allclose(layer_norm(x, w, b), theirs.numpy(), rtol=1e-10)
    tokens, texts = RNG.normal(size=(1 + 6, 2, 4)), RNG.normal(size=(3, 4))
    for size in ((7, 5), (2, 3), (1, 9)):
        found = similarity_maps(tokens, texts, (2, 3), size)
        small = normalised(tokens[1:]) @ normalised(texts).T
        small = torch.tensor(small.transpose(1, 2, 0).reshape(2, 3, 2, 3))
        large = torch.nn.functional.interpolate(small, size, mode="bilinear").numpy()
        low, high = (f(large, axis=(-2, -1), keepdims=True) for f in (np.min, np.max))
        np.testing.assert_allclose(found, (large - low) / (high - low), atol=1e-12)


def test_maps_lie_between_0_and_1_and_constant_ones_are_0():
    maps = similarity_maps(RNG.normal(size=(5, 2, 4)), RNG.normal(size=(3, 4)), (2, 2))
    np.testing.assert_array_equal(maps.min((-2, -1)), 0)
    np.testing.assert_array_equal(maps.max((-2, -1)), 1)
    same = similarity_maps(np.ones((5, 1, 4)), RNG.normal(size=(1, 4)), (2, 2), (4, 4))
    np.testing.assert_allclose(same, 0, atol=1e-12)


def test_grids_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"expected \(5, B, C\)"):
        similarity_maps(np.ones((4, 1, 2)), np.ones((1, 2)), (2, 2))
    with pytest.raises(ValueError, match="at most 1 blocks"):
        gem_transformer(np.ones((2, 1, 4)), [block(0)], 2)
