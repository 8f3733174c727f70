"""The estimator: rows in, codes out, and back."""

import numbers

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skid._callbacks import FitCall, with_callbacks
from skid.base import BaseSolverEstimator
from skid.decomposition._coding import (
    CodingMixin,
    are_probabilities,
    bounds,
    check_probabilities,
)
from skid.decomposition._fit import Problem, fit_autoencoder
from skid.engine.backend import resolve_device
from skid.inputs import Inputs, checked_rows
from skid.noise import Noise

_COUNT = Interval(numbers.Integral, 1, None, closed="left")
_POSITIVE = Interval(numbers.Real, 0, None, closed="neither")
_GRADIENTS = ("identity", "blackbox", "imle", "straight_through")


class DiscreteAutoencoder(CodingMixin, BaseSolverEstimator):
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
    hidden_layer_sizes : "auto", int or array-like of int, default="auto"
        Units of each hidden layer of the encoder; the decoder has the same in reverse. ``"auto"``
        is ``(512, 256)``.
    network : tuple of two callables, default=None
        Networks of your own, ``(encoder, decoder)``, convolutional ones for instance; None in the
        place of either is the default. ``encoder(input_shape, n_outputs)`` returns a Keras model
        from (n, *input_shape) to (n, n_groups * group_size), ``decoder(input_shape, n_outputs)``
        one from (n, n_groups * group_size) to as many numbers as a row of X has, in any shape.
        Both end without an activation.
    noise : {"paper", "code"} or Noise, default="paper"
        Noise on the logits, in training, in ``score`` and in sampled codes: the law of the codes.
        ``"paper"`` is the sum of gamma variables that the paper states, ``SumOfGamma(k)``;
        ``"code"`` is what the authors' released code draws, ``SumOfGamma(k, as_released=True)``:
        a sixth of it for k = 10, but far more for small k.
    temperature : float, default=1.0
        Factor of the noise. The paper's experiments have 10 with k = 10; 0 is no noise.
    projection : {"auto", "none", "mean", "norm", "std"}, default="auto"
        Projection of the noisy logits of each group; ``"auto"`` is ``"std"``.
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
    gradient : {"identity", "blackbox", "imle", "straight_through"} or GradientRule, \
default="identity"
        How the solver is differentiated. The loss is that of a row, not of a batch.
    codes : {"map", "sampled"}, default="map"
        What ``transform`` gives: the likeliest code of each row, or a draw from its law, which
        depends on the place of the row in X.
    alpha : "auto" or float, default="auto"
        Weight decay of the networks' kernels, decoupled from the gradient; ``"auto"`` is 0.
    batch_size : "auto" or int, default="auto"
        Rows of a batch; ``"auto"`` is 100.
    learning_rate : {"falling", "constant"}, default="falling"
        ``"falling"`` keeps the learning rate for nine tenths of the training, after which it falls
        linearly to a fiftieth.
    learning_rate_init : "auto" or float, default="auto"
        Adam's learning rate; ``"auto"`` is 0.001.
    max_iter : "auto" or int, default="auto"
        Epochs. ``"auto"`` is 100, but at least 2,000 and at most 60,000 steps.
    shuffle : bool, default=True
        Whether rows come in a new order in each pass.
    early_stopping : "auto" or bool, default="auto"
        Whether to hold out ``validation_fraction`` of the rows, stop when their bound no longer
        rises, and keep the best networks. ``"auto"`` is False.
    validation_fraction : float, default=0.1
        Share that is held out.
    n_iter_no_change : int, default=10
        Epochs without a rise of the bound by more than ``tol`` before an early stop.
    tol : float, default=1e-4
        See ``n_iter_no_change``.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the networks of the last fit. The scales of the inputs are
        learnt anew.
    device : str, default="auto"
        ``"auto"`` (the first GPU where TensorFlow sees one), ``"cpu"``, ``"gpu"`` or ``"gpu:1"``.
    random_state : int, RandomState instance or None, default=None
        Seed of everything: same int, same bits; for wide networks, with the same number of threads.
    verbose : int, default=0
        Whether to draw a progress bar.

    Attributes
    ----------
    likelihood_ : {"bernoulli", "gaussian"}
        The likelihood in use.
    loss_curve_ : list of float
        Mean negative bound of each epoch's batches, in nats.
    best_loss_ : float
        Least of ``loss_curve_``, or of the held-out losses.
    validation_scores_ : list of float
        Mean bound of the held-out rows after each epoch; only with ``early_stopping``.
    n_iter_ : int
        Number of epochs.
    n_features_in_ : int
        Number of columns of X, or its second dimension.
    feature_names_in_ : array of str
        Names of the columns of X, where all are strings.

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

    _gradients = _GRADIENTS
    _parameter_constraints: dict = {
        **BaseSolverEstimator._parameter_constraints,
        "n_groups": [_COUNT],
        "group_size": [Interval(numbers.Integral, 2, None, closed="left")],
        "k": [_COUNT],
        "likelihood": [StrOptions({"auto", "bernoulli", "gaussian"})],
        "kl": [StrOptions({"marginal", "subset"})],
        "network": [tuple, list, None],
        "noise": [StrOptions({"code", "paper"}), Noise],
        "temperature": [Interval(numbers.Real, 0, None, closed="left")],
        "radius": [StrOptions({"auto", "solutions"}), _POSITIVE],
        "logit_bound": [_POSITIVE, StrOptions({"auto"}), None],
        "gradient": [StrOptions(set(_GRADIENTS)), callable],
        "codes": [StrOptions({"map", "sampled"})],
        "learning_rate": [StrOptions({"falling", "constant"})],
    }

    def __init__(
        self,
        n_groups=20,
        *,
        group_size=20,
        k=10,
        likelihood="auto",
        kl="marginal",
        hidden_layer_sizes="auto",
        network=None,
        noise="paper",
        temperature=1.0,
        projection="auto",
        radius="auto",
        logit_bound="auto",
        gradient="identity",
        codes="map",
        alpha="auto",
        batch_size="auto",
        learning_rate="falling",
        learning_rate_init="auto",
        max_iter="auto",
        shuffle=True,
        early_stopping="auto",
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        warm_start=False,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.n_groups = n_groups
        self.group_size = group_size
        self.k = k
        self.likelihood = likelihood
        self.kl = kl
        self.hidden_layer_sizes = hidden_layer_sizes
        self.network = network
        self.noise = noise
        self.temperature = temperature
        self.projection = projection
        self.radius = radius
        self.logit_bound = logit_bound
        self.gradient = gradient
        self.codes = codes
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

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

    def partial_fit(self, X, y=None):
        """Go on training with one pass over new rows.

        After a ``fit`` it starts anew, unless ``warm_start=True`` kept the networks.

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
        with self._fitting(one_pass=one_pass) as state:
            self._check_parameters()
            random_state = self._random_state_of_passes()
            problem = self._problem(X, reset=not one_pass or state is None)
            fitted = fit_autoencoder(
                self, problem, random_state, state, FitCall(X), one_pass=one_pass
            )
            vars(self).update(fitted)
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

    def _problem(self, X, *, reset: bool) -> Problem:
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
            inputs = self._model.inputs.going_on()
        inputs.fit(X, np.ones(len(X)))
        weights = np.ones(len(X), inputs.dtype)
        return Problem(X, weights, inputs, likelihood, resolve_device(self.device))
