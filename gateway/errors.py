"""The closed tree of errors that any part of the gateway may raise.

    AssentError
    ├── AccessError     who is asking: no or wrong credentials
    ├── RequestError    what is asked: a field of the request is wrong
    ├── HostileInput    bytes of a partner that no honest gateway sends
    ├── SourceError     the caller's own rows and files
    ├── StateError      right request, wrong moment; most can be tried again
    └── Misuse          a bug in this program

A refusal is not here: it is an answer (`gateway.route.Refusal`). Names end in
"Error" except HostileInput and Misuse, which name who is to blame, not what
failed. `gateway/rpc/status.py` maps every class and reason to one gRPC status.
"""

from __future__ import annotations

from typing import ClassVar


class AssentError(Exception):
    """Base of every error with a stable reason code and a sentence for people.

    Args:
        reason: one of the class's `reasons`; programs branch on it.
        message: what, where (side, stage, chunk, row or field) and what to do
            next. Never an identifier, an attribute or a secret: it is logged
            and may cross to the partner.
    """

    reasons: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, reason: str, message: str) -> None:
        """Keep reason and message; a reason outside the class's set is a bug."""
        if reason not in self.reasons:
            raise ValueError(f"{reason} is no reason of {type(self).__name__}")
        super().__init__(message)
        self.reason = reason
        self.message = message


class AccessError(AssentError):
    """The caller is not known, or may not do this."""

    reasons = frozenset({"UNAUTHENTICATED", "ROLE_MISSING", "PEER_NOT_PINNED"})


class RequestError(AssentError):
    """A field of the request is missing, malformed or out of bounds."""

    reasons = frozenset({"BAD_FIELD"})


class HostileInput(AssentError):
    """A partner sent bytes that the protocol forbids; the session ends."""

    reasons = frozenset(
        {
            "DIGEST_MISMATCH",
            "NON_CANONICAL_ELEMENT",
            "IDENTITY_ELEMENT",
            "REPEATED_ELEMENT",
            "NOT_ASCENDING",
            "SEQUENCE_GAP",
            "BAD_CIPHERTEXT",
            "BAD_SIGNATURE",
            "BAD_SHAPE",
        }
    )


class SourceError(AssentError):
    """A data set or file of our own cannot be used as it stands."""

    reasons = frozenset({"BAD_ROW", "EMPTY", "MISSING_COLUMN", "BAD_ENCODING", "SOURCE_CHANGED"})


class StateError(AssentError):
    """The request is right, but not now or not here."""

    reasons = frozenset(
        {
            "NOT_FOUND",
            "REVISION_CONFLICT",
            "STAGE_ORDER",
            "PEER_UNAVAILABLE",
            "STORE_UNAVAILABLE",
            "DISK_FULL",
            "LOG_INCONSISTENT",
        }
    )


class Misuse(AssentError):
    """A rule between our own modules was broken: a bug, never a user's fault."""

    reasons = frozenset({"BUG"})

    def __init__(self, message: str) -> None:
        """Keep the message; the reason is always BUG."""
        super().__init__("BUG", message)
