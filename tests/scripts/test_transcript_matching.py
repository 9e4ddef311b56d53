"""Finding the transcript of each recording in a folder."""

import pytest

pytest.importorskip("av")

from modeling_amuse.scripts.recognition.recognition import files_of
from modeling_amuse.scripts.recognition.transcript_matching import FolderTranscripts

SRT = "1\n00:00:01,000 --> 00:00:02,000\nAda: Hello.\n"


def folder_of(tmp_path, *names, contents=None):
    for name in names:
        (tmp_path / name).write_text((contents or {}).get(name, SRT if name.endswith("srt") else "Ada  0:01\nHello.\n"))
    return FolderTranscripts()


@pytest.mark.parametrize(
    "name",
    [
        *(
            "talk.srt",
            "Talk.SRT",
            "talk.en.srt",
            "talk.en-US.vtt",
            "talk.zh-Hans.srt",
            "talk.en.sdh.srt",
            "talk.de-orig.vtt",
        ),
        *(
            "talk.transcript.vtt",
            "talk_transcript.txt",
            "talk-transcript.txt",
            "talk transcript.txt",
            "talk (captions).srt",
        ),
        *("talk.wav.srt", "talk.wav.json", "talk_otter_ai.txt", "talk.cc.vtt", "talk.diarized.json", "talk_en.srt"),
        *("transcript_talk.txt", "talk.TextGrid", "talk.eaf", "talk_whisperx.en.json", "talk - Transcript.txt"),
    ],
)
def test_names_as_tools_write_them(tmp_path, name):
    found = folder_of(tmp_path, "talk.wav", "other.wav", name)
    assert found.beside(tmp_path / "talk.wav") == [tmp_path / name]
    assert found.beside(tmp_path / "other.wav") == [] and found.without_recording(tmp_path) == []


@pytest.mark.parametrize(
    "name", ["talk2.srt", "talk.info.json", "talk.features.csv", "mytalk.srt", "talk.rttm", "talk.md", "talking.srt"]
)
def test_other_names_belong_to_no_recording(tmp_path, name):
    assert folder_of(tmp_path, "talk.wav", name).beside(tmp_path / "talk.wav") == []


def test_zooms_names(tmp_path):
    names = ["GMT20240102-100000_Recording_1920x1080.mp4", "GMT20240102-100000_Recording.m4a"]
    captions = ["GMT20240102-100000_Recording.cc.vtt", "GMT20240102-100000_Recording.transcript.vtt"]
    found = folder_of(tmp_path, *names, *captions)
    for name in names:
        assert [p.name for p in found.beside(tmp_path / name)] == captions[::-1]


def test_the_recording_with_the_longer_name_takes_it(tmp_path):
    found = folder_of(tmp_path, "talk.wav", "talk.en.wav", "talk.mp4", "talk.en.srt", "talk.de.srt")
    assert found.beside(tmp_path / "talk.en.wav") == [tmp_path / "talk.en.srt"]
    assert found.beside(tmp_path / "talk.wav") == found.beside(tmp_path / "talk.mp4") == [tmp_path / "talk.de.srt"]


def test_of_several_the_plainest_name_comes_first_and_the_language_before_it(tmp_path):
    found = folder_of(
        tmp_path, "talk.wav", "talk.txt", "talk.vtt", "talk.en.srt", "talk.transcript.en.srt", "talk.fr.srt"
    )
    order = ["talk.vtt", "talk.txt", "talk.en.srt", "talk.fr.srt", "talk.transcript.en.srt"]
    assert [p.name for p in found.beside(tmp_path / "talk.wav")] == order
    assert found.beside(tmp_path / "talk.wav", "fr")[0].name == "talk.fr.srt"


def test_texts_that_are_no_transcripts_are_left_out(tmp_path, caplog):
    contents = {"talk.txt": "Notes of the day.\n", "readme.txt": "What this is.\n", "turns.txt": "Ada: Hi.\nBen: Ho.\n"}
    found = folder_of(tmp_path, "talk.wav", *contents, contents=contents)
    assert found.beside(tmp_path / "talk.wav") == [] and "talk.txt has the name of a transcript" in caplog.text
    assert found.without_recording(tmp_path) == [tmp_path / "turns.txt"]


@pytest.mark.parametrize("pairs", [50, 100])
def test_each_folder_is_listed_once_and_each_name_looked_at_a_few_times(tmp_path, pairs, monkeypatch):
    from modeling_amuse.scripts.recognition import transcript_matching

    names = [f"talk{number}{ending}" for number in range(pairs) for ending in (".wav", ".en.srt")]
    for name in names:
        (tmp_path / name).write_text(SRT)
    listings, looks = [], []

    def list_folder(folder):
        listings.append(folder)
        return names

    recording_of = transcript_matching._recording_of
    monkeypatch.setattr(
        transcript_matching, "_recording_of", lambda *given: looks.append(given) or recording_of(*given)
    )
    folders = FolderTranscripts(list_folder)
    inputs = files_of([str(tmp_path)], folders)
    assert len(inputs) == pairs
    assert all(folders.beside(path) == [path.with_suffix(".en.srt")] for path in inputs)
    assert listings == [tmp_path] and len(looks) == pairs
