"""One entry bundle with its opened payloads: the unit of parallel work."""

from __future__ import annotations

import hmac
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from assent_verify import canonical
from assent_verify.failure import CheckError, Failure
from assent_verify.manifest import Listed, read_listed
from assent_verify.signature import decode_base64
from assent_verify.tree import WIDTH, leaf_hash

# The only form of a leaf: RFC 8785 of {commitment, time, type, v}.
LEAF = re.compile(
    rb'\{"commitment":"([A-Za-z0-9+/]{43}=)",'
    rb'"time":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)",'
    rb'"type":"([a-z][a-z_]{0,39})","v":1\}'
)
_OPENED = re.compile(rb'\{"index":(0|[1-9][0-9]{0,15}),"payload":(\{.*\}),"salt":"([A-Za-z0-9+/]{43}=)"\}', re.DOTALL)
_RUN_TYPES = (b"run_record", b"run_signature")
_ERASURE = b"subject_erased"


@dataclass(frozen=True, slots=True)
class BundleTask:
    """What a worker needs: where the export lies, which bundle, which files."""

    root: Path
    index: int
    width: int
    entries: Listed
    opened: Listed | None


@dataclass(slots=True)
class BundleResult:
    """What a bundle holds.

    Attributes:
        index: which bundle.
        leaf_hashes: of its entries, in order.
        types: entries by leaf type.
        first: earliest and ...
        last: ... latest time of a leaf, "" for none.
        opened: entries whose payload was opened and matched, ...
        opened_rows: ... as a bitmap over the bundle.
        erased: (index of an opened erasure, index of an entry whose opening it destroyed).
        runs: (leaf type, payload) of opened run records and signatures.
        failures: what is wrong with it.
    """

    index: int
    leaf_hashes: list[bytes] = field(default_factory=list)
    types: Counter[str] = field(default_factory=Counter)
    first: str = ""
    last: str = ""
    opened: int = 0
    opened_rows: int = 0
    erased: list[tuple[int, int]] = field(default_factory=list)
    runs: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def check_bundle(task: BundleTask) -> BundleResult:
    """Read a bundle, hash its entries, and match every opened payload with its commitment."""
    result = BundleResult(task.index)
    try:
        entries = _entries(task, result)
        headers = _headers(task, entries, result)
        if task.opened is not None:
            _check_opened(task, task.opened, headers, result)
    except CheckError as error:
        result.failures.append(error.failure)
    return result


def _read(task: BundleTask, listed: Listed, result: BundleResult) -> bytes:
    content, difference = read_listed(task.root, listed)
    if difference is not None:
        result.failures.append(Failure("files", difference))
    return content


def _entries(task: BundleTask, result: BundleResult) -> list[bytes]:
    content = _read(task, task.entries, result)
    entries: list[bytes] = []
    position = 0
    while position < len(content):
        end = position + 2 + int.from_bytes(content[position : position + 2], "big")
        if end > len(content) or position + 2 > len(content):
            raise CheckError("entries", f"{task.entries.path}: ends inside an entry")
        entries.append(content[position + 2 : end])
        position = end
    result.leaf_hashes = [leaf_hash(entry) for entry in entries]
    if len(entries) != task.width:
        raise CheckError("entries", f"{task.entries.path}: holds {len(entries)} entries instead of {task.width}")
    return entries


def _headers(task: BundleTask, entries: list[bytes], result: BundleResult) -> list[tuple[bytes, bytes]]:
    """(commitment, type) of each entry."""
    headers = []
    times = []
    for row, entry in enumerate(entries):
        match = LEAF.fullmatch(entry)
        if match is None or not _is_time(match[2].decode()):
            raise CheckError("entries", f"entry {task.index * WIDTH + row}: is not an audit leaf of version 1")
        headers.append((match[1], match[3]))
        times.append(match[2].decode())
    result.types = Counter(name.decode() for _, name in headers)
    result.first, result.last = min(times), max(times)
    return headers


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _check_opened(task: BundleTask, listed: Listed, headers: list[tuple[bytes, bytes]], result: BundleResult) -> None:
    content = _read(task, listed, result)
    lines = content.split(b"\n")
    if lines.pop() != b"" or len(lines) != listed.rows:
        raise CheckError("opened", f"{listed.path}: does not hold {listed.rows} whole lines")
    before = -1
    for number, line in enumerate(lines, start=1):
        match = _OPENED.fullmatch(line)
        index = int(match[1]) if match else -1
        if match is None or index // WIDTH != task.index or index % WIDTH >= len(headers) or index <= before:
            raise CheckError("opened", f"{listed.path}: line {number} opens no entry of its bundle, in order")
        before = index
        failure = _check_payload(index, match[2], match[3], headers[index % WIDTH], result)
        if failure is not None:
            result.failures.append(failure)


def _check_payload(
    index: int, payload: bytes, salt: bytes, header: tuple[bytes, bytes], result: BundleResult
) -> Failure | None:
    commitment, name = header
    try:
        record: Mapping[str, object] = canonical.parse(payload)
        key, committed = decode_base64(salt.decode()), decode_base64(commitment.decode())
    except ValueError as error:
        return Failure("opened", f"entry {index}: its payload or salt is malformed ({error})")
    if not hmac.compare_digest(hmac.digest(key, payload, "sha256"), committed):
        return Failure("opened", f"entry {index}: the opened payload is not the one that was logged")
    result.opened += 1
    result.opened_rows |= 1 << (index % WIDTH)
    if name in _RUN_TYPES:
        result.runs.append((name.decode(), dict(record)))
    elif name == _ERASURE:
        entries = record.get("entries", [])  # releases before it named none
        if not isinstance(entries, list) or not all(type(entry) is int and 0 <= entry < index for entry in entries):
            return Failure("erased", f"entry {index}: names as erased what is no entry before it")
        result.erased += [(index, entry) for entry in entries]
    return None
