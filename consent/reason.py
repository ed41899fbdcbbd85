"""Reason codes: every answer of the rule has exactly one.

A denial cites the articles whose requirement failed, and no others. System reasons
precede personal ones, and only the former may be told to a partner: a refusal seen
from outside must never reveal a person's choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import MappingProxyType


class ReasonCode(StrEnum):
    """Four codes allow, twenty-two deny."""

    OK_CONSENT = "OK_CONSENT"
    OK_OTHER_BASIS = "OK_OTHER_BASIS"
    OK_ANONYMOUS = "OK_ANONYMOUS"
    OK_ACTION = "OK_ACTION"
    RECORD_UNTRUSTED = "RECORD_UNTRUSTED"
    IDENTITY_CONFLICT = "IDENTITY_CONFLICT"
    SUBJECT_DECEASED = "SUBJECT_DECEASED"
    RECIPIENT_BLOCKED = "RECIPIENT_BLOCKED"
    CROSS_BORDER_BLOCKED = "CROSS_BORDER_BLOCKED"
    PIA_MISSING = "PIA_MISSING"
    RETENTION_EXPIRED = "RETENTION_EXPIRED"
    RIGHTS_HOLD = "RIGHTS_HOLD"
    OPTED_OUT = "OPTED_OUT"
    BASIS_NOT_EXTENDING = "BASIS_NOT_EXTENDING"
    GUARDIAN_CONSENT_MISSING = "GUARDIAN_CONSENT_MISSING"
    CONSENT_INVALID = "CONSENT_INVALID"
    CONSENT_WITHDRAWN = "CONSENT_WITHDRAWN"
    CONSENT_REFUSED = "CONSENT_REFUSED"
    CONSENT_EXPIRED = "CONSENT_EXPIRED"
    RECONSENT_REQUIRED = "RECONSENT_REQUIRED"
    SCOPE_MISMATCH = "SCOPE_MISMATCH"
    RECIPIENT_MISMATCH = "RECIPIENT_MISMATCH"
    SEPARATE_CONSENT_MISSING = "SEPARATE_CONSENT_MISSING"
    NO_CONSENT = "NO_CONSENT"
    SERVICE_REFUSAL_BARRED = "SERVICE_REFUSAL_BARRED"
    REPROMPT_BARRED = "REPROMPT_BARRED"


class Visibility(StrEnum):
    """What a partner may see of a code."""

    YES = "yes"
    NO = "no"
    COUNT = "count"
    IF_OUTSIDE_CONTRACT = "if outside its contract"


@dataclass(frozen=True, slots=True)
class Reason:
    """What a code means.

    Attributes:
        code: the code.
        allowed: whether it is a yes.
        may_cite: articles that an answer with this code may cite: `PIPL-n` or `NDSR-n`.
        meaning: one sentence for an officer.
        repair: what usually helps; empty when nothing is wrong.
        partner: what a partner may see of it.
    """

    code: ReasonCode
    allowed: bool
    may_cite: frozenset[str]
    meaning: str
    repair: str
    partner: Visibility


def _reason(code: ReasonCode, cites: str, meaning: str, repair: str, partner: Visibility) -> Reason:
    may_cite = frozenset(entry if "-" in entry else f"PIPL-{entry}" for entry in cites.split())
    return Reason(code, code.startswith("OK_"), may_cite, meaning, repair, partner)


_C, _V = ReasonCode, Visibility

REASONS: Mapping[ReasonCode, Reason] = MappingProxyType(
    {
        reason.code: reason
        for reason in (
            _reason(_C.OK_CONSENT, "13 14 21 22 23 25 29 31 39", "Valid consent of the needed form.", "", _V.COUNT),
            _reason(_C.OK_OTHER_BASIS, "13", "Another legal basis reaches this use.", "Keep its evidence.", _V.YES),
            _reason(_C.OK_ANONYMOUS, "4 73", "The aggregate is anonymised.", "Keep group size and budget.", _V.YES),
            _reason(_C.OK_ACTION, "14 16 47", "The action asked for, other than use, is permitted.", "", _V.NO),
            _reason(_C.RECORD_UNTRUSTED, "9 69", "Chain, clock or evidence fails.", "Investigate; ask afresh.", _V.NO),
            _reason(_C.IDENTITY_CONFLICT, "8 14", "Merged persons disagree.", "Unmerge, or ask both.", _V.NO),
            _reason(_C.SUBJECT_DECEASED, "49", "A death is recorded.", "Serve relatives' requests only.", _V.NO),
            _reason(
                _C.RECIPIENT_BLOCKED,
                "21 23 NDSR-12",
                "Recipient unknown, suspended, out of contract, or an unapproved sub-processor.",
                "Mend contract or registry.",
                _V.YES,
            ),
            _reason(
                _C.CROSS_BORDER_BLOCKED,
                "38 41 42",
                "No export mechanism, a listed recipient, or a foreign authority without approval.",
                "Get a mechanism, or stop.",
                _V.YES,
            ),
            _reason(
                _C.PIA_MISSING,
                "55 56",
                "No impact assessment in force covers purpose, recipient, method and sensitivity.",
                "Assess first.",
                _V.YES,
            ),
            _reason(_C.RETENTION_EXPIRED, "19 47", "The period told is over.", "Delete or anonymise.", _V.NO),
            _reason(
                _C.RIGHTS_HOLD,
                "27 44 47",
                "A deletion, restriction, closure or refusal of public information is in force.",
                "Finish the request.",
                _V.NO,
            ),
            _reason(_C.OPTED_OUT, "24", "Personalised marketing was refused.", "Show other content.", _V.NO),
            _reason(
                _C.BASIS_NOT_EXTENDING,
                "13 23",
                "The claimed basis does not reach this purpose, recipient or category.",
                "Get separate consent.",
                _V.YES,
            ),
            _reason(
                _C.GUARDIAN_CONSENT_MISSING,
                "31",
                "Under fourteen now or when consenting, and no verified guardian consented.",
                "Ask the guardian.",
                _V.NO,
            ),
            _reason(
                _C.CONSENT_INVALID,
                "14 17 23 30 39",
                "The act was not informed, voluntary and explicit, or was declared void.",
                "New notice and act; review past runs.",
                _V.NO,
            ),
            _reason(_C.CONSENT_WITHDRAWN, "15", "Withdrawn for this scope.", "Delete or hold; tell recipients.", _V.NO),
            _reason(_C.CONSENT_REFUSED, "14", "An explicit no.", "Respect the cool-down.", _V.NO),
            _reason(_C.CONSENT_EXPIRED, "NDSR-22 47", "Period, uses or service are over.", "Renew.", _V.NO),
            _reason(
                _C.RECONSENT_REQUIRED,
                "14 23 31",
                "Notice, recipient's purpose or age changed since the consent.",
                "Ask under the new notice.",
                _V.NO,
            ),
            _reason(
                _C.SCOPE_MISMATCH,
                "6 14 21 23",
                "Purpose, category or method lies outside the registry, the consent or the entrustment.",
                "Narrow the call, or ask.",
                _V.IF_OUTSIDE_CONTRACT,
            ),
            _reason(
                _C.RECIPIENT_MISMATCH,
                "22 23",
                "The consent does not name this recipient, or its succession was not told.",
                "Ask naming it.",
                _V.NO,
            ),
            _reason(
                _C.SEPARATE_CONSENT_MISSING,
                "23 25 29 39",
                "Only a general consent, or none in writing, where the law asks for more.",
                "Ask in a dialog of its own.",
                _V.NO,
            ),
            _reason(_C.NO_CONSENT, "13 14", "Nothing from this person to this handler.", "Ask.", _V.NO),
            _reason(_C.SERVICE_REFUSAL_BARRED, "16", "Service may not be refused for a no.", "Serve anyway.", _V.NO),
            _reason(_C.REPROMPT_BARRED, "NDSR-22", "Asked too soon after a refusal.", "Wait.", _V.NO),
        )
    }
)


def partner_visible(code: str) -> bool:
    """Return whether a partner may see this very code about a use; counts and everything personal are withheld."""
    return REASONS[ReasonCode(code)].partner is Visibility.YES


@cache
def citations(articles: tuple[int | str, ...]) -> tuple[str, ...]:
    """Return articles as they are cited, each once, PIPL before NDSR, by number.

    Args:
        articles: numbers of PIPL, or `NDSR-n`.
    """
    cited = {article if isinstance(article, str) else f"PIPL-{article}" for article in articles}
    return tuple(sorted(cited, key=lambda article: (article[:4] != "PIPL", int(article[5:]))))
