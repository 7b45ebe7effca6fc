"""Read corpora: one module each, which describes a corpus and reads its release.

A module of this package is a corpus: `featurestore.registry` finds it by its file, and plug-ins likewise. It defines,
in this order:

    CARD: CorpusCard                    title, licence, labels and label schemes
    LAYOUT: re.Pattern[str]             matches the names by which `cli prepare auto` recognizes the corpus: of clips
                                        without their suffix, of other files with it; left out if others have such names
    utterances(root) -> Reading         read the release in the folder `root`
    sample(folder) -> None              write a small release into an empty folder, for the contract tests

A reader leaves nothing out without a finding. A sample has the layout of a real release and made-up contents: a few
clips of noise, at least two labels of the default label scheme and at least three utterances of each.

There are two kinds of releases. In one the names of the clips say what an utterance is, as in `emodb.py`; other files
may add to it, as in `nemo.py`:

    read_named_clips(root, CARD, …)     read one utterance per clip
    find_folder(clip, names)            find which of these names a folder above a clip has
    add_listed(rows, listed, …)         add what a label file says about the clips

In the other a label file lists the utterances, as in `cmu_mosei.py`, or one per partition does, as in `resd.py`:

    ReleaseFiles(root, found)           list the files of a release, whatever the case and Unicode form of their names
    find_label_file(files, names, …)    find a label file
    has_tables(files, names)            return whether there is the label file of any partition
    read_tables(files, names, …)        read the label files of all partitions
    refuse_release(root, CARD, example) return the error about a folder that is no release
    keep_turn_order(rows, found)        leave out times that would put the turns of a dialogue into another order
    build_reading(files, rows, CARD, …) find the clip of each utterance and read its length

These help with both:

    FindingList()                       collect findings
    find_label_files(files, pattern, …) find label files of which there are several
    find_optional(files, name, …)       find a label file that a copy may lack, or report that it is missing
    read_rows(path, columns, found)     read the rows of a delimited file as dictionaries
    read_text(files, path, found)       read a text file, or report that it is unreadable
    read_texts(files, ids, found)       read the words of utterances that have a text file each
    decode_text(path)                   decode a text file in UTF-8, UTF-16, UTF-32 or cp1252, or raise NotFound
    decode_reported(path, found)        decode a text file, and report cp1252
    read_json_object(path)              read a JSON file
    get_text(entry, key)                get a text of a JSON object
    parse_number(text)                  parse a number, or return None
    parse_gender(text)                  parse female or male
    format_votes(votes)                 format what raters chose, for the column votes
    get_stem(path)                      return the name of a clip without its suffix
    normalize_name(name)                return a name as names are compared
    read_rates(root, rows)              read the sampling rate of every clip
    set_durations(root, rows)           read the length of every clip, and report those that are missing or unusable
    write_clip(path, number, rate)      write a clip of noise, for samples
    write_lines(path, lines)            write a text file, for samples

With `segments=True`, `set_durations` measures the segments from `start` to `end`; the `Reading` then says
`segments=True`, too. A card with `counts` makes missing utterances visible in a release whose files do not list them.

A corpus whose clips are no files yet, because they are in tables or on a server, also defines, before `utterances`,

    unpack(root, folder) -> Path        write them into `folder`, once, and return what `utterances` reads

A card whose raters choose from other words than the label codes gives the code of each word in `vote_codes`.

`root` is as the user gave it: a path or a name. `folder` is in the store. The same release is not unpacked again.

A format of the user's own data (`own=True` in its card) takes what `--column` says as a second argument,
`utterances(root, columns)`: the names of columns by manifest column.

A corpus that is generated also defines `default_root(store)`, the folder to generate it in, and `MARK`, the name of
the file that records a complete one.
"""

from featurestore.releases.clip_lengths import set_durations
from featurestore.releases.clip_rates import read_rates
from featurestore.releases.clip_texts import read_texts
from featurestore.releases.common_schemes import COMMON_SCHEMES, map_to_common
from featurestore.releases.finding_list import FindingList
from featurestore.releases.json_files import format_votes, get_text, read_json_object
from featurestore.releases.label_files import (
    decode_reported,
    find_label_file,
    find_label_files,
    find_optional,
    read_text,
)
from featurestore.releases.label_tables import has_tables, parse_gender, parse_number, read_rows, read_tables
from featurestore.releases.listed_clips import add_listed
from featurestore.releases.listed_utterances import build_reading
from featurestore.releases.named_clips import read_named_clips, refuse_release
from featurestore.releases.reading import FILE_NAMES, GIVEN, ROW_NUMBERS, CorpusCard, Finding, Published, Reading
from featurestore.releases.release_files import ReleaseFiles, find_folder, get_stem, normalize_name
from featurestore.releases.samples import write_clip, write_lines
from featurestore.releases.text_decoding import decode_text
from featurestore.releases.turn_order import keep_turn_order

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
    "add_listed",
    "build_reading",
    "decode_reported",
    "decode_text",
    "find_folder",
    "find_label_file",
    "find_label_files",
    "find_optional",
    "format_votes",
    "get_stem",
    "get_text",
    "has_tables",
    "keep_turn_order",
    "map_to_common",
    "normalize_name",
    "parse_gender",
    "parse_number",
    "read_json_object",
    "read_named_clips",
    "read_rates",
    "read_rows",
    "read_tables",
    "read_text",
    "read_texts",
    "refuse_release",
    "set_durations",
    "write_clip",
    "write_lines",
]
