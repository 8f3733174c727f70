"""What a fitted autoencoder does: codes, rows from codes, and how likely rows are."""

import numbers

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted

from skid.engine.feed import row_blocks
from skid.inputs import checked_rows
from skid.solvers import TopK


class CodingMixin(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """Methods of an estimator that holds an `AutoencoderModel`."""

    def transform(self, X):
        """Code of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)

        Returns
        -------
        array of shape (n_samples, n_groups * group_size)
            Zeros and ones, group after group, exactly k ones in each. With ``codes="sampled"``
            the noise is the same in every call.
        """
        check_is_fitted(self)
        X = checked_rows(self, X, reset=False)
        return self._model.codes(X, self._noise_source() if self.codes == "sampled" else None)

    def inverse_transform(self, X):
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_groups * group_size)
            Codes as ``transform`` gives them. Others are decoded as well.

        Returns
        -------
        array of shape (n_samples, n_features) or (n_samples, ...)
            Mean of the decoded law: probabilities with the Bernoulli likelihood.
        """
        check_is_fitted(self)
        codes = check_array(X, dtype=self._model.inputs.dtype)
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"codes must have {self._n_features_out} columns, n_groups * group_size, "
                f"but have {codes.shape[1]}"
            )
        return self._model.decoded(codes)

    def sample(self, n_samples=1, random_state=None):
        """Decode codes drawn from the prior, where all k-subsets are equally likely.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        array of shape (n_samples, n_features) or (n_samples, ...)
            Means of the decoded laws.
        """
        check_is_fitted(self)
        if not isinstance(n_samples, numbers.Integral) or n_samples < 1:
            raise ValueError(f"n_samples must be an integer of at least 1, got {n_samples!r}")
        n_groups, group_size = self._model.code_shape
        order = check_random_state(random_state).random_sample((n_samples * n_groups, group_size))
        codes = TopK(self._model.rule.k).solve(order.astype(self._model.inputs.dtype))
        return self._model.decoded(codes.reshape(n_samples, -1))

    def negative_bound(self, X, *, kl=None, random_state=None):
        """The two terms of the negative evidence lower bound of each row, in nats.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
        kl : {"marginal", "subset"}, default=None
            By default that of the estimator.
        random_state : int, RandomState instance or None, default=None
            Source of the noise of the sampled codes. None is the noise of ``score``, the same in
            every call.

        Returns
        -------
        reconstruction : array of shape (n_samples,)
            Minus the log-likelihood of the row under its decoded code.
        divergence : array of shape (n_samples,)

        Raises
        ------
        ValueError
            If X is not in [0, 1] and the likelihood is Bernoulli.
        """
        check_is_fitted(self)
        kl = self.kl if kl is None else kl
        if kl not in ("marginal", "subset"):
            raise ValueError(f"kl must be 'marginal' or 'subset', got {kl!r}")
        X = checked_rows(self, X, reset=False)
        if self.likelihood_ == "bernoulli":
            check_probabilities(X)
        source = self._noise_source() if random_state is None else random_state
        return self._model.negative_bound(X, kl, check_random_state(source))

    def score(self, X, y=None) -> float:
        """Mean evidence lower bound of rows in nats: one sampled code a row, with the noise.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
        y : None
            Ignored.

        Returns
        -------
        float
            Minus the mean of the sum of what ``negative_bound`` returns. The same rows give the
            same number in every call.
        """
        reconstruction, divergence = self.negative_bound(X)
        return -float(np.mean(reconstruction + divergence, dtype=np.float64))

    def to_keras(self):
        """The two networks as Keras models, from raw rows of X and to such rows.

        Returns
        -------
        encoder : keras.Model
            From (n, ...) to (n, n_groups * group_size). The largest k outputs of each group are
            the ones of the code.
        decoder : keras.Model
            From codes to what ``inverse_transform`` gives. The method ``predict`` of Keras rounds
            inputs to single precision; a call of a model does not.
        """
        check_is_fitted(self)
        return self._model.to_keras()

    @property
    def _n_features_out(self) -> int:
        return self._model.code_shape[0] * self._model.code_shape[1]

    def _noise_source(self) -> np.random.RandomState:
        return np.random.RandomState(self._seed)


def bounds(X: np.ndarray) -> tuple[float, float]:
    """Least and largest entry of a table that may be larger than memory."""
    blocks = [X[rows] for rows in row_blocks(X)]
    return min(np.min(block) for block in blocks), max(np.max(block) for block in blocks)


def are_probabilities(low: float, high: float, dtype) -> bool:
    """Whether numbers from ``low`` to ``high`` are in [0, 1], up to the rounding of a scaler."""
    rounding = 8 * np.finfo(dtype if np.dtype(dtype).kind == "f" else float).eps
    return low >= -rounding and high <= 1 + rounding


def check_probabilities(X: np.ndarray) -> None:
    """Raise a ``ValueError`` if an entry is not in [0, 1]."""
    low, high = bounds(X)
    if not are_probabilities(low, high, X.dtype):
        raise ValueError(
            "likelihood='bernoulli' needs X in [0, 1], but it goes "
            f"from {low:.10g} to {high:.10g}: scale X, or set likelihood='gaussian'"
        )
