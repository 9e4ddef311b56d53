"""Finding the transcript of each recording in a folder."""

from types import SimpleNamespace

import pytest

pytest.importorskip("av")

from modeling_amuse.processing import speech_to_text
from modeling_amuse.processing.timelines.timeline_files import write_timeline
from modeling_amuse.scripts.recognition.recognition import files_of, load_speech
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
        *(
            "talk.ENG.srt",
            "talk_deu.vtt",
            "talk.yue.srt",
            "talk_german.srt",
            "talk.pt-BR.srt",
            "talk.es-419.vtt",
            "talk.en_US.srt",
            "talk.nb.srt",
        ),
        *("transcript_talk.txt", "talk.TextGrid", "talk.eaf", "talk_whisperx.en.json", "talk - Transcript.txt"),
    ],
)
def test_names_as_tools_write_them(tmp_path, name):
    found = folder_of(tmp_path, "talk.wav", "other.wav", name)
    assert found.beside(tmp_path / "talk.wav") == [tmp_path / name]
    assert found.beside(tmp_path / "other.wav") == [] and found.without_recording(tmp_path) == []


@pytest.mark.parametrize(
    "name",
    [
        "talk_jan.srt",
        "talk_jo.srt",
        "talk_ron.srt",
        "talk_us.srt",
        "talk_to_us.srt",
        "talk_mar.srt",
        "talk_mon.srt",
        "talk-ben.vtt",
        "talk-bob.vtt",
        "talk_two.srt",
        "talk.day.srt",
        "talk2.srt",
        "talk.info.json",
        "talk.features.csv",
        "mytalk.srt",
        "talk.rttm",
        "talk.md",
        "talking.srt",
    ],
)
def test_other_names_belong_to_no_recording(tmp_path, name):
    assert folder_of(tmp_path, "talk.wav", name).beside(tmp_path / "talk.wav") == []


@pytest.mark.parametrize("name", ["sync-qa-en.srt", "sync-qa.en-GB.srt", "sync-qa (captions).vtt"])
def test_a_name_with_hyphens_keeps_its_own_transcript(tmp_path, name):
    found = folder_of(tmp_path, "sync-qa.mp4", "sync.mp4", name)
    assert found.beside(tmp_path / "sync-qa.mp4") == [tmp_path / name] and found.beside(tmp_path / "sync.mp4") == []


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


def test_timelines_that_this_package_wrote_are_no_conversations(tmp_path):
    found = folder_of(
        tmp_path, "a.srt", "talk.wav", "talk.rttm", contents={"a.srt": "1\n00:00:01,000 --> 00:00:02,000\nHi.\n"}
    )
    one = {"emotion": "joy", "confidence": 1.0, "scores": {"joy": 1.0}}
    for name in ("a.json", "b-emotions.json"):
        write_timeline(
            [{"speaker": "Ada", "text": "Hi.", "start": 1.0, "end": 2.0, **one, "modalities": {}}], tmp_path / name
        )
    assert found.without_recording(tmp_path) == [tmp_path / "a.srt"]


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


TURN = "SPEAKER talk 1 0.50 1.00 <NA> <NA> Ada <NA> <NA>\n"


@pytest.mark.parametrize(
    ("transcript", "contents", "text", "is_needed"),
    [
        (None, "", None, True),
        ("talk.srt", SRT, None, False),
        ("talk.rttm", TURN, None, True),
        ("talk.rttm", TURN, "Come in.\n", False),
        ("talk.csv", "speaker,start,end\nAda,0.5,1.5\n", None, True),
        ("talk.csv", "speaker,text,start,end\nAda,Come in.,0.5,1.5\n", None, False),
        ("talk.json", '[{"speaker": "Ada", "start": 0.5, "end": 1.5}]', None, True),
        ("talk.csv", "speaker,start,end\nAda,never,1.5\n", None, False),  # an error that is said with the recording
    ],
)
@pytest.mark.parametrize("other", [None, "talk.mp3"])
def test_the_speech_model_is_loaded_where_the_chosen_transcript_has_no_words(
    tmp_path, monkeypatch, caplog, transcript, contents, text, is_needed, other
):
    """Whatever other transcripts lie beside the recording."""
    folder_of(tmp_path, "talk.wav", "talk.en.srt")
    monkeypatch.setattr(speech_to_text, "load_speech_model", lambda model: model)
    if transcript is not None:
        (tmp_path / transcript).write_text(contents)
    if text is not None:
        (tmp_path / "words.txt").write_text(text)
    chosen = {tmp_path / "talk.wav": None if transcript is None else tmp_path / transcript}
    if other is not None:
        chosen = {tmp_path / "other.wav": tmp_path / "talk.en.srt", **chosen, tmp_path / "talk.en.srt": None}
    text_path = None if text is None else str(tmp_path / "words.txt")
    assert load_speech("whisper", chosen, text_path) == ("whisper" if is_needed else None)
    assert load_speech(None, chosen, text_path) is None and not caplog.text


@pytest.mark.parametrize(
    ("options", "is_needed"),
    [([], False), (["--transcript", "talk.rttm"], True), (["--transcript", "talk.srt"], False)],
)
def test_the_command_takes_the_words_of_the_chosen_transcript(tmp_path, monkeypatch, options, is_needed):
    from modeling_amuse.scripts import amuse
    from modeling_amuse.scripts.recognition import recognition

    class Stopped(Exception):
        pass

    def stop(model, chosen, transcript_text):
        assert recognition._lacks_words(*next(iter(chosen.items())), transcript_text) is is_needed
        raise Stopped

    monkeypatch.setattr(
        recognition, "load_recognizer", lambda model: SimpleNamespace(model=SimpleNamespace(config=None))
    )
    monkeypatch.setattr(recognition, "check_target", lambda config, target: None)
    monkeypatch.setattr(recognition, "load_speech", stop)
    folder_of(tmp_path, "talk.wav", "talk.srt")
    (tmp_path / "talk.rttm").write_text(TURN)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Stopped):
        amuse.run("recognize", "amuse recognize", ["talk.wav", "--model", "m", "--speech_model", "whisper", *options])
