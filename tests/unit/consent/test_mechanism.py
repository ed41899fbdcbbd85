"""Ways out of the country, and the lines of the year."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from consent.errors import FieldError
from consent.mechanism import Exported, ExportMechanism, MechanismType, export_year
from consent.policy import Policy
from tests.unit.consent.scene import END, START

T = MechanismType
POLICY = Policy()
BODY = {
    "id": "sg-2026",
    "party": "singapore",
    "type": "standard_contract",
    "reference": "沪网信备 2026-17",
    "valid_from": "2026-01-15T02:00:00Z",
    "valid_until": "2029-01-15T02:00:00Z",
    "version": 1,
}


@pytest.mark.parametrize(
    ("type", "people", "sensitive_people", "sensitive", "carries"),
    [
        (T.EXEMPT_SMALL_VOLUME, 99_999, 0, False, True),
        (T.EXEMPT_SMALL_VOLUME, 100_000, 0, False, False),
        (T.EXEMPT_SMALL_VOLUME, None, None, False, False),
        (T.EXEMPT_SMALL_VOLUME, 0, 0, True, False),
        (T.STANDARD_CONTRACT, None, None, True, True),
        (T.STANDARD_CONTRACT, 999_999, 0, False, True),
        (T.STANDARD_CONTRACT, 1_000_000, 0, False, False),
        (T.CERTIFICATION, 1_000_000, 0, True, False),
        (T.CERTIFICATION, 9_999, 9_999, True, True),
        (T.CERTIFICATION, 10_000, 10_000, True, False),
        (T.CERTIFICATION, 10_000, 10_000, False, True),
        (T.SECURITY_ASSESSMENT, 10**9, 10**9, True, True),
    ],
)
def test_a_mechanism_carries_people_below_its_line(type, people, sensitive_people, sensitive, carries):
    mechanism = ExportMechanism("singapore", type, START, END)
    assert mechanism.carries(Exported(people, sensitive_people), sensitive, POLICY) is carries


def test_the_line_that_is_shown_is_the_one_that_is_kept():
    for kind in T:
        mechanism = ExportMechanism("singapore", kind, START, END)
        for sensitive in (False, True):
            line = mechanism.line(sensitive, POLICY)
            if line:
                assert mechanism.carries(Exported(line - 1, line - 1), sensitive, POLICY)
                assert not mechanism.carries(Exported(line, line), sensitive, POLICY)
            else:
                assert mechanism.carries(Exported(0, 0), sensitive, POLICY) is (line is None)


def test_the_year_begins_on_1_january_in_china():
    assert export_year(datetime(2025, 12, 31, 15, 59, 59, tzinfo=UTC), POLICY) == 2025
    assert export_year(datetime(2025, 12, 31, 16, 0, tzinfo=UTC), POLICY) == 2026


def test_a_mechanism_comes_back_as_it_went():
    assert ExportMechanism.from_mapping(BODY).to_mapping() == BODY


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reference": None}, "reference"),
        ({"valid_until": "2026-01-15T02:00:00Z"}, "valid_until"),
        ({"type": "certification", "valid_until": "2029-01-15T02:00:01Z"}, "valid_until"),
        ({"type": "handshake"}, "type"),
        ({"party": ""}, "party"),
        ({"filing": "x"}, "filing"),
    ],
)
def test_a_mechanism_that_cannot_be(changes, field):
    with pytest.raises(FieldError) as caught:
        ExportMechanism.from_mapping({**BODY, **changes})
    assert caught.value.field == field


def test_a_certificate_lasts_three_years_at_most():
    leap = {"type": "certification", "valid_from": "2028-02-29T00:00:00Z", "valid_until": "2031-03-01T00:00:00Z"}
    ExportMechanism.from_mapping({**BODY, **leap})
    ExportMechanism.from_mapping({**BODY, "type": "exempt_small_volume", "reference": None})
