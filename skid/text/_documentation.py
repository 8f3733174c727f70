"""What the docstrings of the two estimators have in common."""

PARAGRAPHS = {
    "parameters": """
        k : int or float, default=10
            Words to select from each text: a number, or a share of the words of the text that
            the vocabulary knows, above 0 and below 1, rounded up. A text that has fewer gives
            all of these.
        max_features : int or None, default=20000
            Size of the vocabulary: the most frequent words of the training texts. Other words
            are seen by the selector as unknown, and never selected.
        min_df : int or float, default=1
            Number, or share, of the texts that a word of the vocabulary must be in.
        vocabulary : mapping, list, array or set, default=None
            From words to different numbers, or words alone: the vocabulary, if it is not to be
            learnt. For texts of numbers it says which word each number stands for.
        lowercase : bool, default=True
            Whether words are lowered.
        token_pattern : str, default=r"\\w+(?:['\\u2019]\\w+)*"
            Regular expression of a word; or of its context, with the word as its only group.
        tokenizer : callable, default=None
            From a text, as it is, to the list of its words. Takes the place of ``token_pattern``.
        max_length : int or None, default=400
            Longest text, in words, that is read as a whole.
        keep : {"start", "end"}, default="start"
            Which end of a longer text is read.
        explain_model : object, default=None
            Model whose predictions are to be explained: it gives the targets, in place of y, by
            %(target)s of the texts as they are. A scikit-learn estimator forgets its fit when it is
            cloned, as a grid search does: wrap it in ``sklearn.frozen.FrozenEstimator``.
        n_parts : int, default=1
            Random parts of each text that ``explain_model`` is asked about too: some words in
            their order, from k to all. They are further texts to learn from, and show what the
            model makes of a few words. It is given them as strings with the words apart by spaces,
            as lists of words or numbers, or as an array with 0 in the place of other words. With 0
            it is asked about whole texts only.
        embedding : mapping or array of shape (n_words, n_components), default=None
            Word vectors to start from: by word, or in the rows that ``vocabulary`` (or the numbers
            of the texts) name.
        embedding_size : int, default=50
            Length of the word vectors without ``embedding``. Selector and predictor have vectors
            of their own.
        freeze_embedding : bool, default=False
            Whether the word vectors stay as they are.
        n_filters : int, default=50
            Width of the selector's layers.
        selector_network : callable, default=None
            ``selector_network((None, n_components), 1)`` returns a Keras model from word vectors
            of shape (n, length, n_components), zero outside the texts, to scores of shape
            (n, length, 1).
        hidden_layer_sizes : int, tuple of int or "auto", default="auto"
            Units of the hidden layers of the predictor; ``"auto"`` is ``(100,)``.
        network : callable, default=None
            ``network((n_components,), n_outputs)`` returns a Keras model from the mean vector of
            the selected words to the outputs, without a final activation.
        evidence : {"auto", "random", "selected"}, default="auto"
            Words that the predictor learns from: random ones of the text, of any share, or those
            that the selector picks, as in *Learning to Explain*. With ``"selected"`` the selector
            can cheat, and encode what it has read in the choice of meaningless words; but the
            predicted numbers are of the right size. ``"auto"`` is %(evidence)s.
        rarity_weight : float or "auto", default="auto"
            How much the choice prefers rare words to frequent ones that count as much: the scores
            of a text, at unit variance, are raised by it times ``a / (a + p)``, where p is the
            word's share of the tokens learnt from and a = 0.001. Where a text has fewer than k
            words that decide, the others are then words with a content instead of "the" and "of".
            It has no part in the training. ``"auto"`` is 2 for a predictor that learns from random
            words, and else 0.
        projection : {"auto", "none", "mean", "norm", "std"}, default="auto"
            How the scores of a text are projected before the solver, see
            :func:`skid.projections.project`. ``"auto"`` is ``"std"``.
        noise : {"auto", "gumbel", "normal", "two_point"} or Noise, default="auto"
            Law of the noise on the projected scores while training. ``"auto"`` is ``"gumbel"``.
        noise_scale : float or "auto", default="auto"
            Its scale, relative to scores of unit variance. ``"auto"`` is 1: words that are
            not picked are then chosen by chance now and then, and the selector learns about them.
        gradient : {"identity", "blackbox", "imle", "perturbed", "straight_through"} or callable, \\
                default="identity"
            How the solver is differentiated, see :mod:`skid.gradients`.
        alpha : float or "auto", default="auto"
            Weight decay of the kernels, decoupled from the gradient, in units of the
            learning rate; ``"auto"`` is 50,000 divided by the number of texts, and of parts of
            texts, to learn from, but at most 10.
        batch_size : int or "auto", default="auto"
            Texts of a batch; ``"auto"`` is 64. Batches of very long texts hold fewer.
        learning_rate_init : float or "auto", default="auto"
            First learning rate, which falls geometrically to a tenth; ``"auto"`` is 0.002.
        max_iter : int or "auto", default="auto"
            Epochs. ``"auto"`` is %(epochs)s, but at least %(steps)s steps.
        shuffle : bool, default=True
            Whether texts come in a new order in each epoch.
        early_stopping : bool or "auto", default="auto"
            Whether to hold out ``validation_fraction`` of the texts, stop when the score on them
            no longer rises, and keep the best networks. ``"auto"`` is true from 50 texts on.
        validation_fraction : float, default=0.1
            Share that is held out.
        n_iter_no_change : int, default=5
            Validations without an improvement by more than ``tol`` before an early stop. There is
            one after each epoch; after several where they take fewer than %(interval)s steps.
        tol : float, default=1e-4
            In units of ``validation_scores_``.
        warm_start : bool, default=False
            Whether ``fit`` goes on from the networks and the vocabulary of the last fit.
        device : str, default="auto"
            ``"auto"`` (the first GPU where TensorFlow sees one), ``"cpu"``, ``"gpu"``, ``"gpu:1"``.
        random_state : int, RandomState instance or None, default=None
            Seed of everything: same seed, same bits, with the same number of threads.
        verbose : int, default=0
            Whether to draw a progress bar.
        """,
    "attributes": """
        vocabulary_ : dict
            Number of each word, from 0 in the order of frequency (or as given).
        n_iter_ : int
            Number of epochs.
        loss_curve_ : list of float
            Mean training loss of each epoch.
        best_loss_ : float
            Least of ``loss_curve_``, or 1 minus the best validation score.
        validation_scores_ : list of float
            %(score)s on the texts that are held out, if there are any, after each validation.
        """,
    "notes": """
        The selector scores the words by convolutions over their context and over the whole text,
        and by what the predictor says of all the words; a top-k solver picks exactly k; the
        prediction is made from the mean vector of these words and nothing else. The gradient
        passes the solver by Identity with Projection, so that words are chosen by what they would
        add. Batches hold texts of nearly the same length. The fitted estimator holds NumPy arrays
        and, without a network of your own, predicts without TensorFlow. All is computed in float32.
        """,
    "references": """
        Arora, Liang, Ma: *A Simple but Tough-to-Beat Baseline for Sentence Embeddings*, ICLR 2017
        (the rarity of words).

        Jethani, Sudarshan, Aphinyanaphongs, Ranganath: *Have We Learned to Explain?*, AISTATS 2021.

        Chen, Song, Wainwright, Jordan: *Learning to Explain*, ICML 2018.

        Sahoo, Paulus, Vlastelica, Musil, Kuleshov, Martius: *Backpropagation through Combinatorial
        Algorithms: Identity with Projection Works*, ICLR 2023, section 4.1.
        """,
}
