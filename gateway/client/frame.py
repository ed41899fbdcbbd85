"""A table of the caller's, of either library; naming it loads neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Frame = TypeVar("Frame", "pa.Table", "pd.DataFrame")
