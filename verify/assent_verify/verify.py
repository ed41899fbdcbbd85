"""The whole check of an export, from its files alone.

    1. The manifest is signed by the party, and the files on disk are those it
       lists, byte for byte, and exactly those that the log's size asks for.
    2. The checkpoint is signed by the log, and the manifest names the same one; a
       policy, where one is given, holds for it.
    3. All entries, hashed again, give the checkpoint's root; every tile agrees;
       an earlier checkpoint is a prefix. What that one covers need not be read:
       the few tiles at its edge lead to its root, and the rest of the tree is
       hashed on from them.
    4. Every opened payload is the one that its entry commits to; what an opened erasure names is opened no more.
    5. Every run record is signed by both parties, continues its opening record,
       and stands in the log with both signatures.

A failed check does not stop the others, so that a report names every reason.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from assent_verify.bundle import BundleResult, BundleTask, check_bundle
from assent_verify.failure import CheckError, Failure
from assent_verify.manifest import Manifest, files_on_disk, parse_manifest, read_listed
from assent_verify.note import Checkpoint, LogKey, parse_checkpoint, parse_vkey, read_checkpoint, split_note
from assent_verify.policy import read_by_policy
from assent_verify.report import Report
from assent_verify.runs import LoggedRun, check_run
from assent_verify.signature import decode_base64, signature_ok
from assent_verify.tree import WIDTH, TreeBuilder, bundles_of, edge_of, numbered, tile_path, tiles_of
from assent_verify.trust import Trust

_SIGNED = ("manifest.json", "manifest.sig")
_GROUP = 8  # bundles that a process checks at a time: some 10 MB of files
_AHEAD = 4  # groups under way for each process; the rest waits on the disk, whatever the log's length


def verify_export(root: Path, trust: Trust, jobs: int = 1, *, whole: bool = False) -> Report:
    """Check an export.

    Args:
        root: the export's directory.
        trust: what the reader brought along.
        jobs: processes that hash and match entries, at least 1.
        whole: with an earlier checkpoint in `trust`: read what it covers, too.

    Returns:
        The report; `report.ok` is the verdict and `report.failures` the reasons.
    """
    return _Verification(root, trust, jobs, whole).run()


class _Verification:
    """One pass over one export."""

    def __init__(self, root: Path, trust: Trust, jobs: int, whole: bool) -> None:
        self._root = root
        self._trust = trust
        self._jobs = jobs
        self._whole = whole
        self._report = Report()
        self._logged: dict[str, list[LoggedRun]] = defaultdict(list)
        self._opened: dict[int, int] = {}  # bitmaps of opened entries by bundle
        self._erased: dict[int, int] = {}  # entry -> the erasure that names it

    def run(self) -> Report:
        try:
            manifest = self._manifest()
            keys, checkpoint = self._checkpoint(manifest)
            since = self._since(keys, checkpoint)
            self._files(manifest, checkpoint.size)
            self._entries(manifest, checkpoint, since)
            self._erasures()
            self._runs(manifest)
        except CheckError as error:  # what follows cannot be checked without it
            self._report.failures.append(error.failure)
        return self._report

    def _fail(self, check: str, reason: str) -> None:
        self._report.failures.append(Failure(check, reason))

    def _read(self, manifest: Manifest, path: str) -> bytes:
        listed = manifest.files.get(path)
        if listed is None:
            raise CheckError("files", f"{path}: the manifest does not list it")
        content, difference = read_listed(self._root, listed)
        if difference is not None:
            self._fail("files", difference)
        return content

    # 1. Manifest and files

    def _manifest(self) -> Manifest:
        try:
            encoded, line = ((self._root / name).read_bytes() for name in _SIGNED)
        except OSError as error:
            raise CheckError("manifest", f"manifest.json or manifest.sig cannot be read ({error.strerror})") from error
        manifest = parse_manifest(encoded)
        report = self._report
        report.party, report.created = manifest.party, manifest.created
        report.operator, report.filter = manifest.operator, manifest.filter
        key = self._trust.party_keys.get(manifest.party)
        report.party_key_pinned = key is not None
        if key is not None and key != manifest.agreement_key:
            self._fail("manifest", f"the key of {manifest.party} is not the one given by --party-key")
        try:
            signature = decode_base64(line.decode("ascii").removesuffix("\n"))
        except ValueError:
            signature = b""
        if not signature_ok(key or manifest.agreement_key, b"assent export v1\n" + encoded, signature):
            self._fail("manifest", f"manifest.sig: is no signature of {manifest.party} over manifest.json")
        return manifest

    def _files(self, manifest: Manifest, size: int) -> None:
        if size > WIDTH * len(manifest.files):  # before counting the files of an absurd size one by one
            raise CheckError("files", f"the manifest lists too few files for a log of {size:,} entries")
        found, odd = files_on_disk(self._root)
        for path in odd:
            self._fail("files", f"{path}: is a link or device, not a file")
        for path in sorted(found - manifest.files.keys() - set(_SIGNED)):
            self._fail("files", f"{path}: is not in the manifest")
        wanted = {tile_path(*tile): tile[2] for tile in tiles_of(size)}
        wanted |= {tile_path("entries", *bundle): bundle[1] for bundle in bundles_of(size)}
        wanted |= {"checkpoint": 1, "log.vkey": 1}
        opened = {f"opened/{numbered(index)}.jsonl" for index, _ in bundles_of(size)}
        for path in sorted(wanted.keys() - manifest.files.keys()):
            self._fail("files", f"{path}: is missing from the export of a log of {size:,} entries")
        for path, listed in manifest.files.items():
            if path in opened:
                continue  # its rows are counted with its lines
            if path not in wanted and not path.startswith("runs/"):
                self._fail("files", f"{path}: does not belong to a log of {size:,} entries")
            elif listed.rows != wanted.get(path, 1):
                self._fail("files", f"{path}: is listed with {listed.rows:,} rows instead of {wanted.get(path, 1):,}")

    # 2. Checkpoint

    def _checkpoint(self, manifest: Manifest) -> tuple[list[LogKey], Checkpoint]:
        try:
            own = parse_vkey(self._read(manifest, "log.vkey").decode().removesuffix("\n"))
        except ValueError as error:
            raise CheckError("checkpoint", f"log.vkey: {error}") from error
        policy = self._trust.policy
        keys = list(self._trust.log_keys or (policy.logs if policy is not None else ()))
        if keys and own not in keys:
            self._fail("checkpoint", "log.vkey: is none of the keys given by --vkey, or named by the policy")
        self._report.log_key_pinned = bool(keys)
        keys = keys or [own]
        self._report.log_key = keys[0].text if own not in keys else own.text
        note = self._read(manifest, "checkpoint")
        try:
            checkpoint = read_checkpoint(note, keys, "checkpoint")
        except CheckError as error:
            self._fail(error.failure.check, error.failure.reason)
            checkpoint = _unsigned(note)
        if policy is not None:
            self._report.cosigned = ()
            try:
                self._report.cosigned = read_by_policy(note, policy, "policy", keys).cosigned
            except CheckError as error:
                self._fail(error.failure.check, error.failure.reason)
        report = self._report
        report.origin, report.size, report.root = checkpoint.origin, checkpoint.size, checkpoint.root
        if (manifest.origin, manifest.size, manifest.root) != (checkpoint.origin, checkpoint.size, checkpoint.root):
            self._fail("manifest", "manifest.json: names another checkpoint than the one exported")
        return keys, checkpoint

    def _since(self, keys: list[LogKey], checkpoint: Checkpoint) -> Checkpoint | None:
        if self._trust.since is None:
            return None
        try:
            since = read_checkpoint(self._trust.since, keys, "since")
        except CheckError as error:
            self._fail(error.failure.check, error.failure.reason)
            return None
        if since.origin != checkpoint.origin:
            self._fail("since", "the earlier checkpoint is of another log")
        elif since.size > checkpoint.size:
            self._fail("since", f"the log shrank: {since.size:,} entries were promised, {checkpoint.size:,} are here")
        else:
            return since
        return None

    # 3., 4. Tree and entries

    def _entries(self, manifest: Manifest, checkpoint: Checkpoint, since: Checkpoint | None) -> None:
        tree = self._continued(manifest, checkpoint, since) if since is not None and not self._whole else None
        size = 0
        if tree is None:
            tree = TreeBuilder()
        elif since is not None:
            size = since.size - since.size % WIDTH
            self._report.since, self._report.unread, since = since.size, size, None
        for result in self._checked(self._tasks(manifest, checkpoint.size, size // WIDTH)):
            self._take(result)
            if since is not None and size <= since.size < size + WIDTH:
                self._check_since(since, tree.root(result.leaf_hashes[: since.size - size]))
                since = None
            for level, index, hashes in tree.add(result.leaf_hashes):
                self._check_tile(manifest, level, index, hashes)
            size += len(result.leaf_hashes)
        for level, index, hashes in tree.partial():
            self._check_tile(manifest, level, index, hashes)
        if since is not None:
            self._check_since(since, tree.root())
        if size != checkpoint.size or tree.root() != checkpoint.root:
            self._fail("tree", "the entries do not give the root that the checkpoint promises")

    def _continued(self, manifest: Manifest, checkpoint: Checkpoint, since: Checkpoint) -> TreeBuilder | None:
        """Return the tree of the full bundles that an earlier checkpoint covers, from the tiles at its edge.

        None when they do not lead to its root: then everything is read, which says why.
        """
        bundles, further = divmod(since.size, WIDTH)
        tiles = {}
        for level, index, width in edge_of(bundles):
            if width:
                held = min(WIDTH, (checkpoint.size >> (8 * level)) - index * WIDTH)
                tiles[level] = self._unchanged(manifest, tile_path(level, index, held))
        tree = TreeBuilder.at(bundles, tiles)
        hashes: list[bytes] = []
        if further:
            task = next(self._tasks(manifest, checkpoint.size, bundles), None)
            hashes = [] if task is None else check_bundle(task).leaf_hashes[:further]
        return tree if len(hashes) == further and tree.root(hashes) == since.root else None

    def _unchanged(self, manifest: Manifest, path: str) -> bytes:
        """Read a file that may turn out to be none of the manifest's: then it is empty."""
        listed = manifest.files.get(path)
        try:
            content, difference = (b"", "unlisted") if listed is None else read_listed(self._root, listed)
        except CheckError:
            return b""
        return content if difference is None else b""

    def _tasks(self, manifest: Manifest, size: int, first: int = 0) -> Iterator[BundleTask]:
        for index, width in islice(bundles_of(size), first, None):
            entries = manifest.files.get(tile_path("entries", index, width))
            if entries is None:
                return  # named among the missing files; the root cannot be had any more
            opened = manifest.files.get(f"opened/{numbered(index)}.jsonl")
            yield BundleTask(self._root, index, width, entries, opened)

    def _checked(self, tasks: Iterable[BundleTask]) -> Iterator[BundleResult]:
        if self._jobs == 1:
            yield from map(check_bundle, tasks)
            return
        waiting = iter(tasks)
        under_way: deque[Future[list[BundleResult]]] = deque()
        with ProcessPoolExecutor(self._jobs, mp_context=get_context("spawn")) as pool:
            while True:
                while len(under_way) < _AHEAD * self._jobs and (group := list(islice(waiting, _GROUP))):
                    under_way.append(pool.submit(_check_group, group))
                if not under_way:
                    return
                yield from under_way.popleft().result()

    def _take(self, result: BundleResult) -> None:
        report = self._report
        report.failures += result.failures
        report.types += result.types
        report.opened += result.opened
        self._opened[result.index] = result.opened_rows
        self._erased |= {entry: erasure for erasure, entry in result.erased}
        if result.first:
            report.first = min(report.first or result.first, result.first)
            report.last = max(report.last, result.last)
        for leaf_type, payload in result.runs:
            self._logged[str(payload.get("session"))].append((leaf_type, payload))

    def _erasures(self) -> None:
        """Count the closed entries of which an erasure says why; who is erased is opened no more."""
        for entry, erasure in sorted(self._erased.items()):
            opened = self._opened.get(entry // WIDTH)
            if opened is None:
                continue  # not read again
            if opened >> (entry % WIDTH) & 1:
                self._fail("erased", f"entry {entry}: is opened, though entry {erasure} says that it was erased")
            else:
                self._report.erased += 1

    def _check_since(self, since: Checkpoint, root: bytes) -> None:
        if root == since.root:
            self._report.since = since.size
        else:
            self._fail("since", f"the first {since.size:,} entries are not those of the earlier checkpoint")

    def _check_tile(self, manifest: Manifest, level: int, index: int, hashes: bytes) -> None:
        path = tile_path(level, index, len(hashes) // 32)
        if path not in manifest.files:
            return  # named among the missing files
        try:
            stored = self._read(manifest, path)
        except CheckError as error:
            self._fail(error.failure.check, error.failure.reason)
            return
        if stored != hashes:
            self._fail("tiles", f"{path}: does not hold the hashes of its entries")

    # 5. Runs

    def _runs(self, manifest: Manifest) -> None:
        exported = [path for path in manifest.files if path.startswith("runs/")]
        for path in exported:
            session_id = path.removeprefix("runs/").removesuffix(".json")
            try:
                content = self._read(manifest, path)
                logged = self._logged.pop(session_id, [])
                unread = bool(self._report.unread)
                run = check_run(session_id, content, manifest.party, self._trust.party_keys, logged, unread)
            except CheckError as error:
                self._fail(error.failure.check, error.failure.reason)
                continue
            self._report.runs.append(run)
        self._report.sessions_without_evidence = sorted(self._logged)


def _check_group(tasks: list[BundleTask]) -> list[BundleResult]:
    return [check_bundle(task) for task in tasks]


def _unsigned(note: bytes) -> Checkpoint:
    """Read a checkpoint whose signature failed, to find out what else is wrong."""
    try:
        return parse_checkpoint(split_note(note)[0])
    except ValueError as error:
        raise CheckError("checkpoint", f"checkpoint: {error}") from error
