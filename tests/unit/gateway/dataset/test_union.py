"""A data set of several files: each read under its own names, and named in what is said of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gateway import identifier
from gateway.dataset import Datasets
from gateway.errors import SourceError
from gateway.flow.ports import DatasetPart, SurveyKey
from gateway.route.agreement import AgreementBinding
from tests.unit.gateway.dataset.files import BAND, CHANNEL, RECENCY, Declared, Union, bound, csv_file
from tests.unit.gateway.dataset.scans import counts, table_of

CORE = "customer,phone,r\nc1,13800000001,1\n,13800000002,2\n"
CARDS = "card,mobile,grade\nk1,13800000001,gold\nk2,1,silver\n"
MAPPED = {"phone": "mobile", "b": "grade"}


def port(folder: Path, core: str = CORE, cards: str = CARDS, batch_rows: int = 100) -> Datasets:
    parts = {
        "core": Declared("csv", csv_file(folder, core, "core.csv"), columns={"phone": "phone", "r": "r"}),
        "cards": Declared("csv", csv_file(folder, cards, "cards.csv"), "card", "cards", MAPPED),
    }
    return Datasets(lambda: {"customers": Union(parts)}, batch_rows=batch_rows)


async def test_a_union_is_described_by_the_names_of_its_columns(tmp_path: Path) -> None:
    found = await port(tmp_path).describe("customers")
    assert found.columns == (("customer", "text"), ("phone", "text"), ("r", "text"), ("b", "text"))
    assert (found.subject_column, found.subject_source, found.format) == ("customer", "", "csv")
    parts = (
        DatasetPart("core", "csv", "customer", "", ("phone", "r")),
        DatasetPart("cards", "csv", "card", "cards", ("phone", "b")),
    )
    assert found.parts == parts == await port(tmp_path).parts("customers")
    assert [part.lacks("r") for part in parts] == [False, True]
    assert not DatasetPart("whole", "csv", "customer").lacks("r")


def test_every_part_is_read_under_its_own_names_and_counts_its_own_rows(tmp_path: Path) -> None:
    unlike = AgreementBinding(
        "a", "customers", "customer", "customer", (("phone.cn11", "phone"),), bound().value_columns
    )
    scans = [port(tmp_path).scan(unlike, "phone.cn11", (RECENCY, BAND), part=part) for part in (0, 1)]
    core, cards = (table_of(scan).to_pylist() for scan in scans)
    assert [(row["subject"], str(row["recency"]), row["band"]) for row in core] == [("c1", "1.00", None)]
    assert [(row["subject"], row["recency"], row["band"]) for row in cards] == [("k1", None, "gold")]
    assert [counts(scan) for scan in scans] == [{"EMPTY_SUBJECT": (1, (2,))}, {"BAD_MATCH_KEY": (1, (2,))}]
    pieces = [list(port(tmp_path).subject_pieces(unlike, part)) for part in (0, 1)]
    assert [piece.to_pylist() for of_part in pieces for piece in of_part] == [["c1"], ["k1", "k2"]]
    # A column that no part has is nobody's value, and is refused where the binding is made.
    assert table_of(port(tmp_path).scan(unlike, "phone.cn11", (CHANNEL,), part=1)).column("channel").null_count == 1


@pytest.mark.parametrize(
    ("cards", "match_key", "reason", "said"),
    [
        ("card,mobile\nk1,13800000001\n", "phone", "MISSING_COLUMN", "part cards (cards.csv) has no column grade"),
        ("card,mobile,grade\n", "phone", "EMPTY", "part cards (cards.csv)"),
        (CARDS, "fax", "MISSING_COLUMN", "part cards (cards.csv) is declared without a column fax"),
    ],
)
def test_faults_name_the_part(tmp_path: Path, cards: str, match_key: str, reason: str, said: str) -> None:
    binding = AgreementBinding(
        "a", "customers", "customer", "customer", (("phone.cn11", match_key),), bound().value_columns
    )
    with pytest.raises(SourceError) as caught:
        list(port(tmp_path, cards=cards).scan(binding, "phone.cn11", (BAND,), part=1).batches())
    assert caught.value.reason == reason
    assert said in str(caught.value)


def test_a_part_that_changes_while_it_is_read_is_told_by_name(tmp_path: Path) -> None:
    rows = "".join(f"k{number},13800000001,gold\n" for number in range(400))
    read = port(tmp_path, cards="card,mobile,grade\n" + rows, batch_rows=16)
    batches = read.scan(bound(), "phone.cn11", (BAND,), part=1).batches()
    next(batches)
    (tmp_path / "cards.csv").write_text(CARDS)
    with pytest.raises(SourceError, match="part cards") as caught:
        list(batches)
    assert caught.value.reason == "SOURCE_CHANGED"


async def test_parts_declare_what_their_own_columns_hold(tmp_path: Path) -> None:
    one = csv_file(tmp_path, "customer,phone\nc1,+852 9123 4567\n", "one.csv")
    other = csv_file(tmp_path, "id,tel\nc2,9123 4568\n", "other.csv")
    made = Datasets(
        lambda: {
            "customers": Union(
                {
                    "one": Declared("csv", one, identifiers={"phone": "phone"}),
                    "other": Declared("csv", other, "id", columns={"phone": "tel"}, identifiers={"tel": "phone@HK"}),
                }
            )
        }
    )
    assert await made.identifiers("customers") == ({"phone": "phone"}, {"phone": "phone@HK"})
    assert (await made.describe("customers")).identifiers == {"phone": "phone"}
    binding = bound(match_key="phone.e164")
    keys = [table_of(made.scan(binding, "phone.e164", (), part=part)).column("key").to_pylist() for part in range(2)]
    assert keys == [["+85291234567"], ["+85291234568"]]
    # A look before the run reads them likewise.
    asked = (SurveyKey(identifier.parse("phone.e164"), "phone", identifier.parse_content("phone")),)
    looks = [made.survey("customers", asked, (), part) for part in range(2)]
    found = [batch.keys[0].to_pylist() for look in looks for batch in look.batches()]
    assert found == keys


def test_a_look_at_a_part_without_one_of_the_keys_finds_it_nowhere(tmp_path: Path) -> None:
    made = port(tmp_path)
    phone, mail = (
        SurveyKey(identifier.parse(name), column) for name, column in (("phone.cn11", "phone"), ("email.plain", "b"))
    )
    look = made.survey("customers", (mail, phone), (), 0)
    assert [batch.keys[0].null_count for batch in look.batches()] == [1]
    assert (look.usable, look.key_shapes, look.rows_read) == ((0, 2), ({}, {"plain": 2}), 2)
    assert look.key_faults == ({}, {})
    with pytest.raises(SourceError, match=r"part core \(core.csv\) is declared without a column b: every part needs a"):
        made.survey("customers", (mail,), (), 0)


def test_what_values_look_like_is_compared_with_what_their_own_part_declares(tmp_path: Path) -> None:
    digests = [hashlib.md5(f"1380000000{number}".encode(), usedforsecurity=False).hexdigest() for number in range(3)]
    raw = csv_file(tmp_path, f"id,tel\nc1,13800000001\nc2,{digests[2]}\n", "raw.csv")
    hashed = csv_file(tmp_path, "id,tel\n" + "".join(f"c{n},{one}\n" for n, one in enumerate(digests)), "hashed.csv")
    made = Datasets(
        lambda: {
            "customers": Union(
                {
                    "raw": Declared("csv", raw, "id", identifiers={"tel": "phone"}),
                    "hashed": Declared("csv", hashed, "id", identifiers={"tel": "phone.cn11.md5"}),
                }
            )
        }
    )
    asked = (SurveyKey(identifier.parse("phone.cn11.md5"), "tel", identifier.parse_content("phone")),)
    looks = [made.survey("customers", asked, (), part) for part in range(2)]
    keys = [key for look in looks for batch in look.batches() for key in batch.keys[0].to_pylist()]
    assert keys == [digests[1], *digests]
    assert [look.key_unlike for look in looks] == [({"md5 lower": 1},), ({},)]
