"""Write docs/architectures.md, the page of supported architectures."""

from collections.abc import Mapping

from featurestore.networks.supported_architectures import AUDIO, REASONS, TEXT, Architecture


def write_page() -> str:
    """Return the page in Markdown."""
    parts = [_HEAD]
    for title, known in (("Audio", AUDIO), ("Text", TEXT)):
        parts.append(f"## {title}\n")
        for architecture, text in _list_sections(known):
            names = ", ".join(f"`{name}`" for name in sorted(known) if known[name] == architecture)
            parts.append(f"{text}\n\n{names}\n")
    parts.append("## Refused\n")
    parts.append("Any architecture that is not named above is refused by name. Some of them:\n")
    parts.append("\n".join(f"- `{name}`: {reason}" for name, reason in sorted(REASONS.items())) + "\n")
    return "\n".join(parts)


_HEAD = """# Architectures

The `model_type` in a checkpoint's `config.json` names its architecture. Those below are tested: a small network of each
gives finite vectors, equal to a plain forward pass of transformers and independent of the rest of a batch.
`featurestore/networks/supported_architectures.py` holds the list, `architectures_page.py` beside it writes this page.
"""


def _list_sections(known: Mapping[str, Architecture]) -> list[tuple[Architecture, str]]:
    kinds = sorted(set(known.values()), key=lambda one: (one.encoder, one.causal, not one.batchable, not one.layers))
    return [(kind, _describe(kind)) for kind in kinds]


def _describe(architecture: Architecture) -> str:
    parts = ["The encoder of an encoder-decoder" if architecture.encoder else "The whole network"]
    parts.append("in masked batches" if architecture.batchable else "one input at a time")
    if architecture.causal:
        parts.append("causal, so without `cls`")
    if not architecture.layers:
        parts.append("without `--layers`")
    return ", ".join(parts) + ":"


if __name__ == "__main__":
    print(write_page(), end="")
