"""The log's signer: it remembers the last checkpoint apart from the database, and signs only what continues it.

    <key id>.checkpoint     the last one, a signed note
    <key id>.contradiction  a checkpoint under our own signature that our log does not continue: signing has ended
    lock                    held while one of them is read and replaced

The signer believes nobody: the database's word for what was signed counts for
nothing, and a proof is verified here against the root kept here. A checkpoint is
on disk before its signature is given out, so that whatever anybody holds is
continued for ever. What is asked for a second time, because the database lost the
answer in a crash, is answered with the same bytes.

Servers that share a database share this folder, or each has its own: then each
continues what itself signed, and the database's own check covers the rest.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from gateway.errors import AssentError, HostileInput, StateError
from gateway.tlog.audit_path import verify_consistency
from gateway.tlog.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint, sign_checkpoint
from gateway.tlog.note import NoteSigner, VerifierKey

FOLDER = "signer"

_LOCK = "lock"


class CheckpointSigner:
    """Signs the checkpoints of one log.

    Args:
        folder: where its memory is; made when it is first needed, 0700.
        key: verifier key; its name is the log's origin.
        sign: message -> Ed25519 signature, 64 bytes.
    """

    def __init__(self, folder: Path, key: VerifierKey, sign: Callable[[bytes], bytes]) -> None:
        """Keep where and how; nothing is read yet."""
        self._folder = folder
        self._key = key
        self._sign = sign
        self._memory = f"{key.key_id.hex()}.checkpoint"
        self._contradiction = f"{key.key_id.hex()}.contradiction"

    def last(self) -> SignedCheckpoint | None:
        """Return the last checkpoint that was signed, or None before the first.

        Raises:
            StateError: LOG_INCONSISTENT when the memory is damaged, or the log was seen to contradict itself;
                STORE_UNAVAILABLE when the folder cannot be read.
        """
        with self._locked():
            return self._last()

    def sign(self, head: Checkpoint, proof: Sequence[bytes]) -> bytes:
        """Sign a checkpoint that continues the last one, once it is remembered.

        Args:
            head: of our log.
            proof: consistency proof from the last one's size, 32 bytes each; none where there was none before.

        Returns:
            The signed note; the same one again for the last checkpoint itself.

        Raises:
            StateError: LOG_INCONSISTENT when it does not continue the last one; DISK_FULL.
        """
        with self._locked():
            last = self._last()
            if last is not None:
                self._check_continues(last.checkpoint, head, proof)
                if last.checkpoint == head:
                    return last.note
            note = sign_checkpoint(head, [NoteSigner(self._key, self._sign)])
            try:
                open_checkpoint(note, self._key.name, self._key)
            except AssentError as error:
                raise StateError(
                    "LOG_INCONSISTENT", "the log key does not sign for the verifier key of our card; restore both"
                ) from error
            self._replace(self._memory, note)
            return note

    def remember(self, note: bytes) -> SignedCheckpoint:
        """Take a checkpoint of our log for the last one, where the memory was lost.

        Raises:
            HostileInput: BAD_SIGNATURE or BAD_SHAPE when it is not one of ours.
            StateError: REVISION_CONFLICT when a later one is remembered; DISK_FULL.
        """
        signed = open_checkpoint(note, self._key.name, self._key)
        with self._locked():
            last = self._last()
            if last is not None and last.checkpoint.size > signed.checkpoint.size:
                raise StateError(
                    "REVISION_CONFLICT",
                    f"the signer remembers a later checkpoint, of {last.checkpoint.size} entries; nothing was changed",
                )
            self._replace(self._memory, note)
        return signed

    def stop(self, contradiction: bytes) -> None:
        """Sign nothing more: a checkpoint under our own signature exists that our log does not continue.

        Raises:
            HostileInput: BAD_SIGNATURE or BAD_SHAPE when our key did not sign it; then nothing happens.
            StateError: DISK_FULL.
        """
        open_checkpoint(contradiction, self._key.name, self._key)
        with self._locked():
            if self._read(self._contradiction) is None:
                self._replace(self._contradiction, contradiction)

    def evidence(self) -> tuple[bytes | None, bytes | None]:
        """Return the notes of the last checkpoint and of the one that contradicts it, unread."""
        with self._locked():
            return self._read(self._memory), self._read(self._contradiction)

    def _last(self) -> SignedCheckpoint | None:
        if self._read(self._contradiction) is not None:
            raise _inconsistent("a checkpoint exists that our own key signed and our log does not continue")
        note = self._read(self._memory)
        if note is None:
            return None
        try:
            return open_checkpoint(note, self._key.name, self._key)
        except HostileInput as error:
            raise _inconsistent("the signer's memory is damaged, or was signed by another key") from error

    def _check_continues(self, last: Checkpoint, head: Checkpoint, proof: Sequence[bytes]) -> None:
        if head.size < last.size:
            raise _inconsistent(f"the signer signed {last.size} entries already and is asked for {head.size}")
        if last.size == 0:
            return  # every tree continues the empty one
        try:
            verify_consistency(last.size, head.size, proof, last.root, head.root)
        except HostileInput as error:
            raise _inconsistent(f"the log does not continue the {last.size} entries that the signer signed") from error

    def _read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(error) from error

    def _replace(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all; when this returns it outlives a power cut."""
        fresh = str(self._folder / f"{name}.new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                written = 0
                while written < len(content):
                    written += os.write(descriptor, content[written:])
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.rename(fresh, self._folder / name)  # noqa: PTH104 - one name per system call, as the crash tests count them
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise StateError(
                "DISK_FULL", "the signer cannot write its memory, so nothing is signed; check space and permissions"
            ) from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unreadable(error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _unreadable(error: OSError) -> StateError:
    return StateError(
        "STORE_UNAVAILABLE", f"the signer's folder cannot be read ({error.strerror}); nothing is signed until it can"
    )


def _inconsistent(what: str) -> StateError:
    return StateError(
        "LOG_INCONSISTENT",
        f"{what}; nothing more is signed: the database was restored from an old copy or changed, "
        "see `assent audit recover`",
    )
