"""What stands against a use whoever the person is: registry, recipient, export, assessment.

Steps 1, 5, 6 and 7 of the rule. They precede everything personal on purpose: what a
partner may learn about a denial must not depend on a person's choice.
"""

from __future__ import annotations

from datetime import datetime

from consent.assessment import Assessment, assessment_needed
from consent.basis import BasisRule
from consent.contract import Contract
from consent.history import History, stands
from consent.matter import Matter
from consent.mechanism import ExportMechanism
from consent.party import Party, PartyEventType, Role
from consent.question import Decision, Question, Use, Verdict, answer
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
    question = Question(
        subject="",
        use=use,
        at=at,
        as_known_at=at if as_known_at is None else as_known_at,
        exported_this_year=exported_this_year,
        sensitive_exported_this_year=sensitive_exported_this_year,
    )
    against = unregistered(question, registry) or barred(Matter.of(question, History("", ()), registry))
    return None if against is None else answer(against, question)


def unregistered(question: Question, registry: Registry) -> Verdict | None:
    """Step 1: purpose, category and method must be registered (PIPL 6), as far as known."""
    use = question.use
    if registry.registered(use.purpose, use.category, use.method, question.as_known_at):
        return None
    return ReasonCode.SCOPE_MISMATCH, (6,)


def barred(matter: Matter) -> Verdict | None:
    """Steps 5 to 7, of a registered use; of the person they know only whether it is a child."""
    party = matter.party
    if matter.use.recipient is not None:
        if party is None:
            return ReasonCode.RECIPIENT_BLOCKED, (23, "NDSR-12")
        against = _recipient(party, matter)
        if against is not None:
            return against
        # Of an authority the approval was asked in step 5 instead.
        if party.abroad and party.role is not Role.FOREIGN_AUTHORITY and way_out(matter) is None:
            return ReasonCode.CROSS_BORDER_BLOCKED, (38,)
    purpose = matter.registry.purposes[matter.use.purpose]
    needed = assessment_needed(purpose, party, matter.method, matter.sensitive)
    if needed and assessment(matter) is None:
        return ReasonCode.PIA_MISSING, (55, 56)
    return None


def _recipient(party: Party, matter: Matter) -> Verdict | None:
    """Step 5: is this a recipient that may receive anything at all?"""
    at = matter.at
    if party.restricted:
        return ReasonCode.CROSS_BORDER_BLOCKED, (42,)
    happened = matter.registry.happened_to(party.id, matter.as_known_at)
    authority = party.role is Role.FOREIGN_AUTHORITY
    if authority and not any(event.type is PartyEventType.AUTHORITY_APPROVAL and event.holds(at) for event in happened):
        return ReasonCode.CROSS_BORDER_BLOCKED, (41,)
    # Who acts on instruction needs the contract of PIPL 21, who decides for itself that of NDSR 12.
    articles: tuple[int | str, ...] = (21,) if party.entrusted else (23, "NDSR-12")
    if not authority and not any(contract.in_force(at) for contract in party.contracts):
        return ReasonCode.RECIPIENT_BLOCKED, articles
    reinstated = [event for event in happened if event.type is PartyEventType.REINSTATED]
    if any(event.type is PartyEventType.SUSPENDED and stands(event, reinstated, at) for event in happened):
        return ReasonCode.RECIPIENT_BLOCKED, articles
    if party.sub_processor_of is not None and not party.sub_processing_approved:
        return ReasonCode.RECIPIENT_BLOCKED, (21,)
    if party.entrusted and contract(matter) is None:
        return ReasonCode.SCOPE_MISMATCH, (21,)
    return None


def contract(matter: Matter) -> Contract | None:
    """Return the contract with the recipient in force: of an entrusted party one that lets it act so (PIPL 21)."""
    use, party = matter.use, matter.party
    in_force = [one for one in party.contracts if one.in_force(matter.at)] if party is not None else []
    fitting = [one for one in in_force if one.instructs(use.purpose, matter.category.id, use.method)]
    return next(iter(fitting if party is not None and party.entrusted else fitting or in_force), None)


def way_out(matter: Matter) -> ExportMechanism | None:
    """Return the mechanism that allows the export (PIPL 38), or None."""
    registry, recipient = matter.registry, matter.use.recipient or ""
    ways = registry.ways_out(recipient, matter.at, matter.as_known_at)
    return next((way for way in ways if way.carries(matter.exported, matter.sensitive, registry.policy)), None)


def basis_rule(matter: Matter) -> BasisRule | None:
    """Return the row of the rule table by which a basis other than consent reaches the use (step 10), or None."""
    use, rules = matter.use, matter.registry.rules(matter.at, matter.as_known_at)
    reach = (rule for rule in rules if rule.reaches(use.basis, use.purpose, use.recipient, matter.category.id))
    return next(reach, None)


def assessment(matter: Matter) -> Assessment | None:
    """Return an impact assessment in force that covers the use (PIPL 55), or None."""
    use, holding = matter.use, matter.registry.assessed(matter.at, matter.as_known_at)
    return next((one for one in holding if one.covers(use.purpose, use.recipient, use.method, matter.sensitive)), None)
