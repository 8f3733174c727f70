"""The estimator: rows in, codes out, and back."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.utils._param_validation import StrOptions

from skid._callbacks import FitCall, with_callbacks
from skid._docstrings import documented
from skid._parameters import AUTO, COUNT, COUNT_FROM_2, NOT_NEGATIVE, POSITIVE, BatchSizeParameter
from skid.base import BaseSolverEstimator
from skid.decomposition import _defaults as defaults
from skid.decomposition._coding import (
    CodingMixin,
    are_probabilities,
    bounds,
    check_probabilities,
)
from skid.decomposition._plan import AutoencoderPlan
from skid.inputs import Inputs, checked_rows
from skid.noise import Noise

_GRADIENTS = ("identity", "blackbox", "imle", "straight_through")


@documented(
    projected="the noisy logits of each group",
    projection='``"std"``',
    gradients='"identity", "blackbox", "imle", "straight_through"',
    alpha=f"{defaults.DECAY:g}",
    batch_rows="Rows of a batch",
    batch_size=defaults.BATCH_SIZE,
    rate_schedule="See ``learning_rate``.",
    rate=defaults.RATE,
    epochs=f"{defaults.EPOCHS}, but at least {defaults.MINIMUM_STEPS:,} and at most "
    f"{defaults.MAXIMUM_STEPS:,} steps",
    rows="rows",
    held_out="``validation_fraction`` of the rows",
    validation_score="bound",
    early_stopping="False: the falling learning rate ends the training. ``partial_fit`` holds "
    "nothing out",
    loss_unit=": the negative bound in nats",
    scores="Mean bound",
)
@dataclass(eq=False, repr=False, kw_only=True)
class DiscreteAutoencoder(CodingMixin, BatchSizeParameter, BaseSolverEstimator):
    """Learn codes of exactly k ones in each of several groups, and a decoder for them.

    A variational autoencoder with a top-k solver in its middle. The encoder gives each entry of a
    code a logit; noise is added, the solver chooses the k largest of each group, and the decoder
    sees the ones and zeros alone. Both networks are trained together on the evidence lower bound,
    and the gradient passes the solver by *Identity with Projection*.

    Read more in the README.

    Parameters
    ----------
    n_groups : int, default=20
        Groups of a code.
    group_size : int, default=20
        Entries of a group, more than k.
    k : int, default=10
        Ones of each group. With 1 the code is one category for each group.
    likelihood : {"auto", "bernoulli", "gaussian"}, default="auto"
        How a decoded row explains one of X. ``"bernoulli"`` takes the entries of X, all in
        [0, 1], for probabilities, as is usual for the grey values of images; ``"gaussian"`` is a
        normal law whose mean is decoded and whose standard deviation, one for all standardised
        features, is learnt. ``"auto"`` is Bernoulli where all of X is in [0, 1], else Gaussian.
    kl : {"marginal", "subset"}, default="marginal"
        Second term of the bound, in training and in ``score``, see Notes.
    hidden_layer_sizes : int, array-like of int or "auto", default="auto"
        Units of each hidden layer of the encoder; the decoder has the same in reverse. ``"auto"``
        is ``(512, 256)``.
    network : tuple of two callables, default=None
        Functions ``(encoder, decoder)`` that build your networks; None in place of either is the
        default network. ``encoder(input_shape, n_outputs)`` returns a Keras model from
        (n, *input_shape) to (n, n_groups * group_size), ``decoder(input_shape, n_outputs)`` one
        from (n, n_groups * group_size) to as many numbers as a row of X has, in any shape. Both
        end without an activation.
    noise : {"paper", "code"} or Noise, default="paper"
        Distribution of the noise on the logits, in training, in ``score`` and in sampled codes.
        ``"paper"`` is the sum of gamma variables that the paper states, ``SumOfGamma(k)``;
        ``"code"`` is what the authors' released code draws, ``SumOfGamma(k, as_released=True)``:
        a sixth of it for k = 10, but far more for small k.
    temperature : float, default=1.0
        Factor of the noise. The paper's experiments have 10 with k = 10; 0 is no noise.
    %(projection)s
    radius : "auto", "solutions" or float, default="auto"
        Radius of the sphere of ``"norm"`` and ``"std"``. It scales the gradient that comes through
        the solver, beside that of the divergence. ``"solutions"`` is the radius
        ``sqrt(k (1 - k / group_size))`` of the sphere on which the codes lie; 1 is the paper's.
        ``"auto"`` is ``"solutions"``; but under noise of a standard deviation above 1.5 it is 1.5
        times the norm of the noise of a group, so that noise does not take the gradient away.
    logit_bound : "auto", float or None, default="auto"
        The logits are ``logit_bound * tanh(outputs)`` of the encoder. None, the paper's, takes the
        outputs as they are; but under noise as strong as in the paper's experiments Identity would
        push them on without end, and the divergence with them. ``"auto"`` is 3 standard deviations
        of the noise where that is stronger than 1.5, else None.
    %(gradient)s
    codes : {"map", "sampled"}, default="map"
        What ``transform`` gives: the most probable code of each row, or a random code, which
        depends on the place of the row in X.
    %(alpha)s
    %(batch_size)s
    learning_rate : {"falling", "constant"}, default="falling"
        ``"falling"`` keeps the learning rate for nine tenths of the training, after which it falls
        linearly to a fiftieth.
    %(learning_rate_init)s
    %(max_iter)s
    %(training)s

    Attributes
    ----------
    likelihood_ : {"bernoulli", "gaussian"}
        The likelihood in use.
    %(training_attributes)s
    %(input_attributes)s

    See Also
    --------
    SubsetSelector : The k columns of X from which the others are best reconstructed.
    skid.layers.IdentitySubsetLayer : The solver in the middle as a Keras layer.

    Notes
    -----
    The negative bound of a row is the reconstruction loss of a sampled code plus a divergence of
    the code's law from the uniform one, summed over the groups.

    - ``kl="marginal"`` is the paper's: the divergence of ``softmax(logits)`` from the uniform law
      on the entries. It is no divergence of the law that codes are drawn from: it takes k for 1
      and knows nothing of the noise, so that less noise gives a better number. Compare scores at
      equal noise only. For k = 1 and the defaults it is exact, but for the noise being a
      finite sum.
    - ``kl="subset"`` is the divergence of ``p(y) ~ exp(<logits, y> / T)`` on the k-subsets from
      the uniform law on these: ``log C(group_size, k)`` minus the entropy, exact, by a dynamic
      program. Samples are the k largest *perturbed* logits, a law that comes near to p but has no
      closed form, for k > 1. With ``"paper"`` T is the temperature, for which the noise is
      designed (Niepert et al., theorem 1); for any other noise it is the temperature at which the
      paper's noise has the same standard deviation.

    A Gaussian loss is a density in the units of X and may be negative.

    Many ones and little noise reconstruct best. As features for a linear classifier, fewer ones
    under stronger noise are better: on MNIST ``k=5, temperature=5``.

    The fitted estimator holds NumPy arrays: the default networks need no TensorFlow but in a fit.

    References
    ----------
    Sahoo, Paulus, Vlastelica, Musil, Kuleshov, Martius: *Backpropagation through Combinatorial
    Algorithms: Identity with Projection Works*, ICLR 2023, sections 4.1 and B.1.

    Niepert, Minervini, Franceschi: *Implicit MLE: Backpropagating through Discrete Exponential
    Family Distributions*, NeurIPS 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skid import DiscreteAutoencoder
    >>> X = load_digits().data.astype("float32") / 16
    >>> model = DiscreteAutoencoder(8, group_size=4, k=2, hidden_layer_sizes=(64,), max_iter=20,
    ...                             random_state=0).fit(X)
    >>> codes = model.transform(X)
    >>> codes.shape, set(codes.reshape(-1, 8, 4).sum(axis=2).ravel().tolist())
    ((1797, 32), {2.0})
    >>> bool(((model.inverse_transform(codes) - X) ** 2).mean() < X.var() / 2)
    True
    """

    n_groups: int = field(default=20, kw_only=False)
    group_size: int = 20
    k: int = 10
    likelihood: Literal["auto", "bernoulli", "gaussian"] = "auto"
    kl: Literal["marginal", "subset"] = "marginal"
    noise: str | Noise = "paper"
    temperature: float = 1.0
    radius: Any = "auto"
    logit_bound: Any = "auto"
    codes: Literal["map", "sampled"] = "map"
    learning_rate: Literal["falling", "constant"] = "falling"

    _gradients = _GRADIENTS
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "n_groups": [COUNT],
        "group_size": [COUNT_FROM_2],
        "k": [COUNT],
        "likelihood": [StrOptions({"auto", "bernoulli", "gaussian"})],
        "kl": [StrOptions({"marginal", "subset"})],
        "network": [tuple, list, None],
        "noise": [StrOptions({"code", "paper"}), Noise],
        "temperature": [NOT_NEGATIVE],
        "radius": [StrOptions({"auto", "solutions"}), POSITIVE],
        "logit_bound": [POSITIVE, AUTO, None],
        "gradient": [StrOptions(set(_GRADIENTS)), callable],
        "codes": [StrOptions({"map", "sampled"})],
        "learning_rate": [StrOptions({"falling", "constant"})],
    }

    @with_callbacks
    def fit(self, X, y=None):
        """Learn the codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            A table, or images for a ``network`` of your own. Kept in float32 or float64 as given.
        y : None
            Ignored.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If X is not finite, not in [0, 1] with ``likelihood="bernoulli"``, or a parameter does
            not fit the others.
        """
        return self._fit(X, one_pass=False)

    @with_callbacks
    def partial_fit(self, X, y=None):
        """Continue training with one pass over new rows.

        After a ``fit`` it begins from fresh networks, unless that had ``warm_start=True``.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
        y : None
            Ignored.

        Returns
        -------
        self : object
        """
        return self._fit(X, one_pass=True)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        # The noise of a row depends on its place among the rows.
        tags.non_deterministic = self.codes == "sampled"
        return tags

    def _fit(self, X, *, one_pass: bool):
        with self._fitting(one_pass=one_pass) as (state, random_state):
            self._check_parameters()
            rows, inputs, likelihood = self._data(X, reset=not one_pass or state is None)
            plan = AutoencoderPlan(self, rows, inputs, likelihood, random_state, one_pass=one_pass)
            self._carry_out(plan, state, FitCall(X))
        return self

    def _check_parameters(self) -> None:
        if self.k >= self.group_size:
            raise ValueError(
                f"k={self.k} must be less than group_size={self.group_size}: "
                "with as many ones as entries every code is the same"
            )
        if self.network is not None and not (
            len(self.network) == 2
            and all(builder is None or callable(builder) for builder in self.network)
        ):
            raise ValueError(
                "network must be a pair of callables (encoder, decoder), either of them None, "
                f"got {self.network!r}"
            )

    def _data(self, X, *, reset: bool) -> tuple[np.ndarray, Inputs, str]:
        """Checked rows, their scales, and the likelihood."""
        X = checked_rows(self, X, reset=reset)
        likelihood = self.likelihood if reset else self.likelihood_
        if likelihood == "auto":
            binary = are_probabilities(*bounds(X), X.dtype)
            likelihood = "bernoulli" if binary else "gaussian"
        if likelihood == "bernoulli":
            check_probabilities(X)
        if reset:
            inputs = Inputs("none" if likelihood == "bernoulli" else "auto")
        else:
            inputs = self._model.inputs.resumed()
        return X, inputs.fit(X, np.ones(len(X))), likelihood
