"""Metrics: metrics.jsonl is the truth, one JSON object a line; `launch.mirrors` get its numbers.

A record maps names (paths such as train/loss) to numbers. With several seeds NAME is their mean and NAME/seeds lists
them, null for a seed that has diverged, which the mean leaves out. Nothing in the file depends on the clock: the same
run writes the same bytes, stopped and resumed or not.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from experiments import records
from launch import folder, mirrors


def record(values: Mapping[str, np.ndarray]) -> dict:
    """One record from the values [num_seeds] of each metric. A masked one is None in it, and not part of the mean."""
    result: dict = {}
    for name, of_seeds in sorted(values.items()):
        seeds = np.ma.asarray(of_seeds, float).tolist()
        known = [value for value in seeds if value is not None]
        result[name] = math.fsum(known) / len(known) if known else None
        if len(seeds) > 1:
            result[f"{name}{records.SEEDS}"] = seeds
    return result


class Writer:
    """Appends records.

    It first writes those that are kept in place of all that are there, the last of them without the metrics of the kind
    `without`, and so it does in the mirrors.
    """

    def __init__(self, workdir: Path, kept: Sequence[Mapping], *, without: str | None = None, wandb: str | None = None):
        asked_for = [mirrors.WeightsAndBiases(workdir, wandb)] if wandb else []  # first, for it may refuse
        self._mirrors = [*asked_for, mirrors.TensorBoard(workdir)]
        path, kept = workdir / "metrics.jsonl", list(kept)
        if without and kept:
            kept[-1] = {name: value for name, value in kept[-1].items() if not name.startswith(f"{without}/")}
        folder.replace_file(path, "".join(json.dumps(line) + "\n" for line in kept))
        self._file: IO = path.open("a")
        for line in kept:
            self._mirror(line["step"], line)

    def write(self, step: int, metrics: Mapping, times: Mapping) -> None:
        """Appends the record of a step; `times`, which no two launches share, go to the mirrors alone."""
        self._file.write(json.dumps({"step": step, **metrics}) + "\n")
        self._file.flush()
        self._mirror(step, {**metrics, **times})

    def _mirror(self, step: int, record: Mapping) -> None:
        numbers = {
            name: value
            for name, value in record.items()
            if name != "step" and value is not None and not isinstance(value, list)
        }
        for mirror in self._mirrors:
            mirror.write(step, numbers)

    def sync(self) -> None:
        """Returns when all records are on the disk: before a checkpoint says that they are."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Closes the file and the mirrors."""
        self._file.close()
        for mirror in self._mirrors:
            mirror.close()
