"""Evidence of erased people, sealed to two officers until it is destroyed.

Revision: 0016, after 0015, 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "evidence_holds",
        sa.Column("hold_id", KEY, nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("held_at", sa.BigInteger(), nullable=False),
        sa.Column("keep_until", sa.BigInteger(), nullable=False),
        sa.Column("officers", sa.Text(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hold_id", name="pk_evidence_holds"),
    )
    op.create_index("ix_evidence_holds_keep_until", "evidence_holds", ["keep_until"])
