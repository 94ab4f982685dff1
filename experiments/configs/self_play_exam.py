"""What players solve who have learned: an exam, and an episode. Nothing is learned here.

    python -m launch.train --config=experiments/configs/self_play_exam.py:one --workdir=runs/self_play_exam/one
    python -m launch.train --config=.. --workdir=.. --config.learner.init_from=runs/self_play_blocks/one/player.npz
    python -m launch.sweep --config=experiments/configs/self_play_exam.py --workdir=runs/self_play_exam

variant    pretrained players, their exam
one        `one`, who know a cube: to push it, to pick and place it
bar        the same with a bar, and so on
flat       a flat box
tall       a tall box
cylinder   a cylinder, standing
capsule    a capsule, which rolls
sphere     a sphere
ellipsoid  an ellipsoid
L          three squares
T          four squares
Z          four squares
U          five squares
P          five squares
cross      five squares
shapes     `shapes`, who know eight shapes: with a cylinder, L, T or cross
two        `two`, who know two cubes: to push them, to pick and place, to stack
smoke      `one`, in 2 games

An exam takes a minute of a core, of which half is compiling. push_1 and pick_and_place_1 that were solved, of 256 games
with up to five goals each: `one` .994 .993; by `one`, by the pretrained `shapes`, who learned with eight other shapes
(--config.learner.init_from=shapes), and by a script:

          one        shapes     script
L         .556 .486  .837 .796  .778 .725
T         .527 .460  .823 .807  .784 .767
cylinder  .77  .83   .880 .929  .991 .985
cross     .91  .91   .975 .975  .998 .979

`two` solves .797 of push_2, .724 of pick_and_place_2, .565 of stack_2, and with the 200 steps for each cube that the
paper gives (--config.evals.holdout.bob_steps=200), not 100, .962, .891 and .784. A random Bob solves none.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments.configs import self_play_blocks
from self_play import objects

_ONE: dict[str, Any] = {"tasks": ("push_1", "pick_and_place_1")}
_EXAMS: dict[str, tuple[str, dict[str, Any]]] = {  # players, their exam
    "one": ("one", _ONE),
    **{shape: ("one", {**_ONE, "shapes": (shape,)}) for shape in objects.SHAPES if shape != "cube"},
    "shapes": ("shapes", {"tasks": ("push_1", "push_unseen", "pick_and_place_unseen")}),
    "two": ("two", {"tasks": ("push_1", "push_2", "pick_and_place_2", "stack_2"), "focus": True}),
    "smoke": ("one", {**_ONE, "num_games": 2, "bob_steps": 2}),
}


def get_config(variant: str = "one") -> ConfigDict:
    """The config of a variant."""
    if variant not in _EXAMS:
        raise ValueError(f"no variant {variant!r}; there are {', '.join(_EXAMS)}")
    players, exam = _EXAMS[variant]
    config = self_play_blocks.get_config(players).to_dict()
    learner = config["learner"]
    learner = learner if learner["name"] == "started" else {"name": "started", "learner": learner}
    shapes = {"shapes": exam["shapes"]} if "shapes" in exam else {}
    return ConfigDict(
        config
        | {
            "num_steps": 0,
            "log_metrics": ("eval/holdout_success", "eval/holdout_success_random"),
            "evals": {"holdout": {"num_games": 256, "bob_steps": 100, **exam}},
            "artifacts": ("episode",),
            "figures": {"arena": {}},
            "world": config["world"] | {"num_games": 1, **shapes},
            "learner": learner | {"init_from": players, "fresh": ("pool", "cloning")},
        }
    )


def sweep(add) -> None:
    """All exams."""
    for variant in _EXAMS:
        if variant != "smoke":
            add(variant)
