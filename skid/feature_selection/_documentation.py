"""What the docstrings of the selectors have in common."""

PARAGRAPHS = {
    "parameters": """
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
        hidden_layer_sizes : int, tuple of int or "auto", default="auto"
            Units of the hidden layers of each network. ``"auto"`` is ``(64,)``, or ``(200, 200)``
            with ``scope="sample"``.
        network : callable, default=None
            ``network(input_shape, n_outputs)`` returns a Keras model, without a final activation,
            that is trained in place of the perceptron. It reads all features, those that are not
            chosen at zero.
        n_networks : int or "auto", default="auto"
            Networks that are trained side by side on different rows, and whose outputs are
            averaged. ``"auto"`` is 3 while the subset is chosen and 5 afterwards, or 1 with
            ``scope="sample"``.
        projection : {"auto", "none", "mean", "norm", "std"}, default="auto"
            How the logits are projected before the solver, see
            :func:`skid.projections.project`. ``"auto"`` is ``"std"``.
        noise : {"auto", "gumbel", "normal", "two_point"} or Noise, default="auto"
            Law of the noise on the logits while training. ``"auto"`` is ``"gumbel"``.
        noise_scale : float or "auto", default="auto"
            Its scale in the first step; it falls geometrically to a tenth in the last one.
            ``"auto"`` is 1.
        gradient : {"identity", "blackbox", "imle", "perturbed", "straight_through"} or callable, \\
                default="identity"
            How the solver is differentiated, see :mod:`skid.gradients`. A rule that draws, such as
            ``"perturbed"``, uses its own noise and no other.
        standardize : {"auto", "columns", "table", "none"}, default="auto"
            Whether each feature is divided by its own standard deviation, all by a common one, or
            none. ``"auto"`` is ``"table"`` for pixels, else ``"columns"`` without blowing up what
            is rare, see :class:`skid.standardization.Standardization`.
        alpha : float or "auto", default="auto"
            Decoupled weight decay, in units of the learning rate. ``"auto"`` is 2 while the subset
            is chosen, and 0.01 for the networks on the chosen features alone.
        batch_size : int or "auto", default="auto"
            Training rows of a batch, for each network. ``"auto"`` is 64.
        learning_rate_init : float or "auto", default="auto"
            First learning rate of the networks; ``"auto"`` is 0.003. It falls geometrically to a
            tenth, but stays the same with ``scope="sample"``.
        max_iter : int or "auto", default="auto"
            Epochs. ``"auto"`` is 5, but between 2,000 and 6,000 steps of the choice, and between
            3,000 and 15,000 of the networks on the chosen features, which stop early.
        shuffle : bool, default=True
            Whether rows are put in a new order in each epoch.
        early_stopping : bool or "auto", default="auto"
            Whether each network leaves out a part of the rows, and is stopped by the loss there.
            The choice of one subset for all rows sees all rows. ``"auto"`` is true from 16
            different rows on.
        validation_fraction : float, default=0.2
            Share of the rows that a single network leaves out. Several networks leave out one
            part in ``n_networks`` each, so that every row is left out once.
        n_iter_no_change : int, default=10
            Validations (one every 100 steps) without an improvement by more than ``tol`` after
            which the training of the predictor stops.
        tol : float, default=1e-4
            Fall of the held-out loss that counts as an improvement.
        warm_start : bool, default=False
            Whether ``fit`` goes on with the choice where the last fit ended. The networks on the
            chosen features alone are trained anew, and scales are learnt anew.
        device : str, default="auto"
            ``"cpu"``, ``"gpu"``, ``"gpu:1"``; ``"auto"`` takes a GPU if TensorFlow sees one.
        random_state : int, RandomState instance or None, default=None
            Seed of everything. Same int, same bits; with ``scope="sample"`` in float32, and for
            wide networks, with the same number of threads.
        verbose : int, default=0
            A progress bar on the standard error stream if positive.
        """,
    "attributes": """
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
        n_iter_ : int
            Epochs.
        loss_curve_ : list of float
            Mean training loss of each epoch of the choice.
        best_loss_ : float
            Least held-out loss, or training loss where nothing is held out.
        validation_scores_ : list of float
            Minus the held-out loss in each validation of the predictor; only with
            ``early_stopping``.
        n_features_in_ : int
        feature_names_in_ : array of str of shape (n_features,)
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
