"""A GLN of the paper's size on MNIST: one online pass over 60,000 deskewed images, tested on 10,000.

    python -m launch.train --config=experiments/configs/glns_mnist.py --workdir=runs/glns_mnist --data_dir=DIR

DIR holds the four IDX files (train-images-idx3-ubyte and its companions, .gz or not).

variant  inputs                                        seconds  probe/test_error, mean ± deviation of 3 seeds
online   oriented gradients, mean-subtracted
pixels   pixels, mean-subtracted
smoke    `online` on 240 images, tested on 240, one seed

Seconds are of the whole run on 2 CPU cores, compiling included. The network is Veness 2019's, [128, 128, 1] neurons of
4 half-spaces a class, at their rate; half-spaces are shared by the classes and pass near the origin (ours).
"""

from ml_collections import ConfigDict


def get_config(variant: str = "online") -> ConfigDict:
    """The config of a variant."""
    variants = {  # gradients, feature_scale, images
        "online": (True, 30.0, (60000, 10000)),
        "pixels": (False, 6.0, (60000, 10000)),
        "smoke": (True, 30.0, (240, 240)),
    }
    if variant not in variants:
        raise ValueError(f"no variant {variant!r}; there are {', '.join(variants)}")
    gradients, feature_scale, (num_train, num_test) = variants[variant]
    batch_size = 60
    num_steps = num_train // batch_size
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 1 if variant == "smoke" else 3,
            "num_steps": num_steps,
            "log_every": max(1, num_steps // 10),
            "probe_every": num_steps // 2,
            "checkpoint_every": num_steps // 2,
            "show": ("train/error", "probe/test_error"),
            "probes": ("classification",),
            "data": {
                "name": "idx",
                "deskew": True,
                "gradients": gradients,
                "num_train": num_train,
                "num_test": num_test,
            },
            "world": {"name": "real", "batch_size": batch_size},
            "learner": {
                "name": "glns",
                "num_classes": 10,
                "sizes": (128, 128, 1),
                "num_half_spaces": 4,
                "offset_scale": 0.05,
                "learning_rate": 0.01,
                "learning_rate_decay": 100.0,
                "feature_epsilon": 1.0,
                "feature_scale": feature_scale,
                "epsilon": 0.01,
                "weight_bound": 200.0,
                "clip_rule": "margin",
                "shared_gates": True,
                "aggregation": "last",
            },
        }
    )
