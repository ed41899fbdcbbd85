"""A real browser without a screen: Chromium, told what to do through the two pipes of its DevTools protocol."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedReader
from pathlib import Path
from typing import Any

PATIENCE_S = 60.0
_QUIET = (
    "--headless",
    "--no-sandbox",  # tests may run as root, where it has none
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-pipe",
)


def absent() -> str | None:
    """Why there is none here, or None."""
    return None if _program() else "there is no chromium on the PATH"


def _program() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page:
    """One page.

    Args:
        send: descriptor that the browser reads.
        answers: what it writes.
    """

    def __init__(self, send: int, answers: BufferedReader) -> None:
        self._send = send
        self._answers = answers
        self._session: dict[str, str] = {}
        self._number = 0
        self._rest = b""
        self.requested: list[str] = []

    def open(self, url: str) -> None:
        """Load a page, and wait until its scripts ran."""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        self._call("Network.enable")
        self._call("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def ask(self, expression: str) -> Any:
        """Return what an expression of the page is."""
        found = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until an expression of the page is true."""
        end = time.monotonic() + PATIENCE_S
        while not self.ask(expression):
            assert time.monotonic() < end, f"in vain: {expression}"
            time.sleep(0.02)

    def choose(self, selector: str, path: Path) -> None:
        """Choose a file or a folder in a field of the page, as its user would."""
        self._call("DOM.enable")
        root = self._call("DOM.getDocument")["root"]["nodeId"]
        node = self._call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self._call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        question = {"id": self._number, "method": method, "params": params, **self._session}
        os.write(self._send, json.dumps(question).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("method") == "Network.requestWillBeSent":
                self.requested.append(answer["params"]["request"]["url"])
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                found: dict[str, Any] = answer["result"]
                return found

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = self._answers.read1(1 << 16)
            assert piece, "the browser has ended"
            self._rest += piece
        line, self._rest = self._rest.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        return message


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """Run a browser.

    Args:
        profile: an empty folder of its own.
    """
    program = _program()
    assert program is not None
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    # It reads descriptor 3 and writes descriptor 4.
    words = [
        "bash",
        "-c",
        f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}',
        "-",
        program,
        *_QUIET,
        f"--user-data-dir={profile}",
    ]
    with subprocess.Popen(
        words,
        pass_fds=(theirs_in, theirs_out),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(theirs_in)
        os.close(theirs_out)
        # One that hangs ends here, and its reader then learns of it.
        guard = threading.Timer(2 * PATIENCE_S, process.kill)
        guard.start()
        try:
            with os.fdopen(ours_in, "rb") as answers:
                yield Page(ours_out, answers)
        finally:
            guard.cancel()
            os.close(ours_out)  # which is how it is told to end
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback, as `python3 -m http.server` does; yields its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
