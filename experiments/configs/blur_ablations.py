r"""What a rule needs in order to learn and to transfer (Sandler 2021, figures 8 to 10, 12, 13, 15 to 17).

    python -m launch.train --config=experiments/configs/blur_ablations.py:both --workdir=runs/blur_ablations/both \
        --data_dir=DIR

DIR holds MNIST's IDX files. The base: 4 states, both passes normalised, tanh, two hidden layers of 32, labels as
feedback; images cut to 20 x 20 and resized to 10 x 10; 2000 meta-steps of ten batches of 128, scored on the eleventh
as in the paper, which has 10,000 and more; genomes begin near the delta rule (`blur.delta_genome`).

variant          what differs from the base                    10  20  50  100 200 500 1000 1   2   4  10 finer
both             nothing                                       .69 .74 .57 .23 .12 .12 .11  .67 .69 .52 .21 .55
forward          figure 8: only the forward pass is normalised .56 .56 .50 .38 .37 .16 .16  .41 .56 .36 .16 .36
backward         figure 8: only the backward pass              .72 .67 .33 .13 .10 .11 .10  .69 .72 .27 .14 .26
none             figure 8: no pass                             .09 .10 .09 .09 .10 .10 .12  .11 .09 .10 .09 .10
one              figure 10: one hidden layer while it learns   .75 .78 .76 .74 .75 .12 .11  .75 .21 .15 .13 .18
four             figure 10: four                               .64 .71 .62 .50 .50 .24 .11  .65 .70 .64 .28 .56
states_2         figure 13: 2 states                           .69 .72 .72 .70 .72 .12 .11  .66 .69 .48 .13 .71
states_8         figure 13: 8                                  .76 .78 .61 .42 .32 .33 .15  .71 .76 .59 .25 .55
states_16        figure 13: 16                                 .75 .76 .54 .31 .22 .21 .19  .69 .75 .56 .19 .57
multiplicative   figure 9: the backward update multiplies      .23 .20 .21 .21 .19 .20 .23  .18 .23 .14 .10 .22
second_state     figure 9: all states but the first            .61 .41 .16 .14 .16 .14 .16  .60 .61 .45 .18 .23
symmetric        figure 9: one synapse for both directions     .74 .76 .60 .38 .24 .17 .12  .71 .74 .60 .21 .38
symmetric_single figure 9: the same, of one state              .72 .70 .65 .65 .63 .12 .11  .08 .72 .20 .11 .56
backprop         figures 9, 17: the same, from backpropagation .70 .68 .56 .54 .55 .12 .11  .21 .70 .39 .15 .25
backprop_second  figures 9, 17: of these, the second state's   .70 .64 .67 .63 .64 .62 .11  .16 .70 .40 .16 .52
relu             figure 12: ReLU forward, linear backward      .65 .58 .34 .26 .24 .07 .10  .54 .65 .30 .15 .39
linear           figure 12: linear in both passes              .75 .73 .40 .26 .24 .23 .20  .70 .75 .57 .18 .35
sigmoid          figure 12: sigmoid in both passes             .22 .21 .22 .22 .23 .20 .22  .21 .22 .18 .20 .23
oja              figures 15, 16: Oja's term                    .71 .70 .49 .07 .04 .07 .11  .70 .71 .52 .20 .44
norm             figure 16: synapses are normalised when read  .74 .78 .70 .67 .69 .68 .67  .72 .74 .60 .26 .49
oja_norm         figure 16: both                               .73 .77 .81 .75 .80 .66 .12  .70 .73 .56 .30 .59
saturation       section 3.4: synapses saturate                .73 .73 .35 .31 .28 .28 .27  .68 .73 .53 .21 .35
width_16         one hidden layer of 16 while it learns, tested in five widths, below
width_64         64
width_256        256
smoke            2 states, 4 and 4 hidden neurons, digits, 4 steps
random_labels    figure 16, test of a genome: from step 500 on it is taught random labels

Accuracy after so many batches in the network that it learned in, and after ten in 1, 2, 4 and 10 hidden layers of 32
and in two on 28 x 28 pixels (finer), on the next batch of the 10,000 test images; means of three genomes, each the best
of four. At ten they lie within .05 of their mean, but for `forward` (.76 .69 .23) and `relu` (.55 to .70). An ablation
takes 80 to 470 seconds of a shared core, `oja_norm` 560, `states_16` 780. A run leaves a genome for each seed,
0-genome.json and so on.

learned on   accuracy after 10 steps in 16, 32, 64, 128, 256 neurons   after 50
16 neurons   .69 .76 .77 .77 .77                               .69 .74 .78 .80 .81
64           .64 .74 .81 .83 .81                               .43 .76 .83 .86 .86
256          .49 .63 .77 .82 .86                               .25 .28 .32 .39 .44

In `random_labels` --config.learner.genome=runs/blur_ablations/norm/0-genome.json has .72 .63 .51 of the test images
after 10, 100 and 500 steps, .44 after a hundred batches of random labels, and .39 after 300; that of `oja_norm` .71 .75
.75, .74, and then it diverges; of `both` .71 .28 .16 and .16; the shipped `nudged`, which is the default, .78 .84 .85,
.84 and .69.

The root mean square of the synapses after 10, 100 and 1000 steps: `both` 4.0, 146, 3e15; `oja` 3.3, 350, 3e29; `norm`
2.0, 41, 7e13; `oja_norm` 2.3, 1500, 1e30; `saturation` 1.0, 1.5, 1.6. So saturation alone bounds them. In the paper's
figure 15 they reach 100 within 100 steps, and not with Oja's term, whose multiplier, .1 at first, is .01 to .09 here in
the end.

experiments/gallery/blur_ablations.png, blur_depths.png, blur_widths.png and blur_synapses.png are of these genomes.
"""

from typing import Any

from ml_collections import ConfigDict, FieldReference

from experiments.configs.blur_digits import AT

# States, normalisation, hidden layers, what differs in the rule, and what differs in how the genome begins.
TWO = (32, 32)
SYMMETRIC = {"symmetric": True}
SINGLE = SYMMETRIC | {"single_state": True}
DELTA = {"name": "delta", "synapse_update": 0.02}
BACKPROP = {"name": "backprop", "learning_rate": -0.0002}  # a label pulls where an error pushes
VARIANTS: dict[str, tuple[int, str, tuple[int, ...], dict[str, Any], dict[str, Any]]] = {
    # Figure 8: normalisation.
    "both": (4, "both", TWO, {}, DELTA),
    "forward": (4, "forward", TWO, {}, DELTA),
    "backward": (4, "backward", TWO, {}, DELTA),
    "none": (4, "none", TWO, {}, DELTA),
    # Figure 10: depth while it learned.
    "one": (4, "both", (32,), {}, DELTA),
    "four": (4, "both", (32,) * 4, {}, DELTA),
    # Figure 13: states.
    "states_2": (2, "both", TWO, {}, DELTA),
    "states_8": (8, "both", TWO, {}, DELTA),
    "states_16": (16, "both", TWO, {}, DELTA),
    # Figures 9 and 17: the backward update, how many synapses there are, and the start at backpropagation.
    "multiplicative": (4, "both", TWO, {"backward_update": "multiplicative"}, DELTA),
    "second_state": (4, "both", TWO, {"backward_update": "multiplicative_second_state"}, DELTA),
    "symmetric": (4, "both", TWO, SYMMETRIC, DELTA),
    "symmetric_single": (4, "both", TWO, SINGLE, DELTA),
    "backprop": (4, "both", TWO, SINGLE, BACKPROP),
    "backprop_second": (4, "both", TWO, SINGLE | {"backward_update": "multiplicative_second_state"}, BACKPROP),
    # Figure 12: non-linearities.
    "relu": (4, "both", TWO, {"activation": "relu", "backward_activation": "linear"}, DELTA),
    "linear": (4, "both", TWO, {"activation": "linear", "backward_activation": "linear"}, DELTA),
    "sigmoid": (4, "both", TWO, {"activation": "sigmoid", "backward_activation": "sigmoid"}, DELTA),
    # Figures 15 and 16: what keeps synapses small.
    "oja": (4, "both", TWO, {}, DELTA | {"oja": 0.1}),
    "norm": (4, "both", TWO, {"synapse_norm": "read"}, DELTA),
    "oja_norm": (4, "both", TWO, {"synapse_norm": "read"}, DELTA | {"oja": 0.1}),
    "saturation": (4, "both", TWO, {"saturation": "tanh"}, DELTA | {"saturation": 3.0}),
    # From large networks to small ones, and the reverse.
    **{f"width_{width}": (4, "both", (width,), {}, DELTA) for width in (16, 64, 256)},
    "smoke": (2, "both", (4, 4), {}, DELTA),
}
# The networks that test a genome beside its own: hidden layers, and the side of the images.
DEPTHS = {f"layers_{depth}": ((32,) * depth, 10) for depth in (1, 2, 4, 10)}
FINER = {"finer": (TWO, 28)}
WIDTHS = {f"width_{width}": ((width,), 10) for width in (16, 32, 64, 128, 256)}


def get_config(variant: str = "both") -> ConfigDict:
    """The config of a variant."""
    if variant not in (*VARIANTS, "random_labels"):
        raise ValueError(f"no variant {variant!r}; there are {', '.join((*VARIANTS, 'random_labels'))}")
    return _random_labels() if variant == "random_labels" else _meta(variant)


def _meta(variant: str) -> ConfigDict:
    """Three genomes that are learned, and what each is worth in its own network and in others."""
    num_states, normalise, hidden, rule, start = VARIANTS[variant]
    smoke, of_width = variant == "smoke", variant in WIDTHS
    num_steps, unroll = (4, 2) if smoke else (2000, 10)
    rule = {"name": "blur", "last_activation": "linear"} | rule
    others = {} if smoke else WIDTHS if of_width else DEPTHS
    tested = {"own": (hidden, 10)} | others | ({} if smoke or of_width else FINER)
    counted = "hidden neurons" if of_width else "hidden layers"
    transfer = {"transfer": {"tested": tuple(others), "networks": counted}} if others else {}
    data = {"name": "digits"} if smoke else {"name": "idx"}
    crop = 0 if smoke else 4  # of 28 x 28 pixels, as in the paper
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 1 if smoke else 3,
            "num_steps": num_steps,
            "log_every": num_steps // 4,
            "eval_every": num_steps,
            "checkpoint_every": num_steps // 4,
            "log_metrics": ("train/loss", "train/accuracy", f"eval/own/accuracy_at_{unroll}"),
            "evals": {
                name: {
                    "name": "endurance",
                    "families": {name: {"name": "images", "side": side, "crop": crop if side < 28 else 0}},
                    "sizes": (*layers, 10),
                    "rule": rule,
                    "batch_size": 128,
                    "num_draws": 4,
                    "steps": (1, 2) if smoke else AT if name == "own" else (10, 50),
                }
                for name, (layers, side) in tested.items()
            },
            "artifacts": ("genome",),
            "figures": {"endurance": {"at": (1, 2)} if smoke else {}} | transfer,
            "data": data,
            "world": {
                "name": "tasks",
                "families": {"mnist": {"name": "images", "side": 10, "crop": crop}},
                "unroll": unroll,
                "batch_size": 128,
                "num_tasks": 1,
            },
            "learner": {
                "name": "blur_meta",
                "init_genome": {"num_states": num_states, "std": 0.05, "normalise": normalise} | start,
                "sizes": (*hidden, 10),
                "rule": rule,
                "population": 4,
                "synchronise_every": num_steps // 4,
                "learning_rate": 3e-3,
            },
        }
    )


def _random_labels() -> ConfigDict:
    """One genome on images whose labels are random from step 500 on, beside the same with the true ones."""
    taught = {"name": "blur", "genome": FieldReference("nudged"), "sizes": (*TWO, 10)}  # named once, named for both
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
            "data": {"name": "idx", "num_test": 1000, "side": 10, "crop": 4},
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
