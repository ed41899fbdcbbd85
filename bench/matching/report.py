"""The figures of all runs as a table, with ratios and with what was aimed at."""

from __future__ import annotations

from dataclasses import dataclass

from matching.engines import Figures

RIVAL = "secretflow-ecdh"
MILLION, TEN_MILLION = (10**6, 10**6), (10**7, 10**7)
# What SecretFlow's ECDH takes at a million rows a side on machines where it was measured apart; a run that is far off
# was disturbed.
RIVAL_CPU_S, RIVAL_TOLERANCE = {"Xeon": 35.0, "EPYC": 20.6}, 0.25


@dataclass(frozen=True, slots=True)
class Run:
    """One line of the JSON file.

    Attributes:
        engine: its name; ours begin with assent.
        rows: customers of the larger company.
        receiver_rows: customers of the company that learns.
        sender_rows: customers of the other.
        wall_s: from the word to begin until both are done and the result is written.
        cpu_s: user and system seconds of all processes of both.
        gate_cpu_s: of it, the consent gates of both; None where the engine does not tell.
        bytes: TCP payload between both, both directions.
        max_rss_mb: largest resident memory of any process, in 10^6 bytes.
        receiver_rss_mb: of the receiver's processes.
        sender_rss_mb: of the sender's processes.
        intersection: rows of the result, compared with the truth.
        after_cpu_s: user and system seconds of work that followed the result: ours number the people of the run for
            proofs of membership; None for an engine that has none.
        flag: why the run is not to be trusted; "" when nothing is known against it.
        machine: where it ran.
    """

    engine: str
    rows: int
    receiver_rows: int
    sender_rows: int
    wall_s: float
    cpu_s: float
    gate_cpu_s: float | None
    bytes: int
    max_rss_mb: float
    receiver_rss_mb: float
    sender_rss_mb: float
    intersection: int
    after_cpu_s: float | None
    flag: str
    machine: str

    @property
    def sizes(self) -> tuple[int, int]:
        """Rows of the receiver and of the sender."""
        return self.receiver_rows, self.sender_rows


def run_of(engine: str, sizes: tuple[int, int], figures: Figures, machine: str) -> Run:
    """Make a line of one run's figures."""
    return Run(
        engine=engine,
        rows=max(sizes),
        receiver_rows=sizes[0],
        sender_rows=sizes[1],
        wall_s=round(figures.wall_s, 3),
        cpu_s=round(figures.cpu_s, 3),
        gate_cpu_s=figures.gate_cpu_s,
        bytes=figures.bytes,
        max_rss_mb=round(max(figures.rss_mb), 1),
        receiver_rss_mb=round(figures.rss_mb[0], 1),
        sender_rss_mb=round(figures.rss_mb[1], 1),
        intersection=figures.intersection,
        after_cpu_s=None if figures.after_cpu_s is None else round(figures.after_cpu_s, 3),
        flag=_flag(engine, sizes, figures.cpu_s, machine),
        machine=machine,
    )


def table(runs: list[Run], machine: str) -> str:
    """Return everything as text, sizes one below the other."""
    lines = [machine]
    for sizes in dict.fromkeys(run.sizes for run in runs):
        lines += ["", *_of_one_size(sizes, [run for run in runs if run.sizes == sizes])]
    return "\n".join([*lines, *_targets({(run.engine, run.sizes): run for run in runs})])


def _of_one_size(sizes: tuple[int, int], runs: list[Run]) -> list[str]:
    rival = next((run for run in runs if run.engine == RIVAL), None)
    ratios = f"{'wall':>8}{'CPU':>8}" if rival else ""
    lines = [f"{sizes[0]:,} x {sizes[1]:,} rows, {runs[0].intersection:,} in common"]
    if rival:
        lines[0] += f"; the last two columns: times {RIVAL}"
    head = f"{'':18}{'wall s':>9}{'CPU s':>9}{'of it gate':>12}{'after':>8}"
    head += f"{'us a row':>10}{'bytes a row':>13}{'peak MB':>14}"
    lines.append(head + ratios)
    for run in runs:
        gate, after = ("-" if part is None else f"{part:.2f}" for part in (run.gate_cpu_s, run.after_cpu_s))
        each = run.cpu_s / run.rows * 1e6
        line = f"{run.engine:18}{run.wall_s:9.2f}{run.cpu_s:9.2f}{gate:>12}{after:>8}"
        line += f"{each:10.1f}{run.bytes / run.rows:13.1f}"
        line += f"{run.receiver_rss_mb:8.0f}{run.sender_rss_mb:6.0f}"
        line += f"{run.wall_s / rival.wall_s:8.2f}{run.cpu_s / rival.cpu_s:8.2f}" if rival else ""
        lines += [line] if not run.flag else [line, f"  BAD RUN: {run.flag}"]
    return lines


def _flag(engine: str, sizes: tuple[int, int], cpu_s: float, machine: str) -> str:
    known = next((quiet_s for name, quiet_s in RIVAL_CPU_S.items() if name in machine), None)
    if engine != RIVAL or sizes != MILLION or known is None or abs(cpu_s / known - 1) <= RIVAL_TOLERANCE:
        return ""
    return f"{cpu_s:.1f} CPU s are {cpu_s / known - 1:+.0%} off the {known:.0f} s of a quiet machine; measure again"


def _targets(runs: dict[tuple[str, tuple[int, int]], Run]) -> list[str]:
    """Compare with what was aimed at, where both figures were measured."""
    lines = []

    def against(what: str, value: float, most: float) -> None:
        lines.append(f"target: {what} at most {most:g}: {value:.3g}, {'met' if value <= most else 'MISSED'}")

    match, rival, large = runs.get(("assent", MILLION)), runs.get((RIVAL, MILLION)), runs.get(("assent", TEN_MILLION))
    if match and rival:
        against(f"wall at 10^6, times {RIVAL},", match.wall_s / rival.wall_s, 0.6)
        against(f"CPU at 10^6, times {RIVAL},", match.cpu_s / rival.cpu_s, 0.8)
    if match:
        against("bytes a row at 10^6", match.bytes / match.rows, 90)
    for (engine, sizes), run in runs.items():
        if engine == "assent-enrich" and (plain := runs.get(("assent", sizes))):
            against(f"ENRICH at {sizes[0]:,}, CPU, times MATCH,", run.cpu_s / plain.cpu_s, 1.3)
            against(f"ENRICH at {sizes[0]:,}, wall, times MATCH,", run.wall_s / plain.wall_s, 1.3)
    if large:
        against("seconds at 10^7", large.wall_s, 300)
        against("MB of a process at 10^7", large.max_rss_mb, 1200)
    if large and match:
        against("CPU a row at 10^7, times that at 10^6,", large.cpu_s / match.cpu_s / 10, 1.15)
    return ["", *lines] if lines else []
