"""What a failed call on a partner's peer port means to us."""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
from google.rpc.error_details_pb2 import ErrorInfo, LocalizedMessage
from google.rpc.status_pb2 import Status

from gateway.errors import AccessError, AssentError, HostileInput, RequestError, SourceError, StateError

_FAMILIES = {family.__name__: family for family in (AccessError, RequestError, HostileInput, SourceError, StateError)}
_DETAILS_KEY = "grpc-status-details-bin"


def error_of(call: grpc.aio.AioRpcError, partner: str) -> AssentError:
    """Restore the error that the partner's gateway reported, or say that it cannot be reached.

    Args:
        call: the failed call.
        partner: party id, for the message.
    """
    info, message = _details(call)
    family = _FAMILIES.get(info.metadata.get("family", "")) if info is not None else None
    if info is not None and family is not None and info.reason in family.reasons:
        if family is StateError and info.reason not in ("STAGE_ORDER", "NOT_FOUND"):
            # Its own trouble, not ours: it may pass.
            return StateError(
                "PEER_UNAVAILABLE", f"{partner} answered {info.reason}; the job waits and goes on by itself"
            )
        if family is AccessError:
            return StateError(
                "PEER_UNAVAILABLE",
                f"{partner} does not accept our certificate; exchange cards again (assent partner invite / accept)",
            )
        return family(info.reason, f"{partner} answered: {message}")
    if call.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED):
        return StateError(
            "PEER_UNAVAILABLE",
            f"{partner} does not answer ({call.code().name}); a job goes on by itself later, other calls: try again",
        )
    return StateError("PEER_UNAVAILABLE", f"{partner} failed ({call.code().name}); its operator finds why in its log")


def _details(call: grpc.aio.AioRpcError) -> tuple[ErrorInfo | None, str]:
    info: ErrorInfo | None = None
    message = ""
    # The stubs do not say that this metadata is a sequence of pairs.
    trailers: Any = call.trailing_metadata() or ()
    for key, value in trailers:
        if key != _DETAILS_KEY or not isinstance(value, bytes):
            continue
        try:
            status = Status.FromString(value)
        except ValueError:
            continue
        for detail in status.details:
            if detail.Is(ErrorInfo.DESCRIPTOR):
                info = ErrorInfo()
                detail.Unpack(info)
            elif detail.Is(LocalizedMessage.DESCRIPTOR):
                localized = LocalizedMessage()
                detail.Unpack(localized)
                message = localized.message[:500]
    return info, message
