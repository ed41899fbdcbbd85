"""A result as a sink holds it: a row per customer with its columns typed as agreed, or a row per statistic.

The column `subject` is the pseudonymous reference of the customer: by it rows are replaced, and taken out again when
consent ends, whatever became of the source meanwhile. The column `run` says which run a row comes from.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from gateway.disclosure import CELLS
from gateway.errors import RequestError
from gateway.flow.job import PART, customers_of, open_released
from gateway.flow.pipeline import in_turn
from gateway.flow.ports import House, StoredRows
from gateway.flow.threads import in_thread
from gateway.route.agreement import AgreementBinding
from gateway.route.canonical import parse_time_text
from gateway.route.delivery import Withdrawn
from gateway.route.job import Job

SUBJECT, RUN = "subject", "run"
_TIME = pa.timestamp("us", tz="UTC")
WITHDRAWN_AT = pa.field("withdrawn_at", _TIME)
_NOT_OURS = frozenset({"subject_ref", "row_token", "consent_id"})
"""Columns of a stored result that are not agreed ones."""


@dataclass(frozen=True, slots=True)
class SinkRows:
    """A result to be put into a sink.

    Attributes:
        key: by which its rows are the same as older ones.
        schema: of its rows.
    """

    job: Job
    key: str
    schema: pa.Schema
    _house: House
    _binding: AgreementBinding
    _stored: StoredRows

    async def batches(self) -> AsyncGenerator[pa.RecordBatch, None]:
        """Yield the rows; of customers those whom the bound data set still names."""
        pieces = (
            _cells(self.job, self._stored)
            if self.key == RUN
            else customers_of(self._house, self.job, self._binding, self._stored, _wide)
        )
        async with aclosing(pieces):
            async for piece, _ in pieces:
                rows = piece
                if WITHDRAWN_AT.name in self.schema.names:
                    rows = rows.append_column(WITHDRAWN_AT, pa.nulls(rows.num_rows, _TIME))
                for batch in rows.select(self.schema.names).combine_chunks().to_batches():
                    yield batch

    async def lost(self) -> list[str]:
        """Return whose rows went from the result since it was opened here, and may stand in the sink all the same."""
        now = None if self.key == RUN else await self._house.results.open(self.job.job_id)
        if now is None:
            return []
        return await in_thread(lambda: [ref for found in _missing(self._stored, now) for ref in found])


def _missing(before: StoredRows, now: StoredRows) -> Iterator[list[str]]:
    """Yield the subjects of a result that it does not have any more; both ascend. Blocks."""
    left = now.batches()
    held = pa.array([], pa.string())
    for batch in before.batches():
        refs = batch.column("subject_ref")
        while len(refs) and (not len(held) or held[-1].as_py() < refs[-1].as_py()):
            more = next(left, None)
            if more is None:
                break
            held = pa.concat_arrays([held, more.column("subject_ref")])
        yield refs.filter(pc.invert(pc.is_in(refs, held))).to_pylist()
        held = held.filter(pc.greater(held, refs[-1])) if len(refs) else held


async def sink_rows(house: House, job_id: str, withdrawn: Withdrawn) -> SinkRows:
    """Open the result of a job for a sink.

    Args:
        house: ports.
        job_id: a job that SUCCEEDED and whose result is ours.
        withdrawn: what the sink does with rows that consent does not cover any more.

    Raises:
        StateError: as `open_released`.
        RequestError: BAD_FIELD when an agreed column is called like one of the sink's own.
    """
    job, binding, stored = await open_released(house, job_id)
    if job.request.operation.grouped:
        schema = pa.schema([*_HEAD, *CELLS])
        return SinkRows(job, RUN, schema, house, binding, stored)
    agreed = [field for field in stored.schema if field.name not in _NOT_OURS]
    part = [PART] if len(await house.datasets.parts(binding.dataset)) > 1 else []
    own = [*_CUSTOMER, *part, *_HEAD, *_TAIL, *([WITHDRAWN_AT] if withdrawn is Withdrawn.TOMBSTONE else [])]
    taken = {field.name for field in own} | {PART.name}
    for field in agreed:
        if field.name in taken:
            raise RequestError("BAD_FIELD", f"the agreed column {field.name} is called like a column that sinks have")
    fields = [*_CUSTOMER, *agreed, *own[len(_CUSTOMER) :]]
    return SinkRows(job, SUBJECT, pa.schema(fields), house, binding, stored)


_CUSTOMER = [pa.field(SUBJECT, pa.string()), pa.field("customer", pa.string())]
_HEAD = [pa.field("partner", pa.string()), pa.field(RUN, pa.string()), pa.field("agreement", pa.string())]
_TAIL = [pa.field("consent", pa.string()), pa.field("obtained_at", _TIME), pa.field("expires_at", _TIME)]


def _wide(job: Job, table: pa.Table, customers: pa.StringArray) -> pa.Table:
    """Make a row per customer."""
    columns = {SUBJECT: table.column("subject_ref"), "customer": customers}
    columns |= {name: table.column(name) for name in table.column_names if name not in _NOT_OURS}
    columns |= _head(job, table.num_rows) | {"consent": table.column("consent_id")}
    for name in ("obtained_at", "expires_at"):
        columns[name] = pa.repeat(pa.scalar(parse_time_text(str(job.report[name])), _TIME), table.num_rows)
    return pa.table(columns)


async def _cells(job: Job, stored: StoredRows) -> AsyncGenerator[tuple[pa.Table, int], None]:
    async with aclosing(in_turn(stored.batches())) as batches:
        async for batch in batches:
            columns = _head(job, batch.num_rows)
            yield pa.table(columns | {field.name: batch.column(field.name) for field in CELLS}), 0


def _head(job: Job, rows: int) -> dict[str, pa.Array]:
    values = {"partner": job.partner, RUN: job.session_id, "agreement": job.request.agreement_id}
    return {name: pa.repeat(pa.scalar(value, pa.string()), rows) for name, value in values.items()}
