"""Trust policies: which logs, which witnesses, and how many of them a checkpoint needs.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <name>...
    quorum <name>|none

A line is read as octets; a name means what it means in this file alone, and is
defined before it is used. Each defined name is a member of at most one group, so
that no witness counts twice.

Source: C2SP tlog-policy.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.errors import HostileInput, RequestError
from gateway.tlog.checkpoint import SignedCheckpoint, open_checkpoint
from gateway.tlog.cosignature import Cosignature, CosignerKey, cosignatures, parse_cosigner_key
from gateway.tlog.note import VerifierKey, parse_vkey, split_note
from gateway.tlog.witness import origin_of

NONE = "none"
MAX_POLICY_BYTES = 64 * 1024
MAX_DEFINED = 64  # logs, witnesses and groups, of each; a note carries 64 signatures

_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_BLANK = re.compile(r"[ \t]+")
_COUNT = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Group:
    """Witnesses, or groups of them, of which at least `threshold` must have cosigned."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a checkpoint needs to be believed.

    Attributes:
        logs: any one of them must have signed it; its key's name is its origin.
        witnesses: by name.
        groups: by name, each after those that it names.
        quorum: name of a witness or group, or "none".
    """

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[str, CosignerKey] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    quorum: str = NONE

    def met_by(self, cosigned: Collection[CosignerKey]) -> bool:
        """Whether cosignatures by these witnesses are enough."""
        if self.quorum == NONE:
            return True
        held = {name for name, key in self.witnesses.items() if key in cosigned}
        for name, group in self.groups.items():
            if sum(member in held for member in group.members) >= group.threshold:
                held.add(name)
        return self.quorum in held


def check_policy(note: bytes, policy: Policy) -> tuple[SignedCheckpoint, tuple[Cosignature, ...]]:
    """Check a checkpoint against a policy.

    Args:
        note: signed checkpoint with its cosignatures.
        policy: with at least one log.

    Returns:
        The checkpoint and the cosignatures by the policy's witnesses.

    Raises:
        HostileInput: BAD_SHAPE for what is no checkpoint; BAD_SIGNATURE when no log
            of the policy signed it, a known key's signature does not verify, or
            the quorum is not there.
    """
    origin = origin_of(note)
    signatures = {(name, key_id) for name, key_id, _ in split_note(note)[1]}
    logs = [key for key in policy.logs if key.name == origin and (key.name, key.key_id) in signatures]
    if not logs:
        raise HostileInput("BAD_SIGNATURE", "a checkpoint is not signed by a log that the policy names")
    witnesses = tuple(policy.witnesses.values())
    signed = open_checkpoint(note, origin, logs[0], (*logs[1:], *witnesses))
    cosigned = cosignatures(note, witnesses)
    if not policy.met_by({cosignature.key for cosignature in cosigned}):
        raise HostileInput(
            "BAD_SIGNATURE",
            f"a checkpoint has {len(cosigned)} cosignatures by witnesses of the policy, which are not its quorum",
        )
    return signed, cosigned


def simple_policy(logs: Sequence[VerifierKey], witnesses: Mapping[str, CosignerKey], quorum: int) -> Policy:
    """Make the policy "any `quorum` of these witnesses"; 0 asks for none.

    Raises:
        RequestError: BAD_FIELD for a quorum that so few witnesses cannot reach.
    """
    if not 0 <= quorum <= len(witnesses):
        raise RequestError("BAD_FIELD", f"a quorum of {quorum} cannot be had of {len(witnesses)} witnesses")
    if quorum == 0:
        return Policy(tuple(logs), dict(witnesses))
    name = next(name for name in ("witnesses", *(f"witnesses-{row}" for row in range(65))) if name not in witnesses)
    return Policy(tuple(logs), dict(witnesses), {name: Group(quorum, tuple(witnesses))}, name)


def format_policy(policy: Policy) -> bytes:
    """Write a policy."""
    lines = [f"log {key.vkey}" for key in policy.logs]
    lines += [f"witness {name} {key.vkey}" for name, key in policy.witnesses.items()]
    lines += [f"group {name} {group.threshold} {' '.join(group.members)}" for name, group in policy.groups.items()]
    lines.append(f"quorum {policy.quorum}")
    return "".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape")


def parse_policy(encoded: bytes) -> Policy:
    """Read a policy.

    Raises:
        RequestError: BAD_FIELD naming the line.
    """
    if len(encoded) > MAX_POLICY_BYTES or _FORBIDDEN.search(encoded) is not None:
        raise RequestError("BAD_FIELD", f"a policy has at most {MAX_POLICY_BYTES} bytes and no control characters")
    if encoded and not encoded.endswith(b"\n"):
        raise RequestError("BAD_FIELD", "a policy's last line is cut: it does not end in a newline")
    reader = _Reader()
    for number, line in enumerate(encoded.decode("utf-8", "surrogateescape").split("\n"), 1):
        words = _BLANK.split(line.strip(" \t"))
        if not words[0] or words[0].startswith("#"):
            continue
        try:
            reader.take(words[0], words[1:])
        except RequestError as error:
            raise RequestError("BAD_FIELD", f"line {number} of the policy: {error.message}") from error
    return reader.policy()


class _Reader:
    """Takes a policy line by line."""

    def __init__(self) -> None:
        self._logs: list[VerifierKey] = []
        self._witnesses: dict[str, CosignerKey] = {}
        self._groups: dict[str, Group] = {}
        self._grouped: set[str] = set()
        self._quorum = ""

    def policy(self) -> Policy:
        if not self._quorum:
            raise RequestError("BAD_FIELD", "a policy has no quorum line")
        return Policy(tuple(self._logs), self._witnesses, self._groups, self._quorum)

    def take(self, keyword: str, words: list[str]) -> None:
        if keyword == "log" and len(words) in (1, 2):
            self._log(parse_vkey(words[0]))
        elif keyword == "witness" and len(words) in (2, 3):
            self._witness(words[0], parse_cosigner_key(words[1]))
        elif keyword == "group" and len(words) >= 3:
            self._group(words[0], words[1], words[2:])
        elif keyword == "quorum" and len(words) == 1:
            if self._quorum:
                raise RequestError("BAD_FIELD", "there is a quorum already")
            if words[0] != NONE:
                self._check_known(words[0])
            self._quorum = words[0]
        else:
            raise RequestError("BAD_FIELD", "must be log, witness, group or quorum with what belongs to it")

    def _log(self, key: VerifierKey) -> None:
        if any(key.public_key == other.public_key for other in self._logs):
            raise RequestError("BAD_FIELD", "this log's key was named before")
        self._check_room(self._logs)
        self._logs.append(key)

    def _witness(self, name: str, key: CosignerKey) -> None:
        if any(key.public_key == other.public_key for other in self._witnesses.values()):
            raise RequestError("BAD_FIELD", "this witness's key was named before")
        self._check_new(name)
        self._check_room(self._witnesses)
        self._witnesses[name] = key

    def _group(self, name: str, threshold: str, members: list[str]) -> None:
        self._check_new(name)
        self._check_room(self._groups)
        for member in members:
            self._check_known(member)
            if member in self._grouped:
                raise RequestError("BAD_FIELD", "a member of the group is a member already")
            self._grouped.add(member)
        wanted = {"all": len(members), "any": 1}.get(threshold)
        if wanted is None:
            wanted = int(threshold) if _COUNT.fullmatch(threshold) else 0
        if not 1 <= wanted <= len(members):
            raise RequestError("BAD_FIELD", 'a group needs "all", "any", or a number from 1 to that of its members')
        self._groups[name] = Group(wanted, tuple(members))

    def _check_new(self, name: str) -> None:
        if name == NONE or name in self._witnesses or name in self._groups:
            raise RequestError("BAD_FIELD", "this name has its meaning already")

    def _check_known(self, name: str) -> None:
        if name not in self._witnesses and name not in self._groups:
            raise RequestError("BAD_FIELD", "names a witness or group that no line before it defines")

    def _check_room(self, defined: Collection[object]) -> None:
        if len(defined) >= MAX_DEFINED:
            raise RequestError("BAD_FIELD", f"there are {MAX_DEFINED} of its kind already")
