"""Alembic's entry: runs the migrations on the connection, and in the transaction, of `gateway.store.opening`."""

from __future__ import annotations

from alembic import context

from gateway.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # A migration is whole or not there; SQLite can do that too once BEGIN is ours.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
