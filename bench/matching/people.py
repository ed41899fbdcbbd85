"""People of two companies: the same numbers for every engine, and who is a customer of both.

People are numbers from 0 on. The receiver has the first, the sender has those from its first shared one on; within a
table they stand in scattered order. Everything follows from the counts by arithmetic, so that tables of any size are
written piece by piece and every result can be checked without any of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

PIECE_ROWS = 1 << 18
ATTRIBUTE_BYTES = 32

# Chinese mobile numbers are 13000000000 to 19999999999; the factor has no divisor in common with their count.
_FIRST_PHONE, _PHONES = 13_000_000_000, 7_000_000_000
_PHONE_FACTOR, _PHONE_SHIFT = 4_294_967_291, 1_234_567_891
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03))
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Side:
    """One company's table.

    Attributes:
        rows: customers.
        first: number of its first person.
        letter: first letter of its customer ids.
    """

    rows: int
    first: int
    letter: str

    def pieces(self) -> Iterator[Numbers]:
        """Yield row numbers, from 0 on."""
        for start in range(0, self.rows, PIECE_ROWS):
            yield np.arange(start, min(start + PIECE_ROWS, self.rows))

    def people(self, rows: Numbers) -> Numbers:
        """Say who stands in which row."""
        factor = round(self.rows * (math.sqrt(5) - 1) / 2)
        while math.gcd(factor, self.rows) != 1:
            factor += 1
        return self.first + (rows * factor + self.rows // 3) % self.rows

    def customers(self, rows: Numbers) -> pa.Array:
        """Return customer ids, e.g. C000000007."""
        return as_texts(np.column_stack([np.full(len(rows), ord(self.letter), np.uint8), _digits(rows, 9)]))


@dataclass(frozen=True, slots=True)
class People:
    """Both companies; half of the smaller one's customers are customers of the other.

    Attributes:
        receiver: who learns.
        sender: whose attributes are learned.
    """

    receiver: Side
    sender: Side

    @property
    def shared(self) -> int:
        """How many people are customers of both."""
        return self.receiver.rows - self.sender.first


def people(receiver_rows: int, sender_rows: int) -> People:
    """Make two companies of these sizes."""
    shared = min(receiver_rows, sender_rows) // 2
    return People(Side(receiver_rows, 0, "C"), Side(sender_rows, receiver_rows - shared, "U"))


def phones(persons: Numbers) -> Numbers:
    """Return everybody's number, all different."""
    return _FIRST_PHONE + (persons * _PHONE_FACTOR + _PHONE_SHIFT) % _PHONES


def attributes(persons: Numbers) -> pa.Array:
    """Return an attribute of 32 letters for everybody, all different."""
    mixed = np.column_stack([(persons.astype(np.uint64) + np.uint64(1)) * factor for factor in _MIX])
    return hex_texts(mixed.view(np.uint8))


def write_parquet(side: Side, path: Path) -> None:
    """Write a company's table {customer, phone, attribute}."""
    with ExitStack() as stack:
        writer = None
        for rows in side.pieces():
            persons = side.people(rows)
            table = pa.table(
                {
                    "customer": side.customers(rows),
                    "phone": pa.array(phones(persons)).cast(pa.string()),
                    "attribute": attributes(persons),
                }
            )
            writer = writer or stack.enter_context(pyarrow.parquet.ParquetWriter(path, table.schema))
            writer.write_table(table)


def write_csv(side: Side, path: Path) -> None:
    """Write a company's numbers as a file of one column, id."""
    schema = pa.schema([("id", pa.int64())])
    with pyarrow.csv.CSVWriter(path, schema) as writer:
        for rows in side.pieces():
            writer.write_table(pa.table([pa.array(phones(side.people(rows)))], schema=schema))


def check_csv(found: People, path: Path) -> int:
    """Return how many rows a result of numbers has; they must be those of the people in common.

    Raises:
        ValueError: they are not.
    """
    ids = pyarrow.csv.read_csv(path).column("id").to_numpy()
    shared = np.arange(found.sender.first, found.receiver.rows)
    if not np.array_equal(np.sort(ids), np.sort(phones(shared))):
        raise ValueError(f"{path.name}: {len(ids)} rows, which are not the {found.shared} people in common")
    return len(ids)


def check_parquet(found: People, path: Path, with_attribute: bool) -> int:
    """Return how many people a result of ours has; they and their attributes must be those of the people in common.

    Raises:
        ValueError: they are not.
    """
    seen, read = np.zeros(found.receiver.rows, bool), 0
    file = pyarrow.parquet.ParquetFile(path)
    for batch in file.iter_batches(columns=["customer", "value"]):
        rows = pyarrow.compute.utf8_slice_codeunits(batch.column("customer"), 1).cast(pa.int64()).to_numpy()
        persons = found.receiver.people(rows)
        expected = attributes(persons) if with_attribute else pa.nulls(len(rows), pa.string())
        if not batch.column("value").cast(pa.string()).equals(expected):
            raise ValueError(f"{path.name}: a customer has an attribute of somebody else")
        seen[persons] = True
        read += len(rows)
    # Everybody in common, nobody else, nobody twice.
    if not seen[found.sender.first :].all() or seen.sum() != found.shared or read != found.shared:
        raise ValueError(f"{path.name}: {read} rows, which are not the {found.shared} people in common")
    return read


def hex_texts(raw: npt.NDArray[np.uint8]) -> pa.Array:
    """Return the rows of an array of bytes as texts of hexadecimal digits."""
    letters = np.empty((len(raw), 2 * raw.shape[1]), np.uint8)
    letters[:, 0::2], letters[:, 1::2] = _HEX[raw >> 4], _HEX[raw & 15]
    return as_texts(letters)


def as_texts(letters: npt.NDArray[np.uint8]) -> pa.Array:
    """Return the rows of an array of ASCII letters as texts."""
    rows, width = letters.shape
    offsets = np.arange(0, (rows + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(letters)))


def _digits(numbers: Numbers, width: int) -> npt.NDArray[np.uint8]:
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (numbers[:, None] // powers % 10 + ord("0")).astype(np.uint8)
