"""Alpha as a fuzzy "or": axioms and relations of the t-conorms, seen in images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl.autograd import array_namespace, grad, value_and_grad
from refimpl.autograd.numerics import check_grads
from refimpl.rendering.renderer import silhouette
from refimpl.rendering.settings import Settings
from refimpl.rendering.specification_cases import LAWS, T_CONORMS, random_triangles

TRIANGLES = random_triangles(np.random.default_rng(0), 4)


RELATIONS = (
    ("hamacher", 1.0, "probabilistic", None),
    ("hamacher", 2.0, "einstein", None),
    ("hamacher", 0.0, "dombi", 1.0),
    ("schweizer_sklar", -1.0, "hamacher", 0.0),
    ("aczel_alsina", 1.0, "probabilistic", None),
    ("frank", 1.0 + 1e-7, "probabilistic", None),
    ("frank", 1e-300, "max", None),
    ("frank", 1e300, "yager", 1.0),
    ("yager", 200.0, "max", None),
    ("aczel_alsina", 200.0, "max", None),
    ("dombi", 200.0, "max", None),
    ("schweizer_sklar", -200.0, "max", None),
    ("schweizer_sklar", -1e-7, "probabilistic", None),
)


@pytest.mark.parametrize(("name", "p", "other", "other_p"), RELATIONS)
def test_images_of_related_t_conorms_agree(name, p, other, other_p):
    options = Settings(image_size=5, distribution="logistic", scale=0.3)
    one = silhouette(TRIANGLES, options.with_options(t_conorm=name, t_conorm_p=p))
    two = silhouette(TRIANGLES, options.with_options(t_conorm=other, t_conorm_p=other_p))
    far = "max" in other or p == 1e300
    np.testing.assert_allclose(one, two, atol=0.05 if far else 1e-6)


@pytest.mark.parametrize(("t_conorm", "p"), [*T_CONORMS, ("max", None)])
def test_one_and_none_are_what_the_axioms_say(t_conorm, p):
    """A triangle without coverage is neutral, a certain one absorbs, and a single one is itself."""
    cover = np.array([[[-9.0, -9.0, 2.0], [9.0, -9.0, 2.0], [0.0, 9.0, 2.0]]])
    away = TRIANGLES + np.array([50.0, 0.0, 0.0])
    options = Settings(
        image_size=5, distribution="uniform", scale=0.3, t_conorm=t_conorm, t_conorm_p=p
    )
    found = silhouette(TRIANGLES, options)
    both = silhouette(np.concatenate([away, TRIANGLES]), options)
    np.testing.assert_allclose(both, found, atol=1e-14)
    all_of_it = silhouette(np.concatenate([TRIANGLES, cover]), options)
    np.testing.assert_allclose(all_of_it, 1.0, atol=1e-14)
    single = silhouette(TRIANGLES[:1], options)
    plain = silhouette(TRIANGLES[:1], options.with_options(t_conorm="max", t_conorm_p=None))
    np.testing.assert_allclose(single, plain, atol=1e-14)


@given(st.integers(0, 10_000), st.sampled_from(T_CONORMS), st.sampled_from(LAWS))
@settings(max_examples=25, deadline=None)
def test_alpha_is_a_probability_and_grows_with_faces(seed, t_conorm, law):
    triangles = random_triangles(np.random.default_rng(seed), 4)
    options = Settings(
        image_size=5, distribution=law[0], scale=0.3, t_conorm=t_conorm[0],
        t_conorm_p=t_conorm[1], **law[1],
    )  # fmt: skip
    all_of_them = silhouette(triangles, options)
    fewer = silhouette(triangles[:3], options)
    alone = [silhouette(triangles[i : i + 1], options) for i in range(4)]
    assert ((all_of_them >= 0) & (all_of_them <= 1 + 1e-12)).all()
    assert (all_of_them >= fewer - 1e-12).all()
    assert (all_of_them >= np.max(alone, axis=0) - 1e-12).all()


def test_duplicates_count_as_their_t_conorm_says():
    one, two = TRIANGLES[:1], np.concatenate([TRIANGLES[:1]] * 2)
    options = Settings(image_size=9, distribution="logistic", scale=0.1)
    b = silhouette(one, options)
    np.testing.assert_allclose(silhouette(two, options), 1 - (1 - b) ** 2, atol=1e-12)
    largest = options.with_options(t_conorm="max")
    np.testing.assert_array_equal(silhouette(two, largest), silhouette(one, largest))


def test_the_gradient_of_a_saturated_coverage_is_the_join_of_the_others():
    """A triangle over the whole image saturates a uniform coverage; another lies partly over it."""
    large = np.array([[[-9.0, -9.0, 2.0], [9.0, -9.0, 2.0], [0.0, 9.0, 2.0]]])
    small = np.array([[[-0.3, -0.4, 2.0], [0.5, -0.2, 2.0], [0.1, 0.6, 2.0]]])
    options = Settings(image_size=8, distribution="uniform", scale=0.2)
    both = np.concatenate([large, small])
    alpha, pulled = value_and_grad(lambda v: array_namespace(v).sum(silhouette(v, options)))(both)
    assert alpha == 64
    np.testing.assert_array_equal(pulled[1], 0.0)  # behind a certain "or" nothing counts
    from refimpl.rendering.aggregation import join_by_pixel

    def join(b):
        return join_by_pixel((b, 1 - b), np.array([3]))[0][0]

    np.testing.assert_allclose(grad(join)(np.array([1.0, 0.3, 0.4])), [0.7 * 0.6, 0.0, 0.0])


@pytest.mark.parametrize(("t_conorm", "p"), T_CONORMS)
def test_gradients_are_right_for_every_t_conorm(t_conorm, p):
    options = Settings(
        image_size=3, distribution="logistic", scale=0.3, t_conorm=t_conorm, t_conorm_p=p
    )

    def loss(xy):
        xp = array_namespace(xy)
        corners = xp.concat([xy, TRIANGLES[:3, :, 2:]], axis=-1)
        return xp.sum(xp.sin(3 * silhouette(corners, options)))

    report = check_grads(loss, TRIANGLES[:3, :, :2].copy())
    assert report.ok, report


def test_faces_in_any_order_and_orientation_give_the_same_alpha():
    options = Settings(image_size=9, distribution="cauchy", scale=0.05)
    before = silhouette(TRIANGLES, options)
    for changed in (TRIANGLES[::-1], TRIANGLES[:, ::-1], np.roll(TRIANGLES, 1, axis=1)):
        np.testing.assert_allclose(silhouette(changed, options), before, atol=1e-13)
