"""The JavaScript verifier names the differences of two exports that the Python one names, in the same words."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assent_verify import Trust, reconcile
from assent_verify.reconciliation import as_json, as_text
from tests.javascript import ROOT, ask, b64
from tests.unit.verify.made_export import PUBLIC_KEYS, SESSION, Made, base64_key, log_signer, make_export
from tests.unit.verify.test_reconciliation import CASES, KEYS, PLATFORM, TRUST, signed_anew

pytestmark = pytest.mark.node

PINNED = {
    "vkeys": [log_signer().key.vkey, PLATFORM.key.vkey],
    "party_keys": {party: b64(key) for party, key in PUBLIC_KEYS.items()},
}
RUN = f"runs/{SESSION}.json"


def earlier(made: Made) -> None:
    made.path(RUN).unlink()
    made.edit("manifest.json", lambda content: content.replace(b'"created":"2026-11-21', b'"created":"2026-11-20'))


def swap(record: Any) -> None:
    record["signatures"]["run"]["retailer"] = record["signatures"]["opening"]["retailer"]


TAMPERINGS: list[Callable[[Made], Any]] = [
    lambda made: None,
    *(lambda made, change=change: made.edit_run(signed_anew(change)) for _, change, _ in CASES),
    lambda made: made.edit_run(lambda r: r["opening"].update(receiver_rows=[18], remark="\u5907\U0001f600" * 80)),
    lambda made: made.edit_run(swap),
    lambda made: made.edit_run(lambda r: r["parties"][1].update(agreement_key=base64_key("platform"))),
    lambda made: made.edit_run(lambda r: r["parties"][0].update(party="bank")),
    lambda made: made.path(RUN).unlink(),
    earlier,
    *(
        lambda made, content=content: made.path(RUN).write_bytes(content)
        for content in (b"{}", b"not json", b'{"opening":{},"parties":[1],"run":{},"signatures":{}}')
    ),
]


def test_every_difference_is_named_alike(tmp_path: Path) -> None:
    honest = (
        make_export(tmp_path / "ours", 20),
        make_export(tmp_path / "theirs", 12, signer=PLATFORM, seed=12, party="platform"),
    )
    without = make_export(tmp_path / "without", 12, signer=PLATFORM, seed=12, party="platform", with_run=False)
    pairs: list[tuple[Path, Path]] = [(honest[0].root, honest[0].root), (honest[0].root, without.root)]
    for number, tamper in enumerate(TAMPERINGS):
        for side, made in enumerate(honest):
            root = shutil.copytree(made.root, tmp_path / f"{number}-{side}")
            changed = Made(root, made.entries, made.signer, made.checkpoint, made.seed, made.party)
            tamper(changed)
            if number % 2:
                changed.reseal()
            pairs.append((root, honest[1].root) if side == 0 else (honest[0].root, root))
    questions = [
        {"ask": "reconcile", "ours": str(one), "theirs": str(other), **(PINNED if trusted else {})}
        for one, other in pairs
        for trusted in (True, False)
    ]
    expected = [reconcile(one, other, trust) for one, other in pairs for trust in (TRUST, Trust())]
    for question, answer, outcome in zip(questions, ask(questions), expected, strict=True):
        assert answer["ok"], (question, answer)
        found, same = answer["answer"]["outcome"], as_json(outcome)
        for side in ("ours", "theirs"):  # what a file that is not JSON is called differs
            assert [one["check"] for one in found[side].pop("failures")] == [
                one["check"] for one in same[side].pop("failures")
            ], question
        assert found == same, question
        if outcome.ours.ok and outcome.theirs.ok:
            assert answer["answer"]["text"] == as_text(outcome)
    assert sum(outcome.ok for outcome in expected) == 4  # the untouched pair, twice, with keys and without


def test_the_command(tmp_path: Path) -> None:
    ours = make_export(tmp_path / "ours", 20)
    theirs = make_export(tmp_path / "theirs", 12, signer=PLATFORM, seed=12, party="platform")

    def call(*words: str) -> tuple[int, str, str]:
        command = ["node", str(ROOT / "verify" / "js" / "cli.mjs"), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    both = ["reconcile", str(ours.root), str(theirs.root)]
    code, said, _ = call(*both, *KEYS)
    assert (code, said.splitlines()[-1]) == (0, "OK        both exports say the same of 1 run")
    theirs.edit_run(lambda record: record["run"]["sender"].update(late_drops=3))
    theirs.reseal()
    code, said, _ = call(*both, *KEYS, "--json")
    assert (code, json.loads(said)) == (1, as_json(reconcile(ours.root, theirs.root, TRUST)))
    twice = f"--party-key=retailer={base64_key('retailer')}"
    for wrong, why in (
        (both[:2], "usage"),
        ([*both, "--policy", "x"], "--policy is not for reconcile"),
        ([*both, twice, twice], "names a party twice"),
        (["receipt", "x"], "a receipt needs --policy FILE, or --vkey KEY"),
        (["membership", "x", "--since", "y"], "--since is not for membership"),
    ):
        code, _, said = call(*wrong)
        assert code == 2, wrong
        assert why in said


def test_keys_as_people_paste_them() -> None:
    vkey, other = PINNED["vkeys"]
    policy = f"# ours\n#\nlog {vkey}\nquorum none"
    pasted = [
        f"{vkey}\n\n retailer={base64_key('retailer')} \n{other}",
        f"retailer={base64_key('retailer')}\n{policy}",
        f"# nothing but a remark\n{vkey}",
        f"retailer={base64_key('retailer')}\n" * 2,
        f"log {vkey}",
    ]
    answers = ask([{"ask": "keys", "written": one} for one in pasted])
    assert [answer.get("answer") for answer in answers] == [
        {"logs": ["retailer.example/audit", "platform.example/audit"], "parties": ["retailer"], "quorum": None},
        {"logs": [], "parties": ["retailer"], "quorum": "none"},
        {"logs": ["retailer.example/audit"], "parties": [], "quorum": None},
        None,
        None,
    ]
