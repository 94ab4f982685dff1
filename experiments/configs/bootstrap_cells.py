"""Random architectures, real world against ideal: nets whose cells are drawn by a seed (Nakkiran 2021, figure 2b).

    python -m launch.train --config=experiments/configs/bootstrap_cells.py:digits --workdir=runs/cells

variant  what                                                                                           seconds
digits   six random cells of width 4, deformed digits of 8 x 8, n = 500, 600 steps of 32                  260
smoke    two cells, 4 steps

No world fits its training set in 600 steps, so the end is taken: reuse costs .073, .028, .033, .062, .109 and .057 of
soft error for cells 0 to 5 (2 seeds), where test and train are .39 .42 .44 .25 .49 .38 apart. The order of the cells is
roughly that of the ideal world, as in the paper. Seconds are of a shared core, compiling (175) included.
"""

from ml_collections import ConfigDict

from experiments.configs.bootstrap_width import in_two_worlds


def get_config(variant: str = "digits") -> ConfigDict:
    """The config of a variant."""
    if variant not in ("digits", "smoke"):
        raise ValueError(f"no variant {variant!r}; there are digits, smoke")
    smoke = variant == "smoke"
    learners = {
        f"cell{seed}": {
            "name": "sgd",
            "net": {"name": "random_cells", "cell_seed": seed, "width": 4, "num_classes": 10, "form": "product"},
            "tx": {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9},
        }
        for seed in range(2 if smoke else 6)
    }
    return in_two_worlds(learners, smoke=smoke, num_steps=600, num_seeds=2, num_test=500, evals_per_decade=8)
