"""Seven runs in a few minutes that show what the four papers are about.

    python -m launch.sweep --config=experiments/configs/collage.py --workdir=runs/collage --parallel=2
    python -m launch.collage runs/collage

variant    what
stream     a GLN on 20,480 rows whose classes are swapped halfway, beside a linear model and an SGD network
digits     one pass over 1347 digits; what it saw in ten others
tasks      four tasks in a row, digits with other permutations of their pixels, beside SGD and EWC
genome     a genome for 1000 batches of digits, beside SGD, Adam, and a genome of the paper's kind, which forgets
worlds     300 slightly deformed digits again and again, or ever new ones: a GLN, SGD, and the genome
puck       Alice and Bob: `self_play_puck:quick`
gripper    Alice and Bob of the package, who have learned with a cube: `self_play_exam:one`
smoke      `worlds`, cut to 4 steps

`small` after a name, as in stream_small, is for trying it: a few steps.

The genome is the shipped `muon`, see `blur_lasting`. No data set is needed: the digits are scikit-learn's. Nothing that
is shown was chosen on what it is shown on, but for the settings of `digits`, and the rates of SGD and Adam, of which
the best is meant. On two fast cores all seven and their pictures took 2:22 minutes, two at a time; before `gripper` was
added and `puck` shortened, on two slow ones 5:56. All wait for `puck`. The picture also shows how the Bob of
`self_play.load("two")` learned, from the records that come with the package; that took two hours of a core.
"""

from typing import Any

from ml_collections import ConfigDict

import bootstrap
import glns
from experiments.configs import bootstrap_blur, glns_digits, self_play_exam, self_play_puck
from experiments.configs.blur_digits import at_rates, sgd_at
from experiments.records import member

_MLP = {"name": "mlp", "features": (64,), "num_classes": 10}
_GLN = glns_digits.get_config("online").learner.to_dict()


def get_config(variant: str = "worlds") -> ConfigDict:
    """The config of a part, or of its small form."""
    name = {"smoke": "worlds_small"}.get(variant, variant)
    part, small = name.removesuffix("_small"), name.endswith("_small")
    if part not in _PARTS:
        raise ValueError(f"no variant {variant!r}; there are {', '.join((*_PARTS, 'smoke'))}")
    return ConfigDict(_PARTS[part](small))


def sweep(add) -> None:
    """All seven, the longest first: where two run at a time, the others take about as long as that one."""
    for name in sorted(_PARTS, key=lambda name: name != "puck"):
        add(name)


def _steps(num_steps: int, log_every: int, num_seeds: int = 3) -> dict[str, Any]:
    return {
        "seed": 0,
        "num_seeds": num_seeds,
        "num_steps": num_steps,
        "log_every": log_every,
        "eval_every": log_every,
        "checkpoint_every": num_steps,
    }


def _sgd(net: dict, name: str, rate: float, **settings: Any) -> dict:
    return {"name": "sgd", "net": net, "tx": {"name": name, "learning_rate": rate, **settings}}


def _stream(small: bool) -> dict:
    num_rows = 2560 if small else 20_480
    network, line = ({**_MLP, "features": features, "num_classes": 2} for features in ((64,), ()))
    return {
        **_steps(num_rows // 32, num_rows // 32 // 20),
        "log_metrics": ("train/error", "train/linear/error", "train/network/error"),
        "data": {"name": "drifting", "stream": "mixed", "num_rows": num_rows, "seed": 0},
        "world": {"name": "in_order", "batch_size": 32},
        "learner": {"name": "glns", "num_classes": 2, **glns.ROBUST},
        "baselines": {"linear": _sgd(line, "adam", 0.01), "network": _sgd(network, "adam", 0.01)},
    }


def _digits(small: bool) -> dict:
    return {
        **_steps(400 if small else 1347, 200 if small else 449, num_seeds=5),
        "log_metrics": ("eval/test_error",),
        "evals": ("classification",),
        "artifacts": ("saliency",),
        "data": {"name": "digits"},
        "world": {"name": "real", "batch_size": 1},
        "learner": _GLN,
    }


def _tasks(small: bool) -> dict:
    samples_per_task = 400 if small else 2690
    steps_per_task = samples_per_task // 10
    sgd = _sgd({**_MLP, "features": (200, 100)}, "sgd", 0.03)
    return {
        **_steps(4 * steps_per_task, steps_per_task),
        "log_metrics": ("eval/retention", "eval/sgd/retention", "eval/ewc/retention"),
        "evals": ("retention",),
        "figures": {"retention": {"steps_per_task": steps_per_task}},
        "data": {"name": "permuted_digits", "num_tasks": 4},
        "world": {"name": "permuted", "samples_per_task": samples_per_task, "batch_size": 10},
        "learner": {**_GLN, "learning_rate": 0.01, "standardised": False},
        "baselines": {"sgd": sgd, "ewc": sgd | {"name": "ewc", "strength": 30.0, "consolidate_every": steps_per_task}},
    }


def _genome(small: bool) -> dict:
    baselines = {**sgd_at(_MLP, (0.03, 0.1, 0.3, 1.0)), **at_rates(_MLP, "adam", (0.003, 0.01, 0.03))}
    at = (10, 100, 1000)
    return {
        **_steps(20 if small else 1000, 10),
        "log_metrics": ("eval/test_error", "eval/earlier/test_error"),
        "evals": ("classification", "synapses"),
        "analyses": {"race": {"first": 20 if small else 200, "at": at[:1] if small else at}},
        "figures": {"race": {"log_from": 10}},
        "data": {"name": "digits", "standardise": True},
        "world": {"name": "real", "batch_size": 128},
        "learner": {"name": "blur", "genome": "muon", "sizes": (64, 10)},
        "baselines": {**baselines, "earlier": {"name": "blur", "genome": "mnist", "sizes": (64, 10)}},
    }


def _worlds(small: bool) -> dict:
    num_samples = 64 if small else 300
    learners = ("", "sgd", "genome")
    pairs = {name: (member("real", name), member("ideal", name)) for name in learners}
    return {
        **_steps(4 if small else 400, 2 if small else 5),
        "evals_per_decade": 12,
        "log_metrics": ("eval/real/test_soft_error", "eval/ideal/test_soft_error"),
        "evals": ("classification", "training", "synapses"),
        "analyses": {"gap": {"pairs": pairs}},
        "figures": {"pair": {"learners": learners}},
        "prefetch": 2 if small else 5,
        "data": {"name": "deformed_digits", "size": 8, "num_test": 1000, **bootstrap_blur.A_LITTLE},
        "world": {"name": "paired", "batch_size": 64, "num_samples": num_samples},
        "grid": {
            "real": {"world": {"num_samples": num_samples}},
            "ideal": {"world": {"num_samples": bootstrap.UNLIMITED}},
        },
        "learner": {**_GLN, "shared_gates": True},
        "baselines": {
            "sgd": _sgd({**_MLP, "features": (128,)}, "sgd", 0.3, momentum=0.9),
            "genome": {"name": "blur", "genome": "muon", "sizes": (128, 10)},
        },
    }


def _puck(small: bool) -> dict:
    config = self_play_puck.get_config("smoke" if small else "quick").to_dict()
    return config | ({"artifacts": ("episode",), "figures": {"arena": {}}} if small else {})


def _gripper(small: bool) -> dict:
    return self_play_exam.get_config("smoke" if small else "one").to_dict()


_PARTS = {
    "stream": _stream,
    "digits": _digits,
    "tasks": _tasks,
    "genome": _genome,
    "worlds": _worlds,
    "puck": _puck,
    "gripper": _gripper,
}
