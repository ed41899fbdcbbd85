"""When a person's consent changed last and whose consent ends soon; on SQLite, people in the order of their references.

Revision: 0003, after 0002, 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _anew()
    else:
        op.add_column("subjects", sa.Column("changed", sa.BigInteger(), server_default="0", nullable=False))
    changed, ending = sa.text("changed > 0"), sa.text("valid_until IS NOT NULL")
    op.create_index("ix_subjects_changed", "subjects", ["changed"], sqlite_where=changed, postgresql_where=changed)
    op.create_index(
        "ix_consent_projection_valid_until",
        "consent_projection",
        ["valid_until"],
        sqlite_where=ending,
        postgresql_where=ending,
    )


def _anew() -> None:
    """Make the table anew, as its key's tree.

    Its rows are away for a moment in which other tables refer to them. That is counted until the commit:
    the count is nothing again once they are back, under the same name.
    """
    op.execute("PRAGMA defer_foreign_keys = ON")
    op.execute("CREATE TABLE subjects_before AS SELECT subject_ref, revision FROM subjects")
    op.drop_table("subjects")
    op.create_table(
        "subjects",
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("changed", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("subject_ref", name="pk_subjects"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO subjects (subject_ref, revision) SELECT subject_ref, revision FROM subjects_before"
        " ORDER BY subject_ref"
    )
    op.drop_table("subjects_before")
