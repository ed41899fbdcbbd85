"""${message}.

Revision: ${up_revision}, after ${down_revision or "nothing"}, ${create_date.date().isoformat()}.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "raise AssertionError('write the migration')"}
