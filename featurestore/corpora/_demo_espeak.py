"""Call eSpeak NG through ctypes, with the library and voices of the espeakng-loader wheel."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurestore.errors import Mismatch, Unavailable

# from espeak-ng's speak_lib.h
_SYNCHRONOUS, _DO_NOT_EXIT, _UTF8, _CHARACTERS = 2, 0x8000, 1, 1
_PARAMETERS = {"rate": 1, "volume": 2, "pitch": 3, "range": 4}
_RECEIVER = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@dataclass(frozen=True)
class Prosody:
    """Manner of speaking: words per minute (80 to 450), pitch (0 to 99), pitch range (0 to 99), volume (0 to 200)."""

    rate: int
    pitch: int
    range: int
    volume: int


class Espeak:
    """Speech synthesizer, one per process because the library keeps its state in globals.

    Its samples depend on what it has spoken before: only a new process repeats the samples of another.
    """

    def __init__(self) -> None:
        """Load the library.

        Raises:
            Unavailable: the package espeakng-loader is not installed, or its library does not load.
        """
        self._library, data = _load()
        self._pieces: list[NDArray[np.int16]] = []
        self._receiver: Callable[..., int] = _RECEIVER(self._receive)  # keeps it from being garbage-collected
        self.rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data.encode(), _DO_NOT_EXIT)
        if self.rate <= 0:
            raise Unavailable(
                f"eSpeak NG does not start with its data in {data}",
                got=f"code {self.rate}",
                do="pip install --force-reinstall espeakng-loader",
            )
        self._library.espeak_SetSynthCallback(self._receiver)
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # for the noise in consonants

    def say(self, text: str, voice: str, prosody: Prosody) -> NDArray[np.int16]:
        """Speak a text.

        Returns:
            Samples (S,) at `self.rate` Hz.

        Raises:
            Mismatch: the library rejects the voice or the text.
        """
        self._pieces.clear()
        self._check(self._library.espeak_SetVoiceByName(voice.encode()), f"voice {voice!r}")
        for name, number in _PARAMETERS.items():
            self._check(self._library.espeak_SetParameter(number, getattr(prosody, name), 0), f"{prosody}")
        letters = text.encode()
        code = self._library.espeak_Synth(letters, len(letters) + 1, 0, _CHARACTERS, 0, _UTF8, None, None)
        self._check(code, f"text {text!r}")
        return np.concatenate(self._pieces)  # (S,)

    def _receive(self, samples: Any, count: int, _events: Any) -> int:
        if samples and count:
            self._pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    @staticmethod
    def _check(code: int, what: str) -> None:
        if code:
            raise Mismatch(f"eSpeak NG rejects the {what}", got=f"code {code}")


def check_available() -> None:
    """Raise Unavailable if the synthesizer cannot be loaded."""
    _load()


def _load() -> tuple[Any, str]:
    try:
        import espeakng_loader

        return ctypes.CDLL(espeakng_loader.get_library_path()), espeakng_loader.get_data_path()
    except (ImportError, OSError, RuntimeError) as error:
        raise Unavailable(
            f"the demo corpus needs eSpeak NG, which is not installed: {error}", do="pip install 'emofuse[demo]'"
        ) from None
