from __future__ import annotations

from typing import Any

import pytest

from gateway.agreement.agreement import agreement_of
from gateway.agreement.binding import check_binding, check_columns
from gateway.errors import RequestError
from gateway.route.agreement import AgreementBinding
from tests.unit.gateway.agreement.samples import document, statistics_document

AGREEMENT = agreement_of(document())
STATISTICS = agreement_of(statistics_document())


def binding(**changes: Any) -> AgreementBinding:
    fields: dict[str, Any] = {
        "agreement_id": AGREEMENT.agreement_id,
        "dataset": "members",
        "subject_column": "会员号",
        "subject_type": "customer",
        "match_key_columns": (("phone.e164", "mobile"),),
        "value_columns": (("recency", "r"), ("channel", "c")),
    }
    return AgreementBinding(**(fields | changes))


def test_the_sender_maps_what_it_sends_and_the_receiver_nothing() -> None:
    check_binding(AGREEMENT, "platform", binding())
    check_binding(AGREEMENT, "retailer", binding(value_columns=()))
    with pytest.raises(RequestError, match="does not need"):
        check_binding(AGREEMENT, "retailer", binding())


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"agreement_id": "another"}, "agreement_id"),
        ({"dataset": "../etc passwd"}, "dataset"),
        ({"subject_type": "Customer"}, "subject_type"),
        ({"subject_column": ""}, "subject_column"),
        ({"subject_column": "a\x00"}, "subject_column"),
        ({"match_key_columns": ()}, "match_key_columns has no column for phone.e164"),
        ({"match_key_columns": (("phone.e164", "a"), ("phone.e164", "b"))}, "twice"),
        ({"match_key_columns": (("phone.e164", "a"), ("email", "b"))}, "match_key_columns"),
        ({"match_key_columns": (("phone.e164", ""),)}, "match_key_columns.phone.e164"),
        ({"value_columns": (("recency", "r"),)}, "value_columns has no column for channel"),
        ({"value_columns": (("recency", "r"), ("channel", "c"), ("x", "y"))}, "value_columns"),
    ],
)
def test_a_binding_that_does_not_answer_is_refused(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(RequestError) as caught:
        check_binding(AGREEMENT, "platform", binding(**changes))
    assert named in caught.value.message


def test_a_stranger_cannot_bind() -> None:
    with pytest.raises(RequestError, match="parties"):
        check_binding(AGREEMENT, "stranger", binding())


def test_columns_must_be_in_the_data_set() -> None:
    check_columns(binding(), {"会员号", "mobile", "r", "c"}, "会员号")
    with pytest.raises(RequestError, match=r"value_columns\.channel"):
        check_columns(binding(), {"会员号", "mobile", "r"}, "会员号")
    with pytest.raises(RequestError, match=r"match_key_columns\.phone\.e164"):
        check_columns(binding(), {"会员号", "r", "c"}, "会员号")
    with pytest.raises(RequestError, match="subject_column"):
        check_columns(binding(), {"会员号", "mobile", "r", "c"}, "mobile")


# ---- statistics ------------------------------------------------------------------------------------------------


def test_the_receiver_of_statistics_names_its_segments_and_the_sender_its_values() -> None:
    check_binding(STATISTICS, "retailer", binding(value_columns=(), segment_column="arm", minimum_cohort=100))
    check_binding(STATISTICS, "platform", binding(minimum_cohort=1_000_000))
    with pytest.raises(RequestError, match="segment_column is missing"):
        check_binding(STATISTICS, "retailer", binding(value_columns=()))
    with pytest.raises(RequestError, match="segment_column must be empty"):
        check_binding(STATISTICS, "platform", binding(segment_column="arm"))
    with pytest.raises(RequestError, match="segment_column must be empty"):
        check_binding(AGREEMENT, "retailer", binding(value_columns=(), segment_column="arm"))
    with pytest.raises(RequestError, match="value_columns has no column for channel"):
        check_binding(STATISTICS, "platform", binding(value_columns=(("recency", "r"),)))


@pytest.mark.parametrize("column", ["a\x00", "x" * 201])
def test_a_segment_column_is_a_column_name(column: str) -> None:
    with pytest.raises(RequestError, match="field segment_column must be a column name"):
        check_binding(STATISTICS, "retailer", binding(value_columns=(), segment_column=column))


@pytest.mark.parametrize("people", [-1, 1_000_001])
def test_our_own_minimum_is_a_number_of_people(people: int) -> None:
    with pytest.raises(RequestError, match="minimum_cohort"):
        check_binding(STATISTICS, "platform", binding(minimum_cohort=people))


def test_the_segment_column_must_be_in_the_data_set() -> None:
    named = binding(value_columns=(), segment_column="arm")
    check_columns(named, {"会员号", "mobile", "arm"}, "会员号")
    with pytest.raises(RequestError, match="segment_column names a column"):
        check_columns(named, {"会员号", "mobile"}, "会员号")
