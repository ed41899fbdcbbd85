"""The cohort: the rows of a data set that consent lets into one computation.

Nothing is hashed to the group that was not judged here first. The source is read once and
sorted twice, outside memory where it must be: by person, where repeated rows fold and
consent is judged, and by keyed tag, where match keys of several people show. Statistics over
several match keys sort by person again, who then has one row with all of its keys. What is
left is the sealed cohort file, with which a restarted gateway goes on with exactly the people
it had committed to.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from consent.registry import Registry
from gateway import kernel
from gateway.errors import StateError
from gateway.flow.gate import judge, judge_all
from gateway.flow.lease import Lease
from gateway.flow.linking import NO_LINKS, Linking, Seen, gather, seen_by
from gateway.flow.lists import in_tuples, several_keys
from gateway.flow.members import COHORT_STAGE, Members, RowWriter, member_fields, somebody, stage_pieces
from gateway.flow.padding import PaddedWriter, is_padded, list_rows, padding_tags
from gateway.flow.pipeline import ahead, each, in_turn
from gateway.flow.ports import Sorter, SourceScan, StageFile, Transaction
from gateway.flow.registry import load_registry
from gateway.flow.segment import missing_values, number_segments
from gateway.flow.source import TAG_BYTES, TaggedSource
from gateway.flow.threads import in_thread
from gateway.flow.transcript import chunks_of
from gateway.flow.tuples import Tuples, having, without_key
from gateway.flow.united import United
from gateway.psi.attributes import blank
from gateway.psi.check import as_keys
from gateway.psi.fields import Fields
from gateway.route.agreement import Column
from gateway.route.canonical import canonical_bytes, parse_time_text, time_text
from gateway.route.cohort import ConsentedCohort
from gateway.route.job import AuthorizedJob, Side
from gateway.route.subject_ref import REF_BYTES, once

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

COHORT_FILE = "cohort"
BY_RULE_FILE = "cohort-by-rule"
MOST_BY_RULE = 100_000
"""People whom the rule let in, not a plain row, that are remembered by name to be judged again; above, everybody is."""


@dataclass(frozen=True, slots=True, repr=False)
class CohortSalts:
    """Per-run secrets of the cohort: the local order and the commitment."""

    tag_key: bytes
    run_salt: bytes

    def __repr__(self) -> str:
        """Show no value."""
        return "CohortSalts(...)"


@dataclass(frozen=True, slots=True)
class Judged:
    """A cohort with what was read for it, for the job's report."""

    cohort: ConsentedCohort
    report: Mapping[str, object]


@dataclass(slots=True)
class _Tally:
    """What is counted on the way from the source to the cohort file."""

    denied: Counter[str] = field(default_factory=Counter)
    by_rule: list[Bytes] = field(default_factory=list)
    gate_ns: int = 0
    rows: int = 0
    last_tag: bytes = b""
    lists: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, dtype=np.int64))
    left_out: Counter[str] = field(default_factory=Counter)
    shared: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


async def build(
    lease: Lease, job: AuthorizedJob, salts: CohortSalts, columns: tuple[Column, ...], memory: int
) -> Judged:
    """Read the bound data set, judge consent, order by keyed tag, and seal the cohort file.

    Args:
        lease: of the run.
        job: authorized by the agreement.
        salts: this run's secrets.
        columns: agreed columns to carry (sender of ENRICH and AGGREGATE), else empty.
        memory: bytes that may be held.

    Raises:
        SourceError: the data set cannot be read, or has more segments than the agreement allows.
    """
    house, tally = lease.house, _Tally()
    members = Members(lease, job, columns)
    await in_thread(members.discard)
    parts = await house.datasets.parts(job.binding.dataset)
    source = TaggedSource(house, job, salts.tag_key, columns, parts)
    # A row by key is a member's row of one key with one byte more: whether consent lets it in.
    by_key_fields = member_fields(job, columns, tags=1)
    with ExitStack() as stack:

        def sorter(name: str, width: int, key: int, share: int) -> Sorter:
            made = house.spool.sorter(job.job_id, name, width, key, memory // share)
            stack.callback(made.close)
            return made

        by_person = sorter("by-person", source.fields.width, REF_BYTES, 2)
        links = await seen_by(house, parts)

        def by_link() -> Sorter:
            return sorter("by-link", source.fields.width, REF_BYTES, 2)

        linkings = [
            await gather(house, part, by_link, source.rows(number), source.fields, by_person)
            for number, part in enumerate(parts)
        ]
        by_key = sorter("by-key", by_key_fields.width + 1, TAG_BYTES, 2)
        united = United(source.fields, house.limits.rejected_rows_named, columns, len(parts), several_keys(job))
        at = house.clock.now()
        async with house.store.read() as tx:
            mark = await tx.consents.mark()
            registry = await load_registry(tx, house)
            async for people in ahead(in_turn(united.people(by_person.pieces()))):
                judged = await _judged(tx, registry, job, source.fields, by_key_fields, people, columns, at, tally)
                await in_thread(by_key.add, judged)
        await in_thread(by_person.close)
        judged_rows: Sorter | Tuples = by_key
        if in_tuples(job):
            by_customer = sorter("by-customer", Tuples.width(by_key_fields), REF_BYTES, 2)
            judged_rows = tuples = Tuples(by_key_fields, members.fields, by_customer)
            await each(by_key.pieces(), tuples.add)
            await in_thread(by_key.close)
            tally.shared = tuples.shared
        names, numbers = await in_thread(_segments, job, source, members.fields, judged_rows)
        file, padding = await in_thread(members.file), 0
        writer = RowWriter(file)
        if is_padded(job) and job.side is Side.RECEIVER:
            real = await in_thread(_records, by_key, members.fields)
            padding = list_rows(job, job.side, real) - real
            tags = sorter("padding", TAG_BYTES, TAG_BYTES, 4)
            await each(padding_tags(salts.tag_key, padding, house.limits.threads), tags.add)
            writer = PaddedWriter(file, members.fields, tags.pieces())
        by_commitment = sorter("commitment", 32, 32, 4)
        async for piece in ahead(in_turn(judged_rows.pieces())):
            await in_thread(
                _keep, lease, job, salts, piece, members.fields, columns, numbers, tally, writer, by_commitment
            )
        await in_thread(writer.finish)
        root, everybody = await in_thread(_root, by_commitment)
    cohort = ConsentedCohort(
        side=job.side,
        rows=tally.rows + padding,
        members=everybody,
        commitment=root,
        left_out={reason: count for reason, count in (tally.denied + tally.left_out).items() if count},
        judged_at=at,
        mark=(mark.changes, mark.registry),
        key_bytes=source.key_bytes,
        segments=names,
        segment_rows=await in_thread(_segment_rows, members, len(names)) if names else (tally.rows,),
        padding=padding,
        lists=tuple(tally.lists[: len(job.agreement.match_keys)].tolist()) if several_keys(job) else (),
        source=source.state.known,
    )
    report = _report(job, source, linkings, united, tally, cohort)
    await in_thread(_seal, lease, members, cohort, report, tally, links)
    return Judged(cohort, report)


async def _judged(
    tx: Transaction,
    registry: Registry,
    job: AuthorizedJob,
    fields: Fields,
    member: Fields,
    people: Bytes,
    columns: tuple[Column, ...],
    at: datetime,
    tally: _Tally,
) -> Bytes:
    """Judge a piece of people; return their rows as members', each with a byte that says whether consent lets it in.

    Those kept out go on without values: their match keys count where sharing is judged.
    """
    began = time.process_time_ns()
    refs, person = once(fields.of(people, "ref"))
    verdict = await judge_all(tx, registry, job.gates, refs, at)
    tally.denied.update(verdict.denied)
    allowed, by_rule = verdict.allowed, verdict.by_rule
    covered = np.zeros((len(refs), len(job.column_gates)), dtype=np.uint8)
    asked = np.flatnonzero(allowed)
    # Columns are asked for those only whom the gate let in.
    for number, (_, use) in enumerate(job.column_gates):
        further = await judge(tx, registry, use, np.ascontiguousarray(refs[asked]), at)
        covered[asked, number] = further.allowed
        by_rule[asked] |= further.by_rule
    if by_rule.any():
        tally.by_rule.append(refs[by_rule])
    tally.gate_ns += time.process_time_ns() - began
    return await in_thread(_as_members, job, fields, member, people, columns, allowed[person], covered[person])


def _as_members(
    job: AuthorizedJob,
    fields: Fields,
    member: Fields,
    people: Bytes,
    columns: tuple[Column, ...],
    allowed: Mask,
    covered: Bytes,
) -> Bytes:
    parts: dict[str, Bytes] = {name: people[:, fields[name]] for name in ("tag", "ref", "segment") if name in fields}
    if "covered" in member:
        parts["covered"] = covered
    if "plain" in fields:
        plain = fields.of(people, "plain")
        plain[~allowed] = 0
        for number, (name, _) in enumerate(job.column_gates):
            blank(plain, columns, name, covered[:, number] == 0)
        parts["plain"] = plain
    rows = member.join(len(people), **parts)
    return np.concatenate([rows, allowed.astype(np.uint8)[:, None]], axis=1)


def _records(by_key: Sorter, fields: Fields) -> int:
    """Count the match keys of people whom consent lets in. Blocks."""
    records, last = 0, b""
    for rows in by_key.pieces():
        tags = fields.of(rows[rows[:, -1] == 1], "tag").view(f"V{TAG_BYTES}").reshape(-1)
        if len(tags):
            records += int(tags[0].tobytes() != last) + int((tags[1:] != tags[:-1]).sum())
            last = tags[-1].tobytes()
    return records


def _segments(
    job: AuthorizedJob, source: TaggedSource, fields: Fields, judged: Sorter | Tuples
) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Number the segments that have enough people; -1 for the others. Blocks."""
    if not source.segments or "segment" not in fields:
        return (), np.empty(0, dtype=np.int64)
    people = np.zeros(len(source.segments), dtype=np.int64)
    for rows in judged.pieces():
        kept = (rows[:, -1] == 1) & ~without_key(rows, fields)
        people += np.bincount(fields.number(rows[kept], "segment"), minlength=len(people))
    return number_segments(job, source.segments, people)


def _keep(
    lease: Lease,
    job: AuthorizedJob,
    salts: CohortSalts,
    rows: Bytes,
    fields: Fields,
    columns: tuple[Column, ...],
    numbers: npt.NDArray[np.int64],
    tally: _Tally,
    writer: RowWriter,
    by_commitment: Sorter,
) -> None:
    """Write to the cohort file whom consent and the operation let in. Blocks."""
    kept = rows[:, -1] == 1
    sender, grouped = job.side is Side.SENDER, job.operation.grouped
    if sender or grouped:
        keyless = without_key(rows, fields)
        tally.left_out["SHARED_MATCH_KEY"] += int((kept & keyless).sum())
        kept &= ~keyless
    if sender and grouped and columns:
        missing = missing_values(job, fields.of(rows, "plain"), columns)
        tally.left_out["MISSING_VALUE"] += int((kept & missing).sum())
        kept &= ~missing
    if "segment" in fields:
        segment = numbers[fields.number(rows, "segment")] if len(numbers) else np.full(len(rows), -1)
        tally.left_out["SEGMENT_TOO_SMALL"] += int((kept & (segment < 0)).sum())
        kept &= segment >= 0
        rows = rows.copy()
        rows[kept, fields["segment"]] = segment[kept].astype(">u4").view(np.uint8).reshape(-1, 4)
    rows = np.ascontiguousarray(rows[kept, : fields.width])
    if not len(rows):
        return
    tags = as_keys(fields.of(rows, "tag"))
    # A household of very many people goes on in the next piece.
    begins = np.append(tags[0].tobytes() != tally.last_tag, tags[1:] != tags[:-1])
    tally.last_tag = tags[-1].tobytes()
    tally.rows += int(begins.sum())
    if in_tuples(job):
        tally.lists[: len(job.agreement.match_keys)] += having(fields.of(rows, "tag")).sum(axis=0)
    elif several_keys(job):
        tally.lists += np.bincount(rows[begins, fields["tag"].start], minlength=len(tally.lists))
    refs = fields.of(rows, "ref")
    by_commitment.add(kernel.hmac_sha256(salts.run_salt, refs, lease.house.limits.threads))
    writer.add(rows)


def _root(by_commitment: Sorter) -> tuple[bytes, int]:
    """Return the root over the people of all lists, each once, and how many they are. Blocks."""
    tree, people = kernel.MerkleRoot(), 0
    for macs in by_commitment.pieces():
        # All equal ones come in one piece.
        first, _ = once(macs)
        tree.add(first)
        people += len(first)
    root: bytes = tree.root()
    return root, people


def _segment_rows(members: Members, segments: int) -> tuple[int, ...]:
    counts = np.zeros(segments, dtype=np.int64)
    for rows in members.pieces():
        counts += np.bincount(members.fields.number(rows, "segment"), minlength=segments)
    return tuple(int(count) for count in counts)


def _report(
    job: AuthorizedJob,
    source: TaggedSource,
    linkings: Sequence[Linking],
    united: United,
    tally: _Tally,
    cohort: ConsentedCohort,
) -> dict[str, object]:
    report: dict[str, object] = {
        "rows_read": sum(_any(scans).rows_read for scans in source.scans),
        "folded": united.folded,
        **_of_parts(job, source, linkings, united),
        "left_out": dict(cohort.left_out),
        "consented": cohort.members,
        "records": tally.rows,
        "gate_cpu_ms": tally.gate_ns // 1_000_000,
    }
    if cohort.lists:
        report["key_records"] = dict(zip(job.agreement.match_keys, cohort.lists, strict=True))
    if in_tuples(job):
        report["shared_match_keys"] = dict(zip(job.agreement.match_keys, tally.shared.tolist(), strict=True))
    if is_padded(job):
        report["padding"] = list_rows(job, job.side, tally.rows) - tally.rows
    if job.operation.grouped:
        grouped = {"segments": len(cohort.segments)}
        # The pass for each key sees the same values, but for rows without the key: the one that saw most is told.
        clipped = sum(max(scan.clipped for scan in scans.values()) for scans in source.scans)
        report |= grouped if job.side is Side.RECEIVER else {"clipped": clipped}
    return report


def _of_parts(
    job: AuthorizedJob, source: TaggedSource, linkings: Sequence[Linking], united: United
) -> dict[str, object]:
    """Report the rows that could not be used: of several parts each by itself, for a row has a number within its part.

    Beside them stands what parts of a data set say differently of people. With several match keys a row without one may
    have another: what is wrong with keys is said per key alone.
    """
    several = several_keys(job)
    rejected = [
        {
            **{
                reason: rows
                for reason, rows in _any(scans).rejected.items()
                if not several or "MATCH_KEY" not in reason
            },
            **linking.rejected,
            **united.rejected(number),
        }
        for number, (scans, linking) in enumerate(zip(source.scans, linkings, strict=True))
    ]
    faults = [
        {
            f"{job.agreement.match_keys[key]} {reason}" if several else reason: rows
            for key, scan in scans.items()
            for reason, rows in scan.key_faults.items()
        }
        for scans in source.scans
    ]
    told, why = (
        [
            {reason: {"count": found.count, "first_rows": list(found.first_rows)} for reason, found in of_part.items()}
            for of_part in counted
        ]
        for counted in (rejected, faults)
    )
    if len(told) == 1:
        return {"rejected": told[0], **({"match_key_faults": why[0]} if why[0] else {})}
    total = sum((Counter({reason: found.count for reason, found in one.items()}) for one in rejected), Counter[str]())
    report: dict[str, object] = {"rejected": dict(total), "settled": dict(sorted(united.settled.items()))}
    report["read"] = {part.name: _any(scans).rows_read for part, scans in zip(source.parts, source.scans, strict=True)}
    for part, of_part, faults_of_part in zip(source.parts, told, why, strict=True):
        report[f"rejected in {part.name}"] = of_part
        if faults_of_part:
            report[f"match_key_faults in {part.name}"] = faults_of_part
    return report


def _any(scans: Mapping[int, SourceScan]) -> SourceScan:
    """Return the first of the passes over a part: all read the same rows."""
    return next(iter(scans.values()))


def _seal(
    lease: Lease,
    members: Members,
    cohort: ConsentedCohort,
    report: Mapping[str, object],
    tally: _Tally,
    links: Seen,
) -> None:
    """Make the judgement stand: from here on the run has these people. Blocks."""
    by_rule = np.concatenate(tally.by_rule) if tally.by_rule else np.empty((0, REF_BYTES), np.uint8)
    all_by_rule = len(by_rule) > MOST_BY_RULE
    spool, job_id = lease.house.spool, lease.job.job_id
    spool.write_sealed(job_id, BY_RULE_FILE, b"" if all_by_rule else by_rule.tobytes())
    about = {
        "rows": cohort.rows,
        "members": cohort.members,
        "commitment": cohort.commitment.hex(),
        "judged_at": time_text(cohort.judged_at),
        "mark": list(cohort.mark),
        "key_bytes": cohort.key_bytes,
        "segments": list(cohort.segments),
        "segment_rows": list(cohort.segment_rows),
        "padding": cohort.padding,
        "lists": list(cohort.lists),
        "source": [dict(state) for state in cohort.source],
        "all_by_rule": all_by_rule,
        "links": {"version": links.version, "systems": list(links.systems)},
        "report": report,
        "chunks": chunks_of(members.file()).hex(),
        "row_bytes": members.fields.width,
        "ref_at": members.fields["ref"].start,
    }
    spool.write_sealed(job_id, COHORT_FILE, canonical_bytes(about))


async def restore(lease: Lease, job: AuthorizedJob, columns: tuple[Column, ...]) -> Judged | None:
    """Return the cohort of a job that had judged before, with the report of its judgement; None when none stands.

    Raises:
        StateError: LOG_INCONSISTENT when the cohort file is not the one that was judged.
    """
    sealed = await in_thread(lease.house.spool.read_sealed, job.job_id, COHORT_FILE)
    if sealed is None:
        return None
    about = json.loads(sealed)
    members = Members(lease, job, columns)
    if await in_thread(lambda: chunks_of(members.file()).hex()) != about["chunks"]:
        raise StateError("LOG_INCONSISTENT", "the sealed cohort file is not whole; cancel the job and start anew")
    cohort = ConsentedCohort(
        side=job.side,
        rows=about["rows"],
        members=about["members"],
        commitment=bytes.fromhex(about["commitment"]),
        left_out=about["report"]["left_out"],
        judged_at=parse_time_text(about["judged_at"]),
        mark=(about["mark"][0], about["mark"][1]),
        key_bytes=about["key_bytes"],
        segments=tuple(about["segments"]),
        segment_rows=tuple(about["segment_rows"]),
        padding=about["padding"],
        lists=tuple(about.get("lists", ())),
        source=tuple(about.get("source", ())),
    )
    return Judged(cohort, about["report"])


async def by_rule(lease: Lease) -> Bytes | None:
    """Return whom the rule let in, not a plain row, (k, 26) ascending; None when they are too many to name."""
    spool, job_id = lease.house.spool, lease.job.job_id
    sealed: bytes | None = await in_thread(spool.read_sealed, job_id, COHORT_FILE)
    if sealed is None or json.loads(sealed)["all_by_rule"]:
        return None
    stored = await in_thread(spool.read_sealed, job_id, BY_RULE_FILE) or b""
    return np.frombuffer(stored, dtype=np.uint8).reshape(-1, REF_BYTES)


async def seen_links(lease: Lease) -> Seen:
    """Return what of the identity map the cohort rests on; NO_LINKS where nothing, or before any cohort stands."""
    sealed = await in_thread(lease.house.spool.read_sealed, lease.job.job_id, COHORT_FILE)
    said = {} if sealed is None else json.loads(sealed).get("links", {})
    return Seen(said["version"], tuple(said["systems"])) if said else NO_LINKS


@dataclass(frozen=True, slots=True)
class Committed:
    """What a run committed to, as its sealed file says; `rows` yields the references, a person as often as it has keys.

    Attributes:
        commitment: root, 32 bytes.
        people: under it.
        judged_at: the one time of the judgement.
    """

    commitment: bytes
    people: int
    judged_at: datetime
    file: StageFile
    ref_at: int

    def rows(self) -> Iterator[Bytes]:
        """Yield the references of the cohort, (n, 26), piece by piece. Blocks."""
        for piece in stage_pieces(self.file):
            refs = piece[:, self.ref_at : self.ref_at + REF_BYTES]
            yield np.ascontiguousarray(refs[somebody(refs)])


async def committed(lease: Lease) -> Committed | None:
    """Return what a run committed to; None before any cohort stands, and for one of a release that did not say."""
    spool, job = lease.house.spool, lease.job
    sealed = await in_thread(spool.read_sealed, job.job_id, COHORT_FILE)
    about = {} if sealed is None else json.loads(sealed)
    if "row_bytes" not in about:
        return None
    file = await in_thread(
        spool.stage, job.job_id, job.session_id, COHORT_STAGE, about["row_bytes"], sealed=True, create=False
    )
    judged_at = parse_time_text(about["judged_at"])
    return Committed(bytes.fromhex(about["commitment"]), about["members"], judged_at, file, about["ref_at"])


async def judged_changes(lease: Lease) -> int:
    """Return the number of the last append of consent events that the cohort's judgement had seen; 0 when unknown."""
    sealed = await in_thread(lease.house.spool.read_sealed, lease.job.job_id, COHORT_FILE)
    return 0 if sealed is None else int(json.loads(sealed)["mark"][0])


def asked_columns(job: AuthorizedJob) -> tuple[Column, ...]:
    """Return the asked columns in the order of the request."""
    by_name = {column.name: column for column in job.agreement.columns}
    return tuple(by_name[name] for name in job.columns)


__all__ = ["CohortSalts", "Committed", "Judged", "asked_columns", "build", "by_rule", "committed", "restore"]
