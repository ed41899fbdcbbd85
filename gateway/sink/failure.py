"""What goes wrong with a sink, as an error that says what to do; never a path, a connection or a value."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from gateway.errors import AssentError, SourceError, StateError

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


@contextmanager
def accounted(name: str) -> Iterator[None]:
    """Turn what a file makes of an operation into the error that fits.

    Args:
        name: of the sink.

    Raises:
        StateError: DISK_FULL or NOT_FOUND.
        SourceError: BAD_ROW for a file that cannot be read.
    """
    try:
        yield
    except OSError as error:
        raise of_os(name, error) from error
    except pa.ArrowException as error:
        raise SourceError(
            "BAD_ROW", f"sink {name}: what stands there cannot be read; move it away, nothing was changed"
        ) from error


def of_os(name: str, error: OSError) -> AssentError:
    """Return the error of a failed file operation."""
    if error.errno in _NO_ROOM:
        return full(name)
    if error.errno in _READ_ONLY:
        return read_only(name)
    cause = errno.errorcode.get(error.errno or 0, "unknown")
    return StateError(
        "NOT_FOUND", f"sink {name}: cannot be read or written ({cause}); check its folder and its disk, nothing changed"
    )


def full(name: str) -> StateError:
    """Return that there is no room."""
    return StateError("DISK_FULL", f"sink {name}: no room left there; free space, nothing was changed")


def read_only(name: str) -> StateError:
    """Return that it may not be written."""
    return StateError(
        "NOT_FOUND", f"sink {name}: is read-only for this gateway; give its user the right to write, nothing changed"
    )


def no_file(name: str) -> StateError:
    """Return that something other than a file stands there."""
    return StateError("NOT_FOUND", f"sink {name}: what stands there is no file; name another path, nothing was changed")


def busy(name: str) -> StateError:
    """Return that somebody else writes there."""
    return StateError("REVISION_CONFLICT", f"sink {name}: somebody else writes there just now; try again")


def away(name: str) -> StateError:
    """Return that its database does not answer."""
    return StateError("STORE_UNAVAILABLE", f"sink {name}: its database does not answer; nothing was changed")


def unfit(name: str, problem: str) -> SourceError:
    """Return that what stands there has other columns."""
    return SourceError("MISSING_COLUMN", f"sink {name}: {problem}; nothing was changed")


def bad_value(name: str) -> SourceError:
    """Return that its table refuses a row."""
    return SourceError(
        "BAD_ROW", f"sink {name}: its table refuses a row; look at its types, lengths and checks, nothing was changed"
    )
