from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli.events import read_events
from gateway.errors import AssentError

HEADER = "event_id,type,at,subject,handler,consent_id,evidence,purpose,categories,methods,recipients,form,recipient"
GIVEN = "e-1,consent_given,2026-02-01T10:00:00+08:00,张三,retailer,c-1,true,p,a;b,psi_hash,platform,separate,"
WITHDRAWN = "e-2,consent_withdrawn,2026-02-02T10:00:00+08:00,张三,retailer,,,p,,,,,platform"


def _file(folder: Path, text: str | bytes, name: str = "events.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte-order mark"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_csv_rows_become_events(tmp_path: Path, mark: str, ending: str) -> None:
    found = list(read_events(_file(tmp_path, mark + ending.join([HEADER, GIVEN, WITHDRAWN, ""]))))
    assert found == [
        (
            1,
            {
                "event_id": "e-1",
                "type": "consent_given",
                "at": "2026-02-01T10:00:00+08:00",
                "subject": "张三",
                "handler": "retailer",
                "consent_id": "c-1",
                "evidence": True,
                "items": [
                    {
                        "purpose": "p",
                        "categories": ["a", "b"],
                        "methods": ["psi_hash"],
                        "recipients": ["platform"],
                        "form": "separate",
                    }
                ],
            },
        ),
        (
            2,
            {
                "event_id": "e-2",
                "type": "consent_withdrawn",
                "at": "2026-02-02T10:00:00+08:00",
                "subject": "张三",
                "handler": "retailer",
                "purpose": "p",
                "recipient": "platform",
            },
        ),
    ]


def test_cells_that_are_no_flag_or_number_are_left_for_the_gateway_to_refuse(tmp_path: Path) -> None:
    path = _file(tmp_path, "event_id,evidence,max_uses\ne-1,ja,many\ne-2,false,3\n")
    assert [event for _, event in read_events(path)] == [
        {"event_id": "e-1", "evidence": "ja", "max_uses": "many"},
        {"event_id": "e-2", "evidence": False, "max_uses": 3},
    ]


def test_json_lines_are_taken_as_they_are(tmp_path: Path) -> None:
    events = [{"event_id": "e-1", "items": [{"purpose": "p"}]}, {"event_id": "e-2"}]
    path = _file(tmp_path, "".join(f"{json.dumps(event)}\n" for event in events), "events.jsonl")
    assert list(read_events(path)) == [(1, events[0]), (2, events[1])]


@pytest.mark.parametrize(
    ("name", "content", "reason", "said"),
    [
        ("events.csv", b"", "EMPTY", "is empty"),
        ("events.jsonl", b"", "EMPTY", "is empty"),
        ("events.csv", b"event_id,type\ne-1\n", "BAD_ROW", "row 1: 1 cells under 2"),
        ("events.csv", b"event_id,type\ne-1,a\ne-2,a,b\n", "BAD_ROW", "row 2: 3 cells under 2"),
        ("events.csv", b'event_id,type\n"e-1,a\n', "BAD_ROW", "line "),
        ("events.csv", b"event_id,type\ne-1,\xff\n", "BAD_ENCODING", "is not UTF-8"),
        ("events.jsonl", b'{"event_id": 1}\nnonsense\n', "BAD_ROW", "row 2"),
        ("events.jsonl", b"[1]\n", "BAD_ROW", "row 1"),
        ("events.jsonl", b'{"a": "\xff"}\n', "BAD_ENCODING", "is not UTF-8"),
        ("events.xlsx", b"", "BAD_FIELD", ".csv or .jsonl"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_row(
    tmp_path: Path, name: str, content: bytes, reason: str, said: str
) -> None:
    with pytest.raises(AssentError) as caught:
        list(read_events(_file(tmp_path, content, name)))
    assert caught.value.reason == reason
    assert said in caught.value.message
    # A message names the place, never what stands there.
    assert "e-1" not in caught.value.message


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(AssentError, match="cannot be read"):
        list(read_events(tmp_path / "absent.csv"))


def test_a_header_alone_is_a_file_of_nobody(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(b"event_id,type\n")
    assert list(read_events(path)) == []
