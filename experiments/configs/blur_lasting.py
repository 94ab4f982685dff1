"""Rules that go on learning: error feedback, orthogonalised changes that shrink with age (not in Sandler 2021).

    python -m launch.train --config=experiments/configs/blur_lasting.py:64 \
        --workdir=runs/blur_lasting/64 --data_dir=DIR

DIR holds IDX files, as of `blur_mnist`. The genome `muon` was made by hand, with five settings compared on MNIST; its
structure was chosen on KMNIST. `lasting` is what evolution made of it on MNIST and blobs, first in networks of one and
two layers, then of its genes of size in others; it has seen no other set.

variant     hidden neurons, set        accuracy at steps 10, 20, 50, 100, 200, 500, 1000
without     each gene and option that the paper does not have, taken from `lasting`, below
by_hand     64, KMNIST: lasting        .743 .787 .844 .867 .884 .901 .900
            muon, on the same batches  .718 .773 .834 .859 .879 .888 .893
            64, notMNIST: lasting      .862 .895 .909 .916 .920 .926 .925
            muon                       .865 .888 .905 .916 .919 .922 .920
64          64, KMNIST: lasting        .743 .787 .844 .867 .884 .901 .900
            muon                       .730 .780 .838 .868 .883 .897 .905
            best SGD of each step      .615 .687 .774 .821 .850 .880 .886
            best Adam                  .654 .727 .805 .830 .862 .880 .881
            best Muon of optax         .674 .745 .782 .840 .855 .868 .862
            64, notMNIST: lasting      .862 .895 .909 .916 .920 .926 .925
            muon                       .864 .887 .908 .916 .921 .924 .924
            best SGD                   .827 .862 .878 .895 .901 .913 .913
            best Adam                  .853 .871 .887 .902 .907 .909 .903
            best Muon of optax         .855 .871 .889 .895 .898 .901 .902
            batches of 32, notMNIST: lasting .840 .856 .888 .897 .906 .914 .920
            muon                       .808 .853 .888 .901 .910 .918 .920
            best SGD                   .760 .832 .860 .884 .887 .903 .905
            best Adam                  .770 .830 .860 .881 .889 .898 .906
            best Muon of optax         .800 .817 .862 .879 .876 .884 .883
            of 64: lasting             .854 .867 .903 .907 .917 .926 .927
            muon                       .850 .873 .900 .912 .917 .923 .923
            best SGD                   .811 .840 .879 .887 .901 .909 .909
            best Adam                  .817 .852 .881 .884 .903 .908 .910
            best Muon of optax         .844 .832 .885 .889 .887 .895 .890
            batches of 32, KMNIST: lasting .592 .684 .762 .807 .833 .860 .877
            muon                       .567 .690 .773 .817 .842 .865 .877
            best SGD                   .471 .574 .699 .759 .788 .839 .869
            best Adam                  .490 .617 .720 .776 .808 .832 .868
            best Muon of optax         .547 .640 .720 .769 .794 .830 .825
            of 64: lasting             .683 .758 .809 .847 .866 .890 .902
            muon                       .665 .748 .812 .849 .874 .888 .893
            best SGD                   .546 .641 .725 .787 .827 .863 .884
            best Adam                  .577 .685 .761 .801 .840 .864 .880
            best Muon of optax         .619 .710 .747 .816 .835 .857 .860
16          16, notMNIST: lasting      .844 .867 .888 .897 .903 .904 .902
            muon                       .814 .857 .879 .891 .899 .901 .902
            best SGD                   .808 .844 .870 .888 .897 .904 .908
            best Adam                  .816 .853 .876 .888 .896 .896 .905
            best Muon of optax         .820 .859 .875 .880 .893 .887 .882
            KMNIST: lasting            .672 .722 .777 .794 .817 .827 .826
            muon                       .621 .688 .743 .773 .782 .796 .802
            best SGD                   .553 .614 .711 .750 .780 .804 .811
            best Adam                  .562 .645 .731 .765 .773 .796 .807
            best Muon of optax         .582 .676 .703 .761 .782 .788 .790
64_64       64, 64, KMNIST: lasting    .726 .788 .850 .880 .901 .915 .916
            muon                       .706 .774 .847 .879 .898 .908 .909
            best SGD                   .547 .650 .771 .808 .841 .886 .892
            best Adam                  .635 .719 .807 .828 .856 .883 .887
            best Muon of optax         .668 .733 .808 .847 .861 .861 .869
            notMNIST: lasting          .861 .887 .904 .912 .918 .924 .925
            muon                       .857 .887 .910 .912 .922 .923 .921
            best SGD                   .795 .848 .877 .897 .909 .914 .917
            best Adam                  .844 .858 .882 .900 .912 .914 .908
            best Muon of optax         .837 .856 .889 .896 .897 .899 .892
64_64_64    64, 64, 64, KMNIST: lasting .677 .762 .837 .876 .892 .910 .916
            muon                       .691 .762 .836 .885 .906 .917 .914
            best SGD                   .426 .586 .752 .802 .836 .881 .890
            best Adam                  .609 .692 .784 .835 .849 .880 .883
            best Muon of optax         .664 .737 .802 .833 .844 .855 .856
            notMNIST: lasting          .839 .877 .902 .909 .919 .920 .921
            muon                       .849 .878 .901 .915 .918 .922 .922
            best SGD                   .718 .821 .875 .895 .904 .909 .910
            best Adam                  .795 .851 .884 .894 .908 .905 .905
            best Muon of optax         .816 .855 .879 .895 .892 .897 .890
256         256, KMNIST: lasting       .783 .829 .878 .897 .910 .921 .924
            muon                       .764 .811 .872 .900 .915 .923 .923
            best SGD                   .638 .737 .807 .857 .897 .919 .920
            best Adam                  .693 .755 .836 .872 .886 .912 .919
            best Muon of optax         .718 .774 .830 .874 .890 .888 .887
            notMNIST: lasting          .878 .904 .914 .921 .922 .923 .924
            muon                       .869 .894 .913 .916 .923 .922 .922
            best SGD                   .847 .867 .887 .905 .910 .918 .919
            best Adam                  .852 .878 .897 .905 .910 .914 .914
            best Muon of optax         .863 .885 .900 .900 .898 .900 .899
meta        CMA-ES, 120 generations in 15 minutes of a shared core, of all genes but those of size
sized       the same of genes of size alone, 12 minutes; --config.learner.init_genome.genome=PATH of `meta`'s
            genome.json leaves `lasting`
persistent  persistent evolution strategies in its place; after 60 of 120 updates behind `muon` by .012
            over steps 10 to 100 of MNIST and by .003 of KMNIST, then ahead
varied      `meta` in networks, batch sizes and at ages that it draws, with tasks of two laws: 160 seconds of a core; in
            14 networks, batch sizes and sets (LOG.md) .002 behind `meta` over steps 10 to 100, at most .004, and
            level at 1000
persistent_varied   the same of `persistent`, with runs of 4 to 32 parts, 61 seconds; not better: on MNIST .766 .812
            .930 .938 at steps 10, 20, 50, 100, where it began with .812 .883 .961 .945, and .984 as that at 1000, of
            128 images, so that a difference of .05 may be luck
smoke       8, 4 steps

`lasting` is ahead of the best optimiser at every step recorded from 10 to 200, on both sets, in 16 to 256 neurons, one
to three layers, batches of 32 to 128 (--config.world.batch_size), and nowhere more than .001 behind to 1000, but for
notMNIST in 16 neurons, up to .006 behind SGD from 340 on. From its best to step 5000, when each image was learned 80
times, it loses .000 to .004 on KMNIST and .003 to .009 on notMNIST (`muon` .000 to .003, .001 to .005; means of ten
evaluations, 16, 64, 256 neurons, three layers). Against `muon`, which was made by hand, on the same first synapses and
batches, six seeds, the mean of steps 10 to 100 on KMNIST, notMNIST: 16 neurons +.023 +.011, 64 +.006 -.001, 256 +.002
+.002, two layers -.002 -.001, three +.003 +.001, batches of 64 +.003 +.001, of 32 -.002 +.001; at step 1000 ahead by up
to .015 and nowhere behind by more than .001. So what evolution gains is narrow networks. Genes of size came last:
without them `lasting` was +.008 +.004 in 16 neurons and -.006 -.003 in three layers, where Muon of optax was ahead of
it at step 10. That rates should fall with width and depth was seen on KMNIST and notMNIST; by how much, evolution found
on MNIST and blobs: (N / 64)^-.55 L^-.74.

taken from `lasting`, two layers of 64         KMNIST                  notMNIST
nothing                                        .726 .880 .916 .838     .861 .912 .925 .901
size                                           .718 .886 .918 .838     .845 .912 .918 .898
the scale of the first synapses                .720 .872 .920 .835     .861 .916 .923 .901
inputs standardised                            .707 .873 .914 .832     .859 .915 .922 .903
half the temperature of the softmax            .684 .890 .918 .832     .858 .912 .916 .898
momentum                                       .692 .869 .912 .825     .852 .905 .916 .896
age: every step changes as much                .685 .877 .910 .821     .845 .905 .912 .891
the last layer's own rate                      .666 .877 .907 .820     .834 .914 .920 .892
hidden layers normalised                       .669 .853 .894 .799     .800 .892 .907 .872
the last layer normalised, too                 .710 .797 .806 .778     .842 .866 .873 .861
orthogonal changes: one size a destination     .551 .819 .881 .759     .805 .900 .912 .883
one size a layer                               .473 .810 .876 .731     .736 .898 .919 .869
as they are, the best of rates .1, .3, 1       .627 .718 .747 .703     .825 .863 .878 .852

Accuracies at 10, 100 and 1000, and the mean of steps 10 to 100.

Means of 3 seeds on 1000 test images of 14 x 14 pixels, standardised for all; 8000 train images, batches of 128. The
best are of 8 settings of SGD, 4 rates from 0.03 to 1 with and without momentum, and of 3 rates of Adam and of Muon.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments.configs.blur_digits import AT, at_rates, sgd_at

TESTS = {
    "64": (64,),
    "16": (16,),
    "64_64": (64, 64),
    "64_64_64": (64, 64, 64),
    "256": (256,),
    "by_hand": (64,),
    "without": (64, 64),
    "smoke": (8,),
}
RATES = {"sgd": (0.03, 0.1, 0.3, 1.0), "adam": (0.003, 0.01, 0.03), "muon": (0.03, 0.1, 0.3)}
# An ablation of each gene and option that the paper does not have.
WITHOUT: dict[str, dict[str, Any]] = {
    "no_age": {"synapse": {"age": {"power": 0.0}}},
    "no_momentum": {"synapse": {"momentum": None}},
    "one_rate_for_all_layers": {"synapse": {"last": None}},
    "no_size": {"synapse": {"size": None}},
    "first_synapses_as_they_are": {"synapse": {"scale": None}},
    "changes_of_one_size_a_layer": {"rule": {"change_norm": "layer"}},
    "changes_of_one_size_a_destination": {"rule": {"change_norm": "destination"}},
    **{
        f"changes_as_they_are_{rate}".replace(".", "_"): {
            "synapse": {"update": -rate},
            "rule": {"change_norm": "none", "feedback": "cross_entropy"},
        }
        for rate in (0.1, 0.3, 1.0)
    },
    "hidden_layers_not_normalised": {"neuron": {"forward_norm": None}},
    "last_layer_normalised": {"rule": {"normalise_last": True}},
    "inputs_as_they_are": {"rule": {"normalise_inputs": False}},
    "half_the_temperature": {"neuron": {"update": 1.8}},
}
# Backpropagation as a rule, with an error that is not divided by the batch, and what is made of the gradient.
RULE = {
    "name": "blur",
    "activation": "relu_slope",
    "backward_activation": "linear",
    "last_activation": "linear_slope",
    "backward_update": "multiplicative_second_state",
    "symmetric": True,
    "single_state": True,
    "feedback": "error",
    "change_norm": "orthogonal",
    "normalise_inputs": True,
    "normalise_last": False,
}


def get_config(variant: str = "64") -> ConfigDict:
    """The config of a variant."""
    if variant not in (*TESTS, *META):
        raise ValueError(f"no variant {variant!r}; there are {', '.join((*TESTS, *META))}")
    return _meta(variant) if variant in META else _test(variant)


# By how much each gene varies at first. Transforms stay those of backpropagation: turned by .03 they lose.
STD = {
    "neuron": {"update": 0.3},
    "synapse": {
        "keep": 0.01,
        "update": 0.12,
        "age": {"log_steps": 0.5, "power": 0.15},
        "momentum": 0.1,
        "last": 0.2,
        "scale": 0.25,
    },
}
FAMILIES = {
    "mnist": {"name": "images", "side": 10, "classes": tuple(range(10))},
    "projected": {"name": "images", "side": 10, "classes": tuple(range(10)), "project": True},
    "modes": {"name": "blobs", "num_classes": 10, "num_modes": 8, "dim": 100, "std": 0.8},
}
LAWS = {
    "teacher": {"num_inputs": 100, "num_classes": 10, "features": (30,)},
    "gaussians": {"num_inputs": 100, "num_classes": 10, "separation": 4.0, "num_components": 4},
}
VARIED = {"sizes": ((64, 10), (32, 32, 10)), "batch_sizes": (64, 32), "oldest": 100}
META = {
    "meta": {
        "world": {"unroll": 323},
        "learner": {
            "name": "blur_evolution",
            "sizes": ((64, 10), (32, 32, 10)),
            "num_held_out": 4,
            "shortest": 40,
            "along": True,
            "keep_start": True,
        },
    },
    "persistent": {
        "world": {"unroll": 20, "num_parts": 32},
        "learner": {"name": "blur_persistent", "sizes": (64, 10), "num_parts": 32, "learning_rate": 0.1},
    },
}
META |= {
    "sized": {
        "world": META["meta"]["world"],
        "learner": META["meta"]["learner"]
        | {
            "init_genome": {"name": "warm", "genome": "lasting", "sized": True},
            "sizes": ((16, 10), (256, 10), (64, 64, 10), (64, 64, 64, 10)),
            "std": {"synapse": {"size": {"width": 0.2, "depth": 0.4}}},
        },
    },
    "varied": {
        "world": META["meta"]["world"] | {"families": FAMILIES | LAWS},
        "learner": META["meta"]["learner"] | VARIED,
    },
    "persistent_varied": {
        "world": META["persistent"]["world"] | {"families": FAMILIES | LAWS},
        "learner": META["persistent"]["learner"] | VARIED | {"shortest": 4},
    },
}


def _meta(variant: str) -> ConfigDict:
    """From the genome made by hand: CMA-ES over whole runs of 40 to 320 steps, or persistent ES over parts of 20."""
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 1,
            "num_steps": 120,
            "log_every": 5,
            "eval_every": 60,
            "checkpoint_every": 10,
            "log_metrics": ("train/accuracy", "eval/mnist/accuracy_at_100", "eval/mnist/accuracy_at_1000"),
            "evals": {
                "endurance": {
                    "families": {"mnist": FAMILIES["mnist"]},
                    "sizes": (64, 10),
                    "rule": RULE,
                    "batch_size": 64,
                    "num_draws": 2,
                    "steps": AT,
                }
            },
            "artifacts": ("genome",),
            "data": {"name": "idx", "side": 10, "crop": 4},
            "world": {"name": "tasks", "families": FAMILIES, "batch_size": 64} | META[variant]["world"],
            "learner": {
                "init_genome": {"name": "warm", "genome": "muon"},
                "rule": RULE,
                "population": 12,
                "std": STD,
            }
            | META[variant]["learner"],
        }
    )


def _test(variant: str) -> ConfigDict:
    """What evolution made of the genome by hand, that one, and SGD, Adam and Muon, on the same batches."""
    hidden, smoke = TESTS[variant], variant == "smoke"
    net = {"name": "mlp", "features": hidden, "num_classes": 10}
    rates = {name: of_name[-1:] if smoke else of_name for name, of_name in RATES.items()}
    baselines = {
        **sgd_at(net, rates["sgd"]),
        **at_rates(net, "adam", rates["adam"]),
        **at_rates(net, "muon", rates["muon"], tx="optax.contrib:muon"),
    }
    first, at = (2, (2, 4)) if smoke else (200, AT)
    if variant in ("by_hand", "without"):
        baselines, first = {}, 100
    learner: dict[str, Any] = {"name": "blur", "genome": "lasting", "sizes": (*hidden, 10)}
    if variant == "without":
        baselines = {name: learner | {"instead": instead} for name, instead in WITHOUT.items()}
    baselines["hand"] = learner | {"genome": "muon"}
    return ConfigDict(
        {
            "seed": 0,
            "num_seeds": 2 if smoke else 3,
            "num_steps": 4 if smoke else 1000,
            "log_every": 2 if smoke else 10,
            "eval_every": 2 if smoke else 10,
            "checkpoint_every": 4 if smoke else 1000,
            "log_metrics": ("eval/test_error", "eval/hand/test_error", "eval/synapses_rms"),
            "evals": ("classification", "synapses"),
            "analyses": {"race": {"first": first, "at": at}},
            "figures": {"race": {"log_from": 1 if smoke else 10}},
            "data": {
                "name": "idx",
                "num_train": 60 if smoke else 8000,
                "num_test": 50 if smoke else 1000,
                "side": 14,
                "standardise": True,
            },
            "world": {"name": "real", "batch_size": 32 if smoke else 128},
            "learner": learner,
            "baselines": baselines,
        }
    )


def sweep(add) -> None:
    """One to three hidden layers, and a wider one."""
    for variant in ("64", "64_64", "64_64_64", "256"):
        add(variant)
