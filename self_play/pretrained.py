"""Players that come with the package, and what others are kept as: an archive of named arrays, without the optimizers.

`one` handles one cube, `shapes` one object of many shapes, `two` two cubes: the artifacts `player` of
`experiments/configs/self_play_blocks.py:one`, `:shapes_drawn` and `:two` with seed 0. two.jsonl are the lines of that
run's metrics.jsonl that have exams. These files are the package's own, so a notebook needs no path; no module of the
papers reads others.
"""

import functools
import json
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import unflatten_dict

from self_play import networks, ppo_learner, world
from self_play.moments import Moments
from self_play.tabletop import Tabletop
from self_play.training_data import Normalizers


def names() -> tuple[str, ...]:
    """The names of all pretrained players."""
    return tuple(sorted(path.name.removesuffix(".npz") for path in _FOLDER.iterdir() if path.name.endswith(".npz")))


def load(name: str) -> tuple[Callable, Tabletop]:
    """The players of that name, Alice and Bob, and the table that they learned on.

    -> (player, table). player: PolicyInput [B, ..] -> (logits [B, 2, A, NUM_BINS] of Alice and Bob, memory [B, 2, M]),
    as `exams`, `record` and `game` take it; at another table, too, whose robot has as many joints and links with a
    sense of touch. `two` learned to look at one block at a time: a table of yours needs focus=True for it. Raises
    ValueError for an unknown name.
    """
    return unpacked(arrays(name))


def arrays(name: str) -> dict[str, np.ndarray]:
    """The arrays of the players of that name, as `packed` gives them. Raises ValueError for an unknown name."""
    _known(name)
    with (_FOLDER / f"{name}.npz").open("rb") as file, np.load(file) as content:
        return dict(content)


def exams(name: str) -> list[dict[str, Any]]:
    """How the players of that name learned: the records of their run that have exams, by TASK_success and the like.

    Each has its `step`, an update. Empty where they were not kept. Raises ValueError for an unknown name.
    """
    _known(name)
    lines = _FOLDER / f"{name}.jsonl"
    return [json.loads(line) for line in lines.read_text().splitlines()] if lines.is_file() else []


def network_of(learner: Mapping[str, Any]) -> dict[str, Any]:
    """Those settings of `learner` that acting needs. Raises ValueError for networks that no setting describes."""
    if learner.get("player") is not None:
        raise ValueError("a player with networks of its own (learner.player) cannot be packed: keep its params")
    return {name: learner[name] for name in networks.SETTINGS if name in learner}


def world_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those settings of `world` that its table needs. Raises ValueError for a table that no setting describes."""
    kept = {name: value for name, value in settings.items() if name not in ("name", *world.Rules._fields)}
    if own := [name for name, value in kept.items() if isinstance(value, Mapping)]:
        raise ValueError(f"a table with parts of its own (world.{own[0]}) cannot be packed: keep its params")
    return kept


def packed(state: ppo_learner.State, network: Mapping[str, Any], of_world: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays of players by name, in half precision, and a text, "settings": all that `unpacked` needs.

    network: see `network_of`. of_world: see `world_of`.
    """
    kept = {"params": state.params, "normalizers": state.normalizers}
    leaves, _ = jax.tree_util.tree_flatten_with_path(kept)
    named = {jax.tree_util.keystr(path, simple=True, separator="/"): np.asarray(leaf) for path, leaf in leaves}
    halves = {name: leaf.astype(np.float16) if name.startswith("params/") else leaf for name, leaf in named.items()}
    return {**halves, "settings": json.dumps({"learner": dict(network), "world": dict(of_world)})}


def unpacked(arrays: Mapping[str, np.ndarray]) -> tuple[Callable, Tabletop]:
    """Players and their table from the arrays of `packed`, as `load` gives them.

    Raises ValueError for players who saw less, or more, of an object than is observed now (`coordinates`).
    """
    settings = json.loads(str(arrays["settings"]))
    leaves = {name: array.astype(np.float32) for name, array in arrays.items() if name != "settings"}
    tree = unflatten_dict(leaves, sep="/")
    normalizers = Normalizers(**{name: Moments(**moments) for name, moments in tree["normalizers"].items()})
    state = ppo_learner.State(tree["params"], (), normalizers, None)
    _, _, predict = ppo_learner.learner(**settings["learner"])
    table = world.setup(**settings["world"]).table
    seen = jax.eval_shape(lambda key: table.observe(table.reset(key)), jax.random.key(0)).objects.shape[-1]
    if seen != (number := len(normalizers.objects.mean)):
        raise ValueError(f"these players saw {number} features of an object, of which there are {seen} now: train anew")
    return functools.partial(predict, jax.tree.map(jnp.asarray, state)), table


def _known(name):
    if name not in names():
        raise ValueError(f"no pretrained player named {name!r}; there are {', '.join(names())}")


_FOLDER = resources.files("self_play") / "players"
