"""Tell which checkpoints write down words, and check the language that Whisper is asked for."""

from collections.abc import Mapping
from typing import Any

from featurestore.errors import BadValue
from featurestore.known_names import check_known
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.vector_files import GENERATION
from featurestore.spec import RECOGNIZERS, TRANSCRIBE, Recognition
from featurestore.storage.json_files import find_object

# How the classes of transformers' networks end that spell clips by CTC, or generate text from them.
_ENDINGS = (
    ("ForCTC",),
    (
        *("WhisperForConditionalGeneration", "Speech2TextForConditionalGeneration"),
        *("MoonshineForConditionalGeneration", "ForSpeechToText"),
    ),
)
_DO = "use a checkpoint such as facebook/wav2vec2-base-960h or openai/whisper-small"


def choose_class(checkpoint: Checkpoint) -> str:
    """Return the class of encoder that writes down words with a checkpoint, one of `spec.RECOGNIZERS`.

    Raises:
        BadValue: it writes down no words, or phonemes.
    """
    saved = [str(name) for name in checkpoint.config().get("architectures") or []]
    tokenizer = find_object(checkpoint.folder / "tokenizer_config.json") or {}
    if "Phoneme" in str(tokenizer.get("tokenizer_class", "")):
        raise _refuse(checkpoint, "a vocabulary of phonemes")
    for kind, endings in zip(RECOGNIZERS, _ENDINGS, strict=True):
        if any(name.endswith(endings) for name in saved):
            return kind
    raise _refuse(checkpoint, f"architecture {', '.join(saved) or 'unknown'}")


def describe_request(checkpoint: Checkpoint, asked: Recognition) -> dict[str, str]:
    """Describe the language and the task that a network which generates text is asked for.

    Returns:
        entries of its description: none for a network with one language, else `language` (a code such as `en`, or
        empty to detect it in each clip) and `task`.

    Raises:
        BadValue: a language or a task, and the network has no choice of them, or not this one.
    """
    generation = find_object(checkpoint.folder / GENERATION) or {}
    codes = [str(token).strip("<|>") for token in generation.get("lang_to_id") or {}]
    if not codes:
        check_no_request(checkpoint, asked)
        return {}
    return {"language": _find_code(asked.language, codes) if asked.language else "", "task": asked.task}


def check_no_request(checkpoint: Checkpoint, asked: Recognition) -> None:
    """Check that nothing is asked of a network that has no choice of languages.

    Raises:
        BadValue: a language or a task is given.
    """
    given = [f"--language {asked.language}"] if asked.language else []
    given += [f"--task {asked.task}"] if asked.task != TRANSCRIBE else []
    if given:
        raise BadValue(
            f"checkpoint {checkpoint.name} has no choice of languages and tasks",
            expected="a multilingual Whisper",
            got=" ".join(given),
            do=f"leave {' and '.join(one.partition(' ')[0] for one in given)} out",
        )


def list_request(description: Mapping[str, Any]) -> dict[str, str]:
    """Return the arguments by which `generate` is asked for what a description says."""
    return {name: description[name] for name in ("language", "task") if description.get(name)}


def _find_code(language: str, codes: list[str]) -> str:
    """Find the code of a language that is given by its code or its English name."""
    from transformers.models.whisper.tokenization_whisper import TO_LANGUAGE_CODE

    code = str(TO_LANGUAGE_CODE.get(language.lower(), language.lower()))
    check_known(code, codes, what=f"language {language!r}", do="leave --language out to detect it in each clip")
    return code


def _refuse(checkpoint: Checkpoint, got: str) -> BadValue:
    return BadValue(
        f"checkpoint {checkpoint.name} does not write down words",
        expected="a network that spells by CTC (Wav2Vec2ForCTC, HubertForCTC, …) or generates text (Whisper)",
        got=got,
        do=_DO,
    )
