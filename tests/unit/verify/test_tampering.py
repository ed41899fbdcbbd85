"""Every kind of tampering is found, for its reason: by a thief of files, and by an operator who signs anew."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assent_verify import Report, Trust, verify_export
from assent_verify.cli import main
from assent_verify.note import parse_vkey
from gateway.route.canonical import canonical_bytes, record_message
from gateway.tlog.checkpoint import Checkpoint, sign_checkpoint
from gateway.tlog.note import sign_note
from gateway.tlog.tile import entry_bundle, parse_bundle
from tests.unit.verify.made_export import (
    ORIGIN,
    PARTY_KEYS,
    PUBLIC_KEYS,
    SESSION,
    Made,
    base64_key,
    finished_session,
    log_signer,
    make_export,
    private_key,
    signed_by_both,
)

TRUST = Trust((parse_vkey(log_signer().key.vkey),), PUBLIC_KEYS)
LOW_ORDER_KEY = "evil+f4ba759a+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
RUN = f"runs/{SESSION}.json"


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return make_export(tmp_path / "export")


def found(report: Report, check: str, words: str) -> bool:
    return any(failure.check == check and words in failure.reason for failure in report.failures)


def entries_of(made: Made, name: str, change: Callable[[list[bytes]], list[bytes]]) -> None:
    made.edit(name, lambda content: entry_bundle(change(parse_bundle(content))))


# ---- who only has the files -------------------------------------------------------------------------------------


def flip(name: str) -> Callable[[Made], None]:
    return lambda made: made.edit(name, lambda content: content[:40] + bytes([content[40] ^ 1]) + content[41:])


def link(made: Made) -> None:
    made.path("tile/0/000").unlink()
    made.path("tile/0/000").symlink_to(made.path("tile/0/001"))


WITHOUT_KEYS: list[tuple[str, Callable[[Made], None], str, str]] = [
    ("entry edited", flip("tile/entries/000"), "files", "tile/entries/000: is not the file"),
    ("tile edited", flip("tile/0/001"), "files", "tile/0/001: is not the file"),
    ("tile edited, seen in the tree too", flip("tile/1/000.p/2"), "tiles", "tile/1/000.p/2"),
    ("opened payload edited", flip("opened/001.jsonl"), "files", "opened/001.jsonl: is not the file"),
    ("run edited", flip(RUN), "files", "is not the file"),
    ("checkpoint edited", flip("checkpoint"), "files", "checkpoint: is not the file"),
    ("log key edited", flip("log.vkey"), "files", "log.vkey: is not the file"),
    (
        "manifest edited",
        lambda made: made.edit("manifest.json", lambda c: c.replace(b"600", b"601")),
        "manifest",
        "no signature",
    ),
    ("manifest not canonical", lambda made: made.edit("manifest.json", lambda c: c + b"\n"), "manifest", "canonical"),
    ("manifest emptied", lambda made: made.edit("manifest.json", lambda c: b"{}"), "manifest", "version 1"),
    ("manifest gone", lambda made: made.path("manifest.json").unlink(), "manifest", "cannot be read"),
    ("signature edited", lambda made: made.edit("manifest.sig", lambda c: b"A" + c[1:]), "manifest", "no signature"),
    ("signature gone", lambda made: made.path("manifest.sig").unlink(), "manifest", "cannot be read"),
    ("signature binary", lambda made: made.edit("manifest.sig", lambda c: b"\xff"), "manifest", "no signature"),
    ("bundle gone", lambda made: made.path("tile/entries/001").unlink(), "files", "tile/entries/001: cannot be read"),
    ("tile gone", lambda made: made.path("tile/0/002.p/88").unlink(), "files", "tile/0/002.p/88: cannot be read"),
    ("run gone", lambda made: made.path(RUN).unlink(), "files", f"{RUN}: cannot be read"),
    ("opened gone", lambda made: made.path("opened/000.jsonl").unlink(), "files", "opened/000.jsonl: cannot be read"),
    ("checkpoint gone", lambda made: made.path("checkpoint").unlink(), "files", "checkpoint: cannot be read"),
    ("file added", lambda made: made.path("note.txt").write_text("x"), "files", "note.txt: is not in the manifest"),
    ("file linked", link, "files", "tile/0/000: is a link"),
]


@pytest.mark.parametrize(
    ("tamper", "check", "words"), [case[1:] for case in WITHOUT_KEYS], ids=[case[0] for case in WITHOUT_KEYS]
)
def test_who_only_has_the_files_is_found(made: Made, tamper: Callable[[Made], None], check: str, words: str) -> None:
    tamper(made)
    report = verify_export(made.root, TRUST)
    assert found(report, check, words), report.failures
    assert not report.ok


# ---- an operator with the party's key, who signs a manifest over the changed files -------------------------------


def swap_tiles(made: Made) -> None:
    first, second = made.path("tile/0/000"), made.path("tile/0/001")
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)


def opened_line(change: Callable[[Any], None], row: int = 0) -> Callable[[Made], None]:
    def tamper(made: Made) -> None:
        def changed(content: bytes) -> bytes:
            lines = content.splitlines()
            record = json.loads(lines[row])
            change(record)
            lines[row] = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
            return b"".join(line + b"\n" for line in lines)

        made.edit("opened/000.jsonl", changed)

    return tamper


def edit_bundle(change: Callable[[list[bytes]], list[bytes]], name: str = "tile/entries/000") -> Callable[[Made], None]:
    return lambda made: entries_of(made, name, change)


def run_edit(change: Callable[[Any], None]) -> Callable[[Made], None]:
    return lambda made: made.edit_run(change)


def other_record(resign: bool) -> Callable[[Any], None]:
    """Replace the run record by one that claims other counts."""

    def change(record: Any) -> None:
        record["run"]["receiver"]["tokenised"] += 1
        if resign:
            signatures = signed_by_both("run", canonical_bytes(record["run"]))
            record["signatures"]["run"] = {party: base64.b64encode(sig).decode() for party, sig in signatures}

    return change


def other_key(record: Any) -> None:
    """Let a stranger's key stand for the platform, with signatures that fit it."""
    stranger = private_key(99)
    for party in record["parties"]:
        if party["party"] == "platform":
            party["agreement_key"] = base64.b64encode(stranger.public_key().public_bytes_raw()).decode()
    for kind in ("opening", "run"):
        message = record_message(kind, canonical_bytes(record[kind]))
        record["signatures"][kind]["platform"] = base64.b64encode(stranger.sign(message)).decode()


def rename_run(made: Made) -> None:
    made.path(RUN).rename(made.path(f"runs/{'cd' * 32}.json"))


RUN_CHECK = f"run {SESSION[:16]}"
WITH_PARTY_KEY: list[tuple[str, Callable[[Made], None], str, str]] = [
    (
        "entry edited",
        edit_bundle(lambda e: [e[0].replace(b"08:00:00", b"08:00:01"), *e[1:]]),
        "tree",
        "do not give the root",
    ),
    (
        "entry edited, tile",
        edit_bundle(lambda e: [e[0].replace(b"08:00:00", b"08:00:01"), *e[1:]]),
        "tiles",
        "tile/0/000",
    ),
    ("entries reordered", edit_bundle(lambda e: [e[1], e[0], *e[2:]]), "tree", "do not give the root"),
    ("entry replaced", edit_bundle(lambda e: [e[1], *e[1:]]), "tree", "do not give the root"),
    ("entry deleted", edit_bundle(lambda e: e[1:]), "entries", "holds 255 entries instead of 256"),
    (
        "entry inserted",
        edit_bundle(lambda e: [e[0], *e], "tile/entries/002.p/88"),
        "entries",
        "holds 89 entries instead of 88",
    ),
    (
        "log truncated",
        edit_bundle(lambda e: e[:-1], "tile/entries/002.p/88"),
        "entries",
        "holds 87 entries instead of 88",
    ),
    (
        "entry not a leaf",
        edit_bundle(lambda e: [b'{"raw":"13800138000"}', *e[1:]]),
        "entries",
        "entry 0: is not an audit leaf",
    ),
    (
        "entry of the year 0",
        edit_bundle(lambda e: [e[0].replace(b'"time":"2026', b'"time":"0000'), *e[1:]]),
        "entries",
        "entry 0: is not an audit leaf",
    ),
    (
        "entry of no date",
        edit_bundle(lambda e: [e[0].replace(b"-11-", b"-13-"), *e[1:]]),
        "entries",
        "entry 0: is not an audit leaf",
    ),
    ("bundle cut", lambda made: made.edit("tile/entries/000", lambda c: c[:-1]), "entries", "ends inside an entry"),
    ("tiles swapped", swap_tiles, "tiles", "tile/0/001: does not hold"),
    ("tile left out", lambda made: made.path("tile/0/001").unlink(), "files", "tile/0/001: is missing from the export"),
    (
        "bundle left out",
        lambda made: made.path("tile/entries/001").unlink(),
        "files",
        "tile/entries/001: is missing from the export",
    ),
    (
        "tile of a longer log",
        lambda made: made.path("tile/0/003").write_bytes(bytes(8192)),
        "files",
        "tile/0/003: does not belong",
    ),
    (
        "opened of no bundle",
        lambda made: made.path("opened/009.jsonl").write_bytes(b""),
        "files",
        "opened/009.jsonl: does not belong",
    ),
    (
        "payload edited",
        opened_line(lambda r: r["payload"].update(state="REFUSED")),
        "opened",
        "entry 0: the opened payload is not",
    ),
    (
        "salt edited",
        opened_line(lambda r: r.update(salt=base64.b64encode(bytes(32)).decode())),
        "opened",
        "entry 0: the opened payload is not",
    ),
    ("salt cut", opened_line(lambda r: r.update(salt="AAAA")), "opened", "line 1 opens no entry"),
    ("payload of another entry", opened_line(lambda r: r.update(index=7)), "opened", "line 2 opens no entry"),
    ("payload out of the bundle", opened_line(lambda r: r.update(index=300)), "opened", "line 1 opens no entry"),
    ("payload twice", opened_line(lambda r: r.update(index=0), row=1), "opened", "line 2 opens no entry"),
    ("opened lines cut", lambda made: made.edit("opened/000.jsonl", lambda c: c[:-1]), "opened", "whole lines"),
    (
        "payload spaced",
        lambda made: made.edit("opened/000.jsonl", lambda c: c.replace(b'"event":', b'"event": ', 1)),
        "opened",
        "canonical",
    ),
    ("run record altered", run_edit(other_record(resign=False)), RUN_CHECK, "over the run record does not verify"),
    ("run record altered, signed anew", run_edit(other_record(resign=True)), RUN_CHECK, "about another run record"),
    (
        "opening altered",
        run_edit(lambda r: r["opening"].update(purpose="x")),
        RUN_CHECK,
        "over the opening record does not verify",
    ),
    (
        "run signature gone",
        run_edit(lambda r: r["signatures"]["run"].pop("platform")),
        RUN_CHECK,
        "not signed by exactly",
    ),
    (
        "run signed by oneself",
        run_edit(lambda r: r["signatures"]["run"].update(platform=r["signatures"]["run"]["retailer"])),
        RUN_CHECK,
        "platform over the run record",
    ),
    ("partner's key replaced", run_edit(other_key), RUN_CHECK, "not the one given by --party-key"),
    ("one party for two", run_edit(lambda r: r.update(parties=[r["parties"][0]] * 2)), RUN_CHECK, "same"),
    ("run under another name", rename_run, "run " + "cd" * 8, "another session"),
    ("run not canonical", lambda made: made.edit(RUN, lambda c: c + b" "), RUN_CHECK, "canonical"),
    ("run of version 2", run_edit(lambda r: r.update(v=2)), RUN_CHECK, "version 1"),
    (
        "checkpoint of a stranger",
        lambda made: made.path("checkpoint").write_bytes(sign_checkpoint(made.checkpoint, [log_signer(9)])),
        "checkpoint",
        "trusted",
    ),
    (
        "checkpoint unsigned",
        lambda made: made.edit("checkpoint", lambda c: c.split(b"\n\n")[0] + b"\n"),
        "checkpoint",
        "without signature lines",
    ),
    (
        "checkpoint of an absurd size",
        lambda made: made.path("checkpoint").write_bytes(
            sign_checkpoint(Checkpoint(ORIGIN, 2**62, bytes(32)), [made.signer])
        ),
        "files",
        "too few files",
    ),
    (
        "checkpoint is no checkpoint",
        lambda made: made.path("checkpoint").write_bytes(sign_note("hello\n", [made.signer])),
        "checkpoint",
        "three lines",
    ),
    (
        "log key of low order",
        lambda made: made.path("log.vkey").write_text(LOW_ORDER_KEY),
        "checkpoint",
        "low order",
    ),
    (
        "another log key",
        lambda made: made.path("log.vkey").write_text(log_signer(9).key.vkey + "\n"),
        "checkpoint",
        "none of the keys given by --vkey",
    ),
]


@pytest.mark.parametrize(
    ("tamper", "check", "words"), [case[1:] for case in WITH_PARTY_KEY], ids=[case[0] for case in WITH_PARTY_KEY]
)
def test_who_signs_a_new_manifest_is_found(made: Made, tamper: Callable[[Made], None], check: str, words: str) -> None:
    tamper(made)
    made.reseal()
    report = verify_export(made.root, TRUST)
    assert found(report, check, words), report.failures
    assert not found(report, "manifest", "signature")
    assert not report.ok


def test_an_operator_with_both_keys_cannot_sign_away_the_past(made: Made, tmp_path: Path) -> None:
    since = made.checkpoint_at(400)
    rewritten = make_export(tmp_path / "rewritten", 700)  # same keys, another history: the runs stand elsewhere
    entries = parse_bundle(rewritten.path("tile/entries/000").read_bytes())
    assert entries == parse_bundle(made.path("tile/entries/000").read_bytes())
    assert verify_export(rewritten.root, Trust(TRUST.log_keys, PUBLIC_KEYS, since)).ok
    since = made.checkpoint_at(600)
    report = verify_export(rewritten.root, Trust(TRUST.log_keys, PUBLIC_KEYS, since))
    assert [failure.check for failure in report.failures] == ["since"]
    assert found(report, "since", "first 600 entries are not those")


def test_a_log_rolled_back_is_found_by_its_later_checkpoint(tmp_path: Path) -> None:
    made = make_export(tmp_path / "whole", 600)
    rolled_back = make_export(tmp_path / "back", 500)
    report = verify_export(rolled_back.root, Trust(TRUST.log_keys, PUBLIC_KEYS, made.checkpoint_at(600)))
    assert found(report, "since", "shrank: 600 entries were promised, 500 are here")


@pytest.mark.parametrize(
    ("since", "words"),
    [
        (b"", "signature lines"),
        (sign_checkpoint(Checkpoint("platform.example/audit", 1, bytes(32)), [log_signer()]), "another log"),
        (sign_checkpoint(Checkpoint(ORIGIN, 1, bytes(32)), [log_signer(9)]), "trusted"),
        (sign_checkpoint(Checkpoint(ORIGIN, 1, bytes(32)), [log_signer()]), "first 1 entries"),
    ],
)
def test_an_earlier_checkpoint_must_be_one_of_this_log(made: Made, since: bytes, words: str) -> None:
    report = verify_export(made.root, Trust(TRUST.log_keys, PUBLIC_KEYS, since))
    assert found(report, "since", words)


def test_an_older_log_key_may_have_signed_the_earlier_checkpoint(made: Made) -> None:
    older = log_signer(5)
    since = made.checkpoint_at(300, older)
    keys = (*TRUST.log_keys, parse_vkey(older.key.vkey))
    assert verify_export(made.root, Trust(keys, PUBLIC_KEYS, since)).since == 300
    assert not verify_export(made.root, Trust(TRUST.log_keys, PUBLIC_KEYS, since)).ok


def test_a_forger_with_own_keys_convinces_only_who_brings_none(tmp_path: Path) -> None:
    forged = make_export(tmp_path, signer=log_signer(9), seed=98)
    assert verify_export(forged.root, Trust()).ok
    report = verify_export(forged.root, TRUST)
    assert found(report, "manifest", "not the one given by --party-key")
    assert found(report, "checkpoint", "none of the keys given by --vkey")
    assert found(report, "checkpoint", "no signature by a key that is trusted here")


def test_a_run_that_the_log_does_not_hold(tmp_path: Path) -> None:
    made = make_export(tmp_path / "export", with_run=False)
    with_run = make_export(tmp_path / "other")
    made.path("runs").mkdir()
    made.path(RUN).write_bytes(with_run.path(RUN).read_bytes())
    made.reseal()
    report = verify_export(made.root, TRUST)
    assert [failure.check for failure in report.failures] == [RUN_CHECK]
    assert found(report, RUN_CHECK, "no opened run_record entry")


def test_a_run_that_stands_closed_in_the_log(tmp_path: Path) -> None:
    made = make_export(tmp_path, opened=lambda entry: entry.type != "run_signature")
    report = verify_export(made.root, TRUST)
    assert found(report, RUN_CHECK, "no opened run_signature entry with the signature of platform")


def test_records_of_one_session_must_fit_each_other(made: Made) -> None:
    """Both parties sign, yet the records contradict themselves."""

    def resigned(record: Any) -> None:
        for kind in ("opening", "run"):
            signatures = signed_by_both(kind, canonical_bytes(record[kind]))
            record["signatures"][kind] = {party: base64.b64encode(sig).decode() for party, sig in signatures}

    original = made.path(RUN).read_bytes()
    cases: list[tuple[Callable[[Any], None], str]] = [
        (lambda r: r["opening"].update(purpose="other"), "continues another opening record"),
        (lambda r: r["run"].update(session="cd" * 32), "another session"),
        (lambda r: r["run"]["sender"].update(party="retailer"), "names other parties"),
        (lambda r: r["run"]["sender"].update(party=[]), "names other parties"),
        (lambda r: r["run"]["sender"].update(transcript="00"), "different transcripts"),
        (lambda r: r["run"].pop("sender"), "lacks the halves"),
        (lambda r: r.update(run=[]), "not an object"),
    ]
    for change, words in cases:
        made.path(RUN).write_bytes(original)

        def both(record: Any, change: Callable[[Any], None] = change) -> None:
            change(record)
            resigned(record)

        made.edit_run(both)
        made.reseal()
        report = verify_export(made.root, TRUST)
        assert found(report, RUN_CHECK, words), (words, report.failures)


def test_the_own_party_must_have_taken_part(made: Made) -> None:
    session = finished_session()
    assert {party for party, _ in session.run_signatures} == set(PARTY_KEYS)
    manifest = json.loads(made.path("manifest.json").read_bytes())
    manifest["party"] = "somebody"
    encoded = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    made.path("manifest.json").write_bytes(encoded)
    signature = PARTY_KEYS["retailer"].sign(record_message("export", encoded))
    made.path("manifest.sig").write_bytes(base64.b64encode(signature) + b"\n")
    report = verify_export(made.root, TRUST)
    assert found(report, RUN_CHECK, "somebody, whose log this is, took no part")


def test_hostile_texts_do_not_reach_the_terminal(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    made.edit_run(lambda record: record["parties"][0].update(legal_name="\x1b[2J\u202eevil"))
    made.reseal()
    assert main([str(made.root)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "?[2J?evil" in out


@pytest.mark.parametrize("party", ["retailer", "platform"])
def test_a_pinned_key_that_differs(made: Made, party: str) -> None:
    assert base64_key(party)
    other = private_key(50).public_key().public_bytes_raw()
    report = verify_export(made.root, Trust(TRUST.log_keys, PUBLIC_KEYS | {party: other}))
    assert found(report, RUN_CHECK, f"the key of {party} is not the one given by --party-key")


def test_row_counts_of_the_manifest_are_checked(made: Made) -> None:
    original = json.loads(made.path("manifest.json").read_bytes())
    for name in ("checkpoint", RUN, "tile/0/001", "tile/entries/002.p/88", "opened/000.jsonl"):
        manifest = {**original, "files": [{**file} for file in original["files"]]}
        next(file for file in manifest["files"] if file["path"] == name)["rows"] += 1
        encoded = canonical_bytes(manifest)
        made.path("manifest.json").write_bytes(encoded)
        signature = PARTY_KEYS["retailer"].sign(record_message("export", encoded))
        made.path("manifest.sig").write_bytes(base64.b64encode(signature) + b"\n")
        report = verify_export(made.root, TRUST)
        assert [name in failure.reason for failure in report.failures] == [True], report.failures
