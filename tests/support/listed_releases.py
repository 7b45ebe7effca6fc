"""Write releases whose label files list the utterances, and look at what is read from them."""

import csv
import itertools

from featurestore import registry


def write_sample(corpus, folder):
    """Write the sample release of a corpus, and return its folder."""
    registry.module("corpora", corpus).sample(folder)
    return folder


def write_table(path, columns, rows):
    """Write a delimited file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def edit(path, old, new, encoding="utf-8"):
    """Replace a part of a text file that occurs once."""
    text = path.read_text("utf-8")
    assert text.count(old) == 1, text.count(old)
    path.write_bytes(text.replace(old, new).encode(encoding))


def repeat(counts):
    """Yield each key as many times as its count says."""
    return itertools.chain.from_iterable([key] * count for key, count in counts.items())


def list_findings(reading):
    """Return the places of each finding by what it is."""
    return {finding.what: finding.where for finding in reading.findings}


def by_id(reading):
    """Return the utterances by id."""
    return {row.id: row for row in reading.utterances}
