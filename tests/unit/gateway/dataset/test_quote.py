from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dataset.quote import Quotes


def unclosed(text: bytes, cuts: list[int] | None = None) -> int | None:
    quotes = Quotes()
    ends = sorted({min(cut, len(text)) for cut in cuts or []} | {0, len(text)})
    for start, end in pairwise(ends):
        quotes.read(np.frombuffer(text[start:end], np.uint8))
    return quotes.unclosed


def model(text: bytes) -> bool:
    """Whether the text ends inside a quoted value, character by character."""
    begins, inside, at = True, False, 0
    while at < len(text):
        byte = text[at : at + 1]
        if inside:
            if byte == b'"':
                if text[at + 1 : at + 2] == b'"':
                    at += 1
                else:
                    inside = False
        elif byte == b'"' and begins:
            inside = True
        begins = byte in (b",", b"\n", b"\r")
        at += 1
    return inside


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"a,b\n",
        b'"a","b"\n',
        b'"a""b"\n',
        b'""\n',
        b'5" pipe\n',
        b'5"" pipe,"x"\n',
        b'x,"a\n""b",\r"c"',
        b'"a"b"\n',
    ],
)
def test_quotes_that_close_or_mean_themselves(text: bytes) -> None:
    assert unclosed(text) is None


@pytest.mark.parametrize(
    ("text", "where"), [(b'a,"b\nc,d\n', 2), (b'"a""', 3), (b'5" pipe\n"x', 8), (b'5"" pipe,"x', 9), (b'\r"', 1)]
)
def test_a_quote_that_never_closes_is_found(text: bytes, where: int) -> None:
    assert unclosed(text) == where


def test_an_offset_is_counted_from_the_beginning_of_the_file() -> None:
    quotes = Quotes(3)
    quotes.read(np.frombuffer(b'a,"b', np.uint8))
    assert quotes.unclosed == 5


wild = st.text('",\n\rab', max_size=40)
value = st.one_of(
    st.just("a"), st.just("7"), st.text('",\nab', max_size=5).map(lambda it: '"' + it.replace('"', '""') + '"')
)
tame = st.lists(st.lists(value, min_size=1, max_size=4).map(",".join), max_size=60).map("\r\n".join)


@given(st.one_of(wild, tame, st.tuples(tame, wild, tame).map("".join)), st.lists(st.integers(0, 400), max_size=6))
def test_all_quotes_at_once_are_what_they_are_one_by_one(text: str, cuts: list[int]) -> None:
    written = text.encode()
    found = unclosed(written, cuts)
    assert (found is not None) == model(written)
    assert found is None or written[found] == ord('"')
    assert found == unclosed(written), "blocks make no difference"
