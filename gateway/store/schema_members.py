"""Tables of who was in which run; part of `schema`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from gateway.store.column_type import KeyText, Moment
from gateway.store.metadata import metadata

# A run's cohort as it was committed to: its salt, and for whom it has a number the bits of `membership_blocks`, 2^16
# people each, compressed. Until it is numbered its people lie in a sealed file beside the results.
memberships = Table(
    "memberships",
    metadata,
    Column("job_id", KeyText, primary_key=True),
    Column("session_id", KeyText, nullable=False, unique=True),
    Column("side", Text, nullable=False),
    Column("commitment", LargeBinary, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("people", BigInteger, nullable=False),
    Column("judged_at", Moment, nullable=False),
    Column("kept_at", Moment, nullable=False),
    Column("numbered", Boolean, nullable=False),
)

# Numbers are dense and never used again; an erasure takes the row away, and with it what the bits say.
member_numbers = Table(
    "member_numbers",
    metadata,
    Column("subject_ref", KeyText, primary_key=True),
    Column("number", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

membership_blocks = Table(
    "membership_blocks",
    metadata,
    Column("job_id", KeyText, ForeignKey("memberships.job_id"), nullable=False),
    Column("block", Integer, nullable=False),
    Column("bits", LargeBinary, nullable=False),
    PrimaryKeyConstraint("job_id", "block"),
)

# Members without a number: erased since. The leaf stays, for the tree of the others; no reference does.
membership_apart = Table(
    "membership_apart",
    metadata,
    Column("job_id", KeyText, ForeignKey("memberships.job_id"), nullable=False),
    Column("mac", LargeBinary, nullable=False),
    PrimaryKeyConstraint("job_id", "mac"),
)
