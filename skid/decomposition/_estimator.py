"""The estimator: from rows to codes and back."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.utils._param_validation import StrOptions

from skid._docstrings import documented
from skid._parameters import AUTO, COUNT, COUNT_FROM_2, NOT_NEGATIVE, POSITIVE, BatchSizeParameter
from skid.base import BaseSolverEstimator, FitCall
from skid.decomposition import _defaults as defaults
from skid.decomposition._coding import CodingMixin, are_probabilities, bounds, check_probabilities
from skid.decomposition._plan import AutoencoderPlan
from skid.inputs import Inputs, checked_rows
from skid.noise import Noise

_GRADIENTS = ("identity", "blackbox", "imle", "straight_through")


@documented(
    projected="the noisy logits of each group",
    projection='``"std"``',
    gradients='``"identity"``, ``"blackbox"``, ``"imle"``, ``"straight_through"``',
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
    """Learn codes with exactly k ones in each of several groups, and a decoder for them.

    A variational autoencoder with a top-k solver between its networks. The encoder outputs a logit
    for each entry of a code, noise is added, the solver selects the k largest of each group, and
    the decoder sees only these ones and zeros. Both networks are trained together on the evidence
    lower bound, and the gradient passes the solver by *Identity with Projection*.

    Read more in the README.

    Parameters
    ----------
    n_groups : int, default=20
        Number of groups of a code.
    group_size : int, default=20
        Number of entries of a group, more than k.
    k : int, default=10
        Number of ones in each group. With 1 a group is a category.
    likelihood : {"auto", "bernoulli", "gaussian"}, default="auto"
        Distribution of a row of X given its code. ``"bernoulli"`` treats the entries of X, all in
        [0, 1], as probabilities, as is usual for the grey values of images. ``"gaussian"`` is a
        normal distribution with the decoded mean and one standard deviation for all standardised
        features. ``"auto"`` is Bernoulli where all of X is in [0, 1], else Gaussian.
    kl : {"marginal", "subset"}, default="marginal"
        Second term of the bound, in training and in ``score``, see Notes.
    hidden_layer_sizes : int, array-like of int or "auto", default="auto"
        Units of each hidden layer of the encoder; the decoder has the same in reverse order.
        ``"auto"`` is ``(512, 256)``.
    network : tuple of two callables, default=None
        Functions ``(encoder, decoder)`` that build networks; None instead of one of them is the
        default network. ``encoder(input_shape, n_outputs)`` returns a Keras model from
        (n, *input_shape) to (n, n_groups * group_size), ``decoder(input_shape, n_outputs)`` one
        from (n, n_groups * group_size) to the numbers of a row of X, in any shape. Both have no
        final activation.
    noise : {"paper", "code"} or Noise, default="paper"
        Distribution of the noise on the logits, in training, in ``score`` and in sampled codes.
        ``"paper"`` is the sum of gamma variables of the paper, ``SumOfGamma(k)``; ``"code"`` is
        the noise of the authors' released code, ``SumOfGamma(k, as_released=True)``: a sixth of
        it for k = 10, but much stronger for small k.
    temperature : float, default=1.0
        Factor of the noise: 10 in the paper, with k = 10; 0 is no noise.
    %(projection)s
    radius : "auto", "solutions" or float, default="auto"
        Radius of the sphere of ``"norm"`` and ``"std"``. It scales the gradient of the
        reconstruction relative to that of the divergence. ``"solutions"`` is the radius
        ``sqrt(k (1 - k / group_size))`` of the sphere of the codes; it is 1 in the paper.
        ``"auto"`` is ``"solutions"``, or under noise of a standard deviation above 1.5 it is 1.5
        times the norm of the noise of a group, so that the gradient does not vanish.
    logit_bound : "auto", float or None, default="auto"
        The logits are ``logit_bound * tanh(outputs)`` of the encoder, or with None, as in the
        paper, the outputs. Under strong noise Identity increases unbounded logits, and the
        divergence, without limit. ``"auto"`` is 3 standard deviations of the noise where these are
        above 1.5, else None.
    %(gradient)s
    codes : {"map", "sampled"}, default="map"
        Output of ``transform``: the most probable code of each row, or a random code, which
        depends on the index of the row in X.
    %(alpha)s
    %(batch_size)s
    learning_rate : {"falling", "constant"}, default="falling"
        ``"falling"`` is constant for nine tenths of the training and then falls linearly to a
        fiftieth.
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
    SubsetSelector : Select the k columns of X from which the others are best reconstructed.
    skid.layers.IdentitySubsetLayer : The solver between the networks as a Keras layer.

    Notes
    -----
    The negative bound of a row is the reconstruction loss of a sampled code plus the divergence of
    the distribution of codes from the uniform one, summed over the groups.

    - ``kl="marginal"``, as in the paper, is the divergence of ``softmax(logits)`` from the uniform
      distribution on the entries. It is not the divergence of the sampled codes: it assumes k = 1
      and ignores the noise, so that less noise gives a better score. Compare only scores with
      equal noise. For k = 1 and the defaults it is nearly exact.
    - ``kl="subset"`` is the divergence of ``p(y) ~ exp(<logits, y> / T)`` on the k-subsets from
      the uniform distribution: ``log C(group_size, k)`` minus the entropy, exact, by a dynamic
      program. Samples are the k largest *perturbed* logits, whose distribution is similar to p but
      has no closed form for k > 1. With ``"paper"`` T is the temperature (Niepert et al.,
      theorem 1), and otherwise the temperature at which the paper's noise has the same standard
      deviation.

    A Gaussian loss depends on the units of X and may be negative.

    Many ones and little noise reconstruct best. For features of a linear classifier, fewer ones
    and stronger noise are better: on MNIST ``k=5, temperature=5``.

    The fitted estimator holds NumPy arrays: with the default networks it works without TensorFlow.

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

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            A table, or images for your ``network``, in float32 or float64.
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

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Continue the training with one pass over new rows.

        After ``fit`` without ``warm_start=True`` it starts from new networks.

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
        # The noise of a row depends on its index.
        tags.non_deterministic = self.codes == "sampled"
        return tags

    def _fit(self, X: Any, *, one_pass: bool) -> Self:
        with self._fitting(one_pass=one_pass) as (state, random_state):
            self._check_parameters()
            rows, inputs, likelihood = self._data(X, reset=not one_pass or state is None)
            plan = AutoencoderPlan(self, rows, inputs, likelihood, random_state, one_pass=one_pass)
            self._carry_out(plan, state, FitCall(X))
        return self

    def _check_parameters(self) -> None:
        if self.k >= self.group_size:
            raise ValueError(f"k must be less than group_size={self.group_size}, got k={self.k}")
        if self.network is not None and not (
            len(self.network) == 2
            and all(builder is None or callable(builder) for builder in self.network)
        ):
            raise ValueError(
                "network must be a pair (encoder, decoder), each a callable or None, got "
                f"{self.network!r}"
            )

    def _data(self, X: Any, *, reset: bool) -> tuple[np.ndarray, Inputs, str]:
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
        return X, inputs.fit(X), likelihood
