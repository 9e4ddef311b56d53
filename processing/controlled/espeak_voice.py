# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Synthesizing the voices of the controlled corpus, with the tone of an emotion.

The synthesizer is espeak-ng, whose library is in the package `espeakng-loader`. It is an extra only for rendering, as its
licence is GPL-3. It carries state from one sentence to the next. Therefore each conversation is spoken by a new process,
which runs this file as a script, so that the same sentences always give exactly the same samples.
"""

import ctypes
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

SAMPLING_RATE = 22050
"""The sampling rate of espeak-ng's voices in Hz."""

VOICES = tuple(f"en-us+{variant}" for variant in ("f1", "f2", "f3", "f4", "m1", "m2", "m3", "m4", "m7"))
"""The voices of the speakers."""


class Tone(NamedTuple):
    """The tone of a sentence in espeak-ng's units."""

    rate: int = 170  # words per minute
    pitch: int = 50  # 0 to 99
    pitch_range: int = 50  # 0 to 100; 0 is monotone
    volume: int = 60  # 0 to 200

    def at_pace(self, pace: float) -> "Tone":
        """This tone, its rate multiplied by `pace`."""
        return self._replace(rate=round(self.rate * pace))


TONES = {
    "neutral": Tone(),
    "surprise": Tone(rate=150, pitch=99, pitch_range=60, volume=70),
    "fear": Tone(rate=205, pitch=90, pitch_range=5, volume=38),
    "sadness": Tone(rate=145, pitch=25, pitch_range=0, volume=20),
    "joy": Tone(rate=195, pitch=85, pitch_range=100, volume=130),
    "disgust": Tone(rate=150, pitch=0, pitch_range=80, volume=75),
    "anger": Tone(rate=190, pitch=25, pitch_range=95, volume=190),
}
"""The tone of each emotion, which exaggerates its usual direction in the literature on vocal emotion (Scherer 2003)."""


def speak(sentences: list[tuple[str, str, Tone]]) -> list[np.ndarray]:
    """
    Speak the sentences of a conversation.

    Args:
        sentences: the text, the voice (one of `VOICES`) and the tone of each sentence.

    Returns:
        For each sentence a waveform `(samples,)`, float32 between -1 and 1, at `SAMPLING_RATE`.

    Raises:
        ImportError: when `espeakng-loader` is not installed.
        ValueError: when a sentence has no letter or digit, or espeak-ng fails.
    """
    wordless = [text for text, *_ in sentences if not any(map(str.isalnum, text))]
    if wordless:
        raise ValueError(f"There is nothing to say in {wordless[0]!r}: give every sentence a word.")
    order = json.dumps([[text, voice, *tone] for text, voice, tone in sentences])
    spoken = subprocess.run([sys.executable, __file__], input=order.encode(), capture_output=True)
    if spoken.returncode:
        error = spoken.stderr.decode(errors="replace").strip().splitlines()
        if any("ModuleNotFoundError" in line for line in error):
            raise ImportError("Voices need espeakng-loader, which is not installed: pip install espeakng-loader.")
        raise ValueError(f"espeak-ng failed: {error[-1] if error else spoken.returncode}")
    counts, samples = spoken.stdout.split(b"\n", 1)
    lengths = json.loads(counts)
    waveform = np.frombuffer(samples, dtype=np.int16).astype(np.float32) / 32768
    return np.split(waveform, np.cumsum(lengths)[:-1])


def _speak_here(sentences: list[list]) -> list[np.ndarray]:
    """Speak sentences in this process, which must not have spoken before."""
    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    retrieval, rate, volume, pitch, pitch_range, utf8 = 1, 1, 2, 3, 4, 1  # numbers from speak_lib.h
    library.espeak_Initialize(retrieval, 0, str(espeakng_loader.get_data_path()).encode(), 0)
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    pieces = []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
    def receive(samples, count, events):
        if samples and count > 0:
            pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    library.espeak_SetSynthCallback(receive)
    waveforms = []
    for text, voice, *tone in sentences:
        pieces.clear()
        library.espeak_SetVoiceByName(voice.encode())
        for parameter, value in zip((rate, pitch, pitch_range, volume), tone, strict=True):
            library.espeak_SetParameter(parameter, value, 0)
        words = text.encode() + b"\0"
        library.espeak_Synth(words, len(words), 0, 1, 0, utf8, None, None)
        library.espeak_Synchronize()
        waveforms.append(np.concatenate(pieces) if pieces else np.zeros(0, np.int16))
    return waveforms


if __name__ == "__main__":
    sys.path = [path for path in sys.path if Path(path or ".").resolve() != Path(__file__).resolve().parent]
    waveforms = _speak_here(json.load(sys.stdin))
    sys.stdout.buffer.write(json.dumps([len(waveform) for waveform in waveforms]).encode() + b"\n")
    sys.stdout.buffer.write(b"".join(waveform.tobytes() for waveform in waveforms))
