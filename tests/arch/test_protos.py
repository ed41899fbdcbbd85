"""The committed stubs are what proto/ says, and proto/ explains every field."""

from __future__ import annotations

import filecmp
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from tests.arch.source_tree import ROOT

PACKAGES = ("gateway/v1", "gateway/peer/v1")
SUFFIXES = {".py", ".pyi"}
PREFIX = re.compile(r"(Required|Optional|Output only)\. \S")


def _stubs(root: Path) -> dict[str, Path]:
    return {
        path.relative_to(root).as_posix(): path
        for package in PACKAGES
        for path in (root / package).iterdir()
        if path.suffix in SUFFIXES
    }


def test_stubs_are_fresh(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "scripts/protos.py", "--out", tmp_path], check=True)
    fresh, committed = _stubs(tmp_path), _stubs(ROOT)
    assert fresh.keys() == committed.keys(), "make protos"
    stale = [name for name in fresh if not filecmp.cmp(fresh[name], committed[name], shallow=False)]
    assert not stale, "make protos"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "third_party/proto/google/api").glob("*.proto")), ids=lambda path: str(path.name)
)
def test_vendored_protos_are_unmodified(path: Path) -> None:
    assert path.read_bytes() == (files("google.api") / path.name).read_bytes()


def _descriptors(directory: Path) -> list[descriptor_pb2.FileDescriptorProto]:
    out = directory / "set.binpb"
    roots = [ROOT / "proto", ROOT / "third_party/proto", Path(str(files("grpc_tools") / "_proto"))]
    sources = sorted((ROOT / "proto").rglob("*.proto"))
    command = [sys.executable, "-m", "grpc_tools.protoc", *(f"-I{root}" for root in roots)]
    command += [f"--descriptor_set_out={out}", "--include_source_info", *map(str, sources)]
    subprocess.run(command, check=True)
    return list(descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file)


def _fields(
    message: descriptor_pb2.DescriptorProto, path: tuple[int, ...], name: str
) -> Iterator[tuple[tuple[int, ...], str]]:
    """Source path (field numbers of descriptor.proto) and full name of every field, nested ones too."""
    for index, field in enumerate(message.field):
        yield (*path, 2, index), f"{name}.{field.name}"
    for index, nested in enumerate(message.nested_type):
        if not nested.options.map_entry:
            yield from _fields(nested, (*path, 3, index), f"{name}.{nested.name}")


def test_every_field_says_required_optional_or_output_only(tmp_path: Path) -> None:
    unexplained, seen = [], 0
    for file in _descriptors(tmp_path):
        comments = {tuple(place.path): place.leading_comments.strip() for place in file.source_code_info.location}
        for index, message in enumerate(file.message_type):
            for path, name in _fields(message, (4, index), f"{file.package}.{message.name}"):
                seen += 1
                if not PREFIX.match(comments.get(path, "")):
                    unexplained.append(name)
    assert seen > 50
    assert not unexplained
