"""What each stage of a session holds: sizes that follow from the opening record alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gateway.psi.bitmap import bitmap_bytes
from gateway.psi.suite import ELEMENT_BYTES
from gateway.route.session import AggregateStage, AnyStage, Stage, StageSize

COUNT_BYTES = 9  # u8 withheld || i64 c'_g
POSITION_BYTES = 8  # u64 row of stage 3
SUM_BYTES = 16  # i128 noisy sum of one lane
FLAG_BYTES = 1  # u8 withheld


@dataclass(frozen=True, slots=True)
class Grouped:
    """What the opening record says of an AGGREGATE or OVERLAP beside both sides' rows.

    Attributes:
        t: half the dummies per segment.
        dummies: agreed value, "LAPLACE" or "NONE"; noise likewise.
        to_receiver: whether R learns the result; to_sender: whether S does.
        scheme: e.g. "paillier-3072-short_exponent"; empty for OVERLAP, as what follows is zero then.
        layout: SHA-256 of the packing, hex.
        lanes: statistics per segment.
        ciphertexts: ciphertexts per row.
        ciphertext_bytes: bytes of one.
        key_bytes: bytes of the public key with its proof.
    """

    t: int
    dummies: str
    noise: str
    to_receiver: bool
    to_sender: bool
    scheme: str = ""
    layout: str = ""
    lanes: int = 0
    ciphertexts: int = 0
    ciphertext_bytes: int = 0
    key_bytes: int = 0

    def to_mapping(self) -> dict[str, object]:
        """Return the JSON-able form."""
        return asdict(self)

    @classmethod
    def from_mapping(cls, value: Mapping[str, Any]) -> Grouped:
        """Restore what `to_mapping` made; the record was built or rebuilt by us."""
        return cls(**value)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of ciphertexts."""
        return self.ciphertexts * self.ciphertext_bytes

    @property
    def key_rows(self) -> int:
        """Records of stage 4 that the key record takes."""
        return -(-self.key_bytes // self.row_bytes) if self.row_bytes else 0

    def count_rows(self, segments: int) -> int:
        """Records of stage 6 that the counts of all segments take."""
        return -(-segments * COUNT_BYTES // self.row_bytes) if self.row_bytes else segments

    def elements(self, rows: tuple[int, ...]) -> tuple[int, ...]:
        """Lengths of R's lists on the wire: each segment with its dummies."""
        return tuple(count + 2 * self.t for count in rows)


def row_stages(
    receiver_rows: int, sender_rows: int, tag_bytes: int, row_bytes: int, to_sender: bool = False
) -> tuple[StageSize, ...]:
    """Return the stages of MATCH and ENRICH; the last one only where S learns the matches, too."""
    stages = (
        StageSize(Stage.BLINDED, True, ELEMENT_BYTES, receiver_rows),
        StageSize(Stage.EVALUATED, False, ELEMENT_BYTES, receiver_rows, streamed=True),
        StageSize(Stage.TABLE, False, row_bytes, sender_rows),
        StageSize(Stage.LATE_DROPS, False, tag_bytes, sender_rows, open_ended=True, sealed=True),
    )
    matched = StageSize(Stage.MATCHED_TAGS, True, 1, bitmap_bytes(sender_rows), sealed=True)
    return (*stages, matched) if to_sender else stages


def grouped_stages(
    receiver_rows: tuple[int, ...], sender_rows: int, grouped: Grouped, keys: int = 1
) -> tuple[StageSize, ...]:
    """Return the stages of AGGREGATE and OVERLAP, by who learns the result.

    Args:
        receiver_rows: |X_g| per segment.
        sender_rows: |Y|.
        grouped: what the opening record says beside them.
        keys: match keys: a record has an element for each.
    """
    segments, width, elements = len(receiver_rows), grouped.row_bytes, keys * ELEMENT_BYTES
    theirs = sum(grouped.elements(receiver_rows))
    ours = sender_rows + 2 * grouped.t * segments
    stages = [
        StageSize(AggregateStage.BLINDED, True, elements, theirs),
        StageSize(AggregateStage.EVALUATED, False, elements, theirs),
        StageSize(AggregateStage.SENDER_ELEMENTS, False, elements, ours),
        StageSize(AggregateStage.LATE_DROPS, False, POSITION_BYTES, sender_rows, open_ended=True, sealed=True),
    ]
    if width:
        stages.insert(3, StageSize(AggregateStage.CIPHERTEXTS, False, width, grouped.key_rows + ours, streamed=True))
        masked = grouped.count_rows(segments) + segments
        stages.append(StageSize(AggregateStage.MASKED, True, width, masked, sealed=True))
        if grouped.to_receiver:
            result = FLAG_BYTES + width // 2
            stages.append(StageSize(AggregateStage.RESULTS, False, result, segments))
            if grouped.to_sender:
                shared = COUNT_BYTES + SUM_BYTES * grouped.lanes
                stages.append(StageSize(AggregateStage.SHARED_RELEASE, True, shared, segments, sealed=True))
    elif grouped.to_sender:
        stages.append(StageSize(AggregateStage.MASKED, True, COUNT_BYTES, segments, sealed=True))
    return tuple(stages)


def find(stages: tuple[StageSize, ...], stage: AnyStage) -> StageSize | None:
    """Return a stage of a session by its name; None when this session has none of it."""
    return next((size for size in stages if size.stage is stage), None)
