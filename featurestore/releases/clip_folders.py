"""Find what the folders above a clip say, in corpora whose file names do not say everything."""

from collections.abc import Iterable
from pathlib import PurePosixPath


def find_folder(clip: str, names: Iterable[str]) -> str:
    """Return the name that the nearest folder above a clip has, or an empty text if none has one.

    A folder has a name whatever its case, and if it begins with the name and an underscore.

    Args:
        clip: its path relative to the folder of the release.
        names: to look for.

    >>> find_folder("Release/BEA_Amused/amused_1-28_0001.wav", ["bea", "sam"])
    'bea'
    """
    known = {name.lower(): name for name in names}
    folders = (folder.lower().partition("_")[0] for folder in reversed(PurePosixPath(clip).parent.parts))
    return next((known[folder] for folder in folders if folder in known), "")
