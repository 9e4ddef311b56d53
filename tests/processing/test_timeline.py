"""The timeline of a recording: files that can be read again, the table and the picture."""

import csv
import json
import math
import random

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling_amuse.processing.corpora.meld import EMOTIONS
from modeling_amuse.processing.timelines.report import write_report
from modeling_amuse.processing.timelines.report_data import ReportedRecording
from modeling_amuse.processing.timelines.timeline_files import WRITERS, as_table, clock, is_timeline, write_timeline
from modeling_amuse.processing.timelines.timeline_picture import save_timeline
from modeling_amuse.processing.transcripts import read_transcript

MODALITIES = ("text", "audio", "vision")


def result(speaker="Ada", text="I passed!", start=0.0, end=1.5, emotion="joy", confidence=0.83, modalities=MODALITIES):
    others = [name for name in EMOTIONS if name != emotion]
    scores = {emotion: confidence, **dict.fromkeys(others, (1 - confidence) / len(others))}
    said = {"emotion": emotion, "confidence": confidence, "scores": scores}
    shares = dict(zip(modalities, [1.0] if len(modalities) == 1 else [0.5, 0.3, 0.2], strict=False))
    given = {"speaker": speaker, "text": text, "start": start, "end": end}
    given = {key: value for key, value in given.items() if value is not None}
    return {**given, **said, "modalities": dict.fromkeys(modalities, said), "shares": shares}


TALK = [
    result(),
    result("Ben", "No way, “really”?\nTell --> me.", 1.4996, 3, "surprise", 0.5),
    result("Dr. Cy: 2", None, 3, 3723.25, "neutral", 1.0),
]


def turns(utterances):
    return [(u["speaker"], u.get("text"), u.get("start"), u.get("end")) for u in utterances]


@pytest.mark.parametrize("suffix", [".json", ".csv", ".xlsx"])
def test_json_and_tables_read_back(tmp_path, suffix):
    path = tmp_path / f"talk{suffix}"
    write_timeline(TALK, path)
    digits = 9 if suffix == ".json" else 3
    expected = [(s, t, round(a, digits), round(b, digits)) for s, t, a, b in turns(TALK)]
    assert turns(read_transcript(path)["utterances"]) == expected
    assert [u["emotion"] for u in read_transcript(path)["utterances"]] == ["joy", "surprise", "neutral"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".json", ".csv", ".srt", ".xlsx", ".textgrid", ".eaf"])
def test_what_is_written_is_told_from_a_transcript(tmp_path, suffix):
    write_timeline(TALK, tmp_path / f"talk{suffix}", "meeting")
    assert is_timeline(tmp_path / f"talk{suffix}")
    plain = {
        ".json": json.dumps({"id": "talk", "utterances": TALK}),
        ".csv": "speaker,text,start,end,emotion\nAda,Hello,0,1,joy\n",
        ".srt": "1\n00:00:01,000 --> 00:00:02,000\nAda: Hello [joy]\n",
        ".xlsx": "no workbook",
        ".textgrid": 'File type = "ooTextFile"\n',
        ".eaf": '<?xml version="1.0"?>\n<ANNOTATION_DOCUMENT AUTHOR="me"/>',
    }
    (tmp_path / f"plain{suffix}").write_text(plain[suffix])
    assert not is_timeline(tmp_path / f"plain{suffix}")


def test_json_holds_the_results(tmp_path):
    write_timeline(TALK, tmp_path / "talk.json")
    assert json.loads((tmp_path / "talk.json").read_text("utf-8")) == {"recording": "talk", "utterances": TALK}


def test_csv_is_flat(tmp_path):
    write_timeline([{"id": "u0", **TALK[0]}, TALK[1]], tmp_path / "talk.csv")
    frame = pd.read_csv(tmp_path / "talk.csv")
    plain = ["id", "start", "end", "speaker", "text", "emotion", "confidence"]
    assert list(frame) == [
        *plain,
        *[f"score_{e}" for e in TALK[0]["scores"]],
        "share_text",
        "share_audio",
        "share_vision",
        *[f"{what}_{modality}" for modality in MODALITIES for what in ("emotion", "confidence")],
    ]
    assert frame["emotion_audio"].tolist() == ["joy", "surprise"] and frame["confidence_audio"].tolist() == [0.83, 0.5]
    assert frame["score_surprise"][1] == 0.5 and frame["share_audio"].tolist() == [0.3, 0.3]
    assert frame["id"][0] == "u0" and pd.isna(frame["id"][1])


def test_srt(tmp_path):
    write_timeline([TALK[2], *TALK[:2]], tmp_path / "talk.srt")  # sorted by time
    assert (tmp_path / "talk.srt").read_text("utf-8") == (
        "1\n00:00:00,000 --> 00:00:01,500\nAda [joy 83 %]: I passed!\n\n"
        "2\n00:00:01,500 --> 00:00:03,000\nBen [surprise 50 %]: No way, “really”? Tell -> me.\n\n"
        "3\n00:00:03,000 --> 01:02:03,250\nDr. Cy: 2 [neutral 100 %]:\n"
    )
    assert turns(read_transcript(tmp_path / "talk.srt")["utterances"]) == [
        ("Ada", "I passed!", 0, 1.5),
        ("Ben", "No way, “really”? Tell -> me.", 1.5, 3),
        ("Dr. Cy: 2", None, 3, 3723.25),
    ]


def test_rttm(tmp_path):
    write_timeline(TALK, tmp_path / "my talk.rttm")
    assert (tmp_path / "my talk.rttm").read_text("utf-8").splitlines() == [
        ";; amuse timeline",
        "SPEAKER my_talk 1 0.000 1.500 <NA> joy Ada 0.830 <NA>",
        "SPEAKER my_talk 1 1.500 1.500 <NA> surprise Ben 0.500 <NA>",
        "SPEAKER my_talk 1 3.000 3720.250 <NA> neutral Dr._Cy:_2 1.000 <NA>",
    ]
    back = read_transcript(tmp_path / "my talk.rttm")["utterances"]
    assert turns(back) == [("Ada", None, 0, 1.5), ("Ben", None, 1.5, 3), ("Dr._Cy:_2", None, 3, 3723.25)]


def test_annotations_have_words_and_emotions_of_each_speaker(tmp_path):
    praat = pytest.importorskip("pympi.Praat")
    elan = pytest.importorskip("pympi.Elan")
    talk = [*TALK[:2], result('Ben "B"', "Ha & <ha>", 3, 4), result("Ada", "at once", 1.0, 2.0, "anger", 0.4)]
    write_timeline(talk, tmp_path / "talk.TextGrid")
    grid = praat.TextGrid(str(tmp_path / "talk.TextGrid"))
    tiers = [(tier.name, [span for span in tier.get_intervals() if span[2]]) for tier in grid.tiers]
    assert tiers[0] == ("Ada", [(0.0, 1.5, "I passed!")]) and tiers[1] == ("Ada [emotion]", [(0.0, 1.5, "joy 83 %")])
    assert ("Ada", [(1.0, 2.0, "at once")]) in tiers  # overlapping utterances have separate tiers
    write_timeline(talk, tmp_path / "talk.eaf")
    document = elan.Eaf(str(tmp_path / "talk.eaf"))
    assert document.get_annotation_data_for_tier("Ada [emotion]") == [(0, 1500, "joy 83 %")]
    assert document.tiers["Ada (2)"][2]["PARTICIPANT"] == "Ada"
    expected = sorted((s, " ".join(t.split()), a, round(b, 3)) for s, t, a, b in turns(talk))
    for name in ("talk.TextGrid", "talk.eaf"):
        found = turns(read_transcript(tmp_path / name)["utterances"])
        assert [(s, t, pytest.approx(a, abs=1e-3), b) for s, t, a, b in sorted(found)] == expected


def test_a_textgrid_of_this_package_keeps_signs_and_names_like_those_of_tiers(tmp_path):
    write_timeline([result("Ada", "...", 0, 1), result("Naoto Kan", "sp", 1, 2)], tmp_path / "talk.TextGrid")
    found = turns(read_transcript(tmp_path / "talk.TextGrid")["utterances"])
    assert sorted(found) == [("Ada", "...", 0, 1), ("Naoto Kan", "sp", 1, 2)]


def test_the_channel_of_a_speaker_is_read_again(tmp_path):
    write_timeline([{**result(), "audio_channel": 1}], tmp_path / "talk.json")
    assert read_transcript(tmp_path / "talk.json")["utterances"][0]["audio_channel"] == 1
    (tmp_path / "talk.json").write_text('[{"speaker": "Ada", "text": "Hi.", "audio_track": 2}]', encoding="utf-8")
    assert read_transcript(tmp_path / "talk.json")["utterances"][0]["audio_track"] == 2
    (tmp_path / "talk.json").write_text('[{"speaker": "Ada", "text": "Hi.", "audio_channel": -1}]', encoding="utf-8")
    with pytest.raises(ValueError, match="its audio_channel is .*give a whole number from 0"):
        read_transcript(tmp_path / "talk.json")


def test_a_workbook_holds_numbers_and_no_formulas(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    write_timeline([result("=1+1", "+49 is a prefix\x0b"), TALK[2]], tmp_path / "talk.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "talk.xlsx").active
    header, first, second = sheet.iter_rows(values_only=True)
    assert header[:4] == ("start", "end", "speaker", "text") and first[:3] == (0, 1.5, "=1+1")
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
    assert second[1] == 3723.25 and read_transcript(tmp_path / "talk.xlsx")["utterances"][0]["speaker"] == "=1+1"


@pytest.mark.parametrize("mark", "=+-@")
def test_cells_of_csv_are_no_formulas(tmp_path, mark):
    path = tmp_path / "talk.csv"
    talk = [result(f"{mark}1 Visitor", f"{mark}cmd|' /C calc'!A0"), result("Ada", "'quoted'"), result("Ben", "a=b")]
    write_timeline(talk, path)
    rows = list(csv.DictReader(path.open(newline="", encoding="utf-8")))
    assert [row["speaker"] for row in rows] == [f"'{mark}1 Visitor", "Ada", "Ben"] and rows[1]["text"] == "'quoted'"
    assert [turn[:2] for turn in turns(read_transcript(path)["utterances"])] == [turn[:2] for turn in turns(talk)]
    write_timeline(talk, path, csv_raw=True)
    assert next(csv.DictReader(path.open(newline="", encoding="utf-8")))["speaker"] == f"{mark}1 Visitor"


def test_csv_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "talk.csv"
    write_timeline(TALK, path, csv_bom=True)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf") and is_timeline(path)
    assert [turn[0] for turn in turns(read_transcript(path)["utterances"])] == [turn[0] for turn in turns(TALK)]
    write_timeline(TALK, path)
    assert path.read_bytes().startswith(b"start,end,")


NAMES = st.text(st.characters(categories=["L", "N"], include_characters=" :._'"), min_size=1, max_size=60)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<>{}\x85"), max_size=80)


@pytest.mark.parametrize("suffix", [".json", ".csv", ".srt", ".xlsx", ".textgrid", ".eaf"])
@given(data=st.lists(st.tuples(NAMES, TEXTS, st.integers(0, 10**8), st.integers(0, 10**6)), min_size=1, max_size=4))
def test_what_is_written_reads_back(tmp_path_factory, suffix, data):
    results = [
        result(f"x{speaker.strip()}", text, start / 1000, (start + length) / 1000)
        for speaker, text, start, length in data
    ]
    path = tmp_path_factory.mktemp("timeline") / f"talk{suffix}"
    write_timeline(results, path)
    expected, found = sorted(results, key=lambda r: r["start"]), read_transcript(path)["utterances"]
    for wanted, got in zip(expected, found, strict=True):
        assert " ".join(got["speaker"].split()) == " ".join(wanted["speaker"].split())
        assert " ".join(got.get("text", "").split()) == " ".join(wanted["text"].split())
        shortest = 0.001 if suffix in (".textgrid", ".eaf") else 0  # every interval is longer than zero
        end = max(wanted["end"], wanted["start"] + shortest)
        assert (got["start"], got["end"]) == pytest.approx((wanted["start"], end), abs=1e-6)


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": "1"}, "its start is '1'"),
        ({"end": math.inf}, "its end is inf"),
        ({"end": [1.5]}, r"its end is \[1.5\]"),
        ({"start": 2.0, "end": 1.0}, "before its start"),
        ({"speaker": ["Ada"]}, "its speaker is a list"),
        ({"emotion": 3}, "its emotion is a int"),
        ({"text": {"a": 1}}, "its text is a dict"),
        ({"confidence": math.nan}, "its confidence is nan"),
        ({"confidence": "high"}, "its confidence is 'high'"),
        ({"margin": True}, "its margin is True"),
        ({"scores": {"joy": math.inf}}, "its scores of joy is inf"),
        ({"scores": [0.5]}, "its scores are"),
        ({"shares": {"text": "all"}}, "its shares of text is 'all'"),
        ({"modalities": 3}, "its modalities are 3: give the unchanged results of the pipeline"),
    ],
)
def test_a_result_that_was_changed_is_refused_by_name_and_leaves_the_old_file(tmp_path, suffix, changes, message):
    path = tmp_path / f"talk{suffix}"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        write_timeline([TALK[0], {**TALK[1], **changes}], path)
    assert path.read_text(encoding="utf-8") == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "changes",
    [{"confidence": math.nan}, {"scores": {"joy": math.inf}}, {"shares": {"text": -math.inf}}, {"margin": math.nan}],
)
def test_results_that_are_not_finite_are_neither_printed_nor_drawn_nor_reported(tmp_path, changes):
    pytest.importorskip("matplotlib")
    pytest.importorskip("jinja2")
    results, path = [TALK[0], {**TALK[1], **changes}], tmp_path / "old"
    path.write_text("old", encoding="utf-8")
    for show in (
        as_table,
        lambda found: save_timeline(found, path),
        lambda found: write_report([ReportedRecording("talk", found)], path),
    ):
        with pytest.raises(ValueError, match="Result 1: its .* is not a finite number"):
            show(results)
    assert path.read_text(encoding="utf-8") == "old" and list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_is_named(tmp_path):
    with pytest.raises(
        ValueError, match=r"suffix '.doc': give one of .json, .csv, .srt, .rttm, .xlsx, .textgrid, .eaf"
    ):
        write_timeline(TALK, tmp_path / "talk.doc")
    untimed = [TALK[0], result(start=None)]
    for suffix in (".srt", ".rttm", ".textgrid", ".eaf"):
        with pytest.raises(ValueError, match=rf"{suffix} needs the times of every utterance"):
            write_timeline(untimed, tmp_path / f"talk{suffix}")
    with pytest.raises(ValueError, match="There are no results"):
        write_timeline([], tmp_path / "talk.json")
    with pytest.raises(ValueError, match="Result 1 lacks emotion, confidence"):
        as_table([TALK[0], {"speaker": "Ben"}])
    with pytest.raises(ValueError, match="Result 0 is a list: give the results of only one recording"):
        as_table([TALK])
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        write_timeline(TALK, tmp_path / "nowhere" / "talk.json")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "talk.csv"
    write_timeline(TALK, path)
    before = path.read_bytes()

    def full(source, target):
        assert source.stat().st_size > 100  # everything is already written
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        with pytest.raises(OSError, match="No space"):
            write_timeline(TALK[:1], path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    write_timeline(TALK[:1], path)
    assert len(list(csv.reader(path.open(newline="", encoding="utf-8")))) == 2 and list(tmp_path.iterdir()) == [path]


def test_clock():
    assert [clock(59.96, 1), clock(3599.5), clock(3600), clock(0.06, 1)] == ["01:00.0", "1:00:00", "1:00:00", "00:00.1"]
    assert clock(360000.0004, 3, ",", hours=True) == "100:00:00,000"


def test_table():
    silent = {**TALK[1], "modalities": {"text": {}}, "shares": {"text": 1.0, "audio": 0.0, "vision": 0.0}}
    table = as_table([TALK[0], silent, {**TALK[0], "speaker": "李\x1b[31m雷", "text": "很好"}], width=70).splitlines()
    assert table[0].split() == ["start", "speaker", "text", "emotion", "conf.", "T/A/V", "%"]
    assert table[2].split() == ["00:00.0", "Ada", "I", "passed!", "joy", "83%", "50/30/20"]
    assert table[3].endswith("surprise    50%  100/-/-")
    assert "\x1b" not in table[4] and "李[31m雷" in table[4]
    # wide characters take two columns, so a line with four of them has four characters less
    assert table[4].index("joy") == table[2].index("joy") - 4

    long = as_table([result(text="word " * 50, speaker="A" * 40)], width=80).splitlines()
    assert max(map(len, long)) <= 80 and "A" * 19 + "…" in long[2] and "word wo…" in long[2]
    alone = as_table([result(start=None, end=None, text=None, modalities=("text",))]).splitlines()
    assert alone[0].split() == ["speaker", "emotion", "conf."] and alone[2].split() == ["Ada", "joy", "83%"]


def recording(utterances, speakers, times=True, modalities=MODALITIES):
    generator, end, results = random.Random(0), 3600.0, []
    for number in range(utterances):
        start, end = end - 0.3, end + generator.uniform(0.4, 4)
        emotion, confidence = generator.choice(EMOTIONS), generator.uniform(0.2, 1)
        results.append(
            result(
                f"Speaker {number % speakers}",
                "Oh.",
                start if times else None,
                end if times else None,
                emotion,
                confidence,
                modalities,
            )
        )
    return results


def picture(results, tmp_path, **kwargs):
    """The figure that `save_timeline` draws, and the pixels it writes."""
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure
    from matplotlib.image import imread

    from modeling_amuse.processing.timelines.timeline_picture import save_timeline

    figures = []
    original = Figure.savefig
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Figure, "savefig", lambda self, *args, **kw: (figures.append(self), original(self, *args, **kw))[1]
        )
        save_timeline(results, tmp_path / "talk.png", **kwargs)
    return figures[0], imread(tmp_path / "talk.png")


def bars(axes):
    from matplotlib.patches import Rectangle

    return [patch for container in axes.containers for patch in container if isinstance(patch, Rectangle)]


@pytest.mark.parametrize(("utterances", "speakers", "times"), [(5, 1, True), (300, 8, True), (30, 3, False)])
def test_picture(tmp_path, utterances, speakers, times):
    results = recording(utterances, speakers, times)
    figure, pixels = picture(results, tmp_path)
    lanes, shares = figure.axes
    assert len(bars(lanes)) == utterances and len(bars(shares)) == utterances * len(MODALITIES)
    assert [label.get_text() for label in lanes.get_yticklabels()] == [
        f"Speaker {n}" for n in reversed(range(speakers))
    ]
    shown = {result["emotion"] for result in results}
    legend = [text.get_text() for text in lanes.get_legend().get_texts()]
    assert legend == [name for name in EMOTIONS if name in shown]
    if times:
        assert shares.get_xlim() == (results[0]["start"], results[-1]["end"])
    assert shares.get_xlabel() == ("time" if times else "utterance")
    assert pixels.shape[0] > 200 and pixels.shape[1] > 1000
    # everything is inside the picture
    box = figure.get_tightbbox()
    assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.get_figwidth() and box.y1 <= figure.get_figheight()


def test_picture_bars_stand_for_time_confidence_and_emotion(tmp_path):
    talk = [result("Ada", "", 0, 2, "joy", 0.9), result("Ada", "", 2, 5, "fear", 0.3), result("Ben", "", 5, 5, "joy")]
    figure, _ = picture(talk, tmp_path)
    from matplotlib.colors import to_hex

    from modeling_amuse.processing.timelines.palette import EMOTION_COLOURS

    first, second, instant = sorted(bars(figure.axes[0]), key=lambda bar: bar.get_x())
    assert (first.get_x(), first.get_width(), second.get_x(), second.get_width()) == (0, 2, 2, 3)
    assert first.get_height() == pytest.approx(3 * second.get_height())
    assert to_hex(second.get_facecolor()).upper() == EMOTION_COLOURS["fear"]
    assert first.get_y() > instant.get_y() and instant.get_width() > 0.009  # an utterance without duration is visible


def test_picture_shares_of_those_who_speak_at_once(tmp_path):
    together = [result("Ada", "", 0, 4), result("Ben", "", 0, 6), result("Cy", "", 5, 7)]
    together[0]["shares"] = {"text": 1.0, "audio": 0.0, "vision": 0.0}
    figure, _ = picture(together, tmp_path)
    text = bars(figure.axes[1])[:2]
    assert [(bar.get_x(), bar.get_width()) for bar in text] == [(0, 5), (5, 2)]
    assert text[0].get_height() == pytest.approx(0.75)
    # the legend goes from top to bottom, as the bars are stacked
    assert [text.get_text() for text in figure.axes[1].get_legend().get_texts()] == ["vision", "audio", "text"]


def test_picture_of_one_modality_and_of_other_emotions(tmp_path):
    results = recording(4, 2, modalities=("text",))
    for number, emotion in enumerate(["calm", "$bored", "joy", "calm"]):
        results[number].update(emotion=emotion, speaker="$x^^$")
    figure, _ = picture(results, tmp_path, emotions=["$bored", "joy", "calm"])
    [lanes] = figure.axes
    assert [text.get_text() for text in lanes.get_legend().get_texts()] == ["$bored", "joy", "calm"]
    colours = [bar.get_facecolor() for bar in bars(lanes)]
    assert colours[0] == colours[3] and len(set(colours)) == 3


def test_a_bar_is_drawn_for_each_stage_and_removed_at_its_end():
    import io

    from modeling_amuse.processing.timelines.stage_bars import StageBars

    drawn = io.StringIO()
    with StageBars(file=drawn, disable=False) as bars:
        for stage, total in (("voice", 3), ("emotions", 1)):
            for completed in range(total + 1):
                bars(stage, completed, total)
        assert not bars.bars
        bars("faces", 0, 5)  # an error interrupts it
    assert "Voice" in drawn.getvalue() and "Emotions" in drawn.getvalue() and not bars.bars
    with StageBars(file=io.StringIO()) as bars:
        bars("voice", 0, 3)
        assert bars.bars["voice"].disable


def test_contributions_are_shown_where_there_are_experts(tmp_path):
    added = [{"text": 0.8123456, "audio": -0.25, "vision": 0.0}, {"text": -1.5, "audio": 0.04, "vision": 0.0}]
    talk = [{**result(), "contributions": added[0]}, {**result("Ben"), "contributions": added[1]}]
    del talk[1]["modalities"]["vision"]
    header, _, first, second = as_table(talk).splitlines()
    assert "T/A/V +" in header and "T/A/V %" in header
    assert "+0.8/-0.2/+0.0" in first and "-1.5/+0.0/-" in second
    assert "+" not in as_table(TALK).splitlines()[0]
    write_timeline(talk, tmp_path / "talk.csv")
    rows = list(csv.DictReader((tmp_path / "talk.csv").open(encoding="utf-8")))
    assert [float(row["contribution_text"]) for row in rows] == [0.8123, -1.5]
    pytest.importorskip("matplotlib")
    from modeling_amuse.processing.timelines.timeline_picture import save_timeline

    save_timeline(talk, tmp_path / "with.png")
    save_timeline(TALK, tmp_path / "without.png")
    # the picture has one more panel; bytes 20 to 23 of a PNG file are its height
    heights = [int.from_bytes((tmp_path / f"{name}.png").read_bytes()[20:24]) for name in ("with", "without")]
    assert heights[0] > heights[1] + 100


class Conversation(list):
    """Results with warnings, as the pipeline gives them."""

    def __init__(self, utterances, *warnings):
        super().__init__(utterances)
        self.warnings = list(warnings)


def judged(confidence, emotion="joy", unclear=False, **kwargs):
    certainty = {"runner_up": "fear", "margin": confidence - 0.2, "unclear": unclear}
    return {**result(confidence=confidence, emotion=emotion, **kwargs), **certainty}


@pytest.mark.parametrize("number", [1, 3])
def test_unclear_utterances_are_written_and_counted_as_such(tmp_path, number):
    sure = judged(0.9, "anger", speaker="Ben", start=50.0, end=51.0)
    unsure = [judged(0.31, unclear=True, start=float(n), end=n + 0.5) for n in range(number)]
    talk = Conversation([*unsure, sure], "The words seem to be German.")
    table = as_table(talk)
    assert table.count("unclear: joy") == number and f"of {number + 1}" in table and "seem to be German" in table
    assert table.splitlines()[0].split()[-5:-2] == ["conf.", "runner-up", "margin"]
    assert "fear" in table.splitlines()[2] and table.splitlines()[2].split()[-2] == "11%"
    for suffix in ("csv", "srt", "rttm", "json", "textgrid", "xlsx"):
        write_timeline(talk, tmp_path / f"talk.{suffix}")
        assert is_timeline(tmp_path / f"talk.{suffix}")
        assert len(read_transcript(tmp_path / f"talk.{suffix}")["utterances"]) == len(talk)
    rows = list(csv.DictReader((tmp_path / "talk.csv").open(encoding="utf-8")))
    assert [row["unclear"] for row in rows] == ["True"] * number + ["False"]
    assert next((row["emotion"], row["runner_up"], row["margin"]) for row in rows) == ("joy", "fear", "0.11")
    srt, rttm = ((tmp_path / f"talk.{suffix}").read_text("utf-8") for suffix in ("srt", "rttm"))
    assert srt.count("Ada [unclear: joy 31 %]:") == number and "Ben [anger 90 %]:" in srt
    assert (
        rttm.startswith(";; amuse timeline\n;; The words seem to be German.\n")
        and rttm.count(" unclear Ada ") == number
    )
    assert json.loads((tmp_path / "talk.json").read_text("utf-8"))["utterances"][0]["unclear"] is True
    assert (tmp_path / "talk.textgrid").read_text("utf-8").count("unclear: joy 31 %") == number
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(tmp_path / "talk.xlsx")
    assert book["Notes"]["A1"].value == "The words seem to be German."


def test_unclear_utterances_are_drawn_as_such(tmp_path):
    talk = Conversation([judged(0.31, unclear=True), judged(0.9, "anger", start=2.0, end=3.0)], "A note.")
    figure, _ = picture(talk, tmp_path)
    hollow, full = sorted(bars(figure.axes[0]), key=lambda bar: bar.get_x())
    assert hollow.get_hatch() and not full.get_hatch() and hollow.get_facecolor() != full.get_facecolor()
    assert "unclear" in [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert "A note." in figure.get_supxlabel() and "1 utterance is unclear, of 2" in figure.get_supxlabel()
