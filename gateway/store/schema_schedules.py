"""More tables, beside those of `schema`: what runs again and again, and which results lie outside.

schedules, schedule_runs                    what runs again and again
deliveries, sink_removals                   which results were put into sinks, and which rows had to go from there
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table, Text, text

from gateway.store.column_type import Json, KeyText, Moment
from gateway.store.schema import UNFINISHED, metadata

OPEN = text("ended_at IS NULL")

# next_at is null while it is paused. What stands in `terms` and `policy` is never changed.
schedules = Table(
    "schedules",
    metadata,
    Column("name", KeyText, primary_key=True),
    Column("uid", KeyText, nullable=False, unique=True),
    Column("terms", Json, nullable=False),
    Column("policy", Json, nullable=False),
    Column("next_at", Moment),
    Column("created_by", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Index(None, "next_at"),
)

# One row per schedule and due time: the key lets a run begin once. missed: due times before it that it stands for.
schedule_runs = Table(
    "schedule_runs",
    metadata,
    Column("uid", KeyText, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("missed", BigInteger, nullable=False),
    Column("job_id", KeyText, nullable=False),
    Column("reason", Text, nullable=False),
    Column("not_before", Moment, nullable=False),
    Column("ended_at", Moment),
    PrimaryKeyConstraint("uid", "due_at"),
    Index("ix_schedule_runs_open", "uid", "due_at", sqlite_where=OPEN, postgresql_where=OPEN),
)

# Results that were put, or are to be put, into sinks. ended_at: when nothing of it was left there, or it was given up.
deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_id", KeyText, primary_key=True),
    Column("sink", KeyText, nullable=False),
    Column("job_id", KeyText, ForeignKey("jobs.job_id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("retries", Integer, nullable=False),
    Column("backoff_s", Integer, nullable=False),
    Column("not_before", Moment, nullable=False),
    Column("failure", Json),
    Column("requested_by", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("delivered_at", Moment),
    Column("ended_at", Moment),
    Index(None, "job_id"),
    Index(None, "created_at", "delivery_id"),
    Index("ix_deliveries_open", "sink", sqlite_where=OPEN, postgresql_where=OPEN),
)

# Rows of deliveries that had to go; removed_at is null until they are gone from the sink.
sink_removals = Table(
    "sink_removals",
    metadata,
    Column("delivery_id", KeyText, ForeignKey("deliveries.delivery_id"), nullable=False),
    Column("subject_ref", KeyText, nullable=False),
    Column("removed_at", Moment),
    PrimaryKeyConstraint("delivery_id", "subject_ref"),
    Index(None, "subject_ref"),
    Index("ix_sink_removals_unfinished", "delivery_id", sqlite_where=UNFINISHED, postgresql_where=UNFINISHED),
)
