"""A text read in context, and judged by one of its words: `RationaleClassifier` on made-up reviews.

Each review has an opinion on the plot, the music and the cast, in any order, among sentences
without one, and only the opinion on the plot decides the label. A word such as "awful" says nothing
by itself: the selector must see what it is said of. The predictor sees the chosen word alone. Where
the review says the same of something else, that word serves it as well.

Run `python examples/rationales_of_reviews.py`. It prints how often the chosen word agrees with the
opinion on the plot, how often it is that opinion, and how well the labels are predicted, and writes
a page with highlighted reviews. About fifteen seconds.
"""

import argparse
from pathlib import Path

import numpy as np

from skid import RationaleClassifier

GOOD = ("superb", "gripping", "clever", "touching", "brilliant")
BAD = ("awful", "tedious", "clumsy", "dull", "terrible")
TOPICS = ("plot", "music", "cast")
PHRASES = ("I found the {} {}.", "The {} was {}.", "What a {}, so {}!", "In short, a {} <{}>")
FILLING = (
    "We saw it on a rainy Sunday.",
    "My sister came along & brought popcorn.",
    "It runs for about two hours.",
    "The cinema was half empty.",
    "There is a long scene in a station.",
    "I had read about it before.",
)


def make_reviews(n_reviews: int, seed: int) -> tuple[list[str], np.ndarray, list[str]]:
    """Reviews, whether their author likes the plot, and the word that says so."""
    random = np.random.RandomState(seed)
    reviews, liked, words = [], random.randint(2, size=n_reviews), []
    for likes_plot in liked:
        sentences = random.choice(FILLING, 3).tolist()
        for topic in TOPICS:
            good = likes_plot if topic == "plot" else random.randint(2)
            word = str(random.choice(GOOD if good else BAD))
            sentences.append(str(random.choice(PHRASES)).format(topic, word))
            if topic == "plot":
                words.append(word)
        reviews.append(" ".join(random.permutation(sentences)))
    return reviews, np.where(liked, "likes the plot", "dislikes the plot"), words


def main() -> None:
    """Fit, compare with the planted words, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("rationales_of_reviews.html"))
    arguments = parser.parse_args()
    texts, labels, _ = make_reviews(1000, seed=0)
    model = RationaleClassifier(1, max_iter=20, random_state=0).fit(texts, labels)
    texts, labels, planted = make_reviews(500, seed=1)
    rationales = model.explain(texts)
    found = [word in dict(rationale) for word, rationale in zip(planted, rationales, strict=True)]
    words_of = {"likes the plot": GOOD, "dislikes the plot": BAD}
    agrees = [
        any(word in words_of[label] for word, _ in rationale)
        for label, rationale in zip(labels, rationales, strict=True)
    ]
    print(f"reviews whose chosen word is an opinion of the right sign: {np.mean(agrees):.1%}")
    print(f"the same, and it is the one on the plot: {np.mean(found):.1%}")
    print(f"accuracy from this word alone: {model.score(texts, labels):.3f}")
    print(f"{texts[0]}\n{rationales[0]}")
    arguments.output.write_text(model.explain(texts[:20], as_html=True), encoding="utf-8")
    print(f"page: {arguments.output}")


if __name__ == "__main__":
    main()
