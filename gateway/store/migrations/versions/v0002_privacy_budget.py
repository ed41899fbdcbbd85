"""The ledger of privacy loss, and sketches of the inputs it was spent on.

Revision: 0002, after 0001, 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "budget_ledgers",
        sa.Column("partner", KEY, nullable=False),
        sa.PrimaryKeyConstraint("partner", name="pk_budget_ledgers"),
    )
    op.create_table(
        "budget_charges",
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("step", KEY, nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("agreement_id", KEY, nullable=False),
        sa.Column("partner", KEY, nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("epsilon", sa.BigInteger(), nullable=False),
        sa.Column("delta", sa.BigInteger(), nullable=False),
        sa.Column("cells", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["partner"], ["budget_ledgers.partner"], name="fk_budget_charges_partner"),
        sa.PrimaryKeyConstraint("job_id", "step", name="pk_budget_charges"),
    )
    op.create_index("ix_budget_charges_partner_at", "budget_charges", ["partner", "at"])
    op.create_table(
        "input_sketches",
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("segment", KEY, nullable=False),
        sa.Column("partner", KEY, nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("side", KEY, nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("sketch", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "segment", name="pk_input_sketches"),
    )
    op.create_index("ix_input_sketches_partner_side_at", "input_sketches", ["partner", "side", "at"])
