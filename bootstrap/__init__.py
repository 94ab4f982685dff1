"""The Deep Bootstrap framework (Nakkiran et al. 2021, arXiv 2010.08127): real world against ideal, for any learner.

The frame: `Learner`, `World`, `Run`, `begin`, `advance`; `beside` lets baselines learn beside a learner.
Worlds: `real`, `ideal`, `paired` (both, from one stream, as of the `rows` of arrays), `fed` (of rows read as they are
needed, also `shuffled`), `in_order` (rows as they stand), `permuted` (a sequence of tasks), `bandits.world`.
Learners of any net (`Net`, `nets`): `sgd.learner`, `ewc.learner`, `regression.learner`, `bandits.neural`; and
`bandits.linear`; `ensemble.learner`, of any classifier.
Samples: `distributions`, `augment`, `images`.
Learners that go on from what was learned, or predict by an average of it: `started`, `averaged`.
Other forms of `advance`: `prefetch`.
Evaluation: `scores` of predictions; `gap` between the curves of two worlds, and by theory where a model is linear in
its features: `gradient_flow`.
"""

from bootstrap import (
    augment,
    bandits,
    distributions,
    ensemble,
    ewc,
    gap,
    gradient_flow,
    images,
    nets,
    prefetch,
    reading,
    regression,
    sgd,
    worlds,
)
from bootstrap.baselines import beside
from bootstrap.core import Learner, Run, World, advance, begin, undivided
from bootstrap.nets import Net
from bootstrap.reading import fed, shuffled
from bootstrap.rows import in_order, rows
from bootstrap.scoring import scores
from bootstrap.starts import averaged, learned, started
from bootstrap.tasks import permuted
from bootstrap.worlds import UNLIMITED, ideal, paired, real

__all__ = [
    "UNLIMITED",
    "Learner",
    "Net",
    "Run",
    "World",
    "advance",
    "augment",
    "averaged",
    "bandits",
    "begin",
    "beside",
    "distributions",
    "ensemble",
    "ewc",
    "fed",
    "gap",
    "gradient_flow",
    "ideal",
    "images",
    "in_order",
    "learned",
    "nets",
    "paired",
    "permuted",
    "prefetch",
    "reading",
    "real",
    "regression",
    "rows",
    "scores",
    "sgd",
    "shuffled",
    "started",
    "undivided",
    "worlds",
]
