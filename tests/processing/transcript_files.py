"""Transcripts for tests: functions that write subtitles, and functions that read a file and return tuples."""

from pathlib import Path

from modeling_amuse.processing.transcripts import read_transcript
from modeling_amuse.processing.warning_messages import collected_warnings


def srt(*texts: str) -> str:
    """Write a SubRip file with a cue of 2.5 s for each text, one every three seconds."""
    cues = (
        f"{n}\n00:00:{3 * n:02d},000 --> 00:00:{3 * n + 2:02d},500\n{text}\n" for n, text in enumerate(texts, start=1)
    )
    return "\n".join(cues)


def vtt(*cues: str) -> str:
    """A WebVTT file; a cue is its text, or `identifier|text`."""
    blocks = []
    for n, cue in enumerate(cues, start=1):
        identifier, bar, text = cue.rpartition("|")
        times = f"00:00:{3 * n:02d}.000 --> 00:00:{3 * n + 2:02d}.500"
        blocks.append(f"{identifier}\n{times}\n{text}\n" if bar else f"{times}\n{text}\n")
    return "WEBVTT\n\n" + "\n".join(blocks)


def saved(folder: Path, name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def said(path: Path) -> list[tuple]:
    """Speaker and words of each utterance."""
    return [(u["speaker"], u.get("text")) for u in read_transcript(path)["utterances"]]


def timed(path: Path) -> list[tuple]:
    """Speaker, words, start and end of each utterance."""
    return [(u["speaker"], u.get("text"), u.get("start"), u.get("end")) for u in read_transcript(path)["utterances"]]


def warnings_of(path: Path) -> str:
    """The warnings of reading the file, one per line."""
    with collected_warnings() as messages:
        read_transcript(path)
    return "\n".join(messages)
