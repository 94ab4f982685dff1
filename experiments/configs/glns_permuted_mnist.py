"""Continual learning: permuted MNIST, one task after the other, without being told (Veness 2019).

    python -m launch.train --config=experiments/configs/glns_permuted_mnist.py \
        --workdir=runs/glns_permuted_mnist/full --data_dir=DIR

DIR holds the four IDX files (train-images-idx3-ubyte and its companions, .gz or not).

variant  tasks, images of each  eval/retention: GLN  SGD            with dropout   with EWC
full     10, 5000               0.873 ± 0.003        0.758 ± 0.009  0.739 ± 0.007  0.799 ± 0.006
smoke    2, 20

eval/retention is the mean test accuracy over all tasks at the end (1000 test images): mean ± std of 3 seeds. All learn
each image once. The network (400, 200) has as many weights as are active in the ten GLNs, within 3 %. EWC alone is told
where tasks end; the others keep what they keep without. 37 minutes on a crowded machine, compiling included.
"""

from ml_collections import ConfigDict

# Tasks, images of each, test images.
VARIANTS = {"full": (10, 5000, 1000), "smoke": (2, 20, 50)}


def get_config(variant: str = "full") -> ConfigDict:
    """The config of a variant."""
    if variant not in VARIANTS:
        raise ValueError(f"no variant {variant!r}; there are {', '.join(VARIANTS)}")
    num_tasks, samples_per_task, num_test = VARIANTS[variant]
    batch_size = 10
    steps_per_task = samples_per_task // batch_size
    net = {"name": "mlp", "features": (400, 200), "num_classes": 10}
    sgd = {"name": "sgd", "net": net, "tx": {"name": "sgd", "learning_rate": 0.03}}
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 1 if variant == "smoke" else 3,
            "num_steps": num_tasks * steps_per_task,
            "log_every": steps_per_task,
            "eval_every": steps_per_task,
            "checkpoint_every": steps_per_task,
            "log_metrics": ("eval/retention", *(f"eval/{name}/retention" for name in ("sgd", "dropout", "ewc"))),
            "evals": ("retention",),
            "figures": {"retention": {"steps_per_task": steps_per_task}},
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
                "dropout": sgd | {"net": net | {"dropout": 0.2}},
                "ewc": sgd | {"name": "ewc", "strength": 30.0, "consolidate_every": steps_per_task},
            },
        }
    )
