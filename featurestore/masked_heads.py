"""Wrap a head so that it predicts utterances that lack a modality, and read what a wrapped head holds."""

from typing import Any

NAMES = {"audio": "audio", "text": "a transcript"}  # modalities, as messages name them


def wrap_head(estimator: Any, dropout: float, seed: int | None = None) -> Any:
    """Wrap an unfitted head (`heads.MissingModalityHead`).

    Args:
        estimator: a head, or a scikit-learn classifier.
        dropout: the part of the complete training rows that loses one modality in training, 0 to 1.
        seed: of the draw of these rows.
    """
    from heads import MissingModalityHead  # loads scikit-learn

    return MissingModalityHead(estimator, dropout=dropout, random_state=seed)


def is_masked(head: Any) -> bool:
    """Tell whether a head is wrapped."""
    return hasattr(head, "list_present")


def read_params(head: Any) -> dict[str, Any]:
    """Return the settings of a head, or of the head inside a wrapped one."""
    params: dict[str, Any] = (head.estimator if is_masked(head) else head).get_params()
    return params
