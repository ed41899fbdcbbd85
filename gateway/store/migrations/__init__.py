"""Alembic's migrations; `gateway.store.opening` runs them when a database is opened."""
