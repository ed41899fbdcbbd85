"""The verifier's page in a real browser, served as docs/verifying.md says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from assent_verify import verify_export
from tests.browser import Page, browser, served
from tests.javascript import ROOT
from tests.unit.verify.made_export import Made, log_signer, make_export
from tests.unit.verify.test_tampering import TRUST

pytestmark = [pytest.mark.browser, pytest.mark.node]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with served(ROOT / "verify" / "js") as address, browser(tmp_path_factory.mktemp("profile")) as opened:
        opened.open(f"{address}/index.html")
        yield opened


def result(page: Page, selector: str, path: Path) -> tuple[str, str]:
    page.ask("document.getElementById('result').className = ''")
    page.choose(selector, path)
    page.until("document.getElementById('result').className !== ''")
    found = page.ask("[document.getElementById('result').className, document.getElementById('result').textContent]")
    return found[0], found[1]


def test_a_folder_is_checked_where_it_is(page: Page, tmp_path: Path) -> None:
    honest = make_export(tmp_path / "honest", 300)
    page.ask(f"document.getElementById('keys').value = {log_signer().key.vkey!r}")
    verdict, text = result(page, "#folder", honest.root)
    assert verdict == "ok"
    assert "300" in text
    shutil.copytree(honest.root, tmp_path / "tampered")
    tampered = Made(tmp_path / "tampered", honest.entries, honest.signer, honest.checkpoint)
    bundle = next(path for path in sorted(tampered.root.rglob("*")) if path.is_file() and "entries" in path.parts)
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"?")
    verdict, text = result(page, "#folder", tampered.root)
    assert verdict == "failed"
    (reason, *_) = (failure.reason for failure in verify_export(tampered.root, TRUST).failures)
    assert reason in text


def test_a_file_that_is_none_of_ours_gets_a_reason(page: Page, tmp_path: Path) -> None:
    (tmp_path / "receipt").write_bytes(b"no receipt\n")
    verdict, text = result(page, "#file", tmp_path / "receipt")
    assert verdict == "failed"
    assert text.strip()


def test_the_page_asks_its_own_server_alone_and_may_ask_nobody(page: Page) -> None:
    origin = page.ask("location.origin")
    assert page.requested and all(url.startswith(f"{origin}/") for url in page.requested)
    assert page.ask("fetch('/verify.mjs').then(() => 'answered', () => 'refused')") == "refused"
