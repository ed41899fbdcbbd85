"""What the reader brings along: keys from a channel that the export cannot reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from assent_verify.note import LogKey
from assent_verify.policy import Policy


@dataclass(frozen=True, slots=True)
class Trust:
    """Pinned keys and an earlier checkpoint.

    Attributes:
        log_keys: the log's verifier keys; without any, the export's own key is
            used and the report says that it was not compared with anything.
        party_keys: Ed25519 keys (32 bytes) by party id; likewise.
        since: an earlier signed checkpoint of the same log, which the export
            must continue.
        policy: logs and witnesses that the checkpoint must satisfy.
    """

    log_keys: tuple[LogKey, ...] = ()
    party_keys: Mapping[str, bytes] = field(default_factory=dict)
    since: bytes | None = None
    policy: Policy | None = None
