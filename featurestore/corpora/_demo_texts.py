"""Draw the demo's sentences from templates with slots, whose fillers carry no emotion."""

import numpy as np

LABELS = {
    "ang": "angry",
    "exc": "excited",
    "fru": "frustrated",
    "hap": "happy",
    "neu": "neutral",
    "sad": "sad",
}
TELLING = 0.55  # share of the sentences that express their emotion
STRAY = 0.1  # share of those that express the neighbouring emotion instead
NEIGHBOURS = {"ang": "fru", "fru": "ang", "hap": "exc", "exc": "hap", "sad": "neu", "neu": "sad"}
SLOTS = {
    "person": ("Anna", "John", "my sister", "your brother", "Maria", "Peter", "the doctor", "my boss", "Susan", "Tom"),
    "thing": ("the car", "the letter", "the house", "the ticket", "the phone", "the book", "the key", "the report"),
    "place": ("at work", "at home", "in town", "at the station", "in the kitchen", "at school", "by the door"),
    "time": ("today", "this morning", "last night", "again", "this week", "on Monday", "after lunch", "right now"),
}
TEMPLATES = {
    "ang": (
        "How dare you touch {thing} {time}",
        "I hate what {person} did {place}",
        "Get out and take {thing}",
        "Shut up about {person} {time}",
        "You lied to {person} {place}",
        "{person} makes me furious {time}",
        "Stop shouting at {person}",
        "Never insult {person} {place}",
    ),
    "exc": (
        "We won {thing} {time}",
        "Guess what, {person} said yes",
        "I can't wait to see {person} {time}",
        "Wow, look at {thing}",
        "This is amazing, {person} is {place}",
        "Hurry, the party is {place} {time}",
        "Unbelievable, I got {thing}",
        "It is the best day ever {place}",
    ),
    "fru": (
        "I have tried {thing} three times {time}",
        "Why does {person} never listen {place}",
        "Nothing works {place} {time}",
        "I keep asking about {thing}",
        "It is always the same with {person}",
        "How many forms for {thing}",
        "I am so tired of waiting {place}",
        "This is useless, ask {person}",
    ),
    "hap": (
        "I love having {person} {place}",
        "What a lovely smile from {person}",
        "I am so glad about {thing}",
        "It was wonderful {place} {time}",
        "{person} made me laugh {time}",
        "Thank you kindly for {thing}",
        "We had great fun {place}",
        "I enjoy being {place} {time}",
    ),
    "neu": (
        "Please sign for {thing} {time}",
        "The form is {place}",
        "Write down the number of {thing}",
        "The office opens {time}",
        "{person} needs your address",
        "The second line is {place}",
        "Take a seat, {person} is {place}",
        "Spell the name of {person}",
    ),
    "sad": (
        "I miss {person} so much {time}",
        "{person} died {time}",
        "I cried {place} {time}",
        "We lost {person} forever",
        "I feel alone {place} {time}",
        "It hurts to remember {person}",
        "Nobody cares for {person}",
        "The funeral was {time}",
    ),
}
OPEN = (
    "I saw {person} {place} {time}",
    "{person} has {thing}",
    "Did {person} bring {thing}",
    "So {thing} is {place}",
    "{person} called me {time}",
    "You were {place} {time}",
    "I talked to {person} about {thing}",
    "Well, {person} is here {time}",
    "Is {thing} {place} {time}",
    "They gave {thing} to {person}",
    "We are going with {person}",
    "That is what {person} said {time}",
)


def draw_sentence(label: str, random: np.random.Generator) -> str:
    """Draw a sentence for a label: a share `TELLING` expresses its emotion, the others fit any emotion."""
    templates: tuple[str, ...] = OPEN
    if random.random() < TELLING:
        templates = TEMPLATES[NEIGHBOURS[label] if random.random() < STRAY else label]
    template = templates[random.integers(len(templates))]
    words = template.format(**{slot: choices[random.integers(len(choices))] for slot, choices in SLOTS.items()})
    return f"{words[0].upper()}{words[1:]}."
