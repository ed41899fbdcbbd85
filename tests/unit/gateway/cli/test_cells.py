from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.cells import about_cells, readable, short, show_cells
from gateway.cli.screen import Output
from tests.unit.gateway.cells import SCHEMA, cell, cells

TABLE = cells(
    cell(value="1203", low="1199", high="1207", noise_sd=1.5),
    cell(segment=None, value="3000", low="3000", high="3000", noise_sd=0.0),
    cell(segment="tiny", suppressed="BELOW_MINIMUM"),
)


def test_a_table_says_how_sure_a_figure_is_and_why_one_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    show_cells(TABLE, Output.TABLE)
    header, counted, total, missing = (line.split() for line in capsys.readouterr().out.splitlines())
    # Columns that no cell fills are left out.
    assert header == ["segment", "statistic", "value", "interval", "note"]
    assert counted == ["mail", "count", "1203", "1199", "to", "1207"]
    assert total == ["(all", "released)", "count", "3000", "exact"]
    assert missing == ["tiny", "count", "-", "suppressed:", "too", "few", "people", "in", "it"]


def test_a_comparison_shows_its_control_and_p_value(capsys: pytest.CaptureFixture[str]) -> None:
    lift = cell(against="none", column="visit", statistic="lift", value="0.0453812938125", low="0.04", high="0.05")
    show_cells(cells(lift | {"p_value": 1e-12, "noise_sd": 0.0}, lift | {"p_value": 0.04321}), Output.TABLE)
    header, first, second = capsys.readouterr().out.splitlines()
    assert header.split() == ["segment", "against", "column", "statistic", "value", "interval", "p_value"]
    assert first.split() == ["mail", "none", "visit", "lift", "0.0453813", "0.04", "to", "0.05", "<", "0.0001"]
    assert second.endswith("0.0432")


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("COMPLEMENT_BELOW_MINIMUM", "suppressed: too few people outside it"),
        ("WITHHELD_BY_PARTNER", "suppressed: withheld by the partner"),
        ("INPUT_TOO_SIMILAR", "suppressed: differs from an earlier run by a few withdrawals"),
        ("SOMETHING_NEW", "suppressed: SOMETHING_NEW"),
        (None, "nothing to divide by"),
    ],
)
def test_why_a_cell_has_no_value(reason: str | None, said: str) -> None:
    assert readable(cell(suppressed=reason))["note"] == said


def test_what_must_be_known_of_a_release_is_said_in_one_line() -> None:
    noisy = {"dummies": "LAPLACE", "noise": "LAPLACE", "cut_at": "2026-11-20", "not_for_partner": "false"}
    plain = "dummies LAPLACE, noise LAPLACE; consent judged at 2026-11-20, 0 withdrew since"
    assert about_cells(noisy, 0) == plain
    assert about_cells(noisy | {"not_for_partner": "true"}, 0) == (
        f"{plain}; not for the partner: it carries no noise of ours"
    )
    for name in ("dummies", "noise"):
        assert "; exact figures, as both signed; " in about_cells(noisy | {name: "NONE"}, 0)
    # A gateway that reports no facts is not said to be noisy.
    assert about_cells({}, 2) == "dummies -, noise -; consent judged at -, 2 withdrew since"


def test_json_and_csv_keep_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    show_cells(TABLE, Output.JSON)
    assert json.loads(capsys.readouterr().out) == TABLE.to_pylist()
    assert list(TABLE.to_pylist()[0]) == SCHEMA.names


def test_csv_can_be_read_back(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    show_cells(TABLE, Output.CSV)
    rows = list(csv.DictReader(io.StringIO(capfdbinary.readouterr().out.decode())))
    assert [row["value"] for row in rows] == ["1203", "3000", ""]
    assert list(rows[0]) == SCHEMA.names


@pytest.mark.parametrize(
    ("figure", "shown"),
    [
        ("1203", "1203"),
        ("123456789012.34", "123456789012.34"),
        ("1.42261694012", "1.42262"),
        ("64000.0000001", "64000.00"),
        ("-0.000012345678", "-0.0000123457"),
        ("0.0000000", "0"),
        ("0.999999999", "1.000000"),
    ],
)
def test_long_figures_are_shortened_for_the_eye(figure: str, shown: str) -> None:
    assert short(figure) == shown


@given(st.decimals(-(10**9), 10**9, places=12))
def test_shortening_moves_a_figure_by_less_than_it_shows(value: object) -> None:
    assert abs(float(short(f"{value:f}")) - float(str(value))) <= max(1e-5 * abs(float(str(value))), 1e-12)
