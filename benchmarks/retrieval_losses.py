"""Ordinary losses of an embedding, as `RankingRetriever` takes them in place of a ranking."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from skid.losses import EmbeddingLoss


def _pairs(batch):
    """Positive and negative items of each query."""
    return batch.mask & batch.relevant, batch.mask & ~batch.relevant


def _counts(*masks):
    return [tf.cast(mask, tf.float32) for mask in masks]


@dataclass(frozen=True)
class Triplet(EmbeddingLoss):
    """Semi-hard triplets (Schroff et al., 2015) of cosines: the hardest negative below each."""

    margin: float = 0.2

    def __call__(self, batch):
        """Loss of each query."""
        scores = batch.scores
        positive, negative = _pairs(batch)
        below = negative[:, None, :] & (scores[:, None, :] < scores[:, :, None])
        hardest = tf.reduce_max(tf.where(below, scores[:, None, :], -2.0), axis=2)
        easiest = tf.reduce_min(tf.where(negative, scores, 2.0), axis=1, keepdims=True)
        chosen = tf.where(hardest > -2.0, hardest, easiest)
        losses = tf.where(positive, tf.nn.relu(self.margin + chosen - scores), 0.0)
        (count,) = _counts(positive)
        return tf.math.divide_no_nan(tf.reduce_sum(losses, 1), tf.reduce_sum(count, 1))


@dataclass(frozen=True)
class MultiSimilarity(EmbeddingLoss):
    """Multi-similarity (Wang et al., CVPR 2019) with its mining of informative pairs."""

    a: float = 2.0
    b: float = 50.0
    base: float = 0.5
    margin: float = 0.1

    def __call__(self, batch):
        """Loss of each query."""
        scores = batch.scores
        positive, negative = _pairs(batch)
        nearest = tf.reduce_max(tf.where(negative, scores, -2.0), axis=1, keepdims=True)
        furthest = tf.reduce_min(tf.where(positive, scores, 2.0), axis=1, keepdims=True)
        kept = _counts(
            positive & (scores - self.margin < nearest),
            negative & (scores + self.margin > furthest),
        )
        pull = tf.reduce_sum(kept[0] * tf.exp(-self.a * (scores - self.base)), axis=1)
        push = tf.reduce_sum(kept[1] * tf.exp(self.b * (scores - self.base)), axis=1)
        return tf.math.log1p(pull) / self.a + tf.math.log1p(push) / self.b


@dataclass(frozen=True)
class SmoothAP(EmbeddingLoss):
    """Smooth average precision (Brown et al., ECCV 2020)."""

    temperature: float = 0.01

    def __call__(self, batch):
        """Loss of each query."""
        scores = batch.scores
        positive, everything = _counts(batch.mask & batch.relevant, batch.mask)
        above = tf.sigmoid((scores[:, None, :] - scores[:, :, None]) / self.temperature)
        above *= 1.0 - tf.eye(scores.shape[1])
        places = 1.0 + tf.reduce_sum(above * positive[:, None, :], axis=2)
        ranks = 1.0 + tf.reduce_sum(above * everything[:, None, :], axis=2)
        precision = tf.reduce_sum(positive * places / ranks, axis=1)
        return 1.0 - tf.math.divide_no_nan(precision, tf.reduce_sum(positive, axis=1))


@dataclass(frozen=True)
class SupervisedContrastive(EmbeddingLoss):
    """Supervised contrastive loss (Khosla et al., NeurIPS 2020), sum outside the logarithm."""

    temperature: float = 0.1

    def __call__(self, batch):
        """Loss of each query."""
        (positive,) = _counts(batch.mask & batch.relevant)
        logits = tf.where(batch.mask, batch.scores / self.temperature, -1e9)
        log_share = logits - tf.reduce_logsumexp(logits, axis=1, keepdims=True)
        total = tf.reduce_sum(tf.where(positive > 0, log_share, 0.0), axis=1)
        return -tf.math.divide_no_nan(total, tf.reduce_sum(positive, axis=1))


class ProxyLoss(EmbeddingLoss):
    """A loss of the cosines of rows and a trained proxy of each class."""

    def initial(self, n_classes, n_components, random_state):
        """Proxies of a length of about 1."""
        start = random_state.normal(size=(n_classes, n_components))
        return {"proxies": start / n_components**0.5}

    def cosines(self, batch):
        """Cosines of rows and proxies, and which proxies are those of the row's class."""
        proxies = tf.math.l2_normalize(batch.parameters["proxies"], axis=1)
        own = batch.labels[:, None] == tf.range(proxies.shape[0])
        return tf.matmul(batch.vectors, proxies, transpose_b=True), own


@dataclass(frozen=True)
class ProxyAnchor(ProxyLoss):
    """Proxy-Anchor (Kim et al., CVPR 2020): each proxy against the rows of a batch."""

    a: float = 32.0
    margin: float = 0.1

    def __call__(self, batch):
        """Loss of the batch."""
        cosines, own = self.cosines(batch)
        (present,) = _counts(tf.reduce_any(own, axis=0))
        pull, push = _counts(own, ~own)
        pull = tf.reduce_sum(pull * tf.exp(-self.a * (cosines - self.margin)), axis=0)
        push = tf.reduce_sum(push * tf.exp(self.a * (cosines + self.margin)), axis=0)
        pulled = tf.reduce_sum(tf.math.log1p(pull)) / tf.reduce_sum(present)
        return pulled + tf.reduce_mean(tf.math.log1p(push))


@dataclass(frozen=True)
class ProxyNCA(ProxyLoss):
    """Proxy-NCA++ (Teh et al., ECCV 2020): softmax of the squared distances to the proxies."""

    temperature: float = 1 / 9

    def __call__(self, batch):
        """Loss of the batch."""
        cosines, own = self.cosines(batch)
        log_shares = tf.nn.log_softmax(2 * (cosines - 1) / self.temperature, axis=1)
        return -tf.reduce_mean(tf.reduce_sum(_counts(own)[0] * log_shares, axis=1))


RIVALS = {
    "triplet": {"loss": Triplet()},
    "multi-similarity": {"loss": MultiSimilarity()},
    "SmoothAP": {"loss": SmoothAP()},
    "supervised contrastive": {"loss": SupervisedContrastive()},
    "proxy anchor": {"loss": ProxyAnchor()},
    "proxy NCA": {"loss": ProxyNCA()},
}
