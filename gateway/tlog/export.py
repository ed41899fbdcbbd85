"""The export: a directory that proves itself to an officer without this software.

    checkpoint                  signed note (C2SP tlog-checkpoint)
    log.vkey                    the log's verifier key, one line
    tile/<L>/<N>[.p/<W>]        hash tiles (C2SP tlog-tiles)
    tile/entries/<N>[.p/<W>]    all leaves, none left out
    opened/<N>.jsonl            for entries 256·N and following: one canonical line
                                {index, payload, salt} for each entry that is opened
    runs/<session id>.json      {v, session, opening, run, parties, signatures}
    manifest.json               {v, party, agreement_key, origin, size, root, created,
                                operator, filter, files: [{path, bytes, rows, sha256}]}
    manifest.sig                base64 of the party's Ed25519 signature over
                                "assent export v1" newline and manifest.json, newline

JSON is RFC 8785 throughout, hashes in hex, keys, salts and signatures in base64.
The functions below make the files one by one, so that a caller can write an
export of any length with the memory of one bundle. `verify/` reads them.

Opening an entry hands over its salt. A salt belongs to one subject, so whoever
receives one opened entry can test guesses about all entries of that subject: an
exporter opens a subject as a whole, or not at all.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.errors import HostileInput, Misuse, StateError
from gateway.route.audit import IntegratedEntry
from gateway.route.canonical import canonical_bytes, parse_canonical, time_text
from gateway.route.party import PartyCard
from gateway.route.session import Session
from gateway.tlog.checkpoint import Checkpoint
from gateway.tlog.leaf import opening_of
from gateway.tlog.note import VerifierKey
from gateway.tlog.tile import HASH_BYTES, TILE_WIDTH, TileId, bundle_path, entry_bundle, opened_path

EXPORT_VERSION = 1
MANIFEST_PATH = "manifest.json"
SIGNATURE_PATH = "manifest.sig"


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file as the manifest lists it; rows = hashes, entries, lines, or 1."""

    path: str
    bytes: int
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file to write, path relative to the export's directory."""

    path: str
    content: bytes
    rows: int

    @property
    def listed(self) -> ListedFile:
        """The file's line in the manifest."""
        return ListedFile(self.path, len(self.content), self.rows, hashlib.sha256(self.content).hexdigest())


@dataclass(frozen=True, slots=True)
class ExportScope:
    """Who exported what.

    Attributes:
        party: our party id.
        agreement_key: our Ed25519 public key (32 bytes), which signs the manifest.
        created: when (UTC).
        operator: subject of the token that asked, or a role; no customer's name.
        filter: which entries are opened, in words or as the request's filter.
    """

    party: str
    agreement_key: bytes
    created: datetime
    operator: str
    filter: str


def head_files(note: bytes, log_key: VerifierKey) -> list[ExportFile]:
    """Make `checkpoint` and `log.vkey`."""
    return [ExportFile("checkpoint", note, 1), ExportFile("log.vkey", f"{log_key.vkey}\n".encode(), 1)]


def tile_file(tile: TileId, hashes: bytes) -> ExportFile:
    """Make one tile file; a stored tile that has grown wider since is cut to the exported width.

    Raises:
        StateError: LOG_INCONSISTENT when the stored tile is too narrow.
    """
    content = hashes[: tile.width * HASH_BYTES]
    if len(content) != tile.width * HASH_BYTES:
        raise StateError(
            "LOG_INCONSISTENT", f"tile {tile.index} of level {tile.level} is missing or too narrow; run fsck"
        )
    return ExportFile(tile.path, content, tile.width)


def entry_files(
    bundle: int, entries: Sequence[IntegratedEntry], opened: Callable[[IntegratedEntry], bool]
) -> list[ExportFile]:
    """Make one entry bundle and, when any of its entries is opened, the file of their payloads.

    Args:
        bundle: number of the bundle.
        entries: 1 to 256 entries from index 256 · bundle on, without a gap.
        opened: which entries to open; erased ones stay closed whatever it says.

    Raises:
        StateError: LOG_INCONSISTENT when an index is missing, or the salt of an entry to open whose payload is there.
    """
    first = bundle * TILE_WIDTH
    if [entry.index for entry in entries] != list(range(first, first + len(entries))):
        raise StateError("LOG_INCONSISTENT", f"the log has a gap in entry bundle {bundle}; run fsck")
    content = entry_bundle([entry.leaf for entry in entries])
    files = [ExportFile(bundle_path(bundle, len(entries)), content, len(entries))]
    lines = [
        b'{"index":%d,"payload":%b,"salt":"%b"}\n' % (entry.index, opening[0], base64.b64encode(opening[1]))
        for entry in entries
        if opened(entry) and (opening := opening_of(entry)) is not None
    ]
    if lines:
        files.append(ExportFile(opened_path(bundle), b"".join(lines), len(lines)))
    return files


def run_file(session: Session, cards: Iterable[PartyCard]) -> ExportFile:
    """Make the evidence of one run: both records, both parties' keys, all signatures.

    Args:
        session: a session with opening and run record, signed by both.
        cards: the cards of both parties.

    Raises:
        StateError: LOG_INCONSISTENT when a stored record is not canonical, or a
            signature has no card.
    """
    signatures = {"opening": session.opening_signatures, "run": session.run_signatures}
    parties = {card.party: card for card in cards}
    if any({party for party, _ in pairs} != set(parties) for pairs in signatures.values()):
        raise StateError("LOG_INCONSISTENT", "a run is not signed by exactly the two parties of its session")
    try:
        opening, run = parse_canonical(session.opening), parse_canonical(session.run_record)
    except HostileInput as error:
        raise StateError("LOG_INCONSISTENT", "a stored run or opening record is not canonical; run fsck") from error
    content = canonical_bytes(
        {
            "opening": opening,
            "parties": [
                {"agreement_key": _base64(card.agreement_key), "legal_name": card.legal_name, "party": card.party}
                for _, card in sorted(parties.items())
            ],
            "run": run,
            "session": session.session_id,
            "signatures": {
                kind: {party: _base64(signature) for party, signature in pairs} for kind, pairs in signatures.items()
            },
            "v": EXPORT_VERSION,
        }
    )
    return ExportFile(f"runs/{session.session_id}.json", content, 1)


def manifest_files(
    checkpoint: Checkpoint, scope: ExportScope, listed: Iterable[ListedFile], sign: Callable[[str, bytes], bytes]
) -> list[ExportFile]:
    """Make `manifest.json` and `manifest.sig`, the last two files of an export.

    Args:
        checkpoint: the one whose note is exported.
        scope: who exported what.
        listed: every other file.
        sign: (kind, canonical bytes) -> signature by the party's agreement key.

    Raises:
        Misuse: when a path is listed twice.
    """
    files = sorted(listed, key=lambda file: file.path)
    if len({file.path for file in files}) != len(files):
        raise Misuse("an export lists a file twice")
    manifest = canonical_bytes(
        {
            "agreement_key": _base64(scope.agreement_key),
            "created": time_text(scope.created),
            "files": [
                {"bytes": file.bytes, "path": file.path, "rows": file.rows, "sha256": file.sha256} for file in files
            ],
            "filter": scope.filter,
            "operator": scope.operator,
            "origin": checkpoint.origin,
            "party": scope.party,
            "root": _base64(checkpoint.root),
            "size": checkpoint.size,
            "v": EXPORT_VERSION,
        }
    )
    signature = f"{_base64(sign('export', manifest))}\n".encode()
    return [ExportFile(MANIFEST_PATH, manifest, 1), ExportFile(SIGNATURE_PATH, signature, 1)]


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
