"""Common texts of the docstrings of the two estimators."""

from skid.text import _defaults as defaults

WORDS = {
    "hidden_layer_sizes": f"``{defaults.HIDDEN_LAYER_SIZES}``",
    "network_outputs": "(n, n_outputs), from the mean vector of the selected words",
    "projected": "the scores of a text",
    "projection": '``"std"``',
    "noisy": "the projected scores",
    "noise": '``"gumbel"``',
    "noise_unit": ", relative to scores of unit variance",
    "noise_scale": "1: words with lower scores are then sometimes selected, and the selector "
    "learns about them",
    "alpha": f"{defaults.DECAY:,.0f} divided by the number of training texts and parts of texts, "
    f"but at most {defaults.LARGEST_DECAY:g}",
    "batch_rows": "Texts of a batch. Batches of very long texts are smaller",
    "batch_size": defaults.BATCH_SIZE,
    "rate_schedule": "It falls geometrically to a tenth.",
    "rate": defaults.RATE,
    "epochs": f"{defaults.EPOCHS}, but at least {defaults.MINIMUM_STEPS} steps",
    "rows": "texts",
    "held_out": "``validation_fraction`` of the texts",
    "early_stopping": f"True for at least {defaults.MINIMUM_ROWS_TO_HOLD_OUT} texts",
    "validation_interval": "after each epoch, or after several epochs where they take fewer than "
    f"{defaults.LEAST_STEPS_BETWEEN_VALIDATIONS} steps",
    "warm_start_note": ", with its vocabulary",
    "threads": " and convolutions",
}

PARAGRAPHS = {
    "introduction": """
        A selector network scores the words of a text in their context, a top-k solver selects k of
        them, and a predictor that sees only these words makes the prediction. Both networks are
        trained together, through the solver, by *Identity with Projection*. With ``explain_model``
        the words explain the predictions of another model.

        Read more in the README.
        """,
    "own_parameters_1": """
        k : int or float, default=10
            Number of words to select from each text, or fraction of the words of the text that are
            in the vocabulary, above 0 and below 1, rounded up. From a text with fewer words all
            are selected.
        max_features : int or None, default=20000
            Size of the vocabulary: the most frequent words of the training texts. Other words are
            unknown to the selector, and never selected.
        min_df : int or float, default=1
            Number, or fraction, of the texts that must contain a word of the vocabulary.
        vocabulary : mapping, list, array or set, default=None
            Words, or mapping from words to different integers, to use instead of the words of the
            training texts. For texts of integers it gives the word of each integer.
        lowercase : bool, default=True
            Whether to convert words to lower case.
        token_pattern : str, default=r"\\w+(?:['\\u2019]\\w+)*"
            Regular expression of a word, or of a word in its context, which is then the only group.
        tokenizer : callable, default=None
            Function from a text to the list of its words, used instead of ``token_pattern``.
        max_length : int or None, default=400
            Number of words that are read of a longer text.
        keep : {"start", "end"}, default="start"
            Whether the start or the end of a longer text is read.
        explain_model : object, default=None
            Model whose predictions are explained: its %(target)s gives the targets, and y is
            ignored. A grid search clones it, and the clone of a scikit-learn estimator is not
            fitted: wrap it in ``sklearn.frozen.FrozenEstimator``.
        n_parts : int, default=1
            Number of random parts of each text, with the predictions of ``explain_model`` for
            them, to train on in addition to the whole texts. They show the effect of a few words.
            A part is some words in their order, from k to all. The model receives parts as strings
            of words separated by spaces, as lists of words or integers, or as an array with 0 for
            all other words.
        embedding : mapping or array of shape (n_words, n_components), default=None
            Initial word vectors: by word, or in the rows given by ``vocabulary`` or by the integers
            of the texts.
        embedding_size : int, default=50
            Length of the word vectors without ``embedding``. Selector and predictor have separate
            vectors.
        freeze_embedding : bool, default=False
            Whether to keep the word vectors fixed.
        n_filters : int, default=50
            Width of the layers of the selector.
        selector_network : callable, default=None
            ``selector_network((None, n_components), 1)`` returns a Keras model from word vectors
            of shape (n, length, n_components), zero outside the texts, to scores of shape
            (n, length, 1).
        """,
    "own_parameters_2": """
        evidence : {"auto", "random", "selected"}, default="auto"
            Words that the predictor learns from: any fraction of the words of the text at random,
            or those that the selector selects, as in *Learning to Explain*. With ``"selected"`` the
            selector can encode the prediction in the choice of meaningless words; but predicted
            numbers have the right size. ``"auto"`` is %(evidence)s.
        rarity_weight : float or "auto", default="auto"
            Preference for rare words over frequent words that are equally important. It is
            multiplied by ``a / (a + p)``, where p is the relative frequency of the word in the
            training texts and a = 0.001, and added to the scores of a text at unit variance. Words
            with a meaning are then selected before "the" and "of" where fewer than k words decide.
            It is not used in the training. ``"auto"`` is 2 where the predictor learns from random
            words, else 0.
        """,
    "own_attributes": """
        vocabulary_ : dict
            Index of each word, from 0 in the order of frequency, or in that of ``vocabulary``.
        """,
    "notes": """
        The selector scores the words by convolutions over their context, and by the output of the
        predictor for the whole text. The prediction depends only on the mean vector of the selected
        words. The fitted estimator holds NumPy arrays and, with the default networks, predicts
        without TensorFlow. All computations are in float32.
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
