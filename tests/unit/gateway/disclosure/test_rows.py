"""What a row-level release keeps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest

from gateway.disclosure import release_rows
from gateway.errors import Misuse
from gateway.route.agreement import Operation
from gateway.route.job import AuthorizedJob, Side
from gateway.route.matched import Matched

AT = datetime(2026, 3, 1, tzinfo=UTC)


def job_of(side: Side = Side.RECEIVER, columns: tuple[str, ...] = ("tier",), to_sender: bool = False) -> AuthorizedJob:
    found = SimpleNamespace(
        job_id="j",
        side=side,
        columns=columns,
        agreement=SimpleNamespace(agreement_id="a", retention_days=10),
        partner=SimpleNamespace(card=SimpleNamespace(party="platform")),
        operation=Operation.ENRICH,
        direction=SimpleNamespace(to_sender=to_sender),
    )
    return cast(AuthorizedJob, found)


def matched_of(names: list[str], columns: pa.Table | None) -> Matched:
    refs = np.array([list(name.ljust(26, "x").encode()) for name in names], dtype=np.uint8).reshape(len(names), 26)
    tokens = np.arange(len(names) * 9, dtype=np.uint8).reshape(len(names), 9)
    return Matched(refs, pa.array([f"c-{name}" for name in names]), tokens, columns)


MATCHED = matched_of(["b", "a", "c"], pa.table({"other": [1, 2, 3], "tier": ["B", "A", None]}))


def test_only_allowed_subjects_and_asked_columns_are_kept_in_order() -> None:
    release = release_rows(job_of(), "s", MATCHED, np.array([True, True, False]), AT, {})
    assert release.table.column("subject_ref").to_pylist() == ["a".ljust(26, "x"), "b".ljust(26, "x")]
    assert release.table.column("tier").to_pylist() == ["A", "B"]
    assert release.table.column("consent_id").to_pylist() == ["c-a", "c-b"]
    assert release.table.column_names == ["subject_ref", "row_token", "consent_id", "tier"]
    assert release.table.column("row_token").to_pylist()[0] == MATCHED.row_tokens[1].tobytes()
    assert release.expires_at - release.obtained_at == timedelta(days=10)


def test_nobody_allowed_is_an_empty_release() -> None:
    assert release_rows(job_of(), "s", MATCHED, np.zeros(3, dtype=bool), AT, {}).table.num_rows == 0


def test_a_sender_that_learns_the_matches_has_them_without_columns() -> None:
    job = job_of(Side.SENDER, to_sender=True)
    release = release_rows(job, "s", replace(MATCHED, columns=None), np.array([True, True, False]), AT, {})
    assert release.table.column_names == ["subject_ref", "row_token", "consent_id"]
    assert release.table.column("consent_id").to_pylist() == ["c-a", "c-b"]


@pytest.mark.parametrize(
    ("job", "matched", "allowed"),
    [
        (job_of(Side.SENDER, to_sender=True), MATCHED, np.ones(3, dtype=bool)),
        (job_of(Side.SENDER), replace(MATCHED, columns=None), np.ones(3, dtype=bool)),
        (job_of(Side.SENDER), MATCHED, np.ones(3, dtype=bool)),
        (job_of(), MATCHED, np.ones(2, dtype=bool)),
        (job_of(columns=()), MATCHED, np.ones(3, dtype=bool)),
        (job_of(), replace(MATCHED, columns=None), np.ones(3, dtype=bool)),
    ],
)
def test_what_cannot_be_is_a_bug(job: AuthorizedJob, matched: Matched, allowed: Any) -> None:
    with pytest.raises(Misuse):
        release_rows(job, "s", matched, allowed, AT, {})
