"""The Deep Bootstrap on natural images: real worlds of n images of CIFAR-10, and one pass over 45,000 as the ideal one.

    python -m launch.train --config=experiments/configs/bootstrap_cifar10.py:mlp --workdir=runs/mlp --data_dir=DIR

DIR holds CIFAR-10's binary files or cifar10.npz. Each seed draws its own images of the real worlds; tested on the last
5,000 train images and on all test images of the files.

variant     what                                                 n = 2,000      n = 5,000      n = 10,000
mlp         MLP 512-512                                          .098 ± .015    .038 ± .013    .009 ± .015
myrtle16    the mCNN of width 16, n = 2,000 alone, for a CPU     .069 ± .038
flipped16   its net, mirror images too: 90,000 in one pass       .122 ± .037
augmented16 its net, each image moved by up to 4, mirrored       .021 ± .005
myrtle64    the mCNN of the paper, of width 64, for a GPU        .032 ± .007    .004 ± .012   -.001 ± .003
resnet18    ResNet-18 of width 64, for a GPU                     .064 ± .009    .007 ± .034   -.002 ± .008
smoke       the MLP, n = 8 and 16, 4 steps

analysis/nN/bootstrap_error/error after 351 steps of 128 (`flipped16`: 703), 95 % intervals of 3 seeds; the ideal world
errs on .505 (mlp), .476 (myrtle16), .414 (flipped16), .525 (augmented16), .405 (myrtle64) and .408 (resnet18). No world
has learned its images by heart by then, so the end is taken; but ResNet-18 has, of 2,000, in 2 of 3 seeds.

The paper's claim holds for both of its nets: at n = 10,000, 4.5 epochs, reuse costs nothing that 3 seeds could show,
where test and train errors are .07 and .06 apart; at n = 5,000 neither, where they are .17 and .19 apart (ResNet-18's
interval reaches .04). At n = 2,000, 22 epochs, reuse costs .03 and .06, and they are .42 and .49 apart. In soft errors,
the paper's measure, real worlds are ahead everywhere, by .012 to .048: they are the more certain
(experiments/gallery/cifar10_nets.png).

For myrtle16 it holds in soft errors: after 22 epochs reuse costs .020 ± .013, where test and train are .334 apart (.494
in hard errors). For the MLP it holds in hard errors: at n = 10,000 reuse costs nothing that 3 seeds could show, though
test and train errors are .19 apart. It does not in soft ones: real worlds have the lower ones, by .03 to .05.

Augmentation brings the worlds together: it costs the ideal one .05, the real one nothing (both ways it errs on about
.546), so of .069 that reuse cost .021 is left, where test and train errors are .107 apart. In soft errors reuse costs
-.002 ± .005. A GPU's numbers for it are .015 ± .011 and -.003 ± .014. With mirror images as part of the distribution
the pass is twice as long; the ideal world gains by it, the real one, after 44 epochs, does not.

mlp: 20 minutes of a core that was shared; myrtle16: 10 minutes of CPU time of one core, augmented16 70 minutes of one
that was shared. On an H200, all four beside each other and a fifth run: augmented16 32 s, flipped16 42 s, myrtle64 47 s
and resnet18 97 s, of which 21 to 53 s are compiling. Those of width 16 are tested on 2,000 images. The CNNs' rate, .01,
was chosen on 104 steps of one seed of width 16; at .05 it learns badly (.62), and seeds differ more than worlds. That
of ResNet-18, .05, was not tuned. The last two were looked at every 39 steps (`--config.eval_every=39`).
"""

from ml_collections import ConfigDict

SAMPLES, ALL = (2_000, 5_000, 10_000), 45_000
_CROPPED = {"crop": {"padding": 4, "value": -1.0}, "flip": {}}


def get_config(variant: str = "mlp") -> ConfigDict:
    """The config of a variant."""
    nets = {
        "mlp": {"name": "mlp", "features": (512, 512)},
        "myrtle16": {"name": "cnn", "width": 16},
        "flipped16": {"name": "cnn", "width": 16},
        "augmented16": {"name": "cnn", "width": 16},
        "myrtle64": {"name": "cnn", "width": 64},
        "resnet18": {"name": "resnet18", "width": 64},
        "smoke": {"name": "mlp", "features": (16,)},
    }
    if variant not in nets:
        raise ValueError(f"no variant {variant!r}; there are {', '.join(nets)}")
    smoke, mirrored, on_cpu = variant == "smoke", variant == "flipped16", variant.endswith("16")
    samples, batch_size = ((8, 16), 8) if smoke else (SAMPLES[: 1 if on_cpu else None], 128)
    every = 32 if smoke else ALL * (1 + mirrored)
    num_steps, log_every = every // batch_size, 2 if smoke else 39 if on_cpu else 13
    pairs = {f"n{n}": (f"n{n}", "ideal") for n in samples}
    net = {**nets[variant], "num_classes": 10}
    rate = 0.01 if net["name"] == "cnn" else 0.05
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 3,
            "num_steps": num_steps,
            "log_every": log_every,
            "eval_every": log_every,
            "checkpoint_every": 5 * log_every,
            "log_metrics": (f"eval/n{samples[-1]}/test_soft_error", "eval/ideal/test_soft_error"),
            "evals": {name: {"batch_size": 1000} for name in ("classification", "training")},
            "analyses": {"gap": {"pairs": pairs}},
            "figures": {"fan": {}, "pair": {"real": f"n{samples[-1]}"}, "scatter": {"pairs": pairs}},
            "data": {
                "name": "cifar10",
                "num_train": 32 if smoke else ALL,
                "num_test": 20 if smoke else 2_000 if on_cpu else None,
                "num_held_out": 5_000,
                "mirrored": mirrored,
            },
            "world": {
                "name": "paired",
                "batch_size": batch_size,
                "num_samples": every,
                "augment": _CROPPED if variant == "augmented16" else None,
            },
            "grid": {
                **{f"n{n}": {"world": {"num_samples": n}} for n in samples},
                "ideal": {"world": {"num_samples": every}},
            },
            "learner": {
                "name": "sgd",
                "net": {"name": "published", "net": net} if variant in ("myrtle64", "resnet18") else net,
                "tx": {
                    "name": "sgd",
                    "learning_rate": {"name": "cosine", "learning_rate": rate, "num_steps": num_steps},
                    "momentum": 0.9,
                },
            },
        }
    )
