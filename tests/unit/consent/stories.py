"""Worked cases of the rule: who said what on which day; what is asked; what the answer is, with its articles."""

from __future__ import annotations

from datetime import date

from consent.event import Actor, EventType, Form, Mode
from tests.unit.consent.scene import asks, born, event, gives, item, refuses, withdraws

E = EventType
TWELVE, FOURTEEN_ON_DAY_100 = date(2014, 1, 1), date(2012, 4, 11)

STORIES = {
    "yes, named and separate": ([gives(1)], asks(), "OK_CONSENT 13 14 23"),
    "never asked": ([], asks(), "NO_CONSENT 13 14"),
    "asked, dialog closed": (
        [event(E.REQUESTED, 1, handler="shop"), event(E.DEFERRED, 1, handler="shop")],
        asks(),
        "NO_CONSENT 13 14",
    ),
    "no": ([refuses(1, purpose="enrichment")], asks(), "CONSENT_REFUSED 14"),
    "no to somebody else": ([refuses(1, recipient="heir")], asks(), "NO_CONSENT 13 14"),
    "no, then yes": ([refuses(1), gives(2)], asks(), "OK_CONSENT 13 14 23"),
    "yes, then no": ([gives(1), refuses(2)], asks(), "CONSENT_REFUSED 14"),
    "yes to another purpose, no to this one": (
        [gives(1, None, item("measurement")), refuses(2, purpose="enrichment")],
        asks(),
        "CONSENT_REFUSED 14",
    ),
    "yes, then withdrawn": ([gives(1), withdraws(2)], asks(), "CONSENT_WITHDRAWN 15"),
    "only a withdrawal on file": ([withdraws(2)], asks(), "CONSENT_WITHDRAWN 15"),
    "withdrawn for another recipient": ([gives(1), withdraws(2, recipient="heir")], asks(), "OK_CONSENT 13 14 23"),
    "withdrawn at another handler": ([gives(1), withdraws(2, handler="platform")], asks(), "OK_CONSENT 13 14 23"),
    "withdrawn for another method": ([gives(1), withdraws(2, method="plaintext_api")], asks(), "OK_CONSENT 13 14 23"),
    "withdrawn by the consent's name, with a slow clock": (
        [gives(3, consent_id="C"), withdraws(2, consent_id="C")],
        asks(),
        "CONSENT_WITHDRAWN 15",
    ),
    "another consent withdrawn by name": (
        [gives(1, consent_id="C"), withdraws(2, consent_id="D")],
        asks(),
        "OK_CONSENT 13 14 23",
    ),
    "before the withdrawal": ([gives(1), withdraws(9)], asks(8, 100), "OK_CONSENT 13 14 23"),
    "withdrawn and given again": ([gives(1), withdraws(2), gives(3)], asks(), "OK_CONSENT 13 14 23"),
    "paper withdrawal, keyed in later, before a new yes": ([withdraws(2, 5), gives(3)], asks(), "OK_CONSENT 13 14 23"),
    "a late yes from before the withdrawal": ([withdraws(2), gives(1, 5)], asks(), "CONSENT_WITHDRAWN 15"),
    "other purpose": ([gives(1, None, item("measurement"))], asks(), "SCOPE_MISMATCH 6 14"),
    "other category": ([gives(1)], asks(category="purchases"), "SCOPE_MISMATCH 6 14"),
    "other method": ([gives(1)], asks(method="plaintext_api"), "SCOPE_MISMATCH 14 23"),
    "other method, own use": ([gives(1)], asks(recipient=None, method="internal_join"), "SCOPE_MISMATCH 14"),
    "purpose of one item, category of another": (
        [gives(1, None, item(), item("measurement", ["purchases"]))],
        asks(category="purchases"),
        "SCOPE_MISMATCH 6 14",
    ),
    "a purpose that nobody registered": ([gives(1, None, item("resale"))], asks(purpose="resale"), "SCOPE_MISMATCH 6"),
    "a class of recipients": ([gives(1, None, item(recipients=["partners", "*"]))], asks(), "RECIPIENT_MISMATCH 23"),
    "a general yes": ([gives(1, None, item(form=Form.GENERAL))], asks(), "SEPARATE_CONSENT_MISSING 23"),
    "a general yes for own use": (
        [gives(1, None, item(recipients=[], form=Form.GENERAL))],
        asks(recipient=None),
        "OK_CONSENT 13 14",
    ),
    "a general yes, entrusted": (
        [gives(1, None, item(recipients=[], form=Form.GENERAL), notice="OWN@1")],
        asks(recipient="cloud"),
        "OK_CONSENT 13 14 21",
    ),
    "entrusted for a purpose outside its contract": (
        [gives(1, None, item("measurement"))],
        asks(recipient="cloud", purpose="measurement"),
        "SCOPE_MISMATCH 21",
    ),
    "a joint handler is a recipient": ([gives(1)], asks(recipient="joint"), "RECIPIENT_MISMATCH 23"),
    "publishing on a general yes": (
        [gives(1, None, item(methods=["publish"], form=Form.GENERAL))],
        asks(recipient=None, method="publish"),
        "SEPARATE_CONSENT_MISSING 25",
    ),
    "sensitive, told why": (
        [gives(1, None, item(categories=["location"]), notice="SENSITIVE@1")],
        asks(category="location"),
        "OK_CONSENT 13 14 23 29",
    ),
    "sensitive, not told why": (
        [gives(1, None, item(categories=["location"]))],
        asks(category="location"),
        "CONSENT_INVALID 14 30",
    ),
    "sensitive on a general yes": (
        [gives(1, None, item(categories=["location"], form=Form.GENERAL), notice="SENSITIVE@1")],
        asks(category="location"),
        "SEPARATE_CONSENT_MISSING 23 29",
    ),
    "written form asked, separate given": (
        [gives(1, None, item(categories=["credit"]), notice="SENSITIVE@1")],
        asks(category="credit"),
        "SEPARATE_CONSENT_MISSING 29",
    ),
    "written form asked and given": (
        [gives(1, None, item(categories=["credit"], form=Form.WRITTEN), notice="SENSITIVE@1")],
        asks(category="credit"),
        "OK_CONSENT 13 14 23 29",
    ),
    "a child's own yes": ([born(TWELVE), gives(1, notice="SENSITIVE@1")], asks(), "GUARDIAN_CONSENT_MISSING 31"),
    "a guardian's yes": (
        [born(TWELVE), gives(1, notice="SENSITIVE@1", by=Actor.GUARDIAN, guardian_verified=True)],
        asks(),
        "OK_CONSENT 13 14 23 29 31",
    ),
    "a guardian's yes without children's contents": (
        [born(TWELVE), gives(1, by=Actor.GUARDIAN, guardian_verified=True)],
        asks(),
        "CONSENT_INVALID 14 30",
    ),
    "an unproven guardian": (
        [born(TWELVE), gives(1, notice="SENSITIVE@1", by=Actor.GUARDIAN)],
        asks(),
        "GUARDIAN_CONSENT_MISSING 31",
    ),
    "fourteen today": ([born(FOURTEEN_ON_DAY_100), gives(99)], asks(100), "GUARDIAN_CONSENT_MISSING 31"),
    "consented as a child, asked as an adult": (
        [born(FOURTEEN_ON_DAY_100), gives(99)],
        asks(110),
        "GUARDIAN_CONSENT_MISSING 31",
    ),
    "the guardian consented, then the child grew up": (
        [born(FOURTEEN_ON_DAY_100), gives(1, notice="SENSITIVE@1", by=Actor.GUARDIAN, guardian_verified=True)],
        asks(110),
        "RECONSENT_REQUIRED 31",
    ),
    "grown up and asked": ([born(FOURTEEN_ON_DAY_100), gives(101)], asks(110), "OK_CONSENT 13 14 23"),
    "ticked in advance": ([gives(1, mode=Mode.PRETICKED)], asks(), "CONSENT_INVALID 14"),
    "entered by staff": ([gives(1, by=Actor.STAFF)], asks(), "CONSENT_INVALID 14"),
    "the partner not shown in the notice": ([gives(1, notice="OWN@1")], asks(), "CONSENT_INVALID 14 23"),
    "a notice that does not exist": ([gives(1, notice="N@7")], asks(), "CONSENT_INVALID 14 17"),
    "no notice at all": ([gives(1, notice=None)], asks(), "CONSENT_INVALID 14 17"),
    "a notice that is a draft": ([gives(1, notice="DRAFT@1")], asks(), "CONSENT_INVALID 14 17"),
    "a notice published afterwards": ([gives(-6)], asks(), "CONSENT_INVALID 14 17"),
    "declared void, asked about before": (
        [gives(1, consent_id="C"), event(E.INVALIDATED, 50, handler="joint", consent_id="C")],
        asks(10, 60),
        "CONSENT_INVALID 14",
    ),
    "a whole purpose declared void": (
        [gives(1), event(E.INVALIDATED, 50, handler="shop", purpose="enrichment")],
        asks(10, 60),
        "CONSENT_INVALID 14",
    ),
    "declared void, given anew": (
        [gives(1), event(E.INVALIDATED, 50, handler="shop"), gives(60)],
        asks(),
        "OK_CONSENT 13 14 23",
    ),
    "no evidence kept": ([gives(1, evidence=False)], asks(), "RECORD_UNTRUSTED 9 69"),
    "a clock an hour ahead": ([gives(1 + 1 / 24, 1)], asks(), "RECORD_UNTRUSTED 9 69"),
    "a clock four minutes ahead": ([gives(1 + 4 / 1440, 1)], asks(), "OK_CONSENT 13 14 23"),
    "recorded later than asked about": ([gives(1, 50)], asks(10, 60), "NO_CONSENT 13 14"),
    "ends now": ([gives(1, valid_until=100)], asks(100), "CONSENT_EXPIRED NDSR-22"),
    "ends in a second": ([gives(1, valid_until=100 + 1 / 86400)], asks(100), "OK_CONSENT 13 14 23"),
    "used up": (
        [gives(1, consent_id="C", max_uses=2), event(E.USED, 2, consent_id="C"), event(E.USED, 3, consent_id="C")],
        asks(),
        "CONSENT_EXPIRED NDSR-22",
    ),
    "used once of twice": (
        [gives(1, consent_id="C", max_uses=2), event(E.USED, 2, consent_id="C")],
        asks(),
        "OK_CONSENT 13 14 23",
    ),
    "the service ended": (
        [gives(1, valid_until=90), event(E.REVOKED, 50, handler="shop", purpose="enrichment")],
        asks(),
        "CONSENT_EXPIRED 47 NDSR-22",
    ),
    "to another handler": ([gives(1, handler="joint")], asks(), "NO_CONSENT 13 14"),
    "the other direction": (
        [gives(1, None, item(recipients=["shop"]), handler="platform")],
        asks(handler="platform", recipient="shop"),
        "OK_CONSENT 13 14 23",
    ),
    "abroad, told of rights there": (
        [gives(1, None, item(recipients=["singapore"]), notice="EXPORT@1")],
        asks(recipient="singapore"),
        "OK_CONSENT 13 14 23 39",
    ),
    "abroad, by the dialog for home": (
        [gives(1, None, item(recipients=["singapore"]))],
        asks(recipient="singapore"),
        "CONSENT_INVALID 14 39",
    ),
    "dead": ([gives(1), event(E.DECEASED, 50)], asks(), "SUBJECT_DECEASED 49"),
    "record under doubt": ([gives(1), event(E.INTEGRITY_ALERT, 50)], asks(), "RECORD_UNTRUSTED 9 69"),
    "doubt dispelled": (
        [gives(1), event(E.INTEGRITY_ALERT, 50), event(E.INTEGRITY_CLEARED, 51)],
        asks(),
        "OK_CONSENT 13 14 23",
    ),
    "doubt dispelled before it rose": (
        [gives(1), event(E.INTEGRITY_CLEARED, 49), event(E.INTEGRITY_ALERT, 50)],
        asks(),
        "RECORD_UNTRUSTED 9 69",
    ),
    "kept too long": (
        [event(E.COLLECTED, 1, categories=("phone",), retention_until=90), gives(2)],
        asks(),
        "RETENTION_EXPIRED 19 47",
    ),
    "collected anew": (
        [event(E.COLLECTED, 1, retention_until=90), event(E.COLLECTED, 80, retention_until=900), gives(2)],
        asks(),
        "OK_CONSENT 13 14 23",
    ),
    "collected anew, recorded too late": (
        [event(E.COLLECTED, 1, retention_until=90), event(E.COLLECTED, 80, 150, retention_until=900), gives(2)],
        asks(100, 200),
        "RETENTION_EXPIRED 19 47",
    ),
    "another category kept too long": (
        [event(E.COLLECTED, 1, categories=("purchases",), retention_until=90), gives(2)],
        asks(),
        "OK_CONSENT 13 14 23",
    ),
    "deletion asked": ([gives(1), event(E.DELETION, 50)], asks(), "RIGHTS_HOLD 47"),
    "restriction asked": ([gives(1), event(E.RESTRICTION, 50, purpose="enrichment")], asks(), "RIGHTS_HOLD 44"),
    "restriction of another purpose": (
        [gives(1), event(E.RESTRICTION, 50, purpose="marketing")],
        asks(),
        "OK_CONSENT 13 14 23",
    ),
    "restriction over": ([gives(1), event(E.RESTRICTION, 50, until=90)], asks(), "OK_CONSENT 13 14 23"),
    "restriction and closure": (
        [gives(1), event(E.RESTRICTION, 50), event(E.CLOSURE, 51)],
        asks(),
        "RIGHTS_HOLD 44 47",
    ),
    "closed, then a new consent": ([gives(1), event(E.CLOSURE, 50), gives(60)], asks(), "OK_CONSENT 13 14 23"),
    "closed and consented in one moment": ([gives(50), event(E.CLOSURE, 50)], asks(), "RIGHTS_HOLD 47"),
    "closed, then a new consent to something else": (
        [gives(1), event(E.CLOSURE, 50), gives(60, None, item("measurement"))],
        asks(),
        "RIGHTS_HOLD 47",
    ),
    "closed, then a new consent that is void: the old one stays ended": (
        [gives(1), event(E.CLOSURE, 50), gives(60, mode=Mode.BUNDLED)],
        asks(),
        "CONSENT_INVALID 14",
    ),
    "deletion asked, storage is a duty": (
        [event(E.DELETION, 50), event(E.STATUTORY_HOLD, 50, until=900)],
        asks(recipient=None, method="store_only"),
        "OK_ACTION 47",
    ),
    "deletion asked, the duty to store is over": (
        [event(E.DELETION, 50), event(E.STATUTORY_HOLD, 50, until=90)],
        asks(recipient=None, method="store_only"),
        "RIGHTS_HOLD 47",
    ),
    "deletion asked, the duty is about something else": (
        [event(E.DELETION, 50), event(E.STATUTORY_HOLD, 50, until=900, categories=("purchases",))],
        asks(recipient=None, method="store_only"),
        "RIGHTS_HOLD 47",
    ),
    "opted out": ([gives(1, None, item("marketing")), event(E.OPT_OUT, 50)], asks(purpose="marketing"), "OPTED_OUT 24"),
    "opted out, but this is no marketing": ([gives(1), event(E.OPT_OUT, 50)], asks(), "OK_CONSENT 13 14 23"),
    "opted out and in again": (
        [gives(1, None, item("marketing")), event(E.OPT_OUT, 50), event(E.OPT_IN, 51)],
        asks(purpose="marketing"),
        "OK_CONSENT 13 14 23",
    ),
    "opted out, and in again by staff": (
        [gives(1, None, item("marketing")), event(E.OPT_OUT, 50), event(E.OPT_IN, 51, by=Actor.STAFF)],
        asks(purpose="marketing"),
        "OPTED_OUT 24",
    ),
    "the contract needs it, deletion asked": (
        [event(E.DELETION, 50)],
        asks(purpose="delivery", basis="contract"),
        "RIGHTS_HOLD 47",
    ),
    "the contract needs it, deletion asked, then a new consent": (
        [event(E.DELETION, 50), gives(60, None, item("delivery"))],
        asks(purpose="delivery", basis="contract"),
        "OK_OTHER_BASIS 13",
    ),
    **{
        f"the contract needs it, deletion asked, then an act that is no consent: {fault}": (
            [event(E.DELETION, 50), gives(60, None, item("delivery"), **words)],
            asks(purpose="delivery", basis="contract"),
            "RIGHTS_HOLD 47",
        )
        for fault, words in {
            "a ticked box": {"mode": Mode.PRETICKED},
            "entered by staff": {"by": Actor.STAFF},
            "without evidence": {"evidence": False},
            "without a notice": {"notice": None},
        }.items()
    },
    "the contract needs it": ([], asks(purpose="delivery", basis="contract"), "OK_OTHER_BASIS 13"),
    "the contract does not need it": ([gives(1)], asks(basis="contract"), "BASIS_NOT_EXTENDING 13 23"),
    "the contract does not need it, own use": (
        [gives(1)],
        asks(recipient=None, basis="contract"),
        "BASIS_NOT_EXTENDING 13",
    ),
    "no such basis": ([gives(1)], asks(basis="legitimate_interest"), "BASIS_NOT_EXTENDING 13 23"),
    "public information refused": (
        [event(E.PUBLIC_INFO_REFUSED, 50)],
        asks(recipient=None, basis="public_info"),
        "RIGHTS_HOLD 27",
    ),
    "public information refused does not touch a consent": (
        [gives(1), event(E.PUBLIC_INFO_REFUSED, 50)],
        asks(),
        "OK_CONSENT 13 14 23",
    ),
    "a large group": ([], asks(category="statistics", group_size=20), "OK_ANONYMOUS 4 73"),
    "a small group is its members": ([gives(1)], asks(category="statistics", group_size=19), "SCOPE_MISMATCH 6 14"),
    "a small group that consented": (
        [gives(1, None, item(categories=["purchases"]))],
        asks(category="statistics", group_size=19),
        "OK_CONSENT 13 14 23",
    ),
    "a large group, linkable": ([], asks(category="statistics", group_size=500, linkable=True), "NO_CONSENT 13 14"),
    "an aggregate of unknown size": ([], asks(category="statistics"), "NO_CONSENT 13 14"),
    "the furthest of two grants answers": (
        [gives(1, valid_until=50), gives(2, None, item(form=Form.GENERAL))],
        asks(),
        "CONSENT_EXPIRED NDSR-22",
    ),
    "of two equally far, the later answers": (
        [gives(1, mode=Mode.COERCED), gives(2, notice="OWN@1")],
        asks(),
        "CONSENT_INVALID 14 23",
    ),
    "a sound grant beside a later unsound one": (
        [gives(1), gives(2, None, item(form=Form.GENERAL))],
        asks(),
        "OK_CONSENT 13 14 23",
    ),
}
