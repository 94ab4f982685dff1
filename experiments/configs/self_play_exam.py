"""What players solve who have learned: exams of the gripper, and an episode. Nothing is learned here.

    python -m launch.train --config=experiments/configs/self_play_exam.py:one --workdir=runs/self_play_exam/one
    python -m launch.train --config=.. --workdir=.. --config.learner.init_from=runs/self_play_blocks/one/player.npz

variant  players, tasks
one      pretrained with one cube: pushing, and picking and placing
unseen   the same with shapes that they never met
two      pretrained with two: pushing, picking and placing, stacking
smoke    `one` in 2 games
"""

from typing import Any

from ml_collections import ConfigDict

from experiments.configs import self_play_blocks

_ONE = ("push_1", "pick_and_place_1")
_UNSEEN = ("flat", "cross", "sphere", "bar", "cylinder", "capsule", "tall", "L", "T", "ellipsoid")
_EXAMS: dict[str, tuple[str, dict[str, dict[str, Any]]]] = {  # players, name of an exam -> its tasks and shapes
    "one": ("one", {"holdout": {"tasks": _ONE}}),
    "unseen": ("one", {shape: {"tasks": _ONE, "shapes": (shape,)} for shape in _UNSEEN}),
    "two": ("two", {"holdout": {"tasks": ("push_1", "push_2", "pick_and_place_2", "stack_2"), "focus": True}}),
}
_EXAMS["smoke"] = _EXAMS["one"]


def get_config(variant: str = "one") -> ConfigDict:
    """The config of a variant."""
    if variant not in _EXAMS:
        raise ValueError(f"no variant {variant!r}; there are {', '.join(_EXAMS)}")
    (players, exams), smoke = _EXAMS[variant], variant == "smoke"
    config = self_play_blocks.get_config(players).to_dict()
    learner = config["learner"] if players == "two" else {"name": "started", "learner": config["learner"]}
    limits = {"name": "holdout", "num_games": 2 if smoke else 256, "bob_steps": 2 if smoke else 100}
    return ConfigDict(
        config
        | {
            "num_steps": 0,
            "log_metrics": (),
            "evals": {name: limits | exam for name, exam in exams.items()},
            "artifacts": ("episode",),
            "figures": {"arena": {}},
            "world": config["world"] | {"num_games": 1},
            "learner": learner | {"init_from": players, "fresh": ("pool", "cloning")},
        }
    )
