"""Decides what may leave a run; the only maker of a `Release`."""

from gateway.disclosure.rows import release_rows

__all__ = ["release_rows"]
