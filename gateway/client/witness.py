"""Witnesses of the audit log: receipts that hold offline, who cosigned, forks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from gateway.client.connection import Connection
from gateway.client.record import required_time, time_of
from gateway.v1 import witness_pb2, witness_pb2_grpc

_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt.

    Attributes:
        index: of the entry.
        tree_size: entries in the tree of its checkpoint.
        content: the file, as `.tlog-proof`.
        final: whether enough witnesses cosigned.
        witnesses: parties whose cosignatures it carries.
    """

    index: int
    tree_size: int
    content: bytes
    final: bool
    witnesses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Witness:
    """A partner as a witness of our log; `tree_size` is 0 and `cosigned_at` None before its first cosignature."""

    party: str
    vkey: str
    tree_size: int
    cosigned_at: datetime | None


@dataclass(frozen=True, slots=True)
class WitnessedLog:
    """A partner's log that we witness; `note` is the checkpoint that we cosigned last."""

    party: str
    origin: str
    tree_size: int
    note: str
    cosigned_at: datetime


@dataclass(frozen=True, slots=True)
class LogFork:
    """Two checkpoints under one log's key that do not continue each other."""

    party: str
    origin: str
    held_note: str
    shown_note: str
    reason: str
    found_at: datetime


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What is known of witnesses."""

    witnesses: tuple[Witness, ...]
    logs: tuple[WitnessedLog, ...]
    forks: tuple[LogFork, ...]


class AsyncWitnesses:
    """Calls of WitnessService."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection."""
        self._connection = connection
        self._stub = witness_pb2_grpc.WitnessServiceStub(connection.channel)

    async def receipt(self, index: int = 0, *, key: str = "", type: str = "", wait_s: float = 0.0) -> Receipt:
        """Return the receipt of an entry.

        Args:
            index: of the entry; used where `key` is "".
            key: id of the consent event, session, job or agreement that the entry is about.
            type: of the leaf; "" for a consent event.
            wait_s: seconds to wait until it is final; then it is returned as it stands.
        """
        request = witness_pb2.GetReceiptRequest(index=index, key=key, type=type)
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while True:
            found = await self._connection.call(self._stub.GetReceipt, request)
            if found.final or loop.time() >= until:
                return Receipt(found.index, found.tree_size, found.content, found.final, tuple(found.witnesses))
            await asyncio.sleep(_LOOK_S)

    async def get(self) -> Witnesses:
        """Return our witnesses, the logs that we witness, and forks."""
        found = await self._connection.call(self._stub.GetWitnesses, witness_pb2.GetWitnessesRequest())
        return Witnesses(
            tuple(
                Witness(item.party, item.vkey, item.tree_size, time_of(item, "cosign_time")) for item in found.witnesses
            ),
            tuple(
                WitnessedLog(item.party, item.origin, item.tree_size, item.note, required_time(item, "cosign_time"))
                for item in found.logs
            ),
            tuple(
                LogFork(
                    item.party,
                    item.origin,
                    item.held_note,
                    item.shown_note,
                    item.reason,
                    required_time(item, "find_time"),
                )
                for item in found.forks
            ),
        )

    async def policy(self) -> bytes:
        """Return the policy (C2SP tlog-policy) by which receipts are final."""
        found = await self._connection.call(self._stub.GetLogPolicy, witness_pb2.GetLogPolicyRequest())
        return bytes(found.content)
