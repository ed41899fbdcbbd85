"""Honest exports made by the gateway's own functions, and the means to tamper with them as an operator could."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.psi.record import OpeningHalf, acceptance_record, opening
from gateway.psi.run import RunHalf, run_record
from gateway.route.agreement import Operation
from gateway.route.audit import IntegratedEntry
from gateway.route.canonical import canonical_bytes, record_message
from gateway.route.job import Side
from gateway.route.party import PartyCard
from gateway.route.session import Session, SessionOffer, SessionState
from gateway.tlog.checkpoint import Checkpoint, sign_checkpoint
from gateway.tlog.export import (
    ExportFile,
    ExportScope,
    entry_files,
    head_files,
    manifest_files,
    run_file,
    tile_file,
)
from gateway.tlog.leaf import make_leaf
from gateway.tlog.note import NoteSigner, VerifierKey
from gateway.tlog.run_leaf import run_payload
from gateway.tlog.tile import tiles_of
from gateway.tlog.tree import EMPTY_EDGE, integrate, leaf_hash

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ORIGIN = "retailer.example/audit"
SESSION = "ab" * 32


def private_key(seed: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


def log_signer(seed: int = 1, name: str = ORIGIN) -> NoteSigner:
    key = private_key(seed)
    return NoteSigner(VerifierKey(name, key.public_key().public_bytes_raw()), key.sign)


PARTY_KEYS = {"retailer": private_key(11), "platform": private_key(12)}
PUBLIC_KEYS = {party: key.public_key().public_bytes_raw() for party, key in PARTY_KEYS.items()}


def card(party: str) -> PartyCard:
    return PartyCard(
        party=party,
        legal_name={"retailer": "甲百货有限公司", "platform": "Platform B Ltd"}[party],
        contact="privacy@example.com",
        country="CN",
        endpoint="127.0.0.1:7444",
        target_name=f"{party}.example",
        agreement_key=PUBLIC_KEYS[party],
        log_vkey="",
        pins=(),
        trust=(),
        issued_at=AT,
    )


def signed_by_both(kind: str, record: bytes) -> tuple[tuple[str, bytes], ...]:
    return tuple((party, key.sign(record_message(kind, record))) for party, key in PARTY_KEYS.items())


def finished_session(session_id: str = SESSION) -> Session:
    """A MATCH run of retailer (receiver) and platform (sender), as the session's own records describe it."""
    offer = SessionOffer(
        agreement_id="0b0c2f7e-4c4e-4d7e-9a55-0f3a3f5f7a11",
        agreement_hash=bytes(32),
        operation=Operation.MATCH,
        suite="ristretto255-SHA512",
        match_keys=("phone.e164",),
        purpose="ads",
        columns=(),
        declared_rows=20_000,
        capabilities=(),
        nonce=bytes(32),
    )
    accepted = acceptance_record(offer, bytes.fromhex(session_id), bytes(32), "retailer", "platform", AT)
    halves = [OpeningHalf(session_id, (rows,), bytes([rows]) * 32, AT) for rows in (17, 29)]
    opened = opening(accepted, halves[0], halves[1], 0)
    ends = [RunHalf(session_id, bytes([7]) * 32, AT, rows, 1, 0, AT) for rows in (16, 28)]
    parties = {"receiver": "retailer", "sender": "platform"}
    run = run_record(opened, ends[0], ends[1], parties)
    return Session(
        session_id=session_id,
        job_id="job",
        side=Side.RECEIVER,
        partner="platform",
        state=SessionState.CLOSED,
        offer=offer,
        sender_nonce=bytes(32),
        acceptance=accepted,
        acceptance_signature=b"",
        requested_stage=4,
        opening=opened.record,
        opening_signatures=signed_by_both("opening", opened.record),
        run_record=run,
        run_signatures=signed_by_both("run", run),
        failure=None,
        opened_at=AT,
        expires_at=AT,
        revision=1,
    )


def log_entries(
    count: int, session: Session | None, own: str = "retailer", erased_entries: Any = None
) -> list[IntegratedEntry]:
    """Consent events of 50 subjects, one of them erased, with a run's two entries at the end.

    Before these, where `erased_entries` says which, an entry that puts the erasure on record.
    """
    entries = []
    runs = session.run_signatures if session is not None else ()
    for index in range(count):
        row = index - (count - len(runs))
        if session is not None and row >= 0:
            party, signature = runs[row]
            name = "run_record" if party == own else "run_signature"
            payload: dict[str, Any] = run_payload(session.session_id, session.run_record, party, signature)
            subject = "log"
        elif row == -1 and erased_entries is not None:
            subject, name, payload = "erased", "subject_erased", {"entries": erased_entries, "id": "request-1"}
        else:
            subject = f"subject-{index % 50}"
            name, payload = "consent_event", {"event": f"e-{index}", "subject": subject, "state": "GIVEN"}
        salt = hashlib.sha256(f"salt of {subject}".encode()).digest()
        at = AT + timedelta(seconds=index)
        leaf = make_leaf(name, at, payload, salt)
        erased = subject == "subject-7"
        entries.append(
            IntegratedEntry(
                index, leaf.bytes, name, at, None if erased else leaf.payload_bytes, None if erased else salt
            )
        )
    return entries


@dataclass(frozen=True, slots=True)
class Made:
    """An export on disk, its log, and the keys to sign it anew."""

    root: Path
    entries: list[IntegratedEntry]
    signer: NoteSigner
    checkpoint: Checkpoint
    seed: int = 11
    party: str = "retailer"

    def checkpoint_at(self, size: int, signer: NoteSigner | None = None) -> bytes:
        """The checkpoint that the log had signed when it was shorter."""
        tree = integrate(EMPTY_EDGE, [leaf_hash(entry.leaf) for entry in self.entries[:size]])
        return sign_checkpoint(Checkpoint(ORIGIN, size, tree.root), [signer or self.signer])

    def path(self, name: str) -> Path:
        return self.root / name

    def edit(self, name: str, change: Callable[[bytes], bytes]) -> None:
        path = self.path(name)
        before = path.read_bytes()
        after = change(before)
        assert after != before, "the tampering changes nothing"
        path.write_bytes(after)

    def edit_run(self, change: Callable[[Any], None], session_id: str = SESSION) -> None:
        def changed(content: bytes) -> bytes:
            record = json.loads(content)
            change(record)
            return canonical_bytes(record)

        self.edit(f"runs/{session_id}.json", changed)

    def reseal(self, checkpoint: Checkpoint | None = None) -> None:
        """Sign a manifest over whatever lies there now, as a dishonest operator with the party's key would."""
        for name in ("manifest.json", "manifest.sig"):
            self.path(name).unlink(missing_ok=True)
        files = [
            ExportFile(path.relative_to(self.root).as_posix(), path.read_bytes(), rows(path))
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        ]
        seal(self.root, files, checkpoint or self.checkpoint, self.seed, self.party)


def rows(path: Path) -> int:
    """Rows as an honest manifest counts them."""
    if "entries" in path.parts:
        content, position, count = path.read_bytes(), 0, 0
        while position < len(content):
            position += 2 + int.from_bytes(content[position : position + 2], "big")
            count += 1
        return count
    if "opened" in path.parts:
        return path.read_bytes().count(b"\n")
    return len(path.read_bytes()) // 32 if "tile" in path.parts else 1


def seal(root: Path, files: list[ExportFile], checkpoint: Checkpoint, seed: int = 11, party: str = "retailer") -> None:
    key = private_key(seed)
    scope = ExportScope(party, key.public_key().public_bytes_raw(), AT, "compliance_officer", "all entries")
    listed = [file.listed for file in files]
    for file in manifest_files(checkpoint, scope, listed, lambda kind, record: key.sign(record_message(kind, record))):
        (root / file.path).write_bytes(file.content)


def make_export(
    root: Path,
    count: int = 600,
    *,
    with_run: bool = True,
    signer: NoteSigner | None = None,
    seed: int = 11,
    opened: Callable[[IntegratedEntry], bool] = lambda entry: True,
    party: str = "retailer",
    erased_entries: Any = None,
) -> Made:
    """Write an honest export of a log of `count` entries."""
    signer = signer or log_signer()
    session = finished_session() if with_run else None
    entries = log_entries(count, session, party, erased_entries)
    tree = integrate(EMPTY_EDGE, [leaf_hash(entry.leaf) for entry in entries])
    checkpoint = Checkpoint(signer.key.name, count, tree.root)
    tiles = {(tile.level, tile.index): tile.hashes for tile in tree.tiles}
    files = head_files(sign_checkpoint(checkpoint, [signer]), signer.key)
    files += [tile_file(tile, tiles[(tile.level, tile.index)]) for tile in tiles_of(count)]
    for bundle in range(-(-count // 256)):
        files += entry_files(bundle, entries[bundle * 256 : bundle * 256 + 256], opened)
    if session is not None:
        files.append(run_file(session, [card("retailer"), card("platform")]))
    for file in files:
        (root / file.path).parent.mkdir(parents=True, exist_ok=True)
        (root / file.path).write_bytes(file.content)
    seal(root, files, checkpoint, seed, party)
    return Made(root, entries, signer, checkpoint, seed, party)


def base64_key(party: str) -> str:
    return base64.b64encode(PUBLIC_KEYS[party]).decode()
