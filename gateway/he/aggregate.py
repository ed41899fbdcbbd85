"""Sums per segment under encryption, and their way back: the steps of AGGREGATE that touch ciphertexts.

Functions that need a key run in a spawned process, which `setup_owner` (S) or `setup_public` (R) prepared; the others
are plain. Blocks are cut by rows (encrypt_rows, select) or by segments (finish, open_masked) to share the work.

R's privacy: what `finish` returns with a uniform mask is a uniform unit modulo n^2, whatever rows were selected and
whatever ciphertexts S made, since gcd(n, phi(n)) = 1 is proved and every ciphertext is a unit. S's privacy is that of
Paillier (DCR; see `encryptor`). Not protected: a modified R may weigh rows as it likes, a modified S may encrypt what
it likes.

Source: protocols.md section 4, steps 4 to 7; Ion et al., "On Deploying Secure Computing: Private Intersection-Sum-with-
Cardinality", EuroS&P 2020.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence

import gmpy2
import numpy as np
import numpy.typing as npt

from gateway.errors import Misuse
from gateway.he.ciphertext import Bytes, checked_integers, to_block, to_integers
from gateway.he.encryptor import Encryptor, check_mode
from gateway.he.paillier import PrivateKey, PublicKey, encrypt_public, generate
from gateway.he.proof import key_record
from gateway.route.aggregate import EncryptedAggregate

Addends = list[list[int]]
"""Per segment and ciphertext one integer, added to the plaintext modulo n."""

_owner: tuple[PrivateKey, str] | None = None
_encryptor: Encryptor | None = None
_public: PublicKey | None = None


def setup_nothing() -> None:
    """Prepare a process that is given its key with the call."""


def key_head(secret: bytes, bits: int, session_id: bytes) -> tuple[bytes, bytes]:
    """S, step 4: make the session's key, or take the one made before, and prove it.

    Args:
        secret: `PrivateKey.to_secret_bytes`; empty for a new key.
        bits: of n.
        session_id: 32 bytes that the proof is bound to.

    Returns:
        The secret, to be sealed before anything is encrypted under it, and the key record.
    """
    private = PrivateKey.from_secret_bytes(secret) if secret else generate(bits)
    return private.to_secret_bytes(), key_record(private, session_id)


def setup_owner(secret: bytes, mode: str) -> None:
    """Install S's key in this process.

    Args:
        secret: `PrivateKey.to_secret_bytes`.
        mode: "exact" or "short_exponent".
    """
    global _owner, _encryptor
    check_mode(mode)
    _owner, _encryptor = (PrivateKey.from_secret_bytes(secret), mode), None


def setup_public(n: bytes, bits: int) -> None:
    """Install S's public key in R's process: n of a record that `proof.parse_key_record` accepted, big-endian."""
    global _public
    _public = PublicKey(bits, int.from_bytes(n, "big"))


def encrypt_rows(plaintexts: Bytes) -> Bytes:
    """S, step 4: encrypt packed rows (n, C, plaintext bytes) in order, as (n, C, ciphertext bytes)."""
    global _encryptor
    if _encryptor is None:
        # Half a second of tables, which a process that only decrypts does without.
        _encryptor = Encryptor(*_owner_key())
    return _encryptor.encrypt(plaintexts)


def select(ciphertexts: Bytes, segment_of: npt.NDArray[np.int64], segments: int, first_row: int = 0) -> Bytes:
    """R, step 5: check every ciphertext and multiply those of each segment.

    Args:
        ciphertexts: (n, C, ciphertext bytes), a run of stage CIPHERTEXTS.
        segment_of: (n,) segment of each row, -1 for none: R's secret.
        segments: G.
        first_row: number of the first row in its stage, for words.

    Returns:
        (G, C, ciphertext bytes): products modulo n^2, 1 where no row lies. Never to be sent: S would recognise its
        own randomisers in them.

    Raises:
        HostileInput: BAD_CIPHERTEXT, naming the row.
    """
    public = _public_key()
    rows, per_row = ciphertexts.shape[:2]
    if segment_of.shape != (rows,) or (rows and not -1 <= segment_of.min() <= segment_of.max() < segments):
        raise Misuse(f"{rows} rows need a segment from -1 to {segments - 1} each")
    integers = checked_integers(public, ciphertexts, lambda row: f"stage CIPHERTEXTS, row {first_row + row}")
    n_squared = public.n_squared
    # Rows of no segment are multiplied too, into a product thrown away: the time says nothing of how many match.
    products = [gmpy2.mpz(1)] * ((segments + 1) * per_row)
    for row, segment in enumerate(np.where(segment_of < 0, segments, segment_of).tolist()):
        start = segment * per_row
        for place in range(per_row):
            products[start + place] = products[start + place] * integers[row * per_row + place] % n_squared
    return to_block(products[: segments * per_row], (segments, per_row), public.ciphertext_bytes)


def combine(partials: Sequence[Bytes]) -> Bytes:
    """R: multiply the products of several runs of rows, (G, C, ciphertext bytes) each."""
    public = _public_key()
    n_squared = public.n_squared
    first, *others = partials
    products = to_integers(first)
    for partial in others:
        if partial.shape != first.shape:
            raise Misuse("products of different shapes do not combine")
        products = [
            product * factor % n_squared for product, factor in zip(products, to_integers(partial), strict=True)
        ]
    return to_block(products, first.shape[:2], public.ciphertext_bytes)


def finish(products: Bytes, addends: Addends) -> EncryptedAggregate:
    """R, step 5: hide the selection: a fresh encryption of the addend, with a full r^n, times the product.

    Args:
        products: (G, C, ciphertext bytes).
        addends: masks of `draw_masks` where the figures go back to R; offsets and noise where S receives. Anything
            but a uniform mask lets S read product + addend.

    Returns:
        The answer; its bytes may be sent.
    """
    public = _public_key()
    _check_shape(products, addends)
    n_squared = public.n_squared
    hidden = (
        product * encrypt_public(public, addend) % n_squared
        for product, addend in zip(to_integers(products), _flat(addends), strict=True)
    )
    return EncryptedAggregate(to_block(hidden, products.shape[:2], public.ciphertext_bytes))


def gather(parts: Sequence[EncryptedAggregate]) -> EncryptedAggregate:
    """R: put the segments that several processes finished in one answer, in order."""
    return EncryptedAggregate(np.concatenate([part.ciphertexts for part in parts]))


def open_masked(ciphertexts: Bytes, addends: Addends | None, first_segment: int = 0) -> Bytes:
    """S, step 6: decrypt R's one batch and add S's noise.

    Args:
        ciphertexts: (G, C, ciphertext bytes) as they came.
        addends: noise of `encoding.pack_noise` per segment; None where S only reads what R noised.
        first_segment: number of the first segment, for words.

    Returns:
        (G, C, plaintext bytes): plaintext + addend modulo n.

    Raises:
        HostileInput: BAD_CIPHERTEXT, naming the segment.
    """
    private = _owner_key()[0]
    public = private.public
    if addends is not None:
        _check_shape(ciphertexts, addends)
    segments, per_row = ciphertexts.shape[:2]
    where = "stage MASKED, segment"
    integers = checked_integers(public, ciphertexts, lambda segment: f"{where} {first_segment + segment}")
    noise = _flat(addends) if addends is not None else [0] * len(integers)
    opened = ((private.decrypt(one) + more) % public.n for one, more in zip(integers, noise, strict=True))
    return to_block(opened, (segments, per_row), public.plaintext_bytes)


def draw_masks(n: int, segments: int, per_row: int) -> Addends:
    """R: draw a mask per returned ciphertext, uniform modulo n by rejection, from the operating system's generator.

    A mask added modulo n is a one-time pad over the whole plaintext: use each once, keep them sealed, destroy at close.
    """
    return [[secrets.randbelow(n) for _ in range(per_row)] for _ in range(segments)]


def unmask(plaintexts: Bytes, masks: Addends, n: int) -> Bytes:
    """R, step 7: subtract the masks modulo n from (G, C, plaintext bytes)."""
    _check_shape(plaintexts, masks)
    bare = ((value - mask) % n for value, mask in zip(to_integers(plaintexts), _flat(masks), strict=True))
    return to_block(bare, plaintexts.shape[:2], plaintexts.shape[2])


def withhold(addends: Addends, withheld: Collection[int], n: int) -> Addends:
    """R, where S receives: replace the addends of segments that R's rule suppresses by uniform masks, kept nowhere.

    Args:
        addends: offsets and noise.
        withheld: indices of segments.
        n: the modulus.

    Returns:
        Addends of the same shape; what S decrypts of a withheld segment is uniform.
    """
    drawn = draw_masks(n, len(addends), len(addends[0]) if addends else 0)
    return [drawn[segment] if segment in withheld else kept for segment, kept in enumerate(addends)]


def withhold_results(plaintexts: Bytes, withheld: Collection[int], n: int) -> Bytes:
    """S, step 6: replace the results of segments that S's rule suppresses by uniform figures of the same size."""
    segments, per_row, width = plaintexts.shape
    drawn = to_block(_flat(draw_masks(n, segments, per_row)), (segments, per_row), width)
    chosen = np.isin(np.arange(segments), list(withheld))
    return np.where(chosen[:, None, None], drawn, plaintexts)


def _owner_key() -> tuple[PrivateKey, str]:
    if _owner is None:
        raise Misuse("this process holds no private key: setup_owner comes first")
    return _owner


def _public_key() -> PublicKey:
    if _public is None:
        raise Misuse("this process holds no public key: setup_public comes first")
    return _public


def _check_shape(block: Bytes, addends: Addends) -> None:
    if block.ndim != 3 or len(addends) != block.shape[0] or any(len(row) != block.shape[1] for row in addends):
        raise Misuse(f"{len(addends)} rows of addends do not fit a block of {block.shape}")


def _flat(addends: Addends) -> list[int]:
    return [value for row in addends for value in row]
