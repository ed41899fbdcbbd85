"""A source that is written again while a run reads it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.flow.ports import DatasetPort
from gateway.route.agreement import Operation
from gateway.route.job import JobState
from tests.contract.rows import job_at
from tests.twin import make_twin

pytestmark = pytest.mark.usefixtures("twins_closed")


class Rewritten:
    """Data sets whose files are written again, with the same rows, once they have been read so many times."""

    def __init__(self, inner: DatasetPort, reads: int) -> None:
        self._inner, self._reads = inner, reads

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def scan(self, *args: Any, **kwargs: Any) -> Any:
        scan = self._inner.scan(*args, **kwargs)
        self._reads -= 1
        scan.state = {"": "as it was" if self._reads >= 0 else "written again"}  # type: ignore[misc]
        return scan


@pytest.mark.parametrize(("reads", "state"), [(1, JobState.FAILED), (99, JobState.SUCCEEDED)])
async def test_a_source_that_changes_between_two_reads_ends_the_run(
    tmp_path: Path, reads: int, state: JobState
) -> None:
    twin = await make_twin(tmp_path)
    await twin.platform.stop()
    twin.platform.wrap = lambda house: replace(house, datasets=Rewritten(house.datasets, reads))
    await twin.platform.start()
    job = await twin.run(Operation.ENRICH, ("spend",))
    theirs = await job_at(twin.platform, job)
    assert theirs.state is state
    if state is JobState.FAILED:
        assert theirs.failure is not None
        assert theirs.failure.reason == "SOURCE_CHANGED"
        assert "data set" in theirs.failure.message
