"""What is taken out of released runs, notices between partners, and how far withdrawals have reached each run.

Revision: 0008, after 0007, 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

# Runs of before are looked at from the first consent event on.
_KNOWN = """
INSERT INTO run_reach (job_id, partner, side, judged_at, changes)
SELECT runs.job_id, jobs.partner, jobs.side, runs.released_at, 0
FROM runs JOIN jobs ON jobs.job_id = runs.job_id
"""


def upgrade() -> None:
    op.create_table(
        "run_reach",
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("partner", KEY, nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("judged_at", sa.BigInteger(), nullable=False),
        sa.Column("changes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["runs.job_id"], name="fk_run_reach_job_id"),
        sa.PrimaryKeyConstraint("job_id", name="pk_run_reach"),
    )
    op.execute(_KNOWN)
    op.create_index("ix_run_reach_changes", "run_reach", ["changes"])
    op.create_table(
        "removals",
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("subject_ref", KEY, nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("timing", sa.Text(), nullable=False),
        sa.Column("happened_at", sa.BigInteger()),
        sa.Column("recorded_at", sa.BigInteger()),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("notice_id", KEY, nullable=False),
        sa.Column("removed_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("job_id", "subject_ref", name="pk_removals"),
    )
    op.create_index("ix_removals_subject_ref", "removals", ["subject_ref"])
    op.create_index("ix_removals_decided_at", "removals", ["decided_at"])
    unfinished, waiting = sa.text("removed_at IS NULL"), sa.text("done_at IS NULL")
    op.create_index(
        "ix_removals_unfinished", "removals", ["job_id"], sqlite_where=unfinished, postgresql_where=unfinished
    )
    op.create_table(
        "peer_notices",
        sa.Column("partner", KEY, nullable=False),
        sa.Column("ours", sa.Boolean(), nullable=False),
        sa.Column("notice_id", KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("agreement_id", KEY, nullable=False),
        sa.Column("session_id", KEY, nullable=False),
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger()),
        sa.Column("acknowledgement", sa.LargeBinary(), nullable=False),
        sa.Column("acknowledgement_signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("partner", "ours", "notice_id", name="pk_peer_notices"),
    )
    op.create_index("ix_peer_notices_session_id", "peer_notices", ["session_id"])
    op.create_index("ix_peer_notices_made_at_notice_id", "peer_notices", ["made_at", "notice_id"])
    op.create_index(
        "ix_peer_notices_waiting",
        "peer_notices",
        ["partner", "made_at"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
