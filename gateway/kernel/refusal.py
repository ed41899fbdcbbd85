"""What the kernel raises about a row, and the one reading of the native statuses."""

from __future__ import annotations

from typing import Final

from gateway.errors import HostileInput, Misuse, SourceError
from gateway.kernel._native import lib

_WHAT_IS_WRONG: Final = {
    "NON_CANONICAL_ELEMENT": "is not the one encoding of a group element",
    "IDENTITY_ELEMENT": "is the identity",
}


class ElementRefused(HostileInput):
    """An element of a batch is no element that an honest gateway sends (RFC 9497 section 2.1).

    Args:
        index: offset of the first such element in the batch, from 0; callers add side, stage and chunk.
        reason: NON_CANONICAL_ELEMENT or IDENTITY_ELEMENT.
    """

    def __init__(self, index: int, reason: str) -> None:
        """Keep the index and word the message from it."""
        super().__init__(reason, f"element {index} of the batch {_WHAT_IS_WRONG[reason]}; end the session")
        self.index = index


class InputRefused(SourceError):
    """A value of our own cannot enter the protocol.

    Args:
        row: offset of the first such value in the batch, from 0.
        fault: what is wrong with it, as the end of a sentence.
    """

    def __init__(self, row: int, fault: str) -> None:
        """Keep the row and word the message from it."""
        super().__init__("BAD_ROW", f"value {row} of the batch {fault}; leave this row out")
        self.row = row


def check_elements_status(status: int, row: int) -> None:
    """Raise what a call over a partner's elements reported.

    Args:
        status: a native status.
        row: the first row at fault, when the status is not ASSENT_OK.

    Raises:
        ElementRefused: the element is not canonical or is the identity.
        InputRefused: the input beside it is too long.
        Misuse: the column is malformed.
    """
    if status == lib.ASSENT_NON_CANONICAL:
        raise ElementRefused(row, "NON_CANONICAL_ELEMENT")
    if status == lib.ASSENT_IDENTITY:
        raise ElementRefused(row, "IDENTITY_ELEMENT")
    check_values_status(status, row)


def check_values_status(status: int, row: int) -> None:
    """Raise what a call over our own values reported.

    Args:
        status: a native status.
        row: the first row at fault, when the status is not ASSENT_OK.

    Raises:
        InputRefused: the value is too long, or hashes to the identity (InvalidInputError of RFC 9497 section 3.3.1).
        Misuse: the column is malformed, or the system has no random bytes.
    """
    if status == lib.ASSENT_OK:
        return
    if status == lib.ASSENT_IDENTITY:
        raise InputRefused(row, "hashes to the identity")
    if status == lib.ASSENT_TOO_LONG:
        raise InputRefused(row, "is longer than its length prefix may say")
    if status == lib.ASSENT_BAD_OFFSETS:
        raise Misuse(f"the column's offsets leave its bytes at row {row}; validate Arrow arrays where they are read")
    if status == lib.ASSENT_NO_ENTROPY:
        raise Misuse("the operating system gave no random bytes; make no secret on this machine")
    raise Misuse(f"the native module answered with the unknown status {status}; build it from these sources")
