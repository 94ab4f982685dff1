"""A GLN of the paper's size on MNIST: one online pass over 60,000 deskewed images, tested on 10,000.

    python -m launch.train --config=experiments/configs/glns_mnist.py --workdir=runs/glns_mnist --data_dir=DIR

DIR holds the four IDX files (train-images-idx3-ubyte and its companions, .gz or not).

variant  inputs                            seconds  eval/test_error, mean ± deviation of 3 seeds
online   oriented gradients                     56  0.0119 ± 0.0003
pixels   pixels                                 61  0.0227 ± 0.0005
smoke    `online` on 240, tested on 240          5  one seed

Seconds are of the whole run on 2 CPU cores that one other program shared, compiling included. The network is Veness
2019's, [128, 128, 1] neurons of 4 half-spaces a class, at their rate, min(0.01, 100 / t); half-spaces are shared by the
classes and pass near the origin (ours). The paper says 98 % and "mean subtraction and deskewing"; inputs are the
mean-subtracted features, times feature_scale.

How the settings were found: on the last 10,000 training images, after one pass over the other 50,000, one seed. The
accuracy there, in percent:

  pixels over their deviations 97.2 | their scale kept: times 3, 5, 8 at [64, 32, 1] 97.6, 97.7, 97.7
  at [128, 128, 1] times 5 97.6 | the last layer's rate divided by 10 97.9 | and 6 half-spaces 97.9 | deeper 97.9
  linear decay of the rate 97.8 to 97.9 | rate 0.02 97.5 | epsilon 0.001 97.7, 0.03 97.8 | offset_scale 1 97.9
  gradients over their deviations 98.3 | scale kept: times 12, 20, 30, 45, 70 98.5, 98.8, 98.8, 98.7, 98.6
  switching aggregation, on the test images, pixels: 97.7 as with the last neuron
  the mean of 4 networks, on the test images: gradients 98.97, pixels (6 half-spaces, last rate / 10) 98.02
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
            "eval_every": num_steps // 2,
            "checkpoint_every": num_steps // 2,
            "log_metrics": ("train/error", "eval/test_error"),
            "evals": ("classification",),
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
