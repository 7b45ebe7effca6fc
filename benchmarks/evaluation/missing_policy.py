"""Define what is done with utterances that lack a modality: dropped, masked, or masked and learned by dropout."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from featurestore.errors import BadValue
from featurestore.masked_heads import wrap_head

DROP, MASK, BOTH_TRAINED = "drop", "mask", "both-trained"
MODES = (DROP, MASK, BOTH_TRAINED)
DROPOUT = 0.5  # the rate of Shi et al. 2022: half of the rows complete, a quarter with each modality alone


@dataclass(frozen=True)
class MissingPolicy:
    """How a run treats utterances that lack a modality.

    Args:
        mode: `mask` or `both-trained`.
        rate: of modality dropout: the part of the complete training utterances that loses one modality.
    """

    mode: str
    rate: float

    @property
    def dropout(self) -> float:
        """The rate that is applied in training: 0 without modality dropout."""
        return self.rate if self.mode == BOTH_TRAINED else 0.0


@dataclass(frozen=True)
class MaskedKind:
    """The class of a head that is wrapped, as a run and a search construct it.

    Args:
        kind: the head's class.
        policy: of the run.
        seed: of the modality dropout.
    """

    kind: Any
    policy: MissingPolicy
    seed: int

    @property
    def SPACE(self) -> Mapping[str, Sequence[Any]]:  # noqa: N802, the name that a search reads
        """The values that a search draws from: those of the head."""
        space: Mapping[str, Sequence[Any]] = self.kind.SPACE
        return space

    def __call__(self, **params: Any) -> Any:
        """Construct the wrapped head, unfitted, with settings of the head."""
        return wrap_head(self.kind(**params), self.policy.dropout, self.seed)


def describe_policy(policy: MissingPolicy) -> str:
    """Describe what is done with utterances that lack a modality, as it is stated with figures."""
    text = "utterances that lack a modality stay, its columns filled with the training means beside an indicator"
    if not policy.dropout:
        return text
    return f"{text}; {100 * policy.dropout:g} % of the complete training utterances lose one (modality dropout)"


def draws_rows(policy: MissingPolicy | None) -> bool:
    """Tell whether modality dropout draws training rows, so that every head depends on the seed."""
    return policy is not None and policy.dropout > 0


def wrap_kind(kind: Any, policy: MissingPolicy | None, seed: int) -> Any:
    """Return the class of a head as a run constructs it: wrapped if there is a policy."""
    return kind if policy is None else MaskedKind(kind, policy, seed)


def list_policies(modes: Iterable[str], rate: float) -> list[MissingPolicy | None]:
    """List the policies of a benchmark, None for `drop`."""
    return [None if mode == DROP else MissingPolicy(mode, rate) for mode in modes]


def is_masking(modes: Sequence[str]) -> bool:
    """Tell whether utterances that lack a modality stay."""
    return tuple(modes) != (DROP,)


def check_modes(modes: Sequence[str], rate: float) -> None:
    """Check the values of `--missing` and `--modality-dropout`.

    Raises:
        BadValue: a mode is unknown, `drop` stands beside others, or the rate is not above 0 and at most 1.
    """
    if unknown := [mode for mode in modes if mode not in MODES]:
        raise BadValue(f"unknown value {unknown[0]!r} of --missing", expected=", ".join(MODES))
    if DROP in modes and len(modes) > 1:
        raise BadValue(
            "--missing drop cannot be compared with others: they test utterances that it leaves out",
            got=f"--missing {','.join(modes)}",
            do=f"--missing {MASK},{BOTH_TRAINED}; on utterances that lack nothing, {MASK} learns what {DROP} does",
        )
    if not 0 < rate <= 1:
        raise BadValue(f"invalid rate of modality dropout {rate:g}", expected="above 0 and at most 1, such as 0.5")
    if rate != DROPOUT and BOTH_TRAINED not in modes:
        raise BadValue(
            "--modality-dropout is a setting of --missing both-trained",
            got=f"--missing {','.join(modes)}",
            do=f"--missing {BOTH_TRAINED}, or leave --modality-dropout out",
        )
