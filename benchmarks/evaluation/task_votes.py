"""Read the votes on the utterances of a task: what each rater chose among its classes."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from benchmarks.evaluation.pair import Pair
from benchmarks.evaluation.source import FeatureSource
from featurestore import labels as schemes
from featurestore import registry
from featurestore.errors import Mismatch, format_count
from featurestore.manifest import list_column, map_column
from featurestore.votes import Choice, VoteCounts, VoteWords, read_choices, share_votes

_SHOWN = 6  # words in a line for the user

LabelMaps = Mapping[str, Mapping[str, str | None] | None]


@dataclass(frozen=True)
class TaskVotes:
    """The votes on the utterances that have a class.

    Args:
        choices: by id, the classes that each rater named, of the utterances with a rater.
        counts: what became of the votes.
    """

    choices: Mapping[str, tuple[Choice, ...]] = field(default_factory=dict)
    counts: VoteCounts = field(default_factory=VoteCounts)

    def share_all(self, ids: Collection[str]) -> dict[str, dict[str, float]]:
        """Return the shares of the utterances that have a vote for a class, by id."""
        return {one: share_votes(found) for one, found in self.select(ids).items()}

    def select(self, ids: Collection[str]) -> dict[str, tuple[Choice, ...]]:
        """Return the choices on some utterances that have a vote for a class, by id."""
        return {one: found for one in ids if any(found := self.choices.get(one, ()))}

    def check(self, option: str) -> None:
        """Check that there are votes for an option that needs them.

        Raises:
            Mismatch: no utterance has a vote for a class.
        """
        if not self.counts.rated:
            raise Mismatch(
                f"{option} needs votes, and no utterance has a vote for a class of the label scheme",
                expected='votes in the manifest, such as [{"rater": "r1", "labels": ["angry"]}]',
                got=", ".join(self._list_losses()) or "no utterance",
                do="leave the option out, or give the table a column votes and prepare it again",
            )

    def describe(self) -> str:
        """Write a line for the user about the votes that are used and those that are not."""
        counts = self.counts
        mean = counts.raters / counts.rated if counts.rated else 0
        used = f"votes: {format_count(counts.rated, 'utterance')} with {mean:.1f} raters on average"
        return "; ".join([used, *self._list_losses()])

    def _list_losses(self) -> Iterator[str]:
        counts = self.counts
        if counts.left_out:
            words = [f"{word} {count}" for word, count in counts.left_out.most_common()]
            more = f" and {len(words) - _SHOWN} other words" if len(words) > _SHOWN else ""
            yield f"votes for no class are left out: {', '.join(words[:_SHOWN])}{more}"
        if counts.own:
            yield f"{format_count(counts.own, 'vote')} on own speech left out"
        if counts.deaf:
            yield f"{format_count(counts.deaf, 'vote')} without the voice left out"
        for count, why in (
            (counts.without, "without votes"),
            (counts.no_class, "with votes for no class only"),
            (counts.unreadable, "with votes that cannot be read"),
        ):
            if count:
                yield f"{format_count(count, 'utterance')} {why}"


def collect_votes(store: FeatureSource, maps: LabelMaps, classes: Mapping[str, str]) -> TaskVotes:
    """Read the votes on the utterances that have a class.

    A vote for a class that no utterance is labelled with is a vote for no class.

    Args:
        store: features of one corpus, or a pair of stores.
        maps: the class of each label, by corpus or by side of the pair.
        classes: class by id.
    """
    if not any(list_column(store.utterances, "votes")):
        return TaskVotes(counts=VoteCounts(without=len(classes)))
    texts = map_column(store.utterances, "votes")
    labels = map_column(store.utterances, "label")
    counts = VoteCounts()
    choices: dict[str, tuple[Choice, ...]] = {}
    for prefix, corpus, owner in _list_sides(store):
        own = {one: texts[one] for one in classes if one.startswith(prefix)}
        words = _find_words(corpus, maps[owner], {labels[one] for one in own})
        choices |= read_choices(own, words, classes.values(), counts)
    return TaskVotes(choices, counts)


def _list_sides(store: FeatureSource) -> list[tuple[str, str, str]]:
    """List the prefix of the ids, the corpus and the name in the label maps, of a store or of both of a pair."""
    if isinstance(store, Pair):
        return [(f"{side}:", corpus, side) for side, corpus in store.corpora.items()]
    return [("", store.corpus, store.corpus)]


def _find_words(corpus: str, classes: Mapping[str, str | None] | None, labels: Collection[str]) -> VoteWords:
    kept = {label: label for label in labels} if classes is None else classes
    if corpus not in registry.names("corpora"):
        return VoteWords(kept)
    card = schemes.load_card(corpus)
    return VoteWords(kept, card.vote_codes, card.own_raters)
