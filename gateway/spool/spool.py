"""The spool folder: one folder per job, one pair of files per stage, and small sealed files."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from pathlib import Path

from gateway.errors import Misuse, StateError
from gateway.flow.ports.custody import RunSecrets
from gateway.spool import disk
from gateway.spool.header import HEADER_BYTES, Header, damaged
from gateway.spool.seal import InClear, Seal, Sealed, pack_count
from gateway.spool.sorter import SpooledSorter
from gateway.spool.stage import DIGEST_BYTES, SpooledStage, index_of

CHUNK_BYTES = 512 * 1024
MAX_RECORD_BYTES = 1 << 20
_DROPPED = ".dropped-"
_OWNERS = ("check-", "links-", "proof-")  # begin the owner's name of sorts that belong to no job
_LOOK_S = 24 * 3600
_KEY_BYTES = 32
_JOB = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SORT = re.compile(r"[a-z0-9._-]{1,40}")
_LEAST_KEY_BYTES = 8
_SPOOL_ID = re.compile(r"[0-9a-f]{32}")


class Spool:
    """SpoolPort over a folder of the local disk."""

    __slots__ = ("_chunk_bytes", "_folder", "_secrets", "_spool_id")

    def __init__(self, folder: Path, run_secrets: RunSecrets, chunk_bytes: int = CHUNK_BYTES) -> None:
        """Open the spool folder, creating it and its name at first use.

        Args:
            folder: for this user alone; on a disk that keeps what it synced.
            run_secrets: wraps the key of every sealed stage.
            chunk_bytes: target size of a chunk of a new stage, bytes.

        Raises:
            StateError: DISK_FULL or NOT_FOUND when the folder cannot be used.
        """
        self._folder = folder
        self._secrets = run_secrets
        self._chunk_bytes = chunk_bytes
        with disk.accounted("the spool folder"):
            disk.make_folder(folder)
            with disk.locked(folder):
                self._spool_id = _name_of(folder)
                # What a drop could not finish before the process died.
                for dropped in folder.glob(f"{_DROPPED}*"):
                    self._destroy(dropped)
                # Of what a process did not live to end; another server may be at one now.
                for left in (found for owner in _OWNERS for found in folder.glob(f"{owner}*")):
                    if time.time() - left.stat().st_mtime > _LOOK_S:
                        self._destroy(left)

    @property
    def spool_id(self) -> str:
        """Names this spool: 32 hex digits, kept in `spool.id`."""
        return self._spool_id

    def stage(
        self,
        job_id: str,
        session_id: str,
        stage: int,
        record_size: int,
        *,
        sealed: bool = False,
        create: bool = True,
    ) -> SpooledStage:
        """Open a stage file, creating it when nothing of it is durable yet.

        Args:
            job_id: owner; its whole folder is dropped together.
            session_id: 64 hex digits, in the header.
            stage: stage number, or 100 + n for local files that never cross the wire.
            record_size: bytes per record, 1 to 1 MiB.
            sealed: AES-256-GCM per chunk.
            create: False for who only looks: nothing is made then.

        Raises:
            StateError: REVISION_CONFLICT when the file was begun for something else;
                NOT_FOUND when it is damaged; DISK_FULL.
        """
        if not 1 <= record_size <= MAX_RECORD_BYTES or not 0 <= stage < 2**16 or len(session_id) != 64:
            raise Misuse(f"stage {stage} with records of {record_size} bytes cannot be spooled")
        path = self._stage_path(job_id, stage)
        purpose = f"spool {job_id} stage {stage} session {session_id}"
        wanted = Header(
            stage, sealed, bytes.fromhex(session_id), record_size, max(1, self._chunk_bytes // record_size), 0
        )
        if not create and not path.is_file():
            raise StateError("NOT_FOUND", f"stage {stage} of this job has nothing in the spool")
        with disk.accounted(f"stage {stage} of the spool"):
            disk.make_folder(path.parent)
            with disk.locked(path.parent):
                found = self._existing(path, wanted)
                if found is None:
                    self._create(path, wanted, purpose)
                    found = self._existing(path, wanted)
        if found is None:
            raise damaged(stage, "the header")
        header, wrapped_key = found
        seal: Seal = Sealed(self._secrets.unseal(purpose, wrapped_key), header) if sealed else InClear()
        return SpooledStage(path, header, wrapped_key, seal)

    def discard_stage(self, job_id: str, stage: int) -> None:
        """Remove one stage file (a build that never left); absent is fine."""
        path = self._stage_path(job_id, stage)
        if not path.parent.is_dir():
            return
        with disk.accounted(f"stage {stage} of the spool"), disk.locked(path.parent):
            _remove_stage(path)
            disk.sync_folder(path.parent)

    def sorter(self, job_id: str, name: str, width: int, key_bytes: int, memory: int) -> SpooledSorter:
        """Begin an external sort; nothing is on disk before its rows outgrow `memory`.

        Args:
            job_id: owner; its folder is where the sort may spill.
            name: [a-z0-9._-], at most 40 characters, one sort at a time.
            width: bytes per row.
            key_bytes: leading bytes that order the rows, 8 to width: uniform bytes, or base32 characters.
            memory: bytes that the sort may hold, all in all, adding as well as yielding.

        Raises:
            StateError: DISK_FULL or NOT_FOUND when the job's folder cannot be used.
        """
        least = SpooledSorter.least_memory(width)
        if _SORT.fullmatch(name) is None or not _LEAST_KEY_BYTES <= key_bytes <= width or memory < least:
            raise Misuse(f"no sort {name!r} of {width} bytes a row, {key_bytes} of them the key, in {memory} bytes")
        path = self._job_folder(job_id) / f"sort-{name}"
        with disk.accounted(f"the sort {name} of the spool"):
            disk.make_folder(path.parent)
            # Only a process that ended between making a spill and taking its name away leaves one, without a key.
            path.unlink(missing_ok=True)
        return SpooledSorter(path, width, key_bytes, memory)

    def write_sealed(self, job_id: str, name: str, clear: bytes) -> None:
        """Seal and store a small file whole or not at all; what it replaces is destroyed (best effort).

        Args:
            job_id: owner.
            name: [a-z0-9._-], at most 64 characters.
            clear: the content.

        Raises:
            StateError: DISK_FULL, the old content staying.
        """
        path = self._sealed_path(job_id, name)
        sealed = self._secrets.seal(_purpose(job_id, name), clear)
        with disk.accounted(f"the sealed file {name} of the spool"):
            disk.make_folder(path.parent)
            with disk.locked(path.parent):
                disk.replace(path, lambda descriptor: disk.write_at(descriptor, sealed, 0))

    def read_sealed(self, job_id: str, name: str) -> bytes | None:
        """Return a sealed file's clear bytes, or None when it was never written.

        Raises:
            StateError: NOT_FOUND when it is damaged or not of this home.
        """
        path = self._sealed_path(job_id, name)
        with disk.accounted(f"the sealed file {name} of the spool"):
            try:
                sealed = path.read_bytes()
            except FileNotFoundError:
                return None
        return self._secrets.unseal(_purpose(job_id, name), sealed)

    def free_bytes(self) -> int:
        """Return how much the spool's disk still takes, bytes."""
        with disk.accounted("the spool folder"):
            return shutil.disk_usage(self._folder).free

    def drop(self, job_id: str) -> None:
        """Remove everything of a job: spools, secrets. Absent is fine.

        Wrapped keys are overwritten before a file is removed: best effort, since
        journals, copies on write and worn flash cells may keep the old blocks.
        """
        folder = self._job_folder(job_id)
        if not folder.is_dir():
            return
        with disk.accounted("the job's folder of the spool"):
            # Renamed first: for everyone else a job's folder is whole or gone.
            dropped = self._folder / f"{_DROPPED}{folder.name}-{secrets.token_hex(4)}"
            with disk.locked(folder):
                folder.rename(dropped)
            disk.sync_folder(self._folder)
            self._destroy(dropped)

    def _destroy(self, folder: Path) -> None:
        for path in folder.iterdir():
            disk.destroy(path)
        folder.rmdir()
        disk.sync_folder(self._folder)

    # ---- files -----------------------------------------------------------------------------------------------

    def _existing(self, path: Path, wanted: Header) -> tuple[Header, bytes] | None:
        """Return what stands there for `wanted`; None when there is nothing durable and it must be created."""
        try:
            with disk.opened(path, os.O_RDONLY) as descriptor:
                header = Header.unpack(disk.read_at(descriptor, HEADER_BYTES, 0))
                head = disk.read_at(descriptor, header.first_chunk, 0) if header else b""
        except FileNotFoundError:
            if _has_entries(path):
                raise damaged(wanted.stage, "the file") from None
            return None
        if header is None or len(head) < header.first_chunk:
            # Torn when it was created, unless the index says that there was more.
            if _has_entries(path):
                raise damaged(wanted.stage, "the header")
            return None
        same = (header.stage, header.sealed, header.session, header.record_size) == (
            wanted.stage,
            wanted.sealed,
            wanted.session,
            wanted.record_size,
        )
        if not same:
            raise StateError(
                "REVISION_CONFLICT",
                f"stage {wanted.stage} of this job was begun for another session or record size; discard it first",
            )
        return header, head[header.first_chunk - header.key_bytes :] if header.sealed else b""

    def _create(self, path: Path, wanted: Header, purpose: str) -> None:
        behind = b""
        header = wanted
        if wanted.sealed:
            wrapped_key = self._secrets.seal(purpose, secrets.token_bytes(_KEY_BYTES))
            header = Header(
                wanted.stage,
                wanted.sealed,
                wanted.session,
                wanted.record_size,
                wanted.rows_per_chunk,
                len(wrapped_key),
            )
            behind = pack_count(0) + wrapped_key
        # An index that names nothing may lie about from a torn beginning.
        index_of(path).unlink(missing_ok=True)
        head = header.pack() + behind
        disk.replace(path, lambda descriptor: disk.write_at(descriptor, head, 0))

    def _job_folder(self, job_id: str) -> Path:
        if _JOB.fullmatch(job_id) is None:
            raise Misuse("a job id that cannot name a folder reached the spool")
        return self._folder / job_id

    def _stage_path(self, job_id: str, stage: int) -> Path:
        return self._job_folder(job_id) / f"{stage:03}.spool"

    def _sealed_path(self, job_id: str, name: str) -> Path:
        if _NAME.fullmatch(name) is None:
            raise Misuse("a name that cannot name a sealed file reached the spool")
        return self._job_folder(job_id) / f"{name}.sealed"


def _purpose(job_id: str, name: str) -> str:
    return f"spool {job_id} file {name}"


def _has_entries(path: Path) -> bool:
    try:
        index = index_of(path).read_bytes()
    except FileNotFoundError:
        return False
    return len(index) >= DIGEST_BYTES and any(index)


def _remove_stage(path: Path) -> None:
    # The index goes first: chunks without it are nothing, an index without chunks would be damage.
    index_of(path).unlink(missing_ok=True)
    disk.destroy(path)


def _name_of(folder: Path) -> str:
    path = folder / "spool.id"
    try:
        known = path.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        known = secrets.token_hex(16)
        disk.replace(path, lambda descriptor: disk.write_at(descriptor, known.encode() + b"\n", 0))
    if _SPOOL_ID.fullmatch(known) is None:
        raise StateError(
            "NOT_FOUND", "spool.id is damaged; restore it, or remove it when no job is unfinished, and start again"
        )
    return known
