"""The verifier's page in a real browser, served as docs/verifying.md says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from assent_verify import reconcile, verify_export
from assent_verify.reconciliation import as_text
from tests.browser import Page, browser, served
from tests.javascript import ROOT, b64
from tests.unit.verify.made_export import PUBLIC_KEYS, Made, log_signer, make_export
from tests.unit.verify.test_both import BY_NOBODY, BY_WITNESS, receipt
from tests.unit.verify.test_reconciliation import PLATFORM
from tests.unit.verify.test_reconciliation import TRUST as BOTH
from tests.unit.verify.test_tampering import TRUST

pytestmark = [pytest.mark.browser, pytest.mark.node]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with served(ROOT / "verify" / "js") as address, browser(tmp_path_factory.mktemp("profile")) as opened:
        opened.open(f"{address}/index.html")
        yield opened


def result(page: Page, keys: str, selector: str, path: Path) -> tuple[str, str]:
    """What the page shows of a folder or file, and whether in green, once these keys are written into it."""
    page.ask(f"document.getElementById('keys').value = {keys!r}")
    page.ask("document.getElementById('result').className = ''")
    page.choose(selector, path)
    page.until("document.getElementById('result').className !== ''")
    found = page.ask("[document.getElementById('result').className, document.getElementById('result').textContent]")
    return found[0], found[1]


def test_a_folder_is_checked_where_it_is(page: Page, tmp_path: Path) -> None:
    honest = make_export(tmp_path / "honest", 300)
    verdict, text = result(page, log_signer().key.vkey, "#folder", honest.root)
    assert (verdict, text.splitlines()[-1]) == ("ok", "OK        every check passed")
    assert any(line.split() == ["size", "300"] for line in text.splitlines()), text
    shutil.copytree(honest.root, tmp_path / "tampered")
    tampered = Made(tmp_path / "tampered", honest.entries, honest.signer, honest.checkpoint)
    bundle = next(path for path in sorted(tampered.root.rglob("*")) if path.is_file() and "entries" in path.parts)
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"?")
    verdict, text = result(page, log_signer().key.vkey, "#folder", tampered.root)
    assert verdict == "failed"
    (reason, *_) = (failure.reason for failure in verify_export(tampered.root, TRUST).failures)
    assert reason in text


def test_a_receipt_is_held_against_the_policy_among_the_keys(page: Page, tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(receipt())
    verdict, text = result(page, BY_NOBODY, "#file", tmp_path / "good")
    assert verdict == "ok", text
    verdict, text = result(page, BY_WITNESS, "#file", tmp_path / "good")
    assert verdict == "failed" and "0 cosignatures by witnesses of the policy are not its quorum w" in text, text
    (tmp_path / "none").write_bytes(b"no receipt\n")
    verdict, text = result(page, BY_NOBODY, "#file", tmp_path / "none")
    assert verdict == "failed" and "a receipt has no checkpoint after an empty line" in text, text


def test_two_folders_are_compared_in_the_words_of_the_command(page: Page, tmp_path: Path) -> None:
    keys = [log_signer().key.vkey, PLATFORM.key.vkey, *(f"{party}={b64(key)}" for party, key in PUBLIC_KEYS.items())]
    ours = make_export(tmp_path / "ours", 20)
    theirs = make_export(tmp_path / "theirs", 12, signer=PLATFORM, seed=12, party="platform")
    without = make_export(tmp_path / "without", 12, signer=PLATFORM, seed=12, party="platform", with_run=False)
    for other, expected in ((theirs, "ok"), (without, "failed")):
        page.choose("#theirs", other.root)
        verdict, text = result(page, "\n".join(keys), "#folder", ours.root)
        assert (verdict, text) == (expected, as_text(reconcile(ours.root, other.root, BOTH)))


def test_the_page_asks_its_own_server_alone_and_may_ask_nobody(page: Page) -> None:
    origin = page.ask("location.origin")
    assert page.requested and all(url.startswith(f"{origin}/") for url in page.requested)
    assert page.ask("fetch('/verify.mjs').then(() => 'answered', () => 'refused')") == "refused"
