"""Texts that a run leaves in its folder. Pure: (config, run of one cell and seed) -> file name -> text."""

import json

import blur

_GENOMES = {"blur_meta": blur.best_genome, "blur_evolution": lambda state: state.mean}  # state -> genome
_MADE_BY = ("seed", "num_seeds", "num_steps", "data", "world", "stages", "learner")


def genome(config, run):
    """The genome that a run has learned, as a file that `blur.text` reads: the best one, or the mean of an evolution.

    Its note has the config's command, and of the config what made the genome.
    """
    content = config.to_dict()
    learner = content["learner"]
    if learner["name"] not in _GENOMES:
        raise ValueError(f"the learner {learner['name']!r} has no genome to keep; {', '.join(_GENOMES)} have")
    made_by = {key: content[key] for key in _MADE_BY if key in content}
    note = {"command": content["command"], "config": json.dumps(made_by)}
    rule = blur.Rule(**(learner.get("rule") or {}))
    return {"genome.json": blur.text.dumps(_GENOMES[learner["name"]](run.learner), rule, note)}
