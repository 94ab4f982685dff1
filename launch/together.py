"""Several runs as one program: they differ in numbers alone, and each keeps its folder, as if it were run by itself.

Members are ordered by cell, run, seed (`experiments.plan_together`), so what a run has of the program's metrics is a
slice of their seeds. The runs may be at different steps: those that are ahead wait for the others.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from bootstrap import Run
from launch import devices
from launch import mesh as meshes
from launch.cli import UserError
from launch.programs import Programs
from launch.runlog import RunLog

Shape = tuple[int, int, int]  # cells, runs, seeds of a run


class Together:
    """The logs of the runs of one program, by their folders, as one; `step` is where the last of them is.

    A run that its log stops, as one that has diverged in every member, leaves, and the others go on. failed: those.
    """

    def __init__(self, logs: Mapping[Path, RunLog], shape: Shape, compute: Programs):
        self._logs, self._shape, self._compute = logs, shape, compute
        self._from = [-1 if log.run is None else log.step for log in logs.values()]  # -1: it has no record yet
        self.failed: list[Path] = []
        self.is_new = min(self._from) < 0
        self.step = max(0, min(self._from))

    def resumed(self) -> Run:
        """The run of the program: what the logs have resumed, and what begins for those that have nothing yet."""
        parts = [log.run for log in self._logs.values()]
        for log in self._logs.values():
            log.run = None  # it need not be in memory twice
        if self.is_new:
            begun = self._compute.begin()
            if all(own is None for own in parts):
                return begun
            begun = self._compute.kept(begun)
            parts = [part(begun, i, self._shape) if own is None else own for i, own in enumerate(parts)]
        return self._compute.resume(joined(parts, self._shape, self._compute))

    def note(self, step: int, values: Mapping, finite: np.ndarray) -> None:
        """`RunLog.note` of each run."""

        def note(i, log):
            log.note(step, self._seeds(values, i), self._members(finite, i))

        self._each(step, note)

    def record(self, step: int, values: Mapping, measured: Mapping, finite: np.ndarray | bool) -> dict:
        """`RunLog.record` of each run. -> the record, where there is one run."""

        def record(i, log):
            own = finite if isinstance(finite, bool) else self._members(finite, i)
            return log.record(step, self._seeds(values, i), self._seeds(measured, i), own)

        found = self._each(step, record)
        return found[0] if len(self._logs) == 1 else {}

    def save(self, step: int, run: Run) -> None:
        """`RunLog.save` of each run that has come to this step."""
        kept = self._compute.kept(run)
        for i, _, log in self._going(step):
            log.save(step, part(kept, i, self._shape))

    def finish(self, call: Callable[[int, RunLog], None]) -> None:
        """Calls (number of the run, its log) for each that has not left. One that raises UserError leaves."""
        self._each(sys.maxsize, call)

    def alive(self, step: int) -> np.ndarray:
        """The learners of the members that have come to this step: bool [members, learners]."""
        cells, runs, seeds = self._shape
        alive = np.zeros((cells, runs, seeds, next(iter(self._logs.values())).diverged.alive.shape[1]), bool)
        for i, _, log in self._going(step):
            alive[:, i] = log.diverged.alive.reshape(cells, seeds, -1)
        return alive.reshape(-1, alive.shape[-1])

    def _going(self, step: int) -> list[tuple[int, Path, RunLog]]:
        """The runs that come to this step in this launch."""
        return [
            (i, workdir, log)
            for i, (workdir, log) in enumerate(self._logs.items())
            if workdir not in self.failed and self._from[i] < step
        ]

    def _each(self, step: int, call: Callable[[int, RunLog], dict | None]) -> list:
        """What the call returns of each run. Raises UserError where the last of the runs leaves."""
        results = []
        for i, workdir, log in self._going(step):
            try:
                results.append(call(i, log))
            except UserError as error:
                self.failed.append(workdir)
                if len(self.failed) == len(self._logs):
                    raise
                if devices.first_process():
                    print(f"{workdir}: {error}; the others go on", file=sys.stderr)
        return results

    def _seeds(self, values: Mapping, i: int) -> dict:
        """A run's values [num_seeds] of each metric."""
        num_seeds = self._shape[2]
        return {name: of_all[i * num_seeds : (i + 1) * num_seeds] for name, of_all in values.items()}

    def _members(self, finite: np.ndarray, i: int) -> np.ndarray:
        """A run's part of [members, learners]."""
        return finite.reshape(*self._shape, -1)[:, i].reshape(-1, finite.shape[1])


def split(argv: Sequence[str]) -> list[list[str]]:
    """A command line as those of the runs that `--` parts in it, each with the program's name first."""
    runs = [[argv[0]]]
    for word in argv[1:]:
        if word == "--":
            runs.append([argv[0]])
        else:
            runs[-1].append(word)
    return runs


def part(run: Run, i: int, shape: Shape) -> Run:
    """What the i-th run has of what is kept of the program's; every array has an axis of members."""
    return run if shape[1] == 1 else _part(shape, run, i)


def joined(parts: Sequence[Run], shape: Shape, compute: Programs) -> Run:
    """What is kept of the program's run, of its parts."""
    if shape[1] == 1:
        return parts[0]
    return jax.device_put(_joined(shape, parts), jax.tree.map(lambda leaf: leaf.sharding, compute.abstract_run))


def of_one(compute: Programs, shape: Shape) -> Programs:
    """The programs as the log of one run sees them: with the shapes of its part, which every device holds whole."""
    if shape[1] == 1:
        return compute
    whole = meshes.replicated(jax.tree.leaves(compute.abstract_run)[0].sharding.mesh)
    shapes = jax.eval_shape(partial(_part, shape), compute.abstract_run, 0)
    abstract = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=whole), shapes)
    return compute._replace(abstract_run=abstract)


@partial(jax.jit, static_argnums=0)
def _part(shape, run, i):
    by_run = jax.tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), run)
    return jax.tree.map(lambda leaf: leaf[:, i].reshape(-1, *leaf.shape[3:]), by_run)


@partial(jax.jit, static_argnums=0)
def _joined(shape, parts):
    cells, _, seeds = shape

    def one(*leaves):
        by_run = jnp.stack([leaf.reshape(cells, seeds, *leaf.shape[1:]) for leaf in leaves], axis=1)
        return by_run.reshape(-1, *by_run.shape[3:])

    return jax.tree.map(one, *parts)
