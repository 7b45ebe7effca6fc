"""Join the parts of a corpus that others keep in a file or folder each: training, dev and test."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from featurestore.releases.finding_list import FindingList

_CLASHING = "ids that several parts have; all ids now begin with the name of their part"


def join_parts(parts: Mapping[str, Iterable[Mapping[str, object]]], found: FindingList) -> list[dict[str, object]]:
    """Return the rows of all parts, each with its `partition` if there are several parts.

    An id that stands in several parts would not be unique. All ids then begin with the name of their part.

    Args:
        parts: rows by name of the part, in order.
        found: receives the findings.
    """
    several = len(parts) > 1
    rows = [{**row, **({"partition": name} if several else {})} for name, own in parts.items() for row in own]
    owners: dict[object, set[object]] = defaultdict(set)
    for row in rows:
        if row.get("id"):
            owners[row["id"]].add(row.get("partition"))
    clashing = [utterance_id for utterance_id, names in owners.items() if len(names) > 1]
    found.add(_CLASHING, clashing)
    return [{**row, "id": f"{row['partition']}_{row['id']}"} if clashing and row.get("id") else row for row in rows]
