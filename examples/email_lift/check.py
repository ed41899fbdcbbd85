"""Recompute the truth from the input files and compare it with the released statistics, cell by cell.

    python check.py DIR

Reads both customer files, both consent files, agreement.json and result.json of DIR. Nothing of Assent is imported:
the rules of this example are written down here once more. Exit code 1 on any difference.

Exact figures must be equal. Noisy ones must carry the noise that the agreement says, and how many of the intervals
cover the truth is counted. Means, variances and lifts must follow from the released counts and sums either way.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

METHODS = {"psi_hash", "he_aggregate"}
CONTROL = "No E-Mail"
SHOWN = 10  # differences that are printed
DIGITS = Fraction(6, 10**12)  # derived figures have 12 significant digits
FAR = 20  # standard deviations: beyond them lies 1 draw in 10^12

Key = tuple[str | None, str | None, str]  # segment (None: total), column (None: people), statistic
Figures = dict[Key, Fraction]


@dataclass
class Truth:
    """What everybody who may see both sides' files can count."""

    names: list[str]  # of the segments, in order: number 1 is the first
    sizes: dict[str | None, int]  # the mailer's people with consent
    values: dict[str, list[dict[str, Fraction]]]  # of those found at the shop, with consent there too


@dataclass
class Findings:
    """What a comparison found."""

    problems: list[str] = field(default_factory=list)
    cells: int = 0
    people: int = 0
    noisy_by: Counter[str] = field(default_factory=Counter)  # statistic -> cells with an interval for their noise
    covered_by: Counter[str] = field(default_factory=Counter)  # ... that covers the truth
    tested: bool = False  # lifts against scipy
    lifts: list[str] = field(default_factory=list)

    @property
    def noisy(self) -> int:
        return self.noisy_by.total()

    @property
    def covered(self) -> int:
        return self.covered_by.total()


def main() -> int:
    folder = Path(sys.argv[1])
    found = examine(folder)
    print(f"recomputed: {found.people} people in all segments together; {found.cells} cells and comparisons released")
    if found.problems:
        print(f"{len(found.problems)} differences, among them:")
        print("\n".join(found.problems[:SHOWN]))
        return 1
    if found.noisy:
        print(f"intervals for the noise alone: {found.covered} of {found.noisy} cover the exact figure")
    else:
        print("counts, sums and sums of squares are equal, digit by digit")
    against = "Welch's t test (scipy)" if found.tested else "nothing: without scipy, or noisy"
    print(f"means, variances and lifts follow from them; intervals and p-values of lifts compared with {against}")
    print("\n".join(found.lifts))
    print("result.json agrees with the inputs: 0 differences")
    return 0


def examine(folder: Path) -> Findings:
    """Compare one run's result with its inputs."""
    agreement = json.loads((folder / "agreement.json").read_text(encoding="utf-8"))
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    way, terms, facts = agreement["directions"][0], agreement["aggregate"], result["job"]
    truth = _truth(folder, agreement, way, _time(facts.get("cut_at") or facts["obtained_at"]))
    found = Findings(people=sum(map(len, truth.values.values())))
    for name, should in {
        "state": "SUCCEEDED",
        "agreement": agreement["id"],
        "side": "RECEIVER" if way["receiver"] == "retailer" else "SENDER",
        "noise": terms["noise"],
        "dummies": terms["dummies"],
    }.items():
        if facts.get(name) != should:
            found.problems.append(f"job: {name} is {facts.get(name)!r}, not {should!r}")
    # The shop, which answered, knows numbers where the mailer knows names.
    answered = way["receiver"] != "retailer"
    name_of = {str(number): name for number, name in enumerate(truth.names, 1)} if answered else {}
    cells = _cells(result["cells"], name_of, found)
    released = _base(truth, agreement, cells, answered, found)
    found.cells = len(result["cells"]) + len(result["comparisons"])
    if found.problems:
        return found  # what follows would only repeat them
    exact = _figures(truth, [name for name in truth.names if (name, None, "count") in released], agreement)
    _derived(truth, agreement, cells, released, exact, found)
    left = cells.keys() - released.keys()
    found.problems += [f"{key}: must not be in result.json" for key in sorted(left, key=str)]
    _comparisons(truth, agreement, result["comparisons"], name_of, released, exact, found)
    return found


# ---- the truth ----------------------------------------------------------------------------------------------------


def _truth(folder: Path, agreement: Mapping[str, Any], way: Mapping[str, Any], at: datetime) -> Truth:
    mailer, shop, purpose = way["receiver"], way["sender"], agreement["purposes"][0]
    phone = {agreement["match_keys"][0]["category"]}
    columns = {column["name"]: column for column in agreement["columns"]}
    needed = phone | {columns[name]["category"] for name in way["columns"]}
    ours = _consents(folder / f"{mailer}_consents.csv", mailer, shop, purpose, phone, at)
    theirs = _consents(folder / f"{shop}_consents.csv", shop, mailer, purpose, needed, at)
    ids = {"retailer": "customer_id", "partner": "user_id"}
    bought = {}
    for row in _rows(folder / f"{shop}.csv"):
        if row[ids[shop]] in theirs:
            bought[_number(row["phone"])] = {name: _clipped(row[name], columns[name]) for name in way["columns"]}
    sizes: dict[str | None, int] = defaultdict(int)
    values: dict[str, list[dict[str, Fraction]]] = defaultdict(list)
    for row in _rows(folder / f"{mailer}.csv"):
        if row[ids[mailer]] in ours:
            sizes[row["segment"]] += 1
            if (bag := bought.get(_number(row["phone"]))) is not None:
                values[row["segment"]].append(bag)
    # A segment with fewer people than the minimum is not even asked about.
    least = agreement["aggregate"]["minimum_cohort"]
    names = sorted(str(name) for name, size in sizes.items() if size >= least)
    return Truth(names, sizes, {name: values[name] for name in names})


def _consents(path: Path, handler: str, recipient: str, purpose: str, needed: set[str], at: datetime) -> frozenset[str]:
    """Return whose consent covers the use: separate, explicit, provable, in its term, and never taken back."""
    given: dict[str, datetime] = {}
    against: dict[str, datetime] = {}
    for row in _rows(path):
        if row["handler"] != handler or row["purpose"] != purpose or at < _time(row["at"]):
            continue
        if row["type"] in ("consent_withdrawn", "consent_refused") and row["recipient"] in ("", recipient):
            against[row["subject"]] = max(_time(row["at"]), against.get(row["subject"], _time(row["at"])))
        elif (
            row["type"] == "consent_given"
            and row["by"] == "subject"
            and row["mode"] == "explicit"
            and row["form"] == "separate"
            and row["evidence"] == "true"
            and set(row["methods"].split(";")) >= METHODS
            and set(row["categories"].split(";")) >= needed
            and recipient in row["recipients"].split(";")
            and (not row["valid_until"] or at < _time(row["valid_until"]))
        ):
            given[row["subject"]] = _time(row["at"])
    return frozenset(one for one, since in given.items() if one not in against or against[one] < since)


def _figures(truth: Truth, shown: list[str], agreement: Mapping[str, Any]) -> Figures:
    """Return counts, sums and sums of squares of segments, and their totals."""
    figures: Figures = defaultdict(Fraction)
    for name in shown:
        here: Figures = {(name, None, "count"): Fraction(len(truth.values[name]))}
        for measure in agreement["aggregate"]["measures"]:
            column = measure["column"]
            found = [value for one in truth.values[name] if (value := one[column])]
            here[name, column, "sum"] = sum(found, Fraction(0))
            if "sum_of_squares" in measure["epsilon"]:
                here[name, column, "sum_of_squares"] = sum((one * one for one in found), Fraction(0))
        figures.update(here)
        for (_, column, statistic), value in here.items():
            figures[None, column, statistic] += value
    return dict(figures)


# ---- the comparison -----------------------------------------------------------------------------------------------


def _cells(rows: list[dict[str, Any]], name_of: Mapping[str, str], found: Findings) -> dict[Key, dict[str, Any]]:
    cells: dict[Key, dict[str, Any]] = {}
    for row in rows:
        segment = row["segment"] if row["segment"] is None else name_of.get(row["segment"], row["segment"])
        key = (segment, row["column"], row["statistic"])
        if key in cells or row["category"] is not None:
            found.problems.append(f"{key}: twice in result.json")
        cells[key] = row
    return cells


def _base(
    truth: Truth, agreement: Mapping[str, Any], cells: dict[Key, dict[str, Any]], answered: bool, found: Findings
) -> Figures:
    """Compare counts and sums; return the figures that were released."""
    terms = agreement["aggregate"]
    least, noisy = terms["minimum_cohort"], terms["noise"] == "LAPLACE"
    room = 40 if terms["dummies"] == "LAPLACE" else 0  # the test is made on a noisy count
    shown = []
    for name in truth.names:
        count, size = len(truth.values[name]), truth.sizes[name]
        margin = min(count, size - count) - least
        why = (cells.get((name, None, "count")) or {}).get("suppressed")
        if (why is None and margin < -room) or (why is not None and margin >= room):
            found.problems.append(f"{name}: held back is {why!r}, with {count} of {size} people found")
        if why is None:
            shown.append(name)
            continue
        held = [key for key in cells if key[0] == name]
        if any(cells[key]["value"] is not None or cells[key]["suppressed"] != why for key in held):
            found.problems.append(f"{name}: held back, but not everywhere")
        for key in held:
            del cells[key]
    released: Figures = {}
    for key, should in _figures(truth, shown, agreement).items():
        row = cells.get(key)
        if row is None or row["value"] is None:
            found.problems.append(f"{key}: missing in result.json")
            continue
        released[key] = value = Fraction(row["value"])
        sd = _noise_sd(agreement, key, answered) * (math.sqrt(len(shown)) if key[0] is None else 1)
        if not math.isclose(row["noise_sd"], sd, rel_tol=1e-6):
            found.problems.append(f"{key}: noise_sd is {row['noise_sd']}, by the agreement {sd}")
        if sd == 0 and not Fraction(row["low"]) == value == Fraction(row["high"]) == should:
            found.problems.append(f"{key}: is {row['value']}, not {should}")
        if abs(value - should) > FAR * sd:
            found.problems.append(f"{key}: is {row['value']}, further from {should} than any noise")
        _cover(row, should, noisy, found)
    return released


def _noise_sd(agreement: Mapping[str, Any], key: Key, answered: bool) -> float:
    """The standard deviation that the agreement promises: discrete Laplace, its scale bound / epsilon."""
    terms, (_, column, statistic) = agreement["aggregate"], key
    if column is None:
        if terms["dummies"] == "NONE":
            return 0.0
        q, t = math.exp(-float(terms["epsilon_count"])), terms["t"]
        weights = [q ** abs(k) for k in range(-t, t + 1)]
        variance = sum(w * k * k for w, k in zip(weights, range(-t, t + 1), strict=True)) / sum(weights)
        if answered:  # whoever answers sees the count with the other side's noise on top
            variance += _laplace_variance(float(terms["epsilon_receiver"]))
        return math.sqrt(variance)
    if terms["noise"] == "NONE":
        return 0.0
    measure = next(one for one in terms["measures"] if one["column"] == column)
    definition = next(one for one in agreement["columns"] if one["name"] == column)
    power = 2 if statistic == "sum_of_squares" else 1
    bound = (max(abs(float(definition["min"])), abs(float(definition["max"]))) * 10 ** definition["scale"]) ** power
    unit = 10.0 ** -(definition["scale"] * power)
    return unit * math.sqrt(_laplace_variance(float(measure["epsilon"][statistic]) / bound))


def _laplace_variance(rate: float) -> float:
    return 0.5 / math.sinh(rate / 2) ** 2


def _derived(
    truth: Truth,
    agreement: Mapping[str, Any],
    cells: Mapping[Key, Mapping[str, Any]],
    released: Figures,
    exact: Figures,
    found: Findings,
) -> None:
    """Compare shares, means and variances with what follows from the released counts and sums."""
    noisy = agreement["aggregate"]["noise"] == "LAPLACE"
    shown = [name for name in truth.names if (name, None, "count") in released]
    sizes = {**truth.sizes, None: sum(truth.sizes[name] for name in shown)}
    for segment in (*shown, None) if shown else ():
        n, true_n = released[segment, None, "count"], exact[segment, None, "count"]
        pairs = {(segment, None, "share_of_segment"): (n / sizes[segment], true_n / sizes[segment])}
        for measure in agreement["aggregate"]["measures"]:
            column = measure["column"]
            s, true_s = released[segment, column, "sum"], exact[segment, column, "sum"]
            q, true_q = (figures.get((segment, column, "sum_of_squares")) for figures in (released, exact))
            pairs[segment, column, "mean"] = (s / n, true_s / true_n)
            # A flag's sum is its sum of squares.
            pairs[segment, column, "variance"] = (
                max(Fraction(0), _variance(n, s, s if q is None else q)),
                _variance(true_n, true_s, true_s if true_q is None else true_q),
            )
        for key, (follows, should) in pairs.items():
            row = cells.get(key)
            if row is None or row["value"] is None:
                found.problems.append(f"{key}: missing in result.json")
                continue
            released[key], exact[key] = Fraction(row["value"]), should
            if abs(released[key] - follows) > DIGITS * abs(follows):
                found.problems.append(f"{key}: is {row['value']}, not {float(follows)}")
            _cover(row, should, noisy, found)


def _variance(n: Fraction, s: Fraction, q: Fraction) -> Fraction:
    return (q - s * s / n) / (n - 1)


def _comparisons(
    truth: Truth,
    agreement: Mapping[str, Any],
    rows: list[dict[str, Any]],
    name_of: Mapping[str, str],
    released: Figures,
    exact: Figures,
    found: Findings,
) -> None:
    """Compare lifts with the released means, and with Welch's test where the figures are exact."""
    columns = [measure["column"] for measure in agreement["aggregate"]["measures"]]
    expected = {(name, column) for name in truth.names for column in columns if name != CONTROL}
    seen = [(name_of.get(row["segment"], row["segment"]), row["column"], row["statistic"]) for row in rows]
    wanted = {(name, column, kind) for name, column in expected for kind in ("lift", "relative_lift")}
    if set(seen) != wanted or len(seen) != len(wanted):
        found.problems.append(f"comparisons are {sorted(seen)}, not {sorted(wanted)}")
        return
    for row in rows:
        name, column = name_of.get(row["segment"], row["segment"]), row["column"]
        key = (name, column, row["statistic"])
        if name_of.get(row["against"], row["against"]) != CONTROL:
            found.problems.append(f"{key}: is compared with {row['against']!r}")
        if row["suppressed"] is not None:
            continue
        if row["statistic"] == "relative_lift" and _mean(released, CONTROL, column) <= 0:
            # Noise can do that: a ratio to nothing is no statement.
            if row["value"] is not None:
                found.problems.append(f"{key}: is {row['value']} of nothing")
            continue
        if any(row[one] is None for one in ("value", "low", "high", "p_value")):
            found.problems.append(f"{key}: missing in result.json")
            continue
        mean, control = (_mean(released, segment, column) for segment in (name, CONTROL))
        follows = mean - control if row["statistic"] == "lift" else mean / control - 1
        value, low, high = (Fraction(row[one]) for one in ("value", "low", "high"))
        if abs(value - follows) > DIGITS * abs(follows):
            found.problems.append(f"{key}: is {row['value']}, not {float(follows)}")
        if not low < value < high or not 0 <= row["p_value"] <= 1:
            found.problems.append(f"{key}: its interval is {row['low']} to {row['high']}")
        if row["statistic"] != "lift":
            continue
        should = _mean(exact, name, column) - _mean(exact, CONTROL, column)
        found.lifts.append(
            f"  {name}, {column}: lift {float(value):.5f} ({float(low):.5f} to {float(high):.5f}), "
            f"p {row['p_value']:.2g}; without noise {float(should):.5f}"
        )
        if agreement["aggregate"]["noise"] == "NONE":
            found.problems += _welch(truth, row, key, found)


def _mean(figures: Figures, segment: str, column: str) -> Fraction:
    return figures[segment, column, "sum"] / figures[segment, None, "count"]


def _welch(truth: Truth, row: Mapping[str, Any], key: Key, found: Findings) -> list[str]:
    try:
        from scipy.stats import ttest_ind
    except ImportError:
        return []
    one, other = ([float(bag[row["column"]]) for bag in truth.values[name]] for name in (str(key[0]), CONTROL))
    test = ttest_ind(one, other, equal_var=False)
    interval, found.tested = test.confidence_interval(0.95), True
    pairs = {"low": interval.low, "high": interval.high, "p_value": test.pvalue}
    return [
        f"{key}: {name} is {row[name]}, by Welch {should}"
        for name, should in pairs.items()
        if not math.isclose(float(row[name]), float(should), rel_tol=1e-6, abs_tol=1e-12)
    ]


def _cover(row: Mapping[str, Any], should: Fraction, noisy: bool, found: Findings) -> None:
    if noisy:
        found.noisy_by[row["statistic"]] += 1
        found.covered_by[row["statistic"]] += Fraction(row["low"]) <= should <= Fraction(row["high"])


# ---- files --------------------------------------------------------------------------------------------------------


def _clipped(text: str, column: Mapping[str, Any]) -> Fraction:
    return min(max(Fraction(text), Fraction(column["min"])), Fraction(column["max"]))


def _number(phone: str) -> str:
    """The eleven digits, however they are written."""
    return "".join(character for character in phone if character.isdigit())[-11:]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.strip().replace("Z", "+00:00"))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


if __name__ == "__main__":
    sys.exit(main())
