"""Policies: which logs, which witnesses, and how many of them (C2SP tlog-policy)."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from assent_verify.failure import CheckError
from assent_verify.note import Checkpoint, LogKey, check_signatures, parse_checkpoint, parse_vkey, split_note
from assent_verify.witness import WitnessKey, cosignatures, parse_witness_key

_ALLOWED = re.compile(rb"[\t\n\x20-\x7e\x80-\xff]*")
_COUNT = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)


@dataclass(slots=True)
class Policy:
    """What a checkpoint needs to be believed.

    Attributes:
        logs: any one of them must have signed.
        witnesses: by the name that they have in the policy.
        groups: threshold and members by name, in the order of the lines.
        quorum: a witness, a group or "none".
    """

    logs: list[LogKey] = field(default_factory=list)
    witnesses: dict[str, WitnessKey] = field(default_factory=dict)
    groups: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    quorum: str = ""

    def met_by(self, cosigned: Collection[WitnessKey]) -> bool:
        """Whether these witnesses are enough."""
        names = {name for name, key in self.witnesses.items() if key in cosigned}
        for name, (threshold, members) in self.groups.items():
            if len(names.intersection(members)) >= threshold:
                names.add(name)
        return self.quorum in names | {"none"}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A checkpoint that a policy accepts.

    Attributes:
        log: the key that signed it.
        cosigned: (name in the policy, seconds since 1970) of its witnesses.
    """

    checkpoint: Checkpoint
    log: LogKey
    cosigned: tuple[tuple[str, int], ...]


def read_by_policy(note: bytes, policy: Policy, check: str, log_keys: Sequence[LogKey] = ()) -> Accepted:
    """Read a checkpoint as a policy demands it.

    Args:
        note: signed checkpoint with its cosignatures.
        policy: what it needs.
        check: name of the check.
        log_keys: keys that are known otherwise; they count where the policy names no log.

    Raises:
        CheckError: named `check`.
    """
    try:
        text, signatures = split_note(note)
        checkpoint = parse_checkpoint(text)
        logs = [key for key in policy.logs or log_keys if key.name == checkpoint.origin]
        if not logs:
            raise ValueError(f"neither the policy nor --vkey names a log {checkpoint.origin}")
        log = check_signatures(text, signatures, logs)
        times = cosignatures(note, list(policy.witnesses.values()))
    except ValueError as error:
        raise CheckError(check, str(error)) from error
    if not policy.met_by(times.keys()):
        wanted, given = policy.quorum, len(times)
        raise CheckError(check, f"{given} cosignatures by witnesses of the policy are not its quorum {wanted}")
    named = tuple((name, times[key]) for name, key in policy.witnesses.items() if key in times)
    return Accepted(checkpoint, log, named)


def parse_policy(encoded: bytes) -> Policy:
    """Read a policy.

    Raises:
        ValueError: naming the line.
    """
    if len(encoded) > 65_536 or _ALLOWED.fullmatch(encoded) is None:
        raise ValueError("a policy is longer than 64 KiB or has control characters")
    if encoded and not encoded.endswith(b"\n"):
        raise ValueError("the policy's last line is cut")
    policy = Policy()
    grouped: set[str] = set()
    for number, line in enumerate(encoded.decode("utf-8", "surrogateescape").split("\n"), 1):
        words = [word for word in re.split("[ \t]+", line) if word]
        if words and not words[0].startswith("#"):
            try:
                _take(policy, grouped, words)
            except ValueError as error:
                raise ValueError(f"line {number} of the policy: {error}") from error
    if not policy.quorum:
        raise ValueError("the policy has no quorum line")
    return policy


def _take(policy: Policy, grouped: set[str], words: list[str]) -> None:
    keyword, *rest = words
    if keyword == "log" and 1 <= len(rest) <= 2:
        log = parse_vkey(rest[0])
        if any(log.public_key == other.public_key for other in policy.logs):
            raise ValueError("this log's key was named before")
        policy.logs.append(log)
    elif keyword == "witness" and 2 <= len(rest) <= 3:
        key = parse_witness_key(rest[1])
        if any(key.public_key == other.public_key for other in policy.witnesses.values()):
            raise ValueError("this witness's key was named before")
        policy.witnesses[_new(policy, rest[0])] = key
    elif keyword == "group" and len(rest) >= 3:
        name, threshold, *members = rest
        _new(policy, name)
        for member in members:
            if member in grouped:
                raise ValueError("a member of the group is a member already")
            grouped.add(_known(policy, member))
        count = {"all": len(members), "any": 1}.get(threshold)
        if count is None:
            count = int(threshold) if _COUNT.fullmatch(threshold) else 0
        if not 1 <= count <= len(members):
            raise ValueError('a group needs "all", "any", or a number from 1 to that of its members')
        policy.groups[name] = (count, members)
    elif keyword == "quorum" and len(rest) == 1 and not policy.quorum:
        policy.quorum = rest[0] if rest[0] == "none" else _known(policy, rest[0])
    else:
        raise ValueError("not a log, witness, group or (one) quorum line")
    if max(len(policy.logs), len(policy.witnesses), len(policy.groups)) > 64:
        raise ValueError("there are 64 of its kind already")


def _new(policy: Policy, name: str) -> str:
    if name == "none" or name in policy.witnesses or name in policy.groups:
        raise ValueError("this name has its meaning already")
    return name


def _known(policy: Policy, name: str) -> str:
    if name not in policy.witnesses and name not in policy.groups:
        raise ValueError("names a witness or group that no line before it defines")
    return name
