"""Who was in which run: a bitmap over numbered people, and what of a run's cohort has no number.

Revision: 0015, after 0014, 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "memberships",
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("session_id", KEY, nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("people", sa.BigInteger(), nullable=False),
        sa.Column("judged_at", sa.BigInteger(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.Column("numbered", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_memberships"),
        sa.UniqueConstraint("session_id", name="uq_memberships_session_id"),
    )
    op.create_table(
        "member_numbers",
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject_ref", name="pk_member_numbers"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "membership_blocks",
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.Column("bits", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["memberships.job_id"], name="fk_membership_blocks_job_id"),
        sa.PrimaryKeyConstraint("job_id", "block", name="pk_membership_blocks"),
    )
    op.create_table(
        "membership_apart",
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["memberships.job_id"], name="fk_membership_apart_job_id"),
        sa.PrimaryKeyConstraint("job_id", "mac", name="pk_membership_apart"),
    )
    op.execute("INSERT INTO counters (name, value) VALUES ('members', 0)")
