"""The proof of an act: what lets somebody show later who said yes or no, where, on which screen or paper (PIPL 69).

An act in an app names its screen and the hash of what was shown; an act on paper names
the scan of the sheet and the member of staff who saw it signed. The proofs themselves
stay where they are kept: here stand references and hashes, never a picture or a device.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import fields as attributes
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from consent import fields
from consent.errors import FieldError

MAX_REFERENCE = 200  # characters

_HASH = re.compile(r"[0-9a-f]{64}")


class Action(StrEnum):
    """What the person did."""

    TAP = "tap"
    TICK = "tick"
    E_SIGN = "e_sign"
    VOICE = "voice"
    PAPER = "paper"


class Relation(StrEnum):
    """What a guardian is to the child."""

    PARENT = "parent"
    GRANDPARENT = "grandparent"
    SIBLING = "sibling"
    OTHER = "other"


class AgeBand(StrEnum):
    """How old the person was taken to be, where no birthdate is kept; what the rule asks is the event `birthdate`."""

    UNDER_14 = "under_14"
    FROM_14_TO_17 = "14_to_17"
    ADULT = "adult"


class Assurance(StrEnum):
    """How sure that is: said by the person, checked by a code or a login, or verified by a document."""

    DECLARED = "declared"
    CHECKED = "checked"
    VERIFIED = "verified"


class NoticeMode(StrEnum):
    """How the notice was shown (GB/T 42574): with the terms, apart and conspicuous, or in the moment of use."""

    GENERAL = "general"
    ENHANCED = "enhanced"
    INSTANT = "instant"


class DefaultState(StrEnum):
    """How the box stood before the person did anything."""

    UNTICKED = "unticked"
    TICKED = "ticked"
    NONE = "none"


class TimeSource(StrEnum):
    """Whose clock `at` is from."""

    DEVICE = "device"
    SERVER = "server"
    PAPER = "paper"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Where the proof of one act lies.

    Attributes:
        action: what the person did.
        evidence_ref: where the evidence is kept: a file, a recording, a sheet in an archive.
        evidence_hash: SHA-256 (hex) of the evidence.
        scan_hash: SHA-256 (hex) of the scan of a sheet of paper.
        witness: staff reference of whoever saw the act in a store; no name.
        place: the store or counter.
        ui_version: of the screens.
        screen_id: the screen.
        bundle_id: of the app.
        app_version: of the app.
        language: in which the notice was shown, e.g. zh-CN.
        device_ref: pseudonymous reference of the device.
        ip_prefix: network of the device, /24 or wider for IPv4, /48 or wider for IPv6: never an address.
        shown_at: when the notice came up.
        dwell_ms: how long it was in view, milliseconds.
        identity_assurance: how sure it is who acted.
        age_band: how old the person was taken to be.
        age_assurance: how sure that is.
        guardian_relation: what the guardian who acted is to the child.
        guardian_proof_ref: where the proof of that relation is kept.
        notice_mode: how the notice was shown.
        default_state: how the box stood before; one that was ticked is no explicit act.
        steps_count: how many steps the act took: withdrawing takes no more than giving.
        time_source: whose clock `at` is from.
    """

    action: Action | None = None
    evidence_ref: str | None = None
    evidence_hash: str | None = None
    scan_hash: str | None = None
    witness: str | None = None
    place: str | None = None
    ui_version: str | None = None
    screen_id: str | None = None
    bundle_id: str | None = None
    app_version: str | None = None
    language: str | None = None
    device_ref: str | None = None
    ip_prefix: str | None = None
    shown_at: datetime | None = None
    dwell_ms: int | None = None
    identity_assurance: Assurance | None = None
    age_band: AgeBand | None = None
    age_assurance: Assurance | None = None
    guardian_relation: Relation | None = None
    guardian_proof_ref: str | None = None
    notice_mode: NoticeMode | None = None
    default_state: DefaultState | None = None
    steps_count: int | None = None
    time_source: TimeSource | None = None

    def to_mapping(self) -> dict[str, object]:
        """Return the fields that say something, as JSON carries them."""
        mapping: dict[str, object] = {}
        for name in PROOF_FIELDS:
            found = getattr(self, name)
            if found is not None:
                mapping[name] = _said(found)
        return mapping


def read_proof(mapping: Mapping[str, object]) -> Proof | None:
    """Read the proof among an event's fields; None when there is none.

    Raises:
        FieldError: names the field, never its value.
    """
    read: dict[str, Any] = {
        name: _READERS[name](mapping, name)
        for name, stated in mapping.items()
        if stated is not None and name in _READERS
    }
    if not read:
        return None
    proof = Proof(**read)
    if proof.action is Action.PAPER:
        for name in ("evidence_ref", "scan_hash"):
            if getattr(proof, name) is None:
                raise FieldError(name, "is required of an act on paper: where the sheet is kept, and its scan")
    if proof.default_state is DefaultState.TICKED and mapping.get("mode") == "explicit":
        raise FieldError("default_state", "says that the box was ticked: the mode of such an act is preticked")
    return proof


def read_part(mapping: Mapping[str, object], name: str) -> tuple[Any, object]:
    """Read one field of a proof that is stated.

    Returns:
        The value, and what JSON says of it.

    Raises:
        FieldError: as `read_proof`.
    """
    value = _READERS[name](mapping, name)
    return value, _said(value)


def _said(value: object) -> object:
    if isinstance(value, datetime):
        return fields.said(value)
    return value if isinstance(value, int) else str(value)


def _reference(mapping: Mapping[str, object], name: str) -> str:
    found = fields.text(mapping, name, longest=MAX_REFERENCE)
    if not found.isprintable():
        raise FieldError(name, "must be printable")
    return found


def _hash(mapping: Mapping[str, object], name: str) -> str:
    found = mapping[name]
    if not isinstance(found, str) or _HASH.fullmatch(found) is None:
        raise FieldError(name, "must be a SHA-256 in 64 lower-case hex digits")
    return found


def _network(mapping: Mapping[str, object], name: str) -> str:
    found = mapping[name]
    network = _network_of(found) if isinstance(found, str) else None
    if network is None:
        raise FieldError(name, "must be a network of /24 or wider (IPv6: /48), such as 203.0.113.0/24, not an address")
    return network


@lru_cache(maxsize=4096)  # customers share networks
def _network_of(text: str) -> str | None:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return None
    return str(network) if network.prefixlen <= (24 if network.version == 4 else 48) else None


def _steps(mapping: Mapping[str, object], name: str) -> int | None:
    return fields.optional_count(mapping, name, least=1)


def _word(words: type[StrEnum]) -> Callable[[Mapping[str, object], str], object]:
    return lambda mapping, name: fields.word(mapping, name, words)


def _duration(mapping: Mapping[str, object], name: str) -> int | None:
    return fields.optional_count(mapping, name)


PROOF_WORDS: Mapping[str, type[StrEnum]] = {
    "action": Action,
    "identity_assurance": Assurance,
    "age_band": AgeBand,
    "age_assurance": Assurance,
    "guardian_relation": Relation,
    "notice_mode": NoticeMode,
    "default_state": DefaultState,
    "time_source": TimeSource,
}
"""The fields of a proof that are words of a closed list."""

_READERS: Mapping[str, Callable[[Mapping[str, object], str], object]] = {
    **{attribute.name: _reference for attribute in attributes(Proof)},
    **{name: _word(words) for name, words in PROOF_WORDS.items()},
    **dict.fromkeys(("evidence_hash", "scan_hash"), _hash),
    "ip_prefix": _network,
    "shown_at": fields.moment,
    "dwell_ms": _duration,
    "steps_count": _steps,
}

PROOF_FIELDS = tuple(_READERS)
"""The fields of a proof; each may stand in an event of any act that a person can do."""

OF_ONE_ACT = ("device_ref", "dwell_ms", "evidence_hash", "evidence_ref", "ip_prefix", "scan_hash", "shown_at")
"""Those that differ from act to act; the others are the same on every screen of a kind."""
