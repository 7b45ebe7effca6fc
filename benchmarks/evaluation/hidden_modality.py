"""Hide a modality of test utterances, to measure what a head loses without it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from featurestore.folds.group_split import draw_key
from heads import Inputs

SHARES = (0.2, 0.5, 0.8, 1.0)  # of the complete test utterances of a fold; 0 is the unchanged test part
COMPLETE = "complete"


@dataclass(frozen=True)
class HiddenModality:
    """A modality that a share of the complete test utterances is predicted without."""

    modality: str
    share: float

    def __str__(self) -> str:
        """Return both in words: `20 % without text`."""
        return f"{100 * self.share:g} % without {self.modality}"


def list_hidden(modalities: Sequence[str]) -> Iterator[HiddenModality]:
    """Yield every modality and share that is measured, or nothing for fewer than two modalities."""
    for modality in modalities if len(modalities) > 1 else ():
        yield from (HiddenModality(modality, share) for share in SHARES)


def hide(inputs: Inputs, hidden: HiddenModality, utterance_ids: Sequence[str], fold: str, seed: int) -> Inputs:
    """Hide a modality of a share of the targets that have every modality.

    A target that lacks another modality keeps its last one: there would be nothing left to predict it from. The targets
    without the modality at a smaller share are among those at a larger one. Turns without a class keep what they have.

    Args:
        inputs: the test part, with N targets and `present`.
        hidden: which modality, and the share, rounded to utterances.
        utterance_ids: of the targets (N,).
        fold: its name. The draw depends only on it, the seed, the modality and the ids, so it is the same for all
            heads.
        seed: of the run.
    """
    complete = [place for place, lacking in enumerate(list_lacking(inputs)) if not lacking]
    keys = {place: draw_key(f"{fold}:{hidden.modality} missing:{utterance_ids[place]}", seed) for place in complete}
    drawn = sorted(complete, key=keys.__getitem__)[: round(hidden.share * len(complete))]
    rows = inputs.present[hidden.modality].copy()
    rows[inputs.targets[drawn]] = False
    return replace(inputs, present={**inputs.present, hidden.modality: rows})


def list_lacking(inputs: Inputs) -> list[str]:
    """List what each target lacks (N,): the names of its absent modalities joined by a plus, empty if nothing."""
    present = {modality: rows[inputs.targets].tolist() for modality, rows in inputs.present.items()}
    return ["+".join(sorted(one for one in present if not present[one][place])) for place in range(len(inputs))]


def count_lacking(inputs: Inputs) -> Mapping[str, int]:
    """Count the targets by what they lack, `complete` ones first."""
    counts = Counter(lacking or COMPLETE for lacking in list_lacking(inputs))
    return {name: counts[name] for name in sort_lacking(counts)}


def sort_lacking(names: Iterable[str]) -> list[str]:
    """Sort what utterances lack by name, each once, `complete` first."""
    return sorted(set(names), key=lambda name: (name != COMPLETE, name))
