from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace

import pytest

from gateway.errors import Misuse, StateError
from gateway.route.canonical import canonical_bytes, record_hash
from gateway.tlog.checkpoint import Checkpoint
from gateway.tlog.export import ExportFile, ExportScope, entry_files, manifest_files, run_file, tile_file
from gateway.tlog.leaf import LeafType
from gateway.tlog.run_leaf import run_payload
from gateway.tlog.tile import TileId, parse_bundle
from tests.unit.verify.made_export import AT, PUBLIC_KEYS, SESSION, card, finished_session, log_entries

SCOPE = ExportScope("retailer", PUBLIC_KEYS["retailer"], AT, "auditor", "all")
CARDS = [card("retailer"), card("platform")]


def test_a_stored_tile_is_cut_to_the_exported_width() -> None:
    hashes = bytes(range(96))
    assert tile_file(TileId(0, 3, 2), hashes) == ExportFile("tile/0/003.p/2", hashes[:64], 2)
    with pytest.raises(StateError) as caught:
        tile_file(TileId(0, 3, 4), hashes)
    assert caught.value.reason == "LOG_INCONSISTENT"


def test_entries_are_bundled_and_opened_unless_erased() -> None:
    entries = log_entries(10, None)
    assert entries[7].payload is None
    bundle, opened = entry_files(0, entries, lambda entry: entry.index != 3)
    assert (bundle.path, bundle.rows) == ("tile/entries/000.p/10", 10)
    assert parse_bundle(bundle.content) == [entry.leaf for entry in entries]
    lines = opened.content.splitlines()
    assert [json.loads(line)["index"] for line in lines] == [0, 1, 2, 4, 5, 6, 8, 9]
    assert all(canonical_bytes(json.loads(line)) == line for line in lines)
    assert entry_files(0, entries, lambda entry: False) == [bundle]


def test_a_gap_is_not_exported() -> None:
    entries = log_entries(10, None)
    for broken in (entries[1:], entries[:4] + entries[5:], entries[::-1]):
        with pytest.raises(StateError, match="gap"):
            entry_files(0, broken, lambda entry: True)
    with pytest.raises(StateError, match="gap in entry bundle 1"):
        entry_files(1, entries, lambda entry: True)


def test_a_payload_without_its_salt_is_refused_where_it_would_be_opened() -> None:
    entries = log_entries(10, None)
    entries[4] = replace(entries[4], salt=None)
    with pytest.raises(StateError, match="entry 4 has a payload, and the salt that opens it is gone") as caught:
        entry_files(0, entries, lambda entry: True)
    assert caught.value.reason == "LOG_INCONSISTENT"
    _, opened = entry_files(0, entries, lambda entry: entry.index != 4)
    assert [json.loads(line)["index"] for line in opened.content.splitlines()] == [0, 1, 2, 3, 5, 6, 8, 9]


def test_the_evidence_of_a_run() -> None:
    session = finished_session()
    file = run_file(session, CARDS)
    record = json.loads(file.content)
    assert file.path == f"runs/{SESSION}.json"
    assert canonical_bytes(record) == file.content
    assert canonical_bytes(record["run"]) == session.run_record
    assert canonical_bytes(record["opening"]) == session.opening
    assert [party["party"] for party in record["parties"]] == ["platform", "retailer"]
    assert base64.b64decode(record["signatures"]["run"]["platform"]) == dict(session.run_signatures)["platform"]


@pytest.mark.parametrize(
    ("change", "cards"),
    [
        ({"run_signatures": finished_session().run_signatures[:1]}, CARDS),
        ({"opening_signatures": ()}, CARDS),
        ({}, CARDS[:1]),
        ({"run_record": finished_session().run_record + b" "}, CARDS),
        ({"opening": b""}, CARDS),
    ],
)
def test_an_unfinished_or_damaged_run_is_not_exported(change: dict[str, object], cards: list[object]) -> None:
    with pytest.raises(StateError) as caught:
        run_file(replace(finished_session(), **change), cards)  # type: ignore[arg-type]
    assert caught.value.reason == "LOG_INCONSISTENT"


def test_the_manifest_lists_every_file_once_in_order() -> None:
    signed: list[tuple[str, bytes]] = []

    def sign(kind: str, record: bytes) -> bytes:
        signed.append((kind, record))
        return bytes(64)

    files = [ExportFile("tile/0/000", b"b", 1), ExportFile("checkpoint", b"a", 1)]
    checkpoint = Checkpoint("retailer.example/audit", 5, bytes(32))
    manifest, signature = manifest_files(checkpoint, SCOPE, [file.listed for file in files], sign)
    record = json.loads(manifest.content)
    assert signed == [("export", manifest.content)]
    assert signature.content == base64.b64encode(bytes(64)) + b"\n"
    assert record["files"] == [
        {"bytes": 1, "path": "checkpoint", "rows": 1, "sha256": hashlib.sha256(b"a").hexdigest()},
        {"bytes": 1, "path": "tile/0/000", "rows": 1, "sha256": hashlib.sha256(b"b").hexdigest()},
    ]
    with pytest.raises(Misuse):
        manifest_files(checkpoint, SCOPE, [files[0].listed, files[0].listed], sign)


def test_the_log_names_a_run_by_its_hash() -> None:
    session = finished_session()
    payload = run_payload(SESSION, session.run_record, "retailer", bytes(64))
    assert payload == {
        "session": SESSION,
        "party": "retailer",
        "run_hash": record_hash("run", json.loads(session.run_record)).hex(),
        "signature": base64.b64encode(bytes(64)).decode(),
    }
    assert {LeafType.RUN_RECORD, LeafType.RUN_SIGNATURE} == {"run_record", "run_signature"}
