"""Who has diverged: a learner of a member that becomes non-finite is frozen as it last was, and the others go on."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments import records

_ALIVE = -1
_HAVE_DIVERGED, _NOT_FINITE = "num_seeds", "num_not_finite"


def is_count(path: str) -> bool:
    """Whether a metric, by its path, is one of `Diverged.counts` or `counts_of_end`: it has no value of each seed."""
    kind, _, name = path.partition("/")
    return (kind, name.split("/")[-1]) in (("diverged", _HAVE_DIVERGED), ("eval", _NOT_FINITE))


class Diverged:
    """When each learner diverged, by member (`launch.programs`).

    at: int [members, learners], the step of the first record that lacks it, -1 where there is none.
    """

    def __init__(self, cells: Sequence[str], baselines: Sequence[str], seeds: Sequence[int], owners: Mapping) -> None:
        self._cells, self._learners, self._seeds, self._owners = cells, ("", *baselines), seeds, owners
        self.at = np.full((len(cells) * len(seeds), len(self._learners)), _ALIVE)

    @property
    def alive(self) -> np.ndarray:
        """Which have not diverged: bool [members, learners]."""
        return self.at == _ALIVE

    def note(self, step: int, finite: np.ndarray, values: Mapping[str, np.ndarray]) -> list[str]:
        """Notes those that are not finite in this step's values. -> a line for each that was until now."""
        new = np.argwhere(self.alive & ~finite)
        self.at[self.alive & ~finite] = step
        return [f"{self._name(member, learner)}{self._reason(member, learner, values)}" for member, learner in new]

    def without(self, values: Mapping[str, np.ndarray], finite: np.ndarray | bool = True) -> dict[str, np.ndarray]:
        """The values [num_seeds] of each metric, masked where they belong to one that has diverged or is not finite."""
        gone = self._by_cell(~(self.alive & finite))
        return {
            name: np.ma.array(of_seeds, mask=np.any([gone[i, :, j] for i, j in self._owners[name]], axis=0))
            for name, of_seeds in values.items()
        }

    def counts(self) -> dict[str, int]:
        """In how many seeds each has diverged, by path; only those of which there are any."""
        return self._counts("diverged", _HAVE_DIVERGED, ~self.alive)

    def counts_of_end(self, finite: np.ndarray | bool) -> dict[str, int]:
        """In how many other seeds what is measured at the end is not finite."""
        return self._counts("eval", _NOT_FINITE, self.alive & ~np.asarray(finite))

    def _counts(self, kind: str, name: str, of_members: np.ndarray) -> dict[str, int]:
        by_cell = self._by_cell(of_members).sum(axis=1)
        return {
            records.path(kind, name, records.member(self._cells[i], self._learners[j])): int(by_cell[i, j])
            for i, j in np.argwhere(by_cell)
        }

    def summary(self) -> list[dict[str, Any]]:
        """Each that has diverged: which member, which seed, at which step."""
        return [
            {"member": self._member(i, j), "seed": self._seed(i), "step": int(self.at[i, j])}
            for i, j in np.argwhere(~self.alive)
        ]

    def _by_cell(self, of_members: np.ndarray) -> np.ndarray:
        """[members, learners] -> [cells, num_seeds, learners]."""
        return of_members.reshape(len(self._cells), len(self._seeds), -1)

    def _member(self, member: int, learner: int) -> str:
        return records.member(self._cells[member // len(self._seeds)], self._learners[learner])

    def _seed(self, member: int) -> int:
        return self._seeds[member % len(self._seeds)]

    def _name(self, member: int, learner: int) -> str:
        parts = [self._member(member, learner), f"seed {self._seed(member)}" if len(self._seeds) > 1 else ""]
        return "".join(f"{part}: " for part in parts if part)

    def _reason(self, member: int, learner: int, values: Mapping[str, np.ndarray]) -> str:
        cell, seed = divmod(member, len(self._seeds))
        own = {name: of_seeds[seed] for name, of_seeds in values.items() if (cell, learner) in self._owners[name]}
        wrong = [f"{name} is {value}" for name, value in own.items() if not math.isfinite(value)]
        return "; ".join(wrong) or "the state holds NaNs"
