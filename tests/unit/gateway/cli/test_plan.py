from __future__ import annotations

from dataclasses import replace

from gateway.cli.plan import _told
from gateway.client import Calibration, Forecast, JobPlan, PlanCheck

FORECAST = Forecast(
    own_rows=1_000_000,
    own_rows_from="counted",
    own_records=900_000,
    partner_records=5_000_000,
    partner_records_from="the last run",
    wall_s=312.4,
    cpu_s=200.0,
    partner_cpu_s=300.0,
    wire_bytes=115_400_000,
    table_bytes=999_000,
    spool_bytes=1_250_000_000,
    memory_bytes=800_000_000,
    shared_machine=False,
    shares=(("curve", 400.0), ("encryption", 0.0)),
)
CALIBRATION = Calibration("ifma", 2, 140_000.0, 160_000.0, 1_500_000.0, 1e6, 1.0, 1.0, 1.2, 131_072)


def test_a_forecast_is_told_in_units_that_people_read() -> None:
    told = dict(_told(JobPlan((), FORECAST, CALIBRATION)))
    assert told["rows"] == "1,000,000 (counted), of them 900,000 records to send"
    assert told["time"] == "5.2 minutes, the partner's machine taken to be like ours"
    assert told["wire"] == "115.4 MB, of it a table of 999 kB"
    assert told["disk"] == "1.25 GB of the spool"
    assert "encryption" not in told["processor"]
    assert "slows" not in told["measured"]
    crowded = replace(CALIBRATION, crowding=2.0)
    assert "other work slows it 2.0 times" in dict(_told(JobPlan((), FORECAST, crowded)))["measured"]
    near = replace(FORECAST, wall_s=28.3, shared_machine=True)
    assert dict(_told(JobPlan((), near, CALIBRATION)))["time"] == "28.3 s, both gateways on this machine"
    assert _told(JobPlan((), None, None)) == []


def test_a_plan_runs_unless_something_says_no() -> None:
    fine, warned = PlanCheck("agreement", "OK", "", ""), PlanCheck("certificate", "WARNING", "", "")
    assert JobPlan((fine, warned), None, None).runs
    assert not JobPlan((fine, PlanCheck("purpose", "NO", "PURPOSE_NOT_AGREED", "")), None, None).runs
