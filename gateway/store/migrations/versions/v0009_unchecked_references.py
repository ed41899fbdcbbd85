"""What an import writes for each event, and no reader asks for, is written no more.

Rows of the projection refer to people unchecked and have no index by people: a person's own row says for which uses
there are some. Of the people who are there already it is not said: theirs are looked for under every use until they
say something again. A consent event is stored once, and says which entry of the log it opens; what was stored twice
stays so. On SQLite, which can only copy a table to change it, salts lie in their key's tree.

Revision: 0009, after 0008, 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

KEY = sa.Text()


def upgrade() -> None:
    op.create_table(
        "consent_use_sets",
        sa.Column("set_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("use_ids", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("set_id", name="pk_consent_use_sets"),
        sa.UniqueConstraint("use_ids", name="uq_consent_use_sets_use_ids"),
    )
    op.add_column("subjects", sa.Column("use_set", sa.Integer()))
    logged = sa.text("entry IS NOT NULL")
    op.add_column("consent_events", sa.Column("entry", sa.BigInteger()))
    op.create_index(
        "ix_consent_events_entry",
        "consent_events",
        ["entry"],
        unique=True,
        sqlite_where=logged,
        postgresql_where=logged,
    )
    op.drop_index("ix_consent_projection_subject_ref", "consent_projection")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("fk_consent_projection_subject_ref", "consent_projection")
        return
    _copy_projection()
    _copy_salts()


def _copy_projection() -> None:
    op.drop_index("ix_consent_projection_valid_until", "consent_projection")
    op.rename_table("consent_projection", "projection_before")
    op.create_table(
        "consent_projection",
        sa.Column("use_id", sa.Integer(), nullable=False),
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("plain", sa.Boolean(), nullable=False),
        sa.Column("consent_id", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger()),
        sa.Column("closed_from", sa.BigInteger()),
        sa.PrimaryKeyConstraint("use_id", "subject_ref", name="pk_consent_projection"),
        sqlite_with_rowid=False,
    )
    # In the order of the key, so that each tree is written from left to right.
    op.execute("INSERT INTO consent_projection SELECT * FROM projection_before ORDER BY use_id, subject_ref")
    op.drop_table("projection_before")
    ending = sa.text("valid_until IS NOT NULL")
    op.create_index("ix_consent_projection_valid_until", "consent_projection", ["valid_until"], sqlite_where=ending)


def _copy_salts() -> None:
    op.rename_table("subject_salts", "salts_before")
    op.create_table(
        "subject_salts",
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("subject_ref", name="pk_subject_salts"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO subject_salts SELECT subject_ref, salt FROM salts_before ORDER BY subject_ref")
    op.drop_table("salts_before")
