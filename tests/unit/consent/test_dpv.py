"""A consent record as DPV-27560 JSON-LD: the shape, the states, and what a partial withdrawal leaves."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from consent.dpv import CONFORMS_TO, consent_record, record_id
from consent.event import Actor, EventType, Form
from consent.history import History
from consent.record import State, records
from tests.unit.consent.scene import NOTICES, day, event, gives, item, refuses, withdraws

N = NOTICES[0]
E = EventType


def exported(*events, at=10, notice=N):
    (record,) = records(History("ann", events))
    document = consent_record(record, notice, day(at))
    assert json.loads(json.dumps(document)) == document
    return document


def status(*events, at=10):
    (found,) = exported(*events, at=at)["dpv:hasConsentStatus"]
    return found


def test_the_shape():
    document = exported(gives(1, consent_id="c", channel="button in separate dialog", valid_until=366))
    identifier = document.pop("dct:identifier")
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", identifier)
    prefixes = document.pop("@context")
    assert document == {
        "@type": "dpv:ConsentRecord",
        "dct:conformsTo": CONFORMS_TO,
        "dpv:hasDataSubject": {"@id": "assent:subjects/ann"},
        "dpv:hasDataController": "assent:parties/shop",
        "dpv:hasJurisdiction": "loc:CN",
        "dpv:hasNotice": {
            "@type": "dpv:ConsentNotice",
            "@id": "assent:notices/N%401",
            "dct:language": "zh-CN",
            "dct:date": "2025-12-27",
        },
        "dpv:hasProcess": [
            {
                "@type": "dpv:Process",
                "dpv:hasPurpose": "assent:purposes/enrichment",
                "dpv:hasPersonalData": "assent:categories/phone",
                "dpv:hasProcessing": "dpv:Match",
                "dpv:hasRecipient": "assent:parties/platform",
                "dpv:hasLegalBasis": "dpv:ExplicitlyExpressedConsent",
                "dpv:hasStorageCondition": [
                    {"@type": "dpv:StorageLocation", "dpv:hasLocation": "loc:CN"},
                    {"@type": "dpv:StorageDuration", "dpv:hasDuration": "180 天"},
                ],
            }
        ],
        "dpv:hasConsentControl": {
            "@type": ["dpv:ProvideConsent", "dpv:WithdrawConsent"],
            "dpv:isExercisedAt": "app://privacy/withdraw",
        },
        "dpv:hasConsentStatus": [
            {
                "@type": ["dpv:ConsentGiven", "dpv:ExplicitlyExpressedConsent", "cn-pipl:SeparateConsent"],
                "dpv:isIndicatedBy": "dpv:DataSubject",
                "dpv:isIndicatedAtTime": "2026-01-02T02:00:00Z",
                "dpv:hasIndicationMethod": "button in separate dialog",
                "dpv:hasDuration": {"@type": "dpv:TemporalDuration", "rdf:value": "P365D"},
            }
        ],
    }
    used = set(re.findall(r"\"([a-z-]+):[A-Za-z]", json.dumps(document)))
    assert used - {"https", "app"} <= set(prefixes)


@pytest.mark.parametrize(
    ("events", "at", "state", "by", "when"),
    [
        ([gives(1), gives(2)], 10, "RenewedConsentGiven", "dpv:DataSubject", day(2)),
        ([gives(1), withdraws(2, 5, by=Actor.SUBJECT)], 10, "ConsentWithdrawn", "dpv:DataSubject", day(2)),
        ([gives(1, by=Actor.GUARDIAN)], 10, "ConsentGiven", "dpv:GuardianOfDataSubject", day(1)),
        ([refuses(3, by=Actor.SUBJECT)], 10, "ConsentRefused", "dpv:DataSubject", day(3)),
        ([gives(1), event(E.REVOKED, 4, handler="shop")], 10, "ConsentRevoked", "dpv:DataController", day(4)),
        ([gives(1), event(E.INVALIDATED, 4, handler="shop")], 10, "ConsentInvalidated", "dpv:Authority", day(4)),
        ([gives(1, by=Actor.STAFF)], 10, "ConsentInvalidated", "dpv:DataController", day(1)),
        ([gives(1, valid_until=5)], 10, "ConsentExpired", None, day(5)),
        ([gives(1, consent_id="c", max_uses=1), event(E.USED, 3, consent_id="c")], 10, "ConsentExpired", None, day(3)),
        ([event(E.REQUESTED, 1, handler="shop"), event(E.DEFERRED, 2, handler="shop")], 10, "ConsentRequestDeferred",
         None, day(2)),
        ([gives(1, evidence=False)], 10, "ConsentUnknown", "dpv:DataSubject", day(1)),
    ],
)  # fmt: skip
def test_states(events, at, state, by, when):
    found = status(*events, at=at)
    assert found["@type"][0] == f"dpv:{state}"
    assert State(state)
    assert found.get("dpv:isIndicatedBy") == by
    assert found["dpv:isIndicatedAtTime"] == when.replace(tzinfo=None).isoformat() + "Z"


def test_what_a_partial_withdrawal_leaves():
    both = gives(1, None, item(categories=["phone", "purchases"], methods=["psi_hash", "plaintext_api"]))
    document = exported(both, withdraws(2, categories=("purchases",), method="plaintext_api"))
    left = [(process["dpv:hasPersonalData"], process["dpv:hasProcessing"]) for process in document["dpv:hasProcess"]]
    assert left == [
        ("assent:categories/phone", ["dpv:Match", "dpv:Share"]),
        ("assent:categories/purchases", "dpv:Match"),
    ]
    gone = exported(both, withdraws(2))["dpv:hasProcess"]
    assert [process["dpv:hasPersonalData"] for process in gone] == [
        ["assent:categories/phone", "assent:categories/purchases"]
    ]


def test_forms_and_own_use():
    document = exported(gives(1, None, item(recipients=[], form=Form.GENERAL)))
    assert "dpv:hasRecipient" not in document["dpv:hasProcess"][0]
    assert document["dpv:hasProcess"][0]["dpv:hasLegalBasis"] == "dpv:ExpressedConsent"
    assert "cn-pipl:WrittenConsent" in status(gives(1, None, item(form=Form.WRITTEN)))["@type"]


def test_a_notice_that_is_not_on_file():
    document = exported(gives(1, notice="N@9"), notice=None)
    assert document["dpv:hasNotice"] == {"@type": "dpv:ConsentNotice", "@id": "assent:notices/N%409"}
    assert "dpv:hasConsentControl" not in document


def test_names_of_records():
    one, other = records(History("ann", (gives(1, None, item(), item("measurement"), consent_id="c"),)))
    assert record_id(one) != record_id(other)
    assert record_id(one) == record_id(replace(one, state=State.WITHDRAWN))
    assert exported(gives(1, None, item("a b/c")))["dpv:hasProcess"][0]["dpv:hasPurpose"] == "assent:purposes/a%20b%2Fc"
