"""What a rule needs in order to learn and to transfer, on digits (Sandler 2021, figures 8, 9, 10, 12 and 13).

    python -m launch.train --config=experiments/configs/blur_ablations.py:both --workdir=runs/blur_ablations/both

variant           what differs from the base: 4 states, both passes normalised, 32 hidden neurons  seconds   accuracy
both              nothing                                                                          35 to 85  0.809
forward           figure 8: only the forward pass is normalised                                    35 to 85  0.805
backward          figure 8: only the backward pass is normalised                                   35 to 85  0.688
none              figure 8: no pass is normalised                                                  35 to 85  0.190
states_2          figure 13: 2 states                                                              35 to 85  0.648
states_8          figure 13: 8 states                                                              35 to 85  0.873
multiplicative    figure 9: the backward update multiplies                                         35 to 85  0.113
second_state      figure 9: it multiplies all states but the first                                 35 to 85  0.500
symmetric         figure 9: one synapse for both directions                                        35 to 85  0.850
symmetric_single  figure 9: one synapse for both directions, with one state                        35 to 85  0.846
relu              figure 12: ReLU forward, linear backward                                         35 to 85  0.836
linear            figure 12: linear in both passes                                                 35 to 85  0.863
deep              figure 10: four hidden layers while it learns                                    35 to 85  0.092
wide              256 hidden neurons while it learns                                               -         -
narrow            16 hidden neurons while it learns                                                -         -
smoke             2 states, 4 hidden neurons, 2 steps                                              -         -
depths            test of a genome: 1, 2, 4 and 10 hidden layers of 32, on 8 x 8 pixels            29        0.837
finer             test of a genome: 1, 2 and 4 hidden layers of 32, on 16 x 16 pixels              -         -
widths            test of a genome: 16, 32, 64, 128 and 256 hidden neurons, on 8 x 8 pixels        -         -

Accuracy is eval/test_accuracy after ten batches, of one seed; that of `depths` is of one hidden layer and the genome
of `both`. The two tests give eval/test_error (one hidden layer) and eval/layers_N/test_error (N hidden layers), and
take a genome as --config.learner.genome=runs/blur_ablations/both/genome.json (default: the shipped `digits`). Seconds
are of one shared core; a dash: not measured.
"""

from ml_collections import ConfigDict, FieldReference

# States, normalisation, rule, hidden layers.
TWO_LAYERS = (32,)
SYMMETRIC = {"symmetric": True}
VARIANTS = {
    # Figure 8: normalisation.
    "both": (4, "both", {}, TWO_LAYERS),
    "forward": (4, "forward", {}, TWO_LAYERS),
    "backward": (4, "backward", {}, TWO_LAYERS),
    "none": (4, "none", {}, TWO_LAYERS),
    # Figure 13: states.
    "states_2": (2, "both", {}, TWO_LAYERS),
    "states_8": (8, "both", {}, TWO_LAYERS),
    # Figure 9: the backward update, and how many synapses there are.
    "multiplicative": (4, "both", {"backward_update": "multiplicative"}, TWO_LAYERS),
    "second_state": (4, "both", {"backward_update": "multiplicative_second_state"}, TWO_LAYERS),
    "symmetric": (4, "both", SYMMETRIC, TWO_LAYERS),
    "symmetric_single": (4, "both", SYMMETRIC | {"single_state": True}, TWO_LAYERS),
    # Figure 12: non-linearities.
    "relu": (4, "both", {"activation": "relu", "backward_activation": "linear"}, TWO_LAYERS),
    "linear": (4, "both", {"activation": "linear", "backward_activation": "linear"}, TWO_LAYERS),
    # Figure 10: depth while it learned.
    "deep": (4, "both", {}, (32, 32, 32, 32)),
    # From large networks to small ones, and the reverse: see `widths`.
    "wide": (4, "both", {}, (256,)),
    "narrow": (4, "both", {}, (16,)),
    "smoke": (2, "both", {}, (4,)),
}
AT = (10, 20, 50, 100, 200, 500, 1000)
# Hidden layers, the first the learner's and the others its baselines', and the side of the images.
TESTS = {
    "depths": (((32,), (32,) * 2, (32,) * 4, (32,) * 10), 8),
    "finer": (((32,), (32,) * 2, (32,) * 4), 16),
    "widths": (((16,), (32,), (64,), (128,), (256,)), 8),
}


def get_config(variant: str = "both") -> ConfigDict:
    """The config of a variant."""
    if variant not in (*VARIANTS, *TESTS):
        raise ValueError(f"no variant {variant!r}; there are {', '.join((*VARIANTS, *TESTS))}")
    return _test(variant) if variant in TESTS else _meta(variant)


def _meta(variant: str) -> ConfigDict:
    """The meta-learning of one genome."""
    num_states, normalise, rule, hidden = VARIANTS[variant]
    num_steps, log_every = (2, 1) if variant == "smoke" else (200, 25)
    unroll = 2 if variant == "smoke" else 10
    families, sizes = {"digits": {"name": "images", "side": 8}}, (*hidden, 10)
    rule = {"name": "blur", "last_activation": "linear"} | rule
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 1,
            "num_steps": num_steps,
            "log_every": log_every,
            "eval_every": num_steps // 2,
            "checkpoint_every": num_steps // 2,
            "log_metrics": ("train/loss", "train/accuracy", "eval/test_accuracy"),
            "evals": {
                "adaptation": {
                    "families": families,
                    "groups": {"test": ("digits",)},
                    "unroll": unroll,
                    "batch_size": 128,
                    "num_draws": 4,
                },
                "endurance": {
                    "families": families,
                    "sizes": sizes,
                    "rule": rule,
                    "batch_size": 128,
                    "num_draws": 2,
                    "steps": (1, 2) if variant == "smoke" else AT,
                },
            },
            "artifacts": ("genome",),
            "data": {"name": "digits"},
            "world": {
                "name": "tasks",
                "families": families,
                "unroll": unroll,
                "batch_size": 128,
                "num_tasks": 1,
            },
            "learner": {
                "name": "blur_meta",
                "init_genome": {"name": "delta", "num_states": num_states, "normalise": normalise},
                "sizes": sizes,
                "rule": rule,
                "population": 2,
                "learning_rate": 3e-3,
                "num_scored": unroll + 1,
            },
        }
    )


def _test(variant: str) -> ConfigDict:
    """One genome in several networks, on the same batches; to name it once is to name it for all."""
    networks, side = TESTS[variant]
    genome = FieldReference("digits")
    named = {f"width_{hidden[0]}" if variant == "widths" else f"layers_{len(hidden)}": hidden for hidden in networks}
    learners = {name: {"name": "blur", "genome": genome, "sizes": (*hidden, 10)} for name, hidden in named.items()}
    first, *others = learners
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 5,
            "num_steps": 50,
            "log_every": 10,
            "eval_every": 10,
            "checkpoint_every": 50,
            "log_metrics": ("eval/test_error", f"eval/{others[-1]}/test_error"),
            "evals": ("classification", "synapses"),
            "analyses": {"race": {"at": (10, 20, 50)}},
            "figures": ("transfer",),
            "data": {"name": "digits", "side": side},
            "world": {"name": "real", "batch_size": 128},
            "learner": learners[first],
            "baselines": {name: learners[name] for name in others},
        }
    )


def sweep(add) -> None:
    """All genomes."""
    for variant in VARIANTS:
        if variant != "smoke":
            add(variant)
