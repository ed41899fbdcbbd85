from __future__ import annotations

import bz2
import codecs
import errno
import lzma
import os
import tarfile
import traceback
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from gateway.dataset import Datasets
from gateway.errors import SourceError
from gateway.flow.ports.rows import SourceScan
from tests.unit.gateway.dataset.files import Declared, bound, csv_file, datasets
from tests.unit.gateway.dataset.scans import counts, table_of

HEAD = "customer,phone\n"
GOOD = HEAD + "c1,13800000001\nc2,13800000002\n"


def scan(path: Path) -> SourceScan:
    return datasets(path).scan(bound(), "phone.cn11", ())


def read(path: Path) -> pa.Table:
    return table_of(scan(path))


def refused(path: Path) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(path)
    printed = "".join(traceback.format_exception(caught.value))
    assert str(path.parent) not in caught.value.message
    assert path.name in caught.value.message
    assert "13800" not in printed, "an error holds a value"
    return caught.value


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        codecs.BOM_UTF8 + GOOD.encode(),
        GOOD.replace("\n", "\r\n"),
        GOOD.rstrip("\n"),
        GOOD.replace("c1", '"c1"').replace("customer", '"customer"'),
        GOOD.replace("\n", "\n\n"),
        b"\x84\x31\x95\x33" + GOOD.encode("gb18030"),
    ],
    ids=["plain", "bom", "crlf", "no last newline", "quoted", "blank lines", "bom of GB18030"],
)
def test_ordinary_files(tmp_path: Path, content: str | bytes) -> None:
    found = scan(csv_file(tmp_path, content))
    assert table_of(found).to_pydict() == {
        "row": [1, 2],
        "subject": ["c1", "c2"],
        "key": ["13800000001", "13800000002"],
    }
    assert (found.rows_read, counts(found)) == (2, {})


def test_other_columns_and_their_order_do_not_matter(tmp_path: Path) -> None:
    content = (
        'note,phone,城市,customer,,\n"line one\nline ""two"", three",13800000001,上海,c1,,\nx,13800000002,北京,c2,,\n'
    )
    rows = read(csv_file(tmp_path, content))
    assert rows.column("subject").to_pylist() == ["c1", "c2"]


def test_values_stay_text(tmp_path: Path) -> None:
    rows = read(csv_file(tmp_path, HEAD + "007,013800000001\nNA,13800000002\nnull,13800000003\n"))
    assert rows.column("subject").to_pylist() == ["007", "NA", "null"]


def test_row_numbers_count_rows_not_lines(tmp_path: Path) -> None:
    content = 'note,customer,phone\n"a\nb\nc",c1,13800000001\n\nx,c2,bad\n"d\n",,13800000003\n'
    found = scan(csv_file(tmp_path, content))
    assert table_of(found).column("row").to_pylist() == [1]
    assert counts(found) == {"BAD_MATCH_KEY": (1, (2,)), "EMPTY_SUBJECT": (1, (3,))}


# ---- files that cannot be used ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    ["", HEAD, HEAD.rstrip("\n"), HEAD + "\n\r\n", codecs.BOM_UTF8 + HEAD.encode(), codecs.BOM_UTF8, "\n\r\n"],
)
def test_a_file_without_rows_is_empty(tmp_path: Path, content: str | bytes) -> None:
    error = refused(csv_file(tmp_path, content))
    assert error.reason == "EMPTY"


@pytest.mark.parametrize(("sign", "word"), [("\t", "tab"), (";", "';'"), ("\x01", "ctrl-a")])
def test_another_delimiter_is_recognised(tmp_path: Path, sign: str, word: str) -> None:
    error = refused(csv_file(tmp_path, (HEAD + "c1,13800000001\n").replace(",", sign)))
    assert (error.reason, f"Declare its delimiter: --delimiter {word}" in error.message) == ("MISSING_COLUMN", True)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    error = refused(tmp_path / "absent.csv")
    assert (error.reason, "has no file" in error.message) == ("BAD_ROW", True)
    (tmp_path / "folder.csv").mkdir()
    error = refused(tmp_path / "folder.csv")
    assert (error.reason, "not a file" in error.message) == ("BAD_ROW", True)


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert refused(tmp_path / "pipe.csv").reason == "BAD_ROW"


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = csv_file(tmp_path, GOOD)

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "open", denied)
    assert "Permission denied" in refused(path).message


def test_a_missing_column_is_named_with_those_present(tmp_path: Path) -> None:
    error = refused(csv_file(tmp_path, "customer,Phone,city\nc1,13800000001,x\n"))
    assert error.reason == "MISSING_COLUMN"
    assert "no column phone; it has customer, Phone, city" in error.message


@pytest.mark.parametrize(
    ("head", "step"),
    [
        ("customer, phone", "Write phone as the first line does, with its blanks and capitals, or rename it there"),
        ("customer,PHONE", "Write phone as the first line does, with its blanks and capitals, or rename it there"),
        ("sep=,\ncustomer,phone", "Its first line is a spreadsheet's mark and no column names: remove it"),
    ],
)
def test_what_to_do_about_a_missing_column(tmp_path: Path, head: str, step: str) -> None:
    error = refused(csv_file(tmp_path, f"{head}\nc1,13800000001\n"))
    assert (error.reason, step in error.message) == ("MISSING_COLUMN", True)


def test_an_archive_is_no_text(tmp_path: Path) -> None:
    inside = csv_file(tmp_path, GOOD, "inside.csv")
    with tarfile.open(tmp_path / "exports.tar.gz", "w:gz") as archive:
        archive.add(inside, "inside.csv")
    packed = (tmp_path / "exports.tar.gz").read_bytes()
    error = refused(csv_file(tmp_path, packed))
    assert (error.reason, "tar archive" in error.message) == ("BAD_ENCODING", True)


def test_a_column_that_is_there_twice(tmp_path: Path) -> None:
    error = refused(csv_file(tmp_path, "customer,phone,phone\nc1,13800000001,13800000002\n"))
    assert (error.reason, "2 columns called phone" in error.message) == ("MISSING_COLUMN", True)


@pytest.mark.parametrize("name", ["exports.csv.gz", "exports.zst", "exports.csv.bz2"])
def test_whether_a_file_is_packed_is_told_by_its_bytes_not_by_its_name(tmp_path: Path, name: str) -> None:
    path = csv_file(tmp_path, GOOD, name)
    assert (
        table_of(Datasets(lambda: {"customers": Declared("csv", path)}).scan(bound(), "phone.cn11", ())).num_rows == 2
    )


@pytest.mark.parametrize(("packed", "named"), [(bz2.compress, "bzip2"), (lzma.compress, "xz")])
def test_a_packing_that_is_not_read_is_named(tmp_path: Path, packed: Callable[[bytes], bytes], named: str) -> None:
    error = refused(csv_file(tmp_path, packed(GOOD.encode())))
    assert (error.reason, f"is packed as {named}" in error.message) == ("BAD_ENCODING", True)


@pytest.mark.parametrize(
    "first", ["c1,9123 4567", "c1,6c2f1b0c2ee2d4c1", "c1,9", "C0000001,gold", "C1,２０２６０１"], ids=range(5)
)
def test_what_may_be_a_value_is_not_told_as_a_column(tmp_path: Path, first: str) -> None:
    error = refused(csv_file(tmp_path, f"{first}\nc2,13800000002\n"))
    assert error.reason == "MISSING_COLUMN"
    assert (
        "it has 2 others, not told as they may be values: check that its first line names the columns" in error.message
    )
    assert not any(value in error.message for value in first.split(","))


@pytest.mark.parametrize(
    "first",
    [
        "c1,13800000001",
        "c1,a@example.com",
        "c1," + "0a" * 16,
        "c1,138-0000-0001",
        "c1,+852 9123 4567",
        "c1,FF1999CD-7177-4937-A474-74937A102630",
        "c1,08:00:20:0a:8c:6d",
    ],
)
async def test_a_first_row_of_values_is_not_repeated_as_column_names(tmp_path: Path, first: str) -> None:
    path = csv_file(tmp_path, f"{first}\nc2,13800000002\n")
    error = refused(path)
    assert (error.reason, "row 0" in error.message) == ("BAD_ROW", True)
    assert "c1" not in error.message
    with pytest.raises(SourceError, match="column names"):
        await datasets(path).describe("customers")


@pytest.mark.parametrize(("row", "fields"), [("c3", 1), ("c3,13800000003,x", 3), (",,,", 4), ('"c3\n,13800000003"', 1)])
@pytest.mark.parametrize("before", [0, 2, 5000])
def test_a_wrong_number_of_fields_names_its_row(tmp_path: Path, row: str, fields: int, before: int) -> None:
    good = "".join(f"c{n},{13_800_000_000 + n}\n" for n in range(before))
    error = refused(csv_file(tmp_path, HEAD + good + row + "\nc9,13800000009\n"))
    assert error.reason == "BAD_ROW"
    assert f"{fields} fields in row {before + 1} where the first line names 2" in error.message


def test_a_quote_that_never_closes_does_not_swallow_the_rest(tmp_path: Path) -> None:
    error = refused(csv_file(tmp_path, GOOD + 'c3,"13800000003\nc4,13800000004\n'))
    assert error.reason == "BAD_ROW"
    assert "quote in row 3" in error.message


def test_a_single_quote_mark_inside_a_value_is_no_fault(tmp_path: Path) -> None:
    rows = read(csv_file(tmp_path, 'note,customer,phone\n5" pipe,c1,13800000001\n'))
    assert rows.column("subject").to_pylist() == ["c1"]


def test_a_row_larger_than_a_block(tmp_path: Path) -> None:
    error = refused(csv_file(tmp_path, GOOD + "c3," + "1" * (9 << 20) + "\n"))
    assert (error.reason, "1 MiB" in error.message) == ("BAD_ROW", True)


@pytest.mark.parametrize("where", [0, 1, 3, 20_000])
def test_what_is_not_utf8_is_named_by_row_in_any_column(tmp_path: Path, where: int) -> None:
    lines = [HEAD.replace("\n", ",city\n")] + [f'"c{n}",{13_800_000_000 + n},"上\n海"\n' for n in range(1, where + 3)]
    content = [line.encode() for line in lines]
    content[where] = content[where].replace("上".encode(), "上".encode("gbk")).replace(b"city", b"\xb3\xc7")
    error = refused(csv_file(tmp_path, b"".join(content)))
    assert error.reason == "BAD_ENCODING"
    assert f"row {where};" in error.message


def test_utf8_cut_in_the_middle_of_a_character(tmp_path: Path) -> None:
    error = refused(csv_file(tmp_path, (GOOD + "上").encode()[:-1]))
    assert (error.reason, "row 3;" in error.message) == ("BAD_ENCODING", True)


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le", "utf-32"])
def test_other_unicode_encodings(tmp_path: Path, encoding: str) -> None:
    assert refused(csv_file(tmp_path, GOOD.encode(encoding))).reason == "BAD_ENCODING"


def test_characters_across_blocks_are_not_mistaken(tmp_path: Path) -> None:
    row = "c{},138000{:05},上海\n"
    content = HEAD.replace("\n", ",城市\n") + "".join(row.format(n, n % 100_000) for n in range(220_000))
    assert len(content.encode()) > 5 << 20
    rows = read(csv_file(tmp_path, content))
    assert rows.column("row").to_pylist() == [*range(1, 220_001)]
