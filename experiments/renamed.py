"""Names that configs had before, and what they are now: for one clear line in place of a puzzle."""

from collections.abc import Iterable, Mapping

KEYS = {  # of a whole config
    "cells": "grid",
    "conclusions": "analyses",
    "files": "artifacts",
    "loop": "execution",
    "probe_every": "eval_every",
    "probes": "evals",
    "probes_per_decade": "evals_per_decade",
    "rivals": "baselines",
    "show": "log_metrics",
    "slab": "prefetch",
}
SETTINGS = {  # of what a config names
    "chunk": "bptt_length",
    "deviation": "std",
    "form": "implementation",
    "genome": "init_genome",
    "greatest": "max_shift",
    "in_turn": "sequential",
    "lstm": "lstm_size",
    "memory_size": "lstm_size",
    "num_past": "pool_size",
    "past_every": "pool_every",
    "past_share": "past_prob",
    "relative": "std, by names of genes",
    "share": "sequence_fraction",
    "sharpness": "logit_scale",
    "space": "projection",
    "step": "step_rule",
    "whole": "num_unpooled",
}


def check(config: Mapping) -> None:
    """Raises ValueError, with the new names, where a config has old keys."""
    if old := [key for key in config if key in KEYS]:
        raise ValueError("; ".join(f"config.{key} is now config.{KEYS[key]}" for key in sorted(old)))


def hint(settings: Iterable[str]) -> str:
    """What to say of settings that a function does not take, where they are old names; else nothing."""
    new = KEYS | SETTINGS
    found = [f"{key} is now {new[key]}" for key in settings if key in new]
    return f" ({'; '.join(found)})" if found else ""
