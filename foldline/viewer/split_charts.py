"""What `split` measured of the difference between the parts, in the shape that is drawn."""

from typing import Any

from foldline.data.split_similarity import MAX_P, MIN_AUC_GAP, PAIRS


def similarity_charts(measured: dict[str, Any]) -> list[dict[str, Any]]:
    """Give a record for each pair of parts of reports/split.json; none where it has none.

    `labels`, `lengths` and `unseen` are distances and shares in [0, 1]; `auc`, `p` and `tokens`
    (token, part that has more of it, share of each part's texts) are there where a classifier
    tried; `differs` is the verdict of `split`: a clear difference, and not by chance.
    """
    drawn = []
    for first, second in PAIRS:
        pair = measured.get("similarity", {}).get(f"{first}_{second}")
        if not pair:
            continue
        labels = pair["labels"]
        auc, p = pair.get("auc"), pair.get("p")
        told = auc is not None and p is not None
        drawn.append(
            {
                "parts": [first, second],
                "auc": auc,
                "p": p,
                "differs": told and abs(auc - 0.5) > MIN_AUC_GAP and p <= MAX_P,
                "labels": labels.get("total_variation", labels.get("ks")),
                "lengths": pair["length_ks"],
                "unseen": pair["unseen_tokens"],
                "tokens": [
                    [one["token"], one["more_in"], *one["shares"]] for one in pair.get("tokens", [])
                ],
            }
        )
    return drawn
