"""What either side logs of a run as a provision of personal information: to whom, on which ground, signed by whom."""

from __future__ import annotations

from datetime import timedelta

from gateway.flow.decision_log import KEPT
from gateway.flow.provision import OutputClass, list_provisions
from gateway.flow.registry import create_assessment
from gateway.flow.retention import sweep_results
from gateway.route.agreement import Operation
from gateway.route.job import Side
from gateway.route.provision import ProvisionFilter
from tests.contract.rows import records_of
from tests.twin import EVERYBODY, PLATFORM, PURPOSE, RETAILER, START, Twin, withdrawn


async def test_either_side_logs_what_it_provided_and_on_which_ground(twin: Twin) -> None:
    await twin.platform.import_events([withdrawn(PLATFORM, "B000020", START - timedelta(days=1))])
    job = await twin.run(Operation.ENRICH, ("spend", "tier"))
    opening, run = await records_of(twin, job)
    listed = {}
    for side, other in ((twin.retailer, PLATFORM), (twin.platform, RETAILER)):
        found = await list_provisions(side.house, EVERYBODY, ProvisionFilter(partner=other, purpose=PURPOSE))
        assert await list_provisions(side.house, EVERYBODY, ProvisionFilter(partner=side.party)) == []
        (listed[side.party],) = found
    for (party, one), role, people in zip(listed.items(), ("receiver", "sender"), (40, 49), strict=True):
        half = run[role]
        assert (one.handler, one.side, one.session_id) == (party, Side(role.upper()), job.session_id)
        assert (one.subject_count, one.record_count, one.replaced_count) == (
            people,
            half["tokenised"],
            half["replaced"],
        )
        assert half["tokenised"] + half["replaced"] == people
        assert one.commitment.hex() == opening[f"{role}_commitment"]
        assert one.result_hash is not None and one.result_hash.hex() == half["transcript"]
        assert one.judged_at.isoformat() == half["cut_at"].replace("Z", "+00:00")
        assert one.started_at <= one.judged_at <= one.released_at
        assert one.keep_until == one.released_at + KEPT
        assert (one.contract_id, one.assessments) == (twin.agreement_id, ("PIA-1",))
        assert one.assessed_at is not None and one.assessed_at < one.started_at
        assert (one.output_class, one.minimum_cohort) == (OutputClass.ATTRIBUTES, None)
        assert (one.released_to, one.signed_by) == ((RETAILER,), (PLATFORM, RETAILER))
        assert (one.methods, one.basis) == (("psi_hash",), "consent")
    # The receiver's values did not leave, only whom it asked about.
    assert listed[RETAILER].categories == ("phone_hash",)
    assert listed[PLATFORM].categories == ("phone_hash", "purchases", "loyalty")
    # What is registered since changes nothing of it, nor what retention destroys.
    twin.clock.at += timedelta(days=1000)
    assert await sweep_results(twin.platform.house) == {"destroyed": 1}
    later = {"id": "PIA-1", "approved_at": twin.clock.at.isoformat(), "purposes": [PURPOSE]}
    await create_assessment(
        twin.platform.house, EVERYBODY, {**later, "recipients": ["elsewhere"], "methods": ["psi_hash"]}
    )
    assert await list_provisions(twin.platform.house, EVERYBODY, ProvisionFilter()) == [listed[PLATFORM]]
