"""GLNs for people with arrays and tables: scikit-learn estimators over the learners.

    from glns.estimator import Classifier, Regressor  # `import glns` alone does not import scikit-learn
    Classifier().fit(X, y).predict_proba(X_new)

`classifier` and `regressor` are what people call; `fitted` has what they share. Below them: `fitting` learns and
predicts streams of samples; `inputs` reads arrays, sparse matrices and tables; `units` keeps their numbers within
float32; `programs` compiles and calls a learner; `independent` is the learner of several targets; `growth` adds classes
and features to what was learned; `explanations` reads off its local linear map; `storage` saves it. `glns.river` has
river's interface.
"""

from glns.estimator.classifier import Classifier
from glns.estimator.regressor import Regressor

__all__ = ["Classifier", "Regressor"]
