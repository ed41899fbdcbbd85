from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest

from gateway.client.cells import COLUMNS, cells_frame, is_cells
from gateway.errors import HostileInput
from tests.unit.gateway.cells import SCHEMA, cell, cells


def test_figures_are_numbers_and_the_exact_text_stays() -> None:
    frame = cells_frame(
        cells(
            cell(value="1203", low="1199", high="1207", noise_sd=1.5),
            cell(segment=None, column="spend", statistic="sum", value="90071992547409931.23", noise_sd=0.0),
            cell(suppressed="BELOW_MINIMUM"),
            cell(
                against="none", column="spend", statistic="lift", value="-0.0125", low="-1.5E-2", high="0", p_value=0.5
            ),
        )
    )
    assert tuple(frame.columns) == COLUMNS
    assert frame["value"].dtype == frame["low"].dtype == frame["p_value"].dtype == float
    assert frame["value"].tolist()[:2] == [1203.0, 90071992547409931.23]
    assert frame["exact"].tolist()[:2] == ["1203", "90071992547409931.23"]
    assert (frame["low"][0], frame["high"][0], frame["noise_sd"][0]) == (1199.0, 1207.0, 1.5)
    assert frame["segment"].isna().tolist() == [False, True, False, False]
    assert math.isnan(frame["value"][2])
    assert frame["suppressed"].tolist()[2] == "BELOW_MINIMUM"
    assert (frame["value"][3], frame["low"][3], frame["p_value"][3]) == (-0.0125, -0.015, 0.5)
    assert frame.set_index(["segment", "statistic"]).loc[("mail", "count"), "value"].tolist()[0] == 1203.0


def test_no_cells_are_a_frame_without_rows() -> None:
    assert tuple(cells_frame(cells()).columns) == COLUMNS


def test_cells_are_told_from_customers() -> None:
    assert is_cells(cells())
    assert not is_cells(pa.table({"customer": ["c"], "value": ["x"]}))


@pytest.mark.parametrize("column", SCHEMA.names)
def test_a_result_that_lacks_a_column_is_not_read(column: str) -> None:
    with pytest.raises(HostileInput) as caught:
        cells_frame(cells(cell()).drop_columns([column]))
    assert caught.value.reason == "BAD_SHAPE"


@pytest.mark.parametrize("changes", [{"value": "many"}, {"low": ""}, {"high": "1,5"}])
def test_a_figure_that_is_no_number_is_not_read(changes: dict[str, Any]) -> None:
    with pytest.raises(HostileInput, match="no number"):
        cells_frame(cells(cell(**changes)))
