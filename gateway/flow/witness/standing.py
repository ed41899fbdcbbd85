"""What an officer sees of witnesses: ours, the logs that we witness, and forks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.flow.access import require_log_reader
from gateway.flow.checkpoint import log_key
from gateway.flow.ports import House
from gateway.route.caller import Caller
from gateway.route.witness import ForkRecord, HeldCheckpoint
from gateway.tlog.cosignature import witness_key


@dataclass(frozen=True, slots=True)
class WitnessStanding:
    """A partner as a witness of our log.

    Attributes:
        party: party id.
        vkey: verifier key of its cosignatures.
        size: entries of the last checkpoint that it cosigned; 0 for none.
        at: when it says it did, or None.
    """

    party: str
    vkey: str
    size: int
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything about witnesses at one moment."""

    witnesses: tuple[WitnessStanding, ...]
    logs: tuple[HeldCheckpoint, ...]
    forks: tuple[ForkRecord, ...]


async def standing(house: House, caller: Caller) -> Standing:
    """Return our witnesses by party, the logs that we witness by origin, and forks, the newest first."""
    require_log_reader(caller)
    async with house.store.read() as tx:
        newest = await tx.witnesses.newest(log_key(house).name)
        witnesses = []
        for partner in await tx.partners.list():
            last = newest.get(partner.card.party)
            size, at = (0, None) if last is None else (last.size, last.at)
            witnesses.append(WitnessStanding(partner.card.party, witness_key(partner.card).vkey, size, at))
        return Standing(tuple(witnesses), tuple(await tx.witnesses.list_held()), tuple(await tx.witnesses.forks()))
