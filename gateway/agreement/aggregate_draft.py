"""From what a person writes about statistics to complete terms; `aggregate` reads them strictly.

Left out, everything is private: dummies, noise, an epsilon of 1 per statistic. NONE
must be said, and then the figures that it makes meaningless become 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, DecimalException
from typing import Any

from gateway.agreement.count_noise import least_t
from gateway.route.agreement import Noise, Statistic

DEFAULTS: Mapping[str, object] = {
    "segments": 16,
    "minimum_cohort": 50,
    "count_step": 1,
    "dummies": Noise.LAPLACE.value,
    "noise": Noise.LAPLACE.value,
    "epsilon_cap": "20",
    "delta_cap": "0.001",
    "period_days": 30,
    "cells_per_period": 1000,
    "late_withdrawals": "STAND",
    "measures": [],
}
SCHEME: Mapping[str, object] = {"name": "paillier", "key_bits": 3072, "mode": "short_exponent"}
COUNTS: Mapping[str, object] = {"epsilon_count": "1", "epsilon_receiver": "1", "delta": "0.000001"}
EXACT_COUNTS: Mapping[str, object] = {"epsilon_count": "0", "epsilon_receiver": "0", "delta": "0", "t": 0}

_MAX_SCALE = 9
_LEAST_EPSILON, _LEAST_DELTA = Decimal("0.000001"), Decimal("1e-18")  # what the document's digits can say


def complete_terms(draft: object, columns: object) -> object:
    """Fill in what a draft of `aggregate` leaves out; what it says stays as it is.

    Args:
        draft: the draft's `aggregate`. Anything but an object is left for the strict reading to judge.
        columns: the completed `columns`.
    """
    if not isinstance(draft, Mapping):
        return draft
    terms: dict[str, Any] = {**DEFAULTS, **draft}
    exact = terms["dummies"] == Noise.NONE.value
    terms = {**(EXACT_COUNTS if exact else COUNTS), **terms}
    if "t" not in terms and (t := _least_t(terms["epsilon_count"], terms["delta"])) is not None:
        terms["t"] = t
    scheme = terms.get("scheme", {})
    terms["scheme"] = {**SCHEME, **scheme} if isinstance(scheme, Mapping) else scheme
    if isinstance(terms["measures"], (list, tuple)):
        loss = "0" if terms["noise"] == Noise.NONE.value else "1"
        known = {str(one.get("name")): one for one in _objects(columns)}
        terms["measures"] = [
            _measure(one, known, loss) if isinstance(one, Mapping) else one for one in terms["measures"]
        ]
    return terms


def _least_t(epsilon: object, delta: object) -> int | None:
    """Compute t for figures that make sense; others are refused where they stand."""
    if not isinstance(epsilon, str) or not isinstance(delta, str):
        return None
    try:
        loss, mass = Decimal(epsilon), Decimal(delta)
    except DecimalException:
        return None
    plausible = loss.is_finite() and mass.is_finite() and _LEAST_EPSILON <= loss <= 10 and _LEAST_DELTA <= mass < 1
    return least_t(loss, mass) if plausible else None


def _measure(entry: Mapping[str, Any], columns: Mapping[str, Mapping[str, Any]], loss: str) -> dict[str, Any]:
    """Fill in a measure: a list of statistics stands for the same epsilon each."""
    column = columns.get(str(entry.get("column")), {})
    number = column.get("type") == "number"
    measure: dict[str, Any] = {"values": [], "step": _finest(column) if number else "1", **entry}
    named = measure.pop("statistics", None) if "epsilon" not in measure else measure["epsilon"]
    if named is None and "epsilon" not in measure:
        named = _usual(column) if number else [Statistic.SHARE.value]
    if isinstance(named, (list, tuple)) and all(isinstance(one, str) for one in named):
        named = dict.fromkeys(named, loss)
    return {**measure, "epsilon": named}


def _usual(column: Mapping[str, Any]) -> list[str]:
    """Return what mean, variance and lift need."""
    flag = (column.get("min"), column.get("max"), column.get("scale")) == ("0", "1", 0)
    return [Statistic.SUM.value] if flag else [Statistic.SUM.value, Statistic.SUM_OF_SQUARES.value]


def _finest(column: Mapping[str, Any]) -> str:
    scale = column.get("scale")
    return f"{Decimal(1).scaleb(-scale):f}" if type(scale) is int and 0 <= scale <= _MAX_SCALE else "1"


def _objects(entries: object) -> list[Mapping[str, Any]]:
    if not isinstance(entries, (list, tuple)):
        return []
    return [entry for entry in entries if isinstance(entry, Mapping)]
