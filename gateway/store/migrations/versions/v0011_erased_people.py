"""People who were erased, what closed a deletion task, and an index of the links of the identity map that ended.

Revision: 0011, after 0008, 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    ended = sa.text("ended > 0")
    op.create_index("ix_identity_links_ended", "identity_links", ["ended"], sqlite_where=ended, postgresql_where=ended)
    op.create_table(
        "erased_people",
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject_ref", name="pk_erased_people"),
    )
    op.create_table(
        "deletion_evidence",
        sa.Column("task_id", KEY, nullable=False),
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=False),
        sa.Column("notice_id", sa.Text(), nullable=False),
        sa.Column("acknowledged_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["task_id"], ["deletion_tasks.task_id"], name="fk_deletion_evidence_task_id"),
        sa.PrimaryKeyConstraint("task_id", "job_id", name="pk_deletion_evidence"),
    )
