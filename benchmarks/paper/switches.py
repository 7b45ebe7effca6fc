"""What the paper's published code does and its text does not say: each is one switch, with what mends it and why."""

import hashlib
from dataclasses import asdict, dataclass, field, fields


def _switch(published: str, repaired: str, reason: str) -> bool:
    """One switch: off, that is repaired, unless asked for; with what it means either way."""
    meaning = {"published": published, "repaired": repaired, "reason": reason}
    return field(default=False, metadata=meaning)


@dataclass(frozen=True)
class Switches:
    """Each is True as the paper's published code has it, False as it should be."""

    sequential_split: bool = _switch(
        "the first 80 % of the rows train, the last 20 % test; each model cuts the rows that it keeps itself",
        "holdout: a drawn fifth of every label, the same turns for all three models",
        "The last fifth is all of one session, so other speakers are hardly tested; and cuts of different label sets "
        "do not agree, so an encoder may have learned turns that the fusion is tested on.",
    )
    cut_audio: bool = _switch(
        "every clip is cut, or padded with unmasked zeros, to 54,622 samples (3.41 s)",
        "every clip as long as it is, its padding masked",
        "Of IEMOCAP's turns 52 % are longer, and 37 % of its audio is thrown away.",
    )
    flattened_frames: bool = _switch(
        "the first 170 frames, flattened, as they are; learning rate 1e-5",
        "the mean of all frames, each column standardised; learning rate 1e-3",
        "A weight for every moment of a turn, though an emotion is not tied to the moment: 67 million weights for "
        "5,904 turns. The mean is 170 x narrower, which wants larger steps.",
    )
    unmasked_text: bool = _switch(
        "every text is padded to the longest text's number of characters, and the padding is read as words",
        "the padding is masked",
        "Short turns become mostly padding, and hundreds of tokens are computed for a dozen words.",
    )
    every_text_label: bool = _switch(
        "the text model learns every label that raters agreed on (ten in IEMOCAP)",
        "it learns the classes of the fusion",
        "Its accuracy is then comparable with that of the others, and none of its scores is for a class of three "
        "turns.",
    )
    linear_fusion: bool = _switch(
        "nothing between the four linear layers of the fusion",
        "ReLU between them",
        "Four linear layers in a row are one linear map.",
    )
    extra_output: bool = _switch(
        "one output more than there are classes", "one output per class", "No turn is ever of the additional class."
    )
    double_softmax: bool = _switch(
        "softmax before the cross entropy, which takes the softmax itself",
        "cross entropy of the outputs",
        "The softmax of a softmax is nearly flat: gradients are small and the loss cannot fall below about 1 nat.",
    )

    @property
    def mode(self) -> str:
        """`exact` as published, `fixed` all repaired, else `mixed-` and a digest of which are on."""
        values = tuple(asdict(self).values())
        if all(values) or not any(values):
            return "exact" if all(values) else "fixed"
        return f"mixed-{hashlib.sha256(repr(values).encode()).hexdigest()[:8]}"


MODES = {"exact": Switches(*[True] * len(fields(Switches))), "fixed": Switches()}


def meanings(switches: Switches) -> list[dict[str, str | bool]]:
    """For each switch its name, whether it is as published, both meanings, and the reason for the repair."""
    return [
        {"name": entry.name, "as_published": getattr(switches, entry.name), **entry.metadata}
        for entry in fields(Switches)
    ]
