"""Whose an id in another system is, in versions.

Revision: 0007, after 0006, 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    current = sa.text("ended = 0")
    op.create_table(
        "identity_links",
        sa.Column("source", KEY, nullable=False),
        sa.Column("link_ref", KEY, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "link_ref", "version", name="pk_identity_links"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_identity_links_source_link_ref",
        "identity_links",
        ["source", "link_ref"],
        unique=True,
        sqlite_where=current,
        postgresql_where=current,
    )
    op.create_index("ix_identity_links_subject_ref", "identity_links", ["subject_ref"])
