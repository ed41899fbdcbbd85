"""Schedules with their runs, deliveries to sinks with the rows that had to go from there.

Revision: 0014, after 0013, 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    opened = sa.text("ended_at IS NULL")
    unfinished = sa.text("removed_at IS NULL")
    op.create_table(
        "schedules",
        sa.Column("name", KEY, nullable=False),
        sa.Column("uid", KEY, nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_schedules"),
        sa.UniqueConstraint("uid", name="uq_schedules_uid"),
    )
    op.create_index("ix_schedules_next_at", "schedules", ["next_at"])
    op.create_table(
        "schedule_runs",
        sa.Column("uid", KEY, nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("missed", sa.BigInteger(), nullable=False),
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("uid", "due_at", name="pk_schedule_runs"),
    )
    op.create_index(
        "ix_schedule_runs_open", "schedule_runs", ["uid", "due_at"], sqlite_where=opened, postgresql_where=opened
    )
    op.create_table(
        "deliveries",
        sa.Column("delivery_id", KEY, nullable=False),
        sa.Column("sink", KEY, nullable=False),
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("retries", sa.Integer(), nullable=False),
        sa.Column("backoff_s", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("failure", sa.Text()),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("delivered_at", sa.BigInteger()),
        sa.Column("ended_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.job_id"], name="fk_deliveries_job_id"),
        sa.PrimaryKeyConstraint("delivery_id", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_job_id", "deliveries", ["job_id"])
    op.create_index("ix_deliveries_created_at_delivery_id", "deliveries", ["created_at", "delivery_id"])
    op.create_index("ix_deliveries_open", "deliveries", ["sink"], sqlite_where=opened, postgresql_where=opened)
    op.create_table(
        "sink_removals",
        sa.Column("delivery_id", KEY, nullable=False),
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("removed_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.delivery_id"], name="fk_sink_removals_delivery_id"),
        sa.PrimaryKeyConstraint("delivery_id", "subject_ref", name="pk_sink_removals"),
    )
    op.create_index("ix_sink_removals_subject_ref", "sink_removals", ["subject_ref"])
    op.create_index(
        "ix_sink_removals_unfinished",
        "sink_removals",
        ["delivery_id"],
        sqlite_where=unfinished,
        postgresql_where=unfinished,
    )
    op.add_column("deletion_evidence", sa.Column("sinks", sa.Text(), nullable=False, server_default="[]"))
