"""Docstrings of the estimators: what they share is written here once and filled in."""

import re
from inspect import cleandoc
from textwrap import indent, wrap

PARAMETERS = {
    "hidden_layer_sizes": """
        hidden_layer_sizes : int, array-like of int or "auto", default="auto"
            Units of each hidden layer of the default network; () is a linear model. ``"auto"`` is
            %(hidden_layer_sizes)s.
        """,
    "network": """
        network : callable, default=None
            ``network(input_shape, n_outputs)`` returns a Keras model from (n, *input_shape) to
            %(network_outputs)s, without a final activation. It is trained in place of the default
            network.
        """,
    "projection": """
        projection : {"auto", "none", "mean", "norm", "std"} or callable, default="auto"
            Projection of %(projected)s, see :func:`skid.projections.project`. ``"auto"`` is
            %(projection)s.
        """,
    "noise": """
        noise : {"auto", "gumbel", "normal", "two_point"} or Noise, default="auto"
            Distribution of the noise on %(noisy)s while training. ``"auto"`` is %(noise)s.
        """,
    "noise_scale": """
        noise_scale : float or "auto", default="auto"
            Factor of the noise%(noise_unit)s. ``"auto"`` is %(noise_scale)s.
        """,
    "gradient": """
        gradient : str or GradientRule, default="identity"
            How the %(solver)s is differentiated, see :mod:`skid.gradients`: %(gradients)s, or a
            rule. A stochastic rule, such as ``"perturbed"``, draws its own noise and uses no other.
        """,
    "standardize": """
        standardize : {"auto", "columns", "table", "none"}, default="auto"
            Scale of the inputs, see :class:`skid.standardization.Standardization`. In arrays of
            more than two axes the last axis, such as the channels of images, is standardised.
        """,
    "alpha": """
        alpha : float or "auto", default="auto"
            Weight decay of the kernels, decoupled from the gradient, in units of the learning rate.
            ``"auto"`` is %(alpha)s.
        """,
    "batch_size": """
        batch_size : int or "auto", default="auto"
            %(batch_rows)s. ``"auto"`` is %(batch_size)s.
        """,
    "learning_rate_init": """
        learning_rate_init : float or "auto", default="auto"
            Adam's learning rate at the start. %(rate_schedule)s ``"auto"`` is %(rate)s.
        """,
    "max_iter": """
        max_iter : int or "auto", default="auto"
            Epochs. ``"auto"`` is %(epochs)s.
        """,
    "training": """
        shuffle : bool, default=%(default_shuffle)s
            Whether %(rows)s come in a new order in each epoch.
        early_stopping : bool or "auto", default="auto"
            Whether to hold out %(held_out)s, stop the training when their %(validation_score)s
            no longer improves, and keep the best networks. ``"auto"`` is %(early_stopping)s.
        validation_fraction : float, default=%(default_validation_fraction)s
            Fraction that is held out%(fraction_note)s.
        n_iter_no_change : int, default=%(default_n_iter_no_change)s
            Validations without an improvement of more than ``tol`` after which the training stops.
            There is one validation %(validation_interval)s.
        tol : float, default=%(default_tol)s
            Smallest improvement that counts, in units of ``validation_scores_``.
        warm_start : bool, default=%(default_warm_start)s
            Whether ``fit`` continues from the networks of the last fit%(warm_start_note)s.
        device : str, default="auto"
            ``"cpu"``, ``"gpu"`` or ``"gpu:1"``; ``"auto"`` is the first GPU that TensorFlow sees,
            else the CPU.
        random_state : int, RandomState instance or None, default=None
            Seed of all randomness. The same int gives the same bits; with wide networks%(threads)s,
            with the same number of threads only.
        verbose : int, default=%(default_verbose)s
            Whether to draw a progress bar on the standard error stream.
        """,
}

ATTRIBUTES = {
    "training_attributes": """
        n_iter_ : int
            Number of epochs.
        loss_curve_ : list of float
            Mean training loss of each epoch%(loss_unit)s.
        best_loss_ : float
            Smallest validation loss, or smallest entry of ``loss_curve_`` without a validation.
        validation_scores_ : list of float
            %(scores)s of the held-out part at each validation; only if something is held out.
        """,
    "input_attributes": """
        n_features_in_ : int
            Number of columns of X, or its second dimension.
        feature_names_in_ : array of str
            Names of the columns of X, if all are strings.
        """,
}

_WORDS = {
    "fraction_note": "",
    "loss_unit": "",
    "noise_unit": "",
    "solver": "solver",
    "gradients": '``"identity"``, ``"blackbox"``, ``"imle"``, ``"perturbed"``, '
    '``"straight_through"``',
    "threads": "",
    "validation_interval": "after each epoch",
    "warm_start_note": ". The scales of the inputs are re-estimated",
}


def documented(paragraphs: dict[str, str] | None = None, **words: object):
    """Decorator that fills shared texts into the docstring of an estimator, for ``%(name)s``.

    Parameters
    ----------
    paragraphs : dict of str to str, optional
        Further paragraphs. They take the indentation of their place, a line of its own.
    **words : object
        What differs from class to class, also inside of the paragraphs. ``default_alpha`` and the
        like are the defaults of the class.
    """
    paragraphs = PARAMETERS | ATTRIBUTES | (paragraphs or {})

    def fill(cls):
        if "%(" not in (cls.__doc__ or ""):  # Python drops docstrings with -OO.
            return cls
        defaults = {
            f"default_{name}": repr(field.default)
            for name, field in cls.__dataclass_fields__.items()
        }
        texts = _WORDS | defaults | words

        def worded(text: str) -> str:
            return re.sub(r"%\((\w+)\)s", lambda match: str(texts[match[1]]), text)

        def paragraph(match: re.Match) -> str:
            margin, name = match.groups()
            lines = []
            for block in re.split(r"\n(?=\S)", cleandoc(paragraphs[name])):
                is_worded = "%(" in block
                heading, *body = worded(block).split("\n")
                lines.append(heading)
                lines += _wrapped(body, 96 - len(margin)) if is_worded else body
            return indent("\n".join(lines), margin)

        filled = re.sub(r"^( *)%\((\w+)\)s$", paragraph, cls.__doc__, flags=re.MULTILINE)
        cls.__doc__ = worded(filled)
        return cls

    return fill


def _wrapped(body: list[str], width: int) -> list[str]:
    """The same text in lines of at most a width, indented."""
    text = " ".join(line.strip() for line in body)
    return wrap(text, width, initial_indent="    ", subsequent_indent="    ")
