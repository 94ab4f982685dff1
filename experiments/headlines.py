"""The numbers that the runs of `experiments/configs/collage.py` are about, beside those of the papers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from experiments.analyses import gap
from experiments.records import Records, curve, member

AT = (10, 100, 1000)  # steps at which the genome is compared


class Headline(NamedTuple):
    """A line of the table."""

    paper: str
    what: str
    ours: str
    published: str
    holds: bool  # what it is to show


def headlines(runs: Mapping[str, Records]) -> list[Headline]:
    """All lines. runs: by part of the config."""
    return [*_glns(runs), *_blur(runs["genome"]), *_bootstrap(runs["worlds"]), *_self_play(runs)]


def _glns(runs: Mapping[str, Records]) -> list[Headline]:
    of_stream = {
        name: 1 - curve(runs["stream"], "error", name, kind="train")[1].mean() for name in ("", "network", "linear")
    }
    kept = {name: curve(runs["tasks"], "retention", name)[1][:, -1].mean() for name in ("", "sgd", "ewc")}
    errors = curve(runs["digits"], "test_error")[1][:, -1]
    return [
        Headline(
            "glns",
            "accuracy on a stream that drifts, each row predicted first",
            f"{of_stream['']:.3f}; SGD network {of_stream['network']:.3f}, linear {of_stream['linear']:.3f}",
            "no streams",
            of_stream[""] > max(of_stream["network"], of_stream["linear"]),
        ),
        Headline(
            "glns",
            "digits after one pass, test accuracy",
            f"{1 - errors.mean():.3f} of 8 x 8 pixels ({len(errors)} seeds)",
            "0.98 on MNIST, which `glns_mnist` tries",
            errors.mean() < 0.1,
        ),
        Headline(
            "glns",
            "of four tasks in a row, kept of all",
            f"{kept['']:.3f}; SGD {kept['sgd']:.3f}, with EWC {kept['ewc']:.3f}",
            "curves: above SGD and EWC",
            kept[""] > kept["sgd"],
        ),
    ]


def _blur(records: Records) -> list[Headline]:
    steps, _ = curve(records, "test_error")
    own, earlier = _accuracies(records, [""], steps), _accuracies(records, ["earlier"], steps)
    best = _accuracies(records, [name for name in records.baselines if name != "earlier"], steps)
    return [
        Headline(
            "blur",
            f"the genome `muon`, test accuracy at steps {_listed(AT)}",
            f"{_listed(own)}; best SGD or Adam of each step {_listed(best)}",
            "curves: ahead of SGD for most of 100 steps",
            bool(np.all(own > best - 0.01)),
        ),
        Headline(
            "blur",
            "a genome of the paper's kind, at the same steps",
            _listed(earlier),
            "nothing after step 100",
            own[-1] > earlier[-1],
        ),
    ]


def _accuracies(records: Records, names: Sequence[str], steps: np.ndarray) -> np.ndarray:
    """The accuracy at the steps AT, or at the last one before; of several the best. Means over seeds."""
    places = np.maximum(np.searchsorted(steps, AT, side="right") - 1, 0)
    return np.max([1 - curve(records, "test_error", name)[1].mean(axis=0)[places] for name in names], axis=0)


def _listed(values: Iterable[float]) -> str:
    return " ".join(f"{value:.3f}" if isinstance(value, float) else str(value) for value in values)


def _bootstrap(records: Records) -> list[Headline]:
    pairs = {name or "gln": (member("real", name), member("ideal", name)) for name in ("sgd", "", "genome")}
    found, lines = gap(records, pairs=pairs), []
    for name, called in (("sgd", "SGD"), ("gln", "GLN"), ("genome", "genome")):
        of = {key.removeprefix(f"{name}/"): value for key, value in found.items() if key.startswith(f"{name}/")}
        width = f" ± {of['bootstrap_error_high'] - of['bootstrap_error']:.3f}" if "bootstrap_error_high" in of else ""
        lines.append(
            Headline(
                "bootstrap",
                f"{called}: real - ideal when the samples are learned, or at the end",
                f"{of['bootstrap_error']:.3f}{width}; test - train {of['generalisation_gap']:.3f}",
                "small beside test - train",
                abs(of["bootstrap_error"]) < of["generalisation_gap"],
            )
        )
    return lines


def _self_play(runs: Mapping[str, Records]) -> list[Headline]:
    puck, gripper = runs["puck"], runs["gripper"]
    success, chance = (curve(puck, f"holdout_success{of}")[1][:, -1].mean() for of in ("", "_random"))
    tasks = {"push_1": "pushing", "pick_and_place_1": "picking and placing"}
    exams = {name: curve(gripper, f"{task}_success")[1][:, -1].mean() for task, name in tasks.items()}
    by_chance = curve(gripper, "holdout_success_random")[1][:, -1].mean()
    return [
        Headline(
            "self_play",
            "places nobody showed Bob, solved with a puck",
            f"{success:.3f} from scratch; a random Bob {chance:.3f}",
            "blocks, with an arm: next line",
            success > 0.5,
        ),
        Headline(
            "self_play",
            "the same with a gripper and a cube, the Bob of the package",
            f"{', '.join(f'{name} {rate:.3f}' for name, rate in exams.items())}; a random Bob {by_chance:.3f}",
            "solved, by its curves (figure 4)",
            min(exams.values()) > 0.9,
        ),
    ]
