from __future__ import annotations

import subprocess
import sys
import unicodedata

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from gateway.identifier import normalise, parse

OPAQUE = parse("id.opaque")


def test_values_stay_as_they_are_but_for_surrounding_white_space() -> None:
    decomposed = unicodedata.normalize("NFD", "é")
    raw = [" Ab-1 ", "İstanbul", decomposed, "K", "\u3000张三\u00a0", "a b"]
    values, reasons = normalise(OPAQUE, pa.array(raw))
    assert values.to_pylist() == ["Ab-1", "İstanbul", decomposed, "K", "张三", "a b"]
    assert reasons.null_count == len(raw)


def test_empty_long_and_control_characters_are_rejected() -> None:
    raw = [None, "", " \n", "a\x00b", "a\nb", "a\x7fb", "a\x85b", "a" * 256, "a" * 257, "字" * 85, "字" * 86]
    values, reasons = normalise(OPAQUE, pa.array(raw))
    assert reasons.to_pylist() == [
        *["EMPTY"] * 3,
        *["BAD_CHARACTERS"] * 4,
        None,
        "BAD_LENGTH",
        None,
        "BAD_LENGTH",
    ]
    assert values.is_null().to_pylist() == [reason is not None for reason in reasons.to_pylist()]


@given(st.lists(st.text(max_size=12)))
def test_trimming_is_that_of_python(raw: list[str]) -> None:
    values, _ = normalise(OPAQUE, pa.array(raw, pa.string()))
    for text, value in zip(raw, values.to_pylist(), strict=True):
        kept = text.strip()
        bad = not kept or any(unicodedata.category(c) == "Cc" for c in kept)
        assert value == (None if bad else kept)


def test_what_a_null_holds_decides_nothing() -> None:
    hidden = pa.array(["a", "x\n" * 200, "b"])
    validity = pa.array([True, False, True]).buffers()[1]
    column = pa.StringArray.from_buffers(3, *hidden.buffers()[1:], validity)
    for values in (column, column.slice(1)):
        found, reasons = normalise(OPAQUE, values)
        assert found.to_pylist() == values.to_pylist()
        assert reasons.to_pylist() == [None if value else "EMPTY" for value in values.to_pylist()]


def test_the_package_is_imported_without_making_arrays() -> None:
    # The first one made of a list looks for pandas: a third of a second of every command.
    code = "import sys, gateway.identifier; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
