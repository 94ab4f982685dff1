"""Figures, drawn from the records and artifacts of runs alone: (runs: label -> Records, *, settings) -> Figure.

`samples` and `scenes` also have pictures of samples, tasks and tables; `adaptation` and `asymmetry` are of arrays, for
tours.
"""

from experiments.figures import samples as samples
from experiments.figures import scenes as scenes
from experiments.figures.against_baselines import race as race
from experiments.figures.learning_curves import curves as curves
from experiments.figures.legends import by_number as by_number
from experiments.figures.samples import paintings as paintings
from experiments.figures.scenes import arena as arena
from experiments.figures.self_play import curriculum as curriculum
from experiments.figures.self_play import payoff as payoff
from experiments.figures.self_play import wave as wave
from experiments.figures.tasks import adaptation as adaptation
from experiments.figures.tasks import asymmetry as asymmetry
from experiments.figures.tasks import endurance as endurance
from experiments.figures.tasks import retention as retention
from experiments.figures.tasks import transfer as transfer
from experiments.figures.worlds import fan as fan
from experiments.figures.worlds import pair as pair
from experiments.figures.worlds import scatter as scatter
