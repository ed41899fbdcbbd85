r"""Evidence that two officers open together: a data key in two shares, each sealed to one officer.

    u32 length || head (canonical JSON) || 12-byte nonce || AES-256-GCM ciphertext and tag
    head = {"hold", "pairs": [{"officers": [a, b], "shares": [..., ...]}, ...], "v": 1}

Every record has a data key of its own. For each pair of officers the key is split as key = share ^ other, with a fresh
random share: one share alone is independent of the key (a one-time pad), and so are all the shares of one officer.
Each share is sealed to its officer by HPKE, bound to hold, pair and officer. AAD is the head with its length.

Source: RFC 9180, mode base, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM; NIST SP 800-38D.
Security: 128 bits, classical (X25519); not against a quantum computer, should one come while the record is kept and a
copy of it and of the home's wrapping key was taken. Against one officer alone: unconditional.
Not protected: from two officers who agree; from whoever ran the gateway at the moment of sealing; from the loss of the
officers' keys, which nobody else can replace. Officers do not sign: who sealed is vouched for by the home's envelope.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from itertools import combinations

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.errors import HostileInput, RequestError, StateError
from gateway.route.canonical import canonical_bytes, parse_canonical

VERSION = 1
MOST_OFFICERS = 5

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_LENGTH_BYTES = 4


class OfficerSeal:
    """Seals to two to five officers, any two of whom can open.

    Args:
        keys: {officer's name, as in tokens: X25519 public key in base64}.

    Raises:
        RequestError: BAD_FIELD for too few or too many, one key twice, or what is no key.
    """

    __slots__ = ("_keys",)

    def __init__(self, keys: Mapping[str, str]) -> None:
        """See the class."""
        if not 2 <= len(keys) <= MOST_OFFICERS:
            raise RequestError("BAD_FIELD", f"evidence is sealed to 2 to {MOST_OFFICERS} officers, of whom two open it")
        self._keys = {name: _public_key(name, text) for name, text in sorted(keys.items())}
        if len({key.public_bytes_raw() for key in self._keys.values()}) < len(keys):
            raise RequestError(
                "BAD_FIELD", "two officers of [rights.evidence_officers] have one key; each needs an own"
            )

    @property
    def officers(self) -> tuple[str, ...]:
        """Return who can open, any two of them."""
        return tuple(self._keys)

    def seal(self, hold_id: str, clear: bytes) -> bytes:
        """Return a record that any two of the officers open together.

        Args:
            hold_id: whose record it is; needed again to open.
            clear: less than 2^31 bytes.
        """
        key = secrets.token_bytes(_KEY_BYTES)
        pairs = []
        for pair in combinations(self._keys, 2):
            share = secrets.token_bytes(_KEY_BYTES)
            shares = [
                _SUITE.encrypt(part, self._keys[officer], _bound(hold_id, pair, officer))
                for officer, part in zip(pair, (share, _xor(share, key)), strict=True)
            ]
            pairs.append({"officers": list(pair), "shares": [base64.b64encode(one).decode() for one in shares]})
        head = canonical_bytes({"hold": hold_id, "pairs": pairs, "v": VERSION})
        framed = len(head).to_bytes(_LENGTH_BYTES, "big") + head
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return framed + nonce + AESGCM(key).encrypt(nonce, clear, framed)


def open_record(hold_id: str, sealed: bytes, keys: Mapping[str, X25519PrivateKey]) -> bytes:
    """Open a record with the keys of two officers.

    Args:
        hold_id: whose record it is.
        sealed: by `OfficerSeal.seal`.
        keys: {officer: private key} of the two.

    Raises:
        RequestError: BAD_FIELD when a key is not the one that the record was sealed to.
        StateError: NOT_FOUND when the record is damaged, of another hold, or not sealed to these two.
    """
    start = _LENGTH_BYTES + int.from_bytes(sealed[:_LENGTH_BYTES], "big")
    framed, nonce = sealed[:start], sealed[start : start + _NONCE_BYTES]
    if len(sealed) < start + _NONCE_BYTES + _TAG_BYTES:
        raise _damaged()
    shares = _shares(hold_id, framed[_LENGTH_BYTES:], keys)
    parts = []
    for officer, (pair, share) in shares.items():
        try:
            parts.append(_SUITE.decrypt(share, keys[officer], _bound(hold_id, pair, officer)))
        except (InvalidTag, ValueError) as error:
            raise RequestError(
                "BAD_FIELD", f"the key given for officer {officer} does not open this evidence; give that officer's key"
            ) from error
    try:
        return AESGCM(_xor(parts[0], parts[1])).decrypt(nonce, memoryview(sealed)[start + _NONCE_BYTES :], framed)
    except (InvalidTag, ValueError) as error:
        raise _damaged() from error


def _shares(
    hold_id: str, head: bytes, keys: Mapping[str, X25519PrivateKey]
) -> dict[str, tuple[tuple[str, str], bytes]]:
    """Return {officer: (pair, sealed share)} of the pair whose keys are given."""
    try:
        record = parse_canonical(head)
        if record["v"] != VERSION or record["hold"] != hold_id:
            raise _damaged()
        for entry in record["pairs"]:
            one, other = entry["officers"]
            if {one, other} == set(keys):
                decoded = [base64.b64decode(text, validate=True) for text in entry["shares"]]
                return {name: ((one, other), share) for name, share in zip((one, other), decoded, strict=True)}
    except (HostileInput, KeyError, TypeError, ValueError) as error:
        raise _damaged() from error
    raise StateError("NOT_FOUND", "the evidence was not sealed to these two officers; see who can open it")


def new_key(passphrase: str) -> tuple[bytes, str]:
    """Make an officer's key.

    Args:
        passphrase: under which the private key is stored, at least 12 characters.

    Returns:
        The private key as encrypted PKCS8 PEM, and the public key in base64.

    Raises:
        RequestError: BAD_FIELD for a shorter passphrase.
    """
    if len(passphrase) < 12:
        raise RequestError("BAD_FIELD", "an officer's key needs a passphrase of at least 12 characters")
    key = X25519PrivateKey.generate()
    locked = BestAvailableEncryption(passphrase.encode())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
    return pem, base64.b64encode(key.public_key().public_bytes_raw()).decode()


def read_key(pem: bytes, passphrase: str) -> X25519PrivateKey:
    """Read what `new_key` made.

    Raises:
        RequestError: BAD_FIELD for a wrong passphrase or another kind of file.
    """
    try:
        key = load_pem_private_key(pem, passphrase.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise RequestError("BAD_FIELD", "an officer's key cannot be read: wrong passphrase, or no such key") from error
    if not isinstance(key, X25519PrivateKey):
        raise RequestError("BAD_FIELD", "a file given as an officer's key holds another kind of key")
    return key


def _public_key(officer: str, text: str) -> X25519PublicKey:
    try:
        key = X25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
        X25519PrivateKey.generate().exchange(key)  # refuses points of low order, to which nothing can be sealed
    except ValueError as error:
        raise RequestError(
            "BAD_FIELD",
            f"[rights.evidence_officers] of {officer} is no X25519 key; make one with `assent evidence key`",
        ) from error
    return key


def _bound(hold_id: str, pair: tuple[str, str], officer: str) -> bytes:
    return b"assent evidence share v1\n" + canonical_bytes({"hold": hold_id, "officers": list(pair), "to": officer})


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _damaged() -> StateError:
    return StateError("NOT_FOUND", "the evidence is damaged or belongs to another hold; restore it from a backup")
