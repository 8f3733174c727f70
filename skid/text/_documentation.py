"""What the docstrings of the two estimators have in common."""

from skid.text import _defaults as defaults

WORDS = {
    "hidden_layer_sizes": f"``{defaults.HIDDEN_LAYER_SIZES}``",
    "network_outputs": "(n, n_outputs), from the mean vector of the selected words",
    "projected": "the scores of a text",
    "projection": '``"std"``',
    "noisy": "the projected scores",
    "noise": '``"gumbel"``',
    "noise_unit": ", relative to scores of unit variance",
    "noise_scale": "1: words that are not selected are then chosen by chance now and then, and the "
    "selector learns about them",
    "alpha": f"{defaults.DECAY:,.0f} divided by the number of texts, and of parts of texts, to "
    f"learn from, but at most {defaults.LARGEST_DECAY:g}",
    "batch_rows": "Texts of a batch. Batches of very long texts hold fewer",
    "batch_size": defaults.BATCH_SIZE,
    "rate_schedule": "It falls geometrically to a tenth.",
    "rate": defaults.RATE,
    "epochs": f"{defaults.EPOCHS}, but at least {defaults.MINIMUM_STEPS} steps",
    "rows": "texts",
    "held_out": "``validation_fraction`` of the texts",
    "early_stopping": f"true from {defaults.MINIMUM_ROWS_TO_HOLD_OUT} texts on",
    "validation_interval": "after each epoch, or after several epochs where they take fewer than "
    f"{defaults.LEAST_STEPS_BETWEEN_VALIDATIONS} steps. As an epoch of texts is long, fewer "
    "validations suffice than in other estimators",
    "warm_start_note": " and with its vocabulary",
    "threads": " and convolutions",
}

PARAGRAPHS = {
    "own_parameters_1": """
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
        """,
    "own_parameters_2": """
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
        """,
    "own_attributes": """
        vocabulary_ : dict
            Number of each word, from 0 in the order of frequency (or as given).
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
