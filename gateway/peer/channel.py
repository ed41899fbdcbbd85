"""Channels to partners: mutual TLS that trusts only the certificates of that partner's card.

A grpc.aio client cannot read the server's certificate, so nothing but the partner's
own anchors is trusted on its channel, and what matters is signed besides.
"""

from __future__ import annotations

import grpc
import grpc.aio

from gateway.route.party import PartyCard

MAX_MESSAGE_BYTES = 2 * 1024 * 1024

# How patient we are with partners, all of it. A stream has no deadline, because it lasts as long as the data: a partner
# that is stopped or cut off in mid-stream shows by its missing pong. The run then waits and dials again (flow/run.py).
UNARY_DEADLINE_S = 30.0
WITNESS_DEADLINE_S = 5.0  # a cosignature is asked for again at the next checkpoint
ABORT_DEADLINE_S = 2.0  # telling a partner that we leave must not keep us
KEEPALIVE_MS = 12_000  # pings flow only while a call does
KEEPALIVE_TIMEOUT_MS = 5_000  # so that silence is noticed within 17 s
RECONNECT_MS = 200  # after a first failure to connect; doubles
MAX_RECONNECT_MS = 2_000

# What is under way to a reader and not yet read is lost with it, and is sent again: no more than two chunks are,
# however slow the reader. With a round trip of 100 ms that still lets 10 MB a second pass, more than anybody computes.
WINDOW_BYTES = 1024 * 1024


class Channels:
    """One channel per partner card; a changed card gets a new channel."""

    def __init__(self, certificate_chain: bytes, private_key: bytes) -> None:
        """Keep our own TLS identity, PEM."""
        self._certificate_chain = certificate_chain
        self._private_key = private_key
        self._open: dict[str, tuple[PartyCard, grpc.aio.Channel]] = {}
        self._replaced: list[grpc.aio.Channel] = []

    def to(self, card: PartyCard) -> grpc.aio.Channel:
        """Return the channel to a partner."""
        known = self._open.get(card.party)
        if known is not None and known[0] == card:
            return known[1]
        if known is not None:
            # Calls under way end by themselves; the channel is closed with the others.
            self._replaced.append(known[1])
        credentials = grpc.ssl_channel_credentials(
            root_certificates="".join(card.trust).encode(),
            private_key=self._private_key,
            certificate_chain=self._certificate_chain,
        )
        channel = grpc.aio.secure_channel(
            card.endpoint,
            credentials,
            options=[
                ("grpc.ssl_target_name_override", card.target_name),
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.keepalive_time_ms", KEEPALIVE_MS),
                ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
                ("grpc.http2.max_pings_without_data", 0),
                ("grpc.initial_reconnect_backoff_ms", RECONNECT_MS),
                ("grpc.max_reconnect_backoff_ms", MAX_RECONNECT_MS),
                ("grpc.enable_http_proxy", 0),
                ("grpc.http2.lookahead_bytes", WINDOW_BYTES),
                ("grpc.http2.bdp_probe", 0),
            ],
        )
        self._open[card.party] = (card, channel)
        return channel

    async def close(self) -> None:
        """Close all channels."""
        for channel in [*self._replaced, *(channel for _, channel in self._open.values())]:
            await channel.close(None)
        self._open.clear()
