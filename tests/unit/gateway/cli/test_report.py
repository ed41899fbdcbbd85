from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gateway.cli.bars import check_picture, draw
from gateway.cli.report import _groups, _row
from gateway.client import MatchReport, ReportLine
from gateway.errors import RequestError

LINES = (
    ReportLine("rows", "read", 1000, None, 900, None, ()),
    ReportLine("rejected", "BAD_MATCH_KEY", 4, 1000, None, None, (7, 9)),
    ReportLine("keys", "phone.e164", 400, 800, 300, 750, ()),
    ReportLine("rejected in <cards>", "UNLINKED", 0, 1000, 0, 1000, ()),
)
REPORT = MatchReport("j", "i", None, LINES)


def test_a_rate_changes_in_points_and_a_count_in_customers() -> None:
    rows = [_row(line) for line in LINES]
    assert rows[0]["change"] == "+100"
    assert (rows[2]["rate"], rows[2]["change"]) == ("50.0 %", "+10.0 points")
    assert (rows[1]["change"], rows[3]["change"]) == ("", "=")


def test_a_picture_has_a_bar_for_every_line(tmp_path: Path) -> None:
    file = tmp_path / "report.svg"
    draw("a < b", list(_groups(REPORT)), file)
    root = ElementTree.fromstring(file.read_text(encoding="utf-8"))
    kind = "{http://www.w3.org/2000/svg}"
    bars = [box for box in root.iter(f"{kind}rect") if box.get("height") == "15.0"]
    assert [float(str(bar.get("width"))) for bar in bars] == [360.0, 360 * 0.004 - 0.04, 180.0, 0.0]
    texts = [text.text for text in root.iter(f"{kind}text")]
    assert "a < b" in texts
    assert "400 · 50.0 % · +10.0 points" in texts
    assert any("<cards>" in str(text) for text in texts)
    assert list(tmp_path.iterdir()) == [file]


def test_a_picture_that_cannot_be_drawn_is_refused_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RequestError, match="svg"):
        check_picture(tmp_path / "report.pdf")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(RequestError, match=r"assent-gateway\[plot\]"):
        check_picture(tmp_path / "report.png")
    with pytest.raises(RequestError, match="nothing was written"):
        draw("title", list(_groups(REPORT)), tmp_path / "nowhere" / "report.svg")
