from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gateway.cli.check import record_of, rows_of
from gateway.client import CheckedColumn, CheckedKey, CheckedPart, CheckedUse, Count, DatasetCheck

KEY = CheckedKey("phone.e164", "mobile", 90, 80, 2, 5, (Count("", "plain", 95, ()),), (Count("", "MASKED", 5, (3, 9)),))
FOUND = DatasetCheck(
    dataset="crm",
    agreement="a",
    at=datetime(2026, 11, 22, tzinfo=UTC),
    parts=(
        CheckedPart("core", "csv", "UTF-8", 60, (Count("", "EMPTY_SUBJECT", 1, (7,)),)),
        CheckedPart("cards", "parquet", "", 40, ()),
    ),
    rows=100,
    subjects=85,
    repeated_rows=4,
    conflicting_subjects=1,
    keys=(KEY,),
    columns=(CheckedColumn("tier", "level", 10, (Count("", "BAD_VALUE", 2, (4, 5)),)),),
    uses=(CheckedUse("MATCH", "RECEIVER", "profiles", 70, (Count("", "NO_CONSENT", 15, ()),)),),
    findings=(("UNLINKED", "some"),),
)


def test_every_count_has_a_row_and_shares_say_of_what() -> None:
    rows: dict[tuple[Any, Any], Any] = {(row["section"], row["item"]): row for row in rows_of(FOUND)}
    assert rows["rows", "core, csv, UTF-8"]["count"] == "60"
    assert rows["rows", "cards, parquet"]["share"] == ""
    assert rows["rejected in core", "EMPTY_SUBJECT"]["first_rows"] == (7,)
    assert rows["customers", "rows that come again"]["share"] == "4.0 %"
    assert rows["phone.e164 in mobile", "customers who share one"]["share"] == "5.9 %"
    assert rows["phone.e164 in mobile", "form: plain"]["count"] == "95"
    assert rows["phone.e164 in mobile", "MASKED"]["first_rows"] == (3, 9)
    assert rows["column tier", "BAD_VALUE"]["count"] == "2"
    assert rows["MATCH as receiver, profiles", "eligible now"]["share"] == "82.4 %"
    assert rows["MATCH as receiver, profiles", "NO_CONSENT"]["count"] == "15"


def test_a_record_holds_all_of_it() -> None:
    record: Any = record_of(FOUND)
    assert record["findings"] == [{"code": "UNLINKED", "text": "some"}]
    assert record["keys"][0]["faults"][0] == {"group": "", "reason": "MASKED", "count": 5, "first_rows": (3, 9)}
