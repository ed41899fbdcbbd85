"""Inputs in a row, as a retailer would send them: what is let through, left out, or refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from gateway.disclosure import difference
from gateway.errors import StateError
from gateway.flow import similar as module
from gateway.flow.ends import RunRefused
from gateway.flow.ports import House, InputSketch
from gateway.flow.similar import Similar, keep_input, similar_segments
from gateway.route.agreement import AggregateTerms, Noise
from gateway.route.cohort import ConsentedCohort
from gateway.route.job import AuthorizedJob, Side
from tests.unit.gateway.disclosure.runs import BINDING, terms_of
from tests.unit.gateway.flow.houses import NOW, open_house

EXACT = terms_of(period_days=30)
NOISY = terms_of(Noise.LAPLACE, period_days=30)
SIZE = 200
Segments = Mapping[str, range]


def _refs(people: range) -> np.ndarray[Any, np.dtype[np.uint8]]:
    texts = "".join(f"{number:026d}" for number in people).encode()
    return np.frombuffer(texts, dtype=np.uint8).reshape(-1, 26)


def _cohort(segments: Segments, side: Side = Side.RECEIVER) -> ConsentedCohort:
    """Segments of people by number."""
    people = sum(len(people) for people in segments.values())
    return ConsentedCohort(
        side=side,
        rows=people,
        members=people,
        commitment=b"\0" * 32,
        left_out={},
        judged_at=NOW,
        mark=(0, 0),
        key_bytes=1,
        segments=tuple(segments) if side is Side.RECEIVER else (),
        segment_rows=tuple(len(people) for people in segments.values()),
    )


@dataclass
class Desk:
    """Sends one input after another to a partner; each job has a number of its own."""

    house: House
    jobs: int = 0

    def job(self, terms: AggregateTerms, side: Side, partner: str, dataset: str) -> AuthorizedJob:
        self.jobs += 1
        made = SimpleNamespace(
            job_id=f"job-{self.jobs}",
            side=side,
            agreement=SimpleNamespace(aggregate=terms),
            partner=SimpleNamespace(card=SimpleNamespace(party=partner)),
            binding=replace(BINDING, dataset=dataset),
        )
        return cast(AuthorizedJob, made)

    async def compare(
        self,
        segments: Segments,
        denied: range = range(0),
        terms: AggregateTerms = EXACT,
        side: Side = Side.RECEIVER,
        partner: str = "platform",
        dataset: str = "crm",
        days: float = 0,
        job: AuthorizedJob | None = None,
    ) -> tuple[AuthorizedJob, Similar]:
        job = job or self.job(terms, side, partner, dataset)
        at = NOW + timedelta(days=days)
        refs = np.concatenate([_refs(people) for people in segments.values()])

        async def kept_out() -> np.ndarray:
            return _refs(denied)

        return job, await similar_segments(self.house, job, _cohort(segments, side), refs, kept_out, at)

    async def keep(self, job: AuthorizedJob, found: Similar) -> None:
        async with self.house.store.begin() as tx:
            await keep_input(tx, job, found)

    async def send(self, segments: Segments, denied: range = range(0), **others: Any) -> frozenset[int]:
        job, found = await self.compare(segments, denied, **others)
        await self.keep(job, found)
        return found.suppressed

    async def refused(self, segments: Segments, denied: range = range(0), **others: Any) -> str:
        with pytest.raises(RunRefused) as caught:
            await self.compare(segments, denied, **others)
        assert caught.value.refusal.reason_code == "INPUT_TOO_SIMILAR"
        return caught.value.refusal.message

    async def kept(self, side: Side = Side.RECEIVER) -> list[InputSketch]:
        async with self.house.store.read() as tx:
            return await tx.sketches.earlier("platform", side, NOW, "", (0, 10**9))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_house(tmp_path, "retailer") as house:
        yield Desk(house)


def _people(first: int, size: int = SIZE) -> range:
    return range(first, first + size)


PAIR = {"vip": _people(0), "plain": _people(1000)}


async def test_the_same_input_again_shows_nothing_new(desk: Desk) -> None:
    assert await desk.send(PAIR) == frozenset()
    assert await desk.send(PAIR, dataset="crm2") == frozenset()
    assert await desk.send({"another name": PAIR["vip"]}) == frozenset()
    assert [(entry.job_id, entry.rows, entry.dataset) for entry in await desk.kept()][:3] == [
        ("job-1", SIZE, "crm"),
        ("job-1", SIZE, "crm"),
        ("job-2", SIZE, "crm2"),
    ]


@pytest.mark.parametrize(
    "vip",
    [_people(1), _people(0, SIZE + 1), _people(0, SIZE + 49), _people(24), _people(0, SIZE - 1)],
    ids=["one for another", "one more", "49 more", "24 for others", "one less who did not withdraw"],
)
@pytest.mark.parametrize("dataset", ["crm", "renamed"])
async def test_a_few_other_people_are_refused(desk: Desk, vip: range, dataset: str) -> None:
    await desk.send(PAIR)
    message = await desk.refused({"plain": _people(1000), "renamed": vip}, dataset=dataset)
    assert "the receiver's segment 2" in message and "wait 30 days" in message
    assert len(await desk.kept()) == 2
    assert await desk.send(PAIR) == frozenset()  # nothing was lost by asking


@pytest.mark.parametrize("vip", [_people(0, SIZE + 50), _people(25), _people(0, SIZE - 50), _people(500)])
async def test_fifty_changed_people_are_another_input(desk: Desk, vip: range) -> None:
    await desk.send(PAIR)
    assert await desk.send({"vip": vip, "plain": _people(1000)}) == frozenset()


async def test_people_who_moved_between_segments_are_no_withdrawals(desk: Desk) -> None:
    await desk.send({"vip": _people(0), "plain": _people(200)})
    await desk.refused({"vip": _people(0, SIZE - 5), "plain": range(195, 400)}, denied=range(195, 200))


async def test_withdrawals_alone_hold_their_segment_back(desk: Desk) -> None:
    three = {"a": _people(0), "b": _people(1000), "c": _people(2000)}
    await desk.send(three)
    less = {"a": _people(0), "b": range(1003, 1200), "c": _people(2000)}
    for _ in range(2):  # what was held back was not sent: the next input is compared with the first one again
        assert await desk.send(less, denied=range(990, 1003)) == {1}
    message = await desk.refused(less, denied=range(1000, 1002))
    assert "the receiver's segment 2" in message and "3" not in message.replace("30 days", "")
    assert await desk.send(less | {"b": range(1050, 1200)}) == frozenset()
    assert len(await desk.kept()) == 3 + 2 + 2 + 3


async def test_a_withdrawal_excuses_no_newcomer(desk: Desk) -> None:
    await desk.send(PAIR)
    await desk.refused({"vip": range(1, SIZE + 1), "plain": _people(1000)}, denied=range(1))


async def test_nothing_to_release_is_refused(desk: Desk) -> None:
    await desk.send(PAIR)
    message = await desk.refused({"vip": range(1, SIZE), "plain": range(1001, 1200)}, denied=range(2000))
    assert message.startswith("every segment differs")


async def test_every_earlier_input_counts_not_the_last_one(desk: Desk) -> None:
    await desk.send({"vip": _people(0), "plain": _people(1000)})
    await desk.send({"vip": _people(100), "plain": _people(1000)})
    await desk.refused({"vip": _people(10), "plain": _people(1000)})
    await desk.refused({"vip": _people(90), "plain": _people(1000)})
    assert await desk.send({"vip": _people(50), "plain": _people(1000)}) == frozenset()


@pytest.mark.parametrize("exact", [{"noise": Noise.NONE}, {"dummies": Noise.NONE}], ids=str)
async def test_noisy_inputs_are_only_kept_and_count_once_noise_is_off(desk: Desk, exact: dict[str, Noise]) -> None:
    await desk.send(PAIR, terms=NOISY)
    nearly = {"vip": _people(1), "plain": _people(1000)}
    assert await desk.send(nearly, terms=NOISY) == frozenset()
    assert await desk.send(nearly, terms=NOISY, denied=_people(0)) == frozenset()
    await desk.refused({"vip": _people(2), "plain": _people(1000)}, terms=replace(NOISY, **exact))


async def test_partners_and_periods_are_apart(desk: Desk) -> None:
    await desk.send(PAIR)
    nearly = {"vip": _people(1), "plain": _people(1000)}
    assert await desk.send(nearly, partner="bank") == frozenset()
    await desk.refused(nearly, days=30)
    assert await desk.send(nearly, days=30.001) == frozenset()


async def test_a_sender_s_list_is_refused_even_for_withdrawals(desk: Desk) -> None:
    assert await desk.send({"": _people(0)}, side=Side.SENDER) == frozenset()
    assert await desk.send({"": _people(0)}, side=Side.SENDER) == frozenset()
    message = await desk.refused({"": range(3, SIZE)}, denied=range(3), side=Side.SENDER)
    assert message.startswith("the sender's list, of which no part can be held back")
    assert await desk.send({"": range(60, SIZE)}, side=Side.SENDER) == frozenset()
    # The other role is another history: what we learn there is about others.
    assert await desk.send({"vip": range(3, SIZE)}) == frozenset()
    assert {entry.segment for entry in await desk.kept(Side.SENDER)} == {""}


async def test_a_job_that_was_let_through_gets_the_same_answer_again(desk: Desk) -> None:
    await desk.send({"a": _people(0), "b": _people(1000)})
    less = {"a": _people(0), "b": range(1001, 1200)}
    job, found = await desk.compare(less, denied=range(1000, 1001))
    await desk.keep(job, found)
    await desk.keep(job, found)  # a crash right after
    await desk.send({"far": _people(5000)})
    _, again = await desk.compare(less, job=job)  # who withdrew is not known any more, and need not be
    assert found.suppressed == again.suppressed == {1}
    assert again.entries == ()
    await desk.keep(job, again)
    assert len(await desk.kept()) == 4


async def test_of_two_similar_inputs_at_once_only_one_is_let_through(desk: Desk) -> None:
    first, second = await desk.compare(PAIR), await desk.compare({"vip": _people(1)})
    await desk.keep(*first)
    with pytest.raises(StateError) as caught:
        await desk.keep(*second)
    assert caught.value.reason == "REVISION_CONFLICT"
    await desk.refused({"vip": _people(1)}, job=second[0])
    assert len(await desk.kept()) == 2


async def test_all_pages_are_compared(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    for number in range(5):
        await desk.send({"x": _people(1000 * number), "y": _people(1000 * number + 500)})
    for number in range(5):
        await desk.refused({"z": _people(1000 * number + 507)})
    assert await desk.send({"z": _people(9000)}) == frozenset()


async def test_what_is_kept_names_nobody(desk: Desk, tmp_path: Path) -> None:
    """Names of segments and people go in under our own key: with another key nothing of it is the same."""
    _, found = await desk.compare(PAIR)
    async with open_house(tmp_path / "other", "retailer") as house:
        _, elsewhere = await Desk(house).compare(PAIR)
    assert len(found.entries) == len(elsewhere.entries) == 2
    for ours, theirs in zip(found.entries, elsewhere.entries, strict=True):
        assert len(ours.segment) == 64 and ours.segment != theirs.segment
        apart = difference(ours.sketch, theirs.sketch)
        assert ours.rows == theirs.rows == SIZE and (apart is None or apart.rows == 2 * SIZE)
    assert "sketch" not in repr(found)
