"""From sums per segment to cells: suppression, rounding, totals, and what follows from them.

A segment that the rule holds back has no figure anywhere: its cells say why, and the totals are sums of the released
segments' figures alone, with share and size taken over the same segments. So a total, even beside a grand total known
from elsewhere, is a function of released cells and says nothing about a segment that was held back.

Where a column may be empty, its sums speak of the people who have a value: fewer of them than the minimum cohort, and
that column is held back in that segment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from gateway.disclosure.cells import Cell, Shown
from gateway.disclosure.figure import Derived, Figure, flag_variance, over, ratio, rounded, sample_variance, total
from gateway.disclosure.noise import Noises
from gateway.disclosure.rule import Rule, Verdict, verdict
from gateway.errors import Misuse
from gateway.route.aggregate import Lane, SegmentSums
from gateway.route.agreement import Column, ColumnType, Measure, Statistic

# Of a column: the statistic, and the word counted where it is a share.
Key = tuple[Statistic, str | None]
Row = tuple[str | None, Shown, Figure | Derived | None]
ONE = Fraction(1)


@dataclass(frozen=True, slots=True)
class Measured:
    """An asked column: its definition, its measure, and where its sums lie.

    Attributes:
        lanes: index of the lane per statistic.
    """

    column: Column
    measure: Measure
    lanes: Mapping[Key, int]

    @property
    def flag(self) -> bool:
        """Whether values are 0 or 1, so that the sum is the sum of squares."""
        column = self.column
        return column.type is ColumnType.NUMBER and column.minimum == 0 and column.maximum == 1 and column.scale == 0


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment after the rule: its figures, or why there are none.

    Attributes:
        name: as its owner calls it; None for the total.
        size: |X_g|.
        people: the count.
        columns: per asked column its figures, or why it is held back.
    """

    name: str | None
    size: int
    people: Figure | Verdict
    columns: tuple[Mapping[Key, Figure] | Verdict, ...]


def judged(
    name: str,
    sums: SegmentSums,
    rule: Rule,
    asked: tuple[Measured, ...],
    lanes: tuple[Lane, ...],
    noises: Noises,
    against: Verdict | None = None,
) -> Segment:
    """Apply the rule to a segment and round what it lets through; `against`: it is held back already."""
    why = against or verdict(rule, sums.size, sums.tested)
    if why is None and sums.sums is None:
        why = Verdict.WITHHELD_BY_PARTNER
    if why is not None or sums.sums is None:
        held = why or Verdict.WITHHELD_BY_PARTNER
        return Segment(name, sums.size, held, (held,) * len(asked))
    if len(sums.sums) != len(lanes):
        raise Misuse("a segment's sums are not those of the layout")
    step = Fraction(rule.count_step)
    columns: list[Mapping[Key, Figure] | Verdict] = []
    for one in asked:
        figures = {}
        for key, index in one.lanes.items():
            unit = Fraction(1, 10 ** lanes[index].scale)
            coarse = Fraction(one.measure.step) if key[0] is Statistic.SUM else step
            # Squares keep their natural digits: their sum is rounded by nothing but its scale.
            figures[key] = rounded(
                sums.sums[index], noises.lanes[index], unit, unit if key[0] is Statistic.SUM_OF_SQUARES else coarse
            )
        present = one.lanes.get((Statistic.PRESENT, None))
        few = present is not None and sums.sums[present] < rule.minimum_cohort
        columns.append(Verdict.BELOW_MINIMUM if few else figures)
    return Segment(name, sums.size, rounded(sums.count, noises.count, ONE, step), tuple(columns))


def total_of(segments: tuple[Segment, ...], asked: tuple[Measured, ...]) -> Segment:
    """Add up the released segments; where there is none, the total is held back for the first one's reason."""
    people = [segment.people for segment in segments if isinstance(segment.people, Figure)]
    if not people:
        why = next((one.people for one in segments if isinstance(one.people, Verdict)), Verdict.BELOW_MINIMUM)
        return Segment(None, 0, why, (why,) * len(asked))
    columns: list[Mapping[Key, Figure] | Verdict] = []
    for index, one in enumerate(asked):
        found = [segment.columns[index] for segment in segments]
        shown = [figures for figures in found if not isinstance(figures, Verdict)]
        if shown:
            columns.append({key: total([figures[key] for figures in shown]) for key in one.lanes})
        else:
            columns.append(Verdict.BELOW_MINIMUM)
    size = sum(segment.size for segment in segments if isinstance(segment.people, Figure))
    return Segment(None, size, total(people), tuple(columns))


def cells_of(segment: Segment, asked: tuple[Measured, ...]) -> Iterator[Cell]:
    """Yield every cell of a segment or of the total: the same ones whether it is released or not."""
    people = segment.people if isinstance(segment.people, Figure) else None
    why = segment.people if isinstance(segment.people, Verdict) else None
    share = None if people is None else over(people, segment.size)
    yield Cell(segment.name, None, None, Shown.COUNT, people, why)
    yield Cell(segment.name, None, None, Shown.SHARE_OF_SEGMENT, share, why)
    for one, found in zip(asked, segment.columns, strict=True):
        held = found if isinstance(found, Verdict) else None
        figures = {} if isinstance(found, Verdict) else found
        for category, statistic, figure in _rows(one, people, figures):
            yield Cell(segment.name, one.column.name, category, statistic, figure, held)


def _rows(one: Measured, people: Figure | None, figures: Mapping[Key, Figure]) -> Iterator[Row]:
    """Yield a column's rows; `figures` is empty where it is held back."""
    for statistic, word in one.lanes:
        if statistic is Statistic.SHARE:
            cell = figures.get((statistic, word))
            yield word, Shown.COUNT, cell
            yield word, Shown.SHARE, ratio(cell, people) if cell and people else None
        else:
            yield None, Shown(str(statistic)), figures.get((statistic, None))
    if (Statistic.SUM, None) not in one.lanes:
        return
    found = figures.get((Statistic.SUM, None))
    # Without a present lane an empty value counts as 0 and its person is counted.
    base = figures.get((Statistic.PRESENT, None)) if (Statistic.PRESENT, None) in one.lanes else people
    yield None, Shown.MEAN, ratio(found, base) if found and base else None
    if one.flag:
        yield None, Shown.VARIANCE, flag_variance(found, base) if found and base else None
    elif (Statistic.SUM_OF_SQUARES, None) in one.lanes:
        squares = figures.get((Statistic.SUM_OF_SQUARES, None))
        yield None, Shown.VARIANCE, sample_variance(squares, found, base) if squares and found and base else None
