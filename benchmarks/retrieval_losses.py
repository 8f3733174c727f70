"""Ordinary losses of an embedding, trained by the same program as `RankingRetriever`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

import skid.retrieval._fit
from skid.networks import network_rows
from skid.retrieval._objective import SMALLEST_NORM, RetrievalObjective


def _counts(*masks):
    return [tf.cast(mask, tf.float32) for mask in masks]


def triplet(scores, relevant, mask, margin: float = 0.2):
    """Semi-hard triplets (Schroff et al., 2015) of cosines: the hardest negative below each."""
    positive, negative = mask & relevant, mask & ~relevant
    below = negative[:, None, :] & (scores[:, None, :] < scores[:, :, None])
    hardest = tf.reduce_max(tf.where(below, scores[:, None, :], -2.0), axis=2)
    easiest = tf.reduce_min(tf.where(negative, scores, 2.0), axis=1, keepdims=True)
    chosen = tf.where(hardest > -2.0, hardest, easiest)
    losses = tf.where(positive, tf.nn.relu(margin + chosen - scores), 0.0)
    (count,) = _counts(positive)
    return tf.math.divide_no_nan(tf.reduce_sum(losses, 1), tf.reduce_sum(count, 1))


def multi_similarity(scores, relevant, mask, a=2.0, b=50.0, base=0.5, margin=0.1):
    """Multi-similarity (Wang et al., CVPR 2019) with its mining of informative pairs."""
    positive, negative = mask & relevant, mask & ~relevant
    nearest = tf.reduce_max(tf.where(negative, scores, -2.0), axis=1, keepdims=True)
    furthest = tf.reduce_min(tf.where(positive, scores, 2.0), axis=1, keepdims=True)
    kept = _counts(positive & (scores - margin < nearest), negative & (scores + margin > furthest))
    pull = tf.reduce_sum(kept[0] * tf.exp(-a * (scores - base)), axis=1)
    push = tf.reduce_sum(kept[1] * tf.exp(b * (scores - base)), axis=1)
    return tf.math.log1p(pull) / a + tf.math.log1p(push) / b


def smooth_ap(scores, relevant, mask, temperature: float = 0.01):
    """Smooth average precision (Brown et al., ECCV 2020)."""
    positive, everything = _counts(mask & relevant, mask)
    above = tf.sigmoid((scores[:, None, :] - scores[:, :, None]) / temperature)
    above *= 1.0 - tf.eye(scores.shape[1])
    places = 1.0 + tf.reduce_sum(above * positive[:, None, :], axis=2)
    ranks = 1.0 + tf.reduce_sum(above * everything[:, None, :], axis=2)
    precision = tf.reduce_sum(positive * places / ranks, axis=1)
    return 1.0 - tf.math.divide_no_nan(precision, tf.reduce_sum(positive, axis=1))


def supervised_contrastive(scores, relevant, mask, temperature: float = 0.1):
    """Supervised contrastive loss (Khosla et al., NeurIPS 2020), sum outside the logarithm."""
    (positive,) = _counts(mask & relevant)
    logits = tf.where(mask, scores / temperature, -1e9)
    log_share = logits - tf.reduce_logsumexp(logits, axis=1, keepdims=True)
    total = tf.reduce_sum(tf.where(positive > 0, log_share, 0.0), axis=1)
    return -tf.math.divide_no_nan(total, tf.reduce_sum(positive, axis=1))


def proxy_anchor(cosines, own, a: float = 32.0, margin: float = 0.1):
    """Proxy-Anchor (Kim et al., CVPR 2020): each proxy against the rows of a batch."""
    present = tf.cast(tf.reduce_any(own, axis=0), tf.float32)
    pull, push = _counts(own, ~own)
    pull = tf.reduce_sum(pull * tf.exp(-a * (cosines - margin)), axis=0)
    push = tf.reduce_sum(push * tf.exp(a * (cosines + margin)), axis=0)
    pulled = tf.reduce_sum(tf.math.log1p(pull)) / tf.reduce_sum(present)
    return pulled + tf.reduce_mean(tf.math.log1p(push))


def proxy_nca(cosines, own, temperature: float = 1 / 9):
    """Proxy-NCA++ (Teh et al., ECCV 2020): softmax of the squared distances to the proxies."""
    log_shares = tf.nn.log_softmax(2 * (cosines - 1) / temperature, axis=1)
    return -tf.reduce_mean(tf.reduce_sum(_counts(own)[0] * log_shares, axis=1))


RIVALS = {
    "triplet": triplet,
    "multi-similarity": multi_similarity,
    "SmoothAP": smooth_ap,
    "supervised contrastive": supervised_contrastive,
    "proxy anchor": proxy_anchor,
    "proxy NCA": proxy_nca,
}
PROXIES = (proxy_anchor, proxy_nca)


@contextmanager
def trained_with(loss: Callable, n_classes: int) -> Iterator[None]:
    """Let `RankingRetriever` train with another loss: same network, batches and steps."""

    class Rival(RetrievalObjective):
        def __init__(self, *arguments) -> None:
            super().__init__(*arguments)
            self.key = (loss, n_classes, self.key)

        def losses(self, scores, relevant, mask, control, seed):
            return loss(scores, relevant, mask)

    class ProxyRival(Rival):
        def empty_memory(self, n_components, dtype):
            start = np.random.RandomState(0).normal(size=(n_classes, n_components))
            return {"memory_proxies": (start / np.sqrt(n_components)).astype(dtype)}

        def loss(self, parameters, batch, constants, control, seed):
            proxies = parameters["memory_proxies"]
            weights = {name: v for name, v in parameters.items() if name != "memory_proxies"}
            X = network_rows(self.network, batch["X"], tf)
            outputs, updates = self.network.train(weights, X)
            vectors, proxies = (
                tf.math.l2_normalize(values, axis=1, epsilon=SMALLEST_NORM**2)
                for values in (outputs[0], proxies)
            )
            own = batch["label"][:, None] == tf.range(n_classes)
            value = loss(tf.matmul(vectors, proxies, transpose_b=True), own)
            return value, value, updates

    ours = skid.retrieval._fit.RetrievalObjective
    skid.retrieval._fit.RetrievalObjective = ProxyRival if loss in PROXIES else Rival
    try:
        yield
    finally:
        skid.retrieval._fit.RetrievalObjective = ours
