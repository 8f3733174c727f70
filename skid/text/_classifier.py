"""Classes of texts, from a few of their words."""

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skid._callbacks import with_callbacks
from skid._classes import check_class_weights, check_several_classes
from skid._docstrings import documented
from skid.text._base import TOKEN_PATTERN, BaseRationale
from skid.text._documentation import PARAGRAPHS
from skid.text._documents import sized
from skid.text._fit import DTYPE
from skid.text._settings import (
    EPOCHS,
    LEAST_STEPS_BETWEEN_VALIDATIONS,
    MINIMUM_STEPS,
)


@documented(
    PARAGRAPHS,
    evidence='``"random"``',
    score="The accuracy",
    target="``predict_proba``",
    epochs=str(EPOCHS),
    steps=f"{MINIMUM_STEPS:,}",
    interval=str(LEAST_STEPS_BETWEEN_VALIDATIONS),
)
class RationaleClassifier(ClassifierMixin, BaseRationale):
    """Classify texts from exactly k of their words, and show which ones.

    A selector network scores the words of a text in their context, a top-k solver picks k of
    them, and a predictor that sees only these says the class. All is trained together, through
    the solver, by *Identity with Projection*. With ``explain_model`` the words explain the
    predictions of another model.

    Read more in the README.

    Parameters
    ----------
    %(parameters)s
    class_weight : dict, "balanced" or None, default=None
        Factor of the sample weights of each class, as in scikit-learn.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    %(attributes)s

    See Also
    --------
    RationaleRegressor : The same for numbers.

    Notes
    -----
    %(notes)s

    References
    ----------
    %(references)s

    Examples
    --------
    >>> from skid import RationaleClassifier
    >>> texts = ["a good film", "a bad film", "good acting, fine plot", "what a bad, dull plot"]
    >>> model = RationaleClassifier(k=1, max_iter=100, early_stopping=False, random_state=0)
    >>> model = model.fit(25 * texts, 25 * ["pos", "neg", "pos", "neg"])
    >>> model.predict(["the plot is good", "so bad"]).tolist()
    ['pos', 'neg']
    >>> model.explain(["Well, a GOOD start"])
    [[('good', 2)]]
    """

    _parameter_constraints: dict = {
        **BaseRationale._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        k=10,
        *,
        max_features=20_000,
        min_df=1,
        vocabulary=None,
        lowercase=True,
        token_pattern=TOKEN_PATTERN,
        tokenizer=None,
        max_length=400,
        keep="start",
        explain_model=None,
        n_parts=1,
        embedding=None,
        embedding_size=50,
        freeze_embedding=False,
        n_filters=50,
        selector_network=None,
        hidden_layer_sizes="auto",
        network=None,
        evidence="auto",
        rarity_weight="auto",
        projection="auto",
        noise="auto",
        noise_scale="auto",
        gradient="identity",
        alpha="auto",
        batch_size="auto",
        learning_rate_init="auto",
        max_iter="auto",
        shuffle=True,
        early_stopping="auto",
        validation_fraction=0.1,
        n_iter_no_change=5,
        tol=1e-4,
        class_weight=None,
        warm_start=False,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            k,
            max_features=max_features,
            min_df=min_df,
            vocabulary=vocabulary,
            lowercase=lowercase,
            token_pattern=token_pattern,
            tokenizer=tokenizer,
            max_length=max_length,
            keep=keep,
            explain_model=explain_model,
            n_parts=n_parts,
            embedding=embedding,
            embedding_size=embedding_size,
            freeze_embedding=freeze_embedding,
            n_filters=n_filters,
            selector_network=selector_network,
            hidden_layer_sizes=hidden_layer_sizes,
            network=network,
            evidence=evidence,
            rarity_weight=rarity_weight,
            projection=projection,
            noise=noise,
            noise_scale=noise_scale,
            gradient=gradient,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate_init=learning_rate_init,
            max_iter=max_iter,
            shuffle=shuffle,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            warm_start=warm_start,
            device=device,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    @with_callbacks
    def fit(self, X, y=None, sample_weight=None):
        """Learn a vocabulary, to select words, and to predict from them.

        Parameters
        ----------
        X : iterable of str, of lists of words or of integers, or int array of shape (n, length)
            Texts; as words if they are cut already, as integers with 0 for padding.
        y : array-like of shape (n_samples,), default=None
            Class labels. May be left out, and is not looked at, with ``explain_model``.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If X holds other things or several kinds of texts, y fewer than two classes, no word
            is left for the vocabulary, or a parameter does not fit the data.
        """
        return self._fit(X, y, sample_weight)

    def predict_proba(self, X):
        """Probability of each class.

        Parameters
        ----------
        X : iterable of texts, as in ``fit``

        Returns
        -------
        float32 array of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return softmax(self._outputs(X), axis=1)

    def predict_log_proba(self, X):
        """Logarithm of the probability of each class.

        Parameters
        ----------
        X : iterable of texts, as in ``fit``

        Returns
        -------
        float32 array of shape (n_samples, n_classes)
        """
        return log_softmax(self._outputs(X), axis=1)

    def predict(self, X):
        """Most probable class.

        Parameters
        ----------
        X : iterable of texts, as in ``fit``

        Returns
        -------
        array of shape (n_samples,)
        """
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=1)]

    def score(self, X, y=None, sample_weight=None):
        """Share of the texts whose class is predicted.

        Parameters
        ----------
        X : iterable of texts, as in ``fit``
        y : array-like of shape (n_samples,), default=None
            Class labels. Without any, the most probable classes of ``explain_model``: the score
            is the share of the texts on which the words and the model agree.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
        """
        if y is None:
            X = sized(X)
            y = self.classes_[self._targets_of_model(X, len(X)).argmax(axis=1)]
        return super().score(X, y, sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.explain_model is None
        return tags

    def _targets(self, X, y, n, weights):
        if self.explain_model is not None:
            targets = self._targets_of_model(X, n)
            classes = getattr(self.explain_model, "classes_", np.arange(targets.shape[1]))
            if len(classes) != targets.shape[1]:
                raise ValueError(
                    f"explain_model has {len(classes)} classes_, but its predict_proba "
                    f"{targets.shape[1]} columns"
                )
            self.classes_ = np.asarray(classes)
            factors = self._factors(self.classes_[targets.argmax(axis=1)])
            return targets, factors, "cross_entropy"
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None; only "
                "with explain_model it may be left out"
            )
        y = column_or_1d(y, warn=True)
        check_consistent_length(np.empty(n), y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        check_several_classes(self.classes_)
        return np.eye(len(self.classes_), dtype=DTYPE)[codes], self._factors(y), "cross_entropy"

    def _factors(self, y) -> np.ndarray:
        if self.class_weight is None:
            return np.ones(len(y), DTYPE)
        factors = compute_sample_weight(self.class_weight, y).astype(DTYPE)
        check_class_weights(self.class_weight, factors)
        return factors

    def _targets_of_model(self, X, n):
        answers = self._answers_of_model("predict_proba", X, n)
        if answers.ndim != 2 or answers.shape[1] < 2 or (answers < 0).any():
            raise ValueError(
                "predict_proba of explain_model must give probabilities of shape (n, n_classes), "
                f"but gave the shape {answers.shape} and the least number {answers.min():.3g}"
            )
        return (answers / answers.sum(axis=1, keepdims=True)).astype(DTYPE)

    def _headers(self, outputs):
        probabilities = softmax(outputs, axis=1)
        best = probabilities.argmax(axis=1)
        return [
            f"{self.classes_[one]} ({100 * row[one]:.0f} %)"
            for one, row in zip(best, probabilities, strict=True)
        ]
