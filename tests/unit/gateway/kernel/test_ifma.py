"""AVX-512 IFMA against the portable path, row for row, and its field against integers."""

from __future__ import annotations

import ctypes
import mmap
import random
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from gateway import kernel
from gateway.kernel._native import ffi, lib
from tests.isas import running_on
from tests.reference import ristretto255 as reference
from tests.unit.gateway.kernel.test_rfc9496 import BAD

POINTS = 10_000
SIZES = (*range(1, 18), 63, 64, 65, 511, 512, 513, 1000)
LANES = 8
L, P = reference.l, reference.p
SCALARS = {
    "1": 1,
    "2": 2,
    "l-1": L - 1,
    "l-2": L - 2,
    "(l-1)/2": (L - 1) // 2,
    "(l+1)/2": (L + 1) // 2,
    "2^252": 2**252,
    "random": random.Random(7).randrange(L),
}

Bytes = npt.NDArray[np.uint8]

pytestmark = pytest.mark.ifma


def scalar(value: int) -> kernel.Scalar:
    return kernel.Scalar.from_secret_bytes(value.to_bytes(32, "little"))


def uniform(rows: int, seed: int) -> Bytes:
    return np.random.default_rng(seed).integers(0, 256, (rows, 64), dtype=np.uint8)


def elements(rows: int, seed: int) -> Bytes:
    with running_on("portable"):
        return kernel.map_to_group(uniform(rows, seed), 2)


def inputs(rows: int) -> pa.Array:
    return pa.array([b"input %d" % i for i in range(rows)], pa.binary())


def both(call: Callable[[], Bytes]) -> tuple[Bytes, Bytes]:
    with running_on("ifma"):
        fast = call()
    with running_on("portable"):
        return fast, call()


def agree(call: Callable[[], Bytes]) -> None:
    fast, portable = both(call)
    wrong = np.flatnonzero((fast != portable).any(axis=1))
    assert fast.shape == portable.shape
    assert wrong.size == 0, f"{wrong.size} rows differ, the first is {wrong[0]}"


def refusal(call: Callable[[], object]) -> tuple[str, int]:
    try:
        call()
    except kernel.ElementRefused as refused:
        return refused.reason, refused.index
    except kernel.InputRefused as refused:
        return "identity", refused.row
    return "accepted", -1


def test_ten_thousand_points_agree() -> None:
    points, secret, words = elements(POINTS, 1), scalar(SCALARS["random"]), inputs(POINTS)
    agree(lambda: kernel.evaluate(points, secret, 2))
    agree(lambda: kernel.blind(words, secret, 2))
    agree(lambda: kernel.map_to_group(uniform(POINTS, 2), 2))
    agree(lambda: kernel.finalize_unblind(words, points, secret, 2))
    with running_on("ifma"):
        kernel.check_elements(points, 2)


@pytest.mark.parametrize("rows", SIZES)
def test_every_size_of_batch_agrees(rows: int) -> None:
    points, secret, words = elements(rows, rows), scalar(SCALARS["random"]), inputs(rows)
    agree(lambda: kernel.evaluate(points, secret, 1))
    agree(lambda: kernel.blind(words, secret, 1))
    agree(lambda: kernel.map_to_group(uniform(rows, rows), 1))
    agree(lambda: kernel.finalize_unblind(words, points, secret, 1))
    with running_on("ifma"):
        kernel.check_elements(points, 1)
        whole = kernel.evaluate(points, secret, 1)
        assert np.array_equal(whole, kernel.evaluate(points, secret, 3))


@pytest.mark.parametrize("value", SCALARS.values(), ids=SCALARS.keys())
def test_scalars_at_the_edges_agree(value: int) -> None:
    points, words = elements(17, 3), inputs(17)
    agree(lambda: kernel.evaluate(points, scalar(value), 1))
    agree(lambda: kernel.blind(words, scalar(value), 1))
    assert kernel.evaluate(points[:1], scalar(value), 1).tobytes() == reference.evaluate(points[0].tobytes(), value)


def test_two_hundred_random_scalars_agree() -> None:
    generator, points = random.Random(11), elements(9, 4)
    for _ in range(200):
        secret = scalar(generator.randrange(1, L))
        agree(lambda: kernel.evaluate(points, secret, 1))  # noqa: B023


@pytest.mark.parametrize("lane", range(LANES))
def test_every_bad_encoding_is_refused_in_every_lane(lane: int) -> None:
    secret = scalar(5)
    good = elements(40, 5)
    for at in (lane, 8 + lane, 32 + lane):
        points = good.copy()
        for fault, encoding in [*BAD, ("identity", bytes(32))]:
            points[at] = np.frombuffer(encoding, np.uint8)
            expected = ("IDENTITY_ELEMENT" if fault == "identity" else "NON_CANONICAL_ELEMENT", at)
            with running_on("ifma"):
                assert refusal(lambda: kernel.check_elements(points, 1)) == expected, encoding.hex()  # noqa: B023
                assert refusal(lambda: kernel.evaluate(points, secret, 1)) == expected  # noqa: B023


def test_the_first_of_several_refusals_is_the_same() -> None:
    generator, secret = random.Random(12), scalar(3)
    wrong = [bytes(32), *(encoding for _, encoding in BAD)]
    good = elements(600, 6)
    for _ in range(60):
        points = good.copy()
        for at in generator.sample(range(600), 3):
            points[at] = np.frombuffer(generator.choice(wrong), np.uint8)
        expected = []
        for name in ("ifma", "portable"):
            with running_on(name):
                expected.append(refusal(lambda: kernel.check_elements(points, 2)))  # noqa: B023
        with running_on("ifma"):
            expected.append(refusal(lambda: kernel.evaluate(points, secret, 2)))  # noqa: B023
        assert expected[0] == expected[1] == expected[2]
        assert expected[0][0] != "accepted"


def test_acceptance_of_arbitrary_strings_agrees() -> None:
    generator, accepted = random.Random(13), 0
    for _ in range(3_000):
        encoding = bytearray(generator.randbytes(32))
        encoding[31] &= 0x7F
        encoding[0] &= 0xFE
        row = np.frombuffer(bytes(encoding), np.uint8).reshape(1, 32)
        with running_on("ifma"):
            fast = refusal(lambda: kernel.check_elements(row, 1))  # noqa: B023
        with running_on("portable"):
            assert fast == refusal(lambda: kernel.check_elements(row, 1)), encoding.hex()  # noqa: B023
        accepted += fast[0] == "accepted"
    # l of the 2^254 even strings below 2^255 encode an element: 1 in 4.
    assert 600 < accepted < 900


def test_halves_that_map_to_the_identity_are_taken_and_only_their_sum_is_refused() -> None:
    # MAP(t) is the identity for t^2 = i d, since there v = 0 in RFC 9496 section 4.3.4.
    i_d = reference.SQRT_M1 * reference.D % P
    t = pow(i_d, (P + 3) // 8, P)
    t = t if t * t % P == i_d else t * reference.SQRT_M1 % P
    half = np.frombuffer(t.to_bytes(32, "little"), np.uint8)
    rows = uniform(24, 8)
    for lane in range(LANES):
        rows[lane, :32] = half
        rows[8 + lane, 32:] = half
    agree(lambda: kernel.map_to_group(rows, 1))
    for at in range(24):
        refused = rows.copy()
        refused[at] = np.concatenate([half, half])
        with running_on("ifma"):
            assert refusal(lambda: kernel.map_to_group(refused, 1)) == ("identity", at)  # noqa: B023


@pytest.mark.parametrize("lane", range(LANES))
def test_halves_that_cancel_are_refused(lane: int) -> None:
    """MAP(i/t) = -MAP(t): r becomes 1/r in RFC 9496 section 4.3.4."""
    generator = random.Random(20 + lane)
    t = generator.randrange(1, P)
    row = t.to_bytes(32, "little") + (reference.SQRT_M1 * pow(t, -1, P) % P).to_bytes(32, "little")
    for at in (lane, 16 + lane):
        rows = uniform(24, 12)
        rows[at] = np.frombuffer(row, np.uint8)
        for name in ("ifma", "portable"):
            with running_on(name):
                assert refusal(lambda: kernel.map_to_group(rows, 1)) == ("identity", at)  # noqa: B023


def row_of(integer: int) -> Bytes:
    return np.frombuffer(integer.to_bytes(32, "little"), np.uint8).reshape(1, 32)


def test_other_names_of_elements_are_refused() -> None:
    """p + s would name what p - s does, and so would an element with bit 255, were it not for the canonical check."""
    names = [int.from_bytes(element.tobytes(), "little") for element in elements(64, 9)]
    below_p = [P - s for s in range(1, 19, 2)]
    with running_on("ifma"):
        accepted = [name for name in below_p if refusal(lambda: kernel.check_elements(row_of(name), 1))[1] < 0]  # noqa: B023
        assert accepted
        others = [2 * P - name for name in below_p]
        for name in names:
            others += [name | 1 << 255, P - name]
        for name in others:
            assert refusal(lambda: kernel.check_elements(row_of(name), 1)) == ("NON_CANONICAL_ELEMENT", 0)  # noqa: B023


def guarded(rows: int, width: int) -> Bytes:
    """Rows that end where no access is allowed."""
    pages = -(-rows * width // mmap.PAGESIZE)
    memory = mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE)
    guard = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + pages * mmap.PAGESIZE
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(guard), ctypes.c_size_t(mmap.PAGESIZE), 0) == 0
    end = pages * mmap.PAGESIZE
    return np.frombuffer(memory, np.uint8)[end - rows * width : end].reshape(rows, width)


@pytest.mark.parametrize("rows", [1, 7, 9, 33, 63, 513])
def test_a_batch_touches_its_rows_and_nothing_behind_them(rows: int) -> None:
    """A wrong access ends the run with a segmentation fault."""
    points, halves, out, row = guarded(rows, 32), guarded(rows, 64), guarded(rows, 32), ffi.new("uint64_t *")
    points[:], halves[:] = elements(rows, 10), uniform(rows, 10)
    secret = scalar(SCALARS["random"])
    with running_on("ifma"):
        kernel.check_elements(points, 1)
        written = ffi.from_buffer("uint8_t[]", out.data, require_writable=True)
        read = ffi.from_buffer("uint8_t[]", points.data)
        assert lib.assent_evaluate(read, rows, secret._native(), 1, written, row) == lib.ASSENT_OK
        assert np.array_equal(out, kernel.evaluate(points, secret, 1))
        read = ffi.from_buffer("uint8_t[]", halves.data)
        assert lib.assent_map_to_group(read, rows, 1, written, row) == lib.ASSENT_OK
        assert np.array_equal(out, kernel.map_to_group(halves, 1))


def test_it_is_the_other_path_that_runs() -> None:
    """Were both the portable one, all of this would compare it with itself. The factor is about ten."""
    points, secret = elements(1024, 11), scalar(SCALARS["random"])
    mapped, words = uniform(1024, 11), inputs(1024)
    for call in (
        lambda: kernel.evaluate(points, secret, 1),
        lambda: kernel.blind(words, secret, 1),
        lambda: kernel.map_to_group(mapped, 1),
        lambda: kernel.check_elements(points, 1),
    ):
        seconds = {}
        for name in ("ifma", "portable"):
            with running_on(name):
                turns = []
                for _ in range(5):
                    began = time.thread_time()
                    call()
                    turns.append(time.thread_time() - began)
            seconds[name] = min(turns)
        assert 2 * seconds["ifma"] < seconds["portable"], seconds


# ---- the field ------------------------------------------------------------------------------------------------------

MULTIPLY, SQUARE, CARRY, SUBTRACT_COLUMNS, SUBTRACT, CANONICAL, FLAGS = range(7)
TWICE, TWICE_TO_ADD, PLUS, ADD_CACHED = 10, 20, 30, 40
LIMBS = (0, 1, 2, 18, 19, 607, 608, 2**51 - 1, 2**51, 2**52 - 608, 2**52 - 19, 2**52 - 2, 2**52 - 1)
TOP_LIMBS = (0, 1, 2**46, 2**47 - 1, 2**47, 2**47 + 2**11 - 1)  # native/src/ifma/field.h, Field
LARGEST = [2**52 - 1] * 4 + [2**47 + 2**11 - 1]
BELOW_2_255 = [2**52 - 1] * 4 + [2**47 - 1]
COLUMNS = (0, 1, 2**52 - 1, 2**52, 2**56, 2**58 - 2**52, 2**58 - 1)
BIAS = (2**56 - 9728, *(2**56 - 16,) * 4)


def value(limbs: list[int]) -> int:
    return sum(limb << (52 * i) for i, limb in enumerate(limbs))


def field(operation: int, a: list[list[int]], b: list[list[int]]) -> list[list[int]]:
    """One operation on eight elements; only the low 52 bits of the lower limbs of a result count."""
    first, second = (np.ascontiguousarray(np.array(x, np.uint64).T) for x in (a, b))
    result = np.empty((5, LANES), np.uint64)
    views = [ffi.from_buffer("uint64_t[]", x.data) for x in (first, second)]
    views.append(ffi.from_buffer("uint64_t[]", result.data, require_writable=True))
    assert lib.assent_ifma_field(operation, *views) == lib.ASSENT_OK
    result[:4] &= np.uint64(2**52 - 1)
    return [[int(limb) for limb in lane] for lane in result.T]


def elements_at_the_edges(generator: random.Random) -> list[list[int]]:
    def limb(edges: tuple[int, ...], bits: int) -> int:
        return generator.choice(edges) if generator.random() < 0.8 else generator.getrandbits(bits)

    return [[*(limb(LIMBS, 52) for _ in range(4)), limb(TOP_LIMBS, 47)] for _ in range(LANES)]


def test_products_of_extreme_limbs_are_those_of_integers() -> None:
    generator = random.Random(14)
    largest = [LARGEST] * LANES
    cases = [(elements_at_the_edges(generator), elements_at_the_edges(generator)) for _ in range(2_000)]
    for a, b in [(largest, largest), *cases]:
        for operation, expected in (
            (MULTIPLY, [value(x) * value(y) for x, y in zip(a, b, strict=True)]),
            (SQUARE, [value(x) ** 2 for x in a]),
        ):
            for result, integer in zip(field(operation, a, b), expected, strict=True):
                assert (value(result) - integer) % P == 0
                assert result[4] < 2**47 + 2**11


def test_what_stands_above_52_bits_of_a_limb_is_ignored() -> None:
    generator = random.Random(15)
    for _ in range(200):
        a, b = elements_at_the_edges(generator), elements_at_the_edges(generator)
        dirty = [[*(x | generator.getrandbits(6) << 52 for x in lane[:4]), lane[4]] for lane in a]
        assert field(MULTIPLY, dirty, b) == field(MULTIPLY, a, b) == field(MULTIPLY, b, dirty)
        assert field(SQUARE, dirty, b) == field(SQUARE, a, b)


def test_carries_of_extreme_columns_are_exact() -> None:
    generator = random.Random(16)
    for _ in range(1_000):
        columns = [[generator.choice((*COLUMNS, generator.getrandbits(58))) for _ in range(5)] for _ in range(LANES)]
        for lane, result in zip(columns, field(CARRY, columns, columns), strict=True):
            assert (value(result) - value(lane)) % P == 0
            assert result[4] < 2**47 + 2**11


def test_differences_never_fall_below_zero() -> None:
    assert value(list(BIAS)) % P == 0
    generator = random.Random(17)
    for _ in range(500):
        a = [[bias + generator.choice((0, 10 * 2**52 + 2**11)) for bias in BIAS] for _ in range(LANES)]
        b = [[generator.choice((0, 10 * 2**52 + 2**11)) for _ in range(5)] for _ in range(LANES)]
        for x, y, result in zip(a, b, field(SUBTRACT_COLUMNS, a, b), strict=True):
            assert (value(result) - value(x) + value(y)) % P == 0


def limbs(integer: int) -> list[int]:
    return [*(integer >> 52 * i & 2**52 - 1 for i in range(4)), integer >> 208]


# Every integer from which p is subtracted or not by one, and every one that a carry can leave above p.
AROUND_P = (
    *(0, 1, 2, 18, 19, 20, 2**51, 2**52 - 19, 2**52 - 1, 2**52, 2**208 - 1, P - 2**208, P - 2**52, P - 2, P - 1),
    *range(P, P + 22),
    *(2**255 + 2**52 - 1, 2**255 + 2**208 - 1, value(LARGEST) - 1, value(LARGEST)),
)


def test_residues_signs_and_zeros_are_of_the_canonical_residue() -> None:
    """A carry leaves zero as p and as 0, and some residues below 2^219 above 2^255."""
    for start in range(0, len(AROUND_P), LANES):
        integers = (AROUND_P[start:] + AROUND_P)[:LANES]
        for other in (0, 1, P - 1, P + 1, 2**255 + 18):
            a, b = [limbs(integer) for integer in integers], [limbs(other)] * LANES
            assert [value(lane) for lane in field(CANONICAL, a, b)] == [integer % P for integer in integers]
            expected = [[integer % P == 0, integer % P % 2, (integer - other) % P == 0, 0, 0] for integer in integers]
            assert field(FLAGS, a, b) == expected
            difference = field(SUBTRACT, a, b)
            assert [value(lane) % P for lane in difference] == [(integer - other) % P for integer in integers]


def corners(generator: random.Random) -> list[list[int]]:
    """Each lane as small or as large as a carried element can be, or with limbs at their edges."""
    edges = elements_at_the_edges(generator)
    return [generator.choice(([0] * 5, LARGEST, BELOW_2_255, edge)) for edge in edges]


def doubled(x: int, y: int) -> list[int]:
    """X, Y, Z, T of 2 (X, Y, Z) for Z = X, in the formulas of native/src/ifma/edwards.h."""
    e, g, h = 2 * x * y, y * y - x * x, y * y + x * x
    f = 2 * x * x - g
    return [e * f, g * h, f * g, e * h]


def sum_of(a: int, b: int, c: int, d: int) -> list[int]:
    """X, Y, Z, T of a sum, from the four products of native/src/ifma/edwards.h."""
    e, f, g, h = b - a, d - c, d + c, b + a
    return [e * f, g * h, f * g, e * h]


def test_formulas_at_extreme_limbs_are_those_of_integers() -> None:
    """The pipeline adds and subtracts uncarried columns; random points never come near the largest of them."""
    generator = random.Random(18)
    ends = ([0] * 5, LARGEST, BELOW_2_255)
    fixed = [([x] * LANES, [y] * LANES) for x in ends for y in ends]
    for a, b in [*fixed, *((corners(generator), corners(generator)) for _ in range(300))]:
        expected: dict[int, list[list[int]]] = {TWICE: [], TWICE_TO_ADD: [], PLUS: [], ADD_CACHED: []}
        for lane, (x, y) in enumerate((value(p), value(q)) for p, q in zip(a, b, strict=True)):
            expected[TWICE].append(doubled(x, y)[:3])
            x2, y2, z2, t2 = doubled(x, y)
            expected[TWICE_TO_ADD].append([x2, y2, z2, t2])
            if lane % 2 == 0:
                expected[PLUS].append(sum_of((y * y - x * x) * y, (y * y + x * x) * x, y * y, x * x))
            else:
                expected[PLUS].append(sum_of((y * y - x * x) * x, (y * y + x * x) * y, -y * y, x * x))
            x3, y3, z3, t3 = sum_of(y * y, x * x, y * y, x * x)
            expected[ADD_CACHED].append([y3 + x3, y3 - x3, 2 * z3, 2 * reference.D * t3, z3, t3])
        for operation, rows in expected.items():
            for coordinate in range(len(rows[0])):
                results = field(operation + coordinate, a, b)
                for lane, result in enumerate(results):
                    assert (value(result) - rows[lane][coordinate]) % P == 0, (operation, coordinate, lane)
                    assert result[4] < 2**47 + 2**11
