"""Uses are numbered; a row of the projection says when its answer is plainly no; on PostgreSQL its key holds the row.

Rows that are there are not closed: the rule judges those people one by one until they say something again.

Revision: 0006, after 0005, 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
USE = ("handler", "purpose", "recipient", "category", "method")


def upgrade() -> None:
    op.create_table(
        "consent_uses",
        sa.Column("use_id", sa.Integer(), autoincrement=False, nullable=False),
        *(sa.Column(name, KEY, nullable=False) for name in USE),
        sa.PrimaryKeyConstraint("use_id", name="pk_consent_uses"),
        sa.UniqueConstraint(*USE, name="uq_consent_uses_handler_purpose_recipient_category_method"),
    )
    named = ", ".join(USE)
    op.execute(
        f"INSERT INTO consent_uses (use_id, {named})"  # nosec B608 - names of our own columns
        f" SELECT row_number() OVER (ORDER BY {named}), {named}"
        f" FROM (SELECT DISTINCT {named} FROM consent_projection) AS used"
    )
    op.drop_index("ix_consent_projection_valid_until", "consent_projection")
    op.drop_index("ix_consent_projection_subject_ref", "consent_projection")
    op.rename_table("consent_projection", "projection_before")
    if op.get_bind().dialect.name == "postgresql":
        for kind in ("pk_consent_projection", "fk_consent_projection_subject_ref"):
            op.drop_constraint(kind, "projection_before")
    op.create_table(
        "consent_projection",
        sa.Column("use_id", sa.Integer(), nullable=False),
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("plain", sa.Boolean(), nullable=False),
        sa.Column("consent_id", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger()),
        sa.Column("closed_from", sa.BigInteger()),
        sa.PrimaryKeyConstraint(
            "use_id",
            "subject_ref",
            name="pk_consent_projection",
            postgresql_include=["plain", "consent_id", "effective_from", "valid_until", "closed_from"],
        ),
        sa.ForeignKeyConstraint(["subject_ref"], ["subjects.subject_ref"], name="fk_consent_projection_subject_ref"),
        sqlite_with_rowid=False,
    )
    same = " AND ".join(f"uses.{name} = before.{name}" for name in USE)
    op.execute(
        "INSERT INTO consent_projection"  # nosec B608 - names of our own columns
        " (use_id, subject_ref, plain, consent_id, effective_from, valid_until)"
        " SELECT uses.use_id, before.subject_ref, before.plain, before.consent_id, before.effective_from,"
        f" before.valid_until FROM projection_before AS before JOIN consent_uses AS uses ON {same}"
        " ORDER BY uses.use_id, before.subject_ref"
    )
    op.drop_table("projection_before")
    op.create_index("ix_consent_projection_subject_ref", "consent_projection", ["subject_ref"])
    ending = sa.text("valid_until IS NOT NULL")
    op.create_index(
        "ix_consent_projection_valid_until",
        "consent_projection",
        ["valid_until"],
        sqlite_where=ending,
        postgresql_where=ending,
    )
