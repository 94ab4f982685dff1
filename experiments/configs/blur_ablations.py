"""Figures 8 to 10, 12 and 13 on digits: what a rule needs in order to learn, and to transfer to other networks.

    python -m launch.train --config=experiments/configs/blur_ablations.py:both --workdir=runs/blur_ablations/both

and what its genome does in deeper networks or on finer images, 50 batches of 128 in five seeds:

    python -m launch.train --config=experiments/configs/blur_ablations.py:depths --workdir=runs/blur_ablations/depths

with --config.learner.genome=runs/blur_ablations/both/genome.json; without, of the shipped `digits`.

variant           states, normalised passes, what else it changes: the base is 4, both, 32 hidden neurons  accuracy
both              the base                                                                                    0.809
forward           figure 8: the forward pass alone                                                            0.805
backward          figure 8: the backward pass alone                                                           0.688
none              figure 8: neither                                                                           0.190
states_2          figure 13                                                                                   0.648
states_8          figure 13                                                                                   0.873
multiplicative    figure 9: the backward update                                                               0.113
second_state      figure 9: the backward update of all states but the first                                   0.500
symmetric         figure 9: one synapse for both directions                                                   0.850
symmetric_single  figure 9: and a single state for it                                                         0.846
relu              figure 12: ReLU forward, linear backward                                                    0.836
linear            figure 12: linear in both passes                                                            0.863
deep              figure 10: four hidden layers while it learns                                               0.092
smoke             2 states, 4 hidden neurons, 2 steps
depths            the test: 1, 2, 4 and 10 hidden layers of 32 at once, on 8 x 8 pixels
finer             the test: 1, 2 and 4, on 16 x 16

Each is 200 meta-steps of unroll 10, 35 to 85 seconds of one core that others shared, most of them compiling. Accuracy
is of one seed on test digits after ten batches, eval/test_accuracy. Without normalisation the loss of the base
explodes before it comes back to that of guessing, and the forward pass's counts more. The more states the better; of
the backward updates the additive one learns; a single synapse for both directions costs nothing here. Four hidden
layers learn nothing in so few meta-steps. The tests give eval/test_error of one hidden layer and
eval/layers_N/test_error of N: `depths` with the genome of `both` (29 seconds) has accuracy 0.837 at step 10 in the one
that it knows, 0.465 at step 50, and learns nothing in 2, 4 and 10. The paper's settings, 10,000 meta-steps and the best
of 8 runs, ask for a GPU.
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
    "smoke": (2, "both", {}, (4,)),
}
# Hidden layers, the first the learner's and the others its baselines', and the side of the images.
TESTS = {"depths": ((1, 2, 4, 10), 8), "finer": ((1, 2, 4), 16)}


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
                    "families": {"digits": {"name": "images", "side": 8}},
                    "groups": {"test": ("digits",)},
                    "unroll": unroll,
                    "batch_size": 128,
                    "num_draws": 4,
                }
            },
            "artifacts": ("genome",),
            "data": {"name": "digits"},
            "world": {
                "name": "tasks",
                "families": {"digits": {"name": "images", "side": 8}},
                "unroll": unroll,
                "batch_size": 128,
                "num_tasks": 1,
            },
            "learner": {
                "name": "blur_meta",
                "init_genome": {"name": "delta", "num_states": num_states, "normalise": normalise},
                "sizes": (*hidden, 10),
                "rule": {"last_activation": "linear"} | rule,
                "population": 2,
                "learning_rate": 3e-3,
                "num_scored": unroll + 1,
            },
        }
    )


def _test(variant: str) -> ConfigDict:
    """One genome in networks of several depths, on the same batches; to name it once is to name it for all."""
    (first, *others), side = TESTS[variant]
    genome = FieldReference("digits")
    in_network = {
        num_hidden: {"name": "blur", "genome": genome, "sizes": (*(32,) * num_hidden, 10)}
        for num_hidden in (first, *others)
    }
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 5,
            "num_steps": 50,
            "log_every": 10,
            "eval_every": 10,
            "checkpoint_every": 50,
            "log_metrics": ("eval/test_error", f"eval/layers_{others[-1]}/test_error"),
            "evals": ("classification",),
            "data": {"name": "digits", "side": side},
            "world": {"name": "real", "batch_size": 128},
            "learner": in_network[first],
            "baselines": {f"layers_{num_hidden}": in_network[num_hidden] for num_hidden in others},
        }
    )


def sweep(add) -> None:
    """All genomes."""
    for variant in VARIANTS:
        if variant != "smoke":
            add(variant)
