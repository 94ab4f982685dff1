"""Asymmetric self-play for robotic manipulation (OpenAI et al. 2021, arXiv 2101.04882): Alice sets goals for Bob."""

from self_play import game as game
from self_play import goals as goals
from self_play import observations as observations
from self_play import past as past
from self_play import scene as scene
from self_play.arena import Tabletop as Tabletop
from self_play.arena import film as film
from self_play.arena import page as page
from self_play.arena import tabletop as tabletop
from self_play.learner import learner as learner
from self_play.world import Batch as Batch
from self_play.world import arena as arena
