"""The Gradio Space, in a real browser: what a visitor types and uploads, and reads."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import yaml

from modeling_amuse.hub_card.space.conversation_text import MOST_UTTERANCES, parse_conversation
from modeling_amuse.hub_card.space.result_view import result_html
from modeling_amuse.hub_card.space_folder import write_space_folder
from tests.small_media import speech_like
from tests.small_models import save_recording_model

ROOT = Path(__file__).parents[2]
SPACE = ROOT / "hub_card" / "space"
EMOTIONS = ["neutral", "joy", "anger"]
TALK = "Ada: I am so happy for you\n\nBen: leave me alone\nAda: oh no, at 12:30?"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--window-size=1100,1900"),
)


@pytest.fixture(scope="module")
def model(tiny_text_encoder, tmp_path_factory):
    """A random model of words and voice (prosody), which recordings can be given to."""
    folder = tmp_path_factory.mktemp("amuse-tiny")
    save_recording_model(folder, tiny_text_encoder[0], EMOTIONS)
    return folder


@pytest.fixture(scope="module")
def page(model, tmp_path_factory):
    """The address of the Space, run from the folder that is pushed, where nothing else of the repository is."""
    pytest.importorskip("gradio", reason="needs gradio: pip install gradio")
    folder = write_space_folder("user/amuse-tiny", tmp_path_factory.mktemp("space") / "space")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    log = folder.parent / "log"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"AMUSE_MODEL": str(model), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(port)], cwd=folder, env=environment, stdout=output, stderr=output
        )
    try:
        address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 180
        while True:
            try:
                urllib.request.urlopen(address, timeout=10).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
                time.sleep(0.3)
        yield address
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def browser(tmp_path):
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("needs Debian's chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        browser.set_page_load_timeout(60)
        yield browser
    finally:
        browser.quit()


def waited(browser, selector: str, text: str = ""):
    """The element, as soon as it is seen and has the text."""
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.support.ui import WebDriverWait

    def seen(browser):
        found = browser.find_elements("css selector", selector)
        return next((element for element in found if element.is_displayed() and text in element.text), None)

    wait = WebDriverWait(browser, 60, ignored_exceptions=[StaleElementReferenceException])
    return wait.until(seen, f"no {selector} with {text!r}")


def typed(browser, text: str):
    box = waited(browser, "#conversation textarea")
    box.clear()
    box.send_keys(text)
    waited(browser, "#recognize-text").click()


def rows(browser, result: str) -> list[list[str]]:
    table = waited(browser, f"{result} table")
    return [
        [cell.text for cell in row.find_elements("css selector", "th, td")]
        for row in table.find_elements("css selector", "tbody tr")
    ]


def check_quiet(browser, address: str):
    """No error in the console, and no request to anywhere else."""
    # gradio itself warns of a method of its file upload
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    # the browser's own start page is no request of ours
    asked = [r["request"]["url"] for r in requests if not r.get("documentURL", "").startswith("chrome")]
    assert any(url.startswith(address) for url in asked)
    assert [url for url in asked if not url.startswith((address, "data:", "blob:", "chrome"))] == []
    failed = [m["params"]["response"] for m in messages if m["method"] == "Network.responseReceived"]
    assert [(r["url"], r["status"]) for r in failed if r["status"] >= 400] == []


def test_a_visitor_types_a_conversation_and_reads_the_emotions(page, browser, model):
    from transformers import pipeline

    browser.get(page)
    typed(browser, TALK)
    said = pipeline("emotion-recognition", model=str(model), device="cpu")(parse_conversation(TALK))
    expected = [[u["speaker"], u["text"], u["emotion"], f"{u['confidence']:.0%}"] for u in said]
    assert rows(browser, "#text-result") == expected
    assert browser.title == "Who feels what"
    picture = waited(browser, "#text-result img")
    assert int(picture.get_property("naturalWidth")) > 500
    assert f"Ada: {said[0]['emotion']}; Ben: {said[1]['emotion']}" in picture.get_attribute("alt")
    assert "words alone" in waited(browser, "#text-result").text

    # a second conversation takes the place of the first, and what a visitor writes is text, never code
    hostile = "<img src=x onerror=alert(1)> ${1+1} {{1+1}}"
    typed(browser, f"Eve & <b>Co</b>: {hostile}")
    waited(browser, "#text-result .summary", "1 utterance of 1 speaker. Eve & <b>Co</b>: ")
    assert [row[:2] for row in rows(browser, "#text-result")] == [["Eve & <b>Co</b>", hostile]]
    check_quiet(browser, page)


def test_bad_input_is_said_where_the_result_would_stand(page, browser):
    browser.get(page)
    typed(browser, "Ada: hello\nwho says this?")
    problem = waited(browser, "#text-result .problem")
    assert problem.get_attribute("role") == "alert" and "Line 2 does not say who speaks" in problem.text
    assert not browser.find_elements("css selector", "#text-result table")
    waited(browser, "button[role=tab]", "Upload a recording").click()
    waited(browser, "#recognize-recording").click()
    assert "There is no recording yet" in waited(browser, "#recording-result .problem").text
    check_quiet(browser, page)


def test_a_visitor_uploads_a_recording(page, browser, tmp_path):
    wavfile = pytest.importorskip("scipy.io.wavfile")
    sound = np.concatenate([speech_like(1.5, seed=1), speech_like(1.5, seed=2)])
    wavfile.write(tmp_path / "talk.wav", 16000, (sound / abs(sound).max() * 20000).astype(np.int16))
    utterances = [
        {"speaker": "Ada", "text": "leave me alone", "start": 0.0, "end": 1.5},
        {"speaker": "Ben", "text": "oh no", "start": 1.5, "end": 3.0},
    ]
    (tmp_path / "talk.json").write_text(json.dumps(utterances))
    (tmp_path / "foreign.json").write_text(json.dumps([{**u, "video": "/srv/secret.mp4"} for u in utterances]))

    def upload(transcript: str):
        browser.get(page)
        waited(browser, "button[role=tab]", "Upload a recording").click()
        for place, name in (("#recording", "talk.wav"), ("#transcript", transcript)):
            waited(browser, place)
            browser.find_element("css selector", f"{place} input[type=file]").send_keys(str(tmp_path / name))
            waited(browser, place, Path(name).suffix)
        waited(browser, "#recognize-recording").click()

    upload("foreign.json")
    assert "names recordings itself" in waited(browser, "#recording-result .problem").text
    upload("talk.json")
    found = rows(browser, "#recording-result")
    assert [row[:3] for row in found] == [["00:00.0", "Ada", "leave me alone"], ["00:01.5", "Ben", "oh no"]]
    shares = waited(browser, "#recording-result .key").text
    assert "words" in shares and "voice" in shares
    waited(browser, "button", "Take it along").click()
    links = [waited(browser, f"a[download='timeline.{kind}']").get_attribute("href") for kind in ("json", "csv")]
    timeline, table = (urllib.request.urlopen(link, timeout=30).read().decode() for link in links)
    assert [u["emotion"] for u in json.loads(timeline)["utterances"]] == [row[3] for row in found]
    assert table.startswith("id,start,end,speaker,text,emotion,confidence")
    bars = browser.find_elements("css selector", "#recording-result td .bar")
    assert len(bars) == 2 and all("voice" in bar.get_attribute("aria-label") for bar in bars)
    check_quiet(browser, page)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "There is no conversation yet"),
        (" \n\n", "There is no conversation yet"),
        ("Ada: hello\n\nat 12:30", "Line 3 does not say"),
        ("12:30 it is", "Line 1 does not say"),
        ("Ada:  ", "Line 1 has a name, but no words"),
        ("Ada: yes\n" * (MOST_UTTERANCES + 1), f"up to {MOST_UTTERANCES} at a time"),
    ],
)
def test_typed_text_that_is_no_conversation(text, message):
    with pytest.raises(ValueError, match=message):
        parse_conversation(text)


def test_only_the_first_colon_of_a_line_ends_the_name():
    assert parse_conversation(TALK)[2] == {"speaker": "Ada", "text": "oh no, at 12:30?"}


def test_the_shares_are_those_of_the_pipeline_and_nothing_escapes_the_html():
    pytest.importorskip("matplotlib")
    utterance = {"speaker": "<i>", "text": '"<script>', "emotion": "joy", "confidence": 0.5, "scores": {"joy": 0.5}}
    several = [
        {**utterance, "shares": {"text": share, "audio": 1 - share}, "modalities": {"text": {}, "audio": {}}}
        for share in (0.2, 0.6)
    ]
    html = result_html(several, EMOTIONS)
    assert 'aria-label="words 20%, voice 80%"' in html and "<strong>words</strong> 40%" in html
    assert "<script>" not in html and "<i>" not in html
    nothing = [{**utterance, "shares": {"text": 0.0}, "modalities": {}}]
    assert "could only guess" in result_html(nothing, EMOTIONS)


def test_the_space_installs_what_the_package_needs():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = (SPACE / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = {line for line in lines if not line.startswith("#")}
    needed = {
        p
        for e in ("media", "faces", "speech", "plots", "transcripts", "explain")
        for p in extras[e]
        if not p.startswith("amuse-emotion")
    }
    readme = (SPACE / "README.md").read_text(encoding="utf-8")
    version = yaml.safe_load(readme.split("---")[1])["sdk_version"]
    assert listed == set(project["dependencies"]) | needed | {f"gradio=={version}"}


def test_the_folder_of_a_space_names_its_model_and_overwrites_nothing(tmp_path):
    from huggingface_hub.repocard import RepoCard

    folder = write_space_folder("user/amuse-meld", tmp_path / "space")
    card = RepoCard.load(folder / "README.md").data.to_dict()
    assert card["models"] == ["user/amuse-meld"] and (card["sdk"], card["app_file"]) == ("gradio", "app.py")
    assert "libgles2" in (folder / "packages.txt").read_text().split()  # MediaPipe's, which a Space does not have
    assert (folder / "modeling_amuse" / "processing" / "sample").is_dir() and not list(folder.rglob("__pycache__"))
    with pytest.raises(ValueError, match="is not empty"):
        write_space_folder("user/other", folder)
