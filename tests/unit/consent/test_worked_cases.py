"""The rule by worked cases, and the order of its checks by every pair of faults."""

from __future__ import annotations

from itertools import combinations

import pytest

from consent.cases import decide
from consent.reason import ReasonCode
from tests.unit.consent.worked import case, document, lines, shown

LINES = lines()


def answered(happened: str, asked: str) -> str:
    (answer,) = decide(document([case(1, happened, asked)]))
    return shown(answer)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.title)
def test_worked_case(line):
    assert answered(line.happened, line.asked) == line.answer


def test_titles_name_one_case_each():
    assert len({line.title for line in LINES}) == len(LINES) > 300


def test_every_reason_is_met():
    assert {line.answer.split()[0] for line in LINES} == set(ReasonCode)


def test_one_document_answers_them_all():
    cases = [case(number, line.happened, line.asked) for number, line in enumerate(LINES)]
    assert [shown(answer) for answer in decide(document(cases))] == [line.answer for line in LINES]


# ---- the order of the checks: of two faults the earlier answers ------------------------------------------------------

SOUND = "1 yes to={to} for=marketing cat={cat} via={via} notice=export-private@1"
STEPS = {
    "registry": ("", "via=telepathy", "SCOPE_MISMATCH 6"),
    "alert": ("50 alert", "", "RECORD_UNTRUSTED 9 69"),
    "death": ("50 dead", "", "SUBJECT_DECEASED 49"),
    "unknown": ("", "to=ghost", "RECIPIENT_BLOCKED 23 NDSR-12"),
    "listed": ("", "to=listed", "CROSS_BORDER_BLOCKED 42"),
    "authority": ("", "to=court", "CROSS_BORDER_BLOCKED 41"),
    "contract": ("", "to=brief", "RECIPIENT_BLOCKED 23 NDSR-12"),
    "sub-processor": ("", "to=sub-unapproved", "RECIPIENT_BLOCKED 21"),
    "entrusted purpose": ("", "to=cloud-sg", "SCOPE_MISMATCH 21"),
    "mechanism": ("", "to=nowhere", "CROSS_BORDER_BLOCKED 38"),
    "assessment": ("", "to=newcomer", "PIA_MISSING 55 56"),
    "retention": ("1 collected retention=50", "", "RETENTION_EXPIRED 19 47"),
    "request": ("50 delete", "", "RIGHTS_HOLD 47"),
    "opt-out": ("50 optout", "", "OPTED_OUT 24"),
    "basis": ("", "basis=contract", "BASIS_NOT_EXTENDING 13 23"),
    "consent": ("60 withdraw", "", "CONSENT_WITHDRAWN 15"),
}
STEP_PAIRS = [
    pair
    for pair in combinations(STEPS, 2)
    if STEPS[pair[0]][1].partition("=")[0] != STEPS[pair[1]][1].partition("=")[0] or not STEPS[pair[0]][1]
]


def with_step_faults(*names: str) -> str:
    asked = " ".join(["for=marketing", *(STEPS[name][1] for name in names)])
    to = next((word.removeprefix("to=") for word in asked.split() if word.startswith("to=")), "platform")
    happened = [SOUND.format(to=to, cat="phone", via="psi_hash"), *(STEPS[name][0] for name in names)]
    return answered(";".join(happened), asked)


def test_without_a_fault_the_answer_is_yes():
    assert with_step_faults() == "OK_CONSENT 13 14 23"


@pytest.mark.parametrize("step", STEPS)
def test_each_step_answers_alone(step):
    assert with_step_faults(step) == STEPS[step][2]


@pytest.mark.parametrize(("earlier", "later"), STEP_PAIRS)
def test_of_two_steps_the_earlier_answers(earlier, later):
    # An entrusted recipient has no articles of provision to cite, which is no matter of order.
    assert with_step_faults(earlier, later) == STEPS[earlier][2]


STAGES = {
    "purpose": ({"for": "measurement"}, "", "SCOPE_MISMATCH 6 14"),
    "category": ({"cat": "purchases"}, "", "SCOPE_MISMATCH 6 14"),
    "method": ({"via": "plaintext_api"}, "", "SCOPE_MISMATCH 14 23"),
    "recipient": ({"to": "heir"}, "", "RECIPIENT_MISMATCH 23"),
    "trust": ({"evidence": "no"}, "", "RECORD_UNTRUSTED 9 69"),
    "guardian": ({}, "0 born 2014-01-01", "GUARDIAN_CONSENT_MISSING 31"),
    "act": ({"mode": "bundled"}, "", "CONSENT_INVALID 14"),
    "form": ({"form": "general"}, "", "SEPARATE_CONSENT_MISSING 23"),
    "withdrawal": ({}, "20 withdraw", "CONSENT_WITHDRAWN 15"),
    "term": ({"until": "50"}, "", "CONSENT_EXPIRED NDSR-22"),
    "freshness": ({}, "50 scope-changed", "RECONSENT_REQUIRED 23"),
}


def with_stage_faults(*names: str) -> str:
    words = {"notice": "private@1"}
    for name in names:
        words |= STAGES[name][0]
    grant = " ".join(["1 yes", *(f"{name}={value}" for name, value in words.items())])
    return answered(";".join([grant, *(STAGES[name][1] for name in names)]), "")


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_of_consent_answers_alone(stage):
    assert with_stage_faults(stage) == STAGES[stage][2]


@pytest.mark.parametrize(("earlier", "later"), list(combinations(STAGES, 2)))
def test_of_two_stages_the_earlier_answers(earlier, later):
    assert with_stage_faults(earlier, later) == STAGES[earlier][2]


OF_THE_ACT = [stage for stage, (words, _, _) in STAGES.items() if words]
"""The stages whose fault lies with the act; another act of the same person may be without it."""


@pytest.mark.parametrize(("earlier", "later"), list(combinations(OF_THE_ACT, 2)))
def test_of_two_consents_the_one_that_came_further_answers(earlier, later):
    """One yes fails at the earlier stage, another at the later one: the later answers, whichever was given first."""
    answers = set()
    for order in ((earlier, later), (later, earlier)):
        acts = [
            " ".join([f"{day} yes notice=private@1", *(f"{name}={value}" for name, value in STAGES[stage][0].items())])
            for day, stage in enumerate(order, 1)
        ]
        answers.add(answered(";".join(acts), ""))
    assert answers == {STAGES[later][2]}
