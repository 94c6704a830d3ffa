"""The programs docs/examples/render_*.py run, write pictures and find what they look for."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "examples"


def example(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _pillow():
    pytest.importorskip("PIL", reason="Pillow is not installed")


def test_every_example_is_run_here():
    run = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{path.stem}"' in run for path in FOLDER.glob("render_*.py"))


def test_the_gallery_has_a_picture_for_each_pair(tmp_path):
    from refimpl.rendering.pictures import read_image

    path = example("render_gallery").main(tmp_path, size=10)
    image = read_image(path)
    assert image.shape == (40, 30, 3)
    assert image[:10, :10].min() < 0.1


def test_the_sphere_becomes_a_box(tmp_path):
    losses = example("render_shape").main(tmp_path, steps=15, size=16)
    assert losses[-1] < 0.5 * losses[0]
    assert (tmp_path / "shape.gif").stat().st_size > 1000


def test_the_camera_is_found(tmp_path):
    module = example("render_camera")
    angles = module.main(tmp_path, steps=40, size=24)
    np.testing.assert_allclose(angles, module.TRUTH, atol=4.0)
    assert (tmp_path / "camera.gif").stat().st_size > 1000
