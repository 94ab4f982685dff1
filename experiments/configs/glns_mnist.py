"""A small GLN on MNIST: one online pass over 60,000 deskewed images, tested on 10,000.

    python -m launch.train --config=experiments/configs/glns_mnist.py --workdir=runs/glns_mnist --data_dir=DIR

DIR holds the four IDX files (train-images-idx3-ubyte and its companions, .gz or not).

variant  world                                   seconds  probe/test_error, one seed
online   the 60,000 images, once                      36  0.031
smoke    the first 240 of them, tested on 240          9

Seconds are of the whole run on 2 CPU cores, compiling included.
"""

from ml_collections import ConfigDict


def get_config(variant: str = "online") -> ConfigDict:
    """The config of a variant."""
    variants = {"online": (60000, 10000), "smoke": (240, 240)}
    if variant not in variants:
        raise ValueError(f"no variant {variant!r}; there are {', '.join(variants)}")
    num_train, num_test = variants[variant]
    batch_size = 60
    num_steps = num_train // batch_size
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 1,
            "num_steps": num_steps,
            "log_every": max(1, num_steps // 10),
            "probe_every": num_steps // 2,
            "checkpoint_every": max(1, num_steps // 10),
            "show": ("train/error", "probe/test_error"),
            "probes": ("classification",),
            "data": {"name": "idx", "deskew": True, "num_train": num_train, "num_test": num_test},
            "world": {"name": "real", "batch_size": batch_size},
            "learner": {
                "name": "glns",
                "num_classes": 10,
                "sizes": (50, 25, 1),
                "num_half_spaces": 4,
                "offset_scale": 0.05,
                "learning_rate": 0.01,
                "learning_rate_decay": 100.0,
                "feature_epsilon": 1 / 255,
                "epsilon": 0.01,
                "weight_bound": 200.0,
                "clip_rule": "margin",
            },
        }
    )
