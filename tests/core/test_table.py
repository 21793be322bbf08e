"""Tables: strict about cells, exact about where they stand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from m4graph.core.errors import InputError, WorkloadError
from m4graph.core.table import OptionalInt, read_table, write_table

COLUMNS = {"id": int, "share": float, "name": str}


def test_cells_keep_their_value(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('\ufeffname, id ,share\n\n"a,b", 7,1e-3\nNA,-9223372036854775808,.5\n\n')
    table = read_table(path, COLUMNS)
    assert table["id"].tolist() == [7, -(2**63)]
    assert table["share"].tolist() == [0.001, 0.5]
    assert table["name"].tolist() == ["a,b", "NA"]
    assert table.where(0, "id") == f"{path}, line 3, column id"


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_is_written_is_read(tmp_path, ending):
    path = tmp_path / f"t.{ending}"
    columns = {"id": np.array([2**53 + 1, 0]), "share": [0.1, 1 / 3], "name": ["x", "0-1"]}
    write_table(path, columns)
    table = read_table(path, COLUMNS)
    for name, values in columns.items():
        assert table[name].tolist() == list(values)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("values", [[3, None, -1], [3, 4, 5]])
def test_optional_integers_and_other_columns(tmp_path, ending, values):
    path = tmp_path / f"t.{ending}"
    optional = np.ma.masked_array([value or 0 for value in values], [v is None for v in values])
    write_table(path, {"id": [1, 2, 3], "fct_ns": optional, "more": ["a", "b", "c"]})
    columns = {"id": int, "fct_ns": OptionalInt}
    table = read_table(path, columns, only_these=False)
    assert table.columns.keys() == columns.keys()
    assert np.ma.filled(table["fct_ns"], -7).tolist() == [
        -7 if value is None else value for value in values
    ]
    with pytest.raises(InputError, match="expected the columns id,fct_ns"):
        read_table(path, columns)


def test_bad_optional_integers(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("n\n1\n \n1.5\n")
    with pytest.raises(InputError, match=r"line 4, .* 64 bits or an empty cell \(got '1.5'\)"):
        read_table(path, {"n": OptionalInt})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1.5,1,a", r"line 3, column id: expected an integer of 64 bits \(got '1.5'\)"),
        ("1e19,1,a", r"line 3, column id: expected an integer of 64 bits \(got '1e19'\)"),
        (",1,a", r"line 3, column id: .* \(got an empty cell\)"),
        ("9223372036854775808,1,a", "line 3, column id"),
        ("0x1,1,a", "line 3, column id"),
        ("True,1,a", "line 3, column id"),
        ("1,nan,a", "line 3, column share: expected a finite number"),
        ("1,inf,a", "line 3, column share"),
        ("1,2", "line 3, column name: expected text"),
        ("1,2,a,b", "expected a CSV file"),
    ],
)
def test_bad_cells_are_named(tmp_path, row, message):
    path = tmp_path / "t.csv"
    path.write_text(f"id,share,name\n1,1,a\n{row}\n")
    with pytest.raises(WorkloadError, match=message):
        read_table(path, COLUMNS, WorkloadError)


def test_rows_longer_than_the_header_are_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,share,name\n1,2,a,b\n1,2,a,b\n")
    with pytest.raises(InputError, match=r"t.csv: expected a CSV file"):
        read_table(path, COLUMNS)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", r"expected the columns id,share,name \(got none\)"),
        ("t.csv", b"id,name\n", r"expected the columns id,share,name \(got id,name\)"),
        ("t.csv", b"id,share,name,more\n", r"\(got id,share,name,more\)"),
        ("t.csv", b"id,share,name\n1,1,\xff\n", "expected a CSV file"),
        ("t.parquet", b"no", "expected a Parquet file"),
        ("t.txt", b"id,share,name\n", r"ends in .csv or .parquet"),
    ],
)
def test_bad_files_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: .*{message}"):
        read_table(tmp_path / name, COLUMNS)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no\.csv: expected a file to read"):
        read_table(tmp_path / "no.csv", COLUMNS)


def test_parquet_cells_are_checked(tmp_path):
    path = tmp_path / "t.parquet"
    good = {"id": [1, 2], "share": [0.5, 1], "name": ["a", "b"]}
    for column, values in (("id", [1.0, 2.5]), ("share", [0.5, None]), ("name", ["a", None])):
        pd.DataFrame(good | {column: values}).to_parquet(path)
        with pytest.raises(InputError, match=rf"t.parquet, row \d, column {column}"):
            read_table(path, COLUMNS)


def test_csv_is_written_as_pandas_writes_it(tmp_path):
    rng = np.random.default_rng(0)
    columns = {
        "size": 10.0 ** rng.uniform(-300, 300, 1000),
        "gap": np.where(rng.random(1000) < 0.5, np.nan, rng.random(1000)),
        "id": rng.integers(-(2**63), 2**63, 1000),
        "name": ["a,b", 'c"d', "", "e"] * 250,
    }
    write_table(tmp_path / "ours.csv", columns)
    pd.DataFrame(columns).to_csv(tmp_path / "theirs.csv", index=False, lineterminator="\n")
    assert (tmp_path / "ours.csv").read_bytes() == (tmp_path / "theirs.csv").read_bytes()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_masked_integers_are_empty_cells(tmp_path, ending):
    path = tmp_path / f"t.{ending}"
    write_table(path, {"id": [3, 4], "fct_ns": np.ma.masked_less(np.array([2**53 + 1, -1]), 0)})
    with pytest.raises(InputError, match=r"(line 3|row 1), column fct_ns: expected an integer"):
        read_table(path, {"id": int, "fct_ns": int})


def test_an_index_that_pandas_wrote_along_is_no_column(tmp_path):
    path = tmp_path / "t.parquet"
    frame = pd.DataFrame({"id": [1, 2, 3], "share": [0.5, 1, 2], "name": ["a", "b", "c"]})
    frame[frame.id > 1].to_parquet(path)
    assert read_table(path, COLUMNS)["id"].tolist() == [2, 3]


def test_whole_numbers_written_as_floats(tmp_path):
    text = "id,share,name\n1.0,1,a\n1e10,1,a\n 9.007199254740993E15 ,1,a\n-2.50e1,1,a\n"
    (tmp_path / "t.csv").write_text(text)
    # Read from the text, exactly: the third is no float64.
    wanted = [1, 10**10, 2**53 + 1, -25]
    assert read_table(tmp_path / "t.csv", COLUMNS)["id"].tolist() == wanted
    columns = {"id": pa.array([1.0, 2.0**53 - 1]), "n": pa.array([3.0, None])}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet", {"id": int, "n": OptionalInt})
    assert table["id"].tolist() == [1, 2**53 - 1]
    assert np.ma.filled(table["n"], -7).tolist() == [3, -7]


@pytest.mark.parametrize(
    ("cells", "row"),
    [
        ([1.0, 1.5], 1),
        ([2.0**53], 0),
        ([1.0, float("nan")], 1),
        (pa.array([2**63], pa.uint64()), 0),
        (pa.array([1, None]), 1),
    ],
)
def test_what_is_no_integer_in_parquet(tmp_path, cells, row):
    pq.write_table(pa.table({"id": cells}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match=f"row {row}, column id: expected an integer of 64"):
        read_table(tmp_path / "t.parquet", {"id": int})


def test_comments_and_blank_columns(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(
        b'\xef\xbb\xbf# made by "hand\r\n\r\n"id","share",name,,\r\n  # 3,x\r\n'
        b"1,2,a#b\r\n,,,,\r\n3,4,c,,\r\n# the end\r\n"
    )
    table = read_table(path, COLUMNS)
    assert table["id"].tolist() == [1, 3]
    assert table["name"].tolist() == ["a#b", "c"]
    assert table.where(0) == f"{path}, line 5"
