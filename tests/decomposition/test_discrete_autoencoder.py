import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

from skid import DiscreteAutoencoder
from skid.engine import trace_count
from skid.gradients import BlackBox
from skid.noise import Gumbel


def ones_of_each_group(codes, group_size=6):
    assert set(np.unique(codes)) == {0, 1}
    return np.unique(codes.reshape(-1, group_size).sum(axis=1)).tolist()


def test_codes_hold_k_ones_in_each_group(fitted, digits):
    codes = fitted.transform(digits[0])
    assert codes.shape == (1792, 48)
    assert codes.dtype == np.float32
    assert ones_of_each_group(codes) == [2]
    assert fitted.get_feature_names_out()[-1] == "discreteautoencoder47"


def test_codes_tell_digits_apart_and_can_be_decoded(fitted, digits):
    X, y = digits
    decoded = fitted.inverse_transform(fitted.transform(X))
    assert decoded.min() >= 0
    assert decoded.max() <= 1
    error = np.mean((decoded - X) ** 2)
    few = PCA(5).fit(X)
    assert error < np.mean((few.inverse_transform(few.transform(X)) - X) ** 2)
    assert (
        LogisticRegression(max_iter=500).fit(fitted.transform(X), y).score(fitted.transform(X), y)
        > 0.9
    )


def test_sampled_codes_differ_from_the_likeliest_and_stay_the_same(fitted, digits):
    X = digits[0][:200]
    sampled = joblib.hash(fitted.transform(X))
    noisy = clone(fitted).set_params(codes="sampled")
    vars(noisy).update({k: v for k, v in vars(fitted).items() if k not in noisy.get_params()})
    codes = noisy.transform(X)
    assert ones_of_each_group(codes) == [2]
    np.testing.assert_array_equal(codes, noisy.transform(X))
    changed = np.mean(codes != fitted.transform(X))
    assert 0.01 < changed < 0.5
    assert joblib.hash(fitted.transform(X)) == sampled


def test_score_is_minus_the_mean_of_the_bound(fitted, digits):
    X = digits[0]
    terms = fitted.negative_bound(X)
    assert [term.shape for term in terms] == [(1792,), (1792,)]
    assert fitted.score(X) == pytest.approx(-np.mean(terms[0] + terms[1]), rel=1e-6)
    assert fitted.score(X) == fitted.score(X)
    # Of single epochs' batches, by the program, and of all rows, by NumPy.
    assert fitted.score(X) == pytest.approx(-fitted.loss_curve_[-1], rel=0.03)
    assert (fitted.negative_bound(X, random_state=1)[0] != terms[0]).any()
    np.testing.assert_array_equal(fitted.negative_bound(X, random_state=1)[1], terms[1])


def test_divergences_by_name(fitted, digits):
    marginal, subset = (fitted.negative_bound(digits[0], kl=kl)[1] for kl in ("marginal", "subset"))
    assert (marginal >= 0).all()
    assert (marginal <= 8 * np.log(6)).all()
    assert (subset <= 8 * np.log(15) + 1e-3).all()
    with pytest.raises(ValueError, match="kl must be 'marginal' or 'subset', got 'exact'"):
        fitted.negative_bound(digits[0], kl="exact")


@pytest.mark.parametrize(
    "parameters",
    [
        {"k": 1, "kl": "subset"},
        {"gradient": BlackBox(0.1), "projection": "none"},
        {"gradient": "straight_through", "noise": Gumbel(), "projection": "none"},
    ],
)
def test_learns_with_other_laws_and_rules(parameters, quick, digits):
    X = digits[0]
    model = quick(**parameters, max_iter=40).fit(X)
    assert ones_of_each_group(model.transform(X)) == [model.k]
    # Better than the best code that says nothing.
    mean = X.mean(axis=0).clip(1e-6, 1 - 1e-6)
    nothing = -np.sum(X * np.log(mean) + (1 - X) * np.log(1 - mean), axis=1).mean()
    assert -model.score(X) < nothing - 0.5
    if model.k == 1:
        # A categorical law has the same divergence by both names.
        by_name = [model.negative_bound(X, kl=kl)[1] for kl in ("marginal", "subset")]
        np.testing.assert_allclose(*by_name, rtol=1e-4, atol=1e-4)


def test_gaussian_densities_are_those_of_the_units_of_X(quick):
    random = np.random.RandomState(0)
    X = random.normal(size=(600, 3)) @ random.normal(size=(3, 10)) + 5
    model = quick(max_iter=100).fit(X)
    assert model.likelihood_ == "gaussian"
    decoded = model.inverse_transform(model.transform(X))
    assert np.mean((decoded - X) ** 2) < 0.5 * X.var(axis=0).mean()
    # Ten times the unit: the density of ten features falls by a factor of 10 ** 10.
    scaled = quick(max_iter=100).fit(10 * X)
    fallen = model.score(X) - scaled.score(10 * X)
    assert fallen == pytest.approx(10 * np.log(10), rel=1e-3)


def test_likelihood_follows_the_range(quick, digits):
    assert quick(max_iter=1).fit(digits[0]).likelihood_ == "bernoulli"
    with pytest.raises(ValueError, match=r"X must be in \[0, 1\] .*, got values from 0 to 16"):
        quick(likelihood="bernoulli").fit(16 * digits[0])
    model = quick(max_iter=1).fit(digits[0])
    with pytest.raises(ValueError, match=r"from 0 to 16: scale X, or set likelihood='gaussian'"):
        model.score(16 * digits[0])


def test_rounding_of_a_scaler_is_no_other_range(quick, digits):
    X = digits[0][:100].astype(np.float64)
    X[0, 0] = 1 + 4e-16
    assert quick(max_iter=1).fit(X).likelihood_ == "bernoulli"
    X[0, 0] = 1.0000001
    with pytest.raises(ValueError, match=r"got values from 0 to 1.0000001"):
        quick(max_iter=1, likelihood="bernoulli").fit(X)


def test_early_stopping_holds_rows_out_of_small_tables(quick, digits):
    model = quick(max_iter=2, early_stopping=True).fit(digits[0][:20])
    assert len(model.validation_scores_) == 2


def test_samples_come_from_the_prior(fitted):
    samples = fitted.sample(50, random_state=0)
    assert samples.shape == (50, 64)
    assert len(np.unique(samples.round(4), axis=0)) == 50
    np.testing.assert_array_equal(samples, fitted.sample(50, random_state=0))
    with pytest.raises(ValueError, match="n_samples must be an integer of at least 1, got 0"):
        fitted.sample(0)


@pytest.mark.usefixtures("by_xla")
def test_second_fit_traces_nothing_and_repeats_every_bit(quick, digits):
    X = digits[0]
    first = quick(max_iter=3).fit(X)
    traced = trace_count()
    second = quick(max_iter=3).fit(X)
    assert first.score(X) == second.score(X)
    np.testing.assert_array_equal(first.transform(X), second.transform(X))
    # These are inputs of the program. The score has noise of its own: the codes have none.
    for other in (
        {"temperature": 0.9},
        {"radius": 3.0},
        {"learning_rate_init": 0.02},
        {"learning_rate": "constant"},
        {"alpha": 1.0},
        {"random_state": 1},
    ):
        decoded = quick(max_iter=3, **other).fit(X).inverse_transform(first.transform(X))
        assert (decoded != first.inverse_transform(first.transform(X))).any(), other
    assert trace_count() == traced


def test_early_stopping_keeps_the_best_networks(quick, digits):
    X = digits[0]
    model = quick(max_iter=60, early_stopping=True, n_iter_no_change=3, tol=1.0).fit(X)
    assert model.n_iter_ == len(model.validation_scores_) < 60
    assert model.best_loss_ == -max(model.validation_scores_)
    assert model.score(X) == pytest.approx(max(model.validation_scores_), rel=0.03)


def test_warm_start_and_partial_fit_go_on(quick, digits):
    X = digits[0]
    once = quick(max_iter=3, warm_start=True, learning_rate="constant").fit(X)
    before = once.score(X)
    assert once.fit(X).score(X) > before + 0.5
    after = once.score(X)
    assert once.partial_fit(X).score(X) > after - 0.5
    passes = quick()
    scores = [passes.partial_fit(X).score(X) for _ in range(6)]
    assert scores[-1] > scores[0] + 1
    with pytest.raises(ValueError, match="n_groups was 8 and is 9"):
        passes.set_params(n_groups=9).partial_fit(X)
    assert passes.score(X) == scores[-1]


def test_saved_model_encodes_and_decodes_without_tensorflow(
    fitted, digits, fresh_process, tmp_path
):
    X = digits[0][:100]
    expected = fitted.transform(X), fitted.score(X), fitted.sample(3, random_state=0)
    joblib.dump((fitted, X, expected), tmp_path / "model.joblib")
    code = (
        "import sys, joblib; model, X, (codes, score, samples) = joblib.load('model.joblib');"
        "print((model.transform(X) == codes).all(), model.score(X) == score,"
        "abs(model.sample(3, random_state=0) - samples).max() < 1e-6, 'tensorflow' in sys.modules)"
    )
    assert fresh_process(code, directory=tmp_path).stdout == "True True True False\n"


def test_codes_feed_a_classifier(quick, digits):
    X, y = digits
    pipeline = make_pipeline(quick(), LogisticRegression(max_iter=300)).fit(X[:1600], y[:1600])
    assert pipeline.score(X[1600:], y[1600:]) > 0.7


def encoder(input_shape, n_outputs):
    """A small convolutional network."""
    import keras

    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Conv2D(8, 3, strides=2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(n_outputs),
        ]
    )


def decoder(input_shape, n_outputs):
    """From codes to images."""
    import keras

    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Dense(4 * 4 * 8, activation="relu"),
            keras.layers.Reshape((4, 4, 8)),
            keras.layers.Conv2DTranspose(1, 2, strides=2),
        ]
    )


def test_networks_of_ones_own(quick, digits):
    images = digits[0].reshape(-1, 8, 8, 1)
    model = quick(network=(encoder, decoder), max_iter=10).fit(images)
    codes = model.transform(images)
    assert ones_of_each_group(codes) == [2]
    assert model.inverse_transform(codes).shape == images.shape
    assert model.loss_curve_[-1] < 0.9 * model.loss_curve_[0]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"k": 6}, "k must be less than group_size=6, got k=6"),
        ({"network": (encoder,)}, r"network must be a pair \(encoder, decoder\)"),
        ({"noise": "gumbel"}, "The 'noise' parameter"),
        ({"temperature": -1.0}, "The 'temperature' parameter"),
    ],
)
def test_parameters_that_do_not_fit(parameters, message, quick, digits):
    with pytest.raises(ValueError, match=message):
        quick(**parameters).fit(digits[0])


def test_codes_of_another_length(fitted):
    with pytest.raises(ValueError, match=r"X must have .* = 48 columns, got 40"):
        fitted.inverse_transform(np.zeros((2, 40)))


def test_passes_go_on_in_the_precision_of_the_first(quick, digits):
    X = digits[0][:64]
    model = quick().partial_fit(X.astype(np.float32)).partial_fit(X.astype(np.float64))
    assert model.inverse_transform(model.transform(X)).dtype == np.float32


def test_sampled_codes_are_tagged_as_random():
    for codes, expected in (("map", False), ("sampled", True)):
        assert get_tags(DiscreteAutoencoder(3, codes=codes)).non_deterministic is expected
