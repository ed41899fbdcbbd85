"""Released cells as they reach a client, for tests of the doors."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

TEXTS = ("segment", "against", "column", "category", "statistic", "value", "low", "high")
SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in TEXTS),
        pa.field("noise_sd", pa.float64()),
        pa.field("p_value", pa.float64()),
        pa.field("suppressed", pa.string()),
    ]
)


def cell(**changes: Any) -> dict[str, Any]:
    return {**dict.fromkeys(SCHEMA.names), "segment": "mail", "statistic": "count", **changes}


def cells(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=SCHEMA)
