"""What a run takes, from what this machine does in a second and what runs were measured to take beside that.

The curve, reading and the consent gate are calibrated. What is left of a run - sorting, sealing, hashing, sending - is
given by constants that were taken from measured runs, and scaled by how fast this machine does plain work. Both
gateways ran on two cores; where other work ran beside them, a row cost them 1.3 times what it does alone:

    MATCH  10^6 x 10^6: 27.6 s, 50.3 CPU s (other work beside), 74.2 bytes a row, 538 to 565 MB; with 64 MiB 32.4 s
    MATCH  10^7 x 10^7: 295 s, 547 CPU s (other work beside), 876 MB; 10^5 x 10^5: 3.7 s, 358 MB
    ENRICH 10^6 x 10^6 with 32 bytes: 1.21 times the CPU, 1.26 times the wall, 613 MB
    Paillier, 3072 bits: 3,300 encryptions and 30,000 additions a second, 75 ms a returned ciphertext
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.flow.preflight.calibrate import Machine
from gateway.psi.stages import Grouped, grouped_stages, row_stages
from gateway.psi.suite import row_bytes, tag_bytes
from gateway.route.agreement import Operation
from gateway.route.session import AggregateStage, Stage, StageSize

FIXED_S = 1.8
"""Of the wall clock, whatever the size: opening, closing, signatures, looks at the partner."""
FIXED_CPU_S = 1.05
"""Of either side, much of it by programs that are loaded when they are first needed."""
READS = 2.5
"""Passes over the source: to judge, for the curve, and half of one for the result."""
REST_S = ((100_000, 1.2e-6), (1_000_000, 3.6e-6))
"""Processor seconds a row of either side beside curve, reading and gate, by rows: fewer stay in the caches."""
SEAL_S, OPEN_S = 6.0e-6, 2.0e-6
"""ENRICH at 10^6: a row of the table, and a record of the receiver. An eighth is sealing; the rest is sorting and
moving wider rows, which takes less where they stay in the caches, as `REST_S` does."""
MEASURED_BYTES = 35
"""Attributes of a row, as they are sealed, in the runs that these were taken from."""
SEAL_BYTE_S, OPEN_BYTE_S = 5.0e-9, 3.5e-9
"""A byte more, on either side: the seal 1.7 ns, a digest 0.8 ns, copies, files, TLS. Taken step by step, of no run."""
SPILLED = 1.4
"""More of the rest, for the part of a sort that does not fit the memory."""
BUSY, BUSY_ENRICH = 0.93, 0.89
"""Part of the processors' time that two gateways on one machine use: the rest is waiting for each other."""
JUDGING = 0.6
"""Part of the rest that lies before the first exchange."""
GATES = 1.5
"""Judgements a record and use: when the cohort is built, and of those matched at the end."""
ENCRYPT_S, ADD_S, RETURN_S = 1 / 3300, 1 / 30_000, 0.075
"""Paillier: an encryption, a ciphertext that is checked and added, one that is masked and decrypted."""
WIRE, WIRE_FIXED = 1.0025, 14_000
"""Bytes on the wire a byte of the stages (TLS, HTTP/2), and beside them."""
FRESH_BYTES = 300_000_000
"""Resident memory of a gateway that runs little: programs, connections, buffers."""
BUFFER_ROW, BUFFERS = 450, 180_000_000
"""Bytes a row in pieces on their way, and their most."""
SORT_ROW = 110
"""Bytes a row in sorts, as far as the run's share of memory goes."""
SPOOL_ROW = 60
"""Bytes a row in local files: the cohort, the matches, their tokens."""
SORTED_ROW = 50
"""Bytes a row of the largest sort."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a run is.

    Attributes:
        operation: of the run.
        own_rows: of our data set, the receiver's.
        own: records that we send.
        partner: records of the sender.
        plain_bytes: attributes of a row of ENRICH, padded; else 0.
        uses: questions about consent per customer.
        grouped: what the opening record says of statistics, None for rows.
        segments: of the receiver's records.
        to_sender: whether the sender learns the matches.
        memory: bytes of working memory that the run may hold.
        shared_machine: whether both gateways run here.
        keys: elements of a record: of statistics one per match key, of rows one.
    """

    operation: Operation
    own_rows: int
    own: int
    partner: int
    plain_bytes: int
    uses: int
    grouped: Grouped | None
    segments: int
    to_sender: bool
    memory: int
    shared_machine: bool
    keys: int = 1


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run takes; units are seconds and bytes.

    Attributes:
        shares: processor seconds of both sides by kind of work.
    """

    wall_s: float
    cpu_s: float
    partner_cpu_s: float
    wire_bytes: int
    table_bytes: int
    spool_bytes: int
    memory_bytes: int
    shares: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class _Work:
    """Processor seconds of both sides, (receiver's, sender's), by kind."""

    curve: tuple[float, float]
    reading: tuple[float, float]
    gate: tuple[float, float]
    rest: tuple[float, float]
    encryption: tuple[float, float]

    def of(self, side: int) -> float:
        """Return all of one side."""
        return sum(kind[side] for kind in (self.curve, self.reading, self.gate, self.rest, self.encryption))


def forecast(machine: Machine, size: Size, read_s: float, gate_s: float, cores: int) -> Forecast:
    """Foretell a run.

    Args:
        machine: as calibrated a moment ago.
        size: of the run.
        read_s: processor seconds a row of the data set read, normalised and pseudonymised.
        gate_s: processor seconds a person and use told apart by the store.
        cores: processors that this gateway may use.
    """
    work, stages = _work(machine, size, read_s, gate_s), _stages(size)
    moved = sum(stage.rows * stage.record_size for stage in stages if not stage.open_ended)
    table = _table_bytes(size, stages)
    ours, theirs = work.of(0), work.of(1)
    rows = size.own_rows
    resident = FRESH_BYTES + min(BUFFER_ROW * rows, BUFFERS) + min(SORT_ROW * rows, size.memory)
    return Forecast(
        wall_s=_wall(machine, size, work, cores),
        cpu_s=ours + FIXED_CPU_S,
        partner_cpu_s=theirs + FIXED_CPU_S,
        wire_bytes=int(moved * WIRE) + WIRE_FIXED,
        table_bytes=table,
        spool_bytes=moved + SPOOL_ROW * size.own + (SORTED_ROW * size.own_rows if _spilled(size) else 0),
        memory_bytes=resident,
        shares=(
            ("curve", sum(work.curve)),
            ("reading", sum(work.reading)),
            ("consent", sum(work.gate)),
            ("encryption", sum(work.encryption)),
            ("sorting, sealing, sending", sum(work.rest)),
            ("fixed", 2 * FIXED_CPU_S),
        ),
    )


def _work(machine: Machine, size: Size, read_s: float, gate_s: float) -> _Work:
    grouped, own, partner = size.grouped, size.own, size.partner
    if grouped is None:
        curve = (own * (machine.blind + machine.unblind), own * machine.evaluate + partner * machine.outputs)
    else:
        dummies = 2 * grouped.t * size.segments
        own, partner = own + dummies, partner + dummies
        # Statistics take the blind off without hashing to an output; a random element takes what a hashed one does.
        ours, theirs = size.keys * own, size.keys * partner
        curve = (ours * (machine.blind + machine.evaluate), ours * machine.evaluate + theirs * machine.blind)
    both = (size.own_rows, size.partner)
    rest = _rest(max(both)) * machine.slowness * (1 + SPILLED * _spilled(size))
    seal, open_ = _table(size.plain_bytes, max(both))
    return _Work(
        curve=curve,
        reading=(READS * read_s * both[0], READS * read_s * both[1]),
        gate=(GATES * gate_s * size.uses * both[0], GATES * gate_s * size.uses * both[1]),
        rest=((rest + machine.slowness * open_) * both[0], (rest + machine.slowness * seal) * both[1]),
        encryption=_encryption(machine, size, partner),
    )


def _table(plain_bytes: int, rows: int) -> tuple[float, float]:
    """Return processor seconds a row of the sealed table, at the sender and at the receiver; none of MATCH."""
    if not plain_bytes:
        return 0.0, 0.0
    cached, more = _rest(rows) / REST_S[-1][1], max(plain_bytes - MEASURED_BYTES, 0)
    return SEAL_S * cached + SEAL_BYTE_S * more, OPEN_S * cached + OPEN_BYTE_S * more


def _encryption(machine: Machine, size: Size, rows: int) -> tuple[float, float]:
    grouped = size.grouped
    if grouped is None or not grouped.ciphertexts:
        return 0.0, 0.0
    # Matching rows alone are added; of how many nothing is known, so of all at most.
    added, returned = rows * grouped.ciphertexts, size.segments * grouped.ciphertexts
    return (
        machine.slowness * (added * ADD_S + returned * RETURN_S),
        machine.slowness * (added * ENCRYPT_S + returned * RETURN_S),
    )


def _wall(machine: Machine, size: Size, work: _Work, cores: int) -> float:
    busy = BUSY_ENRICH if size.plain_bytes else BUSY
    if size.shared_machine:
        return FIXED_S + machine.crowding * (work.of(0) + work.of(1)) / cores / busy
    # Each step waits for the slower side; both begin to judge at once.
    judging = max(JUDGING * work.rest[side] + work.reading[side] / 2 + work.gate[side] for side in (0, 1))
    blinding = max(work.curve[0] / 2, work.curve[1] / 2)
    table = max(work.curve[0] / 2, work.curve[1] / 2 + work.encryption[1])
    joining = max((1 - JUDGING) * work.rest[side] + work.reading[side] / 2 for side in (0, 1)) + work.encryption[0]
    return FIXED_S + machine.crowding * (judging + blinding + table + joining) / cores / busy


def _rest(rows: int) -> float:
    """Return processor seconds a row, between the sizes that were measured by the logarithm of the rows."""
    (few, least), (many, most) = REST_S
    place = (math.log(max(rows, 1)) - math.log(few)) / (math.log(many) - math.log(few))
    return least + (most - least) * min(max(place, 0.0), 1.0)


def _spilled(size: Size) -> float:
    """Return the part of the largest sort that does not fit the memory, 0 to 1."""
    need = SORTED_ROW * max(size.own_rows, 1)
    return max(0.0, 1 - size.memory / 2 / need)


def _stages(size: Size) -> Sequence[StageSize]:
    if size.grouped is not None:
        segments = max(size.segments, 1)
        each = tuple(size.own // segments + (number < size.own % segments) for number in range(segments))
        return grouped_stages(each, size.partner, size.grouped, size.keys)
    tag = tag_bytes(size.own, size.partner)
    return row_stages(size.own, size.partner, tag, row_bytes(tag, size.plain_bytes), size.to_sender)


def _table_bytes(size: Size, stages: Sequence[StageSize]) -> int:
    # Numbers of stages mean other things in either kind of run.
    statistics = (AggregateStage.SENDER_ELEMENTS, AggregateStage.CIPHERTEXTS)
    table = (Stage.TABLE,) if size.grouped is None else statistics
    return sum(stage.rows * stage.record_size for stage in stages if stage.stage in table)
