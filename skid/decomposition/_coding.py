"""Methods of a fitted autoencoder: codes of rows, rows of codes, and the likelihood of rows."""

import numbers
from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted

from skid.engine.feed import row_blocks
from skid.inputs import checked_rows
from skid.solvers import TopK


class CodingMixin(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """Methods of an estimator with a fitted `AutoencoderModel`."""

    def transform(self, X: Any) -> np.ndarray:
        """Code of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)

        Returns
        -------
        array of shape (n_samples, n_groups * group_size)
            Zeros and ones, with exactly k ones in each group. With ``codes="sampled"`` the noise
            is the same in every call.
        """
        check_is_fitted(self)
        X = checked_rows(self, X, reset=False)
        is_sampled = self.codes == "sampled"
        return self._model.codes(X, np.random.RandomState(self._seed) if is_sampled else None)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_groups * group_size)
            Codes as returned by ``transform``, or any other numbers.

        Returns
        -------
        array of shape (n_samples, n_features) or (n_samples, ...)
            Means of the decoded distributions: probabilities with the Bernoulli likelihood.
        """
        check_is_fitted(self)
        codes = check_array(X, dtype=self._model.inputs.dtype)
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"X must have n_groups * group_size = {self._n_features_out} columns, got "
                f"{codes.shape[1]}"
            )
        return self._model.decoded(codes)

    def sample(self, n_samples: int = 1, random_state: Any = None) -> np.ndarray:
        """Decode codes drawn from the prior, in which all k-subsets are equally likely.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        array of shape (n_samples, n_features) or (n_samples, ...)
            Means of the decoded distributions.
        """
        check_is_fitted(self)
        if not isinstance(n_samples, numbers.Integral) or n_samples < 1:
            raise ValueError(f"n_samples must be an integer of at least 1, got {n_samples!r}")
        n_groups, group_size = self._model.code_shape
        order = check_random_state(random_state).random_sample((n_samples * n_groups, group_size))
        codes = TopK(self._model.rule.k).solve(order.astype(self._model.inputs.dtype))
        return self._model.decoded(codes.reshape(n_samples, -1))

    def negative_bound(
        self, X: Any, *, kl: str | None = None, random_state: Any = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The two terms of the negative evidence lower bound of each row, in nats.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
        kl : {"marginal", "subset"}, default=None
            By default the ``kl`` of the estimator.
        random_state : int, RandomState instance or None, default=None
            Seed of the noise of the sampled codes. None is the noise of ``score``, the same in
            every call.

        Returns
        -------
        reconstruction : array of shape (n_samples,)
            Negative log-likelihood of the row, decoded from its sampled code.
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
        seed = self._seed if random_state is None else random_state
        return self._model.negative_bound(X, kl, check_random_state(seed))

    def score(self, X: Any, y: Any = None) -> float:
        """Mean evidence lower bound of rows in nats, with one sampled code for each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
        y : None
            Ignored.

        Returns
        -------
        float
            Negative mean of the sum of both terms of ``negative_bound``. The same rows have the
            same score in every call.
        """
        reconstruction, divergence = self.negative_bound(X)
        return -float(np.mean(reconstruction + divergence, dtype=np.float64))

    def to_keras(self) -> tuple[Any, Any]:
        """Export both networks as Keras models.

        Returns
        -------
        encoder : keras.Model
            From raw rows of X to (n, n_groups * group_size). The largest k outputs of each group
            are the ones of the code.
        decoder : keras.Model
            From codes to the output of ``inverse_transform``. Keras' own ``predict`` rounds its
            inputs to single precision; a call of the model does not.
        """
        check_is_fitted(self)
        return self._model.to_keras()

    @property
    def _n_features_out(self) -> int:
        return self._model.n_codes


def bounds(X: np.ndarray) -> tuple[float, float]:
    """Smallest and largest entry of an array that may be larger than memory."""
    blocks = [X[rows] for rows in row_blocks(X)]
    return min(np.min(block) for block in blocks), max(np.max(block) for block in blocks)


def are_probabilities(low: float, high: float, dtype) -> bool:
    """Whether the interval is within [0, 1], up to the rounding of a scaler."""
    rounding = 8 * np.finfo(dtype if np.dtype(dtype).kind == "f" else float).eps
    return low >= -rounding and high <= 1 + rounding


def check_probabilities(X: np.ndarray) -> None:
    """Raise a ``ValueError`` if an entry is not in [0, 1]."""
    low, high = bounds(X)
    if not are_probabilities(low, high, X.dtype):
        raise ValueError(
            f"X must be in [0, 1] with likelihood='bernoulli', got values from {low:.10g} to "
            f"{high:.10g}: scale X, or set likelihood='gaussian'"
        )
