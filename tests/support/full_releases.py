"""Write the names of a full release, without sound, and read it as if every clip lasted a second."""

import os

from featurestore import registry
from featurestore.labels import load_card
from featurestore.preparation.corpus_findings import compare_counts
from featurestore.releases import clip_lengths, clip_rates, release_files


def write_names(root, names):
    """Write empty files."""
    made = set()
    for name in names:
        folder, _, last = name.rpartition("/")
        if folder not in made:
            (root / folder).mkdir(parents=True, exist_ok=True)
            made.add(folder)
        os.close(os.open(f"{root}/{folder}/{last}", os.O_CREAT | os.O_WRONLY))  # ten thousands: `Path` is slow


def write_lines(path, lines):
    """Write a label file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="")


def read_full(monkeypatch, corpus, root):
    """Read a release whose clips are empty files."""

    def read_length(path):
        return clip_lengths.ClipLength(1.0 if os.path.exists(path) else None)

    monkeypatch.setattr(clip_lengths, "_read_length", read_length)
    return registry.module("corpora", corpus).utterances(root)


def read_names(monkeypatch, corpus, root, names):
    """Read a release of the files in a folder and of clips that are names alone, which is faster than empty files."""
    walk, clips = release_files._walk, tuple(names)
    monkeypatch.setattr(release_files, "_walk", lambda folder, found: (*walk(folder, found), *clips))
    monkeypatch.setattr(clip_lengths, "_read_length", lambda path: clip_lengths.ClipLength(1.0))
    monkeypatch.setattr(clip_rates, "_read_rate", lambda path: 0)
    return registry.module("corpora", corpus).utterances(root)


def collect_findings(reading):
    """Return the places of each finding, by its description up to the first comma."""
    return {finding.what.partition(",")[0]: finding.where for finding in reading.findings}


def check_counts(corpus, reading):
    """Check that all known counts of a full release are met."""
    assert [finding.where for finding in compare_counts(reading.utterances, load_card(corpus))] == []


def list_findings(reading):
    """Return the places of each finding by its text."""
    return {finding.what: finding.where for finding in reading.findings}
