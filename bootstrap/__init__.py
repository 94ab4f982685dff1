"""The Deep Bootstrap framework (Nakkiran et al. 2021, arXiv 2010.08127): real world against ideal, for any learner."""

from bootstrap import augment as augment
from bootstrap import bandits as bandits
from bootstrap import distributions as distributions
from bootstrap import ewc as ewc
from bootstrap import gap as gap
from bootstrap import images as images
from bootstrap import nets as nets
from bootstrap import prefetch as prefetch
from bootstrap import regression as regression
from bootstrap import sgd as sgd
from bootstrap import worlds as worlds
from bootstrap.baselines import beside as beside
from bootstrap.core import Learner as Learner
from bootstrap.core import Run as Run
from bootstrap.core import World as World
from bootstrap.core import advance as advance
from bootstrap.core import begin as begin
from bootstrap.scores import scores as scores
from bootstrap.tasks import permuted as permuted
from bootstrap.worlds import UNLIMITED as UNLIMITED
from bootstrap.worlds import ideal as ideal
from bootstrap.worlds import paired as paired
from bootstrap.worlds import real as real
