"""The manifest: which files belong to the export, with their hashes, signed by the party."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assent_verify import canonical
from assent_verify.failure import CheckError
from assent_verify.signature import decode_base64, trusted_key

_PATH = re.compile(
    r"checkpoint|log\.vkey|tile/(?:[0-9]|entries)/(?:x[0-9]{3}/)*[0-9]{3}(?:\.p/[1-9][0-9]{0,2})?"
    r"|opened/(?:x[0-9]{3}/)*[0-9]{3}\.jsonl|runs/[0-9a-f]{64}\.json"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TEXTS = ("agreement_key", "created", "filter", "operator", "origin", "party", "root")
_FIELDS = {*_TEXTS, "files", "size", "v"}


@dataclass(frozen=True, slots=True)
class Listed:
    """One file as the manifest lists it."""

    path: str
    size: int
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest, well-formed; its signature is checked apart."""

    party: str
    agreement_key: bytes
    origin: str
    size: int
    root: bytes
    created: str
    operator: str
    filter: str
    files: Mapping[str, Listed]


def parse_manifest(encoded: bytes) -> Manifest:
    """Read manifest.json.

    Raises:
        CheckError: named manifest.
    """
    try:
        record = canonical.parse(encoded)
        if not isinstance(record, dict) or record.keys() != _FIELDS or (type(record["v"]), record["v"]) != (int, 1):
            raise ValueError("not a manifest of version 1")
        if not all(isinstance(record[name], str) for name in _TEXTS) or type(record["size"]) is not int:
            raise ValueError("a field has the wrong type")
        if not isinstance(record["files"], list):
            raise ValueError("the files are not a list")
        files = [_listed(item) for item in record["files"]]
        if [file.path for file in files] != sorted({file.path for file in files}):
            raise ValueError("the files are not listed once each, in order")
        return Manifest(
            party=record["party"],
            agreement_key=trusted_key(decode_base64(record["agreement_key"])),
            origin=record["origin"],
            size=record["size"],
            root=decode_base64(record["root"]),
            created=record["created"],
            operator=record["operator"],
            filter=record["filter"],
            files={file.path: file for file in files},
        )
    except ValueError as error:
        raise CheckError("manifest", f"manifest.json: {error}") from error


def read_listed(root: Path, listed: Listed) -> tuple[bytes, str | None]:
    """Read a listed file.

    Returns:
        Its content, and why it is not the listed one, or None.

    Raises:
        CheckError: named files, when it cannot be read at all.
    """
    try:
        content = (root / listed.path).read_bytes()
    except OSError as error:
        raise CheckError("files", f"{listed.path}: cannot be read ({error.strerror})") from error
    if len(content) != listed.size or hashlib.sha256(content).hexdigest() != listed.sha256:
        return content, f"{listed.path}: is not the file that the manifest lists (its SHA-256 differs)"
    return content, None


def files_on_disk(root: Path) -> tuple[set[str], list[str]]:
    """Walk an export.

    Returns:
        Paths of all regular files, and of whatever is neither file nor directory.
    """
    found: set[str] = set()
    odd: list[str] = []
    for directory, names, files in os.walk(root):
        for name in files + names:
            path = Path(directory, name)
            relative = path.relative_to(root).as_posix()
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                odd.append(relative)
            elif path.is_file():
                found.add(relative)
    return found, sorted(odd)


def _listed(item: Any) -> Listed:
    if not isinstance(item, dict) or item.keys() != {"bytes", "path", "rows", "sha256"}:
        raise ValueError("a file is listed without its four fields")
    path, size, rows, sha256 = item["path"], item["bytes"], item["rows"], item["sha256"]
    if not isinstance(path, str) or _PATH.fullmatch(path) is None:
        raise ValueError("a file is listed under a name that no export has")
    if type(size) is not int or type(rows) is not int or min(size, rows) < 0:
        raise ValueError("a file is listed without its size or rows")
    if not isinstance(sha256, str) or _SHA256.fullmatch(sha256) is None:
        raise ValueError("a file is listed without its SHA-256")
    return Listed(path, size, rows, sha256)
