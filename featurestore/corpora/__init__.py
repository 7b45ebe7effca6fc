"""Read corpora: one module each, which describes a corpus and reads its release.

A module of this package is a corpus: `featurestore.registry` finds it by its file, and plug-ins likewise. It defines:

    CARD: CorpusCard                    title, licence, labels and label schemes
    utterances(root) -> Reading         read the release in the folder `root`
    sample(folder) -> None              write a small release into an empty folder, for the contract tests

    LAYOUT: re.Pattern[str]             name without suffix of the clips, or name of a file that only this corpus has

A reader leaves nothing out without a finding. These help:

    read_named_clips(root, CARD, …)     read a corpus whose file names say everything: `emodb.py`, `ravdess.py`
    find_folder(clip, names)            find which of these names a folder above a clip has
    ReleaseFiles(root, found)           list the files of a release, whatever the case and Unicode form of their names
    read_rows(path, columns, found)     read the rows of a delimited file as dictionaries
    FindingList()                       collect findings
    find_optional(files, name, …)       find a file that a copy may lack, or report that it is missing
    read_text(files, path, found)       read a text file, or report that it is unreadable
    read_rates(root, rows)              read the sampling rate of every clip
    set_durations(root, rows)           read the length of every clip, and report those that are missing or unusable
    decode_text(path)                   decode a text file in UTF-8, UTF-16, UTF-32 or cp1252
    write_clip(path, number, rate)      write a clip of noise, for samples

With `segments=True`, `set_durations` measures the segments from `start` to `end`; the `Reading` then says
`segments=True`, too. A card with `counts` makes missing utterances visible in a release whose files do not list them.

A sample has the layout of a real release and made-up contents: a few clips of noise, at least two labels of the
default label scheme and at least three utterances of each.

A corpus whose clips are no files yet, because they are in tables or on a server, also defines

    unpack(root, folder) -> Path        write them into `folder`, once, and return what `utterances` reads

`root` is as the user gave it: a path or a name. `folder` is in the store. The same release is not unpacked again.

A corpus that is generated also defines `default_root(store)`, the folder to generate it in, and `MARK`, the name of
the file that records a complete one.
"""

from featurestore.releases.clip_folders import find_folder
from featurestore.releases.clip_lengths import set_durations
from featurestore.releases.clip_rates import read_rates
from featurestore.releases.common_schemes import COMMON_SCHEMES, map_to_common
from featurestore.releases.finding_list import FindingList
from featurestore.releases.label_tables import read_rows
from featurestore.releases.named_clips import read_named_clips, refuse_release
from featurestore.releases.optional_files import find_optional, read_text
from featurestore.releases.reading import FILE_NAMES, GIVEN, ROW_NUMBERS, CorpusCard, Finding, Published, Reading
from featurestore.releases.release_files import ReleaseFiles, normalize_name
from featurestore.releases.sample_clips import write_clip
from featurestore.releases.text_decoding import decode_text

__all__ = [
    "COMMON_SCHEMES",
    "FILE_NAMES",
    "GIVEN",
    "ROW_NUMBERS",
    "CorpusCard",
    "Finding",
    "FindingList",
    "Published",
    "Reading",
    "ReleaseFiles",
    "decode_text",
    "find_folder",
    "find_optional",
    "map_to_common",
    "normalize_name",
    "read_named_clips",
    "read_rates",
    "read_rows",
    "read_text",
    "refuse_release",
    "set_durations",
    "write_clip",
]
