"""Warnings of what ends on a known day: assessments, agreements, contracts, export mechanisms, certificates.

Each end is warned of 30, 7 and 1 day before, once each, and only by the nearest of them: a gateway that was down for
a month does not begin with what is past. Of deletions that fall due it is 1 day, and once more when they are late; the
late ones are counted for as long as they are open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta

from consent.contract import Contract
from consent.mechanism import ExportMechanism
from consent.policy import CHINA_STANDARD_TIME
from gateway.errors import HostileInput
from gateway.flow.access import require_reader
from gateway.flow.ports import House, Transaction
from gateway.flow.registry import load_registry
from gateway.route.agreement import AgreementState
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller
from gateway.route.canonical import time_text
from gateway.route.task import EndingKind, EndWarning
from gateway.tlog.leaf import LeafType

DAYS_BEFORE = (1, 7, 30)

Ending = tuple[EndingKind, str, datetime]


async def warn_of_ends(house: House) -> Mapping[str, int]:
    """Raise the warnings that are due."""
    now = house.clock.now()
    counts: Counter[str] = Counter()
    async with house.store.read() as tx:
        endings = [ending async for ending in _endings(tx, house)]
        due = await tx.deletions.by_due_time(now + timedelta(days=1), now)
    # One for all that are due together: there may be very many.
    endings += [(EndingKind.DELETION, _last_day(due_at), due_at) for due_at, _ in due]
    for kind, item_id, ends_at in endings:
        days = next((days for days in DAYS_BEFORE if now < ends_at <= now + timedelta(days=days)), None)
        if kind is EndingKind.DELETION and ends_at <= now:
            days = 0
        if days is None:
            continue
        async with house.store.begin() as tx:
            if not await tx.warnings.raised(EndWarning(kind, item_id, ends_at, days, now)):
                continue
            payload = {"kind": kind.value, "id": item_id, "ends_at": time_text(ends_at), "days": days}
            await tx.audit.append([AuditEvent(LeafType.END_NEAR, now, "", payload)])
        counts[kind.value] += 1
    if counts:
        house.bells.ring("audit")
    late = sum(count for due_at, count in due if due_at <= now)
    return dict(counts) | ({"deletions_late": late} if late else {})


async def list_warnings(
    house: House, caller: Caller, past: bool, after: tuple[datetime, str, str] | None, limit: int
) -> list[EndWarning]:
    """Return warnings by their end; without `past` only of what has not ended yet."""
    require_reader(caller)
    since = datetime.min.replace(tzinfo=house.clock.now().tzinfo) if past else house.clock.now()
    async with house.store.read() as tx:
        return await tx.warnings.list(since, after, limit)


async def _endings(tx: Transaction, house: House) -> AsyncIterator[Ending]:
    registry = await load_registry(tx, house)
    # Oldest version first: one that was shortened ends when its newest version says.
    for assessment in {one.id: one for one in registry.assessments}.values():
        if assessment.next_review is not None:
            yield EndingKind.ASSESSMENT, assessment.id, assessment.next_review
    now = house.clock.now()
    agreed: set[str] = set()
    after = ""
    while page := await tx.agreements.list(after):
        for copy in page:
            if copy.state is AgreementState.IN_FORCE:
                agreed.add(copy.agreement.agreement_id)
                yield EndingKind.AGREEMENT, copy.agreement.agreement_id, copy.agreement.valid_until
        after = page[-1].agreement.agreement_id
    # Of what follows, a party may have several: where the next one follows, nothing ends.
    for party in registry.parties.values():
        # An agreement is a contract too, and named already.
        apart = [one for one in party.contracts if one.id not in agreed]
        # Of an entrusted party each binds by what it says (PIPL 21): another goes on for it only where it says as much.
        heirs = [[other for other in apart if not party.entrusted or other.says_all_of(one)] for one in apart]
        for ends_at in {_end_of_all(one, now) for one in heirs}:
            yield EndingKind.CONTRACT, party.id, ends_at
    ways: dict[str, list[ExportMechanism]] = {}
    # Oldest version first: a way out that was shortened ends when its newest version says.
    for mechanism in {mechanism.id: mechanism for mechanism in registry.mechanisms}.values():
        ways.setdefault(mechanism.party, []).append(mechanism)
    for party_id, ways_out in ways.items():
        yield EndingKind.EXPORT_MECHANISM, party_id, _end_of_all(ways_out, now)
    yield EndingKind.OWN_CERTIFICATE, house.custody.party, house.custody.certificate_end()
    for partner in await tx.partners.list():
        ends = [end for pem in partner.card.trust if (end := _certificate_end(house, pem)) is not None]
        if ends:
            yield EndingKind.PARTNER_CERTIFICATE, partner.card.party, max(ends)


def _end_of_all(terms: Sequence[Contract | ExportMechanism], now: datetime) -> datetime:
    """Return until when one or another of some terms, at least one, holds from now on, or once the next begins."""
    end = now
    for term in sorted(terms, key=lambda term: term.valid_from):
        if term.valid_from > end > now:
            break  # nothing holds until this one begins
        end = max(end, term.valid_until)
    return end


def _last_day(due_at: datetime) -> str:
    """Return the last day, in China, on which a deletion is in time."""
    return (due_at.astimezone(CHINA_STANDARD_TIME) - timedelta(microseconds=1)).date().isoformat()


def _certificate_end(house: House, pem: str) -> datetime | None:
    """Return the end of a partner's certificate; one that cannot be read opens no connection, and has no end."""
    try:
        return house.custody.certificate_end(pem)
    except HostileInput:
        return None
