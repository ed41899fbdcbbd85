from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dataset import csv_bytes
from gateway.dataset.source import Source
from gateway.errors import SourceError


def check(folder: Path, content: bytes) -> SourceError | None:
    path = folder / "customers.csv"
    path.write_bytes(content)
    try:
        csv_bytes.check(Source("customers", path))
    except SourceError as error:
        return error
    return None


pieces = st.sampled_from(["a", ",", "\n", "é", "上", "😀", "x上海x"]).map(str.encode)
broken = st.sampled_from(
    [b"\xc2", b"\x80", b"\xe4\xb8", b"\xf0\x9f\x98", b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xf8"]
)


@given(st.lists(st.one_of(pieces, pieces, pieces, broken), max_size=30).map(b"".join), st.integers(4, 24))
def test_utf8_is_what_python_takes_for_it_wherever_blocks_end(content: bytes, block: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        # Rows are counted in lines of up to a block: these have none that long.
        patch.setattr(csv_bytes, "BLOCK", block)
        patch.setattr(csv_bytes, "row_at", lambda source, offset, dialect: f"at byte {offset}")
        error = check(Path(folder), content)
    try:
        content.decode()
    except UnicodeDecodeError as expected:
        assert error is not None
        assert (error.reason, f"at byte {expected.start};" in error.message) == ("BAD_ENCODING", True)
    else:
        assert error is None


@pytest.mark.parametrize("before", [0, 1, 5, 700])
def test_rows_are_found_behind_blocks_and_line_breaks_in_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    monkeypatch.setattr(csv_bytes, "BLOCK", 64)
    rows = b"\xef\xbb\xbfcustomer,note\n" + b'"c","line\r\n""two"" \xe4\xb8\x8a"\n\n' * before
    for bad in (b"c,\xb5\xff\n", b'c,"', b'c,"\n'):
        error = check(tmp_path, rows + bad)
        assert error is not None
        assert f"row {before + 1}" in error.message


def test_quotes_and_characters_across_blocks_are_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = 'a,"上,\n""海"" 😀",5" x\n' * 9
    for block in range(4, 40):
        monkeypatch.setattr(csv_bytes, "BLOCK", block)
        assert check(tmp_path, rows.encode()) is None
