from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import HostileInput, Misuse
from gateway.route.canonical import canonical_bytes
from gateway.tlog.leaf import MAX_PAYLOAD_BYTES, LeafType, check_opening, make_leaf, make_leaves, parse_leaf

AT = datetime(2026, 11, 21, 8, 0, 0, 123456, tzinfo=UTC)
SALT = bytes(range(32))
PAYLOAD = {"event": "e-1", "subject": "abc", "state": "GIVEN"}


def test_a_leaf_is_canonical_and_commits_to_its_payload() -> None:
    leaf = make_leaf("consent_event", AT, PAYLOAD, SALT)
    expected = base64.b64encode(hmac.new(SALT, canonical_bytes(PAYLOAD), hashlib.sha256).digest()).decode()
    assert leaf.payload_bytes == b'{"event":"e-1","state":"GIVEN","subject":"abc"}'
    assert leaf.bytes == canonical_bytes(
        {"v": 1, "type": "consent_event", "time": "2026-11-21T08:00:00.123456Z", "commitment": expected}
    )


def test_a_leaf_shows_nothing_of_its_payload() -> None:
    leaf = make_leaf("consent_event", AT, PAYLOAD, SALT)
    assert b"e-1" not in leaf.bytes
    assert b"abc" not in leaf.bytes
    # Another subject with the same payload leaves another commitment.
    assert make_leaf("consent_event", AT, PAYLOAD, b"\x01" * 32).bytes != leaf.bytes


@given(st.sampled_from(list(LeafType)), st.datetimes(timezones=st.just(UTC)), st.binary(min_size=32, max_size=32))
def test_leaves_round_trip(leaf_type: LeafType, at: datetime, salt: bytes) -> None:
    leaf = make_leaf(leaf_type, at, PAYLOAD, salt)
    header = parse_leaf(leaf.bytes)
    assert (header.type, header.time) == (leaf_type, at)
    assert check_opening(leaf.bytes, leaf.payload_bytes, salt) == header


@given(
    st.sampled_from(list(LeafType)),
    st.datetimes(timezones=st.just(UTC)),
    st.lists(st.tuples(st.dictionaries(st.text(max_size=5), st.text(max_size=9)), st.binary(min_size=32, max_size=32))),
)
def test_many_leaves_are_those_made_one_by_one(
    leaf_type: LeafType, at: datetime, entries: list[tuple[dict[str, object], bytes]]
) -> None:
    one_by_one = [make_leaf(leaf_type, at, payload, salt) for payload, salt in entries]
    leaves = make_leaves(leaf_type, at, [leaf.payload_bytes for leaf in one_by_one], [salt for _, salt in entries])
    assert leaves == [leaf.bytes for leaf in one_by_one]


@pytest.mark.parametrize(
    ("leaf_type", "payload", "salt"),
    [
        ("no_such_type", b"{}", SALT),
        ("consent_event", b"x" * (MAX_PAYLOAD_BYTES + 1), SALT),
        ("consent_event", b"{}", SALT[1:]),
    ],
)
def test_many_leaves_have_the_bounds_of_one(leaf_type: str, payload: bytes, salt: bytes) -> None:
    with pytest.raises(Misuse):
        make_leaves(leaf_type, AT, [b"{}", payload], [SALT, salt])


@pytest.mark.parametrize(
    ("payload", "salt"),
    [(b'{"event":"e-2","state":"GIVEN","subject":"abc"}', SALT), (canonical_bytes(PAYLOAD), b"\x01" * 32)],
)
def test_another_payload_or_salt_does_not_open_it(payload: bytes, salt: bytes) -> None:
    leaf = make_leaf("consent_event", AT, PAYLOAD, SALT)
    with pytest.raises(HostileInput) as caught:
        check_opening(leaf.bytes, payload, salt)
    assert caught.value.reason == "DIGEST_MISMATCH"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"v":1', b'"v":2'),
        (b'"v":1', b'"v":1,"w":1'),
        (b"{", b"{ "),
        (b'"type":"consent_event"', b'"type":"no_such_type"'),
        (b"2026-11-21", b"2026-13-21"),
        (b'Z",', b'+",'),
        (b"=", b""),
    ],
)
def test_other_leaves_are_refused(old: bytes, new: bytes) -> None:
    entry = make_leaf("consent_event", AT, PAYLOAD, SALT).bytes
    assert old in entry
    with pytest.raises(HostileInput) as caught:
        parse_leaf(entry.replace(old, new, 1))
    assert caught.value.reason == "BAD_SHAPE"


def test_stray_bits_of_a_commitment_are_refused() -> None:
    entry = make_leaf("consent_event", AT, PAYLOAD, SALT).bytes
    last = entry.index(b"=") - 1
    spellings = [entry[:last] + bytes([char]) + entry[last + 1 :] for char in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"]
    accepted = 0
    for spelling in spellings:
        try:
            parse_leaf(spelling)
        except HostileInput:
            continue
        accepted += 1
    assert accepted == 32 // 4  # two of the six bits of the last character must be zero


@pytest.mark.parametrize(
    ("leaf_type", "at", "payload", "salt"),
    [
        ("consent", AT, PAYLOAD, SALT),
        ("consent_event", AT.replace(tzinfo=None), PAYLOAD, SALT),
        ("consent_event", AT, PAYLOAD, b"short"),
        ("consent_event", AT, {"text": "x" * 65_535}, SALT),
    ],
)
def test_misuse(leaf_type: str, at: datetime, payload: dict[str, object], salt: bytes) -> None:
    with pytest.raises(Misuse):
        make_leaf(leaf_type, at, payload, salt)
