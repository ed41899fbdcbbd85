"""Rows read by a known wording are read as the strict way reads them, and so are rows that are wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from consent.evaluate import History, project
from consent.event import Actor, EventType, Form, Mode
from consent.fields import said
from consent.notice import Notice, NoticeState
from consent.party import Party
from consent.proof import OF_ONE_ACT, PROOF_FIELDS
from consent.purpose import Category, Purpose
from consent.registry import Registry
from gateway.flow import intake, wording
from gateway.flow.intake import Row, RowError, SubjectNames, TakenRow, take_in
from gateway.flow.wording import OWN, Wording, Wordings
from gateway.route.canonical import canonical_bytes
from gateway.route.consent import EPOCH, EventFields, EventGroup

NOW = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
MICROSECOND = timedelta.resolution
NAMES = SubjectNames(b"\x07" * 32, "customer", 1)
PUBLISHED = datetime(2026, 6, 1, tzinfo=UTC)
REGISTRY = Registry.of(
    purposes=[Purpose("enrich"), Purpose("补充%s")],
    categories=[Category("phone_hash"), Category("purchases")],
    parties=[Party("retailer"), Party("platform")],
    notices=[Notice("share", 1, state=NoticeState.PUBLISHED, published_at=PUBLISHED, recorded_at=PUBLISHED)],
)

nasty = st.text(max_size=12) | st.sampled_from(["", "\ud800", "\x00", "x" * 201, "a\nb", 5, True, None, ["e"]])
ids = st.sampled_from(["e1", "e-2", "e%s", "100%", 'e"', "e\\", "é日", "{}"]) | st.text(
    st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8
)
good_times = st.sampled_from(
    [
        "2026-11-01T10:00:00+08:00",
        "2026-11-01T02:00:00+00:00",
        "2026-11-01T02:00:00Z",
        "2026-11-01T02:00:00.000000+00:00",
        "2026-11-01T02:00:00.5+00:00",
        "2026-11-01T02:00:00.500000+00:00",
        "2026-11-01 02:00:00+00:00",
        "2026-W44-7T02:00:00+00:00",
        "20261101T020000+00:00",
        "2026-11-01T02:00:00.123456+00:00",
        "2026-06-01T00:00:00+00:00",
    ]
)
times_to_refuse = st.sampled_from(
    [
        "2026-05-31T23:59:59+00:00",  # before the notice was published
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-11-01T02:00:00",
        "2026-11-01",
        "٢٠٢٦-11-01T02:00:00+00:00",
        "never",
        "",
        5,
        None,
    ]
)
item = st.fixed_dictionaries(
    {
        "purpose": st.sampled_from(["enrich", "补充%s"]),
        "categories": st.sampled_from([["phone_hash"], ["phone_hash", "purchases"]]),
        "methods": st.just(["psi_hash"]),
        "form": st.sampled_from(["separate", "general"]),
    },
    optional={"recipients": st.just(["platform"])},
)
grants = st.fixed_dictionaries(
    {
        "type": st.just("consent_given"),
        "handler": st.just("retailer"),
        "by": st.just("subject"),
        "mode": st.sampled_from(["explicit", "preticked"]),
        "evidence": st.booleans(),
        "items": st.lists(item, min_size=1, max_size=2),
    },
    optional={
        "notice": st.just("share@1"),
        "channel": st.sampled_from(["app", "网页", "50%", None, 'a"b']),
        "max_uses": st.sampled_from([None, 3]),
        "guardian_verified": st.booleans(),
        "action": st.sampled_from(["tap", "paper"]),
        "ui_version": st.sampled_from(["4.2%", None]),
    },
)
others = st.fixed_dictionaries(
    {"type": st.sampled_from(["consent_withdrawn", "consent_refused", "deletion_requested"])},
    optional={"handler": st.just("retailer"), "purpose": st.just("enrich"), "category": st.just("phone_hash")},
)
bare = st.sampled_from([{"type": "subject_deceased"}, {"type": "integrity_alert"}])
faults = st.sampled_from(
    [
        {"mode": "loud"},
        {"max_uses": 0},
        {"max_uses": True},
        {"notice": "share@9"},
        {"recorded_at": NOW.isoformat()},
        {"recorded_at": "2026-01-01T00:00:00Z"},
        {"surprise": 1},
        {"subjects": ["C1", "C2"]},
        {"subjects": None},
        {"channel": {1, 2}},
        {"type": "consent"},
    ]
)
mostly = st.sampled_from([True] * 4 + [False])
shared = st.builds(
    lambda words, sound, fault: words if sound else {**words, **fault}, grants | grants | others | bare, mostly, faults
)
own = st.builds(
    lambda mine, sound, fault: mine if sound else {**mine, **fault},
    st.fixed_dictionaries(
        {"event_id": ids, "at": good_times, "subject": st.sampled_from(["C1", "张三", "x y"]), "consent_id": ids},
        optional={
            "valid_until": good_times,
            "evidence_ref": ids,
            "evidence_hash": st.sampled_from(["ab" * 32, "cd" * 32]),
            "scan_hash": st.sampled_from(["ab" * 32, None]),
            "ip_prefix": st.sampled_from(["203.0.113.0/24", "2001:0db8::/32"]),
            "shown_at": good_times,
            "dwell_ms": st.integers(0, 5000),
        },
    ),
    mostly,
    st.fixed_dictionaries({"event_id": nasty})
    | st.fixed_dictionaries({"consent_id": nasty})
    | st.fixed_dictionaries({"subject": nasty})
    | st.fixed_dictionaries({"at": times_to_refuse})
    | st.fixed_dictionaries({"valid_until": times_to_refuse})
    | st.fixed_dictionaries({"device_ref": nasty})
    | st.fixed_dictionaries({"shown_at": times_to_refuse})
    | st.fixed_dictionaries({"dwell_ms": st.sampled_from([-1, True, "5", 2**60])})
    | st.fixed_dictionaries({"evidence_hash": st.sampled_from(["AB" * 32, "ab", 5])})
    | st.fixed_dictionaries({"ip_prefix": st.sampled_from(["203.0.113.7", "203.0.113.0/25", "2001:db8::/64", "", 7])}),
)


def _without_consent(mine: dict[str, Any], words: dict[str, Any]) -> dict[str, Any]:
    """What only a grant has is left out of other events, mostly."""
    if words["type"] == "consent_given" or mine["event_id"] == "e1":
        return mine
    return {name: value for name, value in mine.items() if name in ("event_id", "at", "subject")}


def _one_by_one(rows: Sequence[Row]) -> Iterator[tuple[list[TakenRow], list[RowError]]]:
    """Read each row as if it was the first: nothing is known."""
    for row in rows:
        yield take_in([row], NAMES, REGISTRY, NOW)


def _said(row: TakenRow) -> tuple[object, ...]:
    return *row[:6], row.content_hash, row.before, row.after, row.event(NOW)


def _rows(words: Sequence[dict[str, Any]], owns: Sequence[dict[str, Any]], *, joined: bool) -> list[Row]:
    """Every wording with every row's own fields, so that each comes back."""
    pairs = [(_without_consent(mine, mapping), mapping) for mapping in words for mine in owns]
    return [
        (number, EventFields(mine, mapping) if joined else {**mapping, **mine})
        for number, (mine, mapping) in enumerate(pairs, 1)
    ]


@given(st.lists(shared, min_size=1, max_size=2), st.lists(own, min_size=2, max_size=5), st.booleans())
def test_the_short_way_is_the_strict_one(words: list[Any], owns: list[Any], joined: bool) -> None:
    rows = _rows(words, owns, joined=joined)
    taken, errors = take_in(rows, NAMES, REGISTRY, NOW)
    strict = list(_one_by_one(rows))
    assert [_said(row) for row in taken] == [_said(row) for found, _ in strict for row in found]
    assert errors == [error for _, found in strict for error in found]
    event(f"{len(taken)} taken, {len(errors)} refused")
    # A second batch finds what the first one left.
    wordings = Wordings(REGISTRY)
    for _ in range(2):
        again, errors_again = take_in(rows, NAMES, REGISTRY, NOW, wordings)
        assert [_said(row) for row in again] == [_said(row) for row in taken]
        assert errors_again == errors


moments = st.datetimes(min_value=datetime(2026, 5, 31), max_value=datetime(2026, 6, 3), timezones=st.just(UTC))
micros = moments.map(lambda at: (at - EPOCH) // MICROSECOND) | st.sampled_from([-(2**63), 2**63 - 1, 0])
texts = st.text(max_size=4) | ids | st.sampled_from(["", "x" * 201, "x" * 513, "a\nb"])
proof_texts = st.sampled_from(["ab" * 32, "203.0.113.0/24", "ref-1", "é", ""])
columns = st.fixed_dictionaries(
    {"event_id": texts, "subject": texts},
    optional={
        "at": micros,
        "consent_id": texts,
        "valid_until": micros,
        "shown_at": micros,
        "dwell_ms": st.integers(-1, 3),
        **dict.fromkeys(("evidence_ref", "evidence_hash", "scan_hash", "device_ref", "ip_prefix"), proof_texts),
    },
)


@st.composite
def groups(draw: st.DrawFn) -> EventGroup:
    """Rows whose own fields are often sound, of a wording that often is."""
    words, few = draw(shared), draw(st.booleans())
    names = sorted({"event_id", "subject", "at", "consent_id"} if few else {*draw(columns), "at"})
    if words["type"] != "consent_given" and "consent_id" in names and draw(mostly):
        names.remove("consent_id")
    kinds: dict[str, Any] = dict.fromkeys(OWN, proof_texts) | dict.fromkeys(("event_id", "subject", "consent_id"), ids)
    kinds |= dict.fromkeys(("at", "valid_until", "shown_at"), moments.map(lambda at: (at - EPOCH) // MICROSECOND))
    kinds |= {"dwell_ms": st.integers(0, 9), "ip_prefix": st.just("203.0.113.0/24")}
    kinds |= dict.fromkeys(("evidence_hash", "scan_hash"), st.just("ab" * 32))
    count = draw(st.integers(1, 6))
    own = {name: draw(st.lists(kinds[name], min_size=count, max_size=count)) for name in names}
    for name, value in draw(columns).items():
        if name in own and not draw(mostly):
            own[name][draw(st.integers(0, count - 1))] = value
    return EventGroup(draw(st.permutations(range(1, count + 1))), words, own)


@given(st.lists(groups(), min_size=1, max_size=3))
def test_a_group_is_read_as_its_rows_are_one_by_one(together: list[EventGroup]) -> None:
    numbered = [
        EventGroup([number * 4 + at for number in one.rows], one.shared, one.own) for at, one in enumerate(together)
    ]
    rows: list[Row] = [(row, one.fields(at)) for one in numbered for at, row in enumerate(one.rows)]
    strict = list(_one_by_one(sorted(rows, key=lambda row: row[0])))
    wordings = Wordings(REGISTRY)
    for _ in range(2):  # the second time every wording is known
        taken, errors = take_in(numbered, NAMES, REGISTRY, NOW, wordings)
        assert [_said(row) for row in taken] == [_said(row) for found, _ in strict for row in found]
        assert errors == [error for _, found in strict for error in found]
    event(f"{len(taken)} taken, {len(errors)} refused")


def test_a_group_is_read_strictly_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read = _strictly(monkeypatch)
    words = {name: value for name, value in grant().items() if name not in OWN}
    at = (PUBLISHED - EPOCH) // MICROSECOND
    own: dict[str, list[Any]] = {
        "event_id": [f"e{n}" for n in range(9)],
        "subject": [f"C{n}" for n in range(9)],
        "consent_id": [f"c{n}" for n in range(9)],
        "at": [at + n for n in range(9)],
    }
    own["at"][4], own["consent_id"][6], own["event_id"][0] = at - 1, "", ""
    taken, errors = take_in([EventGroup(range(1, 10), words, own)], NAMES, REGISTRY, NOW)
    assert [row.row for row in taken] == [2, 3, 4, 6, 8, 9]
    assert [(error.row, error.field) for error in errors] == [(1, "event_id"), (5, "notice"), (7, "consent_id")]
    assert read == ["", "e1", "e4", "e6"]
    monkeypatch.setattr(intake, "MAX_CONTENT_BYTES", 400)
    own["event_id"][3] = "x" * 200
    _, errors = take_in([EventGroup(range(1, 10), words, own)], NAMES, REGISTRY, NOW)
    assert [(error.row, error.field) for error in errors if error.row == 4] == [(4, "(row)")]


@given(st.lists(shared, min_size=1, max_size=2), st.lists(own, min_size=2, max_size=5))
def test_a_taken_row_is_its_event_in_canonical_form(words: list[Any], owns: list[Any]) -> None:
    taken, _ = take_in(_rows(words, owns, joined=False), NAMES, REGISTRY, NOW)
    for row in taken:
        event = row.event(NOW)
        assert row.record(said(NOW)).encode() == canonical_bytes(event.to_mapping())
        assert row.content_hash == hashlib.sha256(canonical_bytes(event.content())).hexdigest()


def grant(**changes: object) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "event_id": "e",
        "type": "consent_given",
        "at": "2026-11-01T10:00:00+08:00",
        "subject": "C1",
        "handler": "retailer",
        "consent_id": "c",
        "notice": "share@1",
        "by": "subject",
        "mode": "explicit",
        "evidence": True,
        "items": [
            {
                "purpose": "enrich",
                "categories": ["phone_hash"],
                "methods": ["psi_hash"],
                "recipients": ["platform"],
                "form": "separate",
            }
        ],
    }
    return fields | changes


def _strictly(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the event ids that are read the strict way."""
    read: list[str] = []
    strict = intake.ConsentEvent.from_mapping

    def counted(mapping: Any, **more: Any) -> Any:
        read.append(mapping.get("event_id"))
        return strict(mapping, **more)

    monkeypatch.setattr(intake.ConsentEvent, "from_mapping", counted)
    return read


def test_a_wording_is_read_strictly_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the equality above would hold of one way only."""
    read = _strictly(monkeypatch)
    rows: list[Row] = [(n, grant(event_id=f"e{n}", consent_id=f"c{n}", subject=f"C{n}")) for n in range(5)]
    rows += [(9, grant(event_id="e9", valid_until="2027-01-01T00:00:00Z", channel="app"))]
    rows += [(10, grant(event_id="ea", valid_until="2028-01-01T00:00:00Z", channel="app"))]
    wordings = Wordings(REGISTRY)
    assert len(take_in(rows, NAMES, REGISTRY, NOW, wordings)[0]) == 7
    assert read == ["e0", "e9"]
    take_in(rows, NAMES, REGISTRY, NOW, wordings)
    assert read == ["e0", "e9"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"at": "2026-11-01T02:00:00"}, "at"),
        ({"at": "never"}, "at"),
        ({"at": None}, "at"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at"),
        ({"at": "2026-05-31T23:59:59+00:00"}, "notice"),
        ({"valid_until": "2027-01-01T00:00:00"}, "valid_until"),
        ({"valid_until": 5}, "valid_until"),
        ({"event_id": None}, "event_id"),
        ({"event_id": ""}, "event_id"),
        ({"event_id": 5}, "event_id"),
        ({"event_id": "a\nb"}, "event_id"),
        ({"event_id": "x" * 201}, "event_id"),
        ({"event_id": "\ud800"}, "event_id"),
        ({"consent_id": ""}, "consent_id"),
        ({"consent_id": ["c"]}, "consent_id"),
        ({"consent_id": "\udfff"}, "consent_id"),
        ({"consent_id": None}, "consent_id"),
        ({"subject": "\ud800"}, "subject"),
    ],
)
@pytest.mark.parametrize("joined", [False, True])
def test_what_is_wrong_is_named_in_a_known_wording_too(changes: dict[str, Any], field: str, joined: bool) -> None:
    base = grant(valid_until="2027-01-01T00:00:00Z")
    wrong: Row = (2, base | changes)
    if joined:
        mine = {name: value for name, value in wrong[1].items() if name in OWN}
        wrong = 2, EventFields(mine, {name: value for name, value in base.items() if name not in OWN})
    taken, errors = take_in([(1, base), wrong, (3, base)], NAMES, REGISTRY, NOW)
    assert [row.row for row in taken] == [1, 3]
    assert [(error.row, error.field) for error in errors] == [(2, field)]


@pytest.mark.parametrize("name", ["consent_id", "valid_until"])
def test_a_field_that_an_event_does_not_have_may_not_even_be_null(name: str) -> None:
    dead: dict[str, object] = {
        "type": "subject_deceased",
        "at": "2026-11-01T00:00:00Z",
        "subject": "C1",
        "event_id": "d",
    }
    taken, errors = take_in([(1, dead), (2, dead | {name: None}), (3, dead)], NAMES, REGISTRY, NOW)
    assert ([row.row for row in taken], [(error.row, error.field) for error in errors]) == ([1, 3], [(2, name)])


def test_what_is_said_of_one_act_only_makes_no_wording(monkeypatch: pytest.MonkeyPatch) -> None:
    read = _strictly(monkeypatch)
    merge = {"type": "identity_merged", "at": "2026-11-01T00:00:00Z", "subject": "C1", "subjects": ["C1", "C2"]}
    dated = grant(event_id="d", recorded_at=NOW.isoformat())
    rows: list[Row] = [(1, merge | {"event_id": "m1"}), (2, merge | {"event_id": "m2"}), (3, dated), (4, dated)]
    assert len(take_in(rows, NAMES, REGISTRY, NOW)[0]) == 4
    assert read == ["m1", "m2", "d", "d"]
    _, errors = take_in(rows[2:], NAMES, REGISTRY, NOW + timedelta(seconds=1))
    assert [error.field for error in errors] == ["recorded_at", "recorded_at"]


def test_wordings_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wording, "MAX_KEPT", 3)
    rows: list[Row] = [
        (n, EventFields({"event_id": f"e{n}", "at": "2026-11-01T00:00:00Z", "subject": "C"}, {
            "type": "birthdate_recorded", "birthdate": f"20{n:02}-01-01"})) for n in range(10)
    ]  # fmt: skip
    wordings = Wordings(REGISTRY)
    taken, errors = take_in([*rows, *rows], NAMES, REGISTRY, NOW, wordings)
    assert (len(taken), errors) == (20, [])
    assert max(len(wordings._known), len(wordings._seen)) <= 3
    for row in taken:
        for day in range(8):
            wordings.projection(row.wording, row.at + timedelta(days=day), NOW, None)
        assert len(row.wording.projections) <= 3


def test_the_projection_of_alike_acts_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def counted(history: History, registry: Registry) -> Any:
        made.append(history.subject)
        return project(history, registry)

    monkeypatch.setattr(wording, "project", counted)
    ends = [None, "2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z", "2026-01-01T00:00:00Z"]
    rows: list[Row] = [
        (n, grant(event_id=f"e{n}", subject=f"C{n}", consent_id=f"c{n}", valid_until=ends[n % 4])) for n in range(16)
    ]
    wordings = Wordings(REGISTRY)
    taken, _ = take_in(rows, NAMES, REGISTRY, NOW, wordings)
    for row in taken:
        found = wordings.projection(row.wording, row.at, NOW, row.valid_until)
        event = row.event(NOW)
        (expected,) = project(History(event.subject, (event,)), REGISTRY)
        assert [(one.category, one.plain, one.state) for one in found] == [
            (expected.category, expected.plain, expected.state)
        ]
    assert len(made) == 3  # open, ending in time, ended before it began


def test_own_fields_are_no_part_of_a_wording() -> None:
    """A field of another kind of event would be read as shared: those named here are all there are."""
    assert set(OWN) == {"event_id", "at", "subject", "consent_id", "valid_until", *OF_ONE_ACT}
    assert set(OF_ONE_ACT) < set(PROOF_FIELDS)
    event = take_in([(1, grant())], NAMES, REGISTRY, NOW)[0][0].event(NOW)
    assert (event.type, event.by, event.mode, event.items[0].form) == (
        EventType.GIVEN,
        Actor.SUBJECT,
        Mode.EXPLICIT,
        Form.SEPARATE,
    )
    assert Wording(event, None).act is event
