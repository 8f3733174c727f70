import numpy as np
import pytest
from hypothesis import given, strategies as st
from sklearn.metrics import average_precision_score, ndcg_score

from skid.metrics import mean_average_precision, mean_ndcg, recall_at_k


@given(seed=st.integers(0, 1000), k=st.sampled_from([None, 1, 4]))
def test_measures_are_means_over_the_queries(seed, k):
    random = np.random.RandomState(seed)
    query = random.randint(0, 5, size=40)
    relevance = random.randint(0, 3, size=40)
    scores = random.permutation(40)
    gains, precisions, recalls = [], [], []
    for number in np.unique(query):
        true, predicted = relevance[query == number], scores[query == number]
        if not true.any():
            continue
        if len(true) > 1:
            gains.append(ndcg_score([true], [predicted], k=k))
        else:
            gains.append(1.0)
        precisions.append(average_precision_score(true > 0, predicted))
        first = np.argsort(-predicted)[: k or 10]
        recalls.append(np.sum(true[first] > 0) / np.sum(true > 0))
    ours = mean_ndcg(relevance, scores, qid=query, k=k, gain="linear")
    assert ours == pytest.approx(np.mean(gains))
    assert mean_average_precision(relevance, scores, qid=query) == pytest.approx(
        np.mean(precisions)
    )
    assert recall_at_k(relevance, scores, qid=query, k=k or 10) == pytest.approx(np.mean(recalls))


def test_exponential_gain():
    # The document of relevance 1 is first, that of relevance 2 second.
    expected = (1 + 3 / np.log2(3)) / (3 + 1 / np.log2(3))
    assert mean_ndcg([1, 2], [1.0, 0.0]) == pytest.approx(expected)


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0]])
def test_equal_scores_earn_what_the_worst_order_earns(order):
    relevance = np.array([0, 0, 1, 1])[order]
    worst = mean_ndcg(relevance, -relevance)
    assert mean_ndcg(relevance, np.zeros(4)) == worst
    assert recall_at_k(relevance, np.zeros(4), k=2) == 0


def test_queries_count_with_the_mean_weight_of_their_documents():
    relevance, scores, query = [1, 0, 1, 0], [1, 0, 0, 1], [0, 0, 1, 1]
    weights = [2, 4, 1, 1]
    value = mean_average_precision(relevance, scores, qid=query, sample_weight=weights)
    assert value == pytest.approx((3 * 1.0 + 1 * 0.5) / 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 0], [1.0, 2.0]), "at least one query must have a relevant document"),
        (([0, -1], [1.0, 2.0]), "at least 0, got -1"),
        (([0, 1], [1.0, np.nan]), "y_score must be finite, got nan for document 1"),
        (([0, 1, 1], [1.0, 2.0]), "inconsistent numbers of samples"),
        (([0, 99], [1.0, 2.0]), "use gain='linear'"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        mean_ndcg(*arguments)


@pytest.mark.parametrize("measure", [mean_ndcg, mean_average_precision, recall_at_k])
def test_relevance_that_is_missing(measure):
    with pytest.raises(ValueError, match="finite and at least 0, got nan"):
        measure([1, np.nan], [1.0, 2.0])


@pytest.mark.parametrize("qid", [["a", None], [1.0, np.nan], np.array(["2020", "NaT"], "M8[D]")])
def test_query_that_is_missing(qid):
    with pytest.raises(
        ValueError, match=r"qid must not be missing, got (None|nan|NaT) for document 1"
    ):
        mean_ndcg([0, 1], [1.0, 2.0], qid=qid)


@pytest.mark.parametrize("measure", [mean_ndcg, recall_at_k])
def test_cut_off_before_the_first_document(measure):
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        measure([0, 1], [1.0, 2.0], k=0)


@pytest.mark.parametrize("weights", [[-1, -1, 1, 1], [np.nan, 1, 1, 1], [0, 0, 0, 0], [1, 1]])
def test_weights_that_mean_nothing_are_refused(weights):
    with pytest.raises(ValueError, match="sample_weight must"):
        mean_ndcg([1, 0, 1, 0], [0.1, 0.2, 0.3, 0.1], qid=[0, 0, 1, 1], sample_weight=weights)
