"""Every family of checkpoint cards keeps the same contract."""

import re

import pytest

from featurestore import registry
from featurestore.checkpoints import USES, CheckpointCard
from featurestore.known_training import find_cards, list_cards

FAMILIES = registry.names("checkpoints")
ALL = [card for cards in list_cards().values() for card in cards]


def simplify(corpus):
    return re.sub(r"[^a-z0-9]", "", corpus.lower())


@pytest.fixture(params=FAMILIES)
def cards(request):
    return registry.module("checkpoints", request.param).CARDS


def test_every_card_is_complete_and_names_its_source(cards):
    assert cards
    for card in cards:
        assert isinstance(card, CheckpointCard)
        assert card.title
        assert card.names
        assert card.training
        for source in (card.source, *(one.source or card.source for one in card.training)):
            assert re.fullmatch(r"https://[\w./#-]+", source), card.title


def test_every_corpus_has_a_known_use_and_is_named_once(cards):
    for card in cards:
        assert {one.use for one in card.training} <= set(USES), card.title
        named = [(simplify(one.corpus), one.use) for one in card.training]
        assert len(named) == len(set(named)), card.title
        for one in card.training:
            assert all(part == part.lower() and one.covers(f"{part.title()}1") for part in one.partitions)


def test_every_name_is_a_hub_name_and_leads_to_this_card_alone(cards):
    for card in cards:
        for pattern in card.names:
            name = pattern.replace("*", "x")
            assert re.fullmatch(r"\w[\w.-]*(/[\w.-]+)?", name)
            assert [found for checkpoint, found in find_cards(name) if checkpoint == name] == [card]


def test_every_start_has_a_card_and_does_not_lead_back(cards):
    for card in cards:
        chain = find_cards(card.names[0].replace("*", "x"))
        assert len(chain) == len({id(found) for _, found in chain}), card.title
        for _, found in chain:
            assert not found.start or found.start in [checkpoint for checkpoint, _ in chain], card.title


def test_a_corpus_has_the_same_spelling_everywhere_and_that_of_its_reader():
    spellings = {}
    for corpus in [*registry.names("corpora"), *(one.corpus for card in ALL for one in card.training)]:
        spellings.setdefault(simplify(corpus), set()).add(corpus)
    assert not {names for names in map(frozenset, spellings.values()) if len(names) > 1}
