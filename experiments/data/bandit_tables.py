"""Contextual bandits as tables: contexts float32 [n, D], and the reward of every arm float32 [n, A]."""

import numpy as np

from experiments.data.files import whole_npz
from experiments.data.folder import required
from experiments.data.kinds import Data, Part
from experiments.settings import near

BANDITS = ("adult", "covertype", "statlog", "stock")


def bandit(data_dir: str | None, *, set: str, num_contexts: int | None = None) -> Data:  # noqa: A002
    """A bandit from DIR/bandit_SET.npz: `a0` are the contexts, `a1` the reward of every arm.

    adult (2 arms), covertype (7) and statlog (7) pay 1 for the arm that is the context's class, 0 for others; stock (8)
    pays a linear function of the context and a little noise. num_contexts: only the first ones. Both parts are the
    whole table: a bandit is judged while it plays.
    """
    if set not in BANDITS:
        raise ValueError(f"no data.set named {set!r}{near(set, BANDITS)}; there are {', '.join(BANDITS)}")
    path = required(data_dir) / f"bandit_{set}.npz"
    if not path.is_file():
        raise FileNotFoundError(f"no {path}; --data_dir names the folder that holds bandit_SET.npz")
    with whole_npz(path, "numbers a0 and a1") as arrays:
        contexts, rewards = arrays["a0"].astype(np.float32), arrays["a1"].astype(np.float32)
    if contexts.ndim != 2 or rewards.ndim != 2:
        raise ValueError(f"{path}: a0 and a1 have shapes {contexts.shape} and {rewards.shape}, not [n, D] and [n, A]")
    if num_contexts is not None and not 0 < num_contexts <= len(contexts):
        raise ValueError(f"data.num_contexts must be 1 to {len(contexts)}, got {num_contexts}")
    table = Part(contexts[:num_contexts], rewards[:num_contexts])
    return Data(table, table)
