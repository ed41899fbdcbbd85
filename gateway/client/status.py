"""From a gRPC status back to the error that the gateway raised.

The inverse of `gateway.rpc.status`: ErrorInfo of domain "assent" names the
family and the reason, LocalizedMessage the sentence. A status without them came
from the network or from gRPC itself.
"""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo, LocalizedMessage
from google.rpc.status_pb2 import Status

from gateway.errors import AccessError, AssentError, HostileInput, Misuse, RequestError, SourceError, StateError

DOMAIN = "assent"
DETAILS_KEY = "grpc-status-details-bin"

FAMILIES: dict[str, type[AssentError]] = {
    family.__name__: family for family in (AccessError, RequestError, HostileInput, SourceError, StateError, Misuse)
}
_FAMILY_OF_REASON = {reason: family for family in FAMILIES.values() for reason in family.reasons}

_Code = grpc.StatusCode


def error_of_call(error: grpc.aio.AioRpcError) -> AssentError:
    """Return the error behind a failed call, ready to be raised."""
    # The stubs do not say that this metadata is a sequence of pairs.
    trailers: Any = error.trailing_metadata() or ()
    for key, value in trailers:
        if key == DETAILS_KEY and isinstance(value, bytes):
            found = _decoded(value)
            if found is not None:
                return found
    return _of_code(error.code())


def error_of_reason(reason: str, message: str) -> AssentError:
    """Return the error that a failed job names by its reason."""
    return make_error(_FAMILY_OF_REASON.get(reason, Misuse), reason, message)


def make_error(family: type[AssentError], reason: str, message: str) -> AssentError:
    """Make an error; a reason that this version does not know becomes Misuse and keeps its words."""
    if family is Misuse or reason not in family.reasons:
        return Misuse(message if family is Misuse else f"{reason}: {message}")
    return family(reason, message)


def _decoded(details: bytes) -> AssentError | None:
    try:
        status = Status.FromString(details)
        info, said = ErrorInfo(), LocalizedMessage(message=status.message)
        for detail in status.details:
            # Unpack leaves the message alone when the detail is of another type.
            detail.Unpack(info)
            detail.Unpack(said)
    except DecodeError:
        return None
    if info.domain != DOMAIN:
        return None
    return make_error(FAMILIES.get(info.metadata["family"], Misuse), info.reason, said.message)


def _of_code(code: grpc.StatusCode) -> AssentError:
    """Name what gRPC itself reports: it never reached a servicer, or the answer got lost."""
    if code is _Code.UNAUTHENTICATED:
        return AccessError("UNAUTHENTICATED", "the gateway does not accept the token; ask an administrator for one")
    if code is _Code.PERMISSION_DENIED:
        return AccessError("ROLE_MISSING", "the token lacks a role for this call")
    if code is _Code.DEADLINE_EXCEEDED:
        return StateError("PEER_UNAVAILABLE", "the gateway did not answer in time; try again or allow more time")
    if code is _Code.RESOURCE_EXHAUSTED:
        return RequestError("BAD_FIELD", "a message is larger than 4 MiB; send less at once")
    if code is _Code.UNIMPLEMENTED:
        return StateError("NOT_FOUND", "the gateway does not have this call; it is older than this client")
    if code in (_Code.UNAVAILABLE, _Code.CANCELLED, _Code.ABORTED):
        return StateError(
            "PEER_UNAVAILABLE",
            "the gateway cannot be reached; check its address, its certificate authority and that it runs",
        )
    return Misuse(f"the gateway ended the call with {code.name}; its operator finds the cause in the log")
