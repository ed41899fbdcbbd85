from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from gateway.dataset.source import Source
from gateway.dataset.subject import subjects_of
from gateway.errors import SourceError

SOURCE = Source("customers", Path("customers.csv"))


def test_each_row_names_somebody_nobody_or_cannot_be_read() -> None:
    found = subjects_of(SOURCE, "member", pa.array([" C-1 ", "", None, "C\x002", "C-3"]))
    assert found.written.to_pylist() == [" C-1 ", "", None, "C\x002", "C-3"]
    assert found.named.to_pylist() == ["C-1", None, None, None, "C-3"]
    assert found.empty.tolist() == [False, True, True, False, False]
    assert found.bad.tolist() == [False, False, False, True, False]


def test_a_float_that_may_stand_for_several_customers_names_none_of_them() -> None:
    found = subjects_of(SOURCE, "member", pa.array([7.0, 2.0**53, float("nan")]))
    assert found.named.to_pylist()[0] == "7"
    assert found.empty.tolist() == [False, False, True]
    assert found.bad.tolist() == [False, True, False]


def test_bytes_name_nobody() -> None:
    with pytest.raises(SourceError, match="holds bytes in column member"):
        subjects_of(SOURCE, "member", pa.array([b"C-1"]))
