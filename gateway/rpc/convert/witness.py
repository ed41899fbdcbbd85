"""Witnesses, receipts and forks, to messages."""

from __future__ import annotations

from gateway.flow.witness.receipt import Receipt
from gateway.flow.witness.standing import Standing, WitnessStanding
from gateway.route.witness import ForkRecord, HeldCheckpoint
from gateway.rpc.convert.field import time_to_proto
from gateway.v1 import witness_pb2


def receipt_to_proto(receipt: Receipt) -> witness_pb2.Receipt:
    """Write a receipt."""
    return witness_pb2.Receipt(
        index=receipt.index,
        tree_size=receipt.size,
        content=receipt.content,
        final=receipt.final,
        witnesses=receipt.witnesses,
    )


def standing_to_proto(standing: Standing) -> witness_pb2.Witnesses:
    """Write what is known of witnesses."""
    return witness_pb2.Witnesses(
        witnesses=[_witness(item) for item in standing.witnesses],
        logs=[_log(item) for item in standing.logs],
        forks=[_fork(item) for item in standing.forks],
    )


def _witness(item: WitnessStanding) -> witness_pb2.Witness:
    return witness_pb2.Witness(
        party=item.party, vkey=item.vkey, tree_size=item.size, cosign_time=time_to_proto(item.at)
    )


def _log(item: HeldCheckpoint) -> witness_pb2.WitnessedLog:
    return witness_pb2.WitnessedLog(
        party=item.party,
        origin=item.origin,
        tree_size=item.size,
        note=item.note.decode(),
        cosign_time=time_to_proto(item.at),
    )


def _fork(item: ForkRecord) -> witness_pb2.LogFork:
    return witness_pb2.LogFork(
        party=item.party,
        origin=item.origin,
        held_note=item.held.decode("utf-8", "replace"),
        shown_note=item.shown.decode("utf-8", "replace"),
        reason=item.reason,
        find_time=time_to_proto(item.found_at),
    )
