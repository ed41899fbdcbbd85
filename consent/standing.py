"""What stands against a use whoever the person is: registry, recipient, export, assessment.

Steps 1, 5, 6 and 7 of the rule. They precede everything personal on purpose: what a
partner may learn about a denial must not depend on a person's choice.
"""

from __future__ import annotations

from datetime import datetime

from consent.assessment import assessment_needed
from consent.history import stands
from consent.mechanism import Exported
from consent.party import Party, PartyEventType, Role
from consent.purpose import Category
from consent.question import Decision, Use, Verdict, answer
from consent.reason import ReasonCode
from consent.registry import Registry


def standing(
    use: Use,
    at: datetime,
    registry: Registry,
    *,
    as_known_at: datetime | None = None,
    exported_this_year: int | None = None,
    sensitive_exported_this_year: int | None = None,
) -> Decision | None:
    """Return the denial that meets everybody, or None when nothing stands against the use.

    Args:
        use: the intended use; an aggregate is judged as what it is made of.
        at: the moment asked about.
        registry: the snapshot to judge by.
        as_known_at: what was recorded by then counts; None is `at`.
        exported_this_year: as in `Question`.
        sensitive_exported_this_year: as in `Question`.
    """
    by = at if as_known_at is None else as_known_at
    exported = Exported(exported_this_year, sensitive_exported_this_year)
    against = unregistered(use, registry) or barred(use, at, by, registry, exported, child=False)
    return None if against is None else answer(against, at, by)


def judged_category(category: str, registry: Registry) -> Category:
    """Return a registered category; of an aggregate, the category it is made of."""
    found = registry.categories[category]
    return found if found.base is None else registry.categories[found.base]


def unregistered(use: Use, registry: Registry) -> Verdict | None:
    """Step 1: purpose, category and method must be registered (PIPL 6)."""
    category = registry.categories.get(use.category)
    if (
        use.purpose in registry.purposes
        and use.method in registry.methods
        and category is not None
        and (category.base is None or category.base in registry.categories)
    ):
        return None
    return ReasonCode.SCOPE_MISMATCH, (6,)


def barred(
    use: Use, at: datetime, as_known_at: datetime, registry: Registry, exported: Exported, child: bool
) -> Verdict | None:
    """Steps 5 to 7, of a registered use.

    Args:
        use: the intended use.
        at: the moment asked about.
        as_known_at: what was recorded by then counts.
        registry: the snapshot to judge by.
        exported: as in `Question`.
        child: the person is under fourteen, so that everything is sensitive (PIPL 28).
    """
    category = judged_category(use.category, registry)
    sensitive = child or category.sensitive
    party = None
    if use.recipient is not None:
        party = registry.party(use.recipient, as_known_at)
        if party is None:
            return ReasonCode.RECIPIENT_BLOCKED, (23, "NDSR-12")
        against = _recipient(party, use, category.id, at, as_known_at, registry)
        if against is not None:
            return against
        if party.abroad and not _way_out(party, sensitive, at, as_known_at, registry, exported):
            return ReasonCode.CROSS_BORDER_BLOCKED, (38,)
    needed = assessment_needed(registry.purposes[use.purpose], party, registry.methods[use.method], sensitive)
    if needed and not any(
        assessment.covers(use.purpose, use.recipient, use.method, sensitive)
        and assessment.in_force(at)
        and assessment.known(as_known_at)
        for assessment in registry.assessments
    ):
        return ReasonCode.PIA_MISSING, (55, 56)
    return None


def _recipient(
    party: Party, use: Use, category: str, at: datetime, as_known_at: datetime, registry: Registry
) -> Verdict | None:
    """Step 5: is this a recipient that may receive anything at all?"""
    if party.restricted:
        return ReasonCode.CROSS_BORDER_BLOCKED, (42,)
    happened = registry.happened_to(party.id, as_known_at)
    authority = party.role is Role.FOREIGN_AUTHORITY
    if authority and not any(
        event.type is PartyEventType.AUTHORITY_APPROVAL
        and event.later <= at
        and (event.until is None or at < event.until)
        for event in happened
    ):
        return ReasonCode.CROSS_BORDER_BLOCKED, (41,)
    # Who acts on instruction needs the contract of PIPL 21, who decides for itself that of NDSR 12.
    articles: tuple[int | str, ...] = (21,) if party.entrusted else (23, "NDSR-12")
    in_force = [contract for contract in party.contracts if contract.in_force(at)]
    if not in_force and not authority:
        return ReasonCode.RECIPIENT_BLOCKED, articles
    reinstated = [event for event in happened if event.type is PartyEventType.REINSTATED]
    if any(event.type is PartyEventType.SUSPENDED and stands(event, reinstated, at) for event in happened):
        return ReasonCode.RECIPIENT_BLOCKED, articles
    if party.sub_processor_of is not None and not party.sub_processing_approved:
        return ReasonCode.RECIPIENT_BLOCKED, (21,)
    if party.entrusted and not any(contract.instructs(use.purpose, category, use.method) for contract in in_force):
        return ReasonCode.SCOPE_MISMATCH, (21,)
    return None


def _way_out(
    party: Party, sensitive: bool, at: datetime, as_known_at: datetime, registry: Registry, exported: Exported
) -> bool:
    """Step 6: does a mechanism allow the export? An authority's approval was asked in step 5 instead."""
    if party.role is Role.FOREIGN_AUTHORITY:
        return True
    return any(
        mechanism.carries(exported, sensitive, registry.policy)
        for mechanism in registry.ways_out(party.id, at, as_known_at)
    )
