"""An agreement says since when it is in force here, and consent events refer to people unchecked.

Of agreements that are in force already it is not known: they count as always known. That the people of events are on
file is so by the statement before it; to check it again for each took PostgreSQL as long as to write the event. On
SQLite, which can only copy a table to change it, events and links are copied.

Revision: 0012, after 0011, 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

KEY = sa.Text()


def upgrade() -> None:
    op.add_column("agreements", sa.Column("in_force_at", sa.BigInteger()))
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("fk_consent_events_subject_ref", "consent_events")
        return
    # Links refer to events: they step aside while those are copied.
    op.execute("CREATE TABLE links_before AS SELECT * FROM consent_links")
    op.drop_table("consent_links")
    _copy_events()
    op.create_table(
        "consent_links",
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("event_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["subject_ref"], ["subjects.subject_ref"], name="fk_consent_links_subject_ref"),
        sa.ForeignKeyConstraint(["event_id"], ["consent_events.event_id"], name="fk_consent_links_event_id"),
        sa.PrimaryKeyConstraint("subject_ref", "event_id", name="pk_consent_links"),
    )
    op.create_index("ix_consent_links_event_id", "consent_links", ["event_id"])
    op.execute("INSERT INTO consent_links SELECT * FROM links_before")
    op.drop_table("links_before")


def _copy_events() -> None:
    op.drop_index("ix_consent_events_entry", "consent_events")
    op.rename_table("consent_events", "events_before")
    op.create_table(
        "consent_events",
        sa.Column("event_id", KEY, nullable=False),
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("entry", sa.BigInteger()),
        sa.PrimaryKeyConstraint("event_id", name="pk_consent_events"),
        sa.UniqueConstraint("subject_ref", "revision", "number", name="uq_consent_events_subject_ref_revision_number"),
    )
    op.execute("INSERT INTO consent_events SELECT * FROM events_before ORDER BY rowid")
    op.drop_table("events_before")
    logged = sa.text("entry IS NOT NULL")
    op.create_index("ix_consent_events_entry", "consent_events", ["entry"], unique=True, sqlite_where=logged)
