from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from consent.event import Form
from consent.question import Decision, Use
from consent.reason import ReasonCode
from consent.record import ConsentRecord, State
from gateway.client.consent import _consent as read_back
from gateway.flow.consent import ImportReport
from gateway.flow.intake import RowError
from gateway.rpc.convert.consent import (
    consent_to_proto,
    decision_to_proto,
    import_report_to_proto,
    subject_from_proto,
    use_from_proto,
)
from gateway.v1 import consent_pb2
from tests.unit.gateway.rpc.convert.messages import WHEN, refused, stamp

ASKED: dict[str, Any] = {
    "subject_type": "customer",
    "subject": "C-1",
    "purpose": "purposes/p",
    "category": "categories/c",
    "method": "psi_hash",
    "recipient": "parties/platform-b",
}
RECORD = ConsentRecord(
    subject="s" * 26,
    handler="retailer",
    purpose="p",
    recipient="platform-b",
    categories=("c", "d"),
    methods=("psi_hash",),
    undone=frozenset({("d", "psi_hash")}),
    state=State.RENEWED,
    form=Form.SEPARATE,
    consent_id="K/2",
    supersedes=("K/1",),
    notice="N@2",
    effective_from=WHEN,
    valid_until=WHEN + timedelta(days=1),
    max_uses=3,
    uses=1,
    event_ids=("E-1", "E-2"),
)


def _question(**changes: Any) -> consent_pb2.EvaluateConsentRequest:
    return consent_pb2.EvaluateConsentRequest(**(ASKED | changes))


def test_a_use_is_parsed_whole_and_ours_by_default() -> None:
    assert use_from_proto(_question(), "retailer") == Use("retailer", "platform-b", "p", "c", "psi_hash")
    own = use_from_proto(_question(recipient="", handler="parties/other"), "retailer")
    assert own == Use("other", None, "p", "c", "psi_hash")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"purpose": "p"}, "purpose"),
        ({"category": ""}, "category"),
        ({"method": ""}, "method"),
        ({"recipient": "platform-b"}, "recipient"),
        ({"handler": "parties/"}, "handler"),
    ],
)
def test_a_bad_field_is_named(changes: dict[str, Any], path: str) -> None:
    refused(lambda message: use_from_proto(message, "retailer"), _question(**changes), path)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"subject": ""}, "subject"),
        ({"subject": "13800138000" * 50}, "subject"),
        ({"subject_type": ""}, "subject_type"),
        ({"subject_type": "x" * 33}, "subject_type"),
    ],
)
def test_a_subject_is_bounded_and_never_repeated(changes: dict[str, Any], path: str) -> None:
    refused(subject_from_proto, _question(**changes), path)


@pytest.mark.parametrize("code", ReasonCode)
def test_every_code_is_explained(code: ReasonCode) -> None:
    message = decision_to_proto(Decision(code.startswith("OK_"), code, ("PIPL-13",), None, None, WHEN, WHEN))
    assert message.meaning
    assert bool(message.repair) or message.allowed
    assert (message.reason_code, list(message.articles), message.decide_time) == (code.value, ["PIPL-13"], stamp())


def test_a_consent_reaches_the_client_whole() -> None:
    found = read_back(consent_to_proto(RECORD, WHEN))
    assert (found.subject_ref, found.consent_id, found.state) == ("s" * 26, "K/2", "RENEWED_CONSENT_GIVEN")
    assert (found.handler, found.purpose, found.recipient) == ("retailer", "p", "platform-b")
    assert (found.categories, found.methods) == (("c", "d"), ("psi_hash",))
    assert found.withdrawn_parts == (("d", "psi_hash"),)
    assert (found.form, found.supersedes, found.notice) == ("SEPARATE", ("K/1",), "N@2")
    assert (found.effective_from, found.valid_until) == (WHEN, WHEN + timedelta(days=1))
    assert (found.max_uses, found.uses, found.event_ids) == (3, 1, ("E-1", "E-2"))


def test_the_state_is_that_of_the_moment() -> None:
    assert read_back(consent_to_proto(RECORD, WHEN + timedelta(days=1))).state == "CONSENT_EXPIRED"


def test_a_refusal_names_no_consent() -> None:
    refusal = ConsentRecord(subject="s" * 26, handler="retailer", purpose=None, recipient=None, state=State.REFUSED)
    found = read_back(consent_to_proto(refusal, WHEN))
    assert (found.consent_id, found.purpose, found.recipient, found.form) == ("", "", "", "UNSPECIFIED")
    assert (found.effective_from, found.valid_until) == (None, None)


@pytest.mark.parametrize("state", State)
def test_every_state_has_its_number(state: State) -> None:
    record = ConsentRecord(subject="s", handler="r", purpose=None, recipient=None, state=state)
    words = read_back(consent_to_proto(record, WHEN)).state.replace("_", "").lower()
    assert words == state.value.lower()


def test_a_report_keeps_its_rows() -> None:
    warned = (RowError(3, "consent_id", "is of no consent"),)
    report = ImportReport(5, 2, (RowError(7, "items[0].form", "must be one of general"),), 9, warned, 4)
    message = import_report_to_proto(report)
    assert (message.accepted, message.replayed, message.rejected_count, message.warned_count) == (5, 2, 9, 4)
    assert [(error.row, error.field) for error in message.warned] == [(3, "consent_id")]
    assert [(error.row, error.field) for error in message.rejected] == [(7, "items[0].form")]
