"""Everybody's consent written straight into a SQLite store: for sizes whose import outlasts the machine or its disk.

Only what the consent gate reads is there: a row per person and use, as an import leaves it. Histories and the log are
absent, so that whoever is doubted could not be judged; nobody is, since all of them agreed and nothing happened since.
"""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from consent.question import Use
from gateway import kernel
from gateway.keys.custody import HomeKeys
from gateway.route.subject_ref import REF_BYTES
from matching.people import Side

SUBJECT_TYPE = "customer"
_AT_ONCE = 1 << 20
_MICROSECOND = 1_000_000


def write_projection(home: Path, side: Side, uses: list[Use], since: datetime) -> None:
    """Let everybody have agreed to some uses.

    Args:
        home: of the gateway, which must not be in a transaction.
        side: whose customers.
        uses: of their information.
        since: when all consents began to hold (UTC).
    """
    key = HomeKeys.load(home).subject_key()
    refs = np.concatenate([kernel.subject_refs(key, SUBJECT_TYPE, side.customers(rows), 2) for rows in side.pieces()])
    names = np.sort(np.ascontiguousarray(refs).view(f"S{REF_BYTES}").reshape(-1))
    begun = int((since.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * _MICROSECOND
    with contextlib.closing(sqlite3.connect(home / "assent.db", timeout=60)) as database:
        # A broken benchmark begins anew: nothing here need survive a crash.
        database.execute("PRAGMA synchronous = OFF")
        for first in range(0, len(names), _AT_ONCE):
            people = [(name.decode(),) for name in names[first : first + _AT_ONCE].tolist()]
            with database:
                database.executemany("INSERT INTO subjects (subject_ref, revision, changed) VALUES (?, 1, 0)", people)
        for number, use in enumerate(uses, 1):
            said = (number, use.handler, use.purpose, use.recipient, use.category, use.method)
            with database:
                database.execute("INSERT INTO consent_uses VALUES (?, ?, ?, ?, ?, ?)", said)
            for first in range(0, len(names), _AT_ONCE):
                people = [(name.decode(),) for name in names[first : first + _AT_ONCE].tolist()]
                with database:
                    database.executemany(
                        "INSERT INTO consent_projection (use_id, subject_ref, plain, consent_id, effective_from)"
                        f" VALUES ({number}, ?1, 1, substr(?1, 1, 20), {begun})",
                        people,
                    )
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
