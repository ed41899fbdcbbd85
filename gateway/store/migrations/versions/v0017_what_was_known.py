"""The cards of partners since when each was known, and by which links of the identity map a run found its people.

Of cards accepted before, it is not known what they took the place of: they count as always known. Of earlier runs it is
not known by which links they found their people: a link that ends takes no row out of those.

Revision: 0017, after 0016, 2026-11-22.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "partner_cards",
        sa.Column("party", KEY, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("known_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("party", "revision", name="pk_partner_cards"),
    )
    op.add_column("run_reach", sa.Column("systems", sa.Text()))
    op.add_column("run_reach", sa.Column("map_version", sa.BigInteger()))
    op.execute(
        "INSERT INTO partner_cards (party, revision, card, known_at) SELECT party, revision, card, NULL FROM partners"
    )
