"""One table of rows, written as every kind of source that this machine has."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import orc

from tests.unit.gateway.dataset.files import Declared
from tests.unit.gateway.dataset.scans import Row

NAMES = ("customer", "phone", "r", "b", "c", "arm", "note")
TABLE: Sequence[tuple[str, ...]] = (
    ("c1", "13800000001", "1.50", "金卡", "Web", "邮件", "plain"),
    ("c2", "+86 138-0000-0002", "", "", "App", "mail", 'a "quoted"\nline, with comma;\tand more'),
    ("", "13800000003", "1", "a", "x", "mail", ""),
    ("c4", "1.38E+10", "1", "a", "x", "mail", ""),
    ("c5", "", "1", "a", "x", "mail", ""),
    ("c6", "13800000006", "not a number", "a", "x", "mail", ""),
    ("customer", "phone", "r", "b", "c", "arm", "note"),
    ("c8", "13800000008", "1000.5", "b", "店", "", ""),
    ("c9", "１３８０００００００９", "-5", "b" * 13, "x", "mail", ""),
    ("ca", "13800000010", "7", "b", "x", "短信", "last"),
)
EXPECTED: list[Row] = [
    (1, "c1", "13800000001", Decimal("1.50"), "金卡", "Web", "邮件"),
    (2, "c2", "13800000002", None, None, "App", "mail"),
    (10, "ca", "13800000010", Decimal("7.00"), "b", "x", "短信"),
]
REJECTED = {
    "REPEATED_HEADER": (1, (7,)),
    "EMPTY_SUBJECT": (1, (3,)),
    "EMPTY_MATCH_KEY": (1, (5,)),
    "BAD_MATCH_KEY": (1, (4,)),
    "EMPTY_SEGMENT": (1, (8,)),
    "BAD_VALUE": (2, (6, 9)),
}
Make = Callable[[Path], Declared]


def as_csv(rows: Sequence[tuple[str, ...]] = TABLE, delimiter: str = ",") -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(NAMES)
    writer.writerows(rows)
    return text.getvalue()


def as_table(rows: Sequence[tuple[str, ...]] = TABLE, names: tuple[str, ...] = NAMES) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table({name: list(column) for name, column in zip(NAMES, columns, strict=True) if name in names})


def text_file(name: str, content: bytes, **options: str) -> Make:
    def make(folder: Path) -> Declared:
        (folder / name).write_bytes(content)
        return Declared("csv", folder / name, **options)

    return make


def _parquet(folder: Path) -> Declared:
    pq.write_table(as_table(), folder / "rows.parquet", row_group_size=3)
    return Declared("parquet", folder / "rows.parquet")


def _orc(folder: Path) -> Declared:
    orc.write_table(as_table(), folder / "rows.orc", compression="zstd")
    return Declared("orc", folder / "rows.orc")


def _folder(folder: Path) -> Declared:
    """Shares of an export, one without rows and one without a byte, and the marks that Spark leaves."""
    (folder / "export").mkdir()
    shares = {"part-0": TABLE[:4], "part-1": (), "part-2": TABLE[4:]}
    for name, rows in shares.items():
        (folder / "export" / f"{name}.csv.gz").write_bytes(gzip.compress(as_csv(rows).encode()))
    (folder / "export" / "part-3.csv").touch()
    (folder / "export" / "_SUCCESS").touch()
    (folder / "export" / ".part-0.csv.gz.crc").write_bytes(b"crc")
    return Declared("csv", folder / "export")


def _pattern(folder: Path) -> Declared:
    for name, rows in (("2026-01", TABLE[:5]), ("2026-02", TABLE[5:]), ("2025-12", TABLE)):
        (folder / name).mkdir()
        pq.write_table(as_table(rows), folder / name / "rows.parquet")
        (folder / name / "readme.txt").write_text("no rows")
    return Declared("parquet", folder / "2026-*" / "*.parquet")


def _partitioned(folder: Path) -> Declared:
    """Hive's layout, where a column of ours is a folder; some folders are not wanted."""
    root = folder / "hive"
    for share, row in enumerate(TABLE):
        inside = root / f"share={share:02}" / f"arm={row[5] or '__HIVE_DEFAULT_PARTITION__'}"
        inside.mkdir(parents=True)
        orc.write_table(as_table([row], tuple(name for name in NAMES if name != "arm")), inside / "000000_0")
    for unwanted in ("share=10/arm=mail", "share=11/arm=fax"):
        (root / unwanted).mkdir(parents=True)
        orc.write_table(as_table(), root / unwanted / "000000_0")
    return Declared("orc", root, partitions=("share <= 9", "share >= 0", "share in (0,1,2,3,4,5,6,7,8,9)"))


FILES: dict[str, Make] = {
    "utf-8": text_file("rows.csv", as_csv().encode()),
    "utf-8 with mark": text_file("rows.csv", as_csv().encode("utf-8-sig"), encoding="utf-8"),
    "utf-16 with mark": text_file("rows.csv", as_csv().encode("utf-16")),
    "utf-16-be": text_file("rows.csv", as_csv().encode("utf-16-be"), encoding="utf-16-be"),
    "gb18030": text_file("rows.csv", as_csv().encode("gb18030"), encoding="gb18030"),
    "gbk, crlf": text_file("rows.csv", as_csv().replace("\n", "\r\n").encode("gbk"), encoding="gbk"),
    "gz": text_file("rows.csv.gz", gzip.compress(as_csv()[:90].encode()) + gzip.compress(as_csv()[90:].encode())),
    "gz, gb18030": text_file("rows.dat", gzip.compress(as_csv().encode("gb18030")), encoding="gb18030"),
    "zst, utf-16": text_file("rows.csv.zst", pa.compress(as_csv().encode("utf-16"), "zstd", asbytes=True)),
    "semicolons": text_file("rows.csv", as_csv(delimiter=";").encode(), delimiter=";"),
    "tabs": text_file("rows.tsv", as_csv(delimiter="\t").encode(), delimiter="tab"),
    "ctrl-a": text_file("rows.txt", as_csv(delimiter="\x01").encode(), delimiter="ctrl-a"),
    "parquet": _parquet,
    "orc": _orc,
    "folder": _folder,
    "pattern": _pattern,
    "partitions": _partitioned,
}
