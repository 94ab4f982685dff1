"""The collage: what each of the four papers is about, and what the runs of `experiments/configs/collage.py` show of it.

`collage` is all four in one picture, `page` one of them. A panel draws one run into axes or, where it is several
pictures, into a part of the figure; one shows the Bob of the package, whose learning takes hours, from what is kept of
his run. Colours are those that colour-blind people tell apart (Okabe & Ito 2008).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from experiments.analyses import stopping
from experiments.figures import samples, scenes, sketches
from experiments.figures.learning_curves import mean, range_band
from experiments.figures.legends import counted
from experiments.figures.tasks import kept
from experiments.headlines import Headline
from experiments.records import Records, curve, member
from self_play import pretrained

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "0.6"


class Panel(NamedTuple):
    """What is drawn of a run."""

    run: str
    draw: Callable  # (SubFigure, Records) -> None
    title: str
    width: float = 1.0


class Paper(NamedTuple):
    """What is said and shown of a paper."""

    title: str
    source: str
    idea: str
    rule: str
    sketch: Callable  # (Axes) -> None
    panels: tuple[Panel, ...]


def collage(runs: Mapping[str, Records]) -> Figure:
    """All four papers: the idea of each in a sketch, and what two or three runs show. runs: by part of the config."""
    figure = Figure(figsize=(15, 12.4), layout="constrained")
    for rows, paper in zip(_parts(figure, len(PAPERS), 1, hspace=0.03), PAPERS.values(), strict=True):
        rows.suptitle(f"{paper.title}: {paper.idea}", fontsize=13, fontweight="bold", x=0.01, ha="left")
        _row(rows, paper, runs)
    return figure


def page(runs: Mapping[str, Records], *, paper: str, headlines: Sequence[Headline] = ()) -> Figure:
    """One paper: idea, rule, sketch, panels, and a table of our numbers beside the published ones."""
    of = PAPERS[paper]
    figure = Figure(figsize=(15, 7.2), layout="constrained")
    heights = (1.5, 3.4, 0.5 + 0.42 * (1 + len(headlines)))
    top, middle, bottom = _parts(figure, 3, 1, height_ratios=heights)
    lines: tuple[tuple[str, dict[str, Any]], ...] = (
        (of.title, {"fontsize": 20, "fontweight": "bold"}),
        (f"{of.idea[0].upper()}{of.idea[1:]}.", {"fontsize": 13}),
        (of.source, {"fontsize": 11, "color": "0.3"}),
        (of.rule, {"fontsize": 13}),
    )
    for (text, style), height in zip(lines, (0.86, 0.62, 0.42, 0.14), strict=True):
        top.text(0.01, height, text, va="center", **style)
    _row(middle, of, runs)
    axes = bottom.subplots()
    axes.set_axis_off()
    cells = [[line.what, line.ours, line.published] for line in headlines]
    if cells:
        table = axes.table(
            cells, colLabels=["", "here", "the paper"], colWidths=(0.36, 0.39, 0.25), loc="center", cellLoc="left"
        )
        for cell in table.get_celld().values():
            cell.PAD = 0.02
        table.auto_set_font_size(False)
        table.set_fontsize(11)
        table.scale(1, 1.5)
    return figure


def _parts(figure: Figure | SubFigure, rows: int, columns: int, **settings: Any) -> list[SubFigure]:
    parts: Any = figure.subfigures(rows, columns, **settings)
    return list(parts)


def _row(figure: SubFigure, paper: Paper, runs: Mapping[str, Records]) -> None:
    """The sketch of a paper, then its panels."""
    widths = (0.75, *(panel.width for panel in paper.panels))
    sketch, *parts = _parts(figure, 1, len(widths), width_ratios=widths)
    paper.sketch(sketch.subplots())
    for part, panel in zip(parts, paper.panels, strict=True):
        part.suptitle(panel.title, fontsize=11)
        panel.draw(part, runs[panel.run])


def _stream(figure: SubFigure, records: Records) -> None:
    """The accuracy of predictions made before each row was learned."""
    axes, batch = figure.subplots(), 32
    for name, label, colour in (("", "GLN", RED), ("network", "SGD network", BLUE), ("linear", "linear model", GREY)):
        steps, errors = curve(records, "error", name, kind="train")
        range_band(axes, batch * steps, 1 - errors, label=label, color=colour)
    axes.axvline(batch * steps[-1] / 2, color="black", linestyle=":", linewidth=1)
    _finish(axes, errors, xlabel="rows", ylabel="accuracy on the next rows")


def _saliency(figure: SubFigure, records: Records) -> None:
    """Digits, and below what in them speaks for their class."""
    of = {key: np.array(value) for key, value in json.loads(records.artifact("saliency.json")).items()}
    chosen = np.linspace(0, len(of["images"]) - 1, 5).round().astype(int)
    samples.saliency_panels(figure.subplots(2, len(chosen)), of["images"][chosen], of["maps"][chosen])


def _retention(figure: SubFigure, records: Records) -> None:
    """The first task, as others follow."""
    axes, (steps, _) = figure.subplots(), curve(records, "retention")
    per_task = steps[-1] // 4
    for name, label, colour in (("", "GLN", RED), ("ewc", "SGD with EWC", ORANGE), ("sgd", "SGD", BLUE)):
        _, of_first, _ = kept(records, name, per_task)
        range_band(axes, steps[steps > 0] / per_task, of_first, label=label, color=colour, marker="o")
    axes.set_xticks(range(1, 5))
    _finish(axes, of_first, xlabel="tasks learned", ylabel="accuracy on the first task")


def _race(figure: SubFigure, records: Records) -> None:
    """The genome, an earlier one, and at each step the best of the settings of SGD and of Adam."""
    axes = figure.subplots()
    steps, accuracies = _accuracies(records, "")
    for name, label, colour in (("", "genome", RED), ("earlier", "genome of the paper's kind", GREY)):
        range_band(axes, steps, _accuracies(records, name)[1], label=label, color=colour)
    for kind, colour in (("sgd", BLUE), ("adam", ORANGE)):
        of_kind = [mean(_accuracies(records, name)[1]) for name in records.baselines if name.startswith(kind)]
        label = f"best of {len(of_kind)} {'SGD' if kind == 'sgd' else 'Adam'}, each step"
        axes.plot(steps, np.max(of_kind, axis=0), color=colour, label=label)
    axes.set(xscale="log")
    _finish(axes, accuracies, xlabel="batches of 128", ylabel="test accuracy", ylim=(0.8, 1.0))


def _lead(figure: SubFigure, records: Records) -> None:
    """How far the genome is ahead of the best of all of them at each step."""
    axes = figure.subplots()
    steps, own = _accuracies(records, "")
    others = [mean(_accuracies(records, name)[1]) for name in records.baselines if name != "earlier"]
    range_band(axes, steps, 100 * (own - np.max(others, axis=0)), label="", color=RED)
    axes.axhline(0, color="black", linewidth=1)
    axes.set(xscale="log", ylim=(-2, 5))
    _finish(axes, own, xlabel="batches of 128", ylabel=f"points ahead of all {len(others)}", named=False)


def _accuracies(records: Records, name: str) -> tuple[np.ndarray, np.ndarray]:
    """-> steps [E] after the first, test accuracies [S, E]."""
    steps, errors = curve(records, "test_error", name)
    return steps[steps > 0], 1 - errors[:, steps > 0]


def _pair(learner: str) -> Callable:
    def draw(figure: SubFigure, records: Records) -> None:
        """A learner in both worlds, and when it has learned the real one's samples."""
        axes = figure.subplots()
        for world, colour in (("ideal", GREEN), ("real", RED)):
            steps, errors = curve(records, "test_soft_error", member(world, learner))
            range_band(axes, steps[1:], errors[:, 1:], label=f"{world} world", color=colour)
        reached, times = stopping(records, member("real", learner), 0.01)
        if np.isfinite(reached).any():
            axes.axvline(times.mean(), color="black", linestyle=":", label="real samples learned")
        axes.set(xscale="log")
        _finish(axes, errors, xlabel="batches of 64", ylabel="test soft error", ylim=(0, 0.5))

    return draw


def _learning(figure: SubFigure, records: Records) -> None:
    """Her goals, and his success at them and at those of the exam."""
    axes = figure.subplots()
    named = {"valid_goals": ("Alice sets a goal", GREY), "bob_success": ("Bob reaches it", BLUE)}
    for name, (label, colour) in named.items():
        range_band(axes, *curve(records, name, kind="train"), label=label, color=colour)
    steps, success = curve(records, "holdout_success")
    range_band(axes, steps, success, label="Bob, places nobody showed him", color=RED, marker="o")
    _, chance = curve(records, "holdout_success_random")
    axes.plot(steps, mean(chance), color="black", linestyle=":", label="a random Bob")
    axes.set_yticks(np.linspace(0, 1, 6))
    _finish(axes, success, xlabel="updates", ylabel="fraction", ylim=(-0.03, 1.6))  # room for the legend


def _episode(figure: SubFigure, records: Records) -> None:
    """Alice's turn above Bob's; of one that set no goal, her turn."""
    frames = json.loads(records.artifact("episode.json"))
    rows = scenes.turns(frames)
    for (name, steps), row in zip(rows.items(), figure.subplots(len(rows), 3, squeeze=False), strict=True):
        scenes.strip(row, frames, steps, name)


def _exams(figure: SubFigure, records: Records) -> None:
    """How the Bob of the package who stacks learned, in exams: of his own run, which takes two hours of a core."""
    del records
    axes, exams = figure.subplots(), pretrained.exams("two")
    steps, named = [exam["step"] for exam in exams], {"push_2": "push", "pick_and_place_2": "place", "stack_2": "stack"}
    for (task, label), colour in zip(named.items(), (BLUE, ORANGE, RED), strict=True):
        low, success, high = ([exam[f"eval/{task}_{of}"] for exam in exams] for of in ("low", "success", "high"))
        axes.plot(steps, success, color=colour, label=f"{label} two cubes")
        axes.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.plot(steps, [exam["eval/stack_2_random"] for exam in exams], "k:", label="a random Bob")
    _finish(axes, np.array([success]), xlabel="updates", ylabel="fraction of an exam's goals", ylim=(-0.03, 1.03))


def _finish(axes: Axes, values: np.ndarray, *, xlabel: str, named: bool = True, **settings: Any) -> None:
    """values: [S, E], of as many seeds as the others."""
    axes.set(xlabel=f"{xlabel} ({counted([len(values)])})", **settings)
    axes.grid(alpha=0.3)
    if named:
        axes.legend(fontsize="small")


PAPERS = {
    "glns": Paper(
        "Gated Linear Networks",
        "Veness et al. 2019.",
        "every neuron predicts the target itself, and learns it at once",
        r"$w_c \leftarrow w_c - \eta\,(\sigma(w_c \cdot \mathrm{logit}\,p) - y)\;\mathrm{logit}\,p$"
        "   for the row $c$ that the input's context chooses; no other neuron is asked",
        sketches.gating,
        (
            Panel("stream", _stream, "a stream whose classes change places", 1.1),
            Panel("tasks", _retention, "four tasks in a row, untold", 1.0),
            Panel("digits", _saliency, "what it saw in digits it never learned", 1.3),
        ),
    ),
    "blur": Paper(
        "Meta-Learning Bidirectional Update Rules",
        "Sandler et al. 2021. The genome `muon` goes beyond it: made by hand, fed the error, its changes orthogonal.",
        "a genome of a few numbers takes the place of backpropagation and SGD",
        r"$a_j^c \leftarrow \sigma(f a_j^c + \eta \sum_{i,d} w_{ij}^c \nu^{cd} a_i^d)$,  back likewise with $\mu$,  "
        r"$w_{ij}^c \leftarrow \tilde f w_{ij}^c + \tilde\eta \sum_{e,d} a_i^e \tilde\nu^{ec} \tilde\mu^{cd} a_j^d$",
        sketches.states,
        (
            Panel("genome", _race, "digits, a network of 64", 1.5),
            Panel("genome", _lead, "ahead of the best rate of each step", 1.5),
        ),
    ),
    "bootstrap": Paper(
        "The Deep Bootstrap",
        "Nakkiran et al. 2021.",
        "what generalises learns fast where samples never end, and slowly enough where they do",
        "test error = error in the ideal world + (real world - ideal world); "
        "the second is small until the real samples are learned",
        sketches.worlds,
        tuple(
            Panel("worlds", _pair(name), title)
            for name, title in (
                ("sgd", "SGD, a network of 128"),
                ("", "GLN"),
                ("genome", "the genome, a network of 128"),
            )
        ),
    ),
    "self_play": Paper(
        "Asymmetric self-play",
        "OpenAI et al. 2021.",
        "Alice sets goals by reaching them, and Bob learns to reach what nobody asked for",
        "Alice earns 5 where Bob fails; he earns 1 for each object at its goal, 5 for all of them, and clones what she "
        "did where he failed",
        sketches.game,
        (
            Panel("puck", _learning, "a puck, from scratch", 1.1),
            Panel("gripper", _episode, "a pretrained gripper: her goal, then his turn", 1.3),
            Panel("gripper", _exams, "how the Bob of two cubes learned", 1.1),
        ),
    ),
}

# The parts of the config that are drawn.
RUNS = tuple(dict.fromkeys(panel.run for paper in PAPERS.values() for panel in paper.panels))
