"""Cameras, meshes, light, shapes, losses."""

import numpy as np
import pytest
from scipy import sparse

from refimpl.autograd import array_namespace, grad
from refimpl.autograd.numerics import check_grads
from refimpl.rendering import camera, shapes
from refimpl.rendering.lighting import Lighting
from refimpl.rendering.losses import deformed, flatten_loss, hinges_of, iou_loss, laplacian_loss
from refimpl.rendering.mesh import Mesh, edges_of, surface_normals, vertex_normals

RNG = np.random.default_rng(0)
SHAPES = {
    "tetrahedron": shapes.tetrahedron(),
    "cube": shapes.cube(),
    "icosphere0": shapes.icosphere(0),
    "icosphere2": shapes.icosphere(2),
    "uv_sphere": shapes.uv_sphere(5, 7),
    "torus": shapes.torus(around=9, across=6),
    "cylinder": shapes.cylinder(columns=8),
    "cone": shapes.cone(columns=7),
    "capsule": shapes.capsule(rows=3, columns=6),
    "superquadric": shapes.superquadric(5, 8, vertical=0.3, horizontal=2.0),
    "letter": shapes.extruded(["###", "#..", "##.", "#..", "#.."]),
    "ring": shapes.extruded(["###", "#.#", "###"]),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_are_closed_and_face_outwards(name):
    """Every edge has two faces in opposite directions, and the enclosed volume is positive."""
    solid = SHAPES[name]
    faces = solid.faces
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    assert len({tuple(e) for e in directed}) == len(directed)
    assert {tuple(e) for e in directed} == {tuple(e[::-1]) for e in directed}
    corners = solid.vertices[faces]
    assert np.linalg.det(corners).sum() > 0
    euler = len(solid.vertices) - len(edges_of(faces)) + len(faces)
    assert euler == (0 if name in ("torus", "ring") else 2)


def test_generated_volumes_are_those_of_the_solids():
    def volume(solid):
        return np.linalg.det(solid.vertices[solid.faces]).sum() / 6

    assert volume(shapes.cube(2.0)) == pytest.approx(8)
    assert volume(shapes.cone(1.0, 3.0, 400)) == pytest.approx(np.pi, rel=1e-3)
    assert volume(shapes.cylinder(1.0, 3.0, 400)) == pytest.approx(3 * np.pi, rel=1e-3)
    assert volume(shapes.capsule(0.5, 3.0, 40, 400)) == pytest.approx(
        np.pi * (0.25 * 2 + 4 / 3 * 0.125), rel=1e-3
    )
    assert volume(shapes.icosphere(4)) == pytest.approx(4 / 3 * np.pi, rel=1e-2)
    ring = 2 * np.pi**2 * 0.7 * 0.3**2
    assert volume(shapes.torus(around=200, across=100)) == pytest.approx(ring, rel=1e-2)
    octahedron = shapes.superquadric(1, 4, 2.0, vertical=2.0, horizontal=2.0)
    assert volume(octahedron) == pytest.approx(4 / 3 * 2.0**3)
    assert volume(shapes.extruded(["#.", "##"], 0.5)) == pytest.approx(3 / 4 * 0.5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: shapes.capsule(0.5, 0.9), "height: expected more than twice"),
        (lambda: shapes.extruded(["#", "##"]), "rows: expected lines of text of one length"),
        (lambda: shapes.extruded([".."]), "at least one #"),
        (lambda: shapes.cone(-1.0), "radius"),
        (lambda: shapes.torus(around=2), "around"),
    ],
)
def test_shapes_that_cannot_be_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize(("level", "vertices"), [(0, 12), (1, 42), (2, 162), (3, 642)])
def test_icospheres_have_the_published_sizes(level, vertices):
    solid = shapes.icosphere(level, 2.0)
    assert solid.vertices.shape == (vertices, 3)
    assert solid.faces.shape == (20 * 4**level, 3)
    np.testing.assert_allclose(np.linalg.norm(solid.vertices, axis=1), 2.0)


def test_the_default_sphere_has_1352_vertices_and_2700_faces():
    solid = shapes.uv_sphere()
    assert (len(solid.vertices), len(solid.faces)) == (1352, 2700)


def test_a_camera_that_is_not_turned_looks_along_z():
    points, eye = np.random.default_rng(0).normal(size=(5, 3)), np.array([0.1, 0.2, 0.3])
    np.testing.assert_allclose(camera.look(points, eye), points - eye, atol=1e-15)


def test_looking_keeps_distances_and_puts_the_target_on_the_axis():
    points, eye = RNG.normal(size=(6, 3)), np.array([1.0, 2.0, -3.0])
    at = np.array([0.5, 0.0, 0.2])
    seen = camera.look_at(points, eye, at)
    np.testing.assert_allclose(
        np.linalg.norm(np.diff(seen, axis=0), axis=1),
        np.linalg.norm(np.diff(points, axis=0), axis=1),
    )
    target = camera.look_at(at[None], eye, at)[0]
    np.testing.assert_allclose(target, [0, 0, np.linalg.norm(at - eye)], atol=1e-12)
    above = camera.look_at(at[None] + [[0, 0.1, 0]], eye, at)[0]
    assert above[1] > 0
    assert above[0] == pytest.approx(0, abs=1e-12)


def test_batches_of_three_meshes_are_no_special_case():
    """gendr 0.1.0 takes its vector products along the first axis of length 3."""
    vertices = RNG.normal(size=(3, 5, 3))
    eye = RNG.normal(size=(3, 3)) - np.array([0, 0, 4.0])
    seen = camera.look_at(vertices, eye)
    faces = np.array([[0, 1, 2], [0, 2, 3], [1, 4, 2]])
    normals = surface_normals(vertices[:, faces])
    for i in range(3):
        np.testing.assert_allclose(seen[i], camera.look_at(vertices[i], eye[i]))
        np.testing.assert_allclose(normals[i], surface_normals(vertices[i][faces]))
        np.testing.assert_allclose(
            vertex_normals(vertices, faces)[i], vertex_normals(vertices[i], faces)
        )


def test_perspective_of_a_point_on_the_axis_and_at_the_edge_of_the_view():
    points = np.array([[0.0, 0.0, 5.0], [0.0, 5.0 * np.tan(np.radians(20.0)), 5.0]])
    seen = camera.perspective(points, 20.0)
    np.testing.assert_allclose(seen, [[0, 0, 5], [0, 1, 5]], atol=1e-12)
    many = camera.perspective(np.stack([points, points]), np.array([20.0, 40.0]))
    np.testing.assert_allclose(many[0], seen)
    for angle in (120.0, 0.0, 90.0):
        with pytest.raises(ValueError, match="angle"):
            camera.perspective(points, angle)


def test_a_point_in_the_plane_of_the_camera_stays_finite():
    points = np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 1.0]])
    assert np.isfinite(camera.perspective(points, 30.0)).all()
    g = grad(lambda v: array_namespace(v).sum(camera.perspective(v, 30.0)))(points)
    assert np.isfinite(g).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: camera.perspective(np.ones((4, 2))), "vertices: expected"),
        (lambda: camera.look_at(np.ones((4, 3)), np.ones(2)), "eye: expected 3"),
        (lambda: camera.orthogonal(np.ones((4, 3)), -1.0), "scale"),
        (lambda: camera.projection(np.ones((4, 3)), np.eye(3)), "matrix: expected"),
        (
            lambda: camera.projection(np.ones((4, 3)), np.ones((3, 4)), np.ones(4)),
            "distortion: expected",
        ),
    ],
)
def test_cameras_name_what_is_wrong(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_eyes_lie_at_their_angles():
    np.testing.assert_allclose(camera.eye_from_angles(2.0, 90.0, 0.0), [0, 2, 0], atol=1e-12)
    np.testing.assert_allclose(camera.eye_from_angles(2.0, 0.0, 90.0), [2, 0, 0], atol=1e-12)
    quarter = camera.eye_from_angles(1.0, 0.0, np.pi, degrees=False)
    np.testing.assert_allclose(quarter, [0, 0, 1], atol=1e-12)
    many = camera.eye_from_angles(np.array([1.0, 2.0]), np.zeros(2), np.zeros(2))
    np.testing.assert_allclose(many, [[0, 0, -1], [0, 0, -2]], atol=1e-12)


def test_cameras_are_differentiable():
    points = RNG.normal(size=(4, 3))

    def f(points, pose):
        xp = array_namespace(points, pose)
        eye = camera.eye_from_angles(pose[0], pose[1], pose[2])
        return xp.sum(xp.sin(camera.perspective(camera.look_at(points, eye), pose[3])))

    report = check_grads(f, (points, np.array([5.0, 20.0, 30.0, 25.0])))
    assert report.ok, report


def test_distortion_has_a_finite_gradient_on_the_axis():
    P = np.hstack([np.eye(3), np.zeros((3, 1))])
    k = np.array([0.1, 0.01, 0.02, 0.03, 0.001])
    g = grad(lambda v: array_namespace(v).sum(camera.projection(v, P, k, original_size=2)))
    assert np.isfinite(g(np.array([[0.0, 0.0, 2.0]]))).all()


def test_normals_of_a_sphere_are_its_radii():
    solid = shapes.icosphere(2)
    np.testing.assert_allclose(solid.vertex_normals, solid.vertices, atol=0.03)
    lonely = Mesh(np.vstack([solid.vertices, [[9.0, 9.0, 9.0]]]), solid.faces)
    np.testing.assert_array_equal(lonely.vertex_normals[-1], 0.0)


def test_light_falls_from_its_direction():
    solid = shapes.cube()
    lit = Lighting(0.25, directional_intensity=0.5, direction=(0.0, 2.0, 0.0))(
        solid.vertices, solid.faces, np.ones((12, 1, 3))
    )
    up = solid.surface_normals[:, 1]
    np.testing.assert_allclose(lit[:, 0, 0], 0.25 + np.maximum(up, 0))


@pytest.mark.parametrize(("kind", "shape"), [("surface", (12, 4, 3)), ("vertex", (8, 3))])
def test_light_on_a_batch_is_that_on_each_mesh(kind, shape):
    solid, light = shapes.cube(), Lighting(0.1, (1.0, 0.5, 0.25), 0.7, direction=(1.0, 1.0, -1.0))
    vertices = solid.vertices + 0.1 * RNG.normal(size=(3, 8, 3))
    textures = RNG.uniform(size=(3, *shape))
    many = light(vertices, solid.faces, textures, kind)
    shared = light(vertices, solid.faces, textures[0], kind)
    for i in range(3):
        np.testing.assert_allclose(many[i], light(vertices[i], solid.faces, textures[i], kind))
        np.testing.assert_allclose(shared[i], light(vertices[i], solid.faces, textures[0], kind))
    wrong = np.ones((3, shape[0] + 1, *shape[1:]))
    with pytest.raises(ValueError, match="textures: expected"):
        light(vertices, solid.faces, wrong, kind)
    with pytest.raises(ValueError, match="direction: expected 3 numbers"):
        Lighting(direction=(1.0, 0.0))


def test_the_laplacian_loss_is_that_of_the_graph():
    solid = shapes.icosphere(1)
    v = solid.vertices + 0.1 * RNG.normal(size=solid.vertices.shape)
    i, j = edges_of(solid.faces).T
    n = len(v)
    adjacency = sparse.coo_matrix(
        (np.ones(2 * len(i)), (np.r_[i, j], np.r_[j, i])), (n, n)
    ).toarray()
    L = np.eye(n) - adjacency / adjacency.sum(1, keepdims=True)
    assert laplacian_loss(v, solid.faces) == pytest.approx(np.sum((L @ v) ** 2))
    g = grad(lambda v: laplacian_loss(v, solid.faces))(v)
    np.testing.assert_allclose(g, 2 * L.T @ L @ v, atol=1e-12)


def test_flatness_is_zero_for_a_plane_and_four_for_a_fold():
    flat = np.array([[0.0, 0, 0], [1, 0, 0], [0.5, 1, 0], [0.5, -1, 0]])
    folded = flat * np.array([1, -1, 1]) + 0.0
    folded[2] = flat[2]
    folded[3] = flat[2] + [0, 0.0, 0.001]
    faces = np.array([[0, 1, 2], [1, 0, 3]])
    assert flatten_loss(flat, faces) == pytest.approx(0, abs=1e-9)
    assert flatten_loss(folded, faces) == pytest.approx(4, abs=1e-3)


@pytest.mark.parametrize("name", SHAPES)
def test_every_interior_edge_counts_once(name):
    faces = SHAPES[name].faces
    hinges = hinges_of(faces)
    assert len(hinges) == len(edges_of(faces)) == 1.5 * len(faces)
    opened = hinges_of(faces[1:])
    assert len(opened) == len(hinges) - 3  # the edges of the missing face are boundary


def test_iou_loss_by_hand():
    p, t = np.zeros((2, 4, 4)), np.zeros((2, 4, 4))
    p[0, :2], t[0, 1:3] = 1, 1
    np.testing.assert_allclose(iou_loss(p, t, "none"), [1 - 4 / 12, 1.0], atol=1e-6)
    assert iou_loss(p, t, "sum") == pytest.approx(1 + 2 / 3, abs=1e-6)
    with pytest.raises(ValueError, match="equal shapes"):
        iou_loss(p, t[0])


def test_deformed_templates_start_at_the_template_and_stay_in_the_cube():
    u = shapes.icosphere(1, 0.5).vertices
    zero = np.zeros((1, 3))
    np.testing.assert_allclose(deformed(u, 0 * u, zero), u, atol=1e-12)
    far = deformed(u, 50 * RNG.normal(size=u.shape), RNG.normal(size=(1, 3)))
    assert (np.abs(far) <= 1).all()


def test_meshes_refuse_what_is_none():
    with pytest.raises(ValueError, match="face 1 names the vertices"):
        Mesh(np.zeros((3, 3)), np.array([[0, 1, 2], [0, 1, 3]]))
    with pytest.raises(ValueError, match="vertices: expected"):
        Mesh(np.zeros((3, 2)), np.array([[0, 1, 2]]))
    with pytest.raises(ValueError, match="faces: expected whole numbers"):
        Mesh(np.zeros((3, 3)), np.array([[0.0, 1, 2]]))
    with pytest.raises(ValueError, match="face 0 names"):
        laplacian_loss(np.zeros((2, 3)), np.array([[0, 1, 2]]))
    solid = shapes.cube()
    for kind, shape in (("surface", (11, 4, 3)), ("surface", (12, 5, 3)), ("vertex", (12, 3))):
        with pytest.raises(ValueError, match="textures: expected"):
            Mesh(solid.vertices, solid.faces, np.ones(shape), kind)
    with pytest.raises(ValueError, match="texture_type"):
        Mesh(solid.vertices, solid.faces, None, "texel")


def test_textures_of_one_mesh_serve_a_batch():
    solid = shapes.cube()
    batch = np.stack([solid.vertices] * 2)
    assert Mesh(batch, solid.faces, np.ones((12, 4, 3))).face_textures.shape == (2, 12, 4, 3)
    assert Mesh(batch, solid.faces, np.ones((8, 3)), "vertex").face_textures.shape == (2, 12, 3, 3)
    assert Mesh(solid.vertices, []).face_vertices.shape == (0, 3, 3)
