"""Segments of the receiver's customers, and what a row needs to enter a statistic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gateway.errors import Misuse, SourceError
from gateway.psi.attributes import absent
from gateway.route.agreement import AggregateTerms, Column, ColumnType, Statistic
from gateway.route.job import AuthorizedJob

Bytes = npt.NDArray[np.uint8]


def number_segments(
    job: AuthorizedJob, words: Sequence[str], people: npt.NDArray[np.int64]
) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Number the segments by name; one with too few people to be released never leaves the house.

    Args:
        job: the receiver's job.
        words: the segments' names as they were met.
        people: per name, how many people of it would be in.

    Returns:
        The names in number order, and per name as met its number or -1.

    Raises:
        SourceError: BAD_ROW for more segments than the agreement allows.
    """
    enough = sorted((word, place) for place, word in enumerate(words) if people[place] >= minimum_cohort(job))
    terms = terms_of(job)
    if len(enough) > terms.segments:
        raise SourceError(
            "BAD_ROW",
            f"the segment column has {len(enough)} segments of {minimum_cohort(job)} people and more, "
            f"the agreement allows {terms.segments}; bind a coarser column",
        )
    number = np.full(len(words), -1, dtype=np.int64)
    for rank, (_, place) in enumerate(enough):
        number[place] = rank
    return tuple(word for word, _ in enough), number


def missing_values(job: AuthorizedJob, plaintexts: Bytes, columns: tuple[Column, ...]) -> npt.NDArray[np.bool_]:
    """Return which rows lack a number that the agreement does not allow to be absent."""
    missing = np.zeros(len(plaintexts), dtype=bool)
    nullable = {measure.column for measure in terms_of(job).measures if Statistic.PRESENT in dict(measure.epsilon)}
    for column in columns:
        if column.type is ColumnType.NUMBER and column.name not in nullable:
            missing |= absent(plaintexts, columns, column.name)
    return missing


def terms_of(job: AuthorizedJob) -> AggregateTerms:
    """Return what the agreement says about statistics."""
    if job.agreement.aggregate is None:
        raise Misuse("a grouped job without terms was authorized")
    return job.agreement.aggregate


def minimum_cohort(job: AuthorizedJob) -> int:
    """Return the stricter of the agreement's minimum cohort and our own."""
    return max(terms_of(job).minimum_cohort, job.binding.minimum_cohort)
