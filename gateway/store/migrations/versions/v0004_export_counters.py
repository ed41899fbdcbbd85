"""Who went abroad, counted per year and recipient.

Revision: 0004, after 0003, 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "exported_people",
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("recipient", KEY, nullable=False),
        sa.Column("sensitive", sa.Boolean(), nullable=False),
        sa.Column("subject_ref", KEY, nullable=False),
        sa.PrimaryKeyConstraint("year", "recipient", "sensitive", "subject_ref", name="pk_exported_people"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "export_counts",
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("recipient", KEY, nullable=False),
        sa.Column("sensitive", sa.Boolean(), nullable=False),
        sa.Column("people", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("year", "recipient", "sensitive", "people", name="pk_export_counts"),
    )
