"""A data set read whole: every usable row in memory, one for each subject."""

from __future__ import annotations

from typing import cast

import numpy as np
import pyarrow as pa

from gateway.dataset import rejection
from gateway.dataset.fold import fold
from gateway.dataset.scan import Scan
from gateway.dataset.source import Source
from gateway.route.cohort import RejectedRows, SourceRows


def whole(source: Source, scan: Scan, named: int) -> SourceRows:
    """Read all batches of a pass and fold rows of one subject.

    Args:
        source: the data set.
        scan: the pass.
        named: how many numbers of conflicting rows are kept.

    Raises:
        SourceError: as `Scan.batches`; BAD_ROW for a column of more than 2 GiB.
    """
    pieces = list(scan.clipping())
    batches = [batch for batch, _ in pieces]
    rows = np.concatenate([batch.rows for batch in batches])
    clipped = np.concatenate([counts for _, counts in pieces])

    subjects = source.whole("of subjects", [batch.subjects for batch in batches])
    keys = source.whole("of match keys", [batch.keys for batch in batches])
    segments = [batch.segments for batch in batches if batch.segments is not None]
    tables = [batch.columns for batch in batches if batch.columns is not None]
    named_segments = [source.whole("of segments", segments)] if segments else []
    values = {
        name: source.whole(name, [chunk for table in tables for chunk in table.column(name).chunks])
        for name in (tables[0].column_names if tables else ())
    }

    folded = fold(cast(pa.StringArray, subjects), [keys, *named_segments, *values.values()])
    kept = pa.array(folded.kept)
    rejected = scan.rejected
    conflicting = rows[folded.conflicting]
    if len(conflicting):
        first = tuple(int(row) for row in conflicting[:named])
        rejected[rejection.CONFLICTING_ROWS] = RejectedRows(len(conflicting), first)
    return SourceRows(
        subjects=cast(pa.StringArray, subjects.take(kept)),
        keys=cast(pa.StringArray, keys.take(kept)),
        columns=pa.table({name: column.take(kept) for name, column in values.items()}) if values else None,
        rows_read=scan.rows_read,
        rejected=rejected,
        folded=folded.folded,
        segments=cast(pa.StringArray, named_segments[0].take(kept)) if named_segments else None,
        clipped=int(clipped[folded.kept].sum()),
    )
