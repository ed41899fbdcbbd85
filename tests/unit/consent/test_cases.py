"""A document of worked cases: what goes without saying is filled in, what is wrong is named by its place."""

from __future__ import annotations

import copy

import pytest

from consent.cases import decide, unread
from consent.errors import FieldError

T0, T1, T2, T3 = (f"2026-0{month}-01T10:00:00+08:00" for month in (2, 3, 4, 6))
ALL_YEARS = {"from": "2020-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z"}
GRANT = {
    "type": "consent_given",
    "at": T0,
    "subject": "S",
    "consent_id": "C",
    "notice": "N@1",
    "items": [{"purpose": "p", "categories": ["c"], "methods": ["psi_hash"], "recipients": ["X"], "form": "separate"}],
}
QUESTION = {"subject": "S", "purpose": "p", "category": "c", "method": "psi_hash", "recipient": "X", "at": T3}
FIXTURES = {
    "timezone": "Asia/Shanghai",
    "methods": ["psi_hash", "carrier_pigeon"],
    "purposes": {"p": {}},
    "categories": {"c": {"sensitive": False}},
    "parties": {
        "X": {"role": "handler", "country": "CN", "contract": ALL_YEARS},
        "Y": {"role": "handler", "country": "CN", "contract": ALL_YEARS},
    },
    "notices": {"N@1": {"contents": ["art17", "art23"]}, "N@2": {"contents": ["art17", "art23"]}},
    "pias": [
        {
            "id": "A",
            "approved_at": "2020-01-01T00:00:00Z",
            "purposes": ["p"],
            "recipients": ["X", "Y", None],
            "methods": ["psi_hash", "carrier_pigeon"],
            "covers_sensitive": True,
        }
    ],
}


def document(*events, fixtures=None, **question):
    case = {"id": "1", "events": list(events), "question": QUESTION | question}
    return {"fixtures": FIXTURES | (fixtures or {}), "cases": [case]}


def code(*events, **more) -> str:
    (answer,) = decide(document(*events, **more))
    return answer["reason_code"]


def test_answer():
    assert decide(document(GRANT)) == [
        {"id": "1", "allowed": True, "reason_code": "OK_CONSENT", "articles": ["PIPL-13", "PIPL-14", "PIPL-23"]}
    ]


def test_expected_answers_are_not_looked_at():
    made = document(GRANT)
    made["cases"][0]["expected"] = {"allowed": False, "reason_code": "NO_CONSENT", "articles": []}
    assert decide(made)[0]["allowed"]


@pytest.mark.parametrize(
    ("events", "answer"),
    [
        ([GRANT, {"type": "consent_withdrawn", "at": T1, "subject": "S"}], "CONSENT_WITHDRAWN"),
        ([GRANT, {"type": "consent_withdrawn", "at": T1, "consent_id": "C"}], "CONSENT_WITHDRAWN"),
        ([GRANT, {"type": "consent_withdrawn", "at": T1, "subject": "T"}], "OK_CONSENT"),
        ([GRANT, {"type": "consent_withdrawn", "at": T1}], "CONSENT_WITHDRAWN"),  # names nobody: everybody
        ([GRANT, {"type": "consent_withdrawn", "at": T1, "subject": "S", "handler": "X"}], "OK_CONSENT"),
        ([GRANT | {"handler": "X"}], "NO_CONSENT"),
        ([GRANT, GRANT | {"at": T2, "mode": "bundled"}], "OK_CONSENT"),  # a replay
        ([{key: value for key, value in GRANT.items() if key != "consent_id"}], "OK_CONSENT"),
        ([GRANT, {"type": "identity_merged", "at": T1, "subjects": ["S", "T"]}], "IDENTITY_CONFLICT"),
        ([GRANT, {"type": "integrity_alert", "at": T1, "consent_id": "C"}], "RECORD_UNTRUSTED"),
        ([GRANT, {"type": "notice_published", "at": T1, "notice": "N", "version": 2, "material_for": ["p"]}],
         "RECONSENT_REQUIRED"),
        ([GRANT, {"type": "notice_published", "at": T1, "notice": "N", "version": 2}], "OK_CONSENT"),
        ([GRANT, {"type": "notice_published", "at": T1, "notice": "N", "material_for": ["p"]}], "RECONSENT_REQUIRED"),
        ([GRANT, {"type": "statutory_hold", "at": T1, "subject": "S"}], "OK_CONSENT"),
        ([GRANT, {"type": "collected", "at": T1, "subject": "S"}], "OK_CONSENT"),
        ([GRANT | {"notice": "M@1"}, {"type": "notice_published", "at": T0, "notice": "M@1", "contents": ["art17"]}],
         "CONSENT_INVALID"),
        ([GRANT, {"type": "recipient_suspended", "at": T1, "recipient": "X"}], "RECIPIENT_BLOCKED"),
        ([GRANT, {"type": "recipient_succeeded", "at": T1, "from": "X", "to": "Y", "notified": True}], "OK_CONSENT"),
    ],
)  # fmt: skip
def test_defaults(events, answer):
    assert code(*events) == answer


def test_succession():
    events = [GRANT, {"type": "recipient_succeeded", "at": T1, "from": "X", "to": "Y", "notified": True}]
    assert code(*events, recipient="Y") == "OK_CONSENT"


def test_assessments_by_event():
    approved = {"type": "pia_approved", "at": T1, "pia": FIXTURES["pias"][0] | {"approved_at": T0}}
    assert code(GRANT, fixtures={"pias": []}) == "PIA_MISSING"
    assert code(GRANT, approved, fixtures={"pias": []}) == "OK_CONSENT"
    assert code(GRANT, approved | {"at": "2026-07-01T00:00:00Z"}, fixtures={"pias": []}) == "PIA_MISSING"


def test_foreign_authority():
    court = {"Z": {"role": "foreign_authority", "country": "US"}}
    approval = {"type": "competent_authority_approval", "at": T1}
    for events, answer in (
        ([], "CROSS_BORDER_BLOCKED"),
        ([approval], "PIA_MISSING"),
        ([approval | {"recipient": "Z"}], "PIA_MISSING"),
        ([approval | {"recipient": "X"}], "CROSS_BORDER_BLOCKED"),
    ):
        assert code(GRANT, *events, recipient="Z", fixtures={"parties": FIXTURES["parties"] | court}) == answer


def test_a_party_without_a_contract():
    assert code(GRANT, fixtures={"parties": {"X": {"role": "handler", "country": "CN"}}}) == "RECIPIENT_BLOCKED"


def test_a_method_of_the_document():
    pigeon = GRANT | {"items": [GRANT["items"][0] | {"methods": ["carrier_pigeon"]}]}
    assert code(pigeon, method="carrier_pigeon") == "OK_CONSENT"


def test_default_handler_of_the_schema():
    made = document(GRANT | {"handler": "shop"})
    assert decide(made)[0]["reason_code"] == "NO_CONSENT"
    properties = {"question": {"properties": {"handler": {"default": "shop"}}}}
    assert decide(made | {"case_schema": {"properties": properties}})[0]["reason_code"] == "OK_CONSENT"


def test_policy():
    late = GRANT | {"at": "2026-02-01T10:02:00+08:00", "recorded_at": T0}
    assert code(late) == "OK_CONSENT"
    assert code(late, fixtures={"policy": {"clock_skew_tolerance_s": 60}}) == "RECORD_UNTRUSTED"
    refused = {"type": "consent_refused", "at": "2026-05-30T10:00:00+08:00", "subject": "S"}
    assert code(refused, kind="prompt") == "REPROMPT_BARRED"
    assert code(refused, kind="prompt", fixtures={"policy": {"reprompt_cooldown_days": 1}}) == "OK_ACTION"


@pytest.mark.parametrize(
    ("zone", "answer"), [("Asia/Shanghai", "OK_CONSENT"), ("America/New_York", "GUARDIAN_CONSENT_MISSING")]
)
def test_time_zone(zone, answer):
    """Fourteen on 31 January: already past in Shanghai, not yet in New York."""
    birthday = {"type": "birthdate_recorded", "at": T0, "subject": "S", "birthdate": "2012-01-31"}
    assert code(GRANT, birthday, fixtures={"timezone": zone}) == answer


def test_time_zone_unsaid():
    made = document(GRANT)
    made["fixtures"] = {name: value for name, value in FIXTURES.items() if name != "timezone"}
    assert decide(made)[0]["allowed"]


def test_fields_that_nobody_reads_are_named():
    assert unread(document(GRANT, {"type": "recipient_suspended", "at": T1, "recipient": "Y"})) == []
    misspelt = document(
        GRANT | {"valid_untill": T1}, {"type": "recipient_suspended", "at": T1, "recipient": "Y", "x": 1}, purposes=[]
    )
    assert decide(misspelt)[0]["allowed"]
    assert unread(misspelt) == ["cases[0].question.purposes", "cases[0].events[0].valid_untill", "cases[0].events[1].x"]


def test_a_party_that_processes_abroad():
    remote = {"X": FIXTURES["parties"]["X"] | {"processing_country": "SG"}}
    assert code(GRANT, fixtures={"parties": remote}) == "CROSS_BORDER_BLOCKED"


def test_methods_unsaid_are_those_that_exist():
    made = document(GRANT)
    made["fixtures"] = {name: value for name, value in FIXTURES.items() if name != "methods"}
    assert decide(made)[0]["allowed"]


def broken(*path, value=...):
    made = copy.deepcopy(document(GRANT))
    place = made
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return made


@pytest.mark.parametrize(
    ("made", "field"),
    [
        ({}, "fixtures"),
        (broken("cases"), "cases"),
        (broken("cases", value=5), "cases"),
        (broken("cases", 0, "id"), "cases[0].id"),
        (broken("cases", 0, "question"), "cases[0].question"),
        (broken("cases", 0, "question", "at"), "cases[0].question.at"),
        (broken("cases", 0, "question", "kind", value="guess"), "cases[0].question.kind"),
        (broken("cases", 0, "events", 0, "type"), "cases[0].events[0].type"),
        (broken("cases", 0, "events", 0, "type", value="guess"), "cases[0].events[0].type"),
        (broken("cases", 0, "events", 0, "at", value="guess"), "cases[0].events[0].at"),
        (broken("cases", 0, "events", 0, "items", 0, "form"), "cases[0].events[0].items[0].form"),
        (broken("cases", 0, "events", 0, "consent_id", value=5), "cases[0].events[0].consent_id"),
        (broken("fixtures", "purposes", "p", value=5), "fixtures.purposes.p"),
        (broken("fixtures", "parties", "X", "role", value="friend"), "fixtures.parties.X.role"),
        (broken("fixtures", "parties", "X", "contract", "to"), "fixtures.parties.X.contract.to"),
        (broken("fixtures", "pias", 0, "recipients"), "fixtures.pias[0].recipients"),
        (broken("fixtures", "notices", "N", value={"contents": []}), "fixtures.notices.N"),
        (broken("fixtures", "pias", 0, "approved_at"), "fixtures.pias[0].approved_at"),
        (document({"type": "notice_published", "at": T1, "notice": "N@x"}), "cases[0].events[0].notice"),
        (document({"type": "recipient_suspended", "at": T1}), "cases[0].events[0].recipient"),
        (broken("fixtures", "timezone", value="Moon/Tycho"), "fixtures.timezone"),
        (broken("fixtures", "timezone", value="../etc"), "fixtures.timezone"),
        (broken("fixtures", "policy", value=5), "fixtures.policy"),
    ],
)
def test_malformed(made, field):
    with pytest.raises(FieldError) as caught:
        decide(made)
    assert caught.value.field == field
