"""The identity map: whose an id in another system is, so that data sets under other ids than the consents' can be used.

Ids are replaced on arrival by keyed hashes, as subjects are. Every change is a version of
the map; a link is ended, never changed. That two people are one is said by consent events
(`identity_merged`), not here.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway import kernel
from gateway.errors import RequestError, StateError
from gateway.flow.access import require
from gateway.flow.intake import SUBJECT_TYPE, RowError, SubjectNames, subject_fault
from gateway.flow.pipeline import ahead, in_turn
from gateway.flow.ports import DatasetPart, House, IdentityLink, Transaction
from gateway.flow.threads import in_thread
from gateway.psi.fields import Fields
from gateway.route.agreement import AgreementBinding
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller, Role
from gateway.route.subject_ref import REF_BYTES, Bytes, as_texts, from_texts
from gateway.tlog.leaf import LeafType

MAX_ERRORS_NAMED = 1000  # of a report, over all reasons
SORT_MEMORY = 64 << 20  # bytes at most that an import takes of what runs share: a million links
STORED_TOGETHER = 10_000  # links that one transaction changes

LinkRow = tuple[int, str, str]
Numbers = npt.NDArray[np.int64]

_ROW = Fields(link=REF_BYTES, person=REF_BYTES, row=8)


@dataclass(frozen=True, slots=True)
class LinkReport:
    """What became of an import of links.

    Attributes:
        version: of the map after it; 0 when nothing changed.
        linked: ids that had no person.
        moved: ids that were another person's.
        known: rows that said what the map says.
        rejected: the first errors of every field and reason, in order of rows.
        rejected_count: rows refused, named or not.
    """

    version: int
    linked: int
    moved: int
    known: int
    rejected: tuple[RowError, ...]
    rejected_count: int


def link_type(source: str) -> str:
    """Return the label under which a system's ids are hashed; no type of subjects is called so."""
    return f"source:{source}"


def label_of(part: DatasetPart, binding: AgreementBinding) -> str:
    """Return the label under which the subject column of a part of a bound data set is hashed."""
    return link_type(part.subject_source) if part.subject_source else binding.subject_type


def check_source(source: str) -> None:
    """Check the name of a system; RequestError BAD_FIELD."""
    if SUBJECT_TYPE.fullmatch(source) is None:
        raise RequestError("BAD_FIELD", "field source must be 1 to 32 of a-z, 0-9 and _, e.g. crm")


async def import_links(
    house: House, caller: Caller, source: str, subject_type: str, rows: AsyncIterator[Sequence[LinkRow]]
) -> LinkReport:
    """Store links; those that the map has already change nothing.

    All rows are read and sorted by id before the first is stored: an id that two rows give to two people is the first
    row's, however far apart they stand. A later import that gives it to somebody else moves it.

    Args:
        house: ports.
        caller: a CDP job or a compliance officer.
        source: the other system.
        subject_type: type label of the raw subject values, as in the binding.
        rows: (row number, raw id there, raw subject) in pieces of any size.

    Raises:
        RequestError: BAD_FIELD for a bad source or subject type.
        StateError: DISK_FULL when the rows do not fit into the spool.
    """
    require(caller, Role.CDP_JOB, Role.COMPLIANCE_OFFICER)
    check_source(source)
    people = _names(house, subject_type)
    ids = SubjectNames(house.custody.subject_key(), link_type(source), house.limits.threads)
    version = linked = moved = known = 0
    named: list[RowError] = []
    reasons: Counter[tuple[str, str]] = Counter()
    settled = _Settled(house.limits.rejected_rows_named)
    folder = f"links-{secrets.token_hex(8)}"
    with house.memory.lend(SORT_MEMORY) as memory:
        by_id = house.spool.sorter(folder, "by-id", _ROW.width, REF_BYTES, memory)
        try:
            async for piece in rows:
                sound, errors = _checked(piece)
                for error in errors:
                    kind = error.field, error.reason
                    reasons[kind] += 1
                    if reasons[kind] <= house.limits.rejected_rows_named and len(named) < MAX_ERRORS_NAMED:
                        named.append(error)
                await in_thread(by_id.add, _as_rows(sound, ids, people))
            async with aclosing(ahead(in_turn(settled.links(by_id.pieces())))) as pieces:
                async for kept in pieces:
                    async with house.store.begin() as tx:
                        change = await _put(tx, house, caller, source, kept)
                    version, linked, moved = change[0] or version, linked + change[1], moved + change[2]
                    known += change[3]
                    house.bells.ring("audit")
        finally:
            await in_thread(by_id.close)
            await in_thread(house.spool.drop, folder)
    rejected = sorted([*named, *settled.errors()], key=lambda error: error.row)[:MAX_ERRORS_NAMED]
    known += settled.repeated
    return LinkReport(version, linked, moved, known, tuple(rejected), reasons.total() + settled.clashed)


async def _put(
    tx: Transaction, house: House, caller: Caller, source: str, kept: dict[str, str]
) -> tuple[int, int, int, int]:
    """Store the links of a piece in one transaction; return version, new, moved and known ones."""
    version = await tx.identity.next_version()
    current = await tx.identity.current(source, sorted(kept))
    fresh = {link: person for link, person in kept.items() if link not in current}
    moving = {link: person for link, person in kept.items() if current.get(link, person) != person}
    if not fresh and not moving:
        return 0, 0, 0, len(kept)
    now = house.clock.now()
    await tx.identity.unlink(source, version, sorted(moving))
    await tx.consents.wake({current[link] for link in moving})
    links = sorted({**fresh, **moving}.items())
    await tx.identity.link(source, version, now, [link for link, _ in links], [person for _, person in links])
    said = {"source": source, "version": version, "by": caller.subject}
    digest = hashlib.sha256("".join(link + person for link, person in links).encode()).hexdigest()
    counts = {"linked": len(fresh), "moved": len(moving), "links_sha256": digest}
    await tx.audit.append(
        [
            AuditEvent(LeafType.IDENTITY_LINKED, now, "", said | counts),
            *(
                AuditEvent(LeafType.IDENTITY_UNLINKED, now, current[link], said | {"link": link, "moved": True})
                for link in sorted(moving)
            ),
        ]
    )
    return version, len(fresh), len(moving), len(kept) - len(fresh) - len(moving)


async def links_of(house: House, caller: Caller, subject_type: str, subject: str) -> list[IdentityLink]:
    """Return every link of a person there ever was, by source and version.

    Raises:
        RequestError: BAD_FIELD.
    """
    require(caller, Role.COMPLIANCE_OFFICER)
    (ref,) = _names(house, subject_type).refs([_sound("subject", subject)])
    async with house.store.read() as tx:
        return await tx.identity.of_person(ref)


async def unlink(house: House, caller: Caller, source: str, link_id: str) -> int:
    """End the link of an id, e.g. because it was another person's all along.

    Whoever was found by it is taken out of the runs under way, and what runs released of the person by links of this
    system is taken back (flow/reach): nobody knows whose those rows are.

    Args:
        house: ports.
        caller: a compliance officer.
        source: the other system.
        link_id: the raw id there.

    Returns:
        The version of the map since which it is nobody's.

    Raises:
        RequestError: BAD_FIELD.
        StateError: NOT_FOUND when it is nobody's already.
    """
    require(caller, Role.COMPLIANCE_OFFICER)
    check_source(source)
    names = SubjectNames(house.custody.subject_key(), link_type(source), house.limits.threads)
    (link,) = names.refs([_sound("id", link_id)])
    async with house.store.begin() as tx:
        version = await tx.identity.next_version()
        person = (await tx.identity.current(source, [link])).get(link)
        if person is None:
            raise StateError("NOT_FOUND", "this id is linked to nobody; list a customer's links to see which there are")
        now = house.clock.now()
        await tx.identity.unlink(source, version, [link])
        # Released runs may hold a row of the person by this link: they are looked through (flow/reach).
        await tx.consents.wake([person])
        payload = {"source": source, "version": version, "by": caller.subject, "link": link, "moved": False}
        await tx.audit.append([AuditEvent(LeafType.IDENTITY_UNLINKED, now, person, payload)])
    house.bells.ring("audit")
    return version


async def people_of(
    tx: Transaction, source: str, link_refs: Bytes, threads: int
) -> tuple[Bytes, npt.NDArray[np.bool_]]:
    """Return whose the ids of a piece are.

    Args:
        tx: of the look.
        source: the other system.
        link_refs: (n, 26) ascending.
        threads: native threads.

    Returns:
        (n, 26) subject_refs, zeros where there is none; (n,) flags of those that are linked.
    """
    found = np.zeros_like(link_refs)
    if not len(link_refs):
        return found, np.zeros(0, dtype=bool)
    first, last = (bytes(link_refs[place]).decode() for place in (0, -1))
    links, people = await tx.identity.pairs(source, first, last)
    if not len(links):
        return found, np.zeros(len(link_refs), dtype=bool)
    place = kernel.find_rows(links, link_refs, threads)
    linked = place >= 0
    found[linked] = people[place[linked]]
    return found, linked


async def links_to(tx: Transaction, source: str, people: Bytes, threads: int) -> tuple[Bytes, npt.NDArray[np.int64]]:
    """Return the ids that are linked to some of the people, passing over the map range by range.

    Args:
        tx: of the look.
        source: the other system.
        people: (n, 26) subject_refs, each once.
        threads: native threads.

    Returns:
        (m, 26) link_refs, and whose each is: (m,) places among the people.
    """
    links, places = [np.empty((0, people.shape[1]), dtype=np.uint8)], [np.empty(0, dtype=np.int64)]
    for first, last in itertools.pairwise(("", *"34567abcdefghijklmnopqrstuvwxyz", "~")):
        there, owners = await tx.identity.pairs(source, first, last)
        if len(there):
            place = kernel.find_rows(people, owners, threads)
            links.append(there[place >= 0])
            places.append(place[place >= 0])
    return np.ascontiguousarray(np.concatenate(links)), np.concatenate(places)


def _names(house: House, subject_type: str) -> SubjectNames:
    if SUBJECT_TYPE.fullmatch(subject_type) is None:
        raise RequestError("BAD_FIELD", "field subject_type must be 1 to 32 of a-z, 0-9 and _, e.g. customer")
    return SubjectNames(house.custody.subject_key(), subject_type, house.limits.threads)


def _sound(field: str, value: str) -> str:
    if (fault := subject_fault(value)) is not None:
        raise RequestError("BAD_FIELD", f"field {field} {fault}")
    return value


def _checked(piece: Sequence[LinkRow]) -> tuple[list[LinkRow], list[RowError]]:
    sound, errors = list[LinkRow](), list[RowError]()
    for row in piece:
        for field, value in (("id", row[1]), ("subject", row[2])):
            if (fault := subject_fault(value)) is not None:
                errors.append(RowError(row[0], field, fault))
                break
        else:
            sound.append(row)
    return sound, errors


def _as_rows(rows: Sequence[LinkRow], ids: SubjectNames, people: SubjectNames) -> Bytes:
    return _ROW.join(
        len(rows),
        link=from_texts(pa.array(ids.refs([row[1] for row in rows]), pa.string())),
        person=from_texts(pa.array(people.refs([row[2] for row in rows]), pa.string())),
        row=np.array([row[0] for row in rows], dtype=np.int64),
    )


class _Settled:
    """Whose each id of an import is: the person's of its first row; rows that name another are refused.

    Attributes:
        repeated: rows that said again what the first one says.
        clashed: rows that named another person.
    """

    def __init__(self, named: int) -> None:
        """Begin before the first row.

        Args:
            named: how many refused rows are named, those that stand first in the file.
        """
        self._named = named
        self._first = np.empty((0, _ROW.width), dtype=np.uint8)
        self._refused = np.empty((0, 2), dtype=np.int64)
        self.repeated = self.clashed = 0

    def links(self, pieces: Iterator[Bytes]) -> Iterator[dict[str, str]]:
        """Yield {link_ref: subject_ref}, ascending over all of them and each id once. Blocks.

        Args:
            pieces: of a sort by id, whose rows of one id come as they stand in the file.
        """
        for piece in pieces:
            # The first row of the id that the piece before ended with may have more rows here.
            rows = np.concatenate([self._first, piece])
            link, person = _ROW.of(rows, "link"), _ROW.of(rows, "person")
            begins = np.ones(len(rows), dtype=bool)
            begins[1:] = (link[1:] != link[:-1]).any(axis=1)
            starts = np.flatnonzero(begins)
            first = starts[np.cumsum(begins) - 1]
            clash = (person != person[first]).any(axis=1)
            self._refuse(_ROW.number(rows[clash], "row"), _ROW.number(rows[first[clash]], "row"))
            self.repeated += int((~begins & ~clash).sum())
            fresh = starts[1:] if len(self._first) else starts
            self._first = rows[starts[-1:]]
            for begin in range(0, len(fresh), STORED_TOGETHER):
                part = fresh[begin : begin + STORED_TOGETHER]
                yield dict(zip(as_texts(link[part]).to_pylist(), as_texts(person[part]).to_pylist(), strict=True))

    def errors(self) -> list[RowError]:
        """Return the refused rows that are named."""
        return [RowError(row, "id", f"is another subject's in row {first}") for row, first in self._refused.tolist()]

    def _refuse(self, rows: Numbers, first: Numbers) -> None:
        self.clashed += len(rows)
        refused = np.concatenate([self._refused, np.stack([rows, first], axis=1)])
        self._refused = refused[np.argsort(refused[:, 0], kind="stable")[: self._named]]


__all__ = [
    "LinkReport",
    "LinkRow",
    "check_source",
    "import_links",
    "label_of",
    "link_type",
    "links_of",
    "links_to",
    "people_of",
    "unlink",
]
