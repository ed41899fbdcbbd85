"""Tables of witnesses, forks and logs begun anew; part of `schema`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, PrimaryKeyConstraint, Table, Text

from gateway.store.column_type import KeyText, Moment
from gateway.store.metadata import metadata

# A log begun anew under an origin of its own, and the tree that it found.
audit_epochs = Table(
    "audit_epochs",
    metadata,
    Column("origin", KeyText, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("began_at", Moment, nullable=False),
)

# Checkpoints of the log before that of this origin.
audit_past_checkpoints = Table(
    "audit_past_checkpoints",
    metadata,
    Column("before", KeyText, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", LargeBinary, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("before", "size"),
)

audit_cosignatures = Table(
    "audit_cosignatures",
    metadata,
    Column("origin", KeyText, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("witness", KeyText, nullable=False),
    Column("line", Text, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("origin", "size", "witness"),
)

# The last checkpoint of another party's log that we cosigned.
witnessed_logs = Table(
    "witnessed_logs",
    metadata,
    Column("origin", KeyText, primary_key=True),
    Column("party", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", LargeBinary, nullable=False),
    Column("at", Moment, nullable=False),
)

log_forks = Table(
    "log_forks",
    metadata,
    Column("origin", KeyText, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("party", Text, nullable=False),
    Column("held", LargeBinary, nullable=False),
    Column("shown", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("found_at", Moment, nullable=False),
    PrimaryKeyConstraint("origin", "size"),
)
