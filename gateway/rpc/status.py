"""The one map from our errors to what a caller sees of them over gRPC.

A status carries three things: a code, for libraries; ErrorInfo{reason, domain
"assent", metadata {"family"}}, for programs; a message, for people. The message
is the row's fixed sentence followed by the error's own one. The latter is also
sent alone, as LocalizedMessage, so that a client can restore the error. Rows
with `detail=False` send the fixed sentence only.

Anything that is not of our tree is a bug: INTERNAL, a fixed sentence, and a
correlation id under which the log has the rest. Source: google.aip.dev/193.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc.error_details_pb2 import ErrorInfo, LocalizedMessage
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from consent.errors import ConsentError, FieldError, NoticeError, TransitionError
from gateway.errors import AccessError, AssentError, HostileInput, Misuse, RequestError, SourceError, StateError

DOMAIN = "assent"
# HTTP/2 trailers are limited to 8 KiB in all, and the text travels twice.
MAX_DETAIL = 1000


@dataclass(frozen=True, slots=True)
class Public:
    """What a caller may know of one kind of error.

    Attributes:
        code: status code.
        sentence: fixed, without values; also true when read alone.
        detail: whether the error's own message follows it.
    """

    code: grpc.StatusCode
    sentence: str
    detail: bool = True


_Code = grpc.StatusCode

STATUS: Mapping[tuple[type[AssentError], str], Public] = {
    (AccessError, "UNAUTHENTICATED"): Public(_Code.UNAUTHENTICATED, "No valid token of this party came with the call."),
    (AccessError, "ROLE_MISSING"): Public(_Code.PERMISSION_DENIED, "The token lacks a role for this call."),
    (AccessError, "PEER_NOT_PINNED"): Public(
        _Code.UNAUTHENTICATED, "The certificate is not pinned by a card that this gateway accepted."
    ),
    (RequestError, "BAD_FIELD"): Public(_Code.INVALID_ARGUMENT, "A field of the request is wrong."),
    (HostileInput, "DIGEST_MISMATCH"): Public(_Code.INVALID_ARGUMENT, "Bytes do not have the digest they came with."),
    (HostileInput, "NON_CANONICAL_ELEMENT"): Public(
        _Code.INVALID_ARGUMENT, "An element is not in its canonical encoding."
    ),
    (HostileInput, "IDENTITY_ELEMENT"): Public(_Code.INVALID_ARGUMENT, "An element is the identity of the group."),
    (HostileInput, "REPEATED_ELEMENT"): Public(_Code.INVALID_ARGUMENT, "An element occurs twice in a stage."),
    (HostileInput, "NOT_ASCENDING"): Public(_Code.INVALID_ARGUMENT, "A list is not in strictly ascending order."),
    (HostileInput, "SEQUENCE_GAP"): Public(_Code.OUT_OF_RANGE, "A chunk does not follow the last durable one."),
    (HostileInput, "BAD_CIPHERTEXT"): Public(_Code.INVALID_ARGUMENT, "A ciphertext is malformed."),
    (HostileInput, "BAD_SIGNATURE"): Public(_Code.INVALID_ARGUMENT, "A signature does not verify."),
    (HostileInput, "BAD_SHAPE"): Public(_Code.INVALID_ARGUMENT, "A record does not have the shape of its kind."),
    (SourceError, "BAD_ROW"): Public(
        _Code.FAILED_PRECONDITION, "The source cannot be used as it stands; correct what is named and run it again."
    ),
    (SourceError, "EMPTY"): Public(_Code.FAILED_PRECONDITION, "The source has no rows."),
    (SourceError, "MISSING_COLUMN"): Public(_Code.FAILED_PRECONDITION, "The source lacks a column."),
    (SourceError, "BAD_ENCODING"): Public(_Code.FAILED_PRECONDITION, "The source is not in its declared encoding."),
    (SourceError, "SOURCE_CHANGED"): Public(_Code.ABORTED, "The source changed while a job used it."),
    (StateError, "NOT_FOUND"): Public(_Code.NOT_FOUND, "There is no such resource."),
    (StateError, "REVISION_CONFLICT"): Public(_Code.ABORTED, "The resource is not in the state that was assumed."),
    (StateError, "STAGE_ORDER"): Public(_Code.FAILED_PRECONDITION, "The stage is not due yet."),
    (StateError, "PEER_UNAVAILABLE"): Public(_Code.UNAVAILABLE, "The partner's gateway does not answer; try again."),
    (StateError, "STORE_UNAVAILABLE"): Public(
        _Code.UNAVAILABLE, "The gateway's database cannot be reached; try again."
    ),
    (StateError, "DISK_FULL"): Public(_Code.RESOURCE_EXHAUSTED, "The gateway's disk is full; try again later."),
    (StateError, "LOG_INCONSISTENT"): Public(_Code.DATA_LOSS, "The audit log contradicts its own past."),
    (Misuse, "BUG"): Public(_Code.INTERNAL, "The gateway failed; its operator finds the cause in the log.", False),
}


# What `consent` raises is said with our own families and reasons: callers know one tree only.
CONSENT: Mapping[tuple[type[ConsentError], str], tuple[type[AssentError], str]] = {
    (FieldError, "BAD_FIELD"): (RequestError, "BAD_FIELD"),
    (NoticeError, "NOTICE_INCOMPLETE"): (RequestError, "BAD_FIELD"),
    (NoticeError, "NOTICE_STATE"): (StateError, "REVISION_CONFLICT"),
    (TransitionError, "FORBIDDEN_TRANSITION"): (StateError, "STAGE_ORDER"),
}


def family_error(error: Exception) -> AssentError | None:
    """Return an error as one of our tree, or None when it is of none.

    Args:
        error: anything raised; ConsentErrors name a field and never its value.
    """
    if isinstance(error, AssentError):
        return error
    if isinstance(error, ConsentError):
        found = CONSENT.get((type(error), error.reason))
        if found is not None:
            family, reason = found
            return family(reason, f"field {error.message}")
    return None


def public_of(error: AssentError) -> Public:
    """Return what a caller may know of an error.

    A subclass counts as its nearest ancestor in the map; the test of this map
    allows only the classes of `gateway.errors`.
    """
    for kind in type(error).__mro__:
        found = STATUS.get((kind, error.reason))
        if found is not None:
            return found
    return STATUS[(Misuse, "BUG")]


def status_of(error: AssentError) -> Status:
    """Encode an error as google.rpc.Status with ErrorInfo and, where allowed, LocalizedMessage."""
    public = public_of(error)
    shown = error.message[:MAX_DETAIL] if public.detail else ""
    status = Status(code=public.code.value[0], message=f"{public.sentence} {shown}".rstrip())
    _attach(status, ErrorInfo(reason=error.reason, domain=DOMAIN, metadata={"family": _family(error)}))
    if shown:
        _attach(status, LocalizedMessage(locale="en", message=shown))
    return status


def status_of_bug(correlation_id: str) -> Status:
    """Encode an exception that should not have happened; nothing of it is told.

    Args:
        correlation_id: 16 hex digits that also stand in the log.
    """
    public = STATUS[(Misuse, "BUG")]
    told = f"The log names it {correlation_id}."
    status = Status(code=public.code.value[0], message=f"{public.sentence} {told}")
    metadata = {"family": Misuse.__name__, "correlation_id": correlation_id}
    _attach(status, ErrorInfo(reason="BUG", domain=DOMAIN, metadata=metadata))
    return status


def wire_status(status: Status) -> grpc.Status:
    """Put a status into the form that `context.abort_with_status` takes (details in the trailers)."""
    return rpc_status.to_status(status)


def _family(error: AssentError) -> str:
    for kind in type(error).__mro__:
        if (kind, error.reason) in STATUS:
            return kind.__name__
    return Misuse.__name__


def _attach(status: Status, detail: ErrorInfo | LocalizedMessage) -> None:
    packed = Any()
    packed.Pack(detail)
    status.details.append(packed)
