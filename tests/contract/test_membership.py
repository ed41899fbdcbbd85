"""Who was in a run's cohort: kept, numbered, proven, erased; on both databases, and read by both verifiers."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assent_verify import Trust
from assent_verify.membership import MembershipReport, as_json, as_text, verify_membership
from assent_verify.note import parse_vkey
from gateway import kernel
from gateway.errors import AccessError, StateError
from gateway.flow.audit import sequence
from gateway.flow.consent import person_ref
from gateway.flow.erasure import erased_name
from gateway.flow.membership.condense import KEPT, Bitmap, Bits, number_memberships
from gateway.flow.membership.prove import prove_membership
from gateway.flow.ports.membership import BLOCK
from gateway.route.agreement import Operation
from gateway.route.caller import Caller, Role
from gateway.route.canonical import canonical_bytes, record_message
from gateway.route.job import Job, JobState
from tests.contract.rows import rows_twin
from tests.javascript import absent, ask, b64
from tests.twin import EVERYBODY, PLATFORM, RETAILER, START, Gateway, Twin, close_all, withdrawn

CDP = Caller("cdp", frozenset({Role.CDP_JOB}))


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await close_all()


@pytest.fixture
async def twin(tmp_path: Path, request: pytest.FixtureRequest) -> Twin:
    """On SQLite, or with the retailer on what `both` asks for."""
    url = str(request.getfixturevalue("postgres_url")) if getattr(request, "param", "") == "postgres" else None
    return await rows_twin(tmp_path, urls=(url, None))


both = pytest.mark.parametrize("twin", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)


async def ended(twin: Twin) -> Job:
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.SUCCEEDED, job.failure
    return job


async def proof(side: Gateway, customer: str, session: str) -> bytes:
    await sequence(side.house)
    return await prove_membership(side.house, EVERYBODY, "customer", customer, session)


def trust(twin: Twin) -> Trust:
    sides = (twin.retailer.house, twin.platform.house)
    keys = tuple(parse_vkey(house.custody.log_vkey()) for house in sides)
    return Trust(keys, {house.custody.party: house.custody.own_card().card.agreement_key for house in sides})


def checked(twin: Twin, encoded: bytes) -> MembershipReport:
    report = verify_membership(encoded, trust(twin))
    assert report.failures == []
    return report


async def forget(side: Gateway, customer: str) -> str:
    """Erase a person in the store, as the last step of a request does."""
    ref = person_ref(side.house, "customer", customer)
    async with side.house.store.begin() as tx:
        await tx.erasure.erase(ref, erased_name(side.house, ref), side.house.clock.now())
    return ref


@both
async def test_was_and_was_not(twin: Twin, tmp_path: Path) -> None:
    # Withdrawn before the run: asked, on file, and not in.
    await twin.retailer.import_events([withdrawn(RETAILER, "A000003", START)])
    twin.clock.at += timedelta(hours=1)
    job = await ended(twin)
    with pytest.raises(StateError, match="being numbered"):
        await proof(twin.retailer, "A000001", job.session_id)
    for side in (twin.retailer, twin.platform):
        assert await number_memberships(side.house) == {"numbered": 1, "destroyed": 0}
        assert await number_memberships(side.house) == {"numbered": 0, "destroyed": 0}
        assert not list((side.home / "results").glob("*.members"))
    expected = {
        (RETAILER, "A000001"): True,
        (RETAILER, "A000003"): False,
        (RETAILER, "nobody"): False,
        (PLATFORM, "B000025"): True,
        (PLATFORM, "A000001"): False,
    }
    proofs = {}
    for (party, customer), member in expected.items():
        side = twin.retailer if party == RETAILER else twin.platform
        encoded = proofs[(party, customer)] = await proof(side, customer, job.session_id)
        report = checked(twin, encoded)
        assert (report.member, report.party) == (member, party), customer
        assert report.party_key_pinned
        assert report.log_key_pinned
        assert {use["allowed"] for use in report.judgement} == {member}
        async with side.house.store.read() as tx:
            membership = await tx.memberships.get(job.session_id)
            assert membership is not None
            assert await tx.memberships.holds(membership, person_ref(side.house, "customer", customer)) is member
        if member:
            _, event = report.events[0]
            assert event["consent_id"] == report.judgement[0]["consent"]
            assert f"{report.subject} WAS in this cohort" in as_text(report)
        assert customer not in encoded.decode(), "no raw value leaves"
    out = checked(twin, proofs[(RETAILER, "A000003")])
    assert [event["type"] for _, event in out.events] == ["consent_given", "consent_withdrawn"]
    assert out.judgement[0]["reason"] == "CONSENT_WITHDRAWN"
    assert [use["reason"] for use in checked(twin, proofs[(RETAILER, "nobody")]).judgement] == ["NO_CONSENT"]
    logged = await logged_types(twin.retailer)
    assert logged.count("membership_kept") == 1
    assert logged.count("membership_proved") == 3
    if absent() is None:
        agree(twin, list(proofs.values()), tmp_path)


async def logged_types(side: Gateway) -> list[str]:
    await sequence(side.house)
    async with side.house.store.read() as tx:
        return [entry.type async for entry in tx.audit.entries(0, await tx.audit.size())]


def agree(twin: Twin, proofs: list[bytes], folder: Path) -> None:
    """Both verifiers say the same, word for word."""
    keys = trust(twin)
    questions = []
    for number, encoded in enumerate(proofs):
        file = folder / f"proof-{number}.json"
        file.write_bytes(encoded)
        party_keys = {party: b64(key) for party, key in keys.party_keys.items()}
        vkeys = [key.text for key in keys.log_keys]
        questions.append({"ask": "membership", "file": str(file), "vkeys": vkeys, "party_keys": party_keys})
    for encoded, answer in zip(proofs, ask(questions), strict=True):
        report = verify_membership(encoded, keys)
        if report.ok:
            expected = {name: value for name, value in as_json(report).items() if name not in ("ok", "failures")}
            assert answer["answer"] == expected
        else:
            (failure,) = report.failures
            assert not answer["ok"]
            assert answer["check"] == failure.check, (answer, failure)


def resealed(side: Gateway, record: dict[str, Any]) -> bytes:
    """What a dishonest party would sign."""
    del record["signature"]
    signature = side.house.custody.sign_record("membership", canonical_bytes(record))
    return canonical_bytes({**record, "signature": base64.b64encode(signature).decode()})


def flipped(text: str) -> str:
    return ("B" if text[0] == "A" else "A") + text[1:]


async def test_a_proof_that_was_tampered_with(twin: Twin, tmp_path: Path) -> None:
    job = await ended(twin)
    await number_memberships(twin.retailer.house)
    member = await proof(twin.retailer, "A000001", job.session_id)
    other = await proof(twin.retailer, "A000002", job.session_id)
    # Where people stand is drawn anew for every home: a stranger between two neighbours, the member none of them.
    standing = json.loads(member)["leaves"][0]
    strangers = [await proof(twin.retailer, f"nobody {number}", job.session_id) for number in range(8)]
    stranger = next(
        one for one in strangers if len(leaves := json.loads(one)["leaves"]) == 2 and standing not in leaves
    )
    run = f"run {job.session_id[:16]}"

    def of_other(record: Any) -> None:
        record["subject"] = json.loads(other)["subject"]

    def says_not(record: Any) -> None:
        record["member"] = False

    def says_was(record: Any) -> None:
        record["member"] = True

    def far_apart(record: Any) -> None:
        record["leaves"][0] = json.loads(member)["leaves"][0]

    cases: list[tuple[bytes, Callable[[Any], None], str, str]] = [
        (member, of_other, "cohort", "not that of this person"),
        (member, says_not, "cohort", "do not ascend"),
        (member, lambda r: r["leaves"][0].update(mac=flipped(r["leaves"][0]["mac"])), "cohort", "does not lead"),
        (member, lambda r: r["leaves"][0].update(path=r["leaves"][0]["path"][1:]), "cohort", "too few hashes"),
        (member, lambda r: r.update(leaves=[]), "cohort", "not that of this person"),
        (member, lambda r: r.update(salt=flipped(r["salt"])), "cohort", "not that of this person"),
        (member, lambda r: r["run"]["opening"].update(receiver_commitment="00" * 32), run, "opening record"),
        (member, lambda r: r.update(side="sender"), "run", "is not the sender"),
        (member, lambda r: r.update(judgement=[]), "consent", "what let this person in"),
        (member, lambda r: r["judgement"][0].update(consent="another"), "consent", "gives consent another"),
        (member, lambda r: r["log"].update(entries=[]), "consent", "no event in the file gives"),
        (member, lambda r: r["log"]["entries"][0]["payload"].update(at="2020-01-01T00:00:00Z"), "log", "not the one"),
        (member, lambda r: r["log"]["entries"][0].update(index=0), "log", "entry 0"),
        (member, lambda r: r["log"].update(checkpoint="x"), "log", "note"),
        (member, lambda r: r.update(v=2), "file", "version 1"),
        (member, lambda r: r.update(v=True), "file", "version 1"),
        (member, lambda r: r["judgement"][0].update(consent=None), "file", "wrong type"),
        (member, lambda r: r["judgement"][0].update(allowed=1), "file", "wrong type"),
        (member, lambda r: r["log"]["entries"][0].update(index=None), "log", "lacks a field"),
        (stranger, says_was, "cohort", "not that of this person"),
        (stranger, far_apart, "cohort", "leaves in the file"),
        (stranger, lambda r: r["leaves"].pop(), "cohort", "not neighbours"),
        (stranger, lambda r: r["leaves"].reverse(), "cohort", "do not ascend"),
        (stranger, lambda r: r.update(leaves=[]), "cohort", "proves nothing"),
        (stranger, of_other, "cohort", "around the place"),
    ]
    tampered = []
    for encoded, change, check, words in cases:
        record = json.loads(encoded)
        change(record)
        tampered.append(resealed(twin.retailer, record))
        (failure,) = verify_membership(tampered[-1], trust(twin)).failures
        assert (failure.check, words in failure.reason) == (check, True), (check, words, failure)
    unsigned = json.loads(member)
    unsigned["people"] += 1
    tampered += [canonical_bytes(unsigned), member + b" ", b"{}"]
    for encoded, check in zip(tampered[-3:], ("signature", "file", "file"), strict=True):
        (failure,) = verify_membership(encoded, trust(twin)).failures
        assert failure.check == check
    key = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32).public_key().public_bytes_raw()
    report = verify_membership(member, Trust((), {RETAILER: key}))
    assert [failure.check for failure in report.failures] == [run]
    if absent() is None:
        agree(twin, [*tampered, member, stranger], tmp_path)


@both
async def test_an_erasure_takes_the_person_and_leaves_the_others_their_proofs(twin: Twin) -> None:
    job = await ended(twin)
    house = twin.retailer.house
    early = await forget(twin.retailer, "A000005")  # before the cohort is numbered
    await number_memberships(house)
    late = await forget(twin.retailer, "A000006")  # after it
    for customer in ("A000005", "A000006"):
        with pytest.raises(StateError, match="was erased"):
            await proof(twin.retailer, customer, job.session_id)
    async with house.store.read() as tx:
        membership = await tx.memberships.get(job.session_id)
        assert membership is not None
        apart = await tx.memberships.apart(membership.job_id)
        refs, _ = await tx.memberships.people("", 1000)
        assert [await tx.memberships.holds(membership, ref) for ref in (early, late)] == [True, True]
    leaves = sorted(
        kernel.hmac_sha256(membership.salt, np.frombuffer(ref.encode(), np.uint8).reshape(1, -1), 1)[0].tobytes()
        for ref in (early, late)
    )
    assert apart == leaves
    named = {row.tobytes().decode() for row in refs}
    assert not named & {early, late}
    for customer, member in (("A000001", True), ("nobody", False)):
        assert checked(twin, await proof(twin.retailer, customer, job.session_id)).member is member


async def test_people_keep_their_numbers_over_runs(twin: Twin) -> None:
    first = await ended(twin)
    await number_memberships(twin.retailer.house)
    async with twin.retailer.house.store.read() as tx:
        _, before = await tx.memberships.people("", 1000)
    await twin.retailer.import_events([withdrawn(RETAILER, "A000007", twin.clock.now())])
    second = await ended(twin)
    await number_memberships(twin.retailer.house)
    async with twin.retailer.house.store.read() as tx:
        _, after = await tx.memberships.people("", 1000)
    assert sorted(before) == list(range(40))
    assert (before == after).all()
    answers = [checked(twin, await proof(twin.retailer, "A000007", job.session_id)).member for job in (first, second)]
    assert answers == [True, False]


async def test_what_was_kept_wrongly_is_not_numbered(twin: Twin) -> None:
    job = await ended(twin)
    house = twin.retailer.house
    from sqlalchemy import text

    async with house.store.begin() as tx:
        statement = text("UPDATE memberships SET salt = commitment")
        await tx._connection.execute(statement)  # type: ignore[attr-defined]
    with pytest.raises(StateError, match="not those that it committed to"):
        await number_memberships(house)
    with pytest.raises(StateError, match="being numbered"):
        await proof(twin.retailer, "A000001", job.session_id)


@both
async def test_what_is_kept_goes_after_three_years(twin: Twin) -> None:
    job = await ended(twin)
    house = twin.retailer.house
    await number_memberships(house)
    twin.clock.at += KEPT - timedelta(hours=1)
    assert (await number_memberships(house))["destroyed"] == 0
    twin.clock.at += timedelta(hours=2)
    assert (await number_memberships(house))["destroyed"] == 1
    with pytest.raises(StateError, match="no cohort of such a session"):
        await proof(twin.retailer, "A000001", job.session_id)
    assert "membership_destroyed" in await logged_types(twin.retailer)


async def test_who_may_ask(twin: Twin) -> None:
    job = await ended(twin)
    with pytest.raises(AccessError):
        await prove_membership(twin.retailer.house, CDP, "customer", "A000001", job.session_id)
    with pytest.raises(StateError, match="no cohort of such a session"):
        await proof(twin.retailer, "A000001", "ab" * 32)
    await number_memberships(twin.retailer.house)
    async with twin.retailer.house.store.begin() as tx:  # as a run stands that a break ended after its opening
        await tx.sessions.update(job.session_id, {"run_signatures": ()})
    with pytest.raises(StateError, match="before both parties had signed"):
        await proof(twin.retailer, "A000001", job.session_id)
    assert record_message("membership", b"{}").startswith(b"assent membership v1\n")


def test_a_bitmap_is_small_and_says_what_was_put_in() -> None:
    random = np.random.default_rng(1)
    numbers = random.choice(1_500_000, 700_000, replace=False)
    bitmap = Bitmap()
    for start in range(0, len(numbers), 100_000):
        bitmap.add(numbers[start : start + 100_000])
    packed = bitmap.packed()
    assert sum(map(len, packed.values())) < 1.02 * 1_500_000 / 8, "a random half is as large as it can get"
    bits = Bits(packed)
    asked = np.arange(-1, 1_600_000)
    found = bits.of(asked)
    assert (asked[found] == np.sort(numbers)).all()
    everybody = Bitmap()
    everybody.add(np.arange(BLOCK * 3))
    assert sum(map(len, everybody.packed().values())) < 200
    assert not Bits({}).of(np.array([-1, 0, 5])).any()
