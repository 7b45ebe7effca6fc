"""Check that the input of a prediction holds what a bundle reads: audio, a transcript, or a table's columns."""

from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from featurestore.errors import BadValue
from featurestore.masked_heads import NAMES


def check_choice(audio: str | Path | None, text: str | None, table: str | Path | None) -> None:
    """Check that there is either one utterance or a table to predict.

    Raises:
        BadValue: there is neither, or both.
    """
    is_utterance = audio is not None or text is not None
    if table is None and not is_utterance:
        raise BadValue("nothing to predict", do="pass --audio and --text, or --table")
    if table is not None and is_utterance:
        raise BadValue("both a table and an utterance to predict", do="pass either --table, or --audio and --text")


def check_utterance(
    needed: AbstractSet[str], audio: str | Path | None, text: str | None, optional: Collection[str] = ()
) -> None:
    """Check that one utterance holds what a bundle reads.

    Args:
        needed: the modalities that the bundle reads, `audio` and `text`.
        audio: path of the clip.
        text: the transcript.
        optional: the modalities that the bundle can do without, one at a time.

    Raises:
        BadValue: the clip or the transcript is missing.
    """
    given = {modality for modality, there in (("audio", audio), ("text", (text or "").strip())) if there}
    if needed & given:
        needed = needed - set(optional)
    elif needed <= set(optional):
        raise BadValue("this bundle needs audio or a transcript", do="pass --audio FILE, --text TEXT, or both")
    if "audio" in needed and not audio:
        raise BadValue("this bundle needs audio", do="pass --audio FILE")
    if "text" in needed and not (text or "").strip():
        raise BadValue("this bundle needs a transcript", do="pass --text 'what is said in the clip'")


def check_columns(
    needed: AbstractSet[str],
    columns: AbstractSet[str],
    header: Sequence[str],
    table: Path,
    optional: Collection[str] = (),
) -> None:
    """Check that a table has the columns that a bundle reads.

    Args:
        needed: the modalities that the bundle reads, `audio` and `text`.
        columns: the manifest columns that the table has.
        header: the columns of the table, as the file calls them.
        table: path of the table.
        optional: the modalities that the bundle can do without, one at a time.

    Raises:
        BadValue: a column is missing.
    """
    missing = sorted(needed - columns - set(optional if needed & columns else ()))
    if missing:
        names = " and ".join(NAMES[modality] for modality in missing)
        raise BadValue(
            f"this bundle needs {names}, and {table} has no column {' or '.join(missing)}",
            got=f"columns {', '.join(header)}",
            do=f"say which column holds it: {' '.join(f'--column {modality}=NAME' for modality in missing)}",
        )


def list_unread(needed: AbstractSet[str], audio: str | Path | None, text: str | None) -> list[str]:
    """List, in lines for the user, what was given and the bundle does not read."""
    given = [modality for modality, value in (("audio", audio), ("text", text)) if value is not None]
    used = " and ".join(sorted(needed))
    return [f"--{name} is ignored: this bundle reads only {used}" for name in given if name not in needed]
