"""Read corpora: one module each, which describes a corpus and reads its release.

A module of this package is a corpus: `featurestore.registry` finds it by its file, and plug-ins likewise. It defines:

    CARD: CorpusCard                    title, licence, labels and label schemes
    utterances(root) -> Reading         read the release in the folder `root`
    sample(folder) -> None              write a small release into an empty folder, for the contract tests

A reader leaves nothing out without a finding. Two functions help:

    set_durations(root, rows)           read the length of every clip, and report those that are missing or unusable
    decode_text(path)                   decode a text file in UTF-8, UTF-16, UTF-32 or cp1252

With `segments=True`, `set_durations` measures the segments from `start` to `end`; the `Reading` then says
`segments=True`, too. A card with `counts` makes missing utterances visible in a release whose files do not list them.

A sample has the layout of a real release and made-up contents: a few clips of noise, at least two labels of the
default label scheme and at least three utterances of each. The function imports numpy and soundfile itself.

A corpus that is generated also defines `default_root(store)`, the folder to generate it in, and `MARK`, the name of
the file that records a complete one.
"""

from featurestore.corpora._clip_lengths import set_durations
from featurestore.corpora._reading import FILE_NAMES, GIVEN, ROW_NUMBERS, CorpusCard, Finding, Published, Reading
from featurestore.corpora._text_decoding import decode_text

__all__ = [
    "FILE_NAMES",
    "GIVEN",
    "ROW_NUMBERS",
    "CorpusCard",
    "Finding",
    "Published",
    "Reading",
    "decode_text",
    "set_durations",
]
