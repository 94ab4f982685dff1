"""The Deep Bootstrap on CIFAR-5m with the paper's recipe: a ResNet-18 in real worlds of n images and in the ideal one.

    python -m launch.train --config=experiments/configs/bootstrap_cifar5m.py --workdir=runs/cifar5m --data_dir=DIR

DIR holds the six files part0.npz .. part5.npz (storage.googleapis.com/gresearch/cifar5m), 18 GB that are read in place.

variant    what                                                            seconds  analysis/n50000/bootstrap_error
resnet18   n = 5, 10, 25 and 50 thousand beside one ideal world            not run  not measured: no files at hand
augmented  `resnet18`, every image cropped and flipped at random           not run  not measured
bfloat16   `resnet18` in half precision, its parameters and loss in single not run  not measured
smoke      n = 8 and 16, 4 steps of a small MLP, on small files of the same layout, as the tests make them

39,000 steps of 128 in every world: 100 epochs of 50,000 images, or 5 million images once. The settings are those of
the published code (preetum/deep-bootstrap-code, inftrain/train.py); LOG.md lists them and what we do otherwise. The
paper has 10 runs, each on images of its own: --config.seed=I --config.data.order_seed=I for I = 0 to 9. The seeds of
one run, --config.num_seeds=10 on more than one device, share their images.
"""

from ml_collections import ConfigDict

import bootstrap

SAMPLES = (5_000, 10_000, 25_000, 50_000)


def get_config(variant: str = "resnet18") -> ConfigDict:
    """The config of a variant."""
    variants = ("resnet18", "augmented", "bfloat16", "smoke")
    if variant not in variants:
        raise ValueError(f"no variant {variant!r}; there are {', '.join(variants)}")
    smoke = variant == "smoke"
    samples, num_test, num_per_part = ((8, 16), 10, 40) if smoke else (SAMPLES, 10_000, 1_000_448)
    dtype = "bfloat16" if variant == "bfloat16" else "float32"
    net = {"name": "mlp", "features": (8,)} if smoke else {"name": "resnet18", "width": 64, "dtype": dtype}
    num_steps, stair, log_every, batch_size = (4, 2, 2, 8) if smoke else (39_000, 390, 39, 128)
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 1,
            "num_steps": num_steps,
            "log_every": log_every,
            "eval_every": log_every,
            "evals_per_decade": 15,
            "checkpoint_every": 50 * log_every,
            "log_metrics": (f"eval/n{samples[-1]}/test_soft_error", "eval/ideal/test_soft_error"),
            "evals": {name: {"batch_size": num_test // 10} for name in ("classification", "training")},
            "analyses": {"gap": {"pairs": {f"n{n}": (f"n{n}", "ideal") for n in samples}}},
            "figures": {"fan": {}, "pair": {"real": f"n{samples[-1]}"}},
            "data": {
                "name": "cifar5m",
                "num_train": samples[-1],
                "num_test": num_test,
                "num_per_part": num_per_part,
                "order_seed": 0,
            },
            "world": {
                "name": "paired",
                "batch_size": batch_size,
                "num_samples": bootstrap.UNLIMITED,
                "augment": {"crop": {"padding": 4, "value": -1.0}, "flip": {}} if variant == "augmented" else None,
            },
            "grid": {
                **{f"n{n}": {"world": {"num_samples": n}} for n in samples},
                "ideal": {"world": {"num_samples": bootstrap.UNLIMITED}},
            },
            "learner": {
                "name": "sgd",
                "net": {"name": "published", "net": {**net, "num_classes": 10}},
                "tx": {
                    "name": "sgd",
                    "learning_rate": {
                        "name": "cosine",
                        "learning_rate": 0.1,
                        "num_steps": num_steps,
                        "every": stair,
                    },
                },
            },
        }
    )


def sweep(add) -> None:
    """Without and with augmentation."""
    add("resnet18")
    add("augmented")
