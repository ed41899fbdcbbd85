"""What was asked about single people, and answered.

Revision: 0010, after 0008, 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "decisions",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("decision_id", KEY, nullable=False),
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("caller", KEY, nullable=False),
        sa.Column("purpose", KEY, nullable=False),
        sa.Column("recipient", KEY, nullable=False),
        sa.Column("reason_code", KEY, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_decisions"),
    )
    op.create_index("ix_decisions_subject_ref_number", "decisions", ["subject_ref", "number"])
    op.create_index("ix_decisions_decision_id", "decisions", ["decision_id"])
    op.create_index("ix_decisions_asked_at", "decisions", ["asked_at"])
