"""What the receiver checks of each stage of an AGGREGATE that it pulls."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.errors import HostileInput, Misuse
from gateway.flow.ports import StageFile
from gateway.he.paillier import PublicKey
from gateway.he.proof import parse_key_record
from gateway.psi import segments as psi
from gateway.psi.check import check_ascending
from gateway.psi.record import Opening
from gateway.psi.stages import Grouped
from gateway.psi.suite import ELEMENT_BYTES
from gateway.route.session import AggregateStage

Bytes = npt.NDArray[np.uint8]


class SegmentChecks:
    """Order inside lists, elements, places, flags."""

    def __init__(
        self, stage: AggregateStage, sizes: Opening, threads: int, key_bits: int = 0, session_id: str = ""
    ) -> None:
        """Begin a stage.

        Args:
            stage: which.
            sizes: what the opening record says of it.
            threads: native threads.
            key_bits: CIPHERTEXTS: agreed bits of n.
            session_id: CIPHERTEXTS: 64 hex digits that the key's proof is bound to.
        """
        self._stage, self._sizes, self._threads = stage, sizes, threads
        self._key_bits, self._session_id = key_bits, session_id
        self._head = b""
        self._previous: bytes | None = None
        self._pieces: list[Bytes] = []

    def add(self, seq: int, rows: Bytes) -> None:
        """Take the records of the next chunk.

        Raises:
            HostileInput: NOT_ASCENDING or BAD_SHAPE.
        """
        if self._stage is AggregateStage.EVALUATED:
            self._pieces.append(rows)
        elif self._stage is AggregateStage.CIPHERTEXTS:
            self._read_key(rows)
        elif self._stage is AggregateStage.SENDER_ELEMENTS:
            self._previous = check_ascending(self._stage, seq, rows[:, :ELEMENT_BYTES], self._previous)
            self._pieces.append(rows)
        elif self._stage is AggregateStage.LATE_DROPS:
            self._previous = check_ascending(self._stage, seq, rows, self._previous)
            listed = self._sizes.stage(AggregateStage.SENDER_ELEMENTS).rows
            if (positions(rows) >= listed).any() or (positions(rows) < 0).any():
                raise HostileInput("BAD_SHAPE", f"stage 5 LATE_DROPS, chunk {seq}: names a row beyond the list")
        elif self._stage is AggregateStage.RESULTS and (rows[:, 0] > 1).any():
            raise HostileInput("BAD_SHAPE", f"stage 7 RESULTS, chunk {seq}: a flag is neither 0 nor 1")

    def finish(self, file: StageFile) -> None:
        """Check the lists as wholes.

        Raises:
            HostileInput: NOT_ASCENDING, REPEATED_ELEMENT, NON_CANONICAL_ELEMENT or IDENTITY_ELEMENT.
        """
        if not self._pieces:
            return
        elements = np.concatenate(self._pieces)
        if self._stage is AggregateStage.EVALUATED:
            psi.check_lists(self._stage, elements, grouped_part(self._sizes).elements(self._sizes.receiver.rows))
        if self._stage is AggregateStage.EVALUATED or elements.shape[1] > ELEMENT_BYTES:
            # Of one list's first elements the order has told it.
            psi.check_repeats(self._stage, elements)
        psi.check_elements(self._stage, elements, self._threads)

    def _read_key(self, rows: Bytes) -> None:
        """Check the key as soon as it is there: before the rows behind it are waited for, and before any charge."""
        grouped = grouped_part(self._sizes)
        needed = grouped.key_rows * grouped.row_bytes
        if len(self._head) < needed:
            self._head += rows.tobytes()
            if len(self._head) >= needed:
                read_key(self._head, grouped, self._key_bits, self._session_id)


def read_key(head: bytes, grouped: Grouped, bits: int, session_id: str) -> PublicKey:
    """Read S's key from the head of stage 4.

    Raises:
        HostileInput: BAD_CIPHERTEXT for a key or a proof that is none.
    """
    record, padding = head[: grouped.key_bytes], head[grouped.key_bytes : grouped.key_rows * grouped.row_bytes]
    if any(padding):
        raise HostileInput("BAD_CIPHERTEXT", "stage 4 CIPHERTEXTS, chunk 0: the key is not followed by zeros")
    return parse_key_record(record, bits, bytes.fromhex(session_id))


def grouped_part(sizes: Opening) -> Grouped:
    """Return what the opening record of an AGGREGATE or OVERLAP says beside the rows."""
    if sizes.grouped is None:
        raise Misuse("a session of rows reached the segments' route")
    return sizes.grouped


def positions(rows: Bytes) -> npt.NDArray[np.int64]:
    """Read rows of stage 5 as places in the sender's list."""
    return np.ascontiguousarray(rows).view(">u8").reshape(-1).astype(np.int64)
