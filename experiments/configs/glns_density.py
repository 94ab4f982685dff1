"""The density of binarised MNIST: one GLN a pixel, one online pass over 60,000 images, tested on 10,000 (Veness 2019).

    python -m launch.train --config=experiments/configs/glns_density.py --workdir=runs/glns_density --data_dir=DIR

DIR holds binarized_mnist_train.amat and its two companions, _valid and _test.

variant  images to learn from, to test on   seconds  eval/nats, one seed
online   60,000, once; 10,000                   390  90.5
part     6,000 of them, once; 1,000             231  95.4
smoke    120, a tiny model; 20                   31

eval/nats is of frozen weights, per image; the paper has 80.74. Seconds are of the whole run on 2 shared CPU cores,
compiling included.
"""

from ml_collections import ConfigDict


def get_config(variant: str = "online") -> ConfigDict:
    """The config of a variant."""
    variants = {"online": (60000, 10000), "part": (6000, 1000), "smoke": (120, 20)}
    if variant not in variants:
        raise ValueError(f"no variant {variant!r}; there are {', '.join(variants)}")
    num_train, num_test = variants[variant]
    smoke, batch_size = variant == "smoke", 60 if variant == "smoke" else 240
    num_steps = num_train // batch_size
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 1,
            "num_steps": num_steps,
            "log_every": max(1, num_steps // 5),
            "eval_every": num_steps,
            "checkpoint_every": num_steps,
            "log_metrics": ("train/nats", "eval/nats"),
            "evals": ("density",),
            "data": {"name": "binarized_mnist", "num_train": num_train, "num_test": num_test},
            "world": {"name": "real", "batch_size": batch_size},
            "learner": {
                "name": "glns_density",
                "sizes": (4, 1) if smoke else (16, 1),
                "num_patterns": 8 if smoke else 60,
                "pattern_bits": 4 if smoke else 10,
                "context_bits": 2 if smoke else 4,
                "spread": 30.0,
                "learning_rate": 0.002,
                "learning_rate_decay": 25.0,
                "epsilon": 1e-4,
                "weight_bound": 200.0,
                "clip_rule": "margin",
            },
        }
    )
