"""CSV files: gaps, words, numbers, constants, and files that are no tables."""

import json

import numpy as np
import pytest

from refimpl.cli import main
from refimpl.logic.encoders import one_hot_columns
from refimpl.logic.tables import read_table, split_rows


@pytest.fixture
def table(tmp_path):
    def write(text, encoding="utf-8", name="table.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
        return path

    return write


def lines(columns, names):
    rows = zip(*columns, strict=True)
    return "\n".join([",".join(names), *(",".join(map(str, row)) for row in rows)]) + "\n"


def test_few_values_give_one_threshold_between_each_two_and_many_give_eight(table):
    few, many = np.arange(90) % 3, np.arange(90)
    path = table(lines([few, many, few > 0], ["few", "many", "label"]))
    found = read_table(path)
    assert found.bits.shape == (90, 2 + 8)
    np.testing.assert_array_equal(found.bits[:, 0], few > 0)
    np.testing.assert_array_equal(found.bits[:, 1], few > 1)
    assert np.all(np.diff(found.bits[:, 2:].sum(axis=1).astype(int)) >= 0)  # it rises with `many`


def test_a_column_that_is_rarely_below_its_largest_value_keeps_a_bit(table):
    rare = np.where(np.arange(100) % 25 == 0, np.arange(100), 1000)  # four small values, and 1000
    path = table(lines([rare, np.arange(100), rare < 9], ["rare", "n", "label"]))
    bits = read_table(path).bits
    assert np.unique(bits[:, 0]).tolist() == [False, True]


def test_gaps_are_a_bit_of_their_own_and_no_level(table):
    numbers = [["", "?", "NaN", " 3 ", "5", "na"][i % 6] for i in range(60)]
    words = [["red", "", "blue"][i % 3] for i in range(60)]
    path = table(lines([numbers, words, [i % 2 for i in range(60)]], ["n", "w", "label"]))
    found = read_table(path)
    known = found.encoder["columns"]
    assert known[0] == {"missing": True, "thresholds": [3.0]}
    assert known[1] == {"missing": True, "categories": ["blue", "red"]}
    np.testing.assert_array_equal(found.bits[:, 1], [i % 6 in (0, 1, 2, 5) for i in range(60)])
    assert not found.bits[found.bits[:, 1], 0].any()
    np.testing.assert_array_equal(found.bits[:, 2:].sum(axis=1), 1)


def test_the_encoder_survives_json_and_encodes_other_files_alike(table):
    path = table(lines([range(40), ["a", "bb"] * 20, [0, 1] * 20], ["n", "w", "label"]))
    encoder = json.loads(json.dumps(read_table(path).encoder))
    other = table("n,w,label\n-5,bb,1\n99,a,0\n,b,0\nNA,unheard,1\n", name="other.csv")
    bits = read_table(other, encoder).bits.astype(int)
    np.testing.assert_array_equal(bits[:, :8].sum(axis=1), [0, 8, 0, 0])
    np.testing.assert_array_equal(bits[:, 8:], [[0, 1], [1, 0], [0, 0], [0, 0]])


def test_short_words_are_not_taken_for_the_beginning_of_longer_ones():
    np.testing.assert_array_equal(one_hot_columns([["a"]], [["apple", "a"]]), [[0, 1]])


def test_a_byte_order_mark_line_ends_of_windows_and_empty_lines_do_no_harm(table):
    text = "n,w,label\r\n1,a,x\r\n\r\n2,b,y\r\n3,a,x\r\n4,b,y\r\n\r\n"
    bits = read_table(table(text, "utf-8-sig")).bits
    np.testing.assert_array_equal(bits, read_table(table(text.replace("\r", ""))).bits)
    assert len(bits) == 4


@pytest.mark.parametrize("text, message", [
    ("", "at least 2 rows, got 0 names and 0 rows"),
    ("a,b,label\n1,2,x\n", "got 3 names and 1 rows"),
    ("a;b;label\n1;2;x\n3;4;y\n", "separated by commas"),
    ("a,b,label\n1,2,x\n\n3,4\n", "line 4: expected 3 fields, got 2"),
    ("1,2,0\n3,4,1\n1,1,0\n", "names of the columns"),
    ("a,b,label\n1,2,x\n3,4,x\n5,6,x\n", "all labels, the last column 'label', are 'x'"),
    ("a,b,label\n1,2,x\n3,4,\n5,6,y\n", "1 rows have no label"),
    ("a,b,label\n1,2,x\n1,2,y\n1,2,y\n1,2,x\n", "0 bits"),
    (b"\xff\xfe,label\na,b\nb,c\n", "not a CSV file in UTF-8"),
])  # fmt: skip
def test_files_that_are_no_tables_are_refused_by_name(table, text, message):
    with pytest.raises(ValueError, match=r"table\.csv") as caught:
        read_table(table(text))
    assert message in str(caught.value)


def test_what_the_model_does_not_know_is_refused_by_column(table):
    encoder = read_table(table("n,m,label\n1,1,x\n2,3,y\n3,2,x\n5,7,y\n")).encoder
    with pytest.raises(ValueError, match=r"column 'n': expected numbers.*'three'"):
        read_table(table("n,m,label\n1,2,x\nthree,4,y\n"), encoder)
    with pytest.raises(ValueError, match=r"does not know the labels \['z'\]"):
        read_table(table("n,m,label\n1,2,x\n3,4,z\n"), encoder)
    with pytest.raises(ValueError, match="1 columns of inputs, the model knows 2"):
        read_table(table("n,label\n1,x\n3,y\n"), encoder)
    with pytest.raises(ValueError, match="expected columns and labels"):
        read_table(table("n,m,label\n1,2,x\n3,4,y\n"), {"columns": []})


def test_thresholds_are_those_of_training_rows_only(table):
    numbers = np.arange(40.0)
    _, test = split_rows(40)
    changed = numbers.copy()
    changed[test] = 1e6
    encoders = [
        read_table(table(lines([v, v > 20, [0, 1] * 20], ["n", "m", "label"]))).encoder
        for v in (numbers, changed)
    ]
    assert encoders[0]["columns"][0] == encoders[1]["columns"][0]


def test_the_command_tests_on_all_rows_of_another_file(table, tmp_path, capsys):
    rows = np.arange(60)
    text = lines([rows, rows % 7, np.where(rows > 30, "high", "low")], ["n", "m", "label"])
    out = tmp_path / "model.npz"
    small = ["--steps", "200", "--layers", "2", "--width", "20", "--tau", "2"]
    assert main(["logic", "train", str(table(text)), *small, "--out", str(out)]) == 0
    other = table("n,m,label\n59,1,low\n1,1,high\n50,2,high\n", name="other.CSV")
    capsys.readouterr()
    assert main(["logic", "eval", str(out), "--data", str(other)]) == 0
    text = capsys.readouterr().out
    assert "test accuracy          33.33 %" in text
    assert "training accuracy" not in text
