"""Figures, drawn from the records and artifacts of runs alone."""

from experiments.figures import samples as samples
from experiments.figures import scenes as scenes
from experiments.figures.curves import adaptation as adaptation
from experiments.figures.curves import curves as curves
from experiments.figures.curves import fan as fan
from experiments.figures.curves import pair as pair
from experiments.figures.curves import race as race
from experiments.figures.curves import retention as retention
from experiments.figures.curves import scatter as scatter
