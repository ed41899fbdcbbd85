"""The keys of a home in memory: they sign, and are not given out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from gateway.agreement.card import read_card_file
from gateway.errors import HostileInput, RequestError
from gateway.keys import folder
from gateway.keys.certificate import certificate_end, spki_pin
from gateway.keys.signer import FOLDER, CheckpointSigner
from gateway.route.canonical import record_message
from gateway.route.party import SignedCard
from gateway.tlog.checkpoint import Checkpoint, SignedCheckpoint
from gateway.tlog.cosignature import cosign, witness_key
from gateway.tlog.note import parse_vkey


@dataclass(frozen=True, slots=True)
class TlsMaterial:
    """What a gRPC port must be handed.

    Attributes:
        certificate: PEM chain, leaf first.
        key: PKCS8 PEM; not shown.
    """

    certificate: bytes
    key: bytes = field(repr=False)


class HomeKeys:
    """KeyCustody over the key folder of a home."""

    __slots__ = ("_agreement_key", "_card", "_local_key", "_log_key", "_signer", "_tls")

    def __init__(
        self,
        card: SignedCard,
        agreement_key: Ed25519PrivateKey,
        log_key: Ed25519PrivateKey,
        local_key: bytes,
        tls: TlsMaterial,
        signer: Path,
    ) -> None:
        """Take keys that belong together; `load` checks that they do."""
        self._card = card
        self._agreement_key = agreement_key
        self._log_key = log_key
        self._local_key = local_key
        self._tls = tls
        self._signer = CheckpointSigner(signer, parse_vkey(card.card.log_vkey), lambda text: self.sign_log(text))

    @classmethod
    def load(cls, home: Path, signer: Path | None = None) -> HomeKeys:
        """Read the key folder and check that card, keys and certificate belong together.

        Args:
            home: of which the folder `keys` is read.
            signer: folder of the log's signer; by default the home's own.

        Raises:
            StateError: NOT_FOUND for a missing file.
            RequestError: BAD_FIELD for a file that others can read, is malformed
                or does not belong to the card.
        """
        agreement_key = folder.read_ed25519(home, folder.AGREEMENT_KEY)
        log_key = folder.read_ed25519(home, folder.LOG_KEY)
        local_key = folder.read_octets(home, folder.LOCAL_KEY)
        tls = TlsMaterial(folder.read_public(home, folder.TLS_CERTIFICATE), folder.read_private(home, folder.TLS_KEY))
        try:
            signed = read_card_file(folder.read_public(home, folder.CARD))
            pin = spki_pin(tls.certificate)
        except HostileInput as error:
            raise RequestError(
                "BAD_FIELD", f"a file of {folder.FOLDER}/ is damaged: {error.message}; restore it from a backup"
            ) from error
        for file, belongs in (
            (folder.AGREEMENT_KEY, agreement_key.public_key().public_bytes_raw() == signed.card.agreement_key),
            (folder.LOG_KEY, log_key.public_key().public_bytes_raw() == parse_vkey(signed.card.log_vkey).public_key),
            (folder.TLS_CERTIFICATE, pin in signed.card.pins),
            (folder.TLS_KEY, _pin_of_key(tls.key) == pin),
        ):
            if not belongs:
                raise RequestError(
                    "BAD_FIELD",
                    f"{folder.FOLDER}/{file} is not the one that {folder.CARD} names; restore both from one backup",
                )
        return cls(signed, agreement_key, log_key, local_key, tls, signer or home / FOLDER)

    @property
    def party(self) -> str:
        """Our party id."""
        return self._card.card.party

    @property
    def tls(self) -> TlsMaterial:
        """The certificate and key of both ports."""
        return self._tls

    def own_card(self) -> SignedCard:
        """Return our signed card."""
        return self._card

    def sign_record(self, kind: str, record: bytes) -> bytes:
        r"""Sign "assent <kind> v1\n" || record with the agreement key (64 bytes)."""
        return self._agreement_key.sign(record_message(kind, record))

    def sign_log(self, note_text: bytes) -> bytes:
        """Sign with the log key (64 bytes): for the signer and the witness alone, no port has it."""
        return self._log_key.sign(note_text)

    @property
    def signer(self) -> CheckpointSigner:
        """The log's signer."""
        return self._signer

    def last_checkpoint(self) -> SignedCheckpoint | None:
        """Return the last checkpoint that was signed."""
        return self._signer.last()

    def sign_checkpoint(self, head: Checkpoint, proof: Sequence[bytes]) -> bytes:
        """Sign a checkpoint that continues the last one and remember it."""
        return self._signer.sign(head, proof)

    def stop_signing(self, contradiction: bytes) -> None:
        """Sign nothing more, for a note under our own key that our log does not continue."""
        self._signer.stop(contradiction)

    def cosign(self, note_text: str, time: int) -> str:
        """Return our signature line as a witness over a partner's checkpoint."""
        return cosign(note_text, witness_key(self._card.card), time, self.sign_log)

    def log_vkey(self) -> str:
        """Return the C2SP verifier key of our log."""
        return self._card.card.log_vkey

    def certificate_end(self, pem: str = "") -> datetime:
        """Return when a certificate ends: ours of both ports, or the first of a PEM text."""
        return certificate_end(pem or self._tls.certificate)

    def subject_key(self) -> bytes:
        """Return the local key of subject_ref (32 bytes)."""
        return self._local_key


def _pin_of_key(pem: bytes) -> str:
    """Return the pin of the certificate that belongs to a private key."""
    try:
        public = load_pem_private_key(pem, password=None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise RequestError(
            "BAD_FIELD", f"{folder.FOLDER}/{folder.TLS_KEY} is not an unencrypted PEM key; restore it from a backup"
        ) from error
    return hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
