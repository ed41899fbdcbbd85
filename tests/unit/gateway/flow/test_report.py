from __future__ import annotations

import numpy as np

from gateway.flow.fan_out import FanOut
from gateway.flow.report import beside, lines_of

RUN = {
    "rows_read": 100,
    "folded": 3,
    "rejected": {"BAD_MATCH_KEY": {"count": 4, "first_rows": [7, 9]}},
    "match_key_faults": {"TOO_SHORT": {"count": 4, "first_rows": [7, 9]}},
    "left_out": {"NO_CONSENT": 10},
    "consented": 80,
    "records": 79,
    "matched": 40,
    "released": 39,
    "withdrawn_before_release": 1,
    "false_matches": 0,
    "partner_rows": 500,
    "gate_cpu_ms": 12,
    "cut_at": "2026-03-01T08:00:00.000000Z",
}


def by_name(lines: object) -> dict[tuple[str, str], tuple[int, int | None]]:
    return {(line.section, line.item): (line.count, line.of) for line in lines}  # type: ignore[attr-defined]


def test_one_key_is_a_waterfall_of_one_step() -> None:
    told = by_name(lines_of(RUN, ("phone.e164",)))
    assert told["rows", "rejected"] == (4, 100)
    assert told["people", "judged"] == (90, None)
    assert told["people", "eligible"] == (80, 90)
    assert told["left_out", "NO_CONSENT"] == (10, 90)
    assert told["keys", "phone.e164"] == told["waterfall", "phone.e164"] == (40, 80)
    assert told["outcome", "released"] == (39, 40)
    assert not {item for _, item in told} & {"gate_cpu_ms", "cut_at"}


def test_each_step_counts_of_those_left_by_the_steps_before() -> None:
    keys = ("phone.e164", "email.plain", "oaid")
    several = RUN | {
        "matched_by": {"phone.e164": 30, "email.plain": 25, "oaid": 0},
        "waterfall": {"phone.e164": 30, "email.plain": 10, "oaid": 0},
    }
    told = by_name(lines_of(several, keys))
    assert [told["keys", key] for key in keys] == [(30, 80), (25, 80), (0, 80)]
    assert [told["waterfall", key] for key in keys] == [(30, 80), (10, 50), (0, 40)]


def test_of_statistics_over_several_keys_it_says_whose_values_others_have() -> None:
    counted = ("rows_read", "rejected", "left_out", "consented", "records")
    several = {name: RUN[name] for name in counted} | {"shared_match_keys": {"phone.e164": 5, "email.plain": 0}}
    told = by_name(lines_of(several, ("phone.e164", "email.plain")))
    assert (told["shared_match_keys", "phone.e164"], told["shared_match_keys", "email.plain"]) == ((5, 90), (0, 90))
    assert {section for section, _ in told} == {"rows", "rejected", "people", "left_out", "shared_match_keys"}


def test_rows_of_several_parts_are_named_per_part() -> None:
    parts = RUN | {
        "read": {"core": 60, "cards": 40},
        "rejected": {"UNLINKED": 4},
        "rejected in cards": {"UNLINKED": {"count": 4, "first_rows": [2]}},
    }
    found = [line for line in lines_of(parts, ("phone.e164",)) if line.section == "rejected in cards"]
    assert [(line.item, line.count, line.of, line.first_rows) for line in found] == [("UNLINKED", 4, 40, (2,))]


def test_a_run_stands_beside_the_one_before() -> None:
    before = RUN | {"matched": 30, "left_out": {"NO_CONSENT": 8, "WITHDRAWN": 2}}
    compared = beside(lines_of(RUN, ("phone.e164",)), lines_of(before, ("phone.e164",)))
    told = {(line.section, line.item): line for line in compared}
    matched = told["outcome", "matched"]
    assert (matched.count, matched.before, matched.before_of) == (40, 30, 80)
    gone = told["left_out", "WITHDRAWN"]
    assert (gone.count, gone.before, gone.before_of) == (0, 2, 90)
    sections = [line.section for line in compared]
    assert sections == sorted(sections, key=sections.index)


def test_a_sender_or_a_statistic_has_no_line_of_matches() -> None:
    for report in (
        {"rows_read": 5, "consented": 4, "left_out": {}, "records": 4, "sent": 4, "partner_rows": 9},
        {"rows_read": 5, "consented": 4, "left_out": {}, "segments": 2, "released": 6, "withdrawn_since_cut": 0},
        {},
    ):
        sections = {line.section for line in lines_of(report, ("phone.e164",))}
        assert not sections & {"keys", "waterfall", "fan_out"}


def test_households_are_counted_by_size() -> None:
    fan_out = FanOut()
    assert fan_out.counts == {}
    fan_out.add(np.array([[1, 1], [2, 1], [2, 1], [2, 2], [3, 3], [3, 3], [3, 3], [3, 3]], np.uint8))
    fan_out.add(np.array([[9, 9]], np.uint8))
    assert fan_out.counts == {"1": 3, "2": 1, "3 or more": 1}
