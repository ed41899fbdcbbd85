#!/usr/bin/env python3
"""Regenerates the committed stubs of gateway/v1 and gateway/peer/v1 from proto/.

Messages and service stubs come from grpcio-tools, the types of the service stubs from mypy-protobuf; both are pinned,
and a test regenerates into a temporary directory and compares. Nothing is corrected by hand.
"""

from __future__ import annotations

import argparse
import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
IMPORT_ROOTS = (ROOT / "proto", ROOT / "third_party" / "proto", Path(str(files("grpc_tools") / "_proto")))
PACKAGES = {"gateway/v1": "tenant API", "gateway/peer/v1": "party to party API"}
STUB_SUFFIXES = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi")


def sources() -> list[Path]:
    """Every proto file, in a fixed order."""
    return sorted((ROOT / "proto").rglob("*.proto"))


def run_protoc(*options: str) -> None:
    """Runs the bundled protoc over every proto file.

    Args:
        options: What to write, in protoc's words.

    Raises:
        SystemExit: protoc found fault with a file; it has said so on stderr.
    """
    roots = [f"-I{root}" for root in IMPORT_ROOTS]
    code = protoc.main(["protoc", *roots, *options, *map(str, sources())])
    if code != 0:
        raise SystemExit(code)


def generate(out: Path) -> None:
    """Writes the stubs and the packages that hold them under a directory, and removes stubs whose source is gone."""
    for package in PACKAGES:
        for old in (out / package).glob("*"):
            if old.name.endswith(STUB_SUFFIXES):
                old.unlink()
    out.mkdir(parents=True, exist_ok=True)
    typer_of_services = Path(sys.executable).parent / "protoc-gen-mypy_grpc"
    run_protoc(
        f"--plugin=protoc-gen-mypy_grpc={typer_of_services}",
        f"--python_out={out}",
        f"--pyi_out={out}",
        f"--grpc_python_out={out}",
        f"--mypy_grpc_out=quiet:{out}",
    )
    for package, title in PACKAGES.items():
        (out / package).mkdir(parents=True, exist_ok=True)
        text = f'"""Generated stubs of the {title}; their source is proto/{package}."""\n'
        (out / package / "__init__.py").write_text(text, encoding="utf-8")


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT, help="directory to write below; the repository by default")
    generate(parser.parse_args().out)


if __name__ == "__main__":
    main()
