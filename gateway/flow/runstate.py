"""The sealed state of one run: secrets and facts that must outlive a crash, and nothing longer.

Secrets are written here before the first byte that depends on them leaves, and only
here; `destroy_keys` takes them out again.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from gateway import kernel
from gateway.errors import Misuse, StateError
from gateway.flow.cohort import CohortSalts
from gateway.flow.ends import RunRefused, consent_changed
from gateway.flow.lease import Lease
from gateway.flow.ports import House
from gateway.flow.threads import in_thread
from gateway.route.agreement import Agreement
from gateway.route.canonical import parse_time_text, time_text

RUN_STATE_FILE = "run-state"
NO_SECRETS: dict[str, object] = {
    "scalar": b"",
    "tag_key": b"",
    "tau": (),
    "eta": (),
    "he_key": b"",
    "masks": (),
    "noise": (),
}


@dataclass(frozen=True, slots=True, repr=False)
class RunState:
    """Secrets and facts of a run; the repr shows neither.

    Attributes:
        nonce: our session nonce, 32 bytes.
        scalar: our blinding or evaluation scalar, 32 secret bytes; empty once destroyed.
        tag_key: orders our cohort locally; empty once destroyed.
        run_salt: salts the cohort commitment.
        build: number of the last table build, persisted before use, never reused.
        cut_at: our last judgement before our data left.
        replaced: record index -> stand-in bytes for records withdrawn before the cut.
        late_drops: records of our cohort withdrawn after the cut.
        drops_at: when late drops were judged.
        destroyed_at: when the scalar and the other secrets were destroyed.
        tau: S: dummies of each segment that match (secret).
        eta: R: its noise on each count that S sees (secret).
        he_key: S: its private key of homomorphic encryption (secret).
        masks: R: one number below n per ciphertext that it returns (secret).
        noise: our noise of every segment's sums, segment after segment (secret).
        withheld: segments that our own rule suppressed.
    """

    nonce: bytes
    scalar: bytes
    tag_key: bytes
    run_salt: bytes
    build: int = 0
    cut_at: datetime | None = None
    replaced: tuple[tuple[int, bytes], ...] = ()
    late_drops: int = 0
    drops_at: datetime | None = None
    destroyed_at: datetime | None = None
    tau: tuple[int, ...] = ()
    eta: tuple[int, ...] = ()
    he_key: bytes = b""
    masks: tuple[int, ...] = ()
    noise: tuple[int, ...] = ()
    withheld: int = 0

    @classmethod
    def fresh(cls) -> RunState:
        """Draw new secrets from the OS CSPRNG."""
        return cls(
            nonce=secrets.token_bytes(32),
            scalar=kernel.Scalar.random().to_secret_bytes(),
            tag_key=secrets.token_bytes(32),
            run_salt=secrets.token_bytes(32),
        )

    def __repr__(self) -> str:
        """Show no value."""
        return "RunState(...)"

    @property
    def salts(self) -> CohortSalts:
        """The cohort's part."""
        return CohortSalts(self.tag_key, self.run_salt)

    @contextmanager
    def key(self) -> Iterator[kernel.Scalar]:
        """Lend the scalar; the kernel's copy is wiped afterwards."""
        if not self.scalar:
            raise Misuse("the scalar of this run was destroyed")
        scalar = kernel.Scalar.from_secret_bytes(self.scalar)
        try:
            yield scalar
        finally:
            scalar.destroy()

    def destroy_keys(self, at: datetime) -> RunState:
        """Return the state without its secrets; facts stay."""
        return replace(self, **NO_SECRETS, destroyed_at=at)  # type: ignore[arg-type]

    def save(self, house: House, job_id: str) -> None:
        """Seal to disk, whole or not at all. Blocks."""
        fields = {
            "nonce": self.nonce.hex(),
            "scalar": self.scalar.hex(),
            "tag_key": self.tag_key.hex(),
            "run_salt": self.run_salt.hex(),
            "build": self.build,
            "cut_at": _written(self.cut_at),
            "replaced": [[index, value.hex()] for index, value in self.replaced],
            "late_drops": self.late_drops,
            "drops_at": _written(self.drops_at),
            "destroyed_at": _written(self.destroyed_at),
            "tau": self.tau,
            "eta": self.eta,
            "he_key": self.he_key.hex(),
            "masks": [format(mask, "x") for mask in self.masks],
            "noise": self.noise,
            "withheld": self.withheld,
        }
        house.spool.write_sealed(job_id, RUN_STATE_FILE, json.dumps(fields).encode())

    @classmethod
    def load(cls, house: House, job_id: str) -> RunState | None:
        """Read back, or None when the run has no state yet. Blocks."""
        clear = house.spool.read_sealed(job_id, RUN_STATE_FILE)
        if clear is None:
            return None
        fields = json.loads(clear)
        return cls(
            nonce=bytes.fromhex(fields["nonce"]),
            scalar=bytes.fromhex(fields["scalar"]),
            tag_key=bytes.fromhex(fields["tag_key"]),
            run_salt=bytes.fromhex(fields["run_salt"]),
            build=fields["build"],
            cut_at=_read(fields["cut_at"]),
            replaced=tuple((index, bytes.fromhex(value)) for index, value in fields["replaced"]),
            late_drops=fields["late_drops"],
            drops_at=_read(fields["drops_at"]),
            destroyed_at=_read(fields["destroyed_at"]),
            tau=tuple(fields["tau"]),
            eta=tuple(fields["eta"]),
            he_key=bytes.fromhex(fields["he_key"]),
            masks=tuple(int(mask, 16) for mask in fields["masks"]),
            noise=tuple(fields["noise"]),
            withheld=fields["withheld"],
        )


async def load_state(lease: Lease) -> RunState:
    """Return the state of a run that has begun.

    Raises:
        StateError: LOG_INCONSISTENT when it is gone; fresh secrets would not fit what has left.
    """
    state = await in_thread(RunState.load, lease.house, lease.job.job_id)
    if state is None:
        raise StateError("LOG_INCONSISTENT", "the sealed state of this run is gone; cancel the job and start a new one")
    return state


async def amend(lease: Lease, **changes: object) -> RunState:
    """Change the sealed state under the lease: read, replace, write in one go.

    Raises:
        StateError: REVISION_CONFLICT when fenced out.
    """
    await lease.confirm()
    state = replace(await load_state(lease), **changes)  # type: ignore[arg-type]
    await in_thread(state.save, lease.house, lease.job.job_id)
    return state


def check_age(state: RunState | None, agreement: Agreement, now: datetime) -> None:
    """Refuse to go on with late drops that were judged longer ago than the agreed consent age.

    Raises:
        RunRefused: CONSENT_CHANGED; charges stay.
    """
    drops_at = state.drops_at if state is not None else None
    if drops_at is None or (now - drops_at).total_seconds() > agreement.consent_age_s:
        raise RunRefused(consent_changed())


def _written(at: datetime | None) -> str | None:
    return None if at is None else time_text(at)


def _read(text: str | None) -> datetime | None:
    return None if text is None else parse_time_text(text)
