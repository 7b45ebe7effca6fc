"""Read the votes of raters, and map each to the classes of a label scheme."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Choice = tuple[str, ...]  # the classes that a rater named, each once; empty where none of them is kept
_UNREADABLE = (ValueError, TypeError, RecursionError)  # what reading damaged votes raises


@dataclass(frozen=True)
class VoteWords:
    """The words of raters, and the classes that they stand for.

    Args:
        classes: class of each label code; None for a code that is left out.
        codes: label code of each word that raters choose from, where the words are not the codes.
        own_raters: regular expression of raters who judge their own speech; empty where there are none.
    """

    classes: Mapping[str, str | None]
    codes: Mapping[str, str] = field(default_factory=dict)
    own_raters: str = ""

    def make_lookup(self) -> Callable[[str], str | None]:
        """Return a function that finds the class of a word, whatever its case: None where there is none."""
        known = {_fold(code): value for code, value in self.classes.items()}
        known |= {_fold(word): self.classes[code] for word, code in self.codes.items() if code in self.classes}
        return lambda word: self.classes[word] if word in self.classes else known.get(_fold(word))


@dataclass
class VoteCounts:
    """What became of the votes on some utterances.

    Args:
        rated: utterances with a vote for a class.
        raters: raters of these who voted for a class.
        without: utterances without votes.
        no_class: utterances whose votes are all for no class.
        unreadable: utterances whose votes cannot be read.
        left_out: votes for no class, by the rater's word.
        deaf: votes of raters who did not hear the voice.
        own: votes of raters on their own speech.
    """

    rated: int = 0
    raters: int = 0
    without: int = 0
    no_class: int = 0
    unreadable: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    deaf: int = 0
    own: int = 0


def read_choices(
    votes: Mapping[str, str], words: VoteWords, kept: Iterable[str], counts: VoteCounts
) -> dict[str, tuple[Choice, ...]]:
    """Read what each rater of each utterance chose.

    Votes of raters who only saw the face, and those on one's own speech, are not counted: labels are of what others
    hear.

    Args:
        votes: the manifest's `votes` by id: a JSON list of votes, each an object with `labels`, or one word.
        words: the words of the raters.
        kept: classes; a vote for another one is for no class.
        counts: is added to.

    Returns:
        By id a choice for each rater, of the utterances with at least one rater.
    """
    find, classes = words.make_lookup(), set(kept)
    found: dict[str, tuple[Choice, ...]] = {}
    for utterance_id, text in votes.items():
        named = _list_named(text, words.own_raters, counts)
        if not named:
            continue
        choices = []
        for labels in named:
            of_word = {label: one if (one := find(label)) in classes else None for label in labels}
            counts.left_out.update(label for label, one in of_word.items() if one is None)
            choices.append(tuple(sorted({one for one in of_word.values() if one is not None})))
        found[utterance_id] = tuple(choices)
        counts.rated += any(choices)
        counts.raters += sum(map(bool, choices))
        counts.no_class += not any(choices)
    return found


def can_read(text: str) -> bool:
    """Return whether the votes on an utterance can be read. No votes can.

    >>> can_read('["angry", "sad"]'), can_read("angry, sad"), can_read("")
    (True, False, True)
    """
    try:
        _read_entries(text or "[]")
    except _UNREADABLE:
        return False
    return True


def share_votes(choices: Iterable[Choice]) -> dict[str, float]:
    """Return the share of the votes that each class has, by class.

    Each rater who chose a class counts once. Several classes of one rater share this vote evenly. It is empty where no
    rater chose a class.

    >>> share_votes([("angry",), ("angry", "sad"), ()])
    {'angry': 0.75, 'sad': 0.25}
    """
    chosen = [choice for choice in choices if choice]
    counts: dict[str, float] = {}
    for choice in chosen:
        for name in choice:
            counts[name] = counts.get(name, 0.0) + 1 / len(choice)
    return {name: counts[name] / len(chosen) for name in sorted(counts)}


def find_winner(choices: tuple[Choice, ...]) -> tuple[str, float]:
    """Return the class with the most votes, the first by name of equals, and its share of all raters.

    A rater who chose no class counts in the share. Without a class the name is empty and the share 0.

    >>> find_winner((("angry",), ("angry",), ("sad",), ()))
    ('angry', 0.5)
    """
    shares = share_votes(choices)
    if not shares:
        return "", 0.0
    winner = max(shares, key=lambda name: shares[name])
    return winner, shares[winner] * sum(map(bool, choices)) / len(choices)


def _list_named(text: str, own_raters: str, counts: VoteCounts) -> list[list[str]]:
    """List the words of each rater who listened to another's voice and named any."""
    if not text:
        counts.without += 1
        return []
    try:
        entries = _read_entries(text)
    except _UNREADABLE:
        counts.unreadable += 1
        return []
    named = []
    for rater, labels, presented in entries:
        if not labels:
            continue
        is_deaf = presented == "face"
        is_own = not is_deaf and bool(own_raters) and re.fullmatch(own_raters, rater) is not None
        counts.deaf += is_deaf
        counts.own += is_own
        named += [] if is_deaf or is_own else [labels]
    counts.without += not named
    return named


def _read_entries(text: str) -> list[tuple[str, list[str], str]]:
    """Return the rater, the words and what was presented, of each vote.

    Raises:
        ValueError: the text is not JSON.
        TypeError: it is not a list of votes.
    """
    votes = json.loads(text)
    if not isinstance(votes, list):
        raise TypeError("votes are a list")
    return [_read_vote(vote) for vote in votes]


def _read_vote(vote: Any) -> tuple[str, list[str], str]:
    """Return the rater, the words and what was presented, of an object or of a single word.

    Raises:
        TypeError: it is something else.
    """
    if isinstance(vote, str):
        return "", [vote] if vote.strip() else [], ""
    labels = vote.get("labels", []) if isinstance(vote, dict) else None
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise TypeError("a vote is an object with a list of labels")
    return str(vote.get("rater", "")), labels, str(vote.get("presented", ""))


def _fold(word: str) -> str:
    return " ".join(word.casefold().split())
