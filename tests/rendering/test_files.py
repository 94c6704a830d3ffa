"""OBJ files, pictures and voxels."""

import numpy as np
import pytest

from refimpl.rendering import shapes
from refimpl.rendering.mesh import Mesh
from refimpl.rendering.obj import load_mesh, load_obj, save_obj
from refimpl.rendering.obj_text import parse_mtl, parse_obj
from refimpl.rendering.texels import sample_image, texel_positions
from refimpl.rendering.voxels import voxel_iou, voxelize

RNG = np.random.default_rng(0)


def test_saving_and_loading_keeps_a_mesh(tmp_path):
    solid = shapes.torus(around=7, across=5)
    save_obj(tmp_path / "t.obj", solid)
    back = load_obj(tmp_path / "t.obj")
    np.testing.assert_allclose(back.vertices, solid.vertices, atol=1e-8)
    np.testing.assert_array_equal(back.faces, solid.faces)


def test_vertex_colours_survive(tmp_path):
    solid = shapes.cube()
    colours = RNG.uniform(size=(8, 3))
    save_obj(tmp_path / "c.obj", Mesh(solid.vertices, solid.faces, colours, "vertex"))
    back = load_obj(tmp_path / "c.obj", textures="vertex")
    np.testing.assert_allclose(back.textures, colours, atol=1e-8)
    save_obj(tmp_path / "plain.obj", solid)
    with pytest.raises(ValueError, match="no colours"):
        load_obj(tmp_path / "plain.obj", textures="vertex")


def test_surface_textures_survive_about(tmp_path):
    pytest.importorskip("PIL", reason="Pillow is not installed")
    solid = shapes.cube()
    textures = RNG.uniform(size=(12, 4, 3))
    save_obj(tmp_path / "s.obj", Mesh(solid.vertices, solid.faces, textures), tile=32)
    back = load_obj(tmp_path / "s.obj", textures="surface", resolution=2)
    assert np.abs(back.textures - textures).mean() < 0.03


def test_polygons_negative_numbers_comments_and_empty_fields():
    text = """
    # a comment
    v 0 0 0 # and another
    v 1 0 0
    v 1 1 0
    v 0 1 0
    vt 0 0
    vt 1 1
    f -4/1 -3/2 -2 -1//
    """
    found = parse_obj(text)
    np.testing.assert_array_equal(found.faces, [[0, 1, 2], [0, 2, 3]])
    assert np.isnan(found.face_uv[1]).any()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("v 0 0", "line 1.*3 coordinates"),
        ("v 0 0 x", "line 1.*'x'"),
        ("v 0 0 0\nf 1 1 2", "line 2: vertex 2 of 1"),
        ("v 0 0 0\nf 1 1 -2", "line 2.*number -2 of 1"),
        ("v 0 0 0\nf 1/1 1/1 1/1", "line 2: texture coordinate 1 of 0"),
        ("v 0 nan 0", "line 1.*finite"),
        ("vt 1", "line 1.*2 coordinates"),
        ("v 0 0 0\n\nf 1 1 \\\n x", "line 3.*'x'"),
        ("v 0 0 0\0", "not a text file"),
        ("v 0 0 0\nf 1 1 0", "line 2.*number 0"),
        ("v 0 0 0\nf 1 1", "line 2.*3 corners"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(text, words):
    with pytest.raises(ValueError, match=words):
        parse_obj(text)


def test_faces_may_stand_before_their_vertices_and_go_on_in_the_next_line():
    found = parse_obj("f 1 2 \\\n3\nv 0 0 0\r\nv 1 0 0\r\nv 0 1 0\r\n")
    np.testing.assert_array_equal(found.faces, [[0, 1, 2]])


@pytest.mark.parametrize(
    ("library", "error", "words"),
    [
        (None, FileNotFoundError, "m.obj: its material library 'm.mtl' is not in"),
        ("newmtl a\nmap_Kd no.png", FileNotFoundError, "m.obj: its texture image 'no.png' is not"),
        ("newmtl a\nKd 1 0", ValueError, "m.mtl: line 2.*3 coordinates"),
        ("newmtl a\nKd 1 0 x", ValueError, "m.mtl: line 2.*'x'"),
        ("newmtl a\nmap_Kd", ValueError, "m.mtl: line 2.*name of an image"),
        ("Kd 1 0 0", ValueError, "m.mtl: line 1.*no newmtl"),
    ],
)
def test_what_is_wrong_with_materials_is_said(tmp_path, library, error, words):
    text = "mtllib m.mtl\nusemtl a\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3"
    (tmp_path / "m.obj").write_text(text)
    if library:
        (tmp_path / "m.mtl").write_text(library)
    with pytest.raises(error, match=words):
        load_obj(tmp_path / "m.obj", textures="surface")
    assert load_obj(tmp_path / "m.obj").textures is None


def test_materials_of_no_library_are_white_and_images_are_read_by_any_reader(tmp_path):
    text = "mtllib m.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\n"
    text += "usemtl other\nf 1 2 3\nusemtl a\nf 1/1 2/2 3/3\n"
    (tmp_path / "m.obj").write_text(text)
    (tmp_path / "m.mtl").write_text("newmtl a\nKd 0 0 0\nmap_Kd some image.any\n")
    (tmp_path / "some image.any").write_bytes(b"")
    found = load_obj(
        tmp_path / "m.obj", textures="surface", resolution=2,
        read_image=lambda path: np.full((3, 3, 3), 0.25),
    )  # fmt: skip
    np.testing.assert_array_equal(found.textures[0], 1.0)
    np.testing.assert_allclose(found.textures[1], 0.25)


@pytest.mark.parametrize("textures", ["surfce", "Vertex"])
def test_unknown_kinds_of_textures_are_refused(tmp_path, textures):
    (tmp_path / "e.obj").write_text("")
    with pytest.raises(ValueError, match="textures: expected one of vertex, surface"):
        load_obj(tmp_path / "e.obj", textures=textures)


def test_batches_are_saved_one_by_one(tmp_path):
    solid = shapes.cube()
    with pytest.raises(ValueError, match="mesh: expected one mesh"):
        save_obj(tmp_path / "b.obj", Mesh(solid.vertices[None], solid.faces))


def test_empty_files_are_empty_meshes(tmp_path):
    (tmp_path / "e.obj").write_text("# nothing\n")
    assert load_obj(tmp_path / "e.obj", normalise=True).faces.shape == (0, 3)


def test_materials_are_read():
    found = parse_mtl("newmtl a\nKd 0.5 0.25 0\nnewmtl b\nmap_Kd some/b.png\n")
    assert found["a"].colour == (0.5, 0.25, 0.0)
    assert found["b"].image == "some/b.png"


def test_normalised_meshes_fill_the_cube(tmp_path):
    solid = Mesh(shapes.cube().vertices * [3, 1, 2] + [5, 6, 7], shapes.cube().faces)
    save_obj(tmp_path / "n.obj", solid)
    found = load_obj(tmp_path / "n.obj", normalise=True).vertices
    np.testing.assert_allclose(found.max(0), [1, 1 / 3, 2 / 3], atol=1e-7)
    np.testing.assert_allclose(found.min(0), -found.max(0), atol=1e-7)


def test_other_formats_go_through_trimesh(tmp_path):
    trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed")
    solid = shapes.icosphere(1)
    trimesh.Trimesh(solid.vertices, solid.faces, process=False).export(tmp_path / "m.ply")
    found = load_mesh(tmp_path / "m.ply")
    np.testing.assert_allclose(found.vertices, solid.vertices, atol=1e-6)
    np.testing.assert_array_equal(found.faces, solid.faces)


@pytest.mark.parametrize("kind", ["stl", "off", "glb", "obj"])
def test_formats_that_trimesh_writes_come_back(tmp_path, kind):
    trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed")
    solid = shapes.cube()
    trimesh.Trimesh(solid.vertices, solid.faces, process=False).export(tmp_path / f"m.{kind}")
    found = load_mesh(tmp_path / f"m.{kind}")
    volume = np.linalg.det(np.asarray(found.vertices)[found.faces]).sum() / 6
    assert volume == pytest.approx(1.0, abs=1e-6)


def test_what_trimesh_cannot_read_is_named(tmp_path):
    pytest.importorskip("trimesh", reason="trimesh is not installed")
    with pytest.raises(FileNotFoundError, match=r"no file .*no\.ply"):
        load_mesh(tmp_path / "no.ply")
    (tmp_path / "bad.ply").write_text("not a mesh")
    with pytest.raises(ValueError, match=r"bad\.ply: trimesh cannot read it"):
        load_mesh(tmp_path / "bad.ply")
    (tmp_path / "bad.xyzw").write_text("not a mesh")
    with pytest.raises(ValueError, match=r"bad\.xyzw: trimesh cannot read it"):
        load_mesh(tmp_path / "bad.xyzw")


def test_texels_lie_inside_the_face_and_images_are_interpolated():
    for R in (1, 2, 5):
        positions = texel_positions(R)
        assert positions.shape == (R * R, 3)
        np.testing.assert_allclose(positions.sum(1), 1)
        assert (positions > 0).all()
    image = np.arange(6.0).reshape(2, 3, 1)
    corners = np.array([[0.0, 0.0], [1.0, 1.0], [0.5, 0.5], [1.25, 0.0], [-0.75, 0.0]])
    found = sample_image(image, corners)[:, 0]
    np.testing.assert_allclose(found, [3.0, 2.0, 2.5, 3.5, 3.5])


def test_pictures_are_written_and_read(tmp_path):
    pytest.importorskip("PIL", reason="Pillow is not installed")
    from refimpl.rendering.pictures import composed, read_image, write_gif, write_png

    image = RNG.uniform(size=(5, 7, 3))
    write_png(tmp_path / "p.png", image)
    np.testing.assert_allclose(read_image(tmp_path / "p.png"), image, atol=1 / 255)
    write_gif(tmp_path / "p.gif", [image, 1 - image])
    assert (tmp_path / "p.gif").stat().st_size > 100
    rgba = np.concatenate([np.zeros((3, 2, 2)), np.full((1, 2, 2), 0.25)])
    np.testing.assert_allclose(composed(rgba), 0.75)
    with pytest.raises(ValueError, match="at least one"):
        write_gif(tmp_path / "none.gif", [])


def corners_of(solid):
    return solid.vertices[solid.faces] * 0.6 + 0.5


def test_a_closed_cube_is_solid_and_a_leaking_one_is_a_shell():
    corners = corners_of(shapes.cube()) + 0.013
    solid = voxelize(corners, 16)
    inside = solid[5:11, 5:11, 5:11]
    assert inside.all()
    leaking = voxelize(corners[2:], 16)
    assert not leaking[8, 8, 8]
    assert voxel_iou(solid, solid) == 1
    assert voxel_iou(solid, leaking) < 1
    assert voxel_iou(np.zeros((2, 2, 2)), np.zeros((2, 2, 2))) == 1


def test_a_sphere_fills_its_volume():
    solid = voxelize(shapes.icosphere(3).vertices[shapes.icosphere(3).faces] * 0.4 + 0.5, 32)
    filled = solid.sum() / 32**3  # the cells of the surface count
    assert 4 / 3 * np.pi * 0.4**3 < filled < 4 / 3 * np.pi * (0.4 + 1 / 32) ** 3


def test_batches_of_voxels():
    corners = np.stack([corners_of(shapes.cube()), corners_of(shapes.tetrahedron())[[0] * 12]])
    assert voxelize(corners, 8).shape == (2, 8, 8, 8)
    with pytest.raises(ValueError, match="face_vertices"):
        voxelize(np.zeros((3, 3)), 8)
    with pytest.raises(ValueError, match="face 1 has a coordinate that is not finite"):
        voxelize(np.array([[[0.5] * 3] * 3, [[0.5, np.nan, 0.5]] * 3]), 8)
    with pytest.raises(ValueError, match="equal shapes"):
        voxel_iou(np.zeros((2, 2, 2)), np.zeros((3, 3, 3)))
    assert voxelize(np.zeros((0, 3, 3)), 4).sum() == 0
    assert voxelize(corners_of(shapes.cube()), 1).sum() == 1


def test_meshes_outside_of_the_grid_leave_it_empty():
    assert voxelize(corners_of(shapes.cube()) + 7.0, 8).sum() == 0
