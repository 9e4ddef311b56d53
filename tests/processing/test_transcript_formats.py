"""Transcripts in the formats of many tools, with the keys, headers and marks of each tool."""

import json

import pytest

from modeling_amuse.processing.conversation import check_conversations
from modeling_amuse.processing.transcript_utterances import UNKNOWN_SPEAKER
from modeling_amuse.processing.transcripts import READERS, read_transcript, read_transcripts
from tests.processing.transcript_files import said, saved, srt, timed, vtt, warnings_of

# ------------------------------------------------------------------------------------------------ speech recognizers

WORDS = [("Is", 0.4, 0.6), ("it", 0.6, 0.7), ("far?", 0.7, 1.1), ("No.", 2.3, 2.6)]
TURNS = [("Is it far?", 0.4, 1.1), ("No.", 2.3, 2.6)]


def words(name="word", start="start", end="end", scale=1.0, **speaker):
    """The words of two speakers, 0 and 1, with the keys of a speech recognizer."""
    key = next(iter(speaker), None)
    return [
        {
            name: word,
            start: round(s * scale, 3),
            end: round(e * scale, 3),
            **({key: speaker[key][n > 2]} if key else {}),
        }
        for n, (word, s, e) in enumerate(WORDS)
    ]


def _halves(found):
    """The words of the first speaker, and those of the second."""
    return found[:3], found[3:]


AWS_ITEMS = [
    [
        *(
            {
                "type": "pronunciation",
                "start_time": str(s),
                "end_time": str(e),
                "alternatives": [{"content": word.strip("?.")}],
            }
            for word, s, e in part
        ),
        {"type": "punctuation", "alternatives": [{"content": part[-1][0][-1]}]},
    ]
    for part in _halves(WORDS)
]

NOBODY = {
    "whisper": {
        "text": "",
        "segments": [{"id": n, "start": s, "end": e, "text": f" {t}"} for n, (t, s, e) in enumerate(TURNS)],
    },
    "whisper.cpp": {
        "systeminfo": "AVX = 1",
        "transcription": [
            {
                "timestamps": {"from": "00:00:00,400"},
                "offsets": {"from": round(s * 1000), "to": round(e * 1000)},
                "text": f" {t}",
            }
            for t, s, e in TURNS
        ],
    },
    "transformers": {"text": "", "chunks": [{"timestamp": [s, e], "text": f" {t}"} for t, s, e in TURNS]},
    "chunks alone": [{"timestamp": [s, e], "text": t} for t, s, e in TURNS],
    "segments alone": [{"start": s, "end": e, "text": t} for t, s, e in TURNS],
    "google": {"results": [{"alternatives": [{"words": words(start="startTime", end="endTime")}]}]},
    "google, second version": {"results": [{"alternatives": [{"words": words(start="startOffset", end="endOffset")}]}]},
    "podcast": {"version": "1.0.0", "segments": [{"startTime": s, "endTime": e, "body": t} for t, s, e in TURNS]},
    "whisper, words": {"segments": [{"start": s, "end": e, "text": t, "words": words()} for t, s, e in TURNS]},
}
SPEAKERS = {
    "whisperx": {
        "segments": [
            {"start": s, "end": e, "text": f" {t}", "speaker": f"SPEAKER_0{n}"} for n, (t, s, e) in enumerate(TURNS)
        ]
    },
    "insanely-fast-whisper": {
        "speakers": [{"speaker": f"SPEAKER_0{n}", "text": t, "timestamp": [s, e]} for n, (t, s, e) in enumerate(TURNS)],
        "chunks": [],
    },
    "openai diarized": {
        "task": "transcribe",
        "duration": 3,
        "segments": [
            {"type": "transcript.text.segment", "id": f"s{n}", "start": s, "end": e, "text": t, "speaker": "AB"[n]}
            for n, (t, s, e) in enumerate(TURNS)
        ],
    },
    "whisper.cpp, two channels": {
        "transcription": [
            {"offsets": {"from": round(s * 1000), "to": round(e * 1000)}, "text": t, "speaker": str(n)}
            for n, (t, s, e) in enumerate(TURNS)
        ]
    },
    "tinydiarize": {
        "transcription": [
            {"offsets": {"from": round(s * 1000), "to": round(e * 1000)}, "text": t, "speaker_turn_next": n == 0}
            for n, (t, s, e) in enumerate(TURNS)
        ]
    },
    "deepgram, utterances": {
        "results": {
            "channels": [{"alternatives": [{"transcript": "x"}]}],
            "utterances": [
                {"start": s, "end": e, "transcript": t, "speaker": n, "channel": 0, "words": []}
                for n, (t, s, e) in enumerate(TURNS)
            ],
        }
    },
    "deepgram, paragraphs": {
        "results": {
            "channels": [
                {
                    "alternatives": [
                        {
                            "paragraphs": {
                                "paragraphs": [
                                    {
                                        "speaker": n,
                                        "start": s,
                                        "end": e,
                                        "sentences": [{"text": t, "start": s, "end": e}],
                                    }
                                    for n, (t, s, e) in enumerate(TURNS)
                                ]
                            }
                        }
                    ]
                }
            ]
        }
    },
    "deepgram, words": {
        "results": {"channels": [{"alternatives": [{"words": words("punctuated_word", speaker=(0, 1))}]}]}
    },
    "deepgram, two channels": {
        "results": {
            "channels": [{"alternatives": [{"words": words()[:3]}]}, {"alternatives": [{"words": words()[3:]}]}],
        }
    },
    "assemblyai": {
        "audio_duration": 3,
        "utterances": [
            {
                "speaker": "AB"[n],
                "text": t,
                "start": round(s * 1000),
                "end": round(e * 1000),
                "confidence": 0.9,
                "words": [],
            }
            for n, (t, s, e) in enumerate(TURNS)
        ],
    },
    "assemblyai, words": {
        "audio_duration": 3,
        "utterances": None,
        "words": words("text", scale=1000, speaker=("A", "B")),
    },
    "aws": {
        "results": {
            "transcripts": [{"transcript": "x"}],
            "items": [
                {
                    "type": "pronunciation",
                    "start_time": "0.4",
                    "end_time": "0.6",
                    "speaker_label": "spk_0",
                    "alternatives": [{"content": "Is"}],
                },
                {
                    "type": "pronunciation",
                    "start_time": "0.6",
                    "end_time": "0.7",
                    "speaker_label": "spk_0",
                    "alternatives": [{"content": "it"}],
                },
                {
                    "type": "pronunciation",
                    "start_time": "0.7",
                    "end_time": "1.1",
                    "speaker_label": "spk_0",
                    "alternatives": [{"content": "far"}],
                },
                {"type": "punctuation", "speaker_label": "spk_0", "alternatives": [{"content": "?"}]},
                {
                    "type": "pronunciation",
                    "start_time": "2.3",
                    "end_time": "2.6",
                    "speaker_label": "spk_1",
                    "alternatives": [{"content": "No"}],
                },
                {"type": "punctuation", "speaker_label": "spk_1", "alternatives": [{"content": "."}]},
            ],
        }
    },
    "google, speakers": {
        "results": [
            {"alternatives": [{"transcript": "Is it far? No.", "words": words(start="startTime", end="endTime")}]},
            {
                "alternatives": [
                    {
                        "words": [
                            {**w, "startTime": f"{w['startTime']}s", "endTime": f"{w['endTime']}s"}
                            for w in words(start="startTime", end="endTime", speakerTag=(1, 2))
                        ]
                    }
                ]
            },
        ]
    },
    "google, second version": {
        "results": [
            {"alternatives": [{"words": part}]}
            for part in _halves(words(start="startOffset", end="endOffset", speakerLabel=("1", "2")))
        ]
    },
    "google, speakers in each result": {
        "results": [
            {"alternatives": [{"words": part}]}
            for part in _halves(words(start="startTime", end="endTime", speakerTag=(1, 2)))
        ]
    },
    "aws, speakers in segments": {
        "results": {
            "speaker_labels": {
                "segments": [
                    {
                        "speaker_label": f"spk_{n}",
                        "items": [
                            {
                                "start_time": item["start_time"],
                                "end_time": item["end_time"],
                                "speaker_label": f"spk_{n}",
                            }
                            for item in items
                            if "start_time" in item
                        ],
                    }
                    for n, items in enumerate(AWS_ITEMS)
                ]
            },
            "items": [item for items in AWS_ITEMS for item in items],
        }
    },
    "aws, channels": {
        "results": {
            "channel_labels": {
                "channels": [{"channel_label": f"ch_{n}", "items": items} for n, items in enumerate(AWS_ITEMS)]
            },
            "items": [item for items in AWS_ITEMS for item in items],
        }
    },
    "azure": {
        "recognizedPhrases": [
            {
                "speaker": n + 1,
                "offsetInTicks": round(s * 1e7),
                "durationInTicks": round((e - s) * 1e7),
                "nBest": [{"display": t}],
            }
            for n, (t, s, e) in enumerate(TURNS)
        ]
    },
    "watson": {
        "results": [{"alternatives": [{"transcript": "x", "timestamps": [list(word) for word in WORDS]}]}],
        "speaker_labels": [{"from": s, "to": e, "speaker": int(n > 2)} for n, (_, s, e) in enumerate(WORDS)],
    },
    "rev.ai": {
        "monologues": [
            {
                "speaker": 0,
                "elements": [
                    {"type": "text", "value": "Is", "ts": 0.4, "end_ts": 0.6},
                    {"type": "punct", "value": " "},
                    {"type": "text", "value": "it far", "ts": 0.6, "end_ts": 1.1},
                    {"type": "punct", "value": "?"},
                ],
            },
            {
                "speaker": 1,
                "elements": [
                    {"type": "text", "value": "No", "ts": 2.3, "end_ts": 2.6},
                    {"type": "punct", "value": "."},
                ],
            },
        ]
    },
    "speechmatics": {
        "format": "2.9",
        "results": [
            *(
                {
                    "type": "word",
                    "start_time": s,
                    "end_time": e,
                    "alternatives": [{"content": w, "speaker": f"S{1 + (n > 2)}"}],
                }
                for n, (w, s, e) in enumerate(WORDS)
            ),
        ],
    },
    "elevenlabs": {
        "language_code": "en",
        "text": "x",
        "words": [
            part
            for w in words("text", speaker_id=("speaker_0", "speaker_1"))
            for part in ({**w, "type": "word"}, {"text": " ", "type": "spacing"})
        ],
    },
    "sonix": {
        "name": "talk",
        "transcript": [
            {"speaker": f"Speaker{n}", "start_time": s, "end_time": e, "text": t} for n, (t, s, e) in enumerate(TURNS)
        ],
    },
    "gladia": {
        "result": {
            "transcription": {
                "utterances": [
                    {"speaker": n, "start": s, "end": e, "text": t, "confidence": 0.8, "words": []}
                    for n, (t, s, e) in enumerate(TURNS)
                ]
            }
        }
    },
    "milliseconds in the keys": {
        "segments": [
            {"speakerName": "AB"[n], "startMs": round(s * 1000), "endMs": round(e * 1000), "text": t}
            for n, (t, s, e) in enumerate(TURNS)
        ]
    },
}


@pytest.mark.parametrize("tool", NOBODY)
def test_json_of_recognizers_that_name_nobody(tmp_path, tool):
    path = saved(tmp_path, "t.json", json.dumps(NOBODY[tool]))
    assert timed(path) == [("speaker", *turn) for turn in TURNS]
    assert "one speaker" in warnings_of(path)


@pytest.mark.parametrize("tool", SPEAKERS)
def test_json_of_recognizers_that_tell_speakers_apart(tmp_path, tool):
    found = timed(saved(tmp_path, "t.json", json.dumps(SPEAKERS[tool])))
    assert [turn[1:] for turn in found] == TURNS
    assert found[0][0] != found[1][0] and "speaker" not in (found[0][0], found[1][0])


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
@pytest.mark.parametrize("key", ["transcript", "utterance", "words"])
def test_words_by_another_name_in_this_package_s_own_form(tmp_path, key, suffix):
    turns = [("Ada", "Is it far?"), ("Ben", "No.")]
    rows = [
        {"speaker": name, key: [{"text": word} for word in text.split()] if key == "words" else text, "emotion": "joy"}
        for name, text in turns
    ]
    text = json.dumps(rows) if suffix == "json" else "\n".join(map(json.dumps, rows))
    assert said(saved(tmp_path, f"t.{suffix}", text)) == turns


@pytest.mark.parametrize("kind", ["utterances", "channels"])
def test_speakers_that_each_channel_counts_anew_are_several_people(tmp_path, kind):
    turns = [(0, 0, "Hello?"), (0, 1, "Hi."), (1, 0, "Well.")]
    utterances = [
        {"channel": channel, "speaker": speaker, "start": n, "end": n + 1, "transcript": text}
        for n, (channel, speaker, text) in enumerate(turns)
    ]
    channels = [
        {"alternatives": [{"words": [{**u, "word": u["transcript"]} for u in utterances if u["channel"] == number]}]}
        for number in (0, 1)
    ]
    results = {"utterances": utterances, "channels": channels}
    path = saved(tmp_path, "t.json", json.dumps({"results": {kind: results[kind]}}))
    assert len({speaker for speaker, _ in said(path)}) == 3


@pytest.mark.parametrize("key", ["speakerTag", "speakerLabel"])
def test_words_without_times_keep_the_turns_of_their_speakers(tmp_path, key):
    turns = [("1", "Is it far?"), ("2", "No."), ("1", "Good."), ("2", "Yes, quite.")]
    words = [{"word": word, key: speaker} for speaker, text in turns for word in text.split()]
    path = saved(tmp_path, "t.json", json.dumps({"results": [{"alternatives": [{"words": words}]}]}))
    assert said(path) == turns


def test_a_text_without_times_is_refused_with_what_to_write(tmp_path):
    with pytest.raises(ValueError, match="t.json holds a text without times: write it with segments"):
        read_transcript(saved(tmp_path, "t.json", json.dumps({"text": "Is it far? No."})))


def test_segments_without_speaker_among_others_are_nobodys(tmp_path):
    given = {
        "segments": [
            {"start": n, "end": n + 0.5, "text": "So.", **({"speaker": s} if s else {})}
            for n, s in enumerate(("X", None, "Y", ""))
        ]
    }
    assert [name for name, _ in said(saved(tmp_path, "t.json", json.dumps(given)))] == ["X", "speaker", "Y", "speaker"]


@pytest.mark.parametrize("with_duration", [True, False])
def test_whole_milliseconds_are_seen_and_whole_seconds_left(tmp_path, with_duration):
    rows = [("Ola", "Where did you put the ladder?", 500, 2100), ("Per", "Behind the shed.", 2600, 3900)]
    utterances = [{"speaker": n, "text": t, "start": s, "end": e} for n, t, s, e in rows]
    given = {"utterances": utterances, **({"audio_duration": 5} if with_duration else {})}
    path = saved(tmp_path, "t.json", json.dumps(given))
    assert timed(path) == [
        ("Ola", rows[0][1], 0.5, 2.1),
        ("Per", rows[1][1], 2.6, 3.9),
    ] and "milliseconds" in warnings_of(path)
    path = saved(tmp_path, "t.jsonl", "\n".join(map(json.dumps, utterances)))
    assert timed(path)[1][2:] == (2.6, 3.9)
    path = saved(tmp_path, "t.csv", "speaker,text,start,end\n" + "\n".join(f'{n},"{t}",{s},{e}' for n, t, s, e in rows))
    assert timed(path)[1][2:] == (2.6, 3.9) and "milliseconds" in warnings_of(path)
    slow = [
        {"speaker": "Ola", "text": "Hm.", "start": 500, "end": 520},
        {"speaker": "Per", "text": "Well?", "start": 900, "end": 930},
    ]
    path = saved(tmp_path, "s.json", json.dumps(slow))
    assert timed(path)[1][2:] == (900, 930) and warnings_of(path) == ""


MILLISECONDS = [("Ola", "Where did you put the ladder?", 500, 2100), ("Per", "Behind the shed.", 2600, 3900)]
IN_SECONDS = [("Ola", "Where did you put the ladder?", 0.5, 2.1), ("Per", "Behind the shed.", 2.6, 3.9)]


def in_json(start="start", end="end", form=int, wrap="segments", length=False, **beside):
    """JSON of two turns in milliseconds: keys of the times, their type, the key of the list and what stands beside it."""
    turns = [
        {"speaker": n, "text": t, start: form(s), end: form(e - s if length else e)} for n, t, s, e in MILLISECONDS
    ]
    return json.dumps({wrap: turns, **beside} if wrap else turns)


@pytest.mark.parametrize(
    "content",
    [
        *(in_json(form=str), in_json(form=str, wrap="utterances"), in_json(form=str, wrap=None)),
        *(in_json(form=float), in_json("startMs", "endMs", str), in_json("start_ms", "end_ms", "{} ms".format)),
        *(in_json(end="duration", length=True), in_json(end="duration", length=True, form=str)),
        *(in_json("startMs", "durationMs", str, length=True), in_json("start_ms", "duration_ms", length=True)),
        *(in_json(duration=5000), in_json(duration=3900), in_json(form=str, audio_duration=5000)),
    ],
)
def test_milliseconds_of_every_kind_in_json(tmp_path, content):
    assert timed(saved(tmp_path, "t.json", content)) == IN_SECONDS


@pytest.mark.parametrize(
    ("start", "end", "scale"),
    [
        *(("start_ms", "end_ms", 1000), ("startMs", "endMs", 1000), ("start_time", "end_time", 1)),
        *(
            ("startTime", "endTime", 1),
            ("start_time", "end_time", 1000),
            ("begin", "end", 1),
            ("start_ms", "duration_ms", 1000),
        ),
    ],
)
@pytest.mark.parametrize("form", ["list", "utterances", "conversations", "lines"])
def test_other_names_of_times_in_this_package_s_own_form(tmp_path, form, start, end, scale):
    turns = [
        {
            "id": f"u{n}",
            "speaker": name,
            "text": t,
            start: s * scale,
            end: ((e - s) if "duration" in end else e) * scale,
            "emotion": "joy",
        }
        for n, (name, t, s, e) in enumerate(IN_SECONDS)
    ]
    content = {"list": turns, "utterances": {"utterances": turns}, "conversations": [{"id": "c", "utterances": turns}]}
    text = "\n".join(map(json.dumps, turns)) if form == "lines" else json.dumps(content[form])
    path = saved(tmp_path, "t.jsonl" if form == "lines" else "t.json", text)
    assert timed(path) == IN_SECONDS
    assert [(u["id"], u["emotion"]) for u in read_transcript(path)["utterances"]] == [("u0", "joy"), ("u1", "joy")]


def test_people_under_from_and_to_are_no_times(tmp_path):
    turns = [{"speaker": "Ola", "text": "Hi.", "from": "Ola", "to": "Per", "start": 1, "end": 2}]
    assert timed(saved(tmp_path, "t.json", json.dumps(turns))) == [("Ola", "Hi.", 1, 2)]


@pytest.mark.parametrize("without", [0, 1])
@pytest.mark.parametrize("name", ["t.json", "s.json", "t.jsonl", "t.csv"])
def test_an_end_that_is_missing_hides_no_milliseconds(tmp_path, name, without):
    turns = [dict(zip(("speaker", "text", "start", "end"), turn, strict=True)) for turn in MILLISECONDS]
    del turns[without]["end"]
    rows = [
        "speaker,text,start,end",
        *(",".join(str(turn.get(k, "")) for k in ("speaker", "text", "start", "end")) for turn in turns),
    ]
    content = {
        "t.json": json.dumps(turns),
        "s.json": json.dumps({"segments": turns}),
        "t.jsonl": "\n".join(map(json.dumps, turns)),
        "t.csv": "\n".join(rows),
    }
    expected = [(*turn[:3], None if n == without else turn[3]) for n, turn in enumerate(IN_SECONDS)]
    assert timed(saved(tmp_path, name, content[name])) == expected


def test_milliseconds_with_a_duration_in_a_table(tmp_path):
    rows = [f"{n},{t},{s},{e - s}" for n, t, s, e in MILLISECONDS]
    assert timed(saved(tmp_path, "t.csv", "\n".join(["speaker,text,start,duration", *rows]))) == IN_SECONDS


@pytest.mark.parametrize("beside", [{"duration": 4000}, {"duration": 6000.5}, {"audio_duration": 3900}])
def test_seconds_of_long_recordings_stay_seconds(tmp_path, beside):
    turns = [("Ola", "So, let us see what the others have found. " * 4, 500, 520), ("Per", "Nothing. " * 9, 3800, 3900)]
    segments = [{"speaker": n, "text": t, "start": s, "end": e} for n, t, s, e in turns]
    found = timed(saved(tmp_path, "t.json", json.dumps({"segments": segments, **beside})))
    assert [turn[2:] for turn in found] == [(500, 520), (3800, 3900)]


# ------------------------------------------------------------------------------------------------ subtitles


def test_meetings_in_webvtt(tmp_path):
    teams = "WEBVTT\n\n8f1c2a30-77aa-4c1e-9d2b-0a1b2c3d4e5f/13-0\n00:00:01.000 --> 00:00:03.500\n<v Hill, Ada>The budget: is it\nthere?</v>\n\n8f1c2a30-77aa-4c1e-9d2b-0a1b2c3d4e5f/13-1\n00:00:04.000 --> 00:00:05.000\n<v Ben O&#39;Dell>Yes.</v>\n"
    assert timed(saved(tmp_path, "t.vtt", teams)) == [
        ("Hill, Ada", "The budget: is it there?", 1, 3.5),
        ("Ben O'Dell", "Yes.", 4, 5),
    ]
    zoom = vtt("1|Ada Hill (she/her): Hello.", "2|Ben: Hi.", "3|Ada Hill (she/her): Shall we?")
    assert [name for name, _ in said(saved(tmp_path, "z.vtt", zoom))] == [
        "Ada Hill (she/her)",
        "Ben",
        "Ada Hill (she/her)",
    ]
    stream = vtt("(Ada Hill)\nHello there", "(Ben Dell)\nHi\n-\n(Ada Hill)\nyes", "(Ben Dell)\n(laughs)")
    assert said(saved(tmp_path, "s.vtt", stream)) == [
        *(("Ada Hill", "Hello there"), ("Ben Dell", "Hi"), ("Ada Hill", "yes"), ("Ben Dell", "(laughs)")),
    ]


def rolling(lines, flash=0.01):
    """Captions of YouTube: each line is shown, repeated in a very short cue, and shown again above the next line."""
    cues, time, above = [], 1.0, ""
    for line in lines:
        cues.append((time, time + 2, f"{above}\n{line}".strip()))
        cues.append((time + 2, time + 2 + flash, line))
        time, above = time + 2 + flash, line
    return cues


@pytest.mark.parametrize("suffix", ["srt", "vtt", "sbv"])
def test_rolling_captions_are_said_once(tmp_path, suffix):
    lines = ["the first thing that", "that is to be done", "is to boil the water", "water that is clean"]
    marks = {"srt": ",", "vtt": ".", "sbv": "."}

    def clock(t):
        return f"0:00:{t:06.3f}".replace(".", marks[suffix])

    arrow = "," if suffix == "sbv" else " --> "
    text = "\n".join(f"{clock(s)}{arrow}{clock(e)}\n{words}\n" for s, e, words in rolling(lines))
    path = saved(tmp_path, f"t.{suffix}", ("WEBVTT\nKind: captions\n\n" if suffix == "vtt" else "") + text)
    assert [words for _, words in said(path)] == lines


def test_captions_that_grow_word_by_word_are_said_once(tmp_path):
    grown = ["well", "well then", "well then we go", "well then we go\nhome now", "home now"]
    times = [f"00:00:0{n},000 --> 00:00:0{n + 1},000" for n in range(5)]
    text = "\n\n".join(f"{n}\n{t}\n{words}" for n, (t, words) in enumerate(zip(times, grown, strict=True)))
    assert " ".join(words for _, words in said(saved(tmp_path, "t.srt", text))) == "well then we go home now"


@pytest.mark.parametrize(
    "texts", [("No.", "No.", "No."), ("Ada: Go.", "Ben: Go.", "Ada: Go. Go on."), ("Stop.", "Stop. Now.", "Well.")]
)
def test_what_is_said_twice_is_kept_twice(tmp_path, texts):
    found = [words for _, words in said(saved(tmp_path, "t.srt", srt(*texts)))]
    assert found == [text.split(": ")[-1] for text in texts]


def test_tags_of_other_formats(tmp_path):
    path = saved(
        tmp_path, "t.srt", srt("<span class='x'>Ada:</span> Hi<br/>you.", "{y:i}Ben: Ho.", "<p>Ada: 1 < 2 > 0</p>")
    )
    assert said(path) == [("Ada", "Hi you."), ("Ben", "Ho."), ("Ada", "1 < 2 > 0")]


def test_credits_and_titles_without_times_are_nobodys(tmp_path):
    cues = srt("Ada: We made it.", "Ben: Barely.")
    path = saved(
        tmp_path, "t.srt", f"The Long Way Home\n\n{cues}\nSubtitles: nobody in particular\nhttp://subs.example\n\n3\n"
    )
    assert said(path) == [("Ada", "We made it."), ("Ben", "Barely.")]
    warned = warnings_of(path)
    assert (
        "The Long Way Home" in warned
        and "http://subs.example" in warned
        and f"line {path.read_text().splitlines().index('Subtitles: nobody in particular') + 1}" in warned
    )


def test_an_empty_line_inside_a_cue_does_not_end_it(tmp_path):
    path = saved(tmp_path, "t.srt", srt("Ada: We made it.\n\nAt last.", "Ben: Barely."))
    assert said(path)[0] == ("Ada", "We made it. At last.") and "At last." in warnings_of(path)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r\n", "\r"])
@pytest.mark.parametrize("gap", ["\n", "\n\n", "\n \n"])
def test_the_numbers_of_cues_are_no_words(tmp_path, gap, end):
    turns = [("Ada", "We were 12."), ("Ben", "7"), ("Ada", "No, 12.")]
    cues = [f"{n}{gap}00:00:0{n},000 --> 00:00:0{n},500\n{name}: {t}\n" for n, (name, t) in enumerate(turns, start=1)]
    path = saved(tmp_path, "t.srt", "\n".join(cues).replace("\n", end))
    assert said(path) == turns and warnings_of(path) == ""


def test_a_number_below_an_empty_line_is_a_word(tmp_path):
    assert said(saved(tmp_path, "t.srt", srt("Ada: How many?\n\n12", "Ben: Yes.")))[0] == ("Ada", "How many? 12")
    cues = [f"00:00:0{n}.000 --> 00:00:0{n}.500\nAda: So.\n" for n in range(1, 5)]
    found = said(saved(tmp_path, "t.srt", "\n".join([*cues[:2], "12\n", *cues[2:]])))
    assert [text for _, text in found] == ["So.", "So. 12", "So.", "So."]


def test_applause_is_a_turn(tmp_path):
    assert said(saved(tmp_path, "t.srt", srt("Ada: Thank you.", "Crowd: (applause)", "Crowd: [cheers]"))) == [
        *(("Ada", "Thank you."), ("Crowd", "(applause)"), ("Crowd", "[cheers]")),
    ]


def test_a_format_in_a_file_of_another_suffix(tmp_path):
    lines = ["Ada: Hi.", "Ben: Ho.", "Ada: Hm."]
    expected = [("Ada", "Hi."), ("Ben", "Ho."), ("Ada", "Hm.")]
    for name, text in (("a.srt", vtt(*lines)), ("b.vtt", srt(*lines)), ("c.txt", srt(*lines)), ("d.txt", vtt(*lines))):
        path = saved(tmp_path, name, text)
        assert said(path) == expected and ("WebVTT" in warnings_of(path) or "SubRip" in warnings_of(path)), name


ASS = """[Script Info]
Title: x
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,20,&H00FFFFFF,&H000000FF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,2,2,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:09.00,Default,Ned,0,0,0,,not said
Dialogue: 0,0:00:01.00,0:00:02.50,Default,Ned,0,0,0,,{\\an8\\fs30}Mind the step,\\Nplease: now.
Dialogue: 1,0:00:01.00,0:00:02.50,Default,Ned,0,0,0,,{\\bord3}Mind the step,\\Nplease: now.
Dialogue: 0,0:00:03.00,0:00:04.50,Default,Uma,0,0,0,,{\\k20}Too {\\k30}late.
Dialogue: 0,0:00:05.00,0:00:06.00,Default,,0,0,0,,{\\p1}m 0 0 l 100 0 100 100{\\p0}
Dialogue: 0,0:00:05.00,0:00:06.00,Default,,0,0,0,,(a crash)
"""


def test_ass(tmp_path):
    pytest.importorskip("pysubs2")
    expected = [
        ("Ned", "Mind the step, please: now.", 1, 2.5),
        ("Uma", "Too late.", 3, 4.5),
        ("speaker", "(a crash)", 5, 6),
    ]
    assert timed(saved(tmp_path, "t.ass", ASS)) == expected
    unnamed = (
        ASS.replace(",Ned,", ",,").replace(",Uma,", ",,").replace("Mind", "NED: Mind").replace("{\\k20}Too", "UMA: Too")
    )
    assert [turn[0] for turn in timed(saved(tmp_path, "u.ass", unnamed))] == ["NED", "UMA", "UMA"]
    with pytest.raises(ValueError, match=r"bad.ass is not a readable .ass file"):
        read_transcript(saved(tmp_path, "bad.ass", ASS.replace("0:00:03.00", "soon")))


def test_ttml(tmp_path):
    pytest.importorskip("pysubs2")
    text = '<?xml version="1.0"?>\n<tt xmlns="http://www.w3.org/ns/ttml"><body><div><p begin="00:00:01.000" end="00:00:02.500">Ada: Hi.</p><p begin="3s" end="4s">Ben: Ho.</p></div></body></tt>'
    assert timed(saved(tmp_path, "t.ttml", text)) == [("Ada", "Hi.", 1, 2.5), ("Ben", "Ho.", 3, 4)]


# ------------------------------------------------------------------------------------------------ plain text and Word

NOTES = {
    "otter": "Ada Hill  0:03\nWe can start.\n\nBen  0:07\nHe has: the slides.\nAll of them.\n\nAda Hill  1:02:12\nThen we talk.\n",
    "single space": "Ada Hill 0:03\nWe can start.\n\nBen 0:07\nHe has: the slides.\nAll of them.\n\nAda Hill 1:02:12\nThen we talk.\n",
    "unbroken": "Ada Hill\t0:03\nWe can start.\nBen\t0:07\nHe has: the slides. All of them.\nAda Hill\t1:02:12\nThen we talk.\n",
    "brackets": "Ada Hill (00:03):\nWe can start.\n\nBen (00:07):\nHe has: the slides. All of them.\n\nAda Hill (01:02:12):\nThen we talk.\n",
    "sonix": "Ada Hill [00:00:03]\nWe can start.\n\nBen [00:00:07]\nHe has: the slides. All of them.\n\nAda Hill [01:02:12]\nThen we talk.\n",
    "happy scribe": "[00:00:03.00] - Ada Hill\nWe can start.\n\n[00:00:07.00] - Ben\nHe has: the slides. All of them.\n\n[01:02:12.00] - Ada Hill\nThen we talk.\n",
    "descript": "[00:00:03] Ada Hill: We can start.\n\n[00:00:07] Ben: He has: the slides. All of them.\n\n[01:02:12] Ada Hill: Then we talk.\n",
    "markdown": "**Ada Hill** (0:03): We can start.\n\n**Ben** (0:07): He has: the slides. All of them.\n\n**Ada Hill** (1:02:12): Then we talk.\n",
    "time, name": "0:03 Ada Hill\nWe can start.\n0:07 Ben\nHe has: the slides. All of them.\n1:02:12 Ada Hill\nThen we talk.\n",
    "zoom": "00:00:03 Ada Hill: We can start.\n00:00:07 Ben: He has: the slides. All of them.\n01:02:12 Ada Hill: Then we talk.\n",
    "zoom captions": "[Ada Hill] 00:00:03\nWe can start.\n\n[Ben] 00:00:07\nHe has: the slides.\nAll of them.\n\n[Ada Hill] 01:02:12\nThen we talk.\n\n",
    "angles": "<Ada Hill> [0:03]\nWe can start.\n<Ben> [0:07]\nHe has: the slides.\nAll of them.\n<Ada Hill> [1:02:12]\nThen we talk.\n",
    "colons": "**Ada Hill:** [00:00:03] We can start.\n\n**Ben:** [00:00:07] He has: the slides.\nAll of them.\n\n**Ada Hill:** [01:02:12] Then we talk.\n",
    "rev": "Ada Hill: (00:03)\nWe can start.\n\nBen: (00:07)\nHe has: the slides.\nAll of them.\n\nAda Hill: (01:02:12)\nThen we talk.\n",
    "zoom chat, lines": "00:00:03 From Ada Hill to Everyone:\n\tWe can start.\n00:00:07 From Ben to Everyone:\n\tHe has: the slides.\n\tAll of them.\n01:02:12 From Ada Hill to Ben:\n\tThen we talk.\n",
    "zoom chat": "00:00:03\t From Ada Hill to Everyone: We can start.\n00:00:07\t From Ben to Everyone: He has: the slides. All of them.\n01:02:12\t From Ada Hill to Ben: Then we talk.\n",
    "teams": "0:0:3.0 --> 0:0:6.5\nAda Hill\nWe can start.\n0:0:7.0 --> 0:0:9.120\nBen\nHe has: the slides. All of them.\n1:2:12.0 --> 1:2:13.0\nAda Hill\nThen we talk.\n",
    "with a title": "Weekly meeting\nMonday, 10:00\nParticipants: Ada Hill, Ben\n\nAda Hill  0:03\nWe can start.\n\nBen  0:07\nHe has: the slides. All of them.\n\nAda Hill  1:02:12\nThen we talk.\n",
}
NOTED = [
    ("Ada Hill", "We can start.", 3),
    ("Ben", "He has: the slides. All of them.", 7),
    ("Ada Hill", "Then we talk.", 3732),
]


@pytest.mark.parametrize("tool", NOTES)
def test_plain_text_with_times(tmp_path, tool):
    assert [turn[:3] for turn in timed(saved(tmp_path, "t.txt", NOTES[tool]))] == NOTED


def test_plain_text_without_times(tmp_path):
    text = (
        "Ada Hill: We can start.\nBen: He has: the slides.\n  All of them.\n\nAda Hill: Then we talk.\nThe end: no.\n"
    )
    assert said(saved(tmp_path, "t.txt", text)) == [
        *(("Ada Hill", "We can start."), ("Ben", "He has: the slides. All of them.")),
        ("Ada Hill", "Then we talk. The end: no."),
    ]
    with pytest.raises(ValueError, match=r"prose.txt names no speakers: write 'Name: words'"):
        read_transcript(saved(tmp_path, "prose.txt", "It was a dark night.\nNobody spoke.\n"))


def test_every_name_in_brackets_before_a_time_is_a_speaker(tmp_path):
    names = ["Dr. Ada Hill (she/her), Institute of the Long Names of Meetings", "+1 555 0100", "iPad 3", "陳先生"]
    text = "".join(f"[{name}] 10:15:{number}0\nWords {number}.\n\n" for number, name in enumerate(names))
    assert timed(saved(tmp_path, "meeting_saved_closed_caption.txt", text)) == [
        (name, f"Words {number}.", 36900 + 10 * number, None) for number, name in enumerate(names)
    ]
    text = "Ada  0:03\nWe can start.\n[Music] 0:05\nor later.\n\nBen  0:09\nThen we run.\n"
    assert [speaker for speaker, _ in said(saved(tmp_path, "music.txt", text))] == ["Ada", "Ben"]


def test_a_time_at_the_end_of_a_sentence_is_no_header(tmp_path):
    text = "Ada  0:03\nThe train leaves at 10:05\nsays the board.\n\nBen  0:09\nThen we run.\n"
    assert said(saved(tmp_path, "t.txt", text)) == [
        ("Ada", "The train leaves at 10:05 says the board."),
        ("Ben", "Then we run."),
    ]


@pytest.mark.parametrize("line", ["10:05 says the board.", "16:9 is better.", "1:30 - 2:30 is free."])
def test_a_line_that_begins_with_a_time_below_a_header_is_words(tmp_path, line):
    path = saved(tmp_path, "t.txt", f"Ada Hill  0:03\nWell, look:\n{line}\n\nBen Dell  0:09\nYes.\n")
    assert said(path) == [("Ada Hill", f"Well, look: {line}"), ("Ben Dell", "Yes.")]


@pytest.mark.parametrize("form", ["{words} #00:00:{end:02d}-4#", "{words} [0:{end:02d}]"])
def test_times_behind_the_words(tmp_path, form):
    turns = [("I", "How is it?", 0, 3), ("B", "Good: very.", 3, 9), ("I", "Ah.", 9, 12)]
    text = "\n".join(f"{name}: " + form.format(words=words, end=end) for name, words, _, end in turns)
    assert timed(saved(tmp_path, "t.txt", text)) == turns


def test_a_chat_line_in_notes_takes_no_speakers(tmp_path):
    text = "Ada: Is it far?\nBen: No.\n10:15:03 From Cy to Everyone: hello\nand more: words\nAda  10:16\nGood.\nBen: Yes.\n"
    expected = [
        ("Ada", "Is it far?"),
        ("Ben", "No."),
        ("Cy", "hello and more: words"),
        ("Ada", "Good."),
        ("Ben", "Yes."),
    ]
    assert said(saved(tmp_path, "t.txt", text)) == expected


@pytest.mark.parametrize("heard", ["[inaudible] 0:05", "[crosstalk] 0:05", "(pause) 0:05"])
def test_what_is_heard_is_no_speaker(tmp_path, heard):
    text = f"Ada  0:03\nWe can start.\n{heard}\nor later.\n\nBen  0:09\nThen we run.\n"
    assert {speaker for speaker, _ in said(saved(tmp_path, "t.txt", text))} == {"Ada", "Ben"}


@pytest.mark.parametrize("words", ["I started transcription.", "We stopped transcription.", "Meeting ended."])
def test_what_somebody_says_about_the_transcription_is_kept(tmp_path, words):
    for text in (
        f"Ada: {words}\nBen: Fine.\n",
        f"Ada  0:03\n{words}\nBen  0:05\nFine.\n",
        f"[0:03] Ada: {words}\n[0:05] Ben: Fine.\n",
    ):
        assert said(saved(tmp_path, "t.txt", text)) == [("Ada", words), ("Ben", "Fine.")]


@pytest.mark.parametrize(
    "notice",
    [
        "Ada Hill stopped transcription",
        "**Ada Hill** started transcription",
        "Transcription ended after 00:30:30",
        "Meeting ended after 00:30:30 👋",
        "*This editable transcript was computer generated and might contain errors.*",
    ],
)
def test_notices_about_the_transcription_are_nobodys(tmp_path, notice):
    text = f"Ada  0:03\nWe start.\n\n{notice}\n\nBen  0:07\nThe system stopped transcription of it.\n\n{notice}\n"
    path = saved(tmp_path, "t.txt", text)
    assert said(path) == [("Ada", "We start."), ("Ben", "The system stopped transcription of it.")]
    assert "nobody says it" in warnings_of(path)


def test_a_credit_below_the_last_turn_is_nobodys(tmp_path):
    path = saved(
        tmp_path, "t.txt", "Ada  0:03\nHi.\n\nBen  0:04\nIt was recorded by Ada.\n\nTranscribed by https://otter.ai\n"
    )
    assert said(path) == [("Ada", "Hi."), ("Ben", "It was recorded by Ada.")]
    assert "line 7: 'Transcribed by https://otter.ai' was left out" in warnings_of(path)


def test_whispers_printed_lines(tmp_path):
    text = "[00:00.000 --> 00:02.400]  We can start.\n[00:02.400 --> 00:05.000]  He has the slides.\n"
    assert timed(saved(tmp_path, "t.txt", text)) == [
        ("speaker", "We can start.", 0, 2.4),
        ("speaker", "He has the slides.", 2.4, 5),
    ]


@pytest.mark.parametrize("tool", ["otter", "teams", "with a title"])
def test_word_documents(tmp_path, tool):
    docx = pytest.importorskip("docx")
    document = docx.Document()
    for paragraph in NOTES[tool].split("\n\n"):  # a turn is one paragraph with line breaks
        document.add_paragraph(paragraph)
    document.save(str(tmp_path / "t.docx"))
    assert [turn[:3] for turn in timed(tmp_path / "t.docx")] == NOTED


def test_a_table_in_a_word_document_and_damaged_ones(tmp_path):
    docx = pytest.importorskip("docx")
    document = docx.Document()
    table = document.add_table(rows=0, cols=3)
    for row in (("Time", "Speaker", "Transcript"), ("00:03", "Ada", "Hi."), ("00:05", "Ben", "Ho.")):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    document.save(str(tmp_path / "t.docx"))
    assert timed(tmp_path / "t.docx") == [("Ada", "Hi.", 3, None), ("Ben", "Ho.", 5, None)]
    whole = (tmp_path / "t.docx").read_bytes()
    for name, content in (("cut.docx", whole[:2000]), ("not.docx", b"hello"), ("none.docx", b"")):
        with pytest.raises(ValueError, match=name):
            read_transcript(saved(tmp_path, name, content))


# ------------------------------------------------------------------------------------------------ tables

HEADERS = [
    "Speaker,Start Time,End Time,Text",
    "speaker_label,start_time,end_time,transcript",
    "Speaker Name,Start (s),End (s),Transcript",
    "name;begin;end;utterance",
    "SPEAKER\tFrom\tTo\tSentence",
    "Speaker,Onset,Offset End,Caption",
    "speakerId,startTime,endTime,content",
    "Who,tmin,tmax,text",
    "Speaker,In,Out,Dialogue",
    "Speaker,Start (hh:mm:ss.ms),End (hh:mm:ss.ms),Text",
    "speaker,start time in seconds,end time in seconds,text",
    "Sprecher;Beginn;Ende;Text",
]


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("form", [str, lambda t: f"00:00:{t:06.3f}", lambda t: f"0:{t:04.1f}"])
def test_headers_of_csv(tmp_path, header, form):
    mark = next(mark for mark in ",;\t" if mark in header)
    rows = [("Ada", 1.5, 2.0, "Hi."), ("Ben", 3.0, 4.5, "Ho.")]
    text = "\n".join([header, *(mark.join((n, form(s), form(e), t)) for n, s, e, t in rows)])
    for name in ("t.csv", "t.tsv"):
        assert timed(saved(tmp_path, name, text)) == [("Ada", "Hi.", 1.5, 2), ("Ben", "Ho.", 3, 4.5)]
    assert timed(saved(tmp_path, "bom.csv", "\ufeff" + text.replace("\n", "\r\n")))[1] == ("Ben", "Ho.", 3, 4.5)


@pytest.mark.parametrize(
    "names",
    [
        ("start_ms", "end_ms"),
        ("Start (ms)", "End (ms)"),
        ("startMs", "endMs"),
        ("begin msec", "stop msec"),
        ("Start Time (milliseconds)", "Duration (ms)"),
    ],
)
def test_columns_in_milliseconds(tmp_path, names):
    second = 700 if "Duration" in names[1] else 1900
    text = f"text,{names[0]},{names[1]},speaker\nHi.,1200,{second},Ada\n"
    assert timed(saved(tmp_path, "t.csv", text)) == [("Ada", "Hi.", 1.2, 1.9)]


def test_columns_that_count_frames_are_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match="'Start Frame'"):
        read_transcript(saved(tmp_path, "t.csv", "speaker,text,Start Frame,End Frame\nAda,Hi.,10,20\n"))
    for time in ("00:00:04:12", "0:00:04;12"):
        with pytest.raises(ValueError, match=f"line 2: its start '{time}' counts frames"):
            read_transcript(saved(tmp_path, "t.csv", f"speaker,text,start,end\nAda,Hi.,{time},9\n"))


def test_tables_without_speakers(tmp_path):
    whisper = "start\tend\ttext\n0\t2400\tWe can start.\n2400\t5100\tHe has the slides.\n"
    path = saved(tmp_path, "t.tsv", whisper)
    assert timed(path) == [("speaker", "We can start.", 0, 2.4), ("speaker", "He has the slides.", 2.4, 5.1)]
    assert "one speaker" in warnings_of(path) and "milliseconds" in warnings_of(path)
    text = "start,end,text\n0.5,1,Ada: Hi.\n1.5,2,Ben: Ho.\n2.5,3,Ada: Hm.\n"
    assert said(saved(tmp_path, "t.csv", text)) == [("Ada", "Hi."), ("Ben", "Ho."), ("Ada", "Hm.")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("first", ['"Is it far?', '"Is it" far?', '"Is it far? she said.', 'Is it "far"?'])
def test_quotes_in_a_file_of_tabs_belong_to_the_words(tmp_path, first, end):
    rows = ["start\tend\ttext", f"0\t1500\t{first}", "1500\t2600\tNo.", '2600\t4000\tThen "go" now."', ""]
    assert [turn[1:] for turn in timed(saved(tmp_path, "t.tsv", end.join(rows)))] == [
        (first, 0, 1.5),
        ("No.", 1.5, 2.6),
        ('Then "go" now."', 2.6, 4.0),
    ]


def test_quoted_cells_of_several_lines_in_a_file_of_tabs(tmp_path):
    path = saved(tmp_path, "t.tsv", 'speaker\ttext\nAda\t"Is it\nfar?"\nBo\t"No."\n')
    assert said(path) == [("Ada", "Is it\nfar?"), ("Bo", "No.")]


def test_excel_and_what_excel_writes(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["A note"])
    sheet = book.create_sheet("Turns")
    for row in (
        ("Speaker", "Start", "End", "Text"),
        ("Ada", 1.5, 2, "Hi."),
        ("Ben", "0:03", "0:04,5", "=not a formula"),
    ):
        sheet.append(row)
    sheet["D3"].data_type = "s"
    book.save(tmp_path / "t.xlsx")
    assert timed(tmp_path / "t.xlsx") == [("Ada", "Hi.", 1.5, 2), ("Ben", "=not a formula", 3, 4.5)]
    assert timed(saved(tmp_path, "t.csv", "sep=;\nSpeaker;Text;Start\nAda;Hi, you;1,5\n")) == [
        ("Ada", "Hi, you", 1.5, None)
    ]
    with pytest.raises(ValueError, match=r"cut.xlsx"):
        read_transcript(saved(tmp_path, "cut.xlsx", (tmp_path / "t.xlsx").read_bytes()[:900]))


# ------------------------------------------------------------------------------------------------ annotations

LONG_GRID = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 6
tiers? <exists>
size = 3
item []:
    item [1]:
        class = "IntervalTier"
        name = "Ilka"
        xmin = 0
        xmax = 6
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 1e-01
            text = ""
        intervals [2]:
            xmin = 0.1
            xmax = 1.5
            text = "She said ""no""
and left: item [4] = 7"
        intervals [3]:
            xmin = 1.5
            xmax = 6
            text = " "
    item [2]:
        class = "TextTier"
        name = "clicks"
        xmin = 0
        xmax = 6
        points: size = 1
        points [1]:
            number = 2.5
            mark = "x"
    item [3]:
        class = "IntervalTier"
        name = "Bo"
        xmin = 0
        xmax = 6
        intervals: size = 1
        intervals [1]:
            xmin = 2
            xmax = 3.25
            text = "Grüß Gott"
"""
SHORT_GRID = 'File type = "ooTextFile"\n"TextGrid"\n0\n6\n<exists>\n2\n"IntervalTier"\n"Ilka"\n0\n6\n1\n0.1\n1.5\n"She said ""no"" and left: item [4] = 7"\n"IntervalTier"\n"Bo"\n0\n6\n1\n2 3.25 "Grüß Gott"\n'


@pytest.mark.parametrize("grid", [LONG_GRID, SHORT_GRID, LONG_GRID.replace("\n", "\r\n")])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "cp1252"])
def test_textgrid(tmp_path, grid, encoding):
    expected = [("Ilka", 'She said "no" and left: item [4] = 7', 0.1, 1.5), ("Bo", "Grüß Gott", 2, 3.25)]
    assert timed(saved(tmp_path, "t.TextGrid", grid, encoding)) == expected
    if grid is LONG_GRID:
        assert "clicks" in warnings_of(tmp_path / "t.TextGrid")


def test_textgrid_binary_with_words_and_damaged(tmp_path):
    praat = pytest.importorskip("pympi.Praat")
    grid = praat.TextGrid(xmax=4)
    grid.add_tier("Ilka").add_interval(0.5, 1.5, "Hello.")
    grid.add_tier("Ilka - words").add_interval(0.5, 1.0, "Hello")
    grid.to_file(str(tmp_path / "b.TextGrid"), mode="b")
    assert timed(tmp_path / "b.TextGrid") == [("Ilka", "Hello.", 0.5, 1.5)]
    assert "Ilka - words" in warnings_of(tmp_path / "b.TextGrid")
    for name, content in (
        ("cut.TextGrid", LONG_GRID[:700]),
        ("none.TextGrid", "hello"),
        ("b2.TextGrid", (tmp_path / "b.TextGrid").read_bytes()[:60]),
    ):
        with pytest.raises(ValueError, match=name):
            read_transcript(saved(tmp_path, name, content))


def grid_of(tiers: dict[str, list]) -> str:
    """A short TextGrid of interval tiers."""
    lines = ['File type = "ooTextFile"', '"TextGrid"', "0", "6", "<exists>", str(len(tiers))]
    for name, intervals in tiers.items():
        lines += ['"IntervalTier"', f'"{name}"', "0", "6", str(len(intervals))]
        lines += [f'{start} {end} "{label}"' for start, end, label in intervals]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("name", "speaker"),
    [
        ("{} - words", "{}"),
        ("{}_words", "{}"),
        ("{}: ORT", "{}"),
        ("words", UNKNOWN_SPEAKER),
        ("ORT-MAU", UNKNOWN_SPEAKER),
    ],
)
def test_textgrid_of_an_aligner(tmp_path, name, speaker):
    people = ["Ada (host)", "Ben"] if "{}" in name else [""]
    said_by = {
        "Ada (host)": [(0, 0.5, ""), (0.5, 0.9, "she"), (0.9, 1.3, "said"), (1.3, 4, "<eps>"), (4, 4.5, "no")],
        "Ben": [(0, 1.5, ""), (1.5, 2, "hm")],
        "": [(0.5, 0.9, "she"), (0.9, 1.3, "said"), (1.3, 4, ""), (4, 4.5, "no")],
    }
    tiers = {}
    for person in people:
        tiers[name.format(person)] = said_by[person]
        tiers[name.format(person).replace("words", "phones").replace("ORT", "MAU")] = [(0.5, 0.6, "S"), (0.6, 0.7, "i")]
    who = speaker.format(people[0])
    expected = [(who, "she said", 0.5, 1.3), *[("Ben", "hm", 1.5, 2)] * (len(people) > 1), (who, "no", 4, 4.5)]
    assert timed(saved(tmp_path, "t.TextGrid", grid_of(tiers))) == expected
    assert "single words were gathered" in warnings_of(tmp_path / "t.TextGrid")


def test_tiers_of_words_are_gathered_each_by_itself(tmp_path):
    tiers = {
        "Ada words": [(0, 0.4, "yes"), (0.4, 0.8, "but"), (0.8, 1.2, "no")],
        "Ben words": [(0.2, 0.6, "hm"), (0.6, 1, "so")],
        "Cy words": [(3, 5, "She said no.")],
    }
    assert timed(saved(tmp_path, "t.TextGrid", grid_of(tiers))) == [
        ("Ada", "yes but no", 0, 1.2),
        ("Ben", "hm so", 0.2, 1),
        ("Cy words", "She said no.", 3, 5),
    ]


def test_a_tier_of_words_that_holds_sentences_is_a_speaker(tmp_path):
    path = saved(tmp_path, "t.TextGrid", grid_of({"words": [(0, 1, "She said no."), (1.2, 2, "He did not.")]}))
    assert timed(path) == [("words", "She said no.", 0, 1), ("words", "He did not.", 1.2, 2)]


EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2024-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"/>
<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="a" TIME_VALUE="400"/><TIME_SLOT TIME_SLOT_ID="b"/><TIME_SLOT TIME_SLOT_ID="c" TIME_VALUE="1600"/><TIME_SLOT TIME_SLOT_ID="d" TIME_VALUE="2000"/></TIME_ORDER>
<TIER LINGUISTIC_TYPE_REF="utt" PARTICIPANT="Ilka Berg" TIER_ID="utterance@IB">
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="a" TIME_SLOT_REF2="b"><ANNOTATION_VALUE>Wait &amp; see.</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="b" TIME_SLOT_REF2="c"><ANNOTATION_VALUE>Well.</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a3" TIME_SLOT_REF1="c" TIME_SLOT_REF2="d"><ANNOTATION_VALUE/></ALIGNABLE_ANNOTATION></ANNOTATION>
</TIER>
<TIER LINGUISTIC_TYPE_REF="utt" TIER_ID="Bo"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a4" TIME_SLOT_REF1="c" TIME_SLOT_REF2="d"><ANNOTATION_VALUE>Ah.</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
<TIER LINGUISTIC_TYPE_REF="tr" PARENT_REF="Bo" TIER_ID="Bo-en"><ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a5" ANNOTATION_REF="a4"><ANNOTATION_VALUE>translated</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION></TIER>
</ANNOTATION_DOCUMENT>
"""


def test_elan(tmp_path):
    path = saved(tmp_path, "t.eaf", EAF)
    assert timed(path) == [
        ("Ilka Berg", "Wait & see.", 0.4, 1.0),
        ("Ilka Berg", "Well.", 1.0, 1.6),
        ("Bo", "Ah.", 1.6, 2.0),
    ]
    assert "Bo-en" in warnings_of(path)
    bad = {
        "complete XML": EAF[:900],
        "document type": EAF.replace("<HEADER", "<!DOCTYPE x>\n<HEADER"),
        "PAL-frames": EAF.replace("milliseconds", "PAL-frames"),
        "no time slots": EAF.replace('REF1="b"', 'REF1="z"'),
        "'soon'": EAF.replace('"1600"', '"soon"'),
        "not <ANNOTATION_DOCUMENT>": "<html/>",
    }
    for message, content in bad.items():
        with pytest.raises(ValueError, match=message):
            read_transcript(saved(tmp_path, "bad.eaf", content))


# ------------------------------------------------------------------------------------------------ the speech field's lines


def test_ctm_and_stm(tmp_path):
    ctm = ";; words\ntalk A 0.50 0.30 salt 0.98\ntalk A 0.85 0.25 and 0.99\ntalk A 1.20 0.40 pepper\ntalk A 4.0 0.2 no\ntalk B 1.7 0.2 what\n"
    assert timed(saved(tmp_path, "t.ctm", ctm)) == [
        ("A", "salt and pepper", 0.5, 1.6),
        ("B", "what", 1.7, 1.9),
        ("A", "no", 4.0, 4.2),
    ]
    stm = ";; x\ntalk A ada 0.5 1.5 <o,f0,female> salt and pepper\ntalk A inter_segment_gap 1.5 2 <o,,unknown>\ntalk A ben 2.0 2.5 what\n"
    assert timed(saved(tmp_path, "t.stm", stm)) == [("ada", "salt and pepper", 0.5, 1.5), ("ben", "what", 2, 2.5)]
    two = ctm + "other 1 0 1 hi\n"
    assert [c["id"] for c in read_transcripts(saved(tmp_path, "two.ctm", two))] == ["talk", "other"]
    for name, content, message in (
        ("a.ctm", "talk 1 0.5 salt", "line 1 has 4 fields"),
        ("a.stm", "talk 1 ada 2 1 x", "line 1 ends at 1 s"),
        ("b.ctm", "talk 1 x 1 a", "its start is 'x'"),
    ):
        with pytest.raises(ValueError, match=message):
            read_transcript(saved(tmp_path, name, content))


def test_rttm_turns_that_overlap_are_all_kept(tmp_path):
    turns = [("B", 0.25, 1.5), ("A", 0.25, 1.5), ("B", 1.0, 0.0), ("A", 0.3, 0.2), ("A", 9.0, 0.0)]
    path = saved(tmp_path, "t.rttm", "".join(f"SPEAKER f 1 {s} {d} <NA> <NA> {n} <NA> <NA>\n" for n, s, d in turns))
    assert sorted(turn[:1] + turn[2:] for turn in timed(path)) == sorted((n, s, round(s + d, 6)) for n, s, d in turns)


def test_every_format_has_a_test_here_or_beside_it():
    tested = {
        ".json",
        ".jsonl",
        ".csv",
        ".tsv",
        ".xlsx",
        ".srt",
        ".vtt",
        ".sbv",
        ".ass",
        ".ssa",
        ".ttml",
        ".rttm",
        ".ctm",
        ".stm",
        ".textgrid",
        ".eaf",
        ".txt",
        ".docx",
    }
    assert set(READERS) == tested


def test_what_is_read_is_a_conversation(tmp_path):
    for name, content in (
        ("a.txt", NOTES["otter"]),
        ("b.eaf", EAF),
        ("c.TextGrid", LONG_GRID),
        ("d.json", json.dumps(SPEAKERS["rev.ai"])),
    ):
        conversation = read_transcript(saved(tmp_path, name, content))
        assert check_conversations(conversation) == [conversation] and conversation["id"] == name[0]
