"""The Deep Bootstrap on natural images: real worlds of n images of CIFAR-10, and one pass over 45,000 as the ideal one.

    python -m launch.train --config=experiments/configs/bootstrap_cifar10.py:mlp --workdir=runs/mlp --data_dir=DIR

DIR holds CIFAR-10's binary files or cifar10.npz. Each seed draws its own images of the real worlds; tested on the last
5,000 train images and on all test images of the files.

variant     what                                                 n = 2,000      n = 5,000      n = 10,000
mlp         MLP 512-512                                          .098 ± .015    .038 ± .013    .009 ± .015
myrtle16    the mCNN of width 16, n = 2,000 alone, for a CPU     .069 ± .038
flipped16   its net, mirror images too: 90,000 in one pass       not run: twice as long
augmented16 its net, each image moved by up to 4, mirrored       .021 ± .005
myrtle64    the mCNN of the paper, of width 64                   not run, for a GPU
resnet18    ResNet-18 of width 64                                not run, for a GPU
smoke       the MLP, n = 8 and 16, 4 steps

analysis/nN/bootstrap_error/error after 351 steps of 128 (`flipped16`: 703), 95 % intervals of 3 seeds; the ideal world
errs on .505 (mlp), .476 (myrtle16) and .525 (augmented16). No world has learned its images by heart by then, so the end
is taken.

In soft errors, the paper's measure, its claim holds for myrtle16: after 22 epochs reuse costs .020 ± .013, where test
and train are .334 apart (.494 in hard errors). For the MLP it holds in hard errors: at n = 10,000, 4.5 epochs, reuse
costs nothing that 3 seeds could show, though test and train errors are .19 apart. It does not in soft ones: real worlds
are the more certain, and so have the lower ones, by .03 to .05.

Augmentation brings the worlds together: it costs the ideal one .05, the real one nothing (both ways it errs on about
.546), so of .069 that reuse cost .021 is left, where test and train errors are .107 apart. In soft errors reuse costs
-.002 ± .005.

mlp: 20 minutes of a core that was shared; myrtle16: 10 minutes of CPU time of one core, augmented16 70 minutes of one
that was shared. Both are tested on 2,000 images. Their rate, .01, was chosen on 104 steps of one seed; at .05 it learns
badly (.62), and seeds differ more than worlds.
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
