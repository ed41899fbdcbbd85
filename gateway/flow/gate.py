"""The consent gate over many people: plain rows of the projection for most of them, the rule for the rest.

Law: the verdict of each person is that of `may_use`; the projection only saves work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from consent.evaluate import Decision, History, Question, Use, may_use, plain_floor
from consent.mechanism import Exported
from consent.registry import Registry
from gateway import kernel
from gateway.flow.export import exported, standing_with
from gateway.flow.ports import Transaction
from gateway.flow.ports.people import Mark
from gateway.flow.threads import in_thread
from gateway.psi.arrow import whole
from gateway.route.subject_ref import Bytes, as_keys, as_texts, from_keys, from_texts

__all__ = ["Verdict", "as_texts", "doubted", "judge", "judge_all"]

STORE_ROWS = 500_000
"""People whom the store may name in one answer: 13 MB, three times that with consent ids."""
SPARSE = 300
"""Rows of the store that are read at the cost of asking the rule about one person."""
HISTORIES = 1000
"""People whose histories are held at once."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One judgement of many people.

    Attributes:
        allowed: (n,) whether the person may be used.
        consent_ids: n ids of the consent that allows it, null where denied; None unless asked for.
        denied: people per reason code of `consent.reason`; for our own people only.
        by_rule: (n,) allowed by the rule, not by a plain row, under any of the uses: time may change the verdict
            without an event.
    """

    allowed: Mask
    consent_ids: pa.StringArray | None
    denied: Mapping[str, int]
    by_rule: Mask


async def judge(
    tx: Transaction, registry: Registry, use: Use, subject_refs: Bytes, at: datetime, *, ids: bool = False
) -> Verdict:
    """Judge consent of many people at one time.

    Args:
        tx: open transaction (one snapshot).
        registry: as of the same snapshot.
        use: handler, recipient, purpose, category, method.
        subject_refs: (n, 26) ASCII, ascending, each once.
        at: time of the judgement (UTC), also as_known_at.
        ids: whether consent ids are wanted.
    """
    rows = len(subject_refs)
    abroad = await exported(tx, registry, use.recipient, at)
    against = standing_with(use, at, registry, abroad)
    if against is not None:
        nobody, none = np.zeros(rows, dtype=bool), pa.nulls(rows, pa.string()) if ids else None
        return Verdict(nobody, none, {against.reason_code: rows} if rows else {}, nobody.copy())
    asking = _Asking(tx, registry, use, at, plain_floor(use, at, registry), ids, abroad)
    step, start = _Step(), 0
    while start < rows:
        piece = subject_refs[start : start + step.rows]
        step = step.after(len(piece), await asking.judge(piece, sparse=step.sparse))
        start += len(piece)
    return asking.verdict()


async def judge_all(
    tx: Transaction,
    registry: Registry,
    uses: Sequence[Use],
    subject_refs: Bytes,
    at: datetime,
    *,
    ids: bool = False,
) -> Verdict:
    """Judge people who must be allowed under several uses at once; arguments as `judge`.

    A person counts once, under the first use that denies; the consent id is that of the first use.
    """
    verdict = await judge(tx, registry, uses[0], subject_refs, at, ids=ids)
    allowed, by_rule, denied = verdict.allowed, verdict.by_rule, Counter(verdict.denied)
    for use in uses[1:]:
        # Only those whom all uses so far let in are asked about the next.
        asked = np.flatnonzero(allowed)
        further = await judge(tx, registry, use, subject_refs[asked], at)
        allowed[asked] = further.allowed
        by_rule[asked] |= further.by_rule
        denied.update(further.denied)
    kept = verdict.consent_ids
    if kept is not None:
        kept = pc.if_else(pa.array(allowed), kept, pa.scalar(None, pa.string()))
    return Verdict(allowed, kept, dict(sorted(denied.items())), by_rule & allowed)


async def doubted(
    tx: Transaction,
    registry: Registry,
    uses: Sequence[Use],
    since: Mark,
    judged_at: datetime,
    at: datetime,
    limit: int,
) -> Bytes | None:
    """Return whose verdict may be worse at one time than it was at an earlier one.

    Law: who was allowed then by plain rows and is not named here is allowed now. Those whom the rule let in
    (`by_rule`) are not named for that: the caller judges them again anyway. Nor are people named who were denied
    and whom time alone lets in: they stay out until everybody is judged anew.

    Args:
        tx: open transaction (one snapshot).
        registry: as of the same snapshot.
        uses: those judged by.
        since: the mark of the earlier judgement's snapshot.
        judged_at: its time.
        at: the time asked about.
        limit: the most people that may be named.

    Returns:
        (m, 26) ascending, each once; None when everybody must be judged again, or more than `limit`.
    """
    now = await tx.consents.mark()
    if at < judged_at or now.changes < since.changes or now.registry != since.registry:
        return None
    for use in uses:
        if plain_floor(use, judged_at, registry) != plain_floor(use, at, registry):
            return None
        # For a recipient abroad no row is plain, so that everybody is judged again anyway.
        abroad = await exported(tx, registry, use.recipient, at)
        before, now_against = (standing_with(use, moment, registry, abroad) for moment in (judged_at, at))
        if (before is None) != (now_against is None):
            return None
    found = [await tx.consents.changed(since, limit)]
    for use in uses:
        found.append(await tx.consents.lapsed(use, judged_at, at, limit))
    named = [people for people in found if people is not None]
    if len(named) < len(found):
        return None
    everyone = from_keys(np.unique(as_keys(np.concatenate(named))))
    return everyone if len(everyone) <= limit else None


@dataclass(frozen=True, slots=True)
class _Step:
    """How many people are judged together.

    The store answers for a range, of which ours may be few or all: it begins with a range between two people, and
    every answer tells how long the next may be so that the store names no more than STORE_ROWS in it.

    Attributes:
        rows: people of the next step.
        sparse: so few of the range's people are ours that the rule alone is cheaper than the range.
    """

    rows: int = 2
    sparse: bool = False

    def after(self, asked: int, held: int) -> _Step:
        """Return the step after one of `asked` people in whose range the store held `held`."""
        if self.sparse:
            return _Step()
        if held > SPARSE * asked:
            return _Step(HISTORIES, sparse=True)
        return _Step(max(2, min(self.rows * 32, STORE_ROWS * asked // max(held, asked))))


@dataclass(slots=True)
class _Asking:
    """What was found out so far about one use."""

    tx: Transaction
    registry: Registry
    use: Use
    at: datetime
    floor: datetime
    ids: bool
    abroad: Exported
    allowed: list[Mask] = field(default_factory=list)
    by_rule: list[Mask] = field(default_factory=list)
    consent_ids: list[pa.StringArray] = field(default_factory=list)
    denied: Counter[str] = field(default_factory=Counter)

    def verdict(self) -> Verdict:
        """Return the judgement of all pieces."""
        nobody = np.empty(0, dtype=bool)
        return Verdict(
            np.concatenate([nobody, *self.allowed]),
            whole(pa.chunked_array(self.consent_ids, pa.string())) if self.ids else None,
            dict(sorted(self.denied.items())),
            np.concatenate([nobody, *self.by_rule]),
        )

    async def judge(self, refs: Bytes, *, sparse: bool) -> int:
        """Judge a piece; return how many people the store named within its range."""
        held, consent_ids = 0, pa.nulls(len(refs), pa.string())
        allowed, doubtful = np.zeros(len(refs), dtype=bool), np.arange(len(refs))
        if not sparse:
            plain, names = await self._plain(refs)
            places = await in_thread(kernel.find_rows, plain, refs)
            allowed, held = places >= 0, len(plain)
            if names is not None:
                consent_ids = names.take(pa.array(places, mask=~allowed))
            doubtful = np.flatnonzero(~allowed)
            # A few are asked about at once, unknown or not; of many the unknown are told apart first.
            if len(doubtful) * SPARSE > held:
                on_file = await self.tx.consents.on_file(*_ends(refs[doubtful]))
                known = await in_thread(kernel.find_rows, on_file, refs[doubtful]) >= 0
                if not known.all():
                    self.denied["NO_CONSENT"] += int((~known).sum())
                doubtful, held = doubtful[known], max(held, len(on_file))
        by_rule = np.zeros(len(refs), dtype=bool)
        decisions = await self._decided(refs[doubtful])
        by_rule[doubtful] = [decision.allowed for decision in decisions]
        self.denied.update(decision.reason_code for decision in decisions if not decision.allowed)
        if self.ids:
            said = [decision.consent_id for decision in decisions if decision.allowed]
            consent_ids = pc.replace_with_mask(consent_ids, pa.array(by_rule), pa.array(said, pa.string()))
            self.consent_ids.append(consent_ids)
        self.allowed.append(allowed | by_rule)
        self.by_rule.append(by_rule)
        return held

    async def _plain(self, refs: Bytes) -> tuple[Bytes, pa.StringArray | None]:
        first, last = _ends(refs)
        if not self.ids:
            return await self.tx.consents.plain(self.use, self.floor, self.at, first, last), None
        table = await self.tx.consents.plain_ids(self.use, self.floor, self.at, first, last)
        return from_texts(whole(table.column("subject_ref"))), whole(table.column("consent_id"))

    async def _decided(self, refs: Bytes) -> list[Decision]:
        """Ask the rule about people one by one; others on the loop have their turn."""
        decisions: list[Decision] = []
        for start in range(0, len(refs), HISTORIES):
            asked: list[str] = as_texts(refs[start : start + HISTORIES]).to_pylist()
            histories = await self.tx.consents.histories(asked)
            decisions += await in_thread(self._ask, asked, histories)
        return decisions

    def _ask(self, refs: Sequence[str], histories: Mapping[str, History]) -> list[Decision]:
        people, sensitive = self.abroad.people, self.abroad.sensitive
        questions = (
            Question(
                subject=ref,
                use=self.use,
                at=self.at,
                as_known_at=self.at,
                exported_this_year=people,
                sensitive_exported_this_year=sensitive,
            )
            for ref in refs
        )
        return [may_use(question, histories[question.subject], self.registry) for question in questions]


def _ends(refs: Bytes) -> tuple[str, str]:
    return refs[0].tobytes().decode("ascii"), refs[-1].tobytes().decode("ascii")
