"""A PostgreSQL of our own for a benchmark: as it comes, durable, on a private socket, with memory for its buffers."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

START_S = 60.0
SETTINGS = {"listen_addresses": "", "shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "15min"}


@contextmanager
def postgres(folder: Path) -> Iterator[tuple[str, int]]:
    """Run the newest installed server; yield the URL of a database, empty in a new folder, and the process id.

    Args:
        folder: for its files; when run as root it is given to user postgres.
    """
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    folder.mkdir(parents=True, exist_ok=True)
    user: list[str] = []
    if os.geteuid() == 0:
        pwd.getpwnam("postgres")
        shutil.chown(folder, "postgres", "postgres")
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    files = folder / "files"
    init = ["-D", str(files), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
    if not files.exists():
        subprocess.run([*user, str(binaries / "initdb"), *init], check=True, stdout=subprocess.DEVNULL, cwd=folder)
    settings = SETTINGS | {"unix_socket_directories": str(folder)}
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [*user, str(binaries / "postgres"), "-D", str(files), *words], stdout=log, stderr=log, cwd=folder
        )
    try:
        url = f"postgresql://postgres@/postgres?host={folder}"
        until = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(url).close()
                break
            except psycopg.OperationalError:
                if server.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.05)
        yield url, server.pid
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(START_S)
