"""Statistics per segment on their way: what is packed where, what matched, what came back."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from gateway.route.agreement import Statistic


@dataclass(frozen=True, slots=True)
class Lane:
    """One statistic's place in the packed plaintext of a row, and later of a segment's sum.

    A row holds `value + offset`, never negative; a sum is read back as a signed number of `width` bits.

    Attributes:
        column: agreed column.
        statistic: what is summed: the value, its square, its presence, or whether it is `value`.
        value: SHARE: the word counted; else None.
        ciphertext: index of the ciphertext of a row that holds the lane.
        shift: lowest bit of the lane in that plaintext; a multiple of 8.
        width: bits, a multiple of 8.
        offset: added to every row, also of dummies.
        scale: decimal digits of the integer that is summed.
        bound: most that one person changes the sum by, in those integers (the sensitivity).
        epsilon: privacy loss of the lane's noise; 0 = exact.
    """

    column: str
    statistic: Statistic
    value: str | None
    ciphertext: int
    shift: int
    width: int
    offset: int
    scale: int
    bound: int
    epsilon: Decimal


@dataclass(frozen=True, slots=True)
class Layout:
    """How the asked statistics are packed; both sides compute the same from agreement and sizes.

    Attributes:
        lanes: in the order of the request's columns.
        ciphertexts: ciphertexts per row.
        key_bits: bits of n; a plaintext has key_bits / 8 bytes, a ciphertext twice that.
    """

    lanes: tuple[Lane, ...]
    ciphertexts: int
    key_bits: int

    @property
    def plaintext_bytes(self) -> int:
        """Bytes of one plaintext, big-endian."""
        return self.key_bits // 8

    @property
    def ciphertext_bytes(self) -> int:
        """Bytes of one ciphertext, big-endian."""
        return self.key_bits // 4


@dataclass(frozen=True, slots=True, repr=False)
class MatchedSegments:
    """Which of S's rows lie in which of R's segments. Made by psi only; in R's process only.

    Attributes:
        segment_of: per row of stage 3, in its order, the segment's index or -1: (rows,) int64.
        sizes: |X_g| per segment.
    """

    segment_of: npt.NDArray[np.int64]
    sizes: tuple[int, ...]

    def __repr__(self) -> str:
        """Show no row."""
        return f"MatchedSegments({len(self.sizes)} segments)"


@dataclass(frozen=True, slots=True)
class EncryptedAggregate:
    """R's answer per segment: sums that are masked (or noised, for S alone) and re-randomised. Made by he only.

    Attributes:
        ciphertexts: (G, ciphertexts per row, ciphertext bytes).
    """

    ciphertexts: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, repr=False)
class SegmentSums:
    """One segment after decryption: figures with their noise, before any policy.

    Attributes:
        size: |X_g|, known to both.
        count: people found: |J_g| - t for the receiver, c'_g - t for the sender
        tested: c'_g - t, which alone decides about suppression.
        sums: per lane, the noisy sum in the lane's integers; None when a side withheld the segment.
    """

    size: int
    count: int
    tested: int
    sums: tuple[int, ...] | None

    def __repr__(self) -> str:
        """Show no figure: they may still be suppressed."""
        return "SegmentSums(...)"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """All segments of a run as one party knows them, for `disclosure` to decide about. Made by psi only."""

    segments: tuple[SegmentSums, ...]
