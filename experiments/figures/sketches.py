"""The idea of each paper in a sketch, which shows no result."""

from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Rectangle

_TINTS = ("#CFE3F2", "#FCEFD0", "#CFEBE1", "#F6DDCF", "#EDDCE6", "#E4E4E4")


def gating(axes: Axes) -> None:
    """Half-spaces part the inputs into contexts; the input is in one of them, which has a row of weights."""
    normals, offsets = np.array([[1.0, 0.35], [-0.3, 1.0], [0.8, -1.0]]), np.array([0.45, 0.4, 0.05])
    side = np.linspace(0, 1, 240)
    points = np.stack(np.meshgrid(side, side), axis=-1)
    context = ((points @ normals.T > offsets) * (1, 2, 4)).sum(axis=-1)
    places = np.searchsorted(np.unique(context), context)
    colours = np.array([[int(tint[i : i + 2], 16) / 255 for i in (1, 3, 5)] for tint in _TINTS])
    axes.imshow(colours[places % len(_TINTS)], origin="lower", extent=(0, 1, 0, 1))
    for place in np.unique(places):
        x, y = np.clip(points[places == place].mean(axis=0), 0.06, 0.94)
        axes.text(x, y, f"$w_{place}$", fontsize=13, ha="center", va="center")
    axes.plot(0.72, 0.83, "k*", markersize=12)
    axes.text(0.75, 0.83, "input", fontsize=10, va="center")
    _bare(axes, "its context chooses the weights")


def states(axes: Axes) -> None:
    """Neurons of two states, forward through one and back through the other."""
    layers = [(0.12, (0.2, 0.5, 0.8)), (0.5, (0.3, 0.7)), (0.88, (0.35, 0.65))]
    for (left, below), (right, above) in pairwise(layers):
        for y in below:
            for z in above:
                axes.plot((left, right), (y, z), color="0.85", zorder=0)
    for x, heights in layers:
        for y in heights:
            axes.scatter((x, x + 0.035), (y, y - 0.035), s=320, color=("#0072B2", "#D55E00"), zorder=2)
    _arrow(axes, (0.12, 0.95), (0.88, 0.95), "#0072B2")
    _arrow(axes, (0.88, 0.05), (0.12, 0.05), "#D55E00")
    axes.text(0.5, 0.99, "what it saw", color="#0072B2", ha="center", fontsize=10)
    axes.text(0.5, -0.05, "what it should have been", color="#D55E00", ha="center", fontsize=10)
    axes.set(xlim=(0, 1), ylim=(-0.1, 1.1))
    _bare(axes, "every neuron has two states")


def worlds(axes: Axes) -> None:
    """The same samples in both worlds at first; then one shows them again, and the other new ones."""
    shades = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")
    fresh = ("#56B4E9", "#F0E442", "#999999", "#D55E00")
    for y, name, later in ((0.62, "real world", shades), (0.22, "ideal world", fresh)):
        axes.text(0.02, y + 0.22, name, fontsize=10)
        for i, shade in enumerate((*shades, *later)):
            axes.add_patch(Rectangle((0.02 + 0.12 * i, y), 0.1, 0.16, facecolor=shade))
    axes.axvline(0.49, ymin=0.18, ymax=0.9, color="black", linestyle=":")
    _arrow(axes, (0.02, 0.12), (0.97, 0.12), "black")
    axes.text(0.5, 0.02, "batches", ha="center", fontsize=10)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    _bare(axes, "reuse is all that parts them")


def game(axes: Axes) -> None:
    """Alice moves a thing; where it ends is the goal; Bob must bring his there."""
    for y, name, colour in ((0.68, "Alice", "#CC79A7"), (0.24, "Bob", "#0072B2")):
        axes.text(0.03, y + 0.14, name, color=colour, fontsize=11, fontweight="bold")
        axes.add_patch(Rectangle((0.12, y - 0.05), 0.14, 0.14, facecolor=colour))
        _arrow(axes, (0.3, y + 0.02), (0.66, y + 0.02), colour)
    axes.add_patch(Rectangle((0.72, 0.63), 0.14, 0.14, facecolor="#CC79A7"))
    axes.add_patch(Rectangle((0.72, 0.19), 0.14, 0.14, facecolor="none", edgecolor="#CC79A7", linestyle="--", lw=2))
    _arrow(axes, (0.79, 0.6), (0.79, 0.37), "0.5")
    axes.text(0.77, 0.48, "his goal", color="0.4", ha="right", fontsize=10)
    axes.set(xlim=(0, 1), ylim=(0.05, 0.95))
    _bare(axes, "she can, so it can be done")


def _arrow(axes, start, end, colour):
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=14, color=colour, linewidth=1.5))


def _bare(axes, title):
    axes.set_title(title, fontsize=11)
    axes.set_aspect("auto")
    axes.set_axis_off()
