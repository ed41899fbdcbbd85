"""Draw the figures of bench/match.py: plot.py FIGURES.json FILE.png; runs in a venv of its own with matplotlib."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib  # type: ignore[import-not-found]

matplotlib.use("Agg")
from matplotlib import pyplot

OURS, THEIRS = "#1f6f5c", "#a9b3bd"
PANELS = (
    ("cpu_s", "CPU seconds, both sides", 1.0),
    ("wall_s", "wall seconds", 1.0),
    ("bytes", "MB on the wire", 1e6),
    ("max_rss_mb", "peak MB, larger process", 1.0),
)


def main() -> None:
    found = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sizes = sorted({(run["receiver_rows"], run["sender_rows"]) for run in found})
    figure, grid = pyplot.subplots(
        len(sizes), len(PANELS), figsize=(13, 0.8 + 2.4 * len(sizes)), squeeze=False, layout="constrained"
    )
    for axes, size in zip(grid, sizes, strict=True):
        runs = [run for run in found if (run["receiver_rows"], run["sender_rows"]) == size][::-1]
        for axis, (key, title, unit) in zip(axes, PANELS, strict=True):
            values = [run[key] / unit for run in runs]
            colours = [OURS if run["engine"].startswith("assent") else THEIRS for run in runs]
            names = [run["engine"] + (" (bad run)" if run["flag"] else "") for run in runs]
            bars = axis.barh(names, values, color=colours)
            axis.bar_label(bars, fmt="%.3g", padding=2, fontsize=8)
            axis.set_title(title, fontsize=9)
            axis.margins(x=0.2)
            axis.spines[["top", "right"]].set_visible(False)
            axis.tick_params(labelsize=8)
            if axis is not axes[0]:
                axis.set_yticklabels([])
        axes[0].set_ylabel(f"{size[0]:,} x {size[1]:,} rows", fontsize=9)
    figure.suptitle(found[0]["machine"], fontsize=9)
    figure.savefig(sys.argv[2], dpi=130)


if __name__ == "__main__":
    main()
