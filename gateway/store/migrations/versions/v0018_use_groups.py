"""Groups of uses: what an act says alike of several uses stands in one row of the projection, under their group.

Rows from before have one use each, and stand beside the others until something new is on file of their person.

Revision: 0018, after 0017, 2026-11-23.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "consent_use_groups",
        sa.Column("group_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("use_ids", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", name="pk_consent_use_groups"),
        sa.UniqueConstraint("use_ids", name="uq_consent_use_groups_use_ids"),
    )
