"""Write an IEMOCAP release with made-up contents: a small one with every irregularity, or one of full size."""

import itertools
import random
import struct
from collections import defaultdict
from dataclasses import dataclass

HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]"
VOTES = """C-E2:\tNeutral;\t()
C-E3:\tAnger; Frustration;\t()
C-E4:\t;\t()
C-F1:\tNeutral;\t(curious)
A-E3:\tval 3; act 2; dom  2;\t()
A-E4:\tval 2; act 3; dom  ;\t(a (short) note)
A-F1:\tval  ; act  ; dom  ;\t()"""
READ_VOTES = [
    {"rater": "C-E2", "labels": ["Neutral"]},
    {"rater": "C-E3", "labels": ["Anger", "Frustration"]},
    {"rater": "C-E4", "labels": []},
    {"rater": "C-F1", "labels": ["Neutral"], "comment": "curious"},
    {"rater": "A-E3", "val": 3, "act": 2, "dom": 2},
    {"rater": "A-E4", "val": 2, "act": 3, "dom": None, "comment": "a (short) note"},
    {"rater": "A-F1", "val": None, "act": None, "dom": None},
]


@dataclass(frozen=True)
class Turn:
    id: str
    label: str
    text: str = "Excuse me."
    start: float = 6.2901
    end: float = 8.2357
    ratings: tuple[float, float, float] = (2.5, 2.5, 2.5)

    @property
    def dialogue(self):
        return self.id.rpartition("_")[0]


def wav(samples=160):
    """Return the bytes of a silent clip: 16 kHz, mono, 16 bit."""
    size = 2 * samples
    form = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16)
    return form + struct.pack("<4sI", b"data", size) + bytes(size)


def write(root, turns):
    """Write a regular release."""
    dialogues = defaultdict(list)
    for turn in turns:
        dialogues[turn.dialogue].append(turn)
    for name, spoken in dialogues.items():
        session = root / f"Session{int(name[3:5])}"
        evaluations = "\n".join([HEADER, "", *(f"{evaluation(turn)}\n" for turn in spoken)])
        put(session / f"dialog/EmoEvaluation/{name}.txt", evaluations)
        put(session / f"dialog/transcriptions/{name}.txt", "".join(f"{line(turn)}\n" for turn in spoken))
        for turn in spoken:
            put(session / f"sentences/wav/{name}/{turn.id}.wav", wav())
    return root


def evaluation(turn):
    ratings = ", ".join(f"{value:.4f}" for value in turn.ratings)
    return f"[{turn.start:.4f} - {turn.end:.4f}]\t{turn.id}\t{turn.label}\t[{ratings}]\n{VOTES}"


def line(turn, shift=0.0):
    return f"{turn.id} [{turn.start + shift:08.4f}-{turn.end + shift:08.4f}]: {turn.text}"


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


SMALL = (
    Turn("Ses01F_impro01_F000", "neu"),
    Turn("Ses01F_impro01_M000", "ang", "What’s that?", 8.5, 9.75),
    Turn("Ses01F_impro01_F001", "xxx", "[LAUGHTER]", 10.0, 11.0, (5.5, 3.0, 0.5)),
    Turn("Ses01M_script01_1_F000", "fru"),
    Turn("Ses01M_script01_1_M000", "exc", "Café."),
    Turn("Ses03M_impro05a_F000", "hap"),
    Turn("Ses03M_impro05b_M000", "sad"),
    Turn("Ses05M_script01_1b_M012", "sur"),
    Turn("Ses05M_script01_1b_F012", "oth"),
)


def small(root):
    """Write a release of nine turns in three sessions with every irregularity of real copies."""
    write(root, SMALL)
    one, three, five = (root / f"Session{number}" for number in (1, 3, 5))
    _write_other_files(one)
    script = one / "dialog/EmoEvaluation/Ses01M_script01_1.txt"
    script.write_bytes(b"\xef\xbb\xbf" + script.read_bytes().replace(b"\n", b"\r\n"))
    spoken = [SMALL[1], SMALL[0], SMALL[2]]
    lines = [line(spoken[0], 0.0001), "M: Yeah.", line(spoken[1], -0.0001), "", line(spoken[2])]
    put(one / "dialog/transcriptions/Ses01F_impro01.txt", "\ufeff" + "\r\n".join(lines))
    put(one / "dialog/transcriptions/Ses01M_script01_1.txt", "\n".join(map(line, SMALL[3:5])).encode("cp1252"))
    unlabelled = "Ses03M_impro05a_MXX0 [001.0000-002.0000]: Mm."
    put(three / "dialog/transcriptions/Ses03M_impro05a.txt", "\n".join([line(SMALL[5]), unlabelled, unlabelled]))
    (three / "sentences/wav/Ses03M_impro05a/Ses03M_impro05a_F000.wav").unlink()
    put(three / "sentences/wav/Ses03M_impro05b/Ses03M_impro05b_M000.wav", b"")
    put(five / "dialog/transcriptions/Ses05M_script01_1b.txt", line(SMALL[7]))
    return root


def _write_other_files(session):
    """Write files that a release also has and that are not read."""
    for folder in ("Attribute", "Categorical", "Self-evaluation"):
        put(session / f"dialog/EmoEvaluation/{folder}/Ses01F_impro01_e2.txt", "Ses01F_impro01_F000 :neu; ()\n")
    put(session / "dialog/wav/Ses01F_impro01.wav", wav())
    put(session / "dialog/lab/Ses01_F/Ses01F_impro01.lab", "0 1 x\n")
    put(session / "sentences/ForcedAlignment/Ses01F_impro01/Ses01F_impro01_F000.wdseg", "x\n")
    put(session / "sentences/wav/Ses01F_impro01/._Ses01F_impro01_F000.wav", b"\0\5\x16\7Mac OS X")
    put(session / "dialog/EmoEvaluation/._Ses01F_impro01.txt", b"\0\5\x16\7Mac OS X\xff")
    put(session / "dialog/transcriptions/._Ses01F_impro01.txt", b"\0\5\x16\7Mac OS X\xff")


# counts of the real release, published with it
FOUR = {"ang": 1103, "neu": 1708, "sad": 1084, "exc": 1041, "hap": 595}
REST = {"xxx": 2507, "sur": 107, "fea": 40, "oth": 3, "dis": 2}
SESSIONS = (1819, 1811, 2136, 2103, 2170)
SIX_BY_SESSION = (1365, 1348, 1533, 1512, 1622)
FOUR_BY_SESSION = (1085, 1023, 1151, 1031, 1241)
SPEAKERS = {
    "Ses01F": 873,
    "Ses01M": 946,
    "Ses02F": 859,
    "Ses02M": 952,
    "Ses03F": 1048,
    "Ses03M": 1088,
    "Ses04F": 987,
    "Ses04M": 1116,
    "Ses05F": 1033,
    "Ses05M": 1137,
}
SCRIPTED = (952, 948, 1118, 1101, 1136)  # 5,255 in all, with made-up shares of the sessions
SCRIPTS = ("script01_1", "script01_2", "script01_3", "script02_1", "script02_2", "script03_1", "script03_2")


def full(root):
    """Write a release of the real size and counts: 10,039 turns in 151 dialogues, 46 transcripts without a label."""
    write(root, full_turns())
    extra = [f"Ses03F_impro05_MXX{number}" for number in (*range(44), 0, 1)]
    path = root / "Session3/dialog/transcriptions/Ses03F_impro05.txt"
    put(path, path.read_text("utf-8") + "".join(f"{name} [001.0000-002.0000]: Mm.\n" for name in extra))
    return root


def full_turns():
    draw = random.Random(0)
    four, rest = (_shuffle(counts, draw) for counts in (FOUR, REST))
    for number, (all_, six, kept) in enumerate(zip(SESSIONS, SIX_BY_SESSION, FOUR_BY_SESSION, strict=True), 1):
        labels = [next(four) for _ in range(kept)] + ["fru"] * (six - kept) + [next(rest) for _ in range(all_ - six)]
        draw.shuffle(labels)
        women = SPEAKERS[f"Ses{number:02}F"]
        letters = ["F"] * women + ["M"] * (all_ - women)
        draw.shuffle(letters)
        yield from _session_turns(number, labels, letters)


def _shuffle(counts, draw):
    labels = [label for label, count in counts.items() for _ in range(count)]
    draw.shuffle(labels)
    return iter(labels)


def _session_turns(number, labels, letters):
    improvised, scripted = dialogues(number)
    names = itertools.chain(
        itertools.islice(itertools.cycle(scripted), SCRIPTED[number - 1]), itertools.cycle(improvised)
    )
    seen = defaultdict(int)
    for name, label, letter in zip(names, labels, letters, strict=False):
        start = 2.0 * seen[name]
        index = seen[name, letter]
        seen[name] += 1
        seen[name, letter] += 1
        yield Turn(f"{name}_{letter}{index:03d}", label, "Excuse me.", start, start + 1.9456)


def dialogues(number):
    """Return the names of a session's improvised and scripted dialogues."""
    last = 8 if number > 1 else 7
    improvised = [f"{worn}_impro{index:02d}" for worn in "FM" for index in range(1, last + 1)]
    scripted = [f"{worn}_{script}" for worn in "FM" for script in SCRIPTS]
    if number == 3:
        improvised = [name for name in improvised if name not in ("M_impro05", "M_impro08")]
        improvised += ["M_impro05a", "M_impro05b", "M_impro08a", "M_impro08b"]
    if number == 5:
        scripted.append("M_script01_1b")
    return [[f"Ses{number:02}{name}" for name in names] for names in (improvised, scripted)]
