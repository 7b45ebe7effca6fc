"""Write files of features as other programs do."""

import csv
import json
import pickle

import h5py
import numpy as np

from featurestore.manifest import Utterance
from tests.support import tiny

IDS = [f"u{number}" for number in range(6)]


def make_store(folder, ids=IDS, **columns):
    """Write a store of utterances with texts, three classes and two speakers."""
    rows = [
        Utterance(
            one, text=f"words {one}", label=("ang", "sad", "neu")[number % 3], speaker=f"S{number % 2}", **columns
        )
        for number, one in enumerate(ids)
    ]
    return tiny.store(folder / "store", rows, folder)


def draw(rows=6, width=4, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width)).astype(np.float32)


def draw_frames(lengths=(3, 1, 4, 2, 5, 2), width=4, seed=0):
    return [draw(length, width, seed + number) for number, length in enumerate(lengths)]


def write_ids(path, ids):
    path.write_text("\n".join(ids) + "\n", "utf-8")
    return path


def write_npy(folder, ids, values):
    """Return the file and the options of its import."""
    np.save(folder / "f.npy", values)
    return folder / "f.npy", {"ids": write_ids(folder / "ids.txt", ids)}


def write_npz(folder, ids, values):
    np.savez(folder / "f.npz", id=np.array(ids), value=values)
    return folder / "f.npz", {}


def write_compressed(folder, ids, values):
    np.savez_compressed(
        folder / "f.npz", ids=np.array(ids, "S9"), X=np.asfortranarray(values), label=np.arange(len(ids))
    )
    return folder / "f.npz", {}


def write_archive_by_id(folder, ids, values):
    np.savez(folder / "f.npz", **dict(zip(ids, values, strict=True)))
    return folder / "f.npz", {}


def write_csv(folder, ids, values, delimiter=","):
    with (folder / "f.csv").open("w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["name", "note", *(f"F{column}" for column in range(values.shape[1])), "label"])
        for one, row in zip(ids, values, strict=True):
            writer.writerow([one, "text", *map(float, row), 1])
    return folder / "f.csv", {}


def write_semicolons(folder, ids, values):
    return write_csv(folder, [f"'{one}'" for one in ids], values, ";")


def write_lists(folder, ids, values):
    with (folder / "f.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "vector"])
        writer.writerows([one, json.dumps(row.astype(float).tolist())] for one, row in zip(ids, values, strict=True))
    return folder / "f.csv", {}


def write_parquet(folder, ids, values):
    import pandas

    frame = pandas.DataFrame(values, columns=[f"F{column}" for column in range(values.shape[1])])
    frame.insert(0, "id", ids)
    frame.to_parquet(folder / "f.parquet")
    return folder / "f.parquet", {}


def write_parquet_index(folder, ids, values):
    import pandas

    frame = pandas.DataFrame(values, index=list(ids), columns=[f"F{column}" for column in range(values.shape[1])])
    frame.to_parquet(folder / "f.parquet")
    return folder / "f.parquet", {}


def write_parquet_lists(folder, ids, values):
    import pandas

    pandas.DataFrame({"file": ids, "vector": list(values), "label": 1}).to_parquet(folder / "f.parquet")
    return folder / "f.parquet", {}


def write_hdf5(folder, ids, values):
    with h5py.File(folder / "f.h5", "w") as file:
        file["id"] = np.array(ids, h5py.string_dtype())
        file.create_dataset("group/value", data=values, chunks=True, compression="gzip")
    return folder / "f.h5", {}


def write_hdf5_by_id(folder, ids, values):
    with h5py.File(folder / "f.h5", "w") as file:
        for one, row in zip(ids, values, strict=True):
            file[one] = row
    return folder / "f.h5", {}


def write_pickle_by_id(folder, ids, values):
    (folder / "f.pkl").write_bytes(pickle.dumps(dict(zip(ids, values, strict=True))))
    return folder / "f.pkl", {}


def write_pickle_lists(folder, ids, values):
    (folder / "f.pkl").write_bytes(pickle.dumps({"id": list(ids), "x": values.astype(float).tolist()}, 2))
    return folder / "f.pkl", {}


def write_pickle_array(folder, ids, values):
    (folder / "f.pkl").write_bytes(pickle.dumps(values))
    return folder / "f.pkl", {"ids": write_ids(folder / "ids.txt", ids)}


def write_iemocap(folder, ids, values):
    """Write the layout of declare-lab's `IEMOCAP_features.pkl`, two dialogues of which the second is first."""
    half = len(ids) // 2
    dialogues = {"d2": (ids[half:], values[half:]), "d1": (ids[:half], values[:half])}
    names = {one: list(found) for one, (found, _) in dialogues.items()}
    audio = {one: list(rows) for one, (_, rows) in dialogues.items()}
    other = {one: [row[:2] for row in rows] for one, rows in audio.items()}
    speakers = {one: ["M"] * len(rows) for one, rows in names.items()}
    content = (names, speakers, speakers, other, audio, other, speakers, ["d2"], ["d1"])
    (folder / "f.pkl").write_bytes(pickle.dumps(content, 2))
    return folder / "f.pkl", {"array": "audio"}


VECTORS = [value for name, value in list(globals().items()) if name.startswith("write_") and name != "write_ids"]


def write_npz_frames(folder, ids, rows):
    offsets = np.cumsum([0, *map(len, rows)])
    np.savez(folder / "f.npz", id=np.array(ids), value=np.concatenate(rows), offset=offsets)
    return folder / "f.npz", {}


def write_npz_padded(folder, ids, rows):
    lengths = [len(row) for row in rows]
    np.savez(folder / "f.npz", id=np.array(ids), X=pad(rows), lengths=np.array(lengths))
    return folder / "f.npz", {}


def write_archive_of_frames(folder, ids, rows):
    return write_archive_by_id(folder, ids, rows)


def write_csv_frames(folder, ids, rows):
    """Write a row for each frame, as openSMILE's low-level descriptors."""
    path, _ = write_csv(folder, [one for one, row in zip(ids, rows, strict=True) for _ in row], np.concatenate(rows))
    return path, {"kind": "frames"}


def write_parquet_frames(folder, ids, rows):
    import pandas

    pandas.DataFrame({"id": ids, "frames": [row.tolist() for row in rows]}).to_parquet(folder / "f.parquet")
    return folder / "f.parquet", {}


def write_hdf5_frames(folder, ids, rows):
    return write_hdf5_by_id(folder, ids, rows)


def write_pickle_frames(folder, ids, rows):
    return write_pickle_by_id(folder, ids, rows)


def write_mmsa(folder, ids, rows):
    """Write the layout of MMSA-FET: padded arrays by split, with lengths."""
    parts = {"train": slice(0, 3), "valid": slice(3, 4), "test": slice(4, None)}
    content = {}
    for name, part in parts.items():
        padded = pad(rows[part])
        lengths = [len(row) for row in rows[part]]
        mask = np.arange(padded.shape[1]) < np.array(lengths)[:, None]
        content[name] = {
            "raw_text": ["x"] * len(lengths),
            "id": list(ids[part]),
            "audio": padded,
            "audio_lengths": lengths,
            "text": padded + 1,
            "text_bert": np.stack([mask * 7.0, mask * 1.0, mask * 0.0], axis=1),
            "annotations": ["Neutral"] * len(lengths),
        }
    (folder / "f.pkl").write_bytes(pickle.dumps(content))
    return folder / "f.pkl", {"array": "audio"}


FRAMES = [
    *(write_npz_frames, write_npz_padded, write_archive_of_frames, write_csv_frames, write_parquet_frames),
    *(write_hdf5_frames, write_pickle_frames, write_mmsa),
]


def pad(rows):
    out = np.zeros((len(rows), max(map(len, rows)), rows[0].shape[1]), np.float32)
    for number, row in enumerate(rows):
        out[number, : len(row)] = row
    return out
