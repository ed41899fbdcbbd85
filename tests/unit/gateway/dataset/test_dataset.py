from __future__ import annotations

import hashlib
import time
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.dataset import Datasets
from gateway.dataset.declaration import shown
from gateway.errors import RequestError, SourceError, StateError
from gateway.flow.ports import DatasetPort
from gateway.route.agreement import AgreementBinding
from tests.unit.gateway.dataset.files import BAND, CHANNEL, RECENCY, Declared, Union, bound, csv_file, datasets
from tests.unit.gateway.dataset.scans import counts, table_of

HEAD = "customer,phone,r,b,c\n"
ALL = (RECENCY, BAND, CHANNEL)


def test_rows_come_normalised_under_agreed_names(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD + " c1 ,+86 138-0000-0001,1.50, gold ,Web\nc2,13800000002,,,\n")
    port: DatasetPort = datasets(path)
    scan = port.scan(bound(match_key="phone.e164"), "phone.e164", ALL)
    assert table_of(scan).to_pydict() == {
        "row": [1, 2],
        "subject": ["c1", "c2"],
        "key": ["+8613800000001", "+8613800000002"],
        "recency": [Decimal("1.50"), None],
        "band": ["gold", None],
        "channel": ["Web", None],
    }
    assert (scan.rows_read, counts(scan)) == (2, {})


def test_a_row_is_rejected_for_its_first_fault(tmp_path: Path) -> None:
    lines = [
        "c1,13800000001,1,a,x",
        ",nonsense,nonsense,a,x",
        "c3,nonsense,nonsense,a,x",
        "c4,,1,a,x",
        "c5,13800000005,1.234,a,x",
        "c6,13800000006,1,a,longer than eight",
        '"c\x07",13800000007,1,a,x',
        "c8,+85291234567,1,a,x",
    ]
    scan = datasets(csv_file(tmp_path, HEAD + "\n".join(lines))).scan(bound(), "phone.cn11", ALL)
    assert table_of(scan).column("subject").to_pylist() == ["c1"]
    assert counts(scan) == {
        "EMPTY_SUBJECT": (1, (2,)),
        "BAD_SUBJECT": (1, (7,)),
        "EMPTY_MATCH_KEY": (1, (4,)),
        "BAD_MATCH_KEY": (2, (3, 8)),
        "BAD_VALUE": (2, (5, 6)),
    }
    assert scan.rows_read == 8


def test_why_rows_have_no_match_key_is_counted_by_reason(tmp_path: Path) -> None:
    lines = [
        "c1,13800000001",
        "c2,1.38E+10",
        "c3,138****0003",
        "c4,",
        ",x",
        "c6,１３８０００００００６",
        'c7,"13,800,000,007"',
        "c8,380000008",
        "c9,N/A",
        "ca,138\u200b00000010",
        f"cb,{'1' * 1_000_000}",
    ]
    declared = Declared(
        "csv", csv_file(tmp_path, "customer,phone\n" + "\n".join(lines)), identifiers={"phone": "phone"}
    )
    scan = Datasets(lambda: {"customers": declared}, 1).scan(bound(match_key="phone.cn11.md5"), "phone.cn11.md5", ())
    kept = [13800000001, 13800000006, 13800000010]
    digests = [hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest() for number in kept]
    assert table_of(scan).column("key").to_pylist() == digests
    assert counts(scan) == {"EMPTY_SUBJECT": (1, (5,)), "EMPTY_MATCH_KEY": (1, (4,)), "BAD_MATCH_KEY": (6, (2,))}
    faults = {reason: (found.count, found.first_rows) for reason, found in scan.key_faults.items()}
    assert faults == {
        "QUANTITY": (2, (2,)),
        "BAD_LENGTH": (1, (8,)),
        "EMPTY": (1, (4,)),
        "MASKED": (1, (3,)),
        "NULL_WORD": (1, (9,)),
        "TOO_LONG": (1, (11,)),
    }


def test_digests_of_another_form_cannot_serve(tmp_path: Path) -> None:
    held = {"phone": "phone.e164.sha256"}
    declared = Declared("csv", csv_file(tmp_path, HEAD + "c1,13800000001,1,a,x\n"), identifiers=held)
    with pytest.raises(SourceError) as caught:
        Datasets(lambda: {"customers": declared}).scan(bound(match_key="phone.cn11.sha256"), "phone.cn11.sha256", ())
    assert caught.value.reason == "MISSING_COLUMN"
    assert "phone.e164.sha256" in caught.value.message


def test_values_that_were_not_asked_for_cannot_reject(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD + "c1,13800000001,not a number,a,x\n")
    for columns, names in (((BAND,), ["band"]), ((), [])):
        rows = table_of(datasets(path).scan(bound(), "phone.cn11", columns))
        assert rows.column_names == ["row", "subject", "key", *names]
        assert rows.num_rows == 1


def test_only_the_first_row_numbers_are_named(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD + "c,bad,1,a,x\n" * 50)
    scan = datasets(path, named=3).scan(bound(), "phone.cn11", ())
    assert table_of(scan).num_rows == 0
    assert counts(scan) == {"BAD_MATCH_KEY": (50, (1, 2, 3))}


def test_a_repeated_subject_and_a_shared_phone_are_no_faults_here(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD + "c1,13800000001,1,a,x\nc2,13800000001,1,a,x\n c1,+8613800000002,2,a,x\n")
    scan = datasets(path).scan(bound(), "phone.cn11", ())
    rows = table_of(scan)
    assert rows.column("subject").to_pylist() == ["c1", "c2", "c1"]
    assert rows.column("key").to_pylist() == ["13800000001", "13800000001", "13800000002"]
    assert counts(scan) == {}


def test_one_column_may_serve_as_subject_and_key(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "phone\n13800000001\n138 0000 0002\n")
    rows = table_of(datasets(path).scan(bound(subject="phone"), "phone.cn11", ()))
    assert rows.column("subject").to_pylist() == ["13800000001", "138 0000 0002"]


def test_parquet_and_csv_read_alike(tmp_path: Path) -> None:
    content = {"customer": ["c1", "c2"], "phone": ["13800000001", "13800000002"], "r": [1.5, 2.0], "b": ["a", None]}
    pq.write_table(pa.table({**content, "c": ["x", "y"]}), tmp_path / "customers.parquet")
    path = csv_file(tmp_path, HEAD + "c1,13800000001,1.5,a,x\nc2,13800000002,2.0,,y\n")
    one, two = (datasets(file).scan(bound(), "phone.cn11", ALL) for file in (tmp_path / "customers.parquet", path))
    assert table_of(one).equals(table_of(two))
    assert (one.rows_read, counts(one)) == (two.rows_read, counts(two)) == (2, {})


# ---- what is declared ------------------------------------------------------------------------------------------


async def test_names_and_descriptions_follow_the_declarations(tmp_path: Path) -> None:
    declared: dict[str, Declared] = {}
    port = Datasets(lambda: declared)
    assert await port.declared() == []
    declared["customers"] = Declared("csv", csv_file(tmp_path, HEAD + "c1,13800000001,1,a,x\n"))
    pq.write_table(pa.table({"customer": ["c"], "age": [1]}), tmp_path / "b.parquet")
    declared["buyers"] = Declared("parquet", tmp_path / "b.parquet")
    assert [one.name for one in await port.declared()] == ["buyers", "customers"]
    described = await port.describe("customers")
    assert (described.name, described.format, described.subject_column) == ("customers", "csv", "customer")
    assert described.columns == tuple((name, "text") for name in ("customer", "phone", "r", "b", "c"))
    declared["tills"] = Declared("csv", declared["customers"].path, subject_source="tills")
    parts = [await port.parts(name) for name in ("customers", "tills")]
    assert [[(part.name, part.subject_source) for part in of] for of in parts] == [[("", "")], [("", "tills")]]
    assert (await port.describe("tills")).subject_source == "tills"
    declared["hashed"] = Declared("csv", declared["customers"].path, identifiers={"phone": "phone.cn11.md5"})
    held = {"phone": "phone.cn11.md5"}
    assert (await port.describe("hashed")).identifiers == held
    assert [await port.identifiers(name) for name in ("hashed", "tills", "absent")] == [(held,), ({},), ()]
    assert (await port.describe("buyers")).columns == (("customer", "string"), ("age", "int64"))


async def test_an_undeclared_data_set_is_not_found() -> None:
    with pytest.raises(StateError, match="assent dataset add") as caught:
        await Datasets(dict).describe("customers")
    assert caught.value.reason == "NOT_FOUND"


async def test_describing_needs_the_subject_column(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        await datasets(csv_file(tmp_path, "id,phone\n1,2\n")).describe("customers")
    assert caught.value.reason == "MISSING_COLUMN"


def test_a_binding_that_lacks_a_column_or_key(tmp_path: Path) -> None:
    port = datasets(csv_file(tmp_path, HEAD + "c1,13800000001,1,a,x\n"))
    with pytest.raises(SourceError, match=r"match key phone\.e164; bind it again"):
        port.scan(bound(), "phone.e164", ())
    unbound = AgreementBinding("a", "customers", "customer", "customer", (("phone.cn11", "phone"),), ())
    with pytest.raises(SourceError, match="column band; bind it again"):
        port.scan(unbound, "phone.cn11", (BAND,))
    with pytest.raises(RequestError):
        port.scan(bound(), "fax", ())


def test_subjects_are_trimmed_and_independent_of_other_columns(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD + "c2,bad,,,\n c1 ,13800000001,,,\nc2,,,,\n,13800000002,,,\n")
    pieces = datasets(path).subject_pieces(bound())
    assert [name for piece in pieces for name in piece.to_pylist()] == ["c2", "c1", "c2"]


def test_two_hundred_thousand_rows_take_no_time_worth_naming(tmp_path: Path) -> None:
    rows = 200_000
    body = "".join(f"c{n},{13_000_000_000 + 7 * n},{n % 1000}.25,band {n % 7},Web\n" for n in range(rows))
    path = csv_file(tmp_path, HEAD + body)
    began = time.perf_counter()
    read = table_of(datasets(path).scan(bound(), "phone.cn11", ALL))
    took = time.perf_counter() - began
    assert read.num_rows == rows
    assert took < 10, f"{took:.1f} s: a step has gone row by row"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (
            "postgresql://etl:p%40ss@db.internal:5433/dwh?sslmode=require&password=x",
            "postgresql://db.internal:5433/dwh",
        ),
        ("postgresql://a:1,b:2/dwh", "postgresql://a:1,b:2/dwh"),
        ("mysql://shop@[::1]:3306/crm", "mysql://[::1]:3306/crm"),
        ("postgresql:///dwh?host=/run&user=u", "postgresql:///dwh"),
        # A password whose signs were not quoted may stand anywhere: nothing is shown then.
        ("mysql://shop:s3/cret@host/crm", "mysql://..."),
        ("mysql://shop:1?x@host/crm", "mysql://..."),
        ("mysql://shop:12#3@host/crm", "mysql://..."),
        ("mysql://shop:p@ss@host/crm", "mysql://host/crm"),
        ("postgresql://shop:secret", "postgresql://..."),
    ],
)
def test_where_a_table_is_says_no_secret(url: str, place: str) -> None:
    assert shown(Declared("mysql", None, url=url, table="members")) == f"{place} members"


async def test_what_is_declared_is_told_without_opening_it(tmp_path: Path) -> None:
    whole = Declared("csv", tmp_path / "gone.csv", identifiers={"tel": "phone@HK"})
    parts = {"core": whole, "cards": Declared("parquet", None, url="s3://b/k?region=x", subject_source="cards")}
    one, other = await Datasets(lambda: {"b": Union(parts), "a": whole}).declared()
    assert (one.name, one.format, one.places, one.columns) == ("a", "csv", (str(tmp_path / "gone.csv"),), ())
    assert (one.subject_column, one.identifiers, one.parts) == ("customer", {"tel": "phone@HK"}, ())
    assert (other.format, other.places[1], other.subject_source) == ("csv+parquet", "s3://b/k", "")
    assert [(part.name, part.subject_source) for part in other.parts] == [("core", ""), ("cards", "cards")]
