"""The store: consent, agreements, jobs and the audit log in SQLite or PostgreSQL, one schema for both."""

from gateway.store.opening import migrate, open_store
from gateway.store.transaction import SqlStore, SqlTransaction

__all__ = ["SqlStore", "SqlTransaction", "migrate", "open_store"]
