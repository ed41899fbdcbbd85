"""One party of SecretFlow's PSI; runs in a venv of its own, which holds spu and nothing of ours.

Called with one JSON object: rank, endpoints, input, output, protocol, control (a file descriptor). It says "ready" when
it is loaded and linked, runs at "go", and answers with what it found.
"""

from __future__ import annotations

import json
import socket
import sys

from spu import libspu, psi  # type: ignore[import-not-found]

RECEIVER = 0
MINUTES = 60_000
CURVE = psi.EllipticCurveType.CURVE_25519
PROTOCOLS = {
    "ecdh": lambda: psi.PsiProtocolConfig(
        psi.PsiProtocol.PROTOCOL_ECDH, receiver_rank=RECEIVER, ecdh_params=psi.EcdhParams(curve=CURVE)
    ),
    "rr22": lambda: psi.PsiProtocolConfig(psi.PsiProtocol.PROTOCOL_RR22, receiver_rank=RECEIVER),
}


def main() -> None:
    asked = json.loads(sys.argv[1])
    control = socket.socket(fileno=asked["control"]).makefile("rw")
    desc = libspu.link.Desc()
    for number, endpoint in enumerate(asked["endpoints"]):
        desc.add_party(f"party{number}", endpoint)
    # The peer may compute for minutes before it sends again.
    desc.recv_timeout_ms = 120 * MINUTES
    desc.http_timeout_ms = 120 * MINUTES
    link = libspu.link.create_brpc(desc, asked["rank"])
    config = psi.PsiExecuteConfig(
        protocol_conf=PROTOCOLS[asked["protocol"]](),
        # What helps it most: it need not look for repeated keys, nor bring both sides' results into one order.
        input_params=psi.InputParams(path=asked["input"], selected_keys=["id"], keys_unique=True),
        output_params=psi.OutputParams(path=asked["output"], disable_alignment=True),
    )
    print("ready", file=control, flush=True)
    control.readline()
    report = psi.psi_execute(config, link)
    print(json.dumps({"intersection": report.intersection_count}), file=control, flush=True)
    # Its processor time and memory are read while it lives.
    control.readline()
    link.stop_link()


if __name__ == "__main__":
    main()
