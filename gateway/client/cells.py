"""Released statistics as a pandas frame: numbers to compute with, the exact text beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import HostileInput

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

KEYS = ("segment", "against", "column", "category", "statistic")
FIGURES = ("value", "low", "high")
MEASURED = ("noise_sd", "p_value")

COLUMNS = (*KEYS, *FIGURES, *MEASURED, "suppressed", "exact")
"""Columns of the frame, in order."""


def is_cells(table: pa.Table) -> bool:
    """Whether a result holds statistics; otherwise it holds customers."""
    return "statistic" in table.column_names


def cells_frame(table: pa.Table) -> pd.DataFrame:
    """Turn released cells into a frame.

    Args:
        table: as `AsyncJobs.result` returns it for AGGREGATE and OVERLAP; figures are decimal text.

    Returns:
        {segment, against, column, category, statistic, value, low, high, noise_sd, p_value, suppressed, exact},
        one row per cell. value, low and high are floats, NaN where a cell is suppressed; exact is value as it was
        released, all digits of it. segment is null for the total over the released segments.

    Raises:
        HostileInput: BAD_SHAPE when columns are missing or a figure is no number.
    """
    import pandas as pd  # half a second to load: only for those who use it
    import pyarrow as pa
    import pyarrow.compute as pc

    if missing := [name for name in COLUMNS[:-1] if name not in table.column_names]:
        raise HostileInput("BAD_SHAPE", f"the result holds no statistics: it has no column {missing[0]}")
    try:
        figures = {name: pc.cast(table.column(name), pa.float64()) for name in (*FIGURES, *MEASURED)}
    except pa.ArrowInvalid as error:
        raise HostileInput("BAD_SHAPE", "the result holds a figure that is no number; read it again") from error
    texts = {name: table.column(name) for name in (*KEYS, "suppressed")}
    found = {**texts, **figures, "exact": table.column("value")}
    return pd.DataFrame({name: found[name].to_pandas() for name in COLUMNS})
