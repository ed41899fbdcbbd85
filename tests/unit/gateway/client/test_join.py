"""The left join: rows, order and index stay; the frame is never changed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client.agreement import Column
from gateway.client.join import check_frame, frame_keys, joined
from gateway.errors import HostileInput, RequestError

RECENCY = Column("recency", "purchase_history", "NUMBER", 0)
SPENT = Column("spent", "purchase_history", "NUMBER", 2)
SEGMENT = Column("segment", "purchase_history", "BAND", 0)
COLUMNS = [RECENCY, SPENT, SEGMENT]


def _result(rows: dict[str, dict[str, str | None]]) -> pa.Table:
    """A long table: {customer: {attribute: value}}."""
    flat = [(customer, name, value) for customer, values in rows.items() for name, value in values.items()]
    return pa.table(
        {
            "customer": pa.array([row[0] for row in flat], pa.string()),
            "attribute": pa.array([row[1] for row in flat], pa.string()),
            "value": pa.array([row[2] for row in flat], pa.string()),
        }
    )


RESULT = _result(
    {
        "7": {"recency": "3", "spent": "10.50", "segment": "100-200"},
        "8": {"recency": None, "spent": "-0.01", "segment": None},
        "9": {"recency": "0", "spent": None, "segment": "200-500"},
    }
)
IDS = ["9", "7", None, "unknown", "7", "8"]
EXPECTED: dict[str, list[Any]] = {
    "recency": [0, 3, None, None, 3, None],
    "spent": [None, Decimal("10.50"), None, None, Decimal("10.50"), Decimal("-0.01")],
    "segment": ["200-500", "100-200", None, None, "100-200", None],
}


def test_an_arrow_table_keeps_rows_order_and_repeats() -> None:
    frame = pa.table({"id": IDS, "note": list("abcdef")})
    found = joined(frame, "id", RESULT, COLUMNS)
    assert found.column_names == ["id", "note", "recency", "spent", "segment"]
    assert found.select(["id", "note"]).equals(frame)
    assert {name: found.column(name).to_pylist() for name in EXPECTED} == EXPECTED
    assert [found.schema.field(name).type for name in EXPECTED] == [pa.int64(), pa.decimal128(18, 2), pa.string()]
    assert frame.column_names == ["id", "note"]


def test_white_space_around_a_customer_parts_nobody_from_their_row() -> None:
    frame = pa.table({"id": ["9 ", " 7", None, "unknown", "\u30007", "8\n"]})
    found = joined(frame, "id", RESULT, COLUMNS)
    assert found.select(["id"]).equals(frame)
    assert {name: found.column(name).to_pylist() for name in EXPECTED} == EXPECTED


def test_a_pandas_frame_keeps_index_and_types() -> None:
    frame = pd.DataFrame({"id": IDS, "note": list("abcdef")}, index=[10, 10, 4, 3, 2, 1])
    before = frame.copy()
    found = joined(frame, "id", RESULT, COLUMNS)
    assert list(found.index) == [10, 10, 4, 3, 2, 1]
    assert list(found.columns) == ["id", "note", "recency", "spent", "segment"]
    for name, values in EXPECTED.items():
        assert [None if pd.isna(value) else value for value in found[name]] == values
    assert found["recency"].dtype == pd.Int64Dtype()
    assert found["spent"].sum() == Decimal("20.99")
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(found[["id", "note"]], before)


@pytest.mark.parametrize(
    "keys",
    [
        pa.array([9, 7, None, 404, 7, 8], pa.int64()),
        pa.array([9, 7, None, 99, 7, 8], pa.uint8()),
        pa.array(IDS, pa.large_string()),
        pa.array(IDS, pa.string()).dictionary_encode(),
        pa.array(IDS, pa.string_view()),
    ],
)
def test_customers_may_be_text_or_integers(keys: pa.Array[Any]) -> None:
    found = joined(pa.table({"id": keys}), "id", RESULT, [RECENCY])
    assert found.column("recency").to_pylist() == EXPECTED["recency"]


@pytest.mark.parametrize(
    "keys",
    [
        pd.Series([9, 7, None, 404, 7, 8], dtype="Int64"),
        pd.Series(IDS, dtype="category"),
        pd.Series(IDS, dtype=object),
        pd.Series(IDS, dtype="string[pyarrow]"),
        pd.concat([pd.Series(IDS[:3], dtype="str"), pd.Series(IDS[3:], dtype="str")]),
    ],
)
def test_pandas_spells_them_in_many_ways(keys: pd.Series) -> None:  # type: ignore[type-arg]
    found = joined(pd.DataFrame({"id": keys}), "id", RESULT, [RECENCY])
    assert [None if pd.isna(value) else value for value in found["recency"]] == EXPECTED["recency"]


@pytest.mark.parametrize(
    "frame",
    [
        pa.table({"id": [9.0, 7.0]}),
        pa.table({"id": [True]}),
        pa.table({"id": [b"9"]}),
        pd.DataFrame({"id": [9, None]}),
        pd.DataFrame({"id": ["9", 7]}, dtype=object),
        pa.table({"other": ["9"]}),
        pd.DataFrame([["9", "7"]], columns=["id", "id"]),
    ],
)
def test_a_frame_that_cannot_be_joined_is_refused_before_the_run(frame: Any) -> None:
    with pytest.raises(RequestError, match="field on"):
        check_frame(frame, "id", ["recency"])


@pytest.mark.parametrize(
    "frame", [pa.table({"id": ["9"], "recency": [1]}), pd.DataFrame({"id": ["9"], "recency": [1]})]
)
def test_a_column_is_never_overwritten(frame: Any) -> None:
    with pytest.raises(RequestError, match="already has recency"):
        joined(frame, "id", RESULT, [RECENCY])


@pytest.mark.parametrize(
    "frame", [pa.table({"id": pa.array([], pa.string())}), pd.DataFrame({"id": pd.Series([], dtype="str")})]
)
def test_no_rows_stay_no_rows(frame: Any) -> None:
    found = joined(frame, "id", RESULT, COLUMNS)
    assert len(found) == 0
    assert list(getattr(found, "column_names", None) or found.columns) == ["id", *EXPECTED]


def test_a_result_without_rows_gives_typed_nulls() -> None:
    found = joined(pa.table({"id": IDS}), "id", RESULT.slice(0, 0), COLUMNS)
    assert found.schema.field("spent").type == pa.decimal128(18, 2)
    assert found.column("spent").null_count == len(IDS)


@pytest.mark.parametrize(
    "result",
    [
        _result({"7": {"recency": "three"}}),
        _result({"7": {"recency": "3.5"}}),
        pa.concat_tables([_result({"7": {"recency": "3"}}), _result({"7": {"recency": "4"}})]),
        pa.table({"customer": pa.array(["7", None]), "attribute": ["recency"] * 2, "value": ["3", "4"]}),
    ],
)
def test_a_result_that_contradicts_the_agreement_is_not_joined(result: pa.Table) -> None:
    with pytest.raises(HostileInput, match="recency"):
        joined(pa.table({"id": IDS}), "id", result, [RECENCY])


@given(
    st.lists(st.one_of(st.none(), st.integers(min_value=0, max_value=20)), max_size=40),
    st.dictionaries(st.integers(min_value=0, max_value=20).map(str), st.integers(min_value=-(10**9), max_value=10**9)),
)
def test_the_join_is_a_lookup_per_row(keys: list[int | None], values: dict[str, int]) -> None:
    result = _result({customer: {"recency": str(value)} for customer, value in values.items()})
    expected = [None if key is None else values.get(str(key)) for key in keys]
    arrow = joined(pa.table({"id": pa.array(keys, pa.int64())}), "id", result, [RECENCY])
    assert arrow.column("recency").to_pylist() == expected
    pandas = joined(pd.DataFrame({"id": pd.array(keys, dtype="Int64")}), "id", result, [RECENCY])
    assert [None if pd.isna(value) else value for value in pandas["recency"]] == expected


def test_keys_of_chunked_columns_are_one_array() -> None:
    chunked = pa.chunked_array([["a"], [], ["b", None]], type=pa.string())
    assert frame_keys(pa.table({"id": chunked}), "id").to_pylist() == ["a", "b", None]
