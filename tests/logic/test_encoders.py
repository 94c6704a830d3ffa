"""Encoders, MONK's problems, and the loaders with a folder made here."""

import gzip
import hashlib
from itertools import pairwise

import numpy as np
import pytest

from refimpl.data import files
from refimpl.data.mnist import is_mnist_local, mnist, read_idx
from refimpl.logic import encoders
from refimpl.logic.monk import GRID, WRONG, monk, rule, training_ids

ADULT = "39, State-gov, 7, Bachelors, 13, Divorced, Sales, Wife, White, Male, {}, 0, {}, Cuba, {}"


def test_adult_hours_are_always_zero_upstream_and_set_when_repaired():
    lines = [ADULT.format(0, hours, "<=50K") for hours in (0, 12, 13, 40, 41, 59, 60, 99)]
    upstream, _ = encoders.encode_adult(lines, "upstream")
    repaired, _ = encoders.encode_adult(lines)
    assert upstream[:, -6:].sum() == 0
    np.testing.assert_array_equal(repaired[:, -6:].argmax(axis=1), [0, 1, 2, 3, 4, 4, 5, 5])
    np.testing.assert_array_equal(repaired[:, -6:].sum(axis=1), 1)
    np.testing.assert_array_equal(upstream[:, :-6], repaired[:, :-6])


def test_adult_lines_that_are_comments_or_incomplete_are_left_out():
    lines = ["|1x3 Cross validator", "", ADULT.format(5178, 40, ">50K."), ADULT.format("?", 1, "x")]
    x, y = encoders.encode_adult(lines)
    assert x.shape == (1, 116)
    np.testing.assert_array_equal(y, [1])
    with pytest.raises(ValueError, match="line 1: expected 15 fields, got 2"):
        encoders.encode_adult(["a, b"])


@pytest.mark.parametrize(
    "problem, size, positive, wrong", [(1, 124, 62, 0), (2, 169, 64, 0), (3, 122, 60, 6)]
)
def test_monk_splits_have_the_official_sizes(problem, size, positive, wrong):
    split = monk(problem)
    assert split.train_x.shape == (size, 17)
    assert split.train_y.sum() == positive
    clean = rule(GRID, problem)[training_ids(problem) - 1]
    assert (clean != split.train_y).sum() == wrong == len(WRONG.get(problem, ()))
    assert split.test_x.shape == (432, 17)
    np.testing.assert_array_equal(split.test_x.sum(axis=1), 6)


def test_a_border_is_removed_from_both_sides_evenly():
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 2:20] = 7
    small = encoders.remove_border(image)
    assert small.sum() == image.sum()
    np.testing.assert_array_equal(small[:, 0], 0)  # columns: one on the left, seven on the right
    np.testing.assert_array_equal(small[:, 1], 7)
    with pytest.raises(ValueError, match="28, 28"):
        encoders.remove_border(small)


def test_thermometers_are_monotone_and_strict():
    levels = encoders.thresholds(np.arange(101.0), 4, method="distributive")
    np.testing.assert_array_equal(levels, [20, 40, 60, 80])
    bits = encoders.thermometer(np.array([[20.0], [20.5], [99.0]]), levels)
    np.testing.assert_array_equal(bits, [[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1]])


def test_both_orders_of_a_thermometer_hold_the_same_bits():
    x = np.random.default_rng(0).uniform(size=(3, 5))
    levels = np.array([0.2, 0.5, 0.8])
    by_feature = encoders.thermometer(x, levels).reshape(3, 5, 3)
    by_level = encoders.thermometer(x, levels, order="level").reshape(3, 3, 5)
    np.testing.assert_array_equal(by_feature, by_level.swapaxes(1, 2))


def test_soft_thermometers_tend_to_hard_ones_and_their_thresholds_stay_in_order():
    raw = np.array([0.2, -0.4, 0.3])
    levels = encoders.ordered_thresholds(raw)
    assert all(a < b for a, b in pairwise(levels))
    x = np.array([0.1, 0.3, 0.9])
    soft = encoders.soft_thermometer(x, raw, sharpness=1e-4)
    np.testing.assert_allclose(soft, encoders.thermometer(x, levels), atol=1e-6)


def test_the_binarisations_of_pixels_differ_between_1_and_127():
    pixels = np.array([0, 1, 127, 128, 255])
    np.testing.assert_array_equal(encoders.binarise(pixels), [0, 0, 0, 1, 1])
    np.testing.assert_array_equal(encoders.binarise(pixels, "nonzero"), [0, 1, 1, 1, 1])


# --- loaders --------------------------------------------------------------------------------------


def source(content, urls=(), **options):
    return files.Source("numbers.txt", hashlib.sha256(content).hexdigest(), urls, **options)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("REFIMPL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("REFIMPL_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data" / "set").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize("packed", [False, True])
def test_a_local_file_is_read_packed_or_not(folders, packed):
    content = b"1 2 3\n"
    name = "numbers.txt.gz" if packed else "numbers.txt"
    (folders / "data" / "set" / name).write_bytes(gzip.compress(content) if packed else content)
    assert files.read("set", source(content)) == content
    assert files.is_local("set", source(content))


def test_a_file_with_another_checksum_is_refused(folders):
    (folders / "data" / "set" / "numbers.txt").write_bytes(b"other")
    with pytest.raises(ValueError, match="SHA-256"):
        files.read("set", source(b"1 2 3\n"))


def test_a_damaged_gzip_file_is_refused(folders):
    (folders / "data" / "set" / "numbers.txt.gz").write_bytes(gzip.compress(b"1 2 3\n")[:-9])
    with pytest.raises(ValueError, match="damaged gzip"):
        files.read("set", source(b"1 2 3\n"))


def test_comments_and_empty_lines_of_text_do_not_count(folders):
    (folders / "data" / "set" / "numbers.txt").write_bytes(b"|comment\r\n1, 2 \n\n")
    assert files.read("set", source(b"1, 2\n", text=True)) == b"1, 2\n"


def test_a_download_is_checked_and_kept(folders):
    content = b"1 2 3\n"
    (folders / "served.txt").write_bytes(content)
    wrong = folders / "wrong.txt"
    wrong.write_bytes(b"tampered")
    addresses = [f"file://{wrong}", f"file://{folders / 'served.txt'}"]
    assert files.read("set", source(content, addresses)) == content
    (folders / "served.txt").unlink()
    assert files.read("set", source(content, addresses)) == content  # from the cache
    assert (folders / "cache" / "set" / "numbers.txt.gz").is_file()


def test_a_missing_file_says_what_to_do(folders):
    with pytest.raises(FileNotFoundError, match="Set REFIMPL_DATA to a folder"):
        files.read("set", source(b"x", [f"file://{folders / 'nowhere'}"]))
    with pytest.raises(FileNotFoundError, match="downloads are off"):
        files.read("set", source(b"x"), download=False)


@pytest.mark.parametrize(
    "content", [b"", b"\0\0\x09\x01", b"\0\0\x08\x01\0\0", b"\0\0\x08\x01\0\0\0\x02\x01"]
)
def test_damaged_idx_files_are_refused(content):
    with pytest.raises(ValueError, match=r"IDX|expected"):
        read_idx(content)


@pytest.mark.skipif(not is_mnist_local(), reason="MNIST is not in REFIMPL_DATA")
def test_mnist_has_its_published_mean():
    data = mnist(download=False)
    assert data.train_images.mean() == pytest.approx(33.3184, abs=1e-4)
    assert data.test_labels.shape == (10000,)
