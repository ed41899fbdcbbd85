"""Exports (出境): by which way they may go, and how many people went in a year.

The lines of the 2024 provisions are about the handler, whoever receives: splitting one
export over several recipients passes none of them. Counters of single recipients are
for the register.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from consent.evaluate import Decision, Use, standing
from consent.mechanism import Exported, ExportMechanism, export_year
from consent.registry import Registry
from gateway.errors import RequestError
from gateway.flow.access import require, require_reader
from gateway.flow.ports import ExportCount, House, RegistryItem, Transaction
from gateway.flow.registry import create_version, load_registry, reading, refuse_set_by_server
from gateway.route.caller import Caller, Role

MECHANISM = "mechanism"
WHOLE_HOUSE = ""
NOBODY = Exported(0, 0)


@dataclass(frozen=True, slots=True)
class ExportCounter:
    """A counter with the line that the house must stay below.

    Attributes:
        count: as it stands.
        line: the lowest of the mechanisms in force; None is none.
        warning: the policy's share of the line is reached.
    """

    count: ExportCount
    line: int | None
    warning: bool


async def create_mechanism(house: House, caller: Caller, body: Mapping[str, object], version: int = 0) -> RegistryItem:
    """Register what allows exports to a party, or its next version; it ends early by a version with another end.

    Args:
        house: ports.
        caller: an administrator or a compliance officer.
        body: as `consent.mechanism.ExportMechanism` reads it.
        version: that it is to be; 0 is the next one.

    Returns:
        The stored version; the newest again is the newest.

    Raises:
        RequestError: BAD_FIELD.
        StateError: REVISION_CONFLICT when `version` is not the next one.
    """
    require(caller, Role.ADMINISTRATOR, Role.COMPLIANCE_OFFICER)
    refuse_set_by_server(body)
    with reading():
        mechanism = ExportMechanism.from_mapping(body)
    async with house.store.begin() as tx:
        party = (await load_registry(tx, house)).parties.get(mechanism.party)
        if party is None or not party.abroad:
            raise RequestError("BAD_FIELD", "field party must name a registered party abroad")
        return await create_version(tx, house, caller, MECHANISM, mechanism.id, mechanism.to_mapping(), version)


async def list_counters(
    house: House, caller: Caller, year: int = 0, after: tuple[str, bool] | None = None, limit: int = 1000
) -> list[ExportCounter]:
    """Return the counters of a year, the whole house first, strictly after `after`.

    Args:
        house: ports.
        caller: anyone with a role.
        year: China's time; 0 is the present one.
        after: the last (recipient, sensitive) of the page before.
        limit: most counters returned.

    Raises:
        RequestError: BAD_FIELD for a year that is none.
    """
    require_reader(caller)
    if year and not 2000 <= year <= 9999:
        raise RequestError("BAD_FIELD", "field year must be 0 or a year from 2000 on")
    now = house.clock.now()
    async with house.store.read() as tx:
        registry = await load_registry(tx, house)
        counts = await tx.exports.list(year or export_year(now, registry.policy), after, limit)
    return [_counter(count, registry, now) for count in counts]


async def exported(
    tx: Transaction, registry: Registry, recipient: str | None, at: datetime, as_known_at: datetime | None = None
) -> Exported:
    """Return how many people the house exported in the year of a moment; nobody for own use and at home.

    Args:
        tx: open transaction.
        registry: as of the same snapshot.
        recipient: party id; None is own use.
        at: the moment.
        as_known_at: what was counted by then; None is `at`.
    """
    known_by = at if as_known_at is None else as_known_at
    party = None if recipient is None else registry.party(recipient, known_by)
    if party is None or not party.abroad:
        return NOBODY
    return await tx.exports.exported(export_year(at, registry.policy), WHOLE_HOUSE, known_by)


def standing_with(use: Use, at: datetime, registry: Registry, abroad: Exported) -> Decision | None:
    """Return what stands against a use for everybody, with so many people exported; see `consent.standing`."""
    return standing(use, at, registry, exported_this_year=abroad.people, sensitive_exported_this_year=abroad.sensitive)


def line_of(registry: Registry, recipient: str, sensitive: bool, at: datetime) -> int | None:
    """Return the line for exports to a recipient, "" for the lowest of all: below it the house stays; None is none."""
    lines = [
        mechanism.line(sensitive, registry.policy)
        for party in registry.parties
        if recipient in (WHOLE_HOUSE, party)
        for mechanism in registry.ways_out(party, at, at)
    ]
    if recipient == WHOLE_HOUSE:
        return min((line for line in lines if line), default=None)
    # Of several ways to one recipient the widest counts.
    return None if None in lines else max((line for line in lines if line is not None), default=None)


def near(people: int, line: int | None, registry: Registry) -> bool:
    """Return whether a counter has come so far that the house is warned."""
    return bool(line) and people * 100 >= (line or 0) * registry.policy.export_warning


def _counter(count: ExportCount, registry: Registry, at: datetime) -> ExportCounter:
    line = line_of(registry, count.recipient, count.sensitive, at)
    return ExportCounter(count, line, near(count.people, line, registry))
