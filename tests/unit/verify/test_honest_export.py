"""No false alarm: what the gateway exports verifies, at every shape of the tree, with erasures and closed entries."""

from __future__ import annotations

import ast
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import assent_verify
from assent_verify import Trust, verify_export
from assent_verify.cli import main
from assent_verify.note import parse_vkey
from assent_verify.tree import TreeBuilder
from gateway.tlog.tree import EMPTY_EDGE, integrate
from tests.unit.verify.made_export import ORIGIN, PUBLIC_KEYS, SESSION, base64_key, log_signer, make_export

TRUST = Trust((parse_vkey(log_signer().key.vkey),), PUBLIC_KEYS)


@pytest.mark.parametrize("count", [2, 3, 255, 256, 257, 512, 600])
def test_every_shape_of_the_tree(tmp_path: Path, count: int) -> None:
    make_export(tmp_path, count)
    report = verify_export(tmp_path, TRUST)
    assert report.failures == []
    assert report.ok
    erased = len([index for index in range(count - 2) if index % 50 == 7])
    assert (report.size, report.entries, report.opened) == (count, count, count - erased)
    assert report.types["consent_event"] == count - 2
    assert [run.session_id for run in report.runs] == [SESSION]
    assert report.log_key_pinned
    assert report.party_key_pinned
    assert all(party.pinned for party in report.runs[0].parties)


@pytest.mark.parametrize("count", [0, 1])
def test_a_log_that_has_hardly_begun(tmp_path: Path, count: int) -> None:
    make_export(tmp_path, count, with_run=False)
    report = verify_export(tmp_path, TRUST)
    assert report.failures == []
    assert report.entries == count


def test_two_processes_find_what_one_finds(tmp_path: Path) -> None:
    made = make_export(tmp_path, 3000)
    assert verify_export(tmp_path, TRUST, jobs=2).failures == []
    made.edit("tile/entries/007", lambda content: content.replace(b"consent_event", b"consent_evenu", 1))
    alone, together = (verify_export(tmp_path, TRUST, jobs=jobs) for jobs in (1, 2))
    assert alone == together
    assert not alone.ok


def test_a_tree_of_three_tile_levels_is_the_gateways() -> None:
    leaves = [hashlib.sha256(b"%d" % index).digest() for index in range(66_000)]
    whole = integrate(EMPTY_EDGE, leaves)
    builder = TreeBuilder()
    tiles = [tile for at in range(0, len(leaves), 256) for tile in builder.add(leaves[at : at + 256])]
    assert builder.root() == whole.root
    assert sorted([*tiles, *builder.partial()]) == sorted((tile.level, tile.index, tile.hashes) for tile in whole.tiles)


def test_closed_entries_are_counted_not_doubted(tmp_path: Path) -> None:
    make_export(tmp_path, opened=lambda entry: entry.type != "consent_event")
    report = verify_export(tmp_path, TRUST)
    assert report.ok
    assert (report.entries, report.opened) == (600, 2)
    assert not (tmp_path / "opened/000.jsonl").exists()


SUBJECT_7 = list(range(7, 598, 50))


def test_an_erased_entry_is_told_from_a_closed_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = make_export(tmp_path, erased_entries=SUBJECT_7[:10])
    report = verify_export(tmp_path, TRUST)
    assert report.ok
    assert (report.entries, report.opened, report.erased) == (600, 588, 10)
    main([str(tmp_path)])
    assert "erased    10 of the closed ones, as an entry of the log says\n" in capsys.readouterr().out
    # What is not read again is not counted again.
    since = made.checkpoint_at(520)
    assert verify_export(tmp_path, Trust(TRUST.log_keys, PUBLIC_KEYS, since)).erased == 0
    # An entry that was erased stays in the tree: a changed one is none that was promised.
    made.edit("tile/entries/000", lambda content: content.replace(b"consent_event", b"consent_evenu", 1))
    made.reseal()
    assert {failure.check for failure in verify_export(tmp_path, TRUST).failures} >= {"tree"}


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ([7, 8], "entry 8: is opened, though entry 597 says that it was erased"),
        ([597], "entry 597: names as erased what is no entry before it"),
        (["7"], "entry 597: names as erased"),
        ([True], "entry 597: names as erased"),
        ([-1], "entry 597: names as erased"),
        ("all", "entry 597: names as erased"),
    ],
)
def test_an_erasure_that_the_export_contradicts(tmp_path: Path, named: object, reason: str) -> None:
    make_export(tmp_path, erased_entries=named)
    (failure,) = verify_export(tmp_path, TRUST).failures
    assert (failure.check, failure.reason[: len(reason)]) == ("erased", reason)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 300, 511, 512, 599, 600])
def test_every_earlier_checkpoint_is_continued(tmp_path: Path, size: int) -> None:
    made = make_export(tmp_path)
    since = made.checkpoint_at(size)
    report = verify_export(tmp_path, Trust(TRUST.log_keys, PUBLIC_KEYS, since))
    assert report.failures == []
    assert report.since == size


def test_without_keys_the_report_says_that_nothing_was_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_export(tmp_path)
    assert main([str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    unpinned = [line for line in lines if "key not compared" in line]
    assert [line.split()[0] for line in unpinned] == ["export", "log", "run"]
    assert lines[-1] == "OK        every check passed"


def test_what_an_officer_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = make_export(tmp_path / "export")
    since = tmp_path / "earlier"
    since.write_bytes(made.checkpoint_at(300))
    keys = [f"--party-key={party}={base64_key(party)}" for party in PUBLIC_KEYS]
    assert (
        main([str(tmp_path / "export"), "--vkey", made.signer.key.vkey, *keys, "--since", str(since), "--whole"]) == 0
    )
    text = capsys.readouterr().out
    assert "not compared" not in text
    for line in (
        "export    of retailer, made 2026-11-21T08:00:00.000000Z by compliance_officer",
        f"log       {ORIGIN}: 600 entries, root ",
        "entries   600 hashed again; 588 opened, 12 closed",
        "          consent_event 598",
        "time      2026-11-21T08:00:00.000000Z to 2026-11-21T08:09:59.000000Z",
        "since     continues the checkpoint of 300 entries unchanged",
        f"run       {SESSION} MATCH signed by platform (Platform B Ltd) and retailer (甲百货有限公司)",
    ):
        assert line in text


def test_what_a_program_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_export(tmp_path)
    assert main([str(tmp_path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is True
    assert report["failures"] == []
    assert (report["size"], report["opened"], report["log_key_pinned"]) == (600, 588, False)
    assert report["runs"][0]["session"] == SESSION


def test_a_run_without_evidence_is_mentioned(tmp_path: Path) -> None:
    made = make_export(tmp_path)
    made.path(f"runs/{SESSION}.json").unlink()
    made.reseal()
    report = verify_export(tmp_path, TRUST)
    assert report.ok
    assert report.runs_without_evidence == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no-such-directory"],
        [".", "--vkey", "nonsense"],
        [".", "--party-key", "retailer"],
        [".", "--party-key", "retailer=AAAA"],
        [".", "--party-key", f"a={base64_key('retailer')}", "--party-key", f"a={base64_key('platform')}"],
        [".", "--since", "no-such-file"],
        [".", "--jobs", "0"],
        [".", "--no-such-option"],
    ],
)
def test_wrong_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_a_directory_that_is_no_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 1
    assert "FAIL      manifest: manifest.json or manifest.sig cannot be read" in capsys.readouterr().out


def test_the_verifier_runs_alone(tmp_path: Path) -> None:
    make_export(tmp_path)
    package = Path(assent_verify.__file__).parent
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(package.parent)!r}); "
         "from assent_verify.cli import main; code = main([sys.argv[1]]); "
         "assert not {'gateway', 'consent', 'rfc8785'} & set(sys.modules); sys.exit(code)", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_the_verifier_imports_the_standard_library_and_cryptography_only() -> None:
    package = Path(assent_verify.__file__).parent
    imported = set()
    for source in package.glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            imported |= {name.split(".")[0] for name in names}
    assert imported - sys.stdlib_module_names == {"assent_verify", "cryptography"}
