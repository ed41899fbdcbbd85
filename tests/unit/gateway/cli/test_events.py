from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.cli import events
from gateway.cli.events import MAX_ROW, read_events
from gateway.client import RowError
from gateway.client.event_batch import Account, Batches
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
        ("events.csv", b'event_id,type\n"e-1,a\n', "BAD_ROW", "line "),
        ("events.csv", b"event_id,\xff\ne-1,a\n", "BAD_ENCODING", "are not UTF-8"),
        ("events.csv", b"event_id,type,event_id\ne-1,a,e-1\n", "BAD_ROW", "column 3 has the name of a column before"),
        ("events.parquet", b"PAR1e-1", "BAD_ROW", "as Parquet after row 0"),
        ("events.xlsx", b"", "BAD_FIELD", ".csv, .jsonl or .parquet"),
    ],
)
def test_what_leaves_every_row_in_doubt_ends_the_reading(
    tmp_path: Path, name: str, content: bytes, reason: str, said: str
) -> None:
    with pytest.raises(AssentError) as caught:
        list(read_events(_file(tmp_path, content, name)))
    assert caught.value.reason == reason
    assert said in caught.value.message
    # A message names the place, never what stands there.
    assert "e-1" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "content", "row", "said"),
    [
        ("events.csv", b"event_id,type\ne-1\ne-9,a\n", 1, "has 1 cells under 2 column names"),
        ("events.csv", b"event_id,type\ne-9,a\ne-2,a,b\n", 2, "has 3 cells under 2 column names"),
        ("events.jsonl", b'{"event_id": "e-9"}\nnonsense\n', 2, "is no JSON object"),
        ("events.jsonl", b'[1]\n{"event_id": "e-9"}\n', 1, "is no JSON object"),
        (
            "events.jsonl",
            b'{"event_id": "e-1", "type": "a", "type": "b"}\n{"event_id": "e-9"}',
            1,
            "names a field twice",
        ),
        ("events.jsonl", b'{"items": [{"form": "a", "form": "b"}]}\n{"event_id": "e-9"}', 1, "names a field twice"),
        ("events.jsonl", b'{"event_id": "e-9"}\n' + b"[" * 100_000 + b"\n", 2, "is no JSON object"),
        ("events.jsonl", b'{"a": "\xff"}\n{"event_id": "e-9"}\n', 1, "is not UTF-8"),
        (
            "events.jsonl",
            b'{"a": "' + b"x" * MAX_ROW + b'"}\n{"event_id": "e-9"}\n',
            1,
            f"is longer than {MAX_ROW} bytes",
        ),
    ],
)
def test_a_row_that_cannot_be_read_is_an_error_of_that_row(
    tmp_path: Path, name: str, content: bytes, row: int, said: str
) -> None:
    found = list(read_events(_file(tmp_path, content, name)))
    assert [error for error in found if isinstance(error, RowError)] == [RowError(row, "(row)", said)]
    assert [event["event_id"] for number, event in (good for good in found if isinstance(good, tuple))] == ["e-9"]


def test_text_that_is_not_utf8_is_refused_by_row_and_field(tmp_path: Path) -> None:
    path = _file(tmp_path, b"event_id,type,channel\ne-1,consent_deferred,\xff\ne-2,consent_deferred,app\n")
    account = Account()
    batches = Batches(read_events(path), account)
    (request,) = batches
    assert [list(group.event_ids) for group in request.batch.groups] == [["e-2"]]
    assert account.end(2).rejected == (RowError(1, "channel", "is not valid Unicode"),)


@pytest.mark.parametrize("name", ["events.csv", "events.jsonl", "events.parquet"])
def test_reading_goes_on_after_a_row(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PARQUET_ROWS", 4)
    names = [f"e-{number}" for number in range(1, 11)]
    if name == "events.parquet":
        pq.write_table(pa.table({"event_id": names}), tmp_path / name)
    else:
        lines = ["event_id", *names] if name == "events.csv" else [json.dumps({"event_id": one}) for one in names]
        _file(tmp_path, "\n".join(lines) + "\n", name)
    for after in (0, 1, 4, 5, 9, 10, 11):
        found = list(read_events(tmp_path / name, after))
        assert found == [(number, {"event_id": f"e-{number}"}) for number in range(after + 1, 11)]


def test_parquet_rows_of_every_type(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    at = datetime(2026, 2, 1, 2, tzinfo=UTC)
    items = [{"purpose": "p", "categories": ["a", "b"], "methods": ["m"], "recipients": [], "form": "general"}]
    table = pa.table(
        {
            "event_id": pa.array(["e-1", "e-2", "e-3", "e-4"]),
            "type": pa.array(
                ["consent_given", "consent_given", "consent_given", "birthdate_recorded"]
            ).dictionary_encode(),
            "at": pa.array([at] * 4, pa.timestamp("ns", "UTC")),
            "evidence": pa.array([True, False, True, None]),
            "max_uses": pa.array([3, None, None, None], pa.int32()),
            "birthdate": pa.array([None, None, None, date(2012, 6, 1)]),
            "purpose": pa.array(["p", None, None, None]),
            "categories": pa.array([["a", "b"], None, None, None]),
            "methods": pa.array(["m;n", None, None, None]),
            "items": pa.array([None, json.dumps(items), "no JSON", None]),
        }
    )
    pq.write_table(table, path)
    found = dict(row for row in read_events(path) if not isinstance(row, RowError))
    assert found[1]["items"] == [{"purpose": "p", "categories": ["a", "b"], "methods": ["m", "n"]}]
    assert (found[1]["at"], found[1]["evidence"], found[1]["max_uses"]) == (at, True, 3)
    assert (found[2]["items"], found[3]["items"]) == (items, "no JSON")
    assert found[4] == {"event_id": "e-4", "type": "birthdate_recorded", "at": at, "birthdate": "2012-06-01"}


def test_parquet_text_that_is_not_utf8_is_an_error_of_its_row(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    texts = pa.array([b"e-1", b"\xff", b"e-3"], pa.binary())
    broken = pa.Array.from_buffers(pa.string(), 3, texts.buffers())
    pq.write_table(pa.table({"event_id": broken}), path)
    assert list(read_events(path)) == [
        (1, {"event_id": "e-1"}),
        RowError(2, "(row)", "is not UTF-8"),
        (3, {"event_id": "e-3"}),
    ]


def test_a_damaged_page_of_parquet_ends_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PARQUET_ROWS", 4)
    path = tmp_path / "events.parquet"
    pq.write_table(pa.table({"event_id": [f"e-{n}" for n in range(12)]}), path, row_group_size=4, use_dictionary=False)
    content = bytearray(path.read_bytes())
    with pq.ParquetFile(path) as whole:
        begin = whole.metadata.row_group(1).column(0).data_page_offset
        end = whole.metadata.row_group(2).column(0).data_page_offset
    content[begin + 40 : end] = bytes(one ^ 0xFF for one in content[begin + 40 : end])
    path.write_bytes(content)
    with pytest.raises(AssentError, match=r"after row 4.*write the file again") as caught:
        list(read_events(path))
    assert caught.value.reason == "BAD_ROW" and "None" not in caught.value.message


def test_a_line_with_nothing_in_it_is_no_row(tmp_path: Path) -> None:
    for name, line in (("events.csv", "e-{}\r\n"), ("events.jsonl", '{{"event_id": "e-{}"}}\r\n')):
        text = ("event_id\r\n" if name == "events.csv" else "") + line.format(1) + "\r\n" + line.format(3) + "\r\n\r\n"
        assert [event for event in read_events(_file(tmp_path, text, name))] == [
            (1, {"event_id": "e-1"}),
            (3, {"event_id": "e-3"}),
        ]


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(AssentError, match="cannot be read"):
        list(read_events(tmp_path / "absent.csv"))


def test_a_header_alone_is_a_file_of_nobody(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(b"event_id,type\n")
    assert list(read_events(path)) == []
