from __future__ import annotations

import gzip
import os
import random
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import orc

from gateway.dataset import Datasets
from gateway.errors import SourceError
from tests.unit.gateway.dataset.files import Declared, bound
from tests.unit.gateway.dataset.scans import counts, customers, rows_of

HEAD = "customer,phone\n"


def port(declared: Declared, batch_rows: int = 1000) -> Datasets:
    return Datasets(lambda: {"customers": declared}, batch_rows=batch_rows)


def refused(declared: Declared, secret: str = "13800") -> SourceError:
    with pytest.raises(SourceError) as caught:
        rows_of(port(declared).scan(bound(), "phone.cn11", ()))
    assert secret not in "".join(traceback.format_exception(caught.value)), "an error holds a value"
    return caught.value


def subjects(declared: Declared) -> list[str]:
    return [row[1] for row in rows_of(port(declared).scan(bound(), "phone.cn11", ()))]


def rows(first: int, last: int) -> str:
    return "".join(f"c{n},{13_800_000_000 + n}\n" for n in range(first, last))


# ---- encodings -------------------------------------------------------------------------------------------------


def test_gbk_that_is_not_declared_is_refused_with_what_to_declare(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes((HEAD + rows(1, 700)).encode() + "金,13800000700\n".encode("gbk"))
    error = refused(Declared("csv", path))
    assert error.reason == "BAD_ENCODING"
    for said in ("rows.csv", "row 700;", "gb18030", "utf-16"):
        assert said in error.message


@pytest.mark.parametrize("packed", [False, True])
def test_two_encodings_in_one_file_are_told_by_the_row_where_the_other_begins(tmp_path: Path, packed: bool) -> None:
    content = (HEAD + "金卡,13800000001\n" * 30_000).encode("gb18030") + "王小明,13800000002\n".encode() * 3
    path = tmp_path / "rows.csv"
    path.write_bytes(gzip.compress(content) if packed else content)
    error = refused(Declared("csv", path, encoding="gb18030"))
    assert (error.reason, "gb18030 in row 30001;" in error.message) == ("BAD_ENCODING", True)


@pytest.mark.parametrize("name", ["上海", "欧阳", "北京分店"])
@pytest.mark.parametrize("before", [0, 1, 90_000])
def test_an_even_number_of_characters_of_utf8_among_gb18030(tmp_path: Path, name: str, before: int) -> None:
    """These decode: as other characters than were meant."""
    foreign = f"{name},13800000002\n".encode()
    assert foreign.decode("gb18030") != foreign.decode()
    path = tmp_path / "rows.csv"
    path.write_bytes((HEAD + "金卡会员,13800000001\n" * before).encode("gb18030") + foreign * 3)
    error = refused(Declared("csv", path, encoding="gb18030"))
    assert (error.reason, f"gb18030 in row {before + 1}, but UTF-8" in error.message) == ("BAD_ENCODING", True)


def test_names_with_rare_characters_are_not_taken_for_utf8(tmp_path: Path) -> None:
    """Names of three characters, as long as two of UTF-8; every fiftieth with one that GB2312 lacks, in any place."""
    usual = [bytes([lead, trail]).decode("gb2312") for lead in range(0xB0, 0xD7) for trail in range(0xA1, 0xFF)]
    rare = [chr(point) for point in range(0x4E00, 0x9FA6)]
    chance = random.Random(5)
    names = [chance.choices(usual, k=3) for _ in range(100_000)]
    for name in names[::50]:
        name[chance.randrange(3)] = chance.choice(rare)
    values = ["".join(name) for name in names]
    path = tmp_path / "rows.csv"
    path.write_bytes((HEAD + "".join(f"{value},13800000001\n" for value in values)).encode("gb18030"))
    assert subjects(Declared("csv", path, encoding="gb18030")) == values


def test_a_byte_order_mark_that_contradicts_what_is_declared(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes((HEAD + rows(1, 3)).encode("utf-16"))
    for declared, said in (("gb18030", "is UTF-16-LE"), ("utf-8", "is UTF-16-LE"), ("utf-16", "")):
        if said:
            error = refused(Declared("csv", path, encoding=declared))
            assert (error.reason, said in error.message) == ("BAD_ENCODING", True)
        else:
            assert subjects(Declared("csv", path, encoding=declared)) == ["c1", "c2"]
    path.write_bytes((HEAD + rows(1, 3)).encode("utf-16-le"))
    assert "utf-16-le or utf-16-be" in refused(Declared("csv", path, encoding="utf-16")).message


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "big5", "shift_jis", "euc-jp", "euc-kr", "windows-1252"])
def test_text_cut_in_the_middle_of_a_character(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "rows.csv"
    letter = "é" if encoding == "windows-1252" else "本"
    path.write_bytes((HEAD + rows(1, 3) + f"{letter},13800000003\n").encode(encoding))
    assert subjects(Declared("csv", path, encoding=encoding)) == ["c1", "c2", letter]
    if encoding != "windows-1252":
        path.write_bytes((HEAD + rows(1, 3) + letter).encode(encoding)[:-1])
        error = refused(Declared("csv", path, encoding=encoding))
        assert (error.reason, "row 3;" in error.message) == ("BAD_ENCODING", True)


# ---- packed files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [gzip.compress, lambda text: pa.compress(text, "zstd", asbytes=True)])
def test_a_packed_file_that_was_cut_or_damaged(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    chance = random.Random(3)
    text = HEAD + "".join(f"c{chance.getrandbits(64)},{13_800_000_000 + n}\n" for n in range(60_000))
    whole, path = pack(text.encode()), tmp_path / "rows.csv.packed"
    path.write_bytes(whole)
    assert len(subjects(Declared("csv", path))) == 60_000
    for damaged in (whole[: len(whole) // 2], whole[:10], whole[: len(whole) // 2] + bytes(99) + whole[-9:]):
        path.write_bytes(damaged)
        error = refused(Declared("csv", path))
        assert error.reason == "BAD_ROW"
        found = re.search(r"damaged or cut off in row (\d+),", error.message)
        # What came before the damage was unpacked, so the row is told.
        assert found is not None and int(found[1]) in (range(20_000, 40_000) if len(damaged) > 10 else [0])
        assert "export it again" in error.message


@pytest.mark.parametrize("first", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"])
def test_a_workbook_is_no_text(tmp_path: Path, first: bytes) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(first + bytes(range(256)))
    error = refused(Declared("csv", path))
    assert (error.reason, "save the sheet as CSV" in error.message) == ("BAD_ENCODING", True)


# ---- ORC and Parquet -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", ["orc", "parquet"])
def test_a_file_cut_in_half_or_of_another_format(tmp_path: Path, format_: str) -> None:
    path = tmp_path / f"rows.{format_}"
    write: Any = orc.write_table if format_ == "orc" else pq.write_table
    write(
        pa.table({"customer": [str(n) for n in range(9999)], "phone": [13_800_000_000 + n for n in range(9999)]}), path
    )
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], whole[len(whole) // 2 :][:-20], b"customer,phone\nc1,13800000001\n"):
        path.write_bytes(content)
        error = refused(Declared(format_, path))
        assert error.reason == "BAD_ROW"
        assert f"rows.{format_}) is not a whole" in error.message
        assert "export it again" in error.message
    path.write_bytes(b"")
    assert refused(Declared(format_, path)).reason == "EMPTY"


def test_flipped_bytes_of_an_orc_file_raise_nothing_but_our_errors(tmp_path: Path) -> None:
    path = tmp_path / "rows.orc"
    columns = {"customer": [f"c{n}" for n in range(500)], "phone": [str(13_800_000_000 + n) for n in range(500)]}
    orc.write_table(pa.table(columns), path, compression="zlib")
    whole, chance = path.read_bytes(), random.Random(7)
    for _ in range(60):
        flipped = bytearray(whole)
        flipped[chance.randrange(4, len(whole) - 60)] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        try:
            subjects(Declared("orc", path))
        except SourceError:
            continue


def test_files_may_differ_in_types_and_order_of_columns_but_not_lack_one(tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    folder.mkdir()
    for name, columns in (
        ("a", {"customer": ["c1", "c2"], "phone": ["13800000001", "13800000002"]}),
        ("b", {"phone": [13800000003], "x": [1], "customer": [3]}),
        ("c", {"customer": pa.array(["c4"]).dictionary_encode(), "phone": [13800000004.0]}),
    ):
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    assert subjects(Declared("parquet", folder)) == ["c1", "c2", "3", "c4"]
    pq.write_table(pa.table({"customer": ["c5"], "mobile": ["13800000005"]}), folder / "d.parquet")
    error = refused(Declared("parquet", folder))
    assert (error.reason, "(d.parquet) has no column phone" in error.message) == ("MISSING_COLUMN", True)


# ---- folders, patterns, partitions -----------------------------------------------------------------------------


def spread(root: Path, shares: dict[str, str]) -> Path:
    for name, content in shares.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(HEAD + content)
    return root


def test_files_are_read_in_the_order_of_their_paths(tmp_path: Path) -> None:
    names = ["b/2.csv", "a/10.csv", "a/2.csv", "b.csv", "a.csv"]
    root = spread(tmp_path / "rows", {name: f"{name},{13_800_000_000 + n}\n" for n, name in enumerate(names)})
    assert subjects(Declared("csv", root)) == sorted(names)
    assert subjects(Declared("csv", root / "*/2.csv")) == ["a/2.csv", "b/2.csv"]
    assert subjects(Declared("csv", root / "**" / "[ab]*.csv")) == ["a.csv", "b.csv"]
    assert subjects(Declared("csv", root / "a*")) == ["a.csv", "a/10.csv", "a/2.csv"]


def test_an_error_in_one_file_names_it_and_its_row(tmp_path: Path) -> None:
    root = spread(tmp_path / "rows", {"1.csv": rows(1, 9), "dt=2/2.csv": rows(1, 4) + "c4\n" + rows(5, 9)})
    error = refused(Declared("csv", root))
    assert (error.reason, "(dt=2/2.csv) has 1 fields in row 4" in error.message) == ("BAD_ROW", True)
    assert str(tmp_path) not in error.message


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        (("dt >= 2026-01-01",), "bcd"),
        (("dt>=2026-01-01", "region = CN"), "b"),
        (("region != CN",), "ac"),
        (("region in (CN, HK)", "dt < 2026-02-01"), "abc"),
        (("hour <= 9",), "abc"),
        (("dt = '2026-01-31'",), "bc"),
    ],
)
def test_conditions_choose_folders(tmp_path: Path, conditions: tuple[str, ...], found: str) -> None:
    root = spread(
        tmp_path / "rows",
        {
            "dt=2025-12-31/region=HK/hour=7/1.csv": "a,13800000001\n",
            "dt=2026-01-31/region=CN/hour=08/1.csv": "b,13800000002\n",
            "dt=2026-01-31/region=HK/hour=9/1.csv": "c,13800000003\n",
            "dt=2026-02-01/region=__HIVE_DEFAULT_PARTITION__/hour=10/1.csv": "d,13800000004\n",
        },
    )
    assert "".join(subjects(Declared("csv", root, partitions=conditions))) == found
    with_folder = Declared("csv", root, subject_column="dt", partitions=conditions)
    scan = port(with_folder).scan(bound(subject="dt"), "phone.cn11", ())
    assert {row[1][:4] for row in rows_of(scan)} <= {"2025", "2026"}
    assert scan.rows_read == len(found)


def test_conditions_that_nothing_meets_or_on_what_no_folder_says(tmp_path: Path) -> None:
    root = spread(tmp_path / "rows", {"dt=1/a.csv": rows(1, 3)})
    error = refused(Declared("csv", root, partitions=("dt > 1",)))
    assert (error.reason, "lies in folders that meet its conditions" in error.message) == ("BAD_ROW", True)
    error = refused(Declared("csv", root, partitions=("day > 1",)))
    assert (error.reason, "no folder day=" in error.message) == ("MISSING_COLUMN", True)
    for wrong in ("dt", "dt ~ 3", "= 3", "dt in ()", "dt >="):
        with pytest.raises(Exception, match="condition on partitions") as caught:
            port(Declared("csv", root, partitions=(wrong,))).scan(bound(), "phone.cn11", ())
        assert getattr(caught.value, "reason", "") == "BAD_FIELD"


@pytest.mark.parametrize("what", ["empty", "only marks", "no match"])
def test_a_folder_or_pattern_without_files(tmp_path: Path, what: str) -> None:
    (tmp_path / "rows").mkdir()
    if what == "only marks":
        (tmp_path / "rows" / "_SUCCESS").touch()
    path = tmp_path / "rows" / "*.csv" if what == "no match" else tmp_path / "rows"
    error = refused(Declared("csv", path))
    assert (error.reason, "check the path" in error.message) == ("BAD_ROW", True)


def test_a_link_that_leads_nowhere_is_no_reason_to_read_less(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text(HEAD + rows(1, 3))
    (tmp_path / "2.csv").symlink_to(tmp_path / "gone.csv")
    for path in (tmp_path, tmp_path / "*.csv"):
        error = refused(Declared("csv", path))
        assert (error.reason, "(2.csv) is a link that leads nowhere" in error.message) == ("BAD_ROW", True)
    assert subjects(Declared("csv", tmp_path / "1*.csv")) == ["c1", "c2"]


def test_a_link_that_leads_back_up_does_not_go_on_for_ever(tmp_path: Path) -> None:
    root = spread(tmp_path / "rows", {"1.csv": rows(1, 3)})
    (root / "again").symlink_to(root)
    error = refused(Declared("csv", root))
    assert (error.reason, "leads back up" in error.message) == ("BAD_ROW", True)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "3.csv").write_text(HEAD + "c,13800000001\n"),
        lambda root: (root / "2.csv").unlink(),
        lambda root: (root / "1.csv").write_text(HEAD + "c,13800000001\n"),
        lambda root: os.utime(root / "1.csv", ns=(1, 1)),
    ],
    ids=["one more", "one less", "another", "written again"],
)
@pytest.mark.usefixtures("small_blocks")
def test_files_that_come_go_or_change_during_a_pass_or_between_two(
    tmp_path: Path, change: Callable[[Path], Any]
) -> None:
    root = spread(tmp_path / "rows", {"1.csv": rows(1, 9), "2.csv": rows(1, 5000)})
    first = port(Declared("csv", root), 50).scan(bound(), "phone.cn11", ())
    rows_of(first)
    batches = port(Declared("csv", root), 50).scan(bound(), "phone.cn11", ()).batches()
    for _ in range(3):
        next(batches)
    change(root)
    with pytest.raises(SourceError) as caught:
        for _ in batches:
            pass
    assert (caught.value.reason, "try again" in caught.value.message) == ("SOURCE_CHANGED", True)
    second = port(Declared("csv", root), 50).scan(bound(), "phone.cn11", ())
    rows_of(second)
    assert second.state != first.state


# ---- bad input at size -----------------------------------------------------------------------------------------


def test_a_cell_of_a_megabyte_is_a_row_rejected(tmp_path: Path) -> None:
    huge = "x" * 1_000_000
    table = {"customer": ["c1", "c2", "c3"], "phone": ["13800000001", huge, "13800000003"]}
    text = "customer,phone\n" + "".join(f"{c},{p}\n" for c, p in zip(*table.values(), strict=True))
    (tmp_path / "rows.csv").write_text(text)
    (tmp_path / "rows.csv.gz").write_bytes(gzip.compress(text.encode()))
    pq.write_table(pa.table(table), tmp_path / "rows.parquet")
    orc.write_table(pa.table(table), tmp_path / "rows.orc")
    for name in ("rows.csv", "rows.csv.gz", "rows.parquet", "rows.orc"):
        scan = port(Declared(name.split(".")[1], tmp_path / name)).scan(bound(), "phone.cn11", ())
        assert [row[:2] for row in rows_of(scan)] == [(1, "c1"), (3, "c3")]
        assert counts(scan) == {"BAD_MATCH_KEY": (1, (2,))}


def test_a_million_identical_rows_are_read_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(HEAD + "c1,13800000001\n" * 1_000_000)
    scan = Datasets(lambda: {"customers": Declared("csv", tmp_path / "rows.csv")}).scan(bound(), "phone.cn11", ())
    assert sum(len(batch.rows) for batch in scan.batches()) == scan.rows_read == 1_000_000
    assert counts(scan) == {}


def test_a_line_of_column_names_in_every_file_that_was_joined(tmp_path: Path) -> None:
    head = "customer,phone,r,b,c,arm\n"
    quoted = '"' + head.strip().replace(",", '","') + '"\n'
    # The last ones still begin with their byte order marks.
    heads = (head, head, f"\ufeff{head}", f"\ufeff{quoted}")
    (tmp_path / "rows.csv").write_text("".join(one + customers(3) for one in heads))
    scan = port(Declared("csv", tmp_path / "rows.csv")).scan(bound(match_key="id.opaque"), "id.opaque", ())
    assert len(rows_of(scan)) == 12
    assert counts(scan) == {"REPEATED_HEADER": (3, (4, 8, 12))}
