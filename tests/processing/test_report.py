"""The report on one recording or several, as a file and in a real browser."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from modeling_amuse.described_utterance import RecognizedConversation
from modeling_amuse.processing.faces import FACE_FEATURES
from modeling_amuse.processing.feature_words import face_actions
from modeling_amuse.processing.timelines.explanation_text import reasons
from modeling_amuse.processing.timelines.report import report_html, write_report
from modeling_amuse.processing.timelines.report_data import ModelFacts, ReportedRecording, recording_address
from modeling_amuse.processing.timelines.report_reasons import reasons_of, spoken_parts
from tests.browser import (
    SCHEMES,
    WIDTHS,
    chromium,
    console_errors,
    low_contrast,
    show_as,
    sideways_scroll,
    tabbed,
)
from tests.small_media import numbered_frames, speech_like, write_video

EMOTIONS = ("neutral", "joy", "anger", "fear")
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> \"' {{ 7 * 7 }} ${1+1} &amp;"


def said(speaker="Ada", text="I passed!", start=0.0, end=1.5, emotion="joy", confidence=0.7, **more):
    others = [name for name in EMOTIONS if name != emotion]
    scores = {emotion: confidence, **{name: (1 - confidence) / len(others) for name in others}}
    alone = {"emotion": emotion, "confidence": confidence, "scores": scores}
    times = {} if start is None else {"start": start, "end": end}
    certainty = {"runner_up": others[0], "margin": confidence - scores[others[0]], "unclear": confidence < 0.4}
    modalities = {"text": alone, "audio": {**alone, "emotion": others[1]}}
    return {
        **{"speaker": speaker, "text": text, **times, "emotion": emotion, "confidence": confidence, "scores": scores},
        **{**certainty, "modalities": modalities, "shares": {"text": 0.6, "audio": 0.4}, **more},
    }


def explained(utterance, index=0, **changes):
    words = [
        {"text": word[0], "start": word.start(), "end": word.end(), "score": 1.2 - number}
        for number, word in enumerate(re.finditer(r"\S+", utterance["text"]))
    ]
    explanation = {
        **{"target": utterance["emotion"], "against": "neutral", "log_odds": 2.3, "modalities_method": "experts"},
        **{"modalities": {"conversation": 0.4, "text": 2.0, "audio": -0.1}, "words": words, "words_method": "lime"},
        "voice": [{"start": 0.5, "end": 1.0, "score": 0.3}],
        "voice_features": [{"name": "pitch_mean", "sentence": "pitch higher than this speaker's mean", "score": 0.3}],
        "face": [{"action_unit": "AU12", "name": "lip corner puller", "direction": "more", "score": 0.4}],
        **{"frames": [{"time": 0.4, "score": 0.2}, {"time": 0.8, "score": -1.0}], "regions": None},
        "context": [{"index": index, "speaker": utterance["speaker"], "score": 0.8}],
        "notes": {"regions": "The model reads features of the face, and no pixels."},
    }
    return {**utterance, "explanation": {**explanation, **changes}}


def conversation(length=6, warnings=("The words seem to be German.",), **more):
    talk = [
        said(
            f"Speaker {n % 3}",
            f"Number {n} is wonderful, Ben!",
            2.0 * n,
            2.0 * n + 1.8,
            EMOTIONS[n % 4],
            0.3 + 0.1 * (n % 7),
            **more,
        )
        for n in range(length)
    ]
    return RecognizedConversation([explained(utterance, n // 2) for n, utterance in enumerate(talk)], warnings)


class Page(HTMLParser):
    """Collects the tags, addresses and texts of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.addresses, self.texts = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "data", "action", "srcset")]
        assert not [name for name, _ in attributes if name.startswith("on")]

    def handle_data(self, data):
        if data.strip():
            self.texts.append(data.strip())


def test_a_report_says_who_how_what_and_how_surely():
    facts = ModelFacts("amuse-test", "It learned from talks.", ["Its weighted F1 was 60.1."], unclear_below=0.4)
    page = Page(report_html([ReportedRecording("Monday", conversation())], facts))
    text = " ".join(page.texts)
    for expected in (
        *(
            "Monday",
            "00:12 minutes of conversation, 6 utterances, 3 speakers. 1 unclear.",
            "The words seem to be German.",
        ),
        *("2 utterances, 00:04 spoken (33 %)", "unclear: neutral", "30 %", "runner-up joy", "margin", "Voice alone: "),
        *(
            "amuse-test",
            "below 40 %",
            "It learned from talks.",
            "weighted F1 was 60.1",
            "What this must not be used for",
        ),
        *(
            "Why joy rather than neutral",
            "pitch higher than this speaker's mean",
            "lip corner puller (AU12), more than usual",
        ),
        "no pixels",
    ):
        assert expected in text, expected
    assert page.tags.count("rect") >= 6 * 5 and "audio" not in page.tags


def test_actions_of_the_face_are_said_in_words_without_repeating_a_name():
    faces = [action for action in face_actions(list(FACE_FEATURES)) if action.unit != "AU12"]
    assert not {action.name for action in faces} & set(FACE_FEATURES)
    for action in faces:
        result = explained(
            said(), face=[{**action._asdict(), "action_unit": action.unit, "direction": "more", "score": 1.0}]
        )
        [sentence] = reasons_of([result], 0, "r1")["face"]
        unit = f" ({action.unit})" if action.unit.startswith("AU") else ""
        assert sentence == f"{action.name}{unit}, more than usual: for it, +1.00"


def test_the_line_for_the_terminal_names_what_counted():
    result = explained(said(text="What a day"), context=[])
    for word, score in zip(result["explanation"]["words"], (0.04, 1.5, -2.0), strict=True):
        word["score"] = score
    line = reasons(result, [result])
    assert "words: a +1.5 | voice: pitch higher" in line and "face: lip corner puller more" in line
    result["explanation"]["words"][1]["score"] = 0.01
    assert "words:" not in reasons(result, [result])


@pytest.mark.parametrize(
    ("log_odds", "sentence"),
    [
        (2.31, "joy is 10 times as probable as neutral (log-odds +2.31)"),
        (-1.0, "neutral is 2.7 times as probable as joy (log-odds -1.00)"),
        (0.01, "joy and neutral about the same probability"),
        (900.0, "joy is more than 1000 times as probable"),
    ],
)
def test_log_odds_are_said_in_words(log_odds, sentence):
    result = said(explanation={"target": "joy", "against": "neutral", "log_odds": log_odds})
    assert sentence in reasons_of([result], 0, "r1")["odds"]


def test_nothing_of_a_report_comes_from_elsewhere_and_all_text_is_escaped():
    facts = ModelFacts(HOSTILE, HOSTILE, [HOSTILE], [HOSTILE], warning=HOSTILE)
    hostile = explained(said(HOSTILE, HOSTILE, emotion=HOSTILE, runner_up=HOSTILE))
    for key in ("voice_features", "face"):
        hostile["explanation"][key] = [
            {"sentence": HOSTILE, "name": HOSTILE, "action_unit": HOSTILE, "direction": "more", "score": 1.0}
        ]
    hostile["explanation"] |= {
        "notes": {"words": HOSTILE},
        "regions": {"picture": f'data:image/png;base64,AAAA" onload="{HOSTILE}'},
    }
    talk = RecognizedConversation([hostile, said()], [HOSTILE])
    recordings = [ReportedRecording(HOSTILE, talk, player="./a.mp4"), ReportedRecording("b", talk)]
    html = report_html(recordings, facts)
    plain = Page(report_html([ReportedRecording("a", conversation(), player="./a.mp4")] * 2))
    page = Page(html)
    assert page.tags.count("script") == plain.tags.count("script") == 1 and page.tags.count("img") == 0
    assert {a for a in page.addresses if not a.startswith(("#r", "./a.mp4", "data:"))} == set()
    assert "49" not in " ".join(page.texts).replace("{{ 7 * 7 }}", "") and HOSTILE in " ".join(page.texts)
    assert "://" not in html.replace("http://www.w3.org", "")


@pytest.mark.parametrize("timed", [True, False])
def test_the_size_is_linear(timed):
    def size(length):
        talk = [said(f"S{n}", start=2.0 * n if timed else None, end=2.0 * n + 1) for n in range(length)]
        return len(report_html([ReportedRecording("x", RecognizedConversation(talk))]))

    first, second, third = size(50), size(100), size(150)
    assert third - second == pytest.approx(second - first, rel=0.1)


def test_words_keep_their_order_and_their_text():
    text = "Oh no,  that is wonderful – really!"
    words = [
        {"text": "that", "start": 8, "end": 12, "score": -1.0},
        {"text": "wonderful", "start": 16, "end": 25, "score": 2.0},
    ]
    parts = spoken_parts(text, {"words": words})
    assert "".join(part["text"] for part in parts) == text
    assert [(p["text"], p["sign"], p["step"]) for p in parts if p["step"]] == [
        ("that", "against", 2),
        ("wonderful", "for", 4),
    ]
    # tiny attributions have a pale color, and spans outside of the text are omitted
    assert not any(
        p["step"] for p in spoken_parts(text, {"words": [{**words[0], "score": 0.01}, {**words[1], "end": 99}]})
    )
    assert spoken_parts("", None) == [] and spoken_parts("Hi", None) == [{"text": "Hi", "step": 0}]


def test_several_recordings_are_compared():
    names = {"Speaker 0": "Ada", "Speaker 1": "Ben", "Speaker 2": "Cy"}
    monday, friday = (
        [{**u, "speaker": names[u["speaker"]]} for u in talk] for talk in (conversation(), conversation(8))
    )
    friday.append(said("Only here", start=40.0, end=41.0))
    page = Page(report_html([ReportedRecording("Monday", monday), ReportedRecording("Friday", friday)]))
    text = " ".join(page.texts)
    assert (
        "2 recordings" in text and "The same people over time" in text and "In one recording only: Only here." in text
    )
    assert (
        page.addresses.count("#r1") == page.addresses.count("#r2") == 4
    )  # in the list and for each of the three people


@pytest.mark.parametrize("name", ["speaker 1", "SPEAKER_00", "speaker", "channel 0, speaker 1", "spk_2"])
def test_numbered_speakers_of_two_recordings_are_not_one_person(name):
    recordings = [
        ReportedRecording(day, [{**u, "speaker": name} for u in conversation()]) for day in ("Monday", "Friday")
    ]
    text = " ".join(Page(report_html(recordings)).texts)
    assert "The same people over time" not in text and f"{name} (Monday)" in text and f"{name} (Friday)" in text


@pytest.mark.parametrize("name", ["101", "07", "Speaker Ann", "Ben"])
def test_names_that_were_given_are_those_of_the_same_people(name):
    recordings = [
        ReportedRecording(day, [{**u, "speaker": name} for u in conversation()]) for day in ("Monday", "Friday")
    ]
    assert "The same people over time" in " ".join(Page(report_html(recordings)).texts)


def test_numbered_names_of_two_recordings_are_said_not_to_be_compared():
    numbered = [ReportedRecording(day, [{**u, "speaker": "speaker 1"} for u in conversation()]) for day in ("A", "B")]
    text = " ".join(Page(report_html(numbered)).texts)
    assert "Names such as speaker 1 are given anew in each recording" in text
    apart = [ReportedRecording(day, [{**u, "speaker": day} for u in conversation()]) for day in ("Ann", "Bo")]
    assert "are given anew" not in " ".join(Page(report_html(apart)).texts)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "This model has no threshold"),
        ({"unclear_below": 0.35}, "below 35 %: on the validation data"),
        (
            {"unclear_below": 0.9, "unclear_below_is_chosen": True},
            "below 90 %, a threshold that was chosen for this report.",
        ),
        ({"unclear_below": 0.0}, "No utterance is called unclear, because on the validation data"),
        ({"unclear_below": 0.0, "unclear_below_is_chosen": True}, "because the threshold was set to 0."),
    ],
)
def test_the_report_tells_the_threshold_that_was_used(facts, said):
    text = " ".join(Page(report_html([ReportedRecording("talk", conversation())], ModelFacts(**facts))).texts)
    assert said in text and ("on the validation data" in text) == ("on the validation data" in said)


def test_frames_are_said_to_affect_the_emotion_that_was_explained():
    results = [explained(said(), target="anger", against="joy")]
    reported = ReportedRecording("talk", results)
    reported.pictures = {0: [(0.4, "data:image/png;base64,AAAA")]}
    html = report_html([reported])
    assert "that affected anger most" in html and "affected joy most" not in html


def test_utterances_of_no_length_are_counted_and_nobody_speaks_for_a_time():
    talk = [said("Ada", start=1.0, end=1.0), said("Ben", start=2.0, end=2.0), said("Ada", start=3.0, end=3.0)]
    text = " ".join(Page(report_html([ReportedRecording("talk", talk)])).texts)
    assert " spoken" not in text and "2 utterances (67 %)" in text


def test_numbered_speakers_of_recordings_with_one_name_are_apart():
    recordings = [ReportedRecording("talk", [{**u, "speaker": "speaker 1"} for u in conversation()]) for _ in range(2)]
    assert "The same people over time" not in " ".join(Page(report_html(recordings)).texts)


def test_the_address_of_a_recording_is_relative_and_quoted(tmp_path):
    (tmp_path / "a b").mkdir()
    assert recording_address(tmp_path / "a b" / "100% #1?.mp4", tmp_path / "r.html") == "./a%20b/100%25%20%231%3F.mp4"
    assert recording_address(tmp_path / "c:d.wav", tmp_path / "a b" / "r.html") == "./../c%3Ad.wav"


def test_thumbnails_are_the_frames_that_counted(tmp_path):
    image = pytest.importorskip("PIL.Image")
    from modeling_amuse.processing.timelines.report_pictures import thumbnails
    from tests.small_media import frame_number

    video = write_video(tmp_path / "talk.mp4", numbered_frames(30, 96, 128), 10)
    frames = [
        {"time": time, "score": score}
        for time, score in ((0.25, 1.0), (1.05, 3.0), (1.55, 2.0), (0.0, 0.5), (2.0, -4.0))
    ]
    talk = [explained(said(), frames=[]), explained(said(), frames=frames)]
    pictures = thumbnails(video, talk)
    assert list(pictures) == [1] and [time for time, _ in pictures[1]] == [0.25, 1.05, 1.55]
    for (time, url), number in zip(pictures[1], (2, 10, 15), strict=True):
        assert url.startswith("data:image/jpeg;base64,")
        picture = np.asarray(image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))
        assert frame_number(picture) == number, time
    assert thumbnails(video, [said()]) == {}
    [_, second] = re.findall(r'<img src="([^"]*)"', report_html([ReportedRecording("x", talk, pictures=pictures)]))[:2]
    assert second == pictures[1][1][1]


@pytest.mark.parametrize("times", [(3.5,), (0.25, 3.5), (9.0, 0.25, 1.05), (3.0, 1e7)])
def test_frames_after_the_end_of_the_video_take_no_other_with_them(tmp_path, times):
    """The frames of an utterance are spread over it, and it may last longer than the video."""
    pytest.importorskip("PIL.Image")
    from modeling_amuse.processing.timelines.report_pictures import thumbnails

    video = write_video(tmp_path / "talk.mp4", numbered_frames(30, 96, 128), 10)
    talk = [explained(said(), frames=[{"time": time, "score": 1.0} for time in times])]
    inside = sorted(time for time in times if time < 3.0)
    assert [time for time, _ in thumbnails(video, talk).get(0, [])] == inside


def test_bad_input_of_a_report(tmp_path):
    with pytest.raises(ValueError, match="There is no recording to report on"):
        write_report([], tmp_path / "r.html")
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        write_report([ReportedRecording("x", conversation())], tmp_path / "nowhere" / "r.html")
    with pytest.raises(ValueError, match="Result 0 lacks"):
        write_report([ReportedRecording("x", [{"speaker": "Ada"}])], tmp_path / "r.html")
    # missing parts are omitted: an explanation without parts, an utterance without words, missing times
    bare = explained(
        said(text="", start=None), words=[], voice=[], voice_features=[], face=[], frames=[], context=[], modalities={}
    )
    write_report(
        [ReportedRecording("x", [bare, {"speaker": 1, "emotion": "joy", "confidence": 0.5}])], tmp_path / "r.html"
    )
    assert "no words" in (tmp_path / "r.html").read_text("utf-8")


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The file of a report with everything that a report can contain."""
    folder = tmp_path_factory.mktemp("report")
    video = write_video(folder / "my talk.mp4", numbered_frames(130, 48, 64), 10, speech_like(13.0))
    long = "wort" * 60
    talk = conversation(6)
    talk.append(
        explained(said(f"Somebody with a name that is {long}", f"{long} and {HOSTILE}", 12.0, 13.0, "anger", 0.35))
    )
    pictures = {
        0: [
            (
                0.4,
                "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
            )
        ]
    }
    first = ReportedRecording("Monday", talk, recording_address(video, folder / "r.html"), True, pictures)
    facts = ModelFacts(
        "amuse-test", warning="It learned from made-up conversations.", limits=["It is acted."], unclear_below=0.4
    )
    write_report([first, ReportedRecording("Friday", conversation(5))], folder / "several.html", facts)
    write_report([first], folder / "r.html", facts)
    return (folder / "r.html").as_uri()


@pytest.mark.parametrize("name", ["r.html", "several.html"])
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_report_can_be_read_on_every_device(browser, address, name, width, scheme):
    show_as(browser, width, scheme)
    browser.get(address.replace("r.html", name))
    browser.execute_script("for (const details of document.querySelectorAll('details')) details.open = true")
    assert sideways_scroll(browser) <= 0
    assert low_contrast(browser) == []
    assert console_errors(browser) == []


def test_a_report_is_used_with_the_keyboard_alone(browser, address):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    def press(key):
        ActionChains(browser, duration=0).send_keys(key).perform()

    show_as(browser, 390, "light")
    browser.get(address)
    reached = tabbed(browser, 40)
    assert all(element["seen"] for element in reached if element["tag"] not in ("body", "video")), reached
    assert [element["name"][:9] for element in reached if element["tag"] == "rect"] == ["Speaker 0"]
    browser.execute_script("document.querySelector('.bar[tabindex=\"0\"]').focus()")
    now = browser.find_element("css selector", ".now")
    for number in (1, 2):
        press(Keys.ARROW_RIGHT)
        assert f"Number {number} is wonderful" in now.text and now.text.startswith(f"Speaker {number}, 00:0")
    press(Keys.END)
    assert "unclear: anger, 35%" in now.text
    press(Keys.HOME)
    press(Keys.ARROW_RIGHT)
    press(Keys.ENTER)
    video = browser.find_element("css selector", "video")
    WebDriverWait(browser, 20).until(lambda _: float(video.get_property("currentTime")) >= 2.0)
    assert "current" in browser.find_element("id", "r1-u2").get_attribute("class")
    assert console_errors(browser) == []


def test_without_a_recording_a_choice_shows_the_utterance_and_a_lost_one_is_said(browser, address, tmp_path):
    talk = conversation(60)
    write_report([ReportedRecording("x", talk)], tmp_path / "plain.html")
    show_as(browser, 390, "dark")
    browser.get((tmp_path / "plain.html").as_uri())
    browser.execute_script(
        "document.querySelectorAll('.bar')[59].dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    assert browser.execute_script("return document.activeElement.id") == "r1-u60"
    write_report([ReportedRecording("x", talk, player="./gone.wav")], tmp_path / "lost.html")
    browser.get((tmp_path / "lost.html").as_uri())
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 20).until(lambda b: b.find_element("css selector", ".missing").is_displayed())
    console_errors(browser)  # the browser itself reports the missing file
