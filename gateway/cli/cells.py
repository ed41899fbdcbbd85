"""Released statistics for people: what was counted, how sure it is, and why a cell is missing."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gateway.cli.screen import Output, show, show_table

if TYPE_CHECKING:
    import pyarrow as pa

TOTAL = "(all released)"
SUPPRESSED = {
    "BELOW_MINIMUM": "too few people in it",
    "COMPLEMENT_BELOW_MINIMUM": "too few people outside it",
    "WITHHELD_BY_PARTNER": "withheld by the partner",
    "INPUT_TOO_SIMILAR": "differs from an earlier run by a few withdrawals",
}
_DIGITS = 6
_COLUMNS = ("segment", "against", "column", "category", "statistic", "value", "interval", "p_value", "note")
_ALWAYS = frozenset({"segment", "statistic", "value", "interval"})


def show_cells(table: pa.Table, output: Output) -> None:
    """Print cells: a table for people, JSON and CSV with every field as it was released."""
    if output is not Output.TABLE:
        show_table(table, output)
        return
    rows = [readable(cell) for cell in table.to_pylist()]
    # What no cell says needs no column: OVERLAP has no categories, a result without control no comparisons.
    used = [name for name in _COLUMNS if name in _ALWAYS or any(row[name] for row in rows)]
    show(rows, used, output)


def about_cells(facts: Mapping[str, str], withdrawn: int) -> str:
    """Say what must be known of a release: which figures are noisy, its cut, and who may not see it.

    Args:
        facts: of the job's report.
        withdrawn: customers who withdrew after the cut.
    """
    said = [f"dummies {facts.get('dummies', '-')}, noise {facts.get('noise', '-')}"]
    if "NONE" in (facts.get("dummies"), facts.get("noise")):
        said.append("exact figures, as both signed")
    said.append(f"consent judged at {facts.get('cut_at', '-')}, {withdrawn} withdrew since")
    if facts.get("not_for_partner") == "true":
        said.append("not for the partner: it carries no noise of ours")
    return "; ".join(said)


def readable(cell: Mapping[str, Any]) -> dict[str, str]:
    """Write a cell in words; figures of many decimals are shortened to six digits, for the eye only.

    Args:
        cell: one row of a result: texts, figures as decimal text, noise_sd and p_value as numbers; null where there
            is none.
    """
    return {
        "segment": TOTAL if cell["segment"] is None else cell["segment"],
        "against": cell["against"] or "",
        "column": cell["column"] or "",
        "category": cell["category"] or "",
        "statistic": cell["statistic"],
        "value": "-" if cell["value"] is None else short(cell["value"]),
        "interval": _interval(cell),
        "p_value": "" if cell["p_value"] is None else _p_value(cell["p_value"]),
        "note": _note(cell),
    }


def short(figure: str) -> str:
    """Round a decimal text of more than six decimals to six digits; others stay as they are."""
    _, point, decimals = figure.partition(".")
    if not point or len(decimals) <= _DIGITS:
        return figure
    value = Decimal(figure)
    places = max(2, _DIGITS - 1 - value.adjusted()) if value else 0
    return f"{round(value, places):f}"


def _interval(cell: Mapping[str, Any]) -> str:
    if cell["value"] is None or cell["low"] is None or cell["high"] is None:
        return ""
    if cell["against"] is None and cell["noise_sd"] == 0:
        return "exact"
    return f"{short(cell['low'])} to {short(cell['high'])}"


def _note(cell: Mapping[str, Any]) -> str:
    if (suppressed := cell["suppressed"]) is not None:
        return f"suppressed: {SUPPRESSED.get(suppressed, suppressed)}"
    return "" if cell["value"] is not None else "nothing to divide by"


def _p_value(p_value: float) -> str:
    return "< 0.0001" if p_value < 0.0001 else f"{p_value:.4f}"
