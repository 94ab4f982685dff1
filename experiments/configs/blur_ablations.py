"""What a rule needs in order to learn and to transfer (Sandler 2021, figures 8 to 10, 12, 13, 15 to 17).

    python -m launch.train --config=experiments/configs/blur_ablations.py:both --workdir=runs/blur_ablations/both

variant           what differs from the base: 4 states, both passes normalised, 32 hidden neurons  seconds   accuracy
both              nothing                                                                          35 to 85  0.809
forward           figure 8: only the forward pass is normalised                                    35 to 85  0.805
backward          figure 8: only the backward pass is normalised                                   35 to 85  0.688
none              figure 8: no pass is normalised                                                  35 to 85  0.190
states_2          figure 13: 2 states                                                              35 to 85  0.648
states_8          figure 13: 8 states                                                              35 to 85  0.873
states_16         figure 13: 16 states                                                             150       0.895
multiplicative    figure 9: the backward update multiplies                                         35 to 85  0.113
second_state      figure 9: it multiplies all states but the first                                 35 to 85  0.500
symmetric         figure 9: one synapse for both directions                                        35 to 85  0.850
symmetric_single  figure 9: one synapse for both directions, with one state                        35 to 85  0.846
backprop          figures 9, 17: 2 states, begun at backpropagation, with labels in its place      -         0.090
relu              figure 12: ReLU forward, linear backward                                         35 to 85  0.836
linear            figure 12: linear in both passes                                                 35 to 85  0.863
sigmoid           figure 12: sigmoid in both passes                                                81        0.129
two               figure 10: two hidden layers while it learns                                     107       0.090
deep              figure 10: four hidden layers while it learns                                    35 to 85  0.092
oja               figures 15, 16: Oja's term                                                       50        0.873
norm              figure 16: synapses are normalised where they are read                           -         0.807
oja_norm          figure 16: both                                                                  108       0.832
saturation        section 3.4: synapses saturate                                                   98        0.797
smoke             2 states, 4 hidden neurons, 2 steps                                              -         -
width_16          16 hidden neurons while it learns; MNIST, 3 genomes                              57        0.632
width_64          64                                                                               80        0.734
width_256         256                                                                              -         0.796
depths            test of a genome: 1, 2, 4 and 10 hidden layers of 32, on 8 x 8 pixels            29        0.837
finer             test of a genome: 1, 2 and 4 hidden layers of 32, on 16 x 16 pixels              69        0.798
random_labels     figure 16, test of a genome: from step 500 on it is taught random labels         -         -

Accuracy is eval/test_accuracy after ten batches, of one seed. There are 450 test digits, which ten batches of 128
repeat, so it tells how a network fits. That of `depths` is of images that are not learned, of one hidden layer and the
genome of `both`; that of `finer` likewise, of `digits`, which has .828, .283, .312 and .306 at steps 20, 50, 100 and
1000, and in two and four layers .151 at best. The tests give eval/test_error (one hidden layer) and
eval/layers_N/test_error (N hidden layers), to step 1000, and take a genome as
--config.learner.genome=runs/blur_ablations/both/genome.json (default: the shipped `digits`).

A `width_N` takes --data_dir=DIR, which holds MNIST's IDX files. Its genomes teach networks of five widths the 10,000
test images, 10 x 10 pixels, and accuracy is of the batch after the last one learned (eval/width_W/accuracy_at_STEPS):

learned on   accuracy after 10 steps in 16, 32, 64, 128, 256 neurons   after 50
16 neurons   .632 .685 .759 .769 .770                                  .633 .710 .790 .813 .820
64           .547 .663 .734 .780 .701                                  .482 .535 .668 .703 .626
256          .359 .542 .699 .771 .796                                  .270 .344 .475 .644 .591

Seconds are of one shared core, those of `width_N` of CPU time; a dash: not measured.
"""

from ml_collections import ConfigDict, FieldReference

from experiments.configs.blur_digits import AT

# States, normalisation, rule, hidden layers, and what differs in how the genome begins.
TWO_LAYERS = (32,)
SYMMETRIC = {"symmetric": True}
SINGLE = SYMMETRIC | {"single_state": True}
VARIANTS = {
    # Figure 8: normalisation.
    "both": (4, "both", {}, TWO_LAYERS),
    "forward": (4, "forward", {}, TWO_LAYERS),
    "backward": (4, "backward", {}, TWO_LAYERS),
    "none": (4, "none", {}, TWO_LAYERS),
    # Figure 13: states.
    "states_2": (2, "both", {}, TWO_LAYERS),
    "states_8": (8, "both", {}, TWO_LAYERS),
    "states_16": (16, "both", {}, TWO_LAYERS),
    # Figures 9 and 17: the backward update, how many synapses there are, and the start at backpropagation.
    "multiplicative": (4, "both", {"backward_update": "multiplicative"}, TWO_LAYERS),
    "second_state": (4, "both", {"backward_update": "multiplicative_second_state"}, TWO_LAYERS),
    "symmetric": (4, "both", SYMMETRIC, TWO_LAYERS),
    "symmetric_single": (4, "both", SINGLE, TWO_LAYERS),
    "backprop": (
        2,
        "forward",
        SINGLE
        | {
            "activation": "relu_slope",
            "backward_activation": "linear",
            "backward_update": "multiplicative_second_state",
        },
        TWO_LAYERS,
        {"name": "backprop", "learning_rate": -0.003},  # a label pulls where an error pushes
    ),
    # Figure 12: non-linearities.
    "relu": (4, "both", {"activation": "relu", "backward_activation": "linear"}, TWO_LAYERS),
    "linear": (4, "both", {"activation": "linear", "backward_activation": "linear"}, TWO_LAYERS),
    "sigmoid": (4, "both", {"activation": "sigmoid", "backward_activation": "sigmoid"}, TWO_LAYERS),
    # Figure 10: depth while it learned.
    "two": (4, "both", {}, (32, 32)),
    "deep": (4, "both", {}, (32, 32, 32, 32)),
    # Figures 15 and 16: what keeps synapses small.
    "oja": (4, "both", {}, TWO_LAYERS, {"oja": 0.1}),
    "norm": (4, "both", {"synapse_norm": "read"}, TWO_LAYERS),
    "oja_norm": (4, "both", {"synapse_norm": "read"}, TWO_LAYERS, {"oja": 0.1}),
    "saturation": (4, "both", {"saturation": "tanh"}, TWO_LAYERS, {"saturation": 3.0}),
    "smoke": (2, "both", {}, (4,)),
}
# Hidden layers, the first the learner's and the others its baselines', and the side of the images.
TESTS = {
    "depths": (((32,), (32,) * 2, (32,) * 4, (32,) * 10), 8),
    "finer": (((32,), (32,) * 2, (32,) * 4), 16),
}
# From large networks to small ones, and the reverse: hidden neurons while it learns, and of those that test it.
WIDTHS, TESTED = {"width_16": 16, "width_64": 64, "width_256": 256}, (16, 32, 64, 128, 256)


def get_config(variant: str = "both") -> ConfigDict:
    """The config of a variant."""
    variants = (*VARIANTS, *WIDTHS, *TESTS, "random_labels")
    if variant not in variants:
        raise ValueError(f"no variant {variant!r}; there are {', '.join(variants)}")
    if variant in VARIANTS:
        return _meta(variant)
    if variant in WIDTHS:
        return _width(WIDTHS[variant])
    return _test(variant) if variant in TESTS else _random_labels()


def _meta(variant: str) -> ConfigDict:
    """The meta-learning of one genome."""
    num_states, normalise, rule, hidden, *start = VARIANTS[variant]
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
                "init_genome": {"name": "delta", "num_states": num_states, "std": 0.05, "normalise": normalise}
                | dict(*start),
                "sizes": sizes,
                "rule": rule,
                "population": 2,
                "learning_rate": 3e-3,
                "num_scored": unroll + 1,
            },
        }
    )


def _width(hidden: int) -> ConfigDict:
    """`both` with so many hidden neurons, on MNIST, and tested in narrower and wider networks; a seed is a genome."""
    config, mnist = _meta("both"), {"name": "images", "side": 10}
    config["num_seeds"] = 3
    config["eval_every"] = config["num_steps"]
    config["log_metrics"] = ("train/loss", "train/accuracy", f"eval/width_{hidden}/accuracy_at_10")
    config["evals"] = {
        f"width_{width}": {
            "name": "endurance",
            "families": {f"width_{width}": mnist},
            "sizes": (width, 10),
            "rule": config["learner"]["rule"],
            "batch_size": 128,
            "num_draws": 4,
            "steps": (10, 50),  # of 15 networks each; `both` shows what comes later
        }
        for width in TESTED
    }
    config["figures"] = {"transfer": {"tested": tuple(config["evals"])}}
    config["data"] = {"name": "idx", "side": 10, "crop": 4}
    config["world"]["families"] = {"mnist": mnist}
    config["learner"]["sizes"] = (hidden, 10)
    config["learner"]["population"] = 1
    return config


def _test(variant: str) -> ConfigDict:
    """One genome in several networks, on the same batches; to name it once is to name it for all."""
    networks, side = TESTS[variant]
    genome = FieldReference("digits")
    named = {f"layers_{len(hidden)}": hidden for hidden in networks}
    learners = {name: {"name": "blur", "genome": genome, "sizes": (*hidden, 10)} for name, hidden in named.items()}
    first, *others = learners
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 5,
            "num_steps": AT[-1],
            "log_every": 10,
            "eval_every": 10,
            "checkpoint_every": AT[-1],
            "log_metrics": ("eval/test_error", f"eval/{others[-1]}/test_error"),
            "evals": ("classification", "synapses"),
            "analyses": {"race": {"at": AT}},
            "figures": ("transfer",),
            "data": {"name": "digits", "side": side},
            "world": {"name": "real", "batch_size": 128},
            "learner": learners[first],
            "baselines": {name: learners[name] for name in others},
        }
    )


def _random_labels() -> ConfigDict:
    """One genome on digits whose labels are random from step 500 on, beside the same with the true ones."""
    taught = {"name": "blur", "genome": FieldReference("digits"), "sizes": (32, 10)}
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 5,
            "num_steps": 800,
            "log_every": 10,
            "eval_every": 10,
            "checkpoint_every": 800,
            "log_metrics": ("eval/test_error", "eval/true_labels/test_error", "eval/synapses_rms"),
            "evals": ("classification", "synapses"),
            "analyses": {"race": {"first": 500, "at": (10, 20, 50, 100, 200, 500, 600, 800)}},
            "figures": ("race",),
            "data": {"name": "digits"},
            "world": {"name": "real", "batch_size": 128},
            "learner": taught | {"random_labels_after": 500},
            "baselines": {"true_labels": taught},
        }
    )


def sweep(add) -> None:
    """All genomes."""
    for variant in VARIANTS:
        if variant != "smoke":
            add(variant)
