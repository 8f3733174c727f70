"""Texts that the docstrings of the selectors share."""

from inspect import cleandoc

from skid._docstrings import PARAMETERS
from skid.feature_selection import _defaults as defaults
from skid.feature_selection._data import ROWS_TO_HOLD_OUT

WORDS = {
    "hidden_layer_sizes": f"``{defaults.HIDDEN_LAYER_SIZES['dataset']}``, or "
    f'``{defaults.HIDDEN_LAYER_SIZES["sample"]}`` with ``scope="sample"``',
    "network_outputs": "(n, n_outputs)",
    "projected": "the logits",
    "projection": '``"std"``',
    "noisy": "the logits",
    "noise": '``"gumbel"``',
    "noise_unit": " in the first step; it falls geometrically to a tenth in the last one",
    "noise_scale": f"{defaults.NOISE_SCALE:g}",
    "alpha": f"{defaults.SUBSET_DECAY:g} while the subset is chosen, and "
    f"{defaults.PREDICTOR_DECAY} for the networks on the chosen features alone",
    "batch_rows": "Rows of a batch of each network",
    "batch_size": defaults.BATCH_SIZE,
    "rate_schedule": 'It falls geometrically to a tenth, but is constant with ``scope="sample"``.',
    "rate": defaults.NETWORK_RATE,
    "epochs": f"{defaults.SUBSET_EPOCHS}, but between {defaults.SUBSET_STEPS:,} and "
    f"{defaults.MAXIMUM_SUBSET_STEPS:,} steps of the choice, and between "
    f"{defaults.PREDICTOR_STEPS:,} and {defaults.MAXIMUM_PREDICTOR_STEPS:,} of the networks on the "
    "chosen features",
    "rows": "rows",
    "held_out": "a part of the rows for each network",
    "validation_score": "loss",
    "early_stopping": f"True if there are at least {ROWS_TO_HOLD_OUT} different rows. The choice "
    "of one subset for all rows always uses all rows",
    "fraction_note": ", by a single network. Each of several networks leaves out another one of "
    "``n_networks`` parts. It is larger than in other estimators because the sizes of a path are "
    "compared on it",
    "validation_interval": f"every {defaults.STEPS_BETWEEN_VALIDATIONS} steps",
    "warm_start_note": ". The networks on the chosen features alone are fresh ones, and the scales "
    "of the inputs are re-estimated",
    "loss_unit": " of the choice",
    "scores": "Minus the loss",
    "threads": ', and with ``scope="sample"`` in float32',
}

_PARAMETERS = PARAMETERS | {
    "selection": """
        n_features_to_select : "auto", int or float, default="auto"
            Number or fraction of features (or ``groups``) to select. ``"auto"`` fits a path of
            sizes and chooses the smallest one whose held-out loss is within one standard error of
            the best. In the first ``partial_fit``, and with fewer than 16 different rows unless
            ``early_stopping=True``, it is half of the features.
        scope : {"dataset", "sample"}, default="dataset"
            One subset for all rows, or a subset for each row, chosen by a selector network. In the
            second case use ``explain`` instead of ``get_support``.
        groups : array-like of shape (n_features,), default=None
            Label of the group of each feature. The features of a group are selected together.
        always_include : array-like of int, str or bool, default=None
            Features in every subset: indices, names, or a mask. They count in its size.
        """,
    "network": PARAMETERS["network"].rstrip() + " It reads all features, with those that are not "
    "chosen at zero.",
    "n_networks": """
        n_networks : int or "auto", default="auto"
            Networks that are trained side by side on different rows, and whose outputs are
            averaged. ``"auto"`` is 3 while the subset is chosen and 5 afterwards, or 1 with
            ``scope="sample"``.
        """,
}
_ORDER = (
    *("selection", "hidden_layer_sizes", "network", "n_networks", "projection", "noise"),
    *(
        "noise_scale",
        "gradient",
        "standardize",
        "alpha",
        "batch_size",
        "learning_rate_init",
        "max_iter",
    ),
    "training",
)

PARAGRAPHS = {
    "parameters": "\n".join(cleandoc(_PARAMETERS[name]) for name in _ORDER),
    "own_attributes": """
        support_ : bool array of shape (n_features,)
            Mask of the subset. Only with ``scope="dataset"``, like the next two.
        feature_scores_ : float array of shape (n_features,)
            Logits, of which the subset has the largest. Infinite for ``always_include``.
        ranking_ : int array of shape (n_features,)
            1 for the subset, then 2, 3, ... by falling score.
        n_features_to_select_ : int
        selection_path_ : list of dict
            With ``n_features_to_select="auto"``: ``n_features``, held-out ``loss`` and its
            ``standard_error`` for each size.
        """,
    "notes": """
        The loss of a row is the squared error of the standardised target, or the cross-entropy in
        nats. A fitted estimator holds NumPy arrays and, without ``network``, predicts without
        TensorFlow.
        """,
    "references": """
        Sahoo, Paulus, Vlastelica, Musil, Kuleshov and Martius, "Backpropagation through
        Combinatorial Algorithms: Identity with Projection Works", ICLR 2023, arXiv 2205.15213.
        """,
}
