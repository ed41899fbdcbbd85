from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.errors import Misuse, StateError
from gateway.route.job import Failure, Side
from gateway.route.session import SessionState
from gateway.store import SqlStore
from tests.contract import given

ID = "ab" * 32


async def test_every_field_of_a_session_comes_back(store: SqlStore) -> None:
    full = given.session(
        side=Side.RECEIVER,
        state=SessionState.CLOSED,
        opening=b'{"o":1}',
        opening_signatures=(("retailer", bytes(64)), ("platform", bytes([1] * 64))),
        run_record=b'{"r":1}',
        run_signatures=(("platform", bytes([2] * 64)),),
        failure=Failure("BAD_SHAPE", "stage 1, chunk 3"),
        revision=4,
    )
    async with store.begin() as tx:
        await tx.sessions.create(full)
    async with store.read() as tx:
        assert await tx.sessions.get(ID) == full
        with pytest.raises(StateError) as caught:
            await tx.sessions.get("cd" * 32)
    assert caught.value.reason == "NOT_FOUND"


async def test_a_session_is_created_once_and_the_transaction_goes_on(store: SqlStore) -> None:
    async with store.begin() as tx:
        await tx.sessions.create(given.session())
        for repeated in (given.session(), given.session("cd" * 32)):  # the same id; the same nonce of the same partner
            with pytest.raises(StateError) as caught:
                await tx.sessions.create(repeated)
            assert caught.value.reason == "REVISION_CONFLICT"
        await tx.sessions.create(given.session("cd" * 32, bytes(32)))
    async with store.read() as tx:
        assert (await tx.sessions.get("cd" * 32)).offer.nonce == bytes(32)


async def test_a_session_is_found_by_its_partner_s_nonce(store: SqlStore) -> None:
    nonce = bytes([7] * 32)
    async with store.begin() as tx:
        await tx.sessions.create(given.session())
        assert await tx.sessions.by_nonce("platform", nonce) == given.session()
        assert await tx.sessions.by_nonce("agency", nonce) is None
        assert await tx.sessions.by_nonce("platform", bytes(32)) is None


async def test_our_own_nonce_sent_back_to_us_finds_nothing(store: SqlStore) -> None:
    async with store.begin() as tx:
        await tx.sessions.create(given.session(side=Side.RECEIVER))
        assert await tx.sessions.by_nonce("platform", bytes([7] * 32)) is None


async def test_an_update_changes_what_it_names(store: SqlStore) -> None:
    changes = {
        "state": SessionState.CLOSING,
        "requested_stage": 3,
        "opening": b"o",
        "opening_signatures": (("a", b"1"), ("b", b"2")),
        "run_record": b"r",
        "run_signatures": (("a", b"3"),),
        "failure": Failure("BAD_SHAPE", "why"),
    }
    async with store.begin() as tx:
        await tx.sessions.create(given.session())
        changed = await tx.sessions.update(ID, changes)
        assert changed == replace(given.session(), **changes, revision=2)  # type: ignore[arg-type]
        assert await tx.sessions.get(ID) == changed
        with pytest.raises(StateError):
            await tx.sessions.update("cd" * 32, changes)
        with pytest.raises(Misuse, match="expires_at"):
            await tx.sessions.update(ID, {"expires_at": given.NOW})


async def test_the_requested_stage_never_shrinks(store: SqlStore) -> None:
    async with store.begin() as tx:
        await tx.sessions.create(given.session())
        assert (await tx.sessions.update(ID, {"requested_stage": 3})).requested_stage == 3
        assert (await tx.sessions.update(ID, {"requested_stage": 2})).requested_stage == 3


async def test_a_final_state_stays(store: SqlStore) -> None:
    async with store.begin() as tx:
        await tx.sessions.create(given.session())
        await tx.sessions.update(ID, {"state": SessionState.ABORTED})
        with pytest.raises(StateError, match="ABORTED") as caught:
            await tx.sessions.update(ID, {"state": SessionState.CLOSED})
        repeated = await tx.sessions.update(ID, {"state": SessionState.ABORTED, "run_record": b"r"})
    assert caught.value.reason == "REVISION_CONFLICT"
    assert (repeated.state, repeated.run_record) == (SessionState.ABORTED, b"r")
