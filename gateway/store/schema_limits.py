"""Tables of what is counted against a limit; part of `schema`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table, Text

from gateway.store.column_type import KeyText, Moment
from gateway.store.metadata import metadata

# A row to lock, so that two runs do not spend the same rest of a budget.
budget_ledgers = Table(
    "budget_ledgers",
    metadata,
    Column("partner", KeyText, primary_key=True),
)

# Append-only. Whole numbers, so that sums are exact on both databases: epsilon in 10^-6, delta in 10^-18.
budget_charges = Table(
    "budget_charges",
    metadata,
    Column("job_id", KeyText, nullable=False),
    Column("step", KeyText, nullable=False),
    Column("session_id", Text, nullable=False),
    Column("agreement_id", KeyText, nullable=False),
    Column("partner", KeyText, ForeignKey("budget_ledgers.partner"), nullable=False),
    Column("dataset", Text, nullable=False),
    Column("epsilon", BigInteger, nullable=False),
    Column("delta", BigInteger, nullable=False),
    Column("cells", BigInteger, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("job_id", "step"),
    Index(None, "partner", "at"),
)

# Recipient "" is the whole house. A person whose sensitive information went stands in it twice, once for each counter.
exported_people = Table(
    "exported_people",
    metadata,
    Column("year", Integer, nullable=False),
    Column("recipient", KeyText, nullable=False),
    Column("sensitive", Boolean, nullable=False),
    Column("subject_ref", KeyText, nullable=False),
    PrimaryKeyConstraint("year", "recipient", "sensitive", "subject_ref"),
    sqlite_with_rowid=False,
)

# Append-only: a row each time that a counter grew, so that what it was stays known.
export_counts = Table(
    "export_counts",
    metadata,
    Column("year", Integer, nullable=False),
    Column("recipient", KeyText, nullable=False),
    Column("sensitive", Boolean, nullable=False),
    Column("people", BigInteger, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("year", "recipient", "sensitive", "people"),
)
