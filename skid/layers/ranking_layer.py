"""A layer that ranks scores."""

from __future__ import annotations

from typing import Any

import keras

from skid.engine.backend import tensorflow
from skid.gradients import RANKING_GRADIENTS, GradientRule, gradient_rule
from skid.layers.components import named_noise
from skid.layers.solver_layer import SolverLayer
from skid.noise import Noise
from skid.projections import Projection
from skid.solvers import Ranking


@keras.saving.register_keras_serializable(package="skid")
class RankingLayer(SolverLayer):
    """Rank the entries of the last axis: the largest score has rank 1.

    ``y = rank( P(scores) + noise_scale * noise )``, with noise only while training, as a margin on
    the projected scores. Under Identity the gradient of the scores is ``dL/dscores =
    -P'(scores)^T dL/dy``: a score increases where the rank should decrease.

    Parameters
    ----------
    projection : {"none", "mean", "norm", "std"} or Projection, default="std"
        Projection of each list of scores. All rankings have the same sum and norm, so every
        projection is valid.
    noise : Noise or {"two_point", "gumbel", "normal"}, default="two_point"
        Noise on the projected scores while training; None for no noise. A name is ignored if the
        gradient rule draws noise itself, like ``"perturbed"``.
    noise_scale : float, default=1.0
        Factor of the noise, relative to scores of unit root mean square under ``norm`` and
        ``std``.
    gradient : GradientRule or {"identity", "blackbox", "imle", "perturbed"}, default="identity"
        How the ranking is differentiated.
    seed : int, default=None
        Seed of the random generator of the layer.
    **kwargs
        Parameters of ``keras.layers.Layer``: ``name``, ``dtype``, ``trainable``.

    Raises
    ------
    ValueError
        If a parameter is outside its range.

    See Also
    --------
    skid.losses.rank_loss : Losses of rankings with *balanced* Identity, whose gradient reaches
        the items that are ranked too high.

    Notes
    -----
    Input and output have shape (..., d) and the dtype of the layer; in float16, ranks are exact up
    to 2,048. Of equal scores the lower index has the smaller rank. XLA can compile the layer.

    References
    ----------
    Sahoo et al., *Backpropagation through Combinatorial Algorithms: Identity with Projection
    Works*, ICLR 2023, section 4.4.

    Rolinek et al., *Optimizing Rank-based Metrics with Blackbox Differentiation*, CVPR 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.layers import RankingLayer
    >>> RankingLayer()(np.array([[0.3, 0.1, 0.2], [5.0, 7.0, 5.0]])).numpy()
    array([[1., 3., 2.],
           [2., 1., 3.]], dtype=float32)
    """

    def __init__(
        self,
        *,
        projection: str | Projection = "std",
        noise: Noise | str | None = "two_point",
        noise_scale: float = 1.0,
        gradient: GradientRule | str = "identity",
        seed: int | None = None,
        **kwargs: Any,
    ):
        rule = gradient_rule(gradient, RANKING_GRADIENTS)
        if isinstance(noise, str):
            named = named_noise(noise)
            noise = None if rule.adds_noise else named
        super().__init__(
            Ranking(),
            projection=projection,
            noise=noise,
            noise_scale=noise_scale,
            gradient=rule,
            seed=seed,
            **kwargs,
        )

    def call(self, scores: Any, training: bool | None = None) -> Any:
        """Rank float scores of shape (..., d), with noise if ``training`` is True.

        The ranks 1 to d have the shape and dtype of the scores.
        """
        tf = tensorflow()
        d = scores.shape[-1] or tf.shape(scores)[-1]
        ranks = super().call(tf.reshape(scores, [-1, d]), training=training)
        return tf.ensure_shape(tf.reshape(ranks, tf.shape(scores)), scores.shape)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments in a form that Keras can save."""
        config = super().get_config()
        del config["solver"]
        return config
