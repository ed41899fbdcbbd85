"""Which certificate belongs to which partner: the pins of all accepted cards."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from cryptography import x509

from gateway.errors import AccessError, StateError
from gateway.flow.ports import Bells, Store
from gateway.route.party import Partner

BELL = "partners"
REFRESH_S = 2.0


class Directory:
    """Accepted partners by certificate pin, refreshed when a card is accepted."""

    def __init__(self, store: Store, bells: Bells, pin_of: Callable[[bytes], str]) -> None:
        """Look partners up in `store`; `pin_of` hashes a PEM certificate's public key."""
        self._store = store
        self._bells = bells
        self._pin_of = pin_of
        self._by_pin: dict[str, Partner] = {}

    async def refresh(self) -> None:
        """Read the accepted cards again."""
        async with self._store.read() as tx:
            partners = await tx.partners.list()
        self._by_pin = {pin: partner for partner in partners for pin in partner.card.pins}

    async def follow(self) -> None:
        """Refresh for ever, at every ring and every two seconds."""
        while True:
            try:
                await self.refresh()
            except StateError as error:
                # The cards read before stay good; a card accepted meanwhile waits for the next look.
                structlog.get_logger().warning("partners_not_read", reason=error.reason)
            await self._bells.wait(BELL, REFRESH_S)

    def anchors(self) -> bytes:
        """Return the PEM certificates of all partners, which the TLS handshake accepts."""
        found = {pem for partner in self._by_pin.values() for pem in partner.card.trust}
        return "".join(sorted(found)).encode()

    def identify(self, certificate: bytes) -> Partner:
        """Return the partner whose card pins this PEM certificate.

        Raises:
            AccessError: PEER_NOT_PINNED for an unknown key, or a SPIFFE name of another domain.
        """
        partner = self._by_pin.get(self._pin_of(certificate)) if certificate else None
        if partner is None:
            raise AccessError("PEER_NOT_PINNED", "no accepted card pins the caller's certificate")
        _check_spiffe(certificate, partner)
        return partner


def _check_spiffe(certificate: bytes, partner: Partner) -> None:
    """A SPIFFE name is optional; when there is one it must name this partner's gateway."""
    leaf = x509.load_pem_x509_certificate(certificate)
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    found = [uri for uri in names.get_values_for_type(x509.UniformResourceIdentifier) if uri.startswith("spiffe://")]
    if found and found != [f"spiffe://{partner.card.target_name}/gateway"]:
        raise AccessError("PEER_NOT_PINNED", "the certificate's SPIFFE name is not that of the pinned partner")
