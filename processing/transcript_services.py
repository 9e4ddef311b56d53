# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The JSON of speech recognizers as turns: whisper, whisper.cpp, WhisperX, transformers' pipeline, Deepgram, AssemblyAI, AWS
Transcribe, Google, Watson, Azure, Rev.ai, Speechmatics, ElevenLabs, podcasts' transcripts and others that are built alike.

Each shape is a function in [`SHAPES`] that gives turns, or None for another shape; a further one is a further function.
"""

from collections.abc import Callable, Sequence

from .plain_values import LONGEST_SECONDS
from .transcript_speakers import SpeakerNames, line_of
from .transcript_times import are_milliseconds, scaled, seconds, seconds_of_text
from .transcript_utterances import UNKNOWN_SPEAKER
from .transcript_words import utterances_of_words
from .warning_messages import warn

TEXT_KEYS = (
    "text",
    "transcript",
    "punctuated_word",
    "word",
    "sentence",
    "content",
    "body",
    "utterance",
    "display",
    "value",
)
START_KEYS = ("start", "start_time", "startTime", "startOffset", "begin", "begin_time", "from", "ts", "start_ts")
END_KEYS = ("end", "end_time", "endTime", "endOffset", "stop", "to", "end_ts")
LENGTH_KEYS = ("duration", "dur")
MILLISECOND_KEYS = {
    "start": ("start_ms", "startMs", "startTimeMs", "start_time_ms", "offset_ms", "offsetMilliseconds"),
    "end": ("end_ms", "endMs", "endTimeMs", "end_time_ms"),
    "length": ("duration_ms", "durationMs", "durationMilliseconds"),
}
SPEAKER_KEYS = (
    *(
        "speaker",
        "speaker_name",
        "speakerName",
        "speaker_label",
        "speakerLabel",
        "speaker_id",
        "speakerId",
        "speakerTag",
    ),
    *("participant", "spk", "name"),
)
_LISTS = (
    "segments",
    "utterances",
    "results",
    "monologues",
    "sentences",
    "paragraphs",
    "items",
    "captions",
    "cues",
    "transcript",
)
_TICKS = 1e-7  # seconds, in Azure's offsets


def turns_of_service(given, place: str) -> list[dict] | None:
    """
    The turns in what a speech recognizer wrote, None when `given` is of none of the known shapes.

    Args:
        given: what the JSON file holds.
        place: the file, for messages.

    Returns:
        Dicts with `speaker`, `text`, `start` and `end` in seconds. Where the recognizer names no speaker, they have
        [`UNKNOWN_SPEAKER`]. Numbers as speakers become `speaker 0`.

    Raises:
        ValueError: when a list of the shape holds something that is not a turn.
    """
    for shape in SHAPES:
        found = shape(given, place)
        if found is not None:
            return _with_speakers([turn for turn in found if turn.get("text")], place)
    return None


def _whisper_cpp(given, place: str) -> list[dict] | None:
    """`transcription`: offsets in milliseconds, `speaker` from two channels, `speaker_turn_next` from tinydiarize."""
    if not (
        isinstance(given, dict) and _is_dicts(given.get("transcription")) and "offsets" in given["transcription"][0]
    ):
        return None
    turns, number, turned = [], 0, any(item.get("speaker_turn_next") for item in given["transcription"])
    for position, item in enumerate(given["transcription"], start=1):
        offsets = item.get("offsets")
        if not isinstance(offsets, dict):
            raise ValueError(f"{place}, item {position} of transcription, has no offsets: write the file again.")
        speaker = item.get("speaker", f"speaker {number}" if turned else None)
        turn = {"speaker": None if speaker == "?" else speaker, "text": item.get("text")}
        turns.append({**turn, **_times(offsets, f"{place}, item {position}", {"start": "from", "end": "to"}, 1e-3)})
        number += bool(item.get("speaker_turn_next"))
    return turns


def _chunks(given, place: str) -> list[dict] | None:
    """transformers' pipeline: `chunks` with `timestamp`, and `speakers` where insanely-fast-whisper told them apart."""
    chunks = given
    if isinstance(given, dict):
        chunks = given.get("speakers") if _is_dicts(given.get("speakers")) else given.get("chunks")
    if not _is_dicts(chunks) or "timestamp" not in chunks[0]:
        return None
    turns = []
    for position, chunk in enumerate(chunks, start=1):
        stamp = chunk.get("timestamp")
        if not isinstance(stamp, list) or len(stamp) != 2:
            raise ValueError(f"{place}, chunk {position}: its timestamp is {stamp!r:.60}: give [start, end].")
        times = {key: value for key, value in zip(("start", "end"), stamp, strict=True) if value is not None}
        turns.append({"speaker": chunk.get("speaker"), "text": chunk.get("text"), **times})
    if all(len(str(turn["text"]).split()) <= 1 for turn in turns) and len(turns) > 3:
        return _gathered(turns)
    return turns


def _deepgram(given, place: str) -> list[dict] | None:
    """`results`: utterances, else the paragraphs or words of each channel."""
    results = given.get("results") if isinstance(given, dict) else None
    if not isinstance(results, dict) or not ({"utterances", "channels"} & results.keys()):
        return None
    if _is_dicts(results.get("utterances")):
        several = len({item.get("channel") for item in results["utterances"] if _is_plain(item.get("channel"))}) > 1
        turns = _generic(results["utterances"], place)
        for item, turn in zip(results["utterances"], turns, strict=True):
            if several:
                turn["speaker"] = _of_channel(item.get("channel"), turn["speaker"])
        return turns
    turns, channels = [], results.get("channels")
    for number, channel in enumerate(channels if _is_dicts(channels) else ()):
        best = channel.get("alternatives")
        best = best[0] if _is_dicts(best) else {}
        paragraphs = best.get("paragraphs")
        if isinstance(paragraphs, dict) and _is_dicts(paragraphs.get("paragraphs")):
            found = _deepgram_paragraphs(paragraphs["paragraphs"], place)
        elif _is_dicts(best.get("words")):
            found = _gathered(_generic(best["words"], place))
        else:
            continue
        for turn in found:
            if len(channels) > 1:
                turn["speaker"] = _of_channel(number, turn.get("speaker"))
        turns += found
    return turns


def _of_channel(channel, speaker) -> str:
    """The name of a speaker of one of several channels, in each of which the speakers are counted anew."""
    channel = str(channel).removeprefix("channel_")  # as Speechmatics counts them
    return f"channel {channel}" if speaker is None else f"channel {channel}, speaker {speaker}"


def _with_channels(items: list[dict], turns: list[dict], several: bool = False) -> list[dict]:
    """
    The turns, with the channels of their items in the names of speakers, if there are several channels, and the speakers have
    no names or are counted anew on each.

    Args:
        items: for each turn what has its channel.
        turns: the turns.
        several: whether the recording has further channels.
    """
    channels = [_first(item, ("channel", "channelTag")) for item in items]
    channels = [channel if _is_plain(channel) else None for channel in channels]
    speakers = [turn.get("speaker") for turn in turns]
    are_counted = all(speaker is None or str(speaker).isdecimal() for speaker in speakers)
    if not are_counted or not (several or len(set(channels)) > 1):
        return turns
    return [
        {**turn, "speaker": _of_channel(channel, turn.get("speaker"))} if channel is not None else turn
        for channel, turn in zip(channels, turns, strict=True)
    ]


def _deepgram_paragraphs(paragraphs: list[dict], place: str) -> list[dict]:
    turns = []
    for paragraph in paragraphs:
        sentences = paragraph.get("sentences")
        if not _is_dicts(sentences):
            continue
        for turn in _generic(sentences, place):
            turns.append({**turn, "speaker": paragraph.get("speaker")})
    return turns


def _aws(given, place: str) -> list[dict] | None:
    """AWS Transcribe: `results` with items whose alternatives hold the words, and with lists of speakers or channels."""
    results = given.get("results") if isinstance(given, dict) else None
    items = results.get("items") if isinstance(results, dict) else None
    if not _is_dicts(items) or "alternatives" not in items[0]:
        return None
    labels = results.get("channel_labels")
    channels = labels.get("channels") if isinstance(labels, dict) else None
    if _is_dicts(channels) and all(_is_dicts(channel.get("items")) for channel in channels):
        turns = []
        for number, channel in enumerate(channels):
            name = channel.get("channel_label", f"channel {number}")
            items = [{**item, "speaker_label": item.get("speaker_label", name)} for item in channel["items"]]
            turns += _words_with_alternatives(items, f"{place}, {name}")
        return turns
    labels = results.get("speaker_labels")
    segments = labels.get("segments") if isinstance(labels, dict) else None
    speakers = {
        str(item.get("start_time")): item.get("speaker_label", segment.get("speaker_label"))
        for segment in (segments if _is_dicts(segments) else ())
        for item in (segment["items"] if _is_dicts(segment.get("items")) else ())
    }
    named = [{"speaker_label": speakers.get(str(item.get("start_time"))), **item} for item in items]
    return _words_with_alternatives(named, place)


def _speechmatics(given, place: str) -> list[dict] | None:
    """`results`: a list of words whose alternatives hold content and speaker."""
    results = given.get("results") if isinstance(given, dict) else None
    if not _is_dicts(results) or not _is_dicts(results[0].get("alternatives")) or "type" not in results[0]:
        return None
    channels = dict.fromkeys(item.get("channel") for item in results if _is_plain(item.get("channel")))
    if len(channels) < 2:
        return _words_with_alternatives(results, place)
    turns = []  # the words of the channels alternate
    for channel in channels:
        found = _words_with_alternatives([item for item in results if item.get("channel") == channel], place)
        turns += _with_channels([{"channel": channel}] * len(found), found, several=True)
    return turns


def _words_with_alternatives(items: list[dict], place: str) -> list[dict]:
    words = []
    for position, item in enumerate(items, start=1):
        best = item["alternatives"][0] if _is_dicts(item.get("alternatives")) else {}
        speaker = _first(best, SPEAKER_KEYS) or _first(item, SPEAKER_KEYS)
        is_sign = item.get("type") == "punctuation"
        if is_sign and words and (speaker is None or words[-1]["speaker"] == speaker):
            words.append({"speaker": words[-1]["speaker"], "text": words_under_any_name(best), "joined": True})
        else:
            words.append(
                {"speaker": speaker, "text": words_under_any_name(best), **_times(item, f"{place}, item {position}")}
            )
    return _gathered(words)


def _google(given, place: str) -> list[dict] | None:
    """
    Google Speech-to-Text: the words of the best alternatives. Its first version repeats the words of all results in a last
    one, with speakers.
    """
    results = given.get("results") if isinstance(given, dict) else None
    if not _is_dicts(results) or not any(_is_dicts(result.get("alternatives")) for result in results):
        return None
    owners = [result for result in results if _is_dicts(result.get("alternatives"))]
    alternatives = [result["alternatives"][0] for result in owners]
    if not alternatives:
        return None
    *before, last = [
        [words_under_any_name(word) for word in a["words"]]
        if _is_dicts(a.get("words"))
        else words_under_any_name(a).split()
        for a in alternatives
    ]
    repeated = "".join("".join(words) for words in before)
    is_tagged = _is_dicts(alternatives[-1].get("words")) and any(
        _first(word, SPEAKER_KEYS) not in (None, 0) for word in alternatives[-1]["words"]
    )
    if is_tagged and "".join(last).startswith(repeated):
        alternatives, owners = alternatives[-1:], owners[-1:]
    turns, tagged = [], []
    for alternative, result in zip(alternatives, owners, strict=True):
        before = len(turns)
        if _is_dicts(alternative.get("words")):
            turns += _gathered(_generic(alternative["words"], place))
        elif alternative.get("transcript"):
            turns.append({"speaker": None, "text": alternative["transcript"]})
        tagged += [result] * (len(turns) - before)
    return _with_channels(tagged, turns)


def _watson(given, place: str) -> list[dict] | None:
    """IBM Watson: words as `[word, start, end]` in `timestamps`, and `speaker_labels` by their starts."""
    results = given.get("results") if isinstance(given, dict) else None
    if not _is_dicts(results) or not any(_is_dicts(r.get("alternatives")) for r in results):
        return None
    best = [r["alternatives"][0] for r in results if _is_dicts(r.get("alternatives"))]
    if not any(isinstance(alternative.get("timestamps"), list) for alternative in best):
        return None
    labels = given.get("speaker_labels") if _is_dicts(given.get("speaker_labels")) else []
    speakers = {
        label.get("from"): label.get("speaker") for label in labels if isinstance(label.get("from"), (int, float))
    }
    words = []
    for item in (item for alternative in best for item in alternative.get("timestamps") or ()):
        if not (isinstance(item, list) and len(item) == 3 and isinstance(item[0], str)):
            raise ValueError(f"{place}: its timestamps hold {item!r:.60}: give [word, start, end].")
        start, end = seconds(item[1], "start", place), seconds(item[2], "end", place)
        words.append({"speaker": speakers.get(start), "text": item[0], "start": start, "end": end})
    return _gathered(words)


def _azure(given, place: str) -> list[dict] | None:
    """Azure: `recognizedPhrases` with ticks of 100 nanoseconds, or `phrases` with milliseconds."""
    if not isinstance(given, dict):
        return None
    if _is_dicts(given.get("recognizedPhrases")):
        phrases, keys, unit = given["recognizedPhrases"], ("offsetInTicks", "durationInTicks"), _TICKS
    elif _is_dicts(given.get("phrases")) and "offsetMilliseconds" in given["phrases"][0]:
        phrases, keys, unit = given["phrases"], ("offsetMilliseconds", "durationMilliseconds"), 1e-3
    else:
        return None
    turns = []
    for position, phrase in enumerate(phrases, start=1):
        best = phrase["nBest"][0] if _is_dicts(phrase.get("nBest")) else phrase
        start, length = (_scaled(phrase.get(key), unit, f"{place}, phrase {position}: its {key}") for key in keys)
        times = {} if start is None or length is None else {"start": start, "end": round(start + length, 6)}
        turns.append(
            {"speaker": phrase.get("speaker", phrase.get("channel")), "text": words_under_any_name(best), **times}
        )
    return turns


def _scaled(value, unit: float, what: str) -> float | None:
    if value is None:
        return None
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value * unit <= LONGEST_SECONDS:
        raise ValueError(f"{what} is not a time: write the file again.")
    return round(value * unit, 6)


def _rev(given, place: str) -> list[dict] | None:
    """Rev.ai: `monologues` of elements, words with `ts` and `end_ts` and signs between them."""
    if not isinstance(given, dict) or not _is_dicts(given.get("monologues")):
        return None
    turns = []
    names = {
        s.get("id"): s.get("name")
        for s in given.get("speakers") or ()
        if isinstance(s, dict) and _is_plain(s.get("id"))
    }
    for monologue in given["monologues"]:
        elements = monologue.get("elements")
        if not _is_dicts(elements):
            continue
        timed = [_times(element, place) for element in elements]
        times = {
            **({"start": min(t["start"] for t in timed if "start" in t)} if any("start" in t for t in timed) else {}),
            **({"end": max(t["end"] for t in timed if "end" in t)} if any("end" in t for t in timed) else {}),
        }
        speaker = monologue.get("speaker")
        speaker = names.get(speaker, speaker) if _is_plain(speaker) else None
        turns.append(
            {"speaker": speaker, "text": "".join(words_under_any_name(element) for element in elements), **times}
        )
    return turns


def _words_alone(given, place: str) -> list[dict] | None:
    """ElevenLabs, AssemblyAI without utterances, NeMo: a list `words`, signs and spaces among them."""
    if not isinstance(given, dict) or not _is_dicts(given.get("words")):
        return None
    if any(_is_dicts(given.get(name)) for name in _LISTS):
        return None
    words = [word for word in given["words"] if word.get("type") != "spacing"]
    return _gathered(_generic(words, place, given.get("audio_duration")))


def _list_of_turns(given, place: str) -> list[dict] | None:
    """Any list of dicts with words and times, by itself or under a usual name; not this package's own `utterances`."""
    duration = None
    if isinstance(given, dict):
        for inner in ("output", "result", "results", "transcription", "transcript", "data", "payload"):
            if isinstance(given.get(inner), dict) and not any(_is_dicts(given.get(name)) for name in _LISTS):
                given = given[inner]
        name = next((name for name in _LISTS if _is_dicts(given.get(name)) and name != "utterances"), None)
        if name is None:
            name = "utterances" if _is_of_service(given) else None
        if name is None:
            return None
        duration = given.get("audio_duration", given.get("duration"))
        given = given[name]
    elif not _is_dicts(given) or "utterances" in given[0] or not _is_foreign(given):
        return None
    if all(_first(item, TEXT_KEYS) is None and not _words_of(item) for item in given):
        return None
    turns = _with_channels(given, _generic(given, place, duration))
    if len(turns) > 3 and all(len(str(turn.get("text")).split()) == 1 for turn in turns) and "word" in given[0]:
        return _gathered(turns)
    return turns


def _is_of_service(given: dict) -> bool:
    """Whether `utterances` hold keys that this package's utterances do not have, in place of those that they need."""
    utterances = given.get("utterances")
    return _is_dicts(utterances) and (
        _is_foreign(utterances)
        or ("words" in utterances[0] and "confidence" in utterances[0] and "emotion" not in utterances[0])
    )


def _is_foreign(items: list[dict]) -> bool:
    first = items[0]
    if "speaker" in first and first["speaker"] is not None and ("text" in first or "start" in first or len(first) < 3):
        return False
    has_text = _first(first, TEXT_KEYS) is not None
    has_start = _first(first, START_KEYS) is not None or _first(first, MILLISECOND_KEYS["start"]) is not None
    return has_text and has_start


SHAPES: tuple[Callable[[object, str], list[dict] | None], ...] = (
    *(
        _whisper_cpp,
        _chunks,
        _deepgram,
        _aws,
        _speechmatics,
        _watson,
        _google,
        _azure,
        _rev,
        _words_alone,
        _list_of_turns,
    ),
)
"""The known shapes, the most particular first."""


def _generic(items: list[dict], place: str, duration=None) -> list[dict]:
    """Turns from dicts with some name for words, times and speaker."""
    turns = []
    for item, times in zip(items, times_of_turns(items, place, duration), strict=True):
        speaker = _first(item, SPEAKER_KEYS)
        if isinstance(speaker, dict):
            speaker = _first(speaker, ("name", "label", "display_name", "displayName", "id"))
        turns.append({"speaker": speaker, "text": words_under_any_name(item), **times})
    return turns


def times_of_turns(items: Sequence[dict], place: str, duration=None, what: str = "item") -> list[dict]:
    """
    `start` and `end` of each turn in seconds, as far as it has them, by any of the usual names.

    Args:
        items: the turns.
        place: the file, and `what`: how its turns are called, for messages.
        duration: the recording's length, where the file tells it.
    """
    unit = 1.0
    keys = (START_KEYS, END_KEYS, LENGTH_KEYS)
    times = [[_first(item, names) for names in keys] for item in items]
    spans = [
        (start, end, words_under_any_name(item), length)
        for (start, end, length), item in zip(times, items, strict=True)
    ]
    if are_milliseconds([span for span in spans if span[0] is not None], duration):
        warn(f"{place}: the times are whole numbers, too large for seconds: they were read as milliseconds.")
        unit = 1e-3
    return [_times(item, f"{place}, {what} {position}", unit=unit) for position, item in enumerate(items, start=1)]


def has_times_by_other_names(item: dict) -> bool:
    """Whether a dict has times under other names than `start` and `end`; `from` and `to` may be people there."""
    names = {*START_KEYS, *END_KEYS, *LENGTH_KEYS, *(key for keys in MILLISECOND_KEYS.values() for key in keys)}
    return any(item.get(name) is not None for name in names - {"start", "end", "from", "to", "ts", "stop"})


def _times(item: dict, place: str, keys: dict | None = None, unit: float = 1.0) -> dict:
    """Start and end in seconds, as far as the item has them."""
    found = {}
    for name, usual in (("start", START_KEYS), ("end", END_KEYS)):
        value, factor = _first(item, (keys[name],) if keys else usual), unit
        if value is None and not keys:
            value, factor = _first(item, MILLISECOND_KEYS[name]), 1e-3
        if isinstance(value, dict):  # Google's {"seconds": "1", "nanos": 500000000}
            value = _seconds_and_nanos(value)
        if value is not None:
            found[name] = round(seconds(scaled(value, factor), name, place), 6)
    if "start" in found and "end" not in found and not keys:
        length, factor = _first(item, LENGTH_KEYS), unit
        if length is None:
            length, factor = _first(item, MILLISECOND_KEYS["length"]), 1e-3
        length = scaled(length, factor)
        length = seconds_of_text(length.strip()) if isinstance(length, str) else length
        if isinstance(length, (int, float)) and not isinstance(length, bool) and 0 <= length < 1e12:
            found["end"] = round(found["start"] + length, 6)
    return found


def _seconds_and_nanos(value: dict) -> float | None:
    try:
        return float(value.get("seconds", 0)) + float(value.get("nanos", 0)) / 1e9
    except (TypeError, ValueError, OverflowError):
        return None


def words_under_any_name(item: dict) -> str:
    """What a turn says, under one of [`TEXT_KEYS`] or in a list of words; empty if it says nothing."""
    text = _first(item, TEXT_KEYS)
    if text is None and _words_of(item):
        return " ".join(words_under_any_name(word) for word in item["words"])
    return text if isinstance(text, str) else ""


def _words_of(item: dict) -> bool:
    return _is_dicts(item.get("words"))


def _first(item: dict, keys: Sequence[str]):
    """What the item has under the first of the keys that it has."""
    return next((item[key] for key in keys if item.get(key) is not None), None)


def _is_dicts(value) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _is_plain(value) -> bool:
    return isinstance(value, (str, int, type(None)))


def _gathered(words: list[dict]) -> list[dict]:
    return utterances_of_words([word for word in words if word.get("text", "").strip()])


def _with_speakers(turns: list[dict], place: str) -> list[dict]:
    """The turns with a name for each speaker: numbers as `speaker 0`, none as [`UNKNOWN_SPEAKER`] or the words' beginning."""
    if turns and all(turn.get("speaker") in (None, "") for turn in turns):
        lines = [[line_of(turn["text"])] for turn in turns]
        names = SpeakerNames(lines)
        if not any(names.split(line.announced) for [line] in lines):
            warn(f"{place} names no speakers: all utterances were taken as those of one speaker.")
        for turn, [line] in zip(turns, lines, strict=True):
            turn["speaker"], turn["text"] = names.split(line.announced) or (UNKNOWN_SPEAKER, turn["text"])
        return turns
    for turn in turns:
        speaker = turn.get("speaker")
        if isinstance(speaker, (int, float)) and not isinstance(speaker, bool):
            turn["speaker"] = f"speaker {speaker:g}"
        elif speaker is None or (isinstance(speaker, str) and not speaker.strip()):
            turn["speaker"] = UNKNOWN_SPEAKER
    return turns
