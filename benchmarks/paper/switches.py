"""Define the quirks of the published code that the paper's text does not mention, each as a switch with its repair."""

import hashlib
from dataclasses import asdict, dataclass, field, fields


def _define_switch(published: str, repaired: str, reason: str) -> bool:
    """Define a switch, off by default, with the meaning of both positions."""
    meaning = {"published": published, "repaired": repaired, "reason": reason}
    return field(default=False, metadata=meaning)


@dataclass(frozen=True)
class Switches:
    """The quirks to follow: True as in the published code, False repaired."""

    sequential_split: bool = _define_switch(
        "the first 80 % of the rows train, the last 20 % test; each model splits its own rows",
        "holdout: a random fifth of every label, the same turns for all three models",
        "The last fifth is from one session, so few speakers are tested. Splits of different label sets disagree, so "
        "an encoder may be fine-tuned on test turns of the fusion.",
    )
    cut_audio: bool = _define_switch(
        "every clip is cut, or padded with unmasked zeros, to 54,622 samples (3.41 s)",
        "every clip in full length, its padding masked",
        "52 % of IEMOCAP's turns are longer, and 37 % of its audio is lost.",
    )
    flattened_frames: bool = _define_switch(
        "the first 170 frames, flattened, not standardized; learning rate 1e-5",
        "the mean of all frames, each column standardized; learning rate 1e-3",
        "Every position in a turn has its own weights, though emotion does not depend on position: 67 million weights "
        "for 5,904 turns. The mean is 170 x narrower and needs larger steps.",
    )
    unmasked_text: bool = _define_switch(
        "every text is padded to the longest text's number of characters, and the padding is not masked",
        "the padding is masked",
        "Short turns become mostly padding, and hundreds of tokens are computed for a dozen words.",
    )
    every_text_label: bool = _define_switch(
        "the text model learns every label that raters agreed on (ten in IEMOCAP)",
        "it learns the classes of the fusion",
        "Its accuracy is then comparable with the others', and it has no class of only three turns.",
    )
    linear_fusion: bool = _define_switch(
        "no activation between the four linear layers of the fusion",
        "ReLU between them",
        "Four linear layers in a row are one linear map.",
    )
    extra_output: bool = _define_switch(
        "one output more than there are classes", "one output per class", "No turn has the additional class."
    )
    double_softmax: bool = _define_switch(
        "softmax before the cross entropy, which applies a softmax itself",
        "cross entropy of the outputs",
        "The softmax of a softmax is nearly flat: gradients are small, and the loss stays above about 1 nat.",
    )

    @property
    def mode(self) -> str:
        """`exact` as published, `fixed` all repaired, else `mixed-` and a digest of which are on."""
        values = tuple(asdict(self).values())
        if all(values) or not any(values):
            return "exact" if all(values) else "fixed"
        return f"mixed-{hashlib.sha256(repr(values).encode()).hexdigest()[:8]}"


MODES = {"exact": Switches(*[True] * len(fields(Switches))), "fixed": Switches()}


def describe_switches(switches: Switches) -> list[dict[str, str | bool]]:
    """Return each switch: its name, whether it is as published, both meanings, and the reason for the repair."""
    return [
        {"name": entry.name, "as_published": getattr(switches, entry.name), **entry.metadata}
        for entry in fields(Switches)
    ]
