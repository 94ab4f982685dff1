"""How good predictions are that were made before their labels were known: test, then train.

Letters: N classes, n rows.
"""

import numpy as np

_LEAST = 1e-3  # a smaller probability counts as this in the log loss: trees give 0


def scores(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """The scores of probabilities [n, N] of labels [n] in 0 .. N - 1, rows in the order of time.

    accuracy; loss: log loss in nats; kappa (Cohen 1960): (accuracy - chance) / (1 - chance), by chance that guesses
    each class as often as the predictions do; kappa_temporal (Bifet 2013): the same, by a guess that repeats the last
    label. Both are 1 for no error, 0 for what is no better than the guess.
    """
    guesses, num_classes = probabilities.argmax(axis=1), probabilities.shape[1]
    accuracy = np.mean(guesses == labels)
    rates = [np.bincount(which, minlength=num_classes) / len(labels) for which in (guesses, labels)]
    chance, repeated = rates[0] @ rates[1], np.sum(labels[1:] == labels[:-1]) / len(labels)
    return {
        "accuracy": float(accuracy),
        "kappa": float((accuracy - chance) / (1 - chance)),
        "kappa_temporal": float((accuracy - repeated) / (1 - repeated)),
        "loss": log_loss(probabilities, labels),
    }


def log_loss(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Of probabilities [n, N] of labels [n], in nats."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(labels)), labels], _LEAST)).mean())
