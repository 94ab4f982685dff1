"""The pictures of experiments/gallery: which run or tour each is of, and how it is drawn anew.

A run of NAME/VARIANT is drawn with its other seeds that are there, in NAME/VARIANT,seed=N as a sweep has them.
"""

import runpy
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

import experiments
from experiments import Records, registry
from experiments.figures import collage
from launch import cli, folder, plots, seeds

EXPERIMENTS = Path(experiments.__file__).parent


class OfRuns(NamedTuple):
    """A figure of runs, as the config of the first sets it, but for these settings."""

    figure: str  # a name of the registry
    runs: Mapping[str, str]  # label -> NAME/VARIANT
    settings: Mapping = {}
    flags: str = ""  # what else the runs' commands need, with {runs} for the folder of runs


class OfTour(NamedTuple):
    """A figure, or a film, a GIF's bytes, that a tour leaves in a variable."""

    tour: str
    variable: str = "picture"


_CURVES, _DIGITS_FILES = "experiments.figures:curves", "--data_dir=DIR, which holds the IDX files of"

_SMALL = "what keeps synapses small"
# Panel -> line -> variant. A variant that is in several panels has a line of another name in each.
_ABLATIONS = {
    "normalisation": {"both passes": "both", "forward": "forward", "backward": "backward", "none": "none"},
    "backward update, synapses, start": {
        "additive": "both",
        "multiplicative": "multiplicative",
        "second state": "second_state",
        "symmetric": "symmetric",
        "symmetric, one state": "symmetric_single",
        "so, from backprop": "backprop",
        "so, second state": "backprop_second",
    },
    "hidden layers while it learned": {"1": "one", "2": "both", "4": "four"},
    "non-linearities": {"tanh": "both", "ReLU, linear": "relu", "linear": "linear", "sigmoid": "sigmoid"},
    "states": {"2 states": "states_2", "4 states": "both", "8 states": "states_8", "16 states": "states_16"},
    _SMALL: {
        "nothing": "both",
        "Oja": "oja",
        "norm": "norm",
        "Oja, norm": "oja_norm",
        "saturation": "saturation",
    },
}
PICTURES: dict[str, OfRuns | OfTour] = {
    "arena": OfRuns("arena", {"one cube": "self_play_blocks/one"}),
    "blur_ablations": OfRuns(
        "endurance",
        {label: f"blur_ablations/{run}" for of_panel in _ABLATIONS.values() for label, run in of_panel.items()},
        {
            "panels": {title: tuple(of_panel) for title, of_panel in _ABLATIONS.items()},
            "papers": {"non-linearities": (10, 0.72, 0.88), "states": (10, 0.7, 0.95)},
        },
        flags=f"{_DIGITS_FILES} MNIST",
    ),
    "blur_cmaes": OfRuns(
        _CURVES,
        {"MNIST, 512 hidden neurons, 80 genomes": "blur_cmaes/paper"},
        {"metric": "eval/test_accuracy", "paper": 0.84},
        flags=f"{_DIGITS_FILES} MNIST",
    ),
    "blur_depths": OfRuns(
        "transfer",
        {"1 hidden layer": "blur_ablations/one", "2": "blur_ablations/both", "4": "blur_ablations/four"},
        flags=f"{_DIGITS_FILES} MNIST",
    ),
    "blur_digits": OfRuns("race", {"digits, 256 hidden neurons": "blur_digits/wider"}),
    "blur_gradient": OfTour("blur_toy", "asymmetry"),
    "blur_label": OfRuns("race", {"KMNIST, 64 hidden neurons": "blur_label/64"}, flags=f"{_DIGITS_FILES} KMNIST"),
    "blur_lasting": OfRuns("race", {"KMNIST, 64 hidden neurons": "blur_lasting/64"}, flags=f"{_DIGITS_FILES} KMNIST"),
    "blur_networks": OfRuns(
        "race",
        {
            "MNIST, 256 neurons": "blur_mnist/256",
            "256 and 128": "blur_mnist/256_128",
            "512 and 256": "blur_mnist/512_256",
        },
        flags=f"{_DIGITS_FILES} MNIST",
    ),
    "blur_synapses": OfRuns(
        "endurance",
        {label: f"blur_ablations/{run}" for label, run in _ABLATIONS[_SMALL].items()},
        {
            "measured": "synapses_rms",
            "panels": {_SMALL: tuple(_ABLATIONS[_SMALL])},
            "papers": {_SMALL: (100, 100, 100)},
        },
        flags=f"{_DIGITS_FILES} MNIST",
    ),
    "blur_toy": OfTour("blur_toy", "adaptation"),
    "blur_widths": OfRuns(
        "transfer",
        {f"{width} neurons": f"blur_ablations/width_{width}" for width in (16, 64, 256)},
        flags=f"{_DIGITS_FILES} MNIST",
    ),
    "bootstrap_blur": OfRuns("pair", {"slightly deformed digits, n = 256": "bootstrap_blur/digits"}),
    "cifar10": OfRuns(
        "pair",
        {"CIFAR-10, mCNN of width 16, n = 2000": "bootstrap_cifar10/myrtle16"},
        flags="--data_dir=DIR, which holds CIFAR-10",
    ),
    "cifar10_nets": OfRuns(
        "fan",
        {"CIFAR-10, ResNet-18": "bootstrap_cifar10/resnet18", "CIFAR-10, mCNN": "bootstrap_cifar10/myrtle64"},
        {"score": "error"},
        flags="--data_dir=DIR, which holds CIFAR-10",
    ),
    "cloning": OfRuns(
        _CURVES,
        {"with cloning": "self_play_puck/two", "without": "self_play_puck/two_no_abc"},
        {"metric": "eval/uniform_success"},
    ),
    "collage": OfRuns("experiments.figures.collage:collage", {part: f"collage/{part}" for part in collage.RUNS}),
    "density": OfTour("glns_density"),
    "digits": OfRuns(
        _CURVES,
        {
            "GLN, real world": "glns_digits/real",
            "GLN, ideal world": "glns_digits/ideal",
            "SGD, real world": "sgd_digits/real",
            "SGD, ideal world": "sgd_digits/ideal",
        },
        {"metric": "eval/test_error"},
    ),
    "distributions": OfTour("distributions"),
    "gripper": OfTour("gripper", "film"),
    "holdouts": OfTour("self_play_holdouts"),
    "pair": OfRuns("pair", {"deformed digits, n = 4000": "bootstrap_digits/mlp"}),
    "payoff": OfRuns("payoff", {"one cube": "self_play_blocks/one"}),
    "pretraining": OfRuns(
        "pair",
        {"pretrained": "bootstrap_pretraining/digits"},
        flags="--config.learner.init_from={runs}/bootstrap_pretraining/pretrain",
    ),
    "regression": OfRuns("pair", {"linear regression, n = 100": "bootstrap_regression/linear"}),
    "retention": OfRuns("retention", {"permuted MNIST": "glns_permuted_mnist/full"}, flags=f"{_DIGITS_FILES} MNIST"),
    "saliency": OfTour("glns_digits", "saliency"),
    "samples": OfRuns("fan", {"deformed digits": "bootstrap_samples/mlp"}),
    "scatter": OfRuns(
        "scatter",
        {"CIFAR-10, grey, n = 2000": "bootstrap_scatter/cifar10"},
        flags="--data_dir=DIR, which holds CIFAR-10",
    ),
    "self_play_worlds": OfRuns(
        _CURVES,
        {
            **{f"{n} tasks": f"self_play_curriculum/tasks_{n}" for n in (4, 16, 64, 256)},
            "ever new tasks": "self_play_curriculum/fresh",
            "Alice's goals": "self_play_curriculum/alice",
        },
        {"metric": "eval/holdout_success"},
    ),
    "shared_density": OfRuns(
        "paintings", {"": "glns_shared_density/online"}, flags="--data_dir=DIR, which holds binarised MNIST"
    ),
    "stacking": OfTour("gripper", "stacking"),
    "teachers": OfRuns(
        _CURVES,
        {
            "Alice": "self_play_twins/recipe",
            "uniform": "self_play_twins/uniform",
            "ever farther, by hand": "self_play_twins/curriculum",
            "the exams' own goals": "self_play_twins/drawn",
            "replay": "self_play_twins/replay",
            "MEGA": "self_play_twins/mega",
            "SFL": "self_play_twins/sfl",
        },
        {"metric": "eval/holdout_success"},
    ),
    "twins": OfRuns(
        _CURVES,
        {
            "all of it": "self_play_twins/recipe",
            "no cloning": "self_play_twins/no_abc",
            "cloning does not fade": "self_play_twins/abc_kept",
            "no path of starts": "self_play_twins/no_path",
            "equal shares of starts": "self_play_twins/equal",
            "no clip": "self_play_twins/no_clip",
            "no filter": "self_play_twins/no_filter",
            "one goal an episode": "self_play_twins/one_goal",
            "her reward is his time": "self_play_twins/timestep",
            "against past versions": "self_play_twins/past",
        },
        {"metric": "eval/holdout_success"},
    ),
    "unseen": OfTour("gripper", "unseen"),
    "wave": OfRuns("wave", {"one cube": "self_play_blocks/one"}),
}


def draw(chosen: Iterable[str], runs: Path, out: Path) -> dict[str, list[str]]:
    """Draws these pictures into a folder. -> for each why it could not be drawn: commands that make what it lacks.

    What lacks a run is said before anything is drawn, for a tour takes minutes.
    """
    problems = {name: missing(PICTURES[name], runs) for name in chosen}
    for name, commands in problems.items():
        _say(name, commands)
    with cli.user_errors(OSError, saying=f"cannot write pictures to {out}: "):
        out.mkdir(parents=True, exist_ok=True)
        for name in [name for name in chosen if not problems[name]]:
            try:
                figure = drawn(PICTURES[name], runs)
            except Exception as error:  # a tour may raise any, and the others go on
                problems[name] = [cli.one_line(error)]
                _say(name, problems[name])
                continue
            path = plots.picture(out, name)
            if isinstance(figure, Figure):
                figure.savefig(path, dpi=120)
            else:
                (path := path.with_suffix(".gif")).write_bytes(figure)
            print(f"picture: {path}", flush=True)
    return problems


def _say(name: str, reasons: Iterable[str]) -> None:
    """One line for each reason why a picture is not drawn."""
    for reason in reasons:
        print(f"not drawn: {name}: {reason}", flush=True)


def missing(picture: OfRuns | OfTour, runs: Path) -> list[str]:
    """The commands of the runs that a picture lacks."""
    if isinstance(picture, OfTour):
        return []
    commands = []
    for run in picture.runs.values():
        if folder.finished_steps(runs / run) is None:
            config, variant = run.split("/")
            named = f"--config=experiments/configs/{config}.py:{variant} --workdir={runs / run}"
            commands.append(f"python -m launch.train {named} {picture.flags.format(runs=runs)}".rstrip())
    return commands


def drawn(picture: OfRuns | OfTour, runs: Path) -> Figure | bytes:
    """The figure, or the film."""
    if isinstance(picture, OfTour):
        return _run_tour(picture.tour)[picture.variable]
    of = {label: _with_seeds(runs / run) for label, run in picture.runs.items()}
    config = next(config for config, _ in of.values())
    settings = registry.settings_by_label(config.get("figures"), "figures").get(picture.figure, {})
    draw = registry.build("figures", {**settings, "name": picture.figure, **picture.settings})
    return draw({label: records for label, (_, records) in of.items()})


@cache
def _run_tour(tour: str) -> dict[str, Any]:
    """What a tour leaves in its variables; it takes minutes, and several pictures may be of one."""
    return runpy.run_path(str(EXPERIMENTS / "tours" / f"{tour}.py"))


def _with_seeds(run: Path) -> tuple[dict, Records]:
    """The config and the records of a run, with those of its other seeds."""
    others = [other for other in sorted(run.parent.glob(f"{run.name},seed=*")) if folder.finished_steps(other)]
    of = seeds.together(plots.read([run, *others]))
    if len(of.configs) > 1:
        raise ValueError(f"{', '.join(of.configs)}: they differ in more than their seeds; keep one of each seed")
    return next(iter(of.configs.values())), next(iter(of.records.values()))
