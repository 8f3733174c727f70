"""Markdown tables and the score card, computed from the raw results of the selection benchmark."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from statistics import mean, median, stdev

from report import markdown
from selection_chance import BAR, gaps_to, n_certainly_below, share_of_passes

OURS, PEER, REFERENCE = "skid", "LassoNet", "all"
UNIVARIATE, ELIMINATION = ("F", "MI"), "RFE"
TOLERANCE = 0.01

Key = tuple[str, int]


def accuracy_table(results: list[dict], learners: list[str]) -> str:
    """Mean test accuracy (R2 in regression) of every method; the best selection is bold."""
    methods = unique(results, "method")
    rows = []
    for (dataset, size), learner in _accuracy_keys(results, learners):
        scores = _scores(results, dataset, size, learner)
        best = max(score for method, score in scores.items() if method != REFERENCE)
        cells = [_mark(scores.get(method), best, method) for method in methods]
        rows.append([dataset, str(size), learner, *cells])
    return markdown(["data", "k", "learner", *methods], rows)


def own_score_table(results: list[dict]) -> str:
    """Mean test accuracy (R2 in regression) of the selectors' own predictions."""
    results = [row for row in results if row["own"] is not None]
    return _table_by_method(results, lambda rows: f"{mean(row['own'] for row in rows):.3f}")


def seconds_table(results: list[dict]) -> str:
    """Median seconds of one selection."""
    results = [row for row in results if row["method"] != REFERENCE]
    return _table_by_method(results, lambda rows: f"{_median_seconds(rows):.3g}")


def stability_table(results: list[dict]) -> str:
    """Mean Jaccard index of the column sets of all pairs of seeds."""
    results = [row for row in results if row["method"] != REFERENCE]
    return _table_by_method(results, lambda rows: f"{stability(rows):.2f}")


def planted_table(results: list[dict]) -> str:
    """Planted columns found: the mean, and the number of seeds in which all were."""
    methods = unique(results, "method")
    rows = []
    for task in unique(results, "task"):
        cells = []
        for method in methods:
            found = [row for row in results if (row["task"], row["method"]) == (task, method)]
            complete = sum(row["found"] == row["planted"] for row in found)
            average = mean(row["found"] for row in found)
            cells.append(f"{average:.1f} of {found[0]['planted']}, {complete}/{len(found)}")
        rows.append([task, *cells])
    return markdown(["task", *methods], rows)


def score_card(results: list[dict], learners: list[str]) -> str:
    """How `skid` stands on the benchmark's bars; empty when it was not run."""
    if OURS not in unique(results, "method"):
        return f"{OURS} was not run: no score card."
    lines = _best_share(results, learners)
    lines += _univariate_gap(results, learners)
    lines += _time_ratios(results)
    lines += _stability_share(results)
    return markdown(["point", "bar", "measured"], lines)


def stability(rows: list[dict]) -> float:
    """Mean Jaccard index over all pairs of seeds; nan for a single seed."""
    sets = [set(row["columns"]) for row in rows]
    indices = [len(a & b) / len(a | b) for a, b in combinations(sets, 2)]
    return mean(indices) if indices else float("nan")


def splits(results: list[dict]) -> str:
    """How many splits stand behind the means, where data sets differ by name."""
    counts: dict[int, list[str]] = {}
    for dataset in unique(results, "dataset"):
        seeds = {row["seed"] for row in results if row["dataset"] == dataset}
        counts.setdefault(len(seeds), []).append(dataset)
    if len(counts) == 1:
        return f"{next(iter(counts))} splits"
    return ", ".join(f"{count} splits of {' '.join(names)}" for count, names in counts.items())


def unique(results: list[dict], field: str) -> list[str]:
    """List the values of a field in their order of appearance."""
    return list(dict.fromkeys(row[field] for row in results))


def _best_share(results: list[dict], learners: list[str]) -> list[list[str]]:
    if not {*unique(results, "method")} - {OURS, REFERENCE}:
        return []
    gaps = {}
    for (dataset, size), learner in _accuracy_keys(results, learners):
        scores = _scores(results, dataset, size, learner)
        peers = [score for method, score in scores.items() if method not in (OURS, REFERENCE)]
        gaps[f"{dataset} {size} {learner}"] = scores[OURS] - max(peers)
    good = sum(gap >= -TOLERANCE for gap in gaps.values())
    worst = min(gaps, key=gaps.get)
    share = good / len(gaps)
    measured = f"{good} of {len(gaps)} = {share:.0%}; worst {gaps[worst]:+.3f} ({worst})"
    return [[f"best or within {TOLERANCE} of the best peer", ">= 80 % of rows", measured]]


def _univariate_gap(results: list[dict], learners: list[str]) -> list[list[str]]:
    gaps, errors = {}, {}
    for (dataset, size), learner in _accuracy_keys(results, learners):
        scores = _scores(results, dataset, size, learner)
        filters = [method for method in UNIVARIATE if method in scores]
        if filters:
            best = max(filters, key=scores.get)
            row = f"{dataset} {size} {learner}"
            gaps[row] = scores[OURS] - scores[best]
            errors[row] = _paired_error(results, dataset, size, learner, best)
    if not gaps:
        return []
    worst = min(gaps, key=gaps.get)
    below = sum(gap < BAR for gap in gaps.values())
    measured = [
        [
            "worst gap to the best univariate filter",
            f">= {BAR}",
            f"{gaps[worst]:+.3f} +- {errors[worst]:.3f} ({worst}); {below} rows below",
        ]
    ]
    by_split = gaps_to(results, UNIVARIATE, OURS, learners)
    if by_split and (n_splits := max(map(len, by_split.values()))) > 1:
        counts = sorted({min(5, n_splits), n_splits})
        shares = [f"{share_of_passes(by_split, count):.0%} over {count}" for count in counts]
        measured += [
            ["gaps below that by more than chance", "-", str(n_certainly_below(by_split))],
            ["chance of an equal of both filters to stay above", "-", ", ".join(shares)],
        ]
    return measured


def _paired_error(results, dataset: str, size: int, learner: str, method: str) -> float:
    """Standard error over the splits of the difference to a method; 0 for a single split."""
    ours, theirs = (
        {row["seed"]: row[learner] for row in _rows(results, dataset, size, name)}
        for name in (OURS, method)
    )
    differences = [ours[seed] - theirs[seed] for seed in ours.keys() & theirs.keys()]
    return stdev(differences) / len(differences) ** 0.5 if len(differences) > 1 else 0.0


def _time_ratios(results: list[dict]) -> list[list[str]]:
    if PEER not in unique(results, "method"):
        return []
    ratios, pairs = {}, {}
    for dataset, size in _keys(results):
        ours = _rows(results, dataset, size, OURS)
        peer = _rows(results, dataset, size, PEER)
        if ours and peer:
            ratios[f"{dataset} {size}"] = _median_seconds(peer) / _median_seconds(ours)
            for fit in ours:
                path = next(row for row in peer if row["seed"] == fit["seed"])
                pairs[f"{dataset} {size} seed {fit['seed']}"] = path["seconds"] / fit["seconds"]
    lowest, slowest = min(ratios, key=ratios.get), min(pairs, key=pairs.get)
    measured = (
        f"median of rows {median(ratios.values()):.0f}, lowest row {ratios[lowest]:.1f} "
        f"({lowest}), lowest single fit {pairs[slowest]:.1f} ({slowest})"
    )
    return [[f"seconds of {PEER}'s path over seconds of one {OURS} fit", ">= 10", measured]]


def _stability_share(results: list[dict]) -> list[list[str]]:
    if ELIMINATION not in unique(results, "method") or len(unique(results, "seed")) < 2:
        return []
    differences = [
        stability(_rows(results, dataset, size, OURS))
        - stability(_rows(results, dataset, size, ELIMINATION))
        for dataset, size in _keys(results)
    ]
    good = sum(difference >= 0 for difference in differences)
    return [
        [
            f"stability at least that of {ELIMINATION}",
            "most rows",
            f"{good} of {len(differences)}",
        ]
    ]


def _table_by_method(results: list[dict], cell: Callable[[list[dict]], str]) -> str:
    methods = unique(results, "method")
    rows = []
    for dataset, size in _keys(results):
        cells = []
        for method in methods:
            found = _rows(results, dataset, size, method)
            cells.append(cell(found) if found else "-")
        rows.append([dataset, str(size), *cells])
    return markdown(["data", "k", *methods], rows)


def _mark(score: float | None, best: float, method: str) -> str:
    if score is None:
        return "-"
    return f"**{score:.3f}**" if score == best and method != REFERENCE else f"{score:.3f}"


def _scores(results: list[dict], dataset: str, size: int, learner: str) -> dict[str, float]:
    methods = unique(results, "method")
    found = {method: _rows(results, dataset, size, method) for method in methods}
    return {method: mean(row[learner] for row in rows) for method, rows in found.items() if rows}


def _rows(results: list[dict], dataset: str, size: int, method: str) -> list[dict]:
    key = (dataset, size, method)
    return [row for row in results if (row["dataset"], row["size"], row["method"]) == key]


def _median_seconds(rows: list[dict]) -> float:
    return median(row["seconds"] for row in rows)


def _keys(results: list[dict]) -> list[Key]:
    return list(dict.fromkeys((row["dataset"], row["size"]) for row in results))


def _accuracy_keys(results: list[dict], learners: list[str]) -> list[tuple[Key, str]]:
    return [(key, learner) for key in _keys(results) for learner in learners]
