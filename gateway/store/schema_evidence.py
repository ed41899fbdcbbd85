"""The table of evidence holds; part of `schema`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text

from gateway.store.column_type import Json, KeyText, Moment
from gateway.store.metadata import metadata

# What opened an erased person's log entries, sealed to two officers; the row goes when keep_until is reached.
evidence_holds = Table(
    "evidence_holds",
    metadata,
    Column("hold_id", KeyText, primary_key=True),
    Column("name", KeyText, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("held_at", Moment, nullable=False),
    Column("keep_until", Moment, nullable=False, index=True),
    Column("officers", Json, nullable=False),
    Column("entries", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
