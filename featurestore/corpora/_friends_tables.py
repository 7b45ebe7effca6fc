"""Read the cells of label files of corpora of the series Friends."""

import re
from collections.abc import Mapping

_LEADS = {
    **dict.fromkeys(("Chandler", "Chandler Bing", "Joey", "Joey Tribbiani", "Ross", "Ross Geller"), "M"),
    **dict.fromkeys(("Monica", "Monica Geller", "Phoebe", "Phoebe Buffay", "Rachel", "Rachel Green"), "F"),
}
_TIME = re.compile(r"(?P<hours>\d+):(?P<minutes>\d\d?):(?P<seconds>\d\d?(?:[.,]\d+)?)")


def parse_time(text: str) -> float | None:
    """Return a time of an episode in seconds, or None if the text is not one.

    >>> parse_time("0:36:59,425"), parse_time("00:00:03.795"), parse_time("")
    (2219.425, 3.795, None)
    """
    match = _TIME.fullmatch(text)
    if not match:
        return None
    seconds = 3600 * int(match["hours"]) + 60 * int(match["minutes"]) + float(match["seconds"].replace(",", "."))
    return round(seconds, 3)


def find_gender(speaker: str) -> str:
    """Return the gender of one of the six leads, or an empty text."""
    return _LEADS.get(speaker, "")


def name_episode(row: Mapping[str, str]) -> str:
    """Return season and episode of a turn, such as `s08e21`."""
    return f"s{row['Season']:0>2}e{row['Episode']:0>2}"
