"""The density of binarised MNIST by one network for all pixels: one online pass over 60,000 images, tested on 10,000.

    python -m launch.train --config=experiments/configs/glns_shared_density.py \
        --workdir=runs/glns_shared_density/online --data_dir=DIR

DIR holds binarized_mnist_train.amat and its two companions, _valid and _test. The native code runs on one CPU core.
The papers' GLN, a network a pixel, is `glns_density`; `glns/shared_density.py` says what differs.

variant  images to learn from, to test on   seconds  eval/nats
online   60,000, once; 10,000                   967  81.90, 81.94, 81.94 with --config.seed=0, 1, 2
orders   the same by eight models at once          -  80.64 by seven of them: see below
         --config.learner.num_orders=4          3391  80.85
smoke    60, a tiny model; 10                    34

Those of `orders` read images by rows, by columns, both from the other end, and all of these mirrored; their likelihoods
are averaged (`glns/orders.py`). All eight were not run at once yet: four were, and three more learned by themselves, 13
minutes of a core each, from the same images. Of seed 0, six have 80.69, seven 80.64. eval/nats is of frozen weights,
per image; the paper has 80.74. Prequentially, the mean of train/nats, `online` has 83.59, 83.56 and 83.57, the paper
79.0 over 70,000 images in its own order. Seconds are of one core beside other programs, with 2.5 GB, and 5.7 of four
orders.
"""

from ml_collections import ConfigDict


def get_config(variant: str = "online") -> ConfigDict:
    """The config of a variant."""
    variants = {"online": (60000, 10000, 1000), "orders": (60000, 10000, 1000), "smoke": (60, 10, 30)}
    if variant not in variants:
        raise ValueError(f"no variant {variant!r}; there are {', '.join(variants)}")
    num_train, num_test, batch_size = variants[variant]
    num_steps = num_train // batch_size
    small = {"parts": (16, 16), "num_slots": 1024, "max_contexts": 64} if variant == "smoke" else {}
    learner, paintings = {"name": "glns_shared_density", **small}, ("paintings",)
    if variant == "orders":
        learner, paintings = {"name": "glns_orders", "learner": learner, "num_orders": 8}, ()
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 1,
            "num_steps": num_steps,
            "log_every": max(1, num_steps // 12),
            "eval_every": num_steps,
            "checkpoint_every": max(1, num_steps // 6),
            "log_metrics": ("train/nats", "eval/nats"),
            "evals": ("density",),
            "artifacts": paintings,
            "figures": paintings,
            "data": {"name": "binarized_mnist", "num_train": num_train, "num_test": num_test},
            "world": {"name": "real", "batch_size": batch_size},
            "learner": learner,
        }
    )
