"""Reason codes: a closed list, with what each may cite and who may see it."""

from __future__ import annotations

import pytest

from consent.reason import REASONS, ReasonCode, citations, partner_visible


def test_four_allow_and_twenty_two_deny():
    assert set(REASONS) == set(ReasonCode)
    assert [len([r for r in REASONS.values() if r.allowed is allowed]) for allowed in (True, False)] == [4, 22]
    assert all(reason.allowed is reason.code.startswith("OK_") for reason in REASONS.values())


def test_only_system_reasons_are_told_to_partners():
    assert {code for code in ReasonCode if partner_visible(code)} == {
        "OK_OTHER_BASIS",
        "OK_ANONYMOUS",
        "RECIPIENT_BLOCKED",
        "CROSS_BORDER_BLOCKED",
        "PIA_MISSING",
        "BASIS_NOT_EXTENDING",
    }


def test_unknown_code():
    with pytest.raises(ValueError, match="GUESS"):
        partner_visible("GUESS")


def test_citations():
    assert citations(("NDSR-12", 23, 4, 23)) == ("PIPL-4", "PIPL-23", "NDSR-12")
