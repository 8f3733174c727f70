"""What the docstrings of the selectors have in common."""

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
    "batch_rows": "Rows of a batch, for each network",
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
    "early_stopping": f"true from {ROWS_TO_HOLD_OUT} different rows on. The choice of one subset "
    "for all rows sees all rows",
    "fraction_note": ", by a single network; several networks leave out one part in ``n_networks`` "
    "each, so that every row is left out once. It is larger than in other estimators because the "
    "sizes of a path are compared by it",
    "validation_interval": f"every {defaults.STEPS_BETWEEN_VALIDATIONS} steps",
    "warm_start_note": ". The networks on the chosen features alone are trained from the start, "
    "and the scales of the inputs are re-estimated",
    "loss_unit": " of the choice",
    "scores": "Minus the loss",
    "threads": ', and with ``scope="sample"`` in float32',
}

PARAGRAPHS = {
    "own_parameters": """
        n_features_to_select : "auto", int or float, default="auto"
            Features in the subset: a number, or a share of all features. ``"auto"`` fits a path
            of sizes and takes the smallest one whose held-out loss is within one standard error
            of the best. In the first ``partial_fit``, and with fewer than 16 different rows
            unless ``early_stopping=True``, it is half of the features. Counts groups where
            ``groups`` is given.
        scope : {"dataset", "sample"}, default="dataset"
            One subset for all rows, or a subset for each row, chosen by a selector network
            (``explain`` shows it; there is no ``get_support`` then).
        groups : array-like of shape (n_features,), default=None
            Label of the group of each feature. The features of a group are selected together.
        always_include : array-like of int, str or bool, default=None
            Features that every subset holds: indices, names, or a mask. They count in its size.
        """,
    "own_attributes": """
        support_ : bool array of shape (n_features,)
            The subset. Only with ``scope="dataset"``, like the next two.
        feature_scores_ : float array of shape (n_features,)
            Logits: the subset is made of the largest. Infinite for ``always_include``.
        ranking_ : int array of shape (n_features,)
            1 for the subset, then 2, 3, ... by falling score.
        n_features_to_select_ : int
        selection_path_ : list of dict
            With ``n_features_to_select="auto"``: ``n_features``, held-out ``loss`` and its
            ``standard_error`` for each size.
        """,
    "notes": """
        A row of the loss is the squared error of the standardised target, or the cross-entropy in
        nats. With an int as ``random_state`` no global generator is touched. A fitted
        estimator holds NumPy arrays and, without a ``network`` of your own, predicts without
        TensorFlow.
        """,
    "references": """
        Sahoo, Paulus, Vlastelica, Musil, Kuleshov and Martius, "Backpropagation through
        Combinatorial Algorithms: Identity with Projection Works", ICLR 2023, arXiv 2205.15213.
        """,
}
