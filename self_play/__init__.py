"""Asymmetric self-play for robotic manipulation (OpenAI et al. 2021, arXiv 2101.04882): Alice sets goals for Bob."""

from self_play import (
    cross_play,
    domain,
    environments,
    exams,
    following,
    game,
    goals,
    holdouts,
    objects,
    observations,
    opponents,
    oracles,
    pretrained,
    robots,
    scene,
    sources,
    tabletop,
    world,
)
from self_play.cross_play import play_versions, versions_of
from self_play.films import render_frames, render_images
from self_play.objects import Object
from self_play.page import html_page
from self_play.ppo_learner import learner
from self_play.pretrained import load
from self_play.recording import Recording, frames_of, images_of, record
from self_play.robots import Robot, arm
from self_play.scene import Scene, Table, compose, scene_of
from self_play.tabletop import Tabletop
from self_play.world import Batch, Setup, arena, setup

__all__ = [
    "Batch",
    "Object",
    "Recording",
    "Robot",
    "Scene",
    "Setup",
    "Table",
    "Tabletop",
    "arena",
    "arm",
    "compose",
    "cross_play",
    "domain",
    "environments",
    "exams",
    "following",
    "frames_of",
    "game",
    "goals",
    "holdouts",
    "html_page",
    "images_of",
    "learner",
    "load",
    "objects",
    "observations",
    "opponents",
    "oracles",
    "play_versions",
    "pretrained",
    "record",
    "render_frames",
    "render_images",
    "robots",
    "scene",
    "scene_of",
    "setup",
    "sources",
    "tabletop",
    "versions_of",
    "world",
]
