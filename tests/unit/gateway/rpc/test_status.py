"""The map is complete, tells nothing that it must not, and the client reads back what it writes."""

from __future__ import annotations

import grpc
import grpc.aio
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, LocalizedMessage
from hypothesis import given
from hypothesis import strategies as st

from consent.errors import ConsentError, FieldError, NoticeError, TransitionError
from gateway.client.status import DETAILS_KEY, error_of_call, error_of_reason
from gateway.errors import AccessError, AssentError, HostileInput, Misuse, RequestError, SourceError, StateError
from gateway.rpc.status import CONSENT, STATUS, family_error, public_of, status_of, status_of_bug, wire_status

PAIRS = sorted(STATUS, key=lambda pair: (pair[0].__name__, pair[1]))
# What consent raises, as its docstrings say.
CONSENT_REASONS = {
    FieldError: {"BAD_FIELD"},
    NoticeError: {"NOTICE_INCOMPLETE", "NOTICE_STATE"},
    TransitionError: {"FORBIDDEN_TRANSITION"},
}


def _subclasses(kind: type) -> set[type]:
    below = set(kind.__subclasses__())
    return below.union(*(_subclasses(one) for one in below)) if below else below


def _make(kind: type[AssentError], reason: str, message: str = "stage 3, chunk 7: try again") -> AssentError:
    return Misuse(message) if kind is Misuse else kind(reason, message)


def _as_call(error: AssentError) -> grpc.aio.AioRpcError:
    return _call_of(wire_status(status_of(error)))


def _call_of(wire: grpc.Status | _Bare) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(
        wire.code,
        grpc.aio.Metadata(),
        grpc.aio.Metadata(*wire.trailing_metadata),
        wire.details,
        None,
    )


def test_every_class_and_reason_has_its_row() -> None:
    declared = {(kind, reason) for kind in _subclasses(AssentError) for reason in kind.reasons}
    ours = {(kind, reason) for kind, reason in declared if kind.__module__ == "gateway.errors"}
    assert set(STATUS) == ours
    assert {kind for kind, _ in STATUS} == {AccessError, RequestError, HostileInput, SourceError, StateError, Misuse}


def test_every_consent_error_has_its_row() -> None:
    concrete = {kind for kind in _subclasses(ConsentError) if kind.__module__ == "consent.errors"}
    assert concrete == set(CONSENT_REASONS)
    assert set(CONSENT) == {(kind, reason) for kind, reasons in CONSENT_REASONS.items() for reason in reasons}
    assert set(CONSENT.values()) <= set(STATUS)


def test_no_row_says_ok_or_unknown_and_every_sentence_stands_alone() -> None:
    for public in STATUS.values():
        assert public.code not in (grpc.StatusCode.OK, grpc.StatusCode.UNKNOWN)
        assert public.sentence[0].isupper()
        assert public.sentence.endswith(".")


@pytest.mark.parametrize(("kind", "reason"), PAIRS)
def test_a_status_names_family_reason_and_domain(kind: type[AssentError], reason: str) -> None:
    error = _make(kind, reason)
    status = status_of(error)
    info, said = ErrorInfo(), LocalizedMessage()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain, info.metadata["family"]) == (reason, "assent", kind.__name__)
    public = public_of(error)
    assert status.code == public.code.value[0]
    assert status.message.startswith(public.sentence)
    if public.detail:
        assert status.details[1].Unpack(said)
        assert said.message == error.message
    else:
        assert len(status.details) == 1
        assert error.message not in status.message


@pytest.mark.parametrize(("kind", "reason"), PAIRS)
def test_the_client_restores_what_the_gateway_raised(kind: type[AssentError], reason: str) -> None:
    error = _make(kind, reason)
    restored = error_of_call(_as_call(error))
    assert type(restored) is kind
    assert restored.reason == reason
    if kind is not Misuse:
        assert restored.message == error.message


@given(st.text(max_size=5000))
def test_any_message_survives_within_its_bound(message: str) -> None:
    message = message.encode("utf-8", "replace").decode()
    restored = error_of_call(_as_call(StateError("NOT_FOUND", message)))
    assert isinstance(restored, StateError)
    if message.strip():
        assert restored.message == message[:1000]


def test_the_words_of_a_bug_stay_here() -> None:
    status = status_of(Misuse("13800138000"))
    assert b"13800138000" not in status.SerializeToString()


def test_a_bug_tells_its_correlation_id_and_nothing_else() -> None:
    status = status_of_bug("0123456789abcdef")
    assert status.code == grpc.StatusCode.INTERNAL.value[0]
    assert "0123456789abcdef" in status.message
    assert isinstance(error_of_call(_call_of(wire_status(status))), Misuse)


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (FieldError("items[0].form", "must be one of general"), RequestError, "BAD_FIELD"),
        (NoticeError("NOTICE_INCOMPLETE", "text", "must also show text", ("text",)), RequestError, "BAD_FIELD"),
        (NoticeError("NOTICE_STATE", "state", "only a draft can be published"), StateError, "REVISION_CONFLICT"),
        (TransitionError("no rule"), StateError, "STAGE_ORDER"),
    ],
)
def test_consent_errors_join_our_tree(error: ConsentError, kind: type[AssentError], reason: str) -> None:
    known = family_error(error)
    assert type(known) is kind
    assert known.reason == reason
    assert error.field in known.message


def test_what_is_of_no_tree_is_a_bug() -> None:
    assert family_error(ValueError("13800138000")) is None


def test_a_status_without_our_details_comes_from_the_network() -> None:
    found = {code: error_of_call(_call_of(_Bare(code))) for code in grpc.StatusCode if code is not grpc.StatusCode.OK}
    assert found[grpc.StatusCode.UNAVAILABLE].reason == "PEER_UNAVAILABLE"
    assert found[grpc.StatusCode.DEADLINE_EXCEEDED].reason == "PEER_UNAVAILABLE"
    assert found[grpc.StatusCode.UNAUTHENTICATED].reason == "UNAUTHENTICATED"
    assert found[grpc.StatusCode.PERMISSION_DENIED].reason == "ROLE_MISSING"
    assert found[grpc.StatusCode.RESOURCE_EXHAUSTED].reason == "BAD_FIELD"
    assert all(isinstance(error, AssentError) for error in found.values())


@pytest.mark.parametrize("details", [b"", b"\xff\xff\xff", b"\x08\x05"])
def test_broken_details_fall_back_to_the_code(details: bytes) -> None:
    bare = _Bare(grpc.StatusCode.NOT_FOUND)
    bare.trailing_metadata = ((DETAILS_KEY, details),)
    assert isinstance(error_of_call(_call_of(bare)), AssentError)


def test_a_failed_job_raises_its_own_class() -> None:
    assert isinstance(error_of_reason("MISSING_COLUMN", "column"), SourceError)
    assert isinstance(error_of_reason("BAD_SIGNATURE", "signature"), HostileInput)
    assert isinstance(error_of_reason("OF_A_LATER_VERSION", "words"), Misuse)


class _Bare:
    """A status as gRPC itself makes it."""

    def __init__(self, code: grpc.StatusCode) -> None:
        self.code = code
        self.details = "connection refused"
        self.trailing_metadata: tuple[tuple[str, bytes], ...] = ()
