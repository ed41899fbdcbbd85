"""A little of the bound data set, read as a run reads it: how much can be used, by whom, and how fast that goes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from consent.evaluate import Use, plain_floor
from gateway import kernel
from gateway.flow.gate import judge_all
from gateway.flow.identity import link_type, people_of
from gateway.flow.ports import DatasetPart, House, SurveyBatch, Transaction
from gateway.flow.preflight.asked import Asked
from gateway.flow.preflight.tally import added_up
from gateway.flow.registry import load_registry
from gateway.flow.threads import in_thread
from gateway.route.agreement import AgreementBinding
from gateway.route.subject_ref import REF_BYTES, as_keys, from_keys

Bytes = npt.NDArray[np.uint8]

READ_S = 0.6
"""Seconds of reading, over all sources."""
COUNT_S = 3.0
"""Seconds of counting rows that no source tells of itself."""
ASKED = 2000
"""Customers whose consent is asked about."""
FEW = 3000
"""People of whom no speed can be told."""
_FIRST_LETTER = "2"
_RANGES = (
    (_FIRST_LETTER * REF_BYTES, _FIRST_LETTER + "z" * (REF_BYTES - 1)),
    (_FIRST_LETTER * REF_BYTES, "z" * REF_BYTES),
)
"""A 32nd of everybody, as references are uniform; and everybody."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a little reading showed.

    Attributes:
        rows: of the data set.
        rows_from: where that number is from, in a word or two for people.
        sampled: rows that were read.
        usable: part of them that a run can use, 0 to 1.
        different: part of those that are of another customer than the rows before; of a sample that is not the whole
            this is too much, for customers may come again behind it.
        different_keys: the same of the sources that have the column of a match key, per key.
        eligible: part of the customers asked about whom consent lets in; 1 where nobody was there to ask.
        denied: of those asked about, the others by reason.
        asked: how many that were.
        shapes: per match key what values look like.
        unlike: of those the ones that are not as their source declares them.
        usable_keys: per match key the part of the rows with a usable value.
        keyed: per match key the part of the rows that a source with its column has, 1 where there is one source.
        linked: part of the ids of other systems that the identity map knows; 1 without such.
        read_s: processor seconds a row.
        gate_s: processor seconds a person and use; 0 where nobody is on file.
    """

    rows: int
    rows_from: str
    sampled: int
    usable: float
    different: float
    different_keys: tuple[float, ...]
    eligible: float
    denied: Mapping[str, int]
    asked: int
    shapes: tuple[Mapping[str, int], ...]
    unlike: tuple[Mapping[str, int], ...]
    usable_keys: tuple[float, ...]
    keyed: tuple[float, ...]
    linked: float
    read_s: float
    gate_s: float


async def sample_of(
    house: House, binding: AgreementBinding, asked: Asked, gates: Sequence[Use], last_rows: int
) -> Sample:
    """Read a little of a data set, and ask about some of its customers.

    Args:
        house: ports.
        binding: which data set.
        asked: what of it is looked at.
        gates: what must be allowed about a customer.
        last_rows: rows of the last run, 0 where there was none.

    Raises:
        SourceError: the data set cannot be read.
    """
    parts = await house.datasets.parts(binding.dataset)
    reading = [
        await in_thread(_read, house, binding.dataset, asked, part, number, READ_S / len(parts))
        for number, part in enumerate(parts)
    ]
    rows, told = await _count(house, binding, reading, last_rows)
    sampled = max(sum(one.rows for one in reading), 1)
    async with house.store.read() as tx:
        found = [await _people(tx, part, one.refs) for part, one in zip(parts, reading, strict=True)]
        people = from_keys(np.unique(as_keys(np.concatenate([one.refs for one in found]))))
        chosen = np.ascontiguousarray(people[:: max(1, -(-len(people) // ASKED))])
        registry, at = await load_registry(tx, house), house.clock.now()
        verdict = await judge_all(tx, registry, gates, chosen, at)
        gate_s = await _gate(tx, gates[0], plain_floor(gates[0], at, registry), at)
    somebodys = [one.usable * behind.linked for one, behind in zip(reading, found, strict=True)]
    usable, keys = sum(somebodys), range(len(asked.keys))
    having = [[not part.lacks(key.column) for part in parts] for key in asked.keys]
    return Sample(
        rows=rows,
        rows_from=told,
        sampled=sum(one.rows for one in reading),
        usable=usable / sampled,
        different=_different(found) / max(usable, 1.0),
        different_keys=tuple(
            _different([behind for behind, has in zip(found, of_key, strict=True) if has])
            / max(sum(rows for rows, has in zip(somebodys, of_key, strict=True) if has), 1.0)
            for of_key in having
        ),
        eligible=int(verdict.allowed.sum()) / len(chosen) if len(chosen) else 1.0,
        denied=dict(Counter(verdict.denied).most_common()),
        asked=len(chosen),
        shapes=tuple(dict(added_up([one.shapes[key] for one in reading])) for key in keys),
        unlike=tuple(dict(added_up([one.unlike[key] for one in reading])) for key in keys),
        usable_keys=tuple(sum(one.usable_keys[key] for one in reading) / sampled for key in keys),
        keyed=tuple(
            max(sum(one.rows for one, has in zip(reading, of_key, strict=True) if has), 1) / sampled
            for of_key in having
        ),
        linked=min(behind.linked for behind in found),
        read_s=sum(one.each_s * one.rows for one in reading) / sampled,
        gate_s=gate_s,
    )


@dataclass(frozen=True, slots=True, repr=False)
class _Reading:
    """What was read of one source; the references of its customers stay here."""

    rows: int
    whole: bool
    usable: int
    refs: Bytes
    shapes: tuple[Mapping[str, int], ...]
    unlike: tuple[Mapping[str, int], ...]
    usable_keys: tuple[int, ...]
    each_s: float


def _read(house: House, dataset: str, asked: Asked, part: DatasetPart, number: int, seconds: float) -> _Reading:
    """Read for a while, as a run does: normalised, pseudonymised, tagged. Blocks."""
    survey = house.datasets.survey(dataset, asked.keys, (), number)
    label = link_type(part.subject_source) if part.subject_source else asked.subject_type
    threads, key = house.limits.threads, bytes(32)
    refs, usable, whole = [np.empty((0, REF_BYTES), np.uint8)], 0, False

    def take(batch: SurveyBatch) -> Bytes:
        found = kernel.subject_refs(house.custody.subject_key(), label, batch.subjects, threads)
        for wanted, values in zip(asked.keys, batch.keys, strict=True):
            # Only how long it takes matters here: the tags are not kept, hence the key is none.
            kernel.hmac_sha256(key, kernel.oprf_inputs(wanted.key.name, values.drop_null()), threads)
        return found

    began = time.perf_counter()
    with closing(survey.batches()) as batches:
        while time.perf_counter() - began < seconds:
            batch = next(batches, None)
            if batch is None:
                whole = True
                break
            usable += len(batch.rows)
            refs.append(take(batch))
    # Timed again from the beginning: what is loaded when it is first needed is no cost of a row.
    again = house.datasets.survey(dataset, asked.keys, (), number)
    began, used = time.perf_counter(), time.process_time()
    with closing(again.batches()) as batches:
        for batch in batches:
            take(batch)
            if time.perf_counter() - began > seconds / 2:
                break
    each_s = (time.process_time() - used) / max(again.rows_read, 1)
    return _Reading(
        survey.rows_read,
        whole,
        usable,
        np.concatenate(refs),
        survey.key_shapes,
        survey.key_unlike,
        survey.usable,
        each_s,
    )


async def _count(
    house: House, binding: AgreementBinding, reading: Sequence[_Reading], last_rows: int
) -> tuple[int, str]:
    """Return the rows of a data set, and where the number is from."""
    total, words = 0, set[str]()
    for number, one in enumerate(reading):
        told = await house.datasets.size(binding.dataset, number)
        if one.whole:
            rows, word = one.rows, "counted"
        elif told is not None:
            rows, word = told[0], "counted" if told[1] else "estimated from its size"
        else:
            rows, whole = await in_thread(_subjects, house.datasets.subject_pieces(binding, number))
            word = "counted" if whole else "at least"
        total += rows
        words.add(word)
    if "at least" in words and last_rows > total:
        return last_rows, "the last run"
    return total, next((word for word in ("at least", "estimated from its size") if word in words), "counted")


def _subjects(pieces: Iterator[pa.StringArray]) -> tuple[int, bool]:
    """Count subjects for a while; return how many, and whether that is all. Blocks."""
    began, rows = time.perf_counter(), 0
    for piece in pieces:
        rows += len(piece)
        if time.perf_counter() - began > COUNT_S:
            return rows, False
    return rows, True


@dataclass(frozen=True, slots=True, repr=False)
class _Behind:
    """People behind rows of one source: of all of its rows, or of every so many.

    Attributes:
        refs: (n, 26), a person as often as rows.
        every: rows for each that was asked about.
        linked: part of the rows that is somebody's by the identity map.
    """

    refs: Bytes
    every: float = 1.0
    linked: float = 1.0


def _different(found: Sequence[_Behind]) -> float:
    """Estimate how many people are behind rows of sources, those known best first."""
    seen, people = np.unique(as_keys(np.empty((0, REF_BYTES), np.uint8))), 0.0
    for one in sorted(found, key=lambda behind: behind.every):
        known = np.unique(np.concatenate([seen, as_keys(one.refs)]))
        people += one.every * (len(known) - len(seen))
        seen = known
    return people


async def _people(tx: Transaction, part: DatasetPart, refs: Bytes) -> _Behind:
    """Return people behind rows."""
    if not part.subject_source or not len(refs):
        return _Behind(refs)
    # The map answers for a range of ids, of which a 32nd is enough; of few rows it is asked about all.
    ids = from_keys(np.sort(as_keys(refs)))
    some = ids[ids[:, 0] == ord(_FIRST_LETTER)]
    asked = some if len(some) * len(_RANGES) > FEW // 32 else ids
    found, linked = await people_of(tx, part.subject_source, np.ascontiguousarray(asked), 1)
    return _Behind(np.ascontiguousarray(found[linked]), len(ids) / len(asked), float(linked.mean()))


async def _gate(tx: Transaction, use: Use, floor: datetime, at: datetime) -> float:
    """Return processor seconds a person of the store's plain answer; 0 where it has none."""
    people, spent = 0, 0.0
    for first, last in _RANGES:
        for _ in range(2):  # the first time it is read from the disk
            began = time.process_time()
            people = len(await tx.consents.plain(use, floor, at, first, last))
            spent = time.process_time() - began
        if people > FEW:
            break
    return spent / people if people else 0.0
