"""What time brings about: tasks that come round, ended consents, deletions, warnings; and rights requests.

Revision: 0005, after 0004, 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_index("ix_runs_expires_at", "runs", ["expires_at"])
    op.create_table(
        "destroyed_runs",
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["runs.job_id"], name="fk_destroyed_runs_job_id"),
        sa.PrimaryKeyConstraint("job_id", name="pk_destroyed_runs"),
    )
    op.create_table(
        "tasks",
        sa.Column("name", KEY, nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=False),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger()),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_tasks"),
    )
    op.create_table(
        "consent_ends",
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("consent_id", KEY, nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["subject_ref"], ["subjects.subject_ref"], name="fk_consent_ends_subject_ref"),
        sa.PrimaryKeyConstraint("subject_ref", "consent_id", name="pk_consent_ends"),
        sqlite_with_rowid=False,
    )
    _deletion_tasks()
    op.create_table(
        "end_warnings",
        sa.Column("kind", KEY, nullable=False),
        sa.Column("item_id", KEY, nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "item_id", "ends_at", name="pk_end_warnings"),
    )
    _rights_requests()


def _deletion_tasks() -> None:
    op.create_table(
        "deletion_tasks",
        sa.Column("task_id", KEY, nullable=False),
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("event_id", KEY, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("categories", sa.Text(), nullable=False),
        sa.Column("opens_at", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger()),
        sa.Column("due_at", sa.BigInteger()),
        sa.Column("held_until", sa.BigInteger()),
        sa.Column("done_at", sa.BigInteger()),
        sa.Column("done_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["subject_ref"], ["subjects.subject_ref"], name="fk_deletion_tasks_subject_ref"),
        sa.PrimaryKeyConstraint("task_id", name="pk_deletion_tasks"),
    )
    undone = sa.text("done_at IS NULL")
    op.create_index("ix_deletion_tasks_subject_ref", "deletion_tasks", ["subject_ref"])
    op.create_index("ix_deletion_tasks_due_at_task_id", "deletion_tasks", ["due_at", "task_id"])
    op.create_index(
        "ix_deletion_tasks_opened_at_opens_at",
        "deletion_tasks",
        ["opened_at", "opens_at"],
        sqlite_where=undone,
        postgresql_where=undone,
    )


def _rights_requests() -> None:
    op.create_table(
        "rights_requests",
        sa.Column("request_id", KEY, nullable=False),
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text()),
        sa.Column("recipient", sa.Text()),
        sa.Column("categories", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("verified_at", sa.BigInteger()),
        sa.Column("decided_at", sa.BigInteger()),
        sa.Column("done_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("request_id", name="pk_rights_requests"),
    )
    op.create_index("ix_rights_requests_subject_ref", "rights_requests", ["subject_ref"])
    op.create_index("ix_rights_requests_due_at_request_id", "rights_requests", ["due_at", "request_id"])
