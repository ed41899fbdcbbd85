"""The tables, one definition for SQLite and PostgreSQL. `migrations/` makes them; a test holds both equal.

Rows of one noun lie together:

    registry_items                              what the house declares
    subjects, consent_events, consent_links    who said what
    consent_uses, consent_use_groups, consent_use_sets, consent_projection    what follows from it for most of them
    decisions                                   what was asked about single people, and answered
    identity_links                              whose an id in another system is
    erased_people                               that somebody's traces were destroyed
    partners, partner_cards, agreements, agreement_bindings    with whom and on what terms
    jobs, sessions, runs, destroyed_runs        what was and is being computed
    memberships, member_numbers, membership_blocks, membership_apart    who was in which run; in `schema_members`
    evidence_holds                              what opened erased people's entries; in `schema_evidence`
    run_reach, removals, peer_notices           what was taken out of released runs, and what partners tell each other
    budget_ledgers, budget_charges              what it cost in privacy, per partner
    exported_people, export_counts              who went abroad, per year; these and the line above in `schema_limits`
    tasks, consent_ends, end_warnings           what time brings about
    deletion_tasks, deletion_evidence, rights_requests    what people ask, and what is owed to them
    input_sketches                              of whom it was computed, to tell later inputs apart
    audit_entries, audit_payloads, subject_salts, audit_tiles, audit_checkpoints    the log
    audit_epochs, audit_past_checkpoints        logs begun anew, and what was signed before
    audit_cosignatures, witnessed_logs, log_forks    witnesses; these and the line above in `schema_witness`
    counters                                    numbers that grow without gaps, each a row to lock

Schedules and deliveries to sinks stand in `schema_schedules`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from gateway.store.column_type import Json, KeyText, Moment, Ordinal
from gateway.store.metadata import metadata as metadata

# What partial indexes hold; a query must say the same to be answered from them.
LOGGED = text("entry IS NOT NULL")
CHANGED = text("changed > 0")
ENDING = text("valid_until IS NOT NULL")
UNDONE = text("done_at IS NULL")
LINKED = text("ended = 0")
ENDED = text("ended > 0")
UNFINISHED = text("removed_at IS NULL")
WAITING = text("done_at IS NULL")

# registry: the revision for caches; changes: the last append of consent events; identity: the version of the links;
# pending: the next pending id; size: integrated entries.
counters = Table(
    "counters",
    metadata,
    Column("name", KeyText, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

registry_items = Table(
    "registry_items",
    metadata,
    Column("kind", KeyText, nullable=False),
    Column("item_id", KeyText, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("body", Json, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("kind", "item_id", "version"),
)

# revision counts the appends that brought events about the subject; 0 = locked once, but nothing on file.
# changed is the number of the last append that named the subject; 0 = before appends were numbered.
# use_set tells for which uses and groups of uses the projection has rows of the subject; null = any.
# People are read by ranges of their references: on SQLite the table is its key's tree, so that a range is one walk.
subjects = Table(
    "subjects",
    metadata,
    Column("subject_ref", KeyText, primary_key=True),
    Column("revision", BigInteger, nullable=False, server_default="0"),
    Column("changed", BigInteger, nullable=False, server_default="0"),
    Column("use_set", Integer),
    Index(None, "changed", sqlite_where=CHANGED, postgresql_where=CHANGED),
    sqlite_with_rowid=False,
)

# Append-only. Ordered within a subject by the revision that brought it and its number in that. entry: of the log, which
# the body opens; null when an erasure parted the two, or when the payload stands with the entry, as it once did.
consent_events = Table(
    "consent_events",
    metadata,
    Column("event_id", KeyText, primary_key=True),
    Column("subject_ref", KeyText, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("body", Json, nullable=False),
    Column("entry", BigInteger),
    UniqueConstraint("subject_ref", "revision", "number"),
    Index(None, "entry", unique=True, sqlite_where=LOGGED, postgresql_where=LOGGED),
)

# Who is named by an event that joins or parts people: the way from each of them to the others' histories.
consent_links = Table(
    "consent_links",
    metadata,
    Column("subject_ref", KeyText, ForeignKey("subjects.subject_ref"), nullable=False),
    Column("event_id", KeyText, ForeignKey("consent_events.event_id"), nullable=False, index=True),
    PrimaryKeyConstraint("subject_ref", "event_id"),
)

# Recipient "" is own use. Numbered as they are first seen: they stand in many millions of rows.
consent_uses = Table(
    "consent_uses",
    metadata,
    Column("use_id", Integer, primary_key=True, autoincrement=False),
    Column("handler", KeyText, nullable=False),
    Column("purpose", KeyText, nullable=False),
    Column("recipient", KeyText, nullable=False),
    Column("category", KeyText, nullable=False),
    Column("method", KeyText, nullable=False),
    UniqueConstraint("handler", "purpose", "recipient", "category", "method"),
)

# Uses of which the same is said at once, in one row of the projection; numbered from -1 down as they are first seen,
# the uses ascending.
consent_use_groups = Table(
    "consent_use_groups",
    metadata,
    Column("group_id", Integer, primary_key=True, autoincrement=False),
    Column("use_ids", Json, nullable=False),
    UniqueConstraint("use_ids"),
)

# Numbered as they are first seen; the uses and groups ascending.
consent_use_sets = Table(
    "consent_use_sets",
    metadata,
    Column("set_id", Integer, primary_key=True, autoincrement=False),
    Column("use_ids", Json, nullable=False),
    UniqueConstraint("use_ids"),
)

# use_id is the number of a use or, below zero, of a group of uses. The key begins with it, so that a range of people is
# a range of the key; it holds the whole row, on SQLite as the table itself, so that a cohort is read in one walk. That
# uses and people are there is not checked: both are written just before it in the same transaction, and each check
# would cost half as much as the row. There is no index by people: it would cost as much as the row, and their use_set
# says where their rows are.
consent_projection = Table(
    "consent_projection",
    metadata,
    Column("use_id", Integer, nullable=False),
    Column("subject_ref", KeyText, nullable=False),
    Column("plain", Boolean, nullable=False),
    Column("consent_id", Text, nullable=False),
    Column("effective_from", Moment, nullable=False),
    Column("valid_until", Moment),
    Column("closed_from", Moment),
    PrimaryKeyConstraint(
        "use_id",
        "subject_ref",
        postgresql_include=["plain", "consent_id", "effective_from", "valid_until", "closed_from"],
    ),
    # Whose consent ends within a few minutes: an entry only for consents that end at all.
    Index(None, "valid_until", sqlite_where=ENDING, postgresql_where=ENDING),
    sqlite_with_rowid=False,
)

# Append-only, numbered in the order of their commits. body: question and decision; the columns before it are what
# is looked for.
decisions = Table(
    "decisions",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("decision_id", KeyText, nullable=False),
    Column("subject_ref", KeyText, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("caller", KeyText, nullable=False),
    Column("purpose", KeyText, nullable=False),
    Column("recipient", KeyText, nullable=False),
    Column("reason_code", KeyText, nullable=False),
    Column("body", Json, nullable=False),
    Index(None, "subject_ref", "number"),
    Index(None, "decision_id"),
    Index(None, "asked_at"),
)

# Whose an id in another system is. Neither the id nor the person is named: both are keyed hashes. A link holds from its
# version until the one that ended it, 0 = it holds; an id has one person at a time.
identity_links = Table(
    "identity_links",
    metadata,
    Column("source", KeyText, nullable=False),
    Column("link_ref", KeyText, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("subject_ref", KeyText, nullable=False, index=True),
    Column("ended", BigInteger, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("source", "link_ref", "version"),
    Index(None, "source", "link_ref", unique=True, sqlite_where=LINKED, postgresql_where=LINKED),
    # Whose links ended lately: looked at by every run over another system's ids.
    Index(None, "ended", sqlite_where=ENDED, postgresql_where=ENDED),
    sqlite_with_rowid=False,
)

# Who was erased, under a name that follows from the reference and the house's key; see flow/erasure.
erased_people = Table(
    "erased_people",
    metadata,
    Column("subject_ref", KeyText, primary_key=True),
    Column("erased_at", Moment, nullable=False),
)

partners = Table(
    "partners",
    metadata,
    Column("party", KeyText, primary_key=True),
    Column("card", Json, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("accepted_at", Moment, nullable=False),
    Column("revision", BigInteger, nullable=False),
)

# Append-only: every card of a partner, so that what was known of it stays known. known_at is null for always.
partner_cards = Table(
    "partner_cards",
    metadata,
    Column("party", KeyText, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("card", Json, nullable=False),
    Column("known_at", Moment),
    PrimaryKeyConstraint("party", "revision"),
)

agreements = Table(
    "agreements",
    metadata,
    Column("agreement_id", KeyText, primary_key=True),
    Column("hash", LargeBinary, nullable=False),
    Column("agreement", Json, nullable=False),
    Column("state", Text, nullable=False),
    Column("signatures", Json, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("in_force_at", Moment),
)

agreement_bindings = Table(
    "agreement_bindings",
    metadata,
    Column("agreement_id", KeyText, ForeignKey("agreements.agreement_id"), primary_key=True),
    Column("binding", Json, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", KeyText, primary_key=True),
    Column("side", Text, nullable=False),
    Column("partner", Text, nullable=False),
    Column("request_id", KeyText, nullable=False),
    Column("agreement_id", KeyText, nullable=False),
    Column("operation", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("columns", Json, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("waiting_for", Text, nullable=False),
    Column("stage", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("rows_done", BigInteger, nullable=False),
    Column("rows_total", BigInteger, nullable=False),
    Column("session_id", Text, nullable=False),
    Column("refusal", Json),
    Column("failure", Json),
    Column("report", Json, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("lease_owner", Text, nullable=False),
    Column("lease_until", Moment),
    Column("spool_id", Text, nullable=False),
    Column("not_before", Moment, nullable=False),
    Column("looked_at", Moment, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("revision", BigInteger, nullable=False),
    UniqueConstraint("side", "request_id"),
    Index(None, "created_at", "job_id"),
    Index(None, "agreement_id", "side", "created_at"),
    Index(None, "state", "spool_id", "looked_at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_id", KeyText, primary_key=True),
    Column("job_id", KeyText, nullable=False, index=True),
    Column("side", Text, nullable=False),
    Column("partner", KeyText, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("offer", Json, nullable=False),
    Column("sender_nonce", LargeBinary, nullable=False),
    Column("acceptance", LargeBinary, nullable=False),
    Column("acceptance_signature", LargeBinary, nullable=False),
    Column("requested_stage", Integer, nullable=False),
    Column("opening", LargeBinary, nullable=False),
    Column("opening_signatures", Json, nullable=False),
    Column("run_record", LargeBinary, nullable=False),
    Column("run_signatures", Json, nullable=False),
    Column("failure", Json),
    Column("opened_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("revision", BigInteger, nullable=False),
    UniqueConstraint("side", "partner", "nonce"),
)

runs = Table(
    "runs",
    metadata,
    Column("job_id", KeyText, primary_key=True),
    Column("session_id", Text, nullable=False),
    Column("agreement_id", KeyText, nullable=False),
    Column("released_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("rows", BigInteger, nullable=False),
    Index(None, "expires_at"),
)

# Runs whose rows are gone because their retention ended: result and map of row tokens.
destroyed_runs = Table(
    "destroyed_runs",
    metadata,
    Column("job_id", KeyText, ForeignKey("runs.job_id"), primary_key=True),
    Column("at", Moment, nullable=False),
)

# What withdrawals need to know of a run, and up to which append of consent events they were looked for.
run_reach = Table(
    "run_reach",
    metadata,
    Column("job_id", KeyText, ForeignKey("runs.job_id"), primary_key=True),
    Column("partner", KeyText, nullable=False),
    Column("side", Text, nullable=False),
    Column("judged_at", Moment, nullable=False),
    Column("changes", BigInteger, nullable=False),
    # By which systems' ids, and which version of the identity map, its people were found; null for those of before.
    Column("systems", Json),
    Column("map_version", BigInteger),
    Index(None, "changes"),
)

# Rows of released runs that consent does not cover any more; removed_at is null while they are being taken out.
removals = Table(
    "removals",
    metadata,
    Column("job_id", KeyText, nullable=False),
    Column("subject_ref", KeyText, nullable=False),
    Column("token", LargeBinary, nullable=False),
    Column("reason_code", Text, nullable=False),
    Column("timing", Text, nullable=False),
    Column("happened_at", Moment),
    Column("recorded_at", Moment),
    Column("channel", Text, nullable=False),
    Column("decided_at", Moment, nullable=False),
    Column("notice_id", KeyText, nullable=False),
    Column("removed_at", Moment),
    PrimaryKeyConstraint("job_id", "subject_ref"),
    Index(None, "subject_ref"),
    Index(None, "decided_at"),
    Index("ix_removals_unfinished", "job_id", sqlite_where=UNFINISHED, postgresql_where=UNFINISHED),
)

# Ours are kept until the partner's acknowledgement is here; the partner's, with ours, so that a repeat is recognised.
peer_notices = Table(
    "peer_notices",
    metadata,
    Column("partner", KeyText, nullable=False),
    Column("ours", Boolean, nullable=False),
    Column("notice_id", KeyText, nullable=False),
    Column("kind", Text, nullable=False),
    Column("agreement_id", KeyText, nullable=False),
    Column("session_id", KeyText, nullable=False),
    Column("job_id", KeyText, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("done_at", Moment),
    Column("acknowledgement", LargeBinary, nullable=False),
    Column("acknowledgement_signature", LargeBinary, nullable=False),
    PrimaryKeyConstraint("partner", "ours", "notice_id"),
    Index(None, "session_id"),
    Index(None, "made_at", "notice_id"),
    Index("ix_peer_notices_waiting", "partner", "made_at", sqlite_where=WAITING, postgresql_where=WAITING),
)

# One row per task that comes round, leased by the server that runs it. mark: how far it has come.
tasks = Table(
    "tasks",
    metadata,
    Column("name", KeyText, primary_key=True),
    Column("not_before", Moment, nullable=False),
    Column("lease_owner", Text, nullable=False),
    Column("lease_until", Moment),
    Column("fence", BigInteger, nullable=False),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Column("outcome", Text, nullable=False),
    Column("report", Json, nullable=False),
    Column("mark", Json, nullable=False),
)

# Consents that ended by time or by their last use. Append-only.
consent_ends = Table(
    "consent_ends",
    metadata,
    Column("subject_ref", KeyText, ForeignKey("subjects.subject_ref"), nullable=False),
    Column("consent_id", KeyText, nullable=False),
    Column("ended_at", Moment, nullable=False),
    PrimaryKeyConstraint("subject_ref", "consent_id"),
    sqlite_with_rowid=False,
)

# opened_at is null while the duty lies ahead.
deletion_tasks = Table(
    "deletion_tasks",
    metadata,
    Column("task_id", KeyText, primary_key=True),
    Column("subject_ref", KeyText, ForeignKey("subjects.subject_ref"), nullable=False, index=True),
    Column("why", Text, nullable=False),
    Column("event_id", KeyText, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("categories", Json, nullable=False),
    Column("opens_at", Moment, nullable=False),
    Column("opened_at", Moment),
    Column("due_at", Moment),
    Column("held_until", Moment),
    Column("done_at", Moment),
    Column("done_by", Text, nullable=False),
    Index(None, "opened_at", "opens_at", sqlite_where=UNDONE, postgresql_where=UNDONE),
    Index(None, "due_at", "task_id"),
)

# What became of the rows of released runs, where the gateway itself saw to a deletion. notice_id is "" where there was
# nobody to tell; sinks are those out of which the row went, with the times.
deletion_evidence = Table(
    "deletion_evidence",
    metadata,
    Column("task_id", KeyText, ForeignKey("deletion_tasks.task_id"), nullable=False),
    Column("job_id", KeyText, nullable=False),
    Column("removed_at", Moment, nullable=False),
    Column("notice_id", Text, nullable=False),
    Column("acknowledged_at", Moment),
    Column("sinks", Json, nullable=False, server_default="[]"),
    PrimaryKeyConstraint("task_id", "job_id"),
)

end_warnings = Table(
    "end_warnings",
    metadata,
    Column("kind", KeyText, nullable=False),
    Column("item_id", KeyText, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("days", Integer, nullable=False),
    Column("raised_at", Moment, nullable=False),
    PrimaryKeyConstraint("kind", "item_id", "ends_at"),
)

# Of whom nothing else is on file there need not be a subject.
rights_requests = Table(
    "rights_requests",
    metadata,
    Column("request_id", KeyText, primary_key=True),
    Column("subject_ref", KeyText, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("requester", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("purpose", Text),
    Column("recipient", Text),
    Column("categories", Json, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("verified_at", Moment),
    Column("decided_at", Moment),
    Column("done_at", Moment),
    Index(None, "due_at", "request_id"),
)

# Kept for the runs after it; `rows` tells at once most inputs apart.
input_sketches = Table(
    "input_sketches",
    metadata,
    Column("job_id", KeyText, nullable=False),
    Column("segment", KeyText, nullable=False),
    Column("partner", KeyText, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("side", KeyText, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("sketch", LargeBinary, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("job_id", "segment"),
    Index(None, "partner", "side", "at"),
)

# The pending id of an entry, given without gaps in the order of commits, becomes its index when `size` passes it.
audit_entries = Table(
    "audit_entries",
    metadata,
    Column("entry", Ordinal, primary_key=True, autoincrement=False),
    Column("leaf", LargeBinary, nullable=False),
)

# All that an erasure destroys of an entry; the leaf stays. What opens an entry about a consent event is that event.
audit_payloads = Table(
    "audit_payloads",
    metadata,
    Column("entry", Ordinal, ForeignKey("audit_entries.entry"), primary_key=True, autoincrement=False),
    Column("subject_ref", KeyText, nullable=False, index=True),
    Column("type", Text, nullable=False),
    Column("key", KeyText, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Index(None, "type", "key", "entry"),
)

# Row "" is the log's own salt.
subject_salts = Table(
    "subject_salts",
    metadata,
    Column("subject_ref", KeyText, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

audit_tiles = Table(
    "audit_tiles",
    metadata,
    Column("level", Integer, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("hashes", LargeBinary, nullable=False),
    PrimaryKeyConstraint("level", "number"),
)

audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("size", Ordinal, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", LargeBinary, nullable=False),
    Column("at", Moment, nullable=False),
)
