"""What runs are lent never comes to more than the limit, as long as shares are not tiny."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from gateway.flow.memory import Memory


def test_each_run_gets_half_of_what_is_left_and_gives_it_back() -> None:
    memory = Memory(1024, floor=16)
    with memory.lend() as one:
        with memory.lend() as other:
            assert (one, other) == (512, 256)
        with memory.lend() as again:
            assert again == 256
    with memory.lend() as anew:
        assert anew == 512


def test_who_can_do_with_less_leaves_the_rest_to_runs() -> None:
    memory = Memory(1024, floor=16)
    with memory.lend(100) as some, memory.lend() as run, memory.lend(1) as least:
        assert (some, run, least) == (100, 462, 16)


def test_all_shares_together_stay_within_the_limit_and_the_floors() -> None:
    memory = Memory(1 << 20, floor=1 << 10)
    with ExitStack() as stack:
        shares = [stack.enter_context(memory.lend()) for _ in range(64)]
    assert min(shares) == 1 << 10
    assert sum(shares) <= (1 << 20) + 64 * (1 << 10)


def test_a_share_comes_back_when_the_run_fails() -> None:
    memory = Memory(100, floor=1)
    try:
        with memory.lend():
            raise ValueError
    except ValueError:
        pass
    with memory.lend() as share:
        assert share == 50


def test_what_is_free_goes_back_to_the_system() -> None:
    """Many small pieces below one that stays: without being asked, the C library keeps them."""
    pieces = [bytearray(60_000) for _ in range(2_000)]
    last = bytearray(60_000)
    with Memory(100, floor=1).lend():
        pieces.clear()
        kept = _resident()
    assert kept - _resident() > 60_000_000
    assert len(last) == 60_000


def test_a_large_block_goes_back_when_it_is_freed() -> None:
    """A fresh process, as `assent serve` is: without being asked, the second block would come out of the heap."""
    steps = "import numpy as np\n{asked}sizes = [np.ones(24 << 20, np.uint8).size for _ in range(2)]\n"
    steps += "kept, last = np.ones(24 << 20, np.uint8), np.ones(1000, np.uint8)\ndel kept\n"
    steps += "print(open('/proc/self/status').read().partition('RssAnon:')[2].split()[0])"
    asked = "from gateway.flow.memory import map_large_blocks; map_large_blocks()\n"

    def anonymous(program: str) -> int:
        words = [sys.executable, "-c", "import gateway.flow.memory\n" + program]
        return int(subprocess.run(words, check=True, capture_output=True, text=True).stdout)

    assert anonymous(steps.format(asked="")) - anonymous(steps.format(asked=asked)) > 20_000


def _resident() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024
