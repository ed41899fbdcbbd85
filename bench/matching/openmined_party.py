"""One party of OpenMined PSI; runs in a venv of its own, which holds openmined-psi and nothing of ours.

Called with one JSON object: rank, endpoints, input, output, control (a file descriptor). Rank 0 is the client, who
learns the intersection. The library leaves the transport to its caller: here plain TCP, messages with their length
before them. The container is RAW, the only one that cannot err.
"""

from __future__ import annotations

import csv
import json
import socket
import struct
import sys
from pathlib import Path

import private_set_intersection.python as psi  # type: ignore[import-not-found]

CLIENT = 0
# Of no meaning for the container RAW, but asked for.
FALSE_POSITIVES = 1e-9


def send(link: socket.socket, message: bytes) -> None:
    link.sendall(struct.pack("!Q", len(message)) + message)


def receive(link: socket.socket) -> bytes:
    (size,) = struct.unpack("!Q", _exactly(link, 8))
    return _exactly(link, size)


def _exactly(link: socket.socket, size: int) -> bytes:
    found = bytearray(size)
    view = memoryview(found)
    while view:
        taken = link.recv_into(view)
        if not taken:
            raise SystemExit("the other party closed its connection")
        view = view[taken:]
    return bytes(found)


def read_ids(path: str) -> list[str]:
    with Path(path).open(encoding="utf-8", newline="") as stream:
        return [row[0] for row in csv.reader(stream)][1:]


def as_client(link: socket.socket, asked: dict[str, str]) -> int:
    ids = read_ids(asked["input"])
    client = psi.client.CreateWithNewKey(True)
    send(link, client.CreateRequest(ids).SerializeToString())
    setup, response = psi.ServerSetup(), psi.Response()
    setup.ParseFromString(receive(link))
    response.ParseFromString(receive(link))
    found = client.GetIntersection(setup, response)
    with Path(asked["output"]).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["id"])
        writer.writerows([ids[place]] for place in found)
    return len(found)


def as_server(link: socket.socket, asked: dict[str, str]) -> None:
    ids = read_ids(asked["input"])
    server = psi.server.CreateWithNewKey(True)
    request = psi.Request()
    request.ParseFromString(receive(link))
    setup = server.CreateSetupMessage(FALSE_POSITIVES, len(ids), ids, psi.DataStructure.RAW)
    send(link, setup.SerializeToString())
    send(link, server.ProcessRequest(request).SerializeToString())


def main() -> None:
    asked = json.loads(sys.argv[1])
    control = socket.socket(fileno=asked["control"]).makefile("rw")
    host, port = asked["endpoints"][1 - CLIENT].split(":")
    if asked["rank"] == CLIENT:
        print("ready", file=control, flush=True)
        control.readline()
        with socket.create_connection((host, int(port))) as link:
            found = as_client(link, asked)
        print(json.dumps({"intersection": found}), file=control, flush=True)
    else:
        with socket.create_server((host, int(port))) as listener:
            print("ready", file=control, flush=True)
            control.readline()
            with listener.accept()[0] as link:
                as_server(link, asked)
        print(json.dumps({}), file=control, flush=True)
    # Its processor time and memory are read while it lives.
    control.readline()


if __name__ == "__main__":
    main()
