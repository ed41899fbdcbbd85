"""One side holds raw numbers, the other digests: the agreed form and hash join them, and no other does."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from gateway.errors import RequestError
from gateway.flow import agreement as agreements
from gateway.route.agreement import Operation
from gateway.route.job import Job, JobState
from tests.twin import EVERYBODY, Gateway, close_all, customers, make_twin

KEY = "phone.cn11.sha256"


async def rebind(side: Gateway, agreement_id: str) -> None:
    """Bind the same columns once more: what they hold is looked at again."""
    async with side.house.store.read() as tx:
        binding = await tx.agreements.binding(agreement_id)
    assert binding is not None
    await agreements.bind(side.house, EVERYBODY, binding)


async def test_raw_values_meet_digests_of_the_agreed_form_only(tmp_path: Path) -> None:
    ours, theirs = customers(0, 40, "A"), customers(20, 50, "B")
    phones = theirs.column("phone").to_pylist()
    digests = pa.array([hashlib.sha256(phone.removeprefix("+86").encode()).hexdigest() for phone in phones])
    theirs = theirs.set_column(1, "phone", digests)
    keys = [{"name": KEY, "category": "phone_hash"}]
    twin = await make_twin(tmp_path, tables=(ours, theirs), match_keys=keys)
    try:
        held = twin.retailer.datasets.held, twin.platform.datasets.held
        held[0]["phone"], held[1]["phone"] = "phone", KEY
        await rebind(twin.retailer, twin.agreement_id)
        await rebind(twin.platform, twin.agreement_id)
        job = await twin.run(Operation.MATCH)
        assert (job.state, job.report["matched"]) == (JobState.SUCCEEDED, 20), job.failure

        async def refused() -> Job:
            found = await twin.run(Operation.MATCH)
            assert found.state is JobState.REFUSED
            assert found.refusal and found.refusal.reason_code == "MATCH_KEY_MISMATCH"
            return found

        for side, wrong in ((1, "phone.e164.sha256"), (1, "phone.cn11.md5"), (1, "email"), (0, "email.plain.md5")):
            before, held[side]["phone"] = held[side]["phone"], wrong
            await refused()
            with pytest.raises(RequestError) as caught:
                await rebind((twin.retailer, twin.platform)[side], twin.agreement_id)
            assert f"match_key_columns.{KEY}" in caught.value.message
            held[side]["phone"] = before
    finally:
        await close_all()
