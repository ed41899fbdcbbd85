"""The first schema.

Revision: 0001, after nothing, 2026-11-21.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ORDINAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "agreements",
        sa.Column("agreement_id", KEY, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("agreement", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("signatures", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agreement_id", name="pk_agreements"),
    )
    op.create_table(
        "audit_checkpoints",
        sa.Column("size", ORDINAL, autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("size", name="pk_audit_checkpoints"),
    )
    op.create_table(
        "audit_entries",
        sa.Column("entry", ORDINAL, autoincrement=False, nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("entry", name="pk_audit_entries"),
    )
    op.create_table(
        "audit_tiles",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name="pk_audit_tiles"),
    )
    op.create_table(
        "counters",
        sa.Column("name", KEY, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    op.create_table(
        "jobs",
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("request_id", KEY, nullable=False),
        sa.Column("agreement_id", KEY, nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("columns", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("waiting_for", sa.Text(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("rows_done", sa.BigInteger(), nullable=False),
        sa.Column("rows_total", sa.BigInteger(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("refusal", sa.Text()),
        sa.Column("failure", sa.Text()),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=False),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("spool_id", sa.Text(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("looked_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_jobs"),
        sa.UniqueConstraint("side", "request_id", name="uq_jobs_side_request_id"),
    )
    op.create_index("ix_jobs_agreement_id_side_created_at", "jobs", ["agreement_id", "side", "created_at"])
    op.create_index("ix_jobs_created_at_job_id", "jobs", ["created_at", "job_id"])
    op.create_index("ix_jobs_state_spool_id_looked_at", "jobs", ["state", "spool_id", "looked_at"])
    op.create_table(
        "partners",
        sa.Column("party", KEY, nullable=False),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("party", name="pk_partners"),
    )
    op.create_table(
        "registry_items",
        sa.Column("kind", KEY, nullable=False),
        sa.Column("item_id", KEY, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "item_id", "version", name="pk_registry_items"),
    )
    op.create_table(
        "runs",
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("agreement_id", KEY, nullable=False),
        sa.Column("released_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_runs"),
    )
    op.create_table(
        "sessions",
        sa.Column("session_id", KEY, nullable=False),
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("partner", KEY, nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("offer", sa.Text(), nullable=False),
        sa.Column("sender_nonce", sa.LargeBinary(), nullable=False),
        sa.Column("acceptance", sa.LargeBinary(), nullable=False),
        sa.Column("acceptance_signature", sa.LargeBinary(), nullable=False),
        sa.Column("requested_stage", sa.Integer(), nullable=False),
        sa.Column("opening", sa.LargeBinary(), nullable=False),
        sa.Column("opening_signatures", sa.Text(), nullable=False),
        sa.Column("run_record", sa.LargeBinary(), nullable=False),
        sa.Column("run_signatures", sa.Text(), nullable=False),
        sa.Column("failure", sa.Text()),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_sessions"),
        sa.UniqueConstraint("side", "partner", "nonce", name="uq_sessions_side_partner_nonce"),
    )
    op.create_index("ix_sessions_job_id", "sessions", ["job_id"])
    op.create_table(
        "subject_salts",
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("subject_ref", name="pk_subject_salts"),
    )
    op.create_table(
        "subjects",
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("subject_ref", name="pk_subjects"),
    )
    op.create_table(
        "agreement_bindings",
        sa.Column("agreement_id", KEY, nullable=False),
        sa.Column("binding", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["agreements.agreement_id"], name="fk_agreement_bindings_agreement_id"
        ),
        sa.PrimaryKeyConstraint("agreement_id", name="pk_agreement_bindings"),
    )
    op.create_table(
        "audit_payloads",
        sa.Column("entry", ORDINAL, autoincrement=False, nullable=False),
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["entry"], ["audit_entries.entry"], name="fk_audit_payloads_entry"),
        sa.PrimaryKeyConstraint("entry", name="pk_audit_payloads"),
    )
    op.create_index("ix_audit_payloads_subject_ref", "audit_payloads", ["subject_ref"])
    op.create_index("ix_audit_payloads_type_key_entry", "audit_payloads", ["type", "key", "entry"])
    op.create_table(
        "consent_events",
        sa.Column("event_id", KEY, nullable=False),
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["subject_ref"], ["subjects.subject_ref"], name="fk_consent_events_subject_ref"),
        sa.PrimaryKeyConstraint("event_id", name="pk_consent_events"),
        sa.UniqueConstraint("subject_ref", "revision", "number", name="uq_consent_events_subject_ref_revision_number"),
    )
    op.create_table(
        "consent_projection",
        sa.Column("handler", KEY, nullable=False),
        sa.Column("purpose", KEY, nullable=False),
        sa.Column("recipient", KEY, nullable=False),
        sa.Column("category", KEY, nullable=False),
        sa.Column("method", KEY, nullable=False),
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("plain", sa.Boolean(), nullable=False),
        sa.Column("consent_id", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger()),
        sa.ForeignKeyConstraint(["subject_ref"], ["subjects.subject_ref"], name="fk_consent_projection_subject_ref"),
        sa.PrimaryKeyConstraint(
            "handler", "purpose", "recipient", "category", "method", "subject_ref", name="pk_consent_projection"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_consent_projection_subject_ref", "consent_projection", ["subject_ref"])
    op.create_table(
        "consent_links",
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("event_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["consent_events.event_id"], name="fk_consent_links_event_id"),
        sa.ForeignKeyConstraint(["subject_ref"], ["subjects.subject_ref"], name="fk_consent_links_subject_ref"),
        sa.PrimaryKeyConstraint("subject_ref", "event_id", name="pk_consent_links"),
    )
    op.create_index("ix_consent_links_event_id", "consent_links", ["event_id"])
