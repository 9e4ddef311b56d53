"""The Gradio Space in a real browser: input by typing and uploading, and the answers."""

import ast
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from modeling_amuse.hub_card.space import limits
from modeling_amuse.hub_card.space.conversation_text import MOST_UTTERANCES, parse_conversation
from modeling_amuse.hub_card.space.lanes import Cancelled, make_lanes
from modeling_amuse.hub_card.space.swept_folder import MARKER, SweptFolder
from modeling_amuse.hub_card.space_folder import write_space_folder
from tests.browser import SCHEMES, WIDTHS, chromium, console_errors, low_contrast, show_as, sideways_scroll, tabbed
from tests.small_media import numbered_frames, speech_like, write_video, write_wav
from tests.small_models import save_recording_model

ROOT = Path(__file__).parents[2]
SPACE = ROOT / "hub_card" / "space"
EMOTIONS = ["neutral", "joy", "anger"]
TALK = "Ada: I am so happy for you\n\nBen: leave me alone\nAda: oh no, at 12:30?"


@pytest.fixture(scope="module")
def model(tiny_text_encoder, tmp_path_factory):
    """A random model of text and prosody, which accepts recordings."""
    folder = tmp_path_factory.mktemp("amuse-tiny")
    save_recording_model(folder, tiny_text_encoder[0], EMOTIONS)
    return folder


@pytest.fixture(scope="module")
def kept_files(tmp_path_factory):
    """The page's folder for uploads and results, with files that two killed pages left: two hours and one minute ago."""
    folder = tmp_path_factory.mktemp("kept")
    (folder / MARKER).mkdir()
    for name, age in (("old", 7200), ("new", 60)):
        path = folder / name / "upload.wav"
        path.parent.mkdir()
        path.write_bytes(b"a voice")
        for changed in (path, path.parent):
            os.utime(changed, (time.time() - age,) * 2)
    return folder


@pytest.fixture(scope="module")
def page(model, kept_files, tmp_path_factory):
    """The address of the Space, which runs in the folder that is pushed, without the rest of the repository."""
    pytest.importorskip("gradio", reason="needs gradio: pip install gradio")
    folder = write_space_folder("user/amuse-tiny", tmp_path_factory.mktemp("space") / "space")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    log = folder.parent / "log"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"AMUSE_MODEL": str(model), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    environment |= {"AMUSE_PAGE_FOLDER": str(kept_files)}
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


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


def waited(browser, selector: str, text: str = ""):
    """Wait for a visible element that contains the text."""
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


def rows(browser, result: str) -> list[tuple[str, ...]]:
    """Speaker, words, emotion and confidence of each utterance."""
    parts = ("strong", ".said", ".emotion", ".sure")
    waited(browser, f"{result} .utterances")
    return [
        tuple(row.find_element("css selector", part).text for part in parts)
        for row in browser.find_elements("css selector", f"{result} .utterances > li")
    ]


def open_page(browser, page: str, width: int = 1280, scheme: str = "light"):
    show_as(browser, width, scheme)
    browser.get(page)
    waited(browser, "#conversation textarea")


def check_quiet(browser, address: str):
    """Check that the console has no error, and that the page sends requests to its own server only."""
    # gradio itself prints a warning about its file upload
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    # the browser's start page is not part of the test
    asked = [r["request"]["url"] for r in requests if not r.get("documentURL", "").startswith("chrome")]
    assert any(url.startswith(address) for url in asked)
    assert [url for url in asked if not url.startswith((address, "data:", "blob:", "chrome"))] == []
    failed = [m["params"]["response"] for m in messages if m["method"] == "Network.responseReceived"]
    assert [(r["url"], r["status"]) for r in failed if r["status"] >= 400] == []


def test_a_visitor_types_a_conversation_and_reads_the_emotions(page, browser, model):
    from transformers import pipeline

    open_page(browser, page)
    assert model.name in waited(browser, ".amuse-report strong").text
    typed(browser, TALK)
    said = pipeline("emotion-recognition", model=str(model), device="cpu")(parse_conversation(TALK))
    expected = [(u["speaker"], u["text"], u["emotion"], f"{u['confidence']:.0%}".replace("%", " %")) for u in said]
    assert rows(browser, "#text-result") == expected
    assert browser.title == "Who feels what" and said[0]["runner_up"] in waited(browser, "#text-result .second").text
    assert len(browser.find_elements("css selector", "#text-result .bar")) == 3
    assert "no utterance has voice" in waited(browser, "#text-result .note").text
    # without times there are no subtitles; the other downloads are visible
    waited(browser, "#text-download-html")
    assert not [e for e in browser.find_elements("css selector", "#text-download-srt") if e.is_displayed()]

    # a second conversation replaces the first, and the visitor's input is shown as text, never run as code
    hostile = "<img src=x onerror=alert(1)> ${1+1} {{1+1}}"
    typed(browser, f"Eve & <b>Co</b>: {hostile}")
    waited(browser, "#text-result .facts", "1 utterance, 1 speaker.")
    assert [row[:2] for row in rows(browser, "#text-result")] == [("Eve & <b>Co</b>", hostile)]
    waited(browser, "#clear-text").click()
    waited_gone(browser, "#text-result .utterances")
    assert waited(browser, "#conversation textarea").get_property("value") == ""
    waited(browser, "#example-text").click()
    check_quiet(browser, page)


def waited_gone(browser, selector: str):
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 60).until(lambda b: not b.find_elements("css selector", selector), f"{selector} stays")


def test_bad_input_is_said_where_the_result_would_stand(page, browser):
    open_page(browser, page)
    typed(browser, "Ada: hello\nwho says this?")
    problem = waited(browser, "#text-result .problem")
    assert problem.get_attribute("role") == "alert" and "Line 2 does not say who speaks" in problem.text
    assert not browser.find_elements("css selector", "#text-result .utterances")
    waited(browser, "button[role=tab]", "Recording").click()
    assert "needed" in waited(browser, "#transcript").text  # the page asks for the transcript before the click
    waited(browser, "#recognize-recording").click()
    assert "There is no recording yet" in waited(browser, "#recording-result .problem").text
    check_quiet(browser, page)


def test_a_visitor_uploads_a_recording(page, browser, kept_files, tmp_path):
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
        open_page(browser, page)
        waited(browser, "button[role=tab]", "Recording").click()
        for place, name in (("#recording", "talk.wav"), ("#transcript", transcript)):
            waited(browser, place)
            browser.find_element("css selector", f"{place} input[type=file]").send_keys(str(tmp_path / name))
            waited(browser, place, Path(name).suffix)
        waited(browser, "#recognize-recording").click()

    upload("foreign.json")
    assert "names recordings itself" in waited(browser, "#recording-result .problem").text
    upload("talk.json")
    found = rows(browser, "#recording-result")
    assert [row[:2] for row in found] == [("Ada", "leave me alone"), ("Ben", "oh no")]
    assert "Voice alone" in waited(browser, "#recording-result .utterances").text
    links = {kind: waited(browser, f"#recording-download-{kind}") for kind in ("json", "csv", "srt", "html")}
    contents = {kind: downloaded(browser, link) for kind, link in links.items()}
    assert [u["emotion"] for u in json.loads(contents["json"])["utterances"]] == [
        row[2].split(": ")[-1] for row in found
    ]
    assert contents["csv"].startswith("id,start,end,speaker,text,emotion,confidence") and "Ben [" in contents["srt"]
    assert "./talk.wav" in contents["html"] and str(kept_files) not in contents["html"]
    # the page can play the recording
    player = waited(browser, "#recording-result audio")
    assert browser.execute_async_script(
        "const [media, done] = arguments; if (media.readyState) done(media.duration); "
        "media.onloadedmetadata = () => done(media.duration); media.onerror = () => done(-1); media.load()",
        player,
    ) == pytest.approx(3, abs=0.2)
    check_quiet(browser, page)

    # all files are in the folder that is swept, and the sweep deletes them
    left = [path for path in kept_files.rglob("*") if path.is_file()]
    assert {"talk.wav", "timeline.json", "report.html"} <= {path.name for path in left}
    assert kept_files / "old" / "upload.wav" not in left and kept_files / "new" / "upload.wav" in left
    SweptFolder(kept_files, kept_seconds=-60).sweep()
    assert not [path for path in kept_files.rglob("*") if path.is_file()]


def downloaded(browser, button) -> str:
    """The file of a download button, which creates a link and clicks on it."""
    from selenium.webdriver.support.ui import WebDriverWait

    browser.execute_script(
        "window.taken = null; HTMLAnchorElement.prototype.click = function () { window.taken = this.href; }"
    )
    button.click()
    address = WebDriverWait(browser, 30).until(lambda b: b.execute_script("return window.taken"))
    return urllib.request.urlopen(address, timeout=30).read().decode()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_can_be_used_on_every_device(page, browser, width, scheme):
    open_page(browser, page, width, scheme)
    for tab in ("Recording", "Text"):
        waited(browser, "button[role=tab]", tab).click()
        assert sideways_scroll(browser) <= 0 and low_contrast(browser) == []
    reached = tabbed(browser, 8)
    assert all(element["seen"] for element in reached if element["tag"] != "body"), reached
    typed(browser, f"{'Maximiliana' * 3}: {'Donaudampfschifffahrt' * 9}\nBen: leave me alone")
    waited(browser, "#text-result .utterances")
    assert sideways_scroll(browser) <= 0 and low_contrast(browser) == []
    assert console_errors(browser) == []


def test_two_users_at_once_have_their_own_answers_and_limits_hold_for_the_api(page):
    client = pytest.importorskip("gradio_client").Client
    users = [client(page, verbose=False, download_files=False) for _ in range(2)]
    words = ("oh no", "leave me alone")
    jobs = [
        user.submit(f"Ada: {w}\nBen: {w}", api_name="/recognize_text") for user, w in zip(users, words, strict=True)
    ]
    for job, own, other in zip(jobs, words, words[::-1], strict=True):
        result = job.result(timeout=120)[0]
        assert own in result and other not in result
    for text, problem in (
        ("Ada: " + "x" * 30_000, "has 30005 characters"),
        ("Ada: " + "word " * 1000, "an utterance has up to"),
        ("Ada: yes\n" * 1000, f"up to {MOST_UTTERANCES} at a time"),
    ):
        assert problem in users[0].predict(text, api_name="/recognize_text")[0]
    many = "\n".join(f"Name {chr(65 + n % 26)}{chr(65 + n // 26)}: yes" for n in range(MOST_UTTERANCES))
    assert users[0].predict(many, api_name="/recognize_text")[0].count('class="lane"') == MOST_UTTERANCES


def test_files_that_are_too_long_or_too_large_are_refused(tmp_path, monkeypatch):
    wav = write_wav(tmp_path / "talk.wav", speech_like(2.0))
    assert limits.check_recording_file(str(wav)) == pytest.approx(2.0)
    monkeypatch.setattr(limits, "MOST_SECONDS", 1.5)
    with pytest.raises(ValueError, match="talk.wav lasts 00:02; this page takes up to 00:02"):
        limits.check_recording_file(str(wav))
    monkeypatch.setattr(limits, "MOST_BYTES", 1000)
    with pytest.raises(ValueError, match="talk.wav has 0 MB; this page takes up to 0 MB"):
        limits.check_recording_file(str(wav))
    transcript = tmp_path / "long.srt"
    transcript.write_text("".join(f"{n}\n00:00:{n:02d},000 --> 00:00:{n:02d},500\nAda: yes\n\n" for n in range(1, 20)))
    limits.check_transcript_file(str(transcript))
    monkeypatch.setattr(limits, "MOST_TRANSCRIBED", 10)
    with pytest.raises(ValueError, match="These are 19 utterances; this page takes up to 10"):
        limits.check_transcript_file(str(transcript))
    with pytest.raises(ValueError, match="talk.wav is no transcript that this page reads"):
        limits.check_transcript_file(str(wav))


def test_a_short_request_does_not_wait_for_a_long_one_and_can_be_cancelled(model):
    from transformers import pipeline

    lanes = make_lanes(pipeline("emotion-recognition", model=str(model), device="cpu"))
    short, long = (lane.recognizer for lane in (lanes["short"], lanes["long"]))
    assert short.model is not long.model
    assert next(short.model.parameters()) is next(long.model.parameters())
    talk = parse_conversation(TALK)
    with lanes["long"].turn(lambda: None) as busy:
        with lanes["short"].turn(lambda: None) as free:
            assert [u["scores"] for u in free(talk)] == [u["scores"] for u in busy(talk)]
        stopped = threading.Event()

        def check():
            if stopped.is_set():
                raise Cancelled

        outcomes = []

        def second():
            try:
                with lanes["long"].turn(check):
                    outcomes.append("answered")
            except Cancelled:
                outcomes.append("cancelled")

        waiting = threading.Thread(target=second)
        waiting.start()
        stopped.set()
        waiting.join(30)
        assert outcomes == ["cancelled"]
    with lanes["long"].turn(lambda: None):
        pass  # the lane is free again


def test_a_result_without_pictures_is_better_than_none(model, tmp_path, monkeypatch):
    pytest.importorskip("gradio", reason="needs gradio: pip install gradio")
    from modeling_amuse.hub_card.space import emotion_page

    def unreadable(recording, results):
        raise ValueError(f"{recording}: nothing of its video can be decoded; the file is damaged.")

    monkeypatch.setattr(emotion_page, "thumbnails", unreadable)
    page = emotion_page.EmotionPage(str(model))
    page.explains = False
    (tmp_path / "talk.csv").write_text("speaker,text,start,end\nAda,Hello there.,0,0.9\n")
    write_video(tmp_path / "talk.mp4", numbered_frames(20), 10, speech_like(2.0))
    answer = page.recognize_recording(
        str(tmp_path / "talk.mp4"), str(tmp_path / "talk.csv"), None, None, lambda *_, **__: None
    )
    [[shown, *_]] = answer
    assert "Hello there." in shown and "no pictures of the frames that counted: talk.mp4: nothing of its video" in shown


@pytest.mark.parametrize("leaves", [False, True])
@pytest.mark.parametrize("cancelled", [("text",), ("recording",), ("recording", "text"), ()])
@pytest.mark.parametrize("first", ["text", "recording"])
def test_cancel_stops_the_request_of_its_tab_and_visitor_alone(model, tmp_path, first, cancelled, leaves):
    pytest.importorskip("gradio", reason="needs gradio: pip install gradio")
    from modeling_amuse.hub_card.space.emotion_page import EmotionPage

    page = EmotionPage(str(model))
    page.explains = False  # which takes most of the time
    (tmp_path / "talk.csv").write_text("speaker,text,start,end\nAda,Hello there.,0,0.9\n")
    write_wav(tmp_path / "talk.wav", speech_like(1.0), 16000)
    visitors = [SimpleNamespace(session_hash=name) for name in ("one", "other")]
    shown = {}

    def ask(name, visitor):
        def quiet(*_, **__):
            pass

        if name == "text":
            answer = page.recognize_text(TALK, visitor, quiet)
        else:
            answer = page.recognize_recording(
                str(tmp_path / "talk.wav"), str(tmp_path / "talk.csv"), None, visitor, quiet
            )
        shown[name, visitor.session_hash] = [outputs[0] for outputs in answer][-1]

    names = [first, *({"text", "recording"} - {first})]
    with page.lanes["short"].turn(lambda: None):  # all requests wait
        threads = []
        for name in names:
            for visitor in visitors:
                threads.append(threading.Thread(target=ask, args=(name, visitor)))
                threads[-1].start()
                deadline = time.monotonic() + 30
                while len(page._running) < len(threads) and time.monotonic() < deadline:
                    time.sleep(0.01)
        for name in cancelled:
            {"text": page.cancel_text, "recording": page.cancel_recording}[name](visitors[0])
        if leaves:
            page.leave(visitors[0])
    for thread in threads:
        thread.join(60)
    stopped = {key for key, text in shown.items() if "Cancelled." in text}
    assert stopped == {(name, "one") for name in (names if leaves else cancelled)} and len(shown) == 4
    assert not page._running


def test_the_folder_is_swept_by_age_and_again_and_again(tmp_path):
    (tmp_path / MARKER).mkdir()
    for name, age in (("a/b/old.wav", 100), ("a/new.wav", 0), ("old.json", 100)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
        os.utime(path, (time.time() - age,) * 2)
    folder = SweptFolder(tmp_path, kept_seconds=50, swept_every=0.05)
    folder.sweep()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["new.wav"]
    folder.kept_seconds = -1
    threading.Thread(target=folder._go_on, daemon=True).start()
    deadline = time.monotonic() + 30
    while any(files for _, _, files in os.walk(tmp_path)):  # it goes on if a folder is removed meanwhile
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_all_temporary_files_of_a_page_are_in_its_folder_and_a_new_page_sweeps_those_of_a_killed_one(
    tmp_path, monkeypatch
):
    (tmp_path / MARKER).mkdir()
    for name, age in (("cache/hash/talk.wav", 4000), ("work/tmpabc/report.html", 4000), ("cache/hash/new.wav", 60)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("of a killed page")
        os.utime(path, (time.time() - age,) * 2)
    started = []
    monkeypatch.setattr(threading.Thread, "start", lambda thread: started.append(thread.name))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    SweptFolder(tmp_path).use()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["new.wav"] and started == ["sweep"]
    assert Path(os.environ["GRADIO_TEMP_DIR"]).is_relative_to(tmp_path)
    with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile() as file:
        assert Path(folder).is_relative_to(tmp_path) and Path(file.name).is_relative_to(tmp_path)


@pytest.mark.parametrize("content", ["thesis.docx", ".hidden", "cache/hash/talk.wav", "a/", "link"])
def test_a_folder_with_files_of_somebody_else_is_refused_and_left_as_it_is(tmp_path, content):
    folder = tmp_path / "mine"
    path = folder / content
    path.parent.mkdir(parents=True, mode=0o755)
    if content.endswith("/"):
        path.mkdir()
    elif content == "link":
        path.symlink_to(tmp_path)
    else:
        path.write_text("x")
    os.utime(path, (time.time() - 9999,) * 2)
    mode, held = folder.stat().st_mode, sorted(folder.rglob("*"))
    with pytest.raises(ValueError, match=r"mine holds files that are not the page's, .* to a new or an empty folder"):
        SweptFolder(folder)
    assert folder.stat().st_mode == mode and sorted(folder.rglob("*")) == held


def test_a_page_knows_its_own_folder_again_after_it_was_swept(tmp_path):
    for _ in range(2):
        folder = SweptFolder(tmp_path / "new", kept_seconds=-60)
        (folder.path / "upload.wav").write_text("x")
        folder.sweep()
        assert not [path for path in folder.path.rglob("*") if path.is_file()]
        (folder.path / "left.wav").write_text("x")  # by a killed page


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs the owners and modes of POSIX")
def test_nobody_else_can_read_the_folder_of_uploads(tmp_path, monkeypatch):
    open_to_all = tmp_path / "open"
    open_to_all.mkdir(mode=0o755)
    SweptFolder(open_to_all)
    SweptFolder(tmp_path / "new")
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("open", "new")] == [0o700, 0o700]
    (tmp_path / "link").symlink_to(open_to_all)
    with pytest.raises(ValueError, match="is a link"):
        SweptFolder(tmp_path / "link")
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(ValueError, match="belongs to another user"):
        SweptFolder(open_to_all)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "There is no conversation yet"),
        (" \n\n", "There is no conversation yet"),
        ("Ada: hello\n\nat 12:30", "Line 3 does not say"),
        ("12:30 it is", "Line 1 does not say"),
        ("Ada:  ", "Line 1 has a name, but no words"),
        ("Ada: yes\n" * (MOST_UTTERANCES + 1), f"up to {MOST_UTTERANCES} at a time"),
        (f"Ada: {'x' * 1001}", "Line 1 has 1001 characters"),
        ("Ada: yes\n" * 3000, "has 27000 characters"),
    ],
)
def test_typed_text_that_is_no_conversation(text, message):
    with pytest.raises(ValueError, match=message):
        parse_conversation(text)


def test_only_the_first_colon_of_a_line_ends_the_name():
    assert parse_conversation(TALK)[2] == {"speaker": "Ada", "text": "oh no, at 12:30?"}


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
    assert (
        "libgles2" in (folder / "packages.txt").read_text().split()
    )  # MediaPipe needs it, and a Space does not have it
    assert (folder / "modeling_amuse" / "processing" / "sample").is_dir() and not list(folder.rglob("__pycache__"))
    # every module that the page imports is there, as the package is not installed in a Space
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            module = node.module if isinstance(node, ast.ImportFrom) and not node.level else None
            if module and module.startswith("modeling_amuse.hub_card"):
                place = folder.joinpath(*module.split("."))
                assert place.is_dir() or place.with_suffix(".py").is_file(), f"{file} imports {module}"
    with pytest.raises(ValueError, match="is not empty"):
        write_space_folder("user/other", folder)


def test_the_example_recording_is_as_old_as_its_click(tmp_path, monkeypatch):
    pytest.importorskip("gradio", reason="needs gradio: pip install gradio")
    from modeling_amuse.hub_card.space import app

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(app, "EXAMPLES", tmp_path / "example")
    (tmp_path / "example").mkdir()
    for name in ("talk.mp4", "talk.json"):
        (tmp_path / "example" / name).write_bytes(b"x")
        os.utime(tmp_path / "example" / name, (0, 0))
    assert all(os.stat(path).st_mtime > time.time() - 60 for path in app.fresh_example())
