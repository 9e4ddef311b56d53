"""The handler for Inference Endpoints, run from the uploaded folder in a process without this package."""

import base64
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from modeling_amuse.scripts.hub.self_contained_folder import write_self_contained_folder
from tests.small_media import speech_like, write_wav
from tests.small_models import save_recording_model

HEARS = all(importlib.util.find_spec(name) for name in ("av", "librosa"))
EMOTIONS = ["neutral", "joy", "anger"]
TALK = [{"speaker": "Ada", "text": "leave me alone"}, {"speaker": "Ben", "text": "oh no"}]
SUBTITLES = "1\n00:00:00,000 --> 00:00:01,500\nAda: leave me alone\n\n2\n00:00:01,500 --> 00:00:03,000\nBen: oh no\n"
TIMED_WITH_FILE = [{**TALK[0], "start": 0.0, "end": 1.5, "video": "/etc/passwd"}]

CLIENT = """
import importlib.util, json, sys

folder, packages, requests = json.load(sys.stdin)  # too long for arguments
sys.path += packages
assert importlib.util.find_spec("modeling_amuse") is None
sys.path.insert(0, folder)  # as the server does
from handler import EndpointHandler

handler, answers = EndpointHandler(folder), []
for request in requests:
    if "bytes" in request:
        request = {"inputs": bytes.fromhex(request["bytes"])}
    try:
        answers.append(handler(request))
    except ValueError as error:
        answers.append(str(error))
print("\\n" + json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers(tiny_text_encoder, tmp_path_factory):
    """The handler's answer to each request, by the name of the request."""
    parent = tmp_path_factory.mktemp("endpoint")
    save_recording_model(parent / "model", tiny_text_encoder[0], EMOTIONS)
    folder = parent / "repository"
    folder.mkdir()
    write_self_contained_folder(parent / "model", folder)
    sound = write_wav(parent / "talk.wav", speech_like(3.0)).read_bytes()
    recording = {"recording": base64.b64encode(sound).decode(), "transcript": SUBTITLES}
    requests = {
        "conversation": {"inputs": TALK},
        "dict": {"inputs": {"utterances": TALK}, "parameters": {"top_k": 1}},
        "several": {"inputs": [TALK, TALK[:1]], "parameters": {}},
        **({"recording": {"inputs": recording}} if HEARS else {}),
        "no inputs": {"input": TALK},
        "unknown parameter": {"inputs": TALK, "parameters": {"topk": 1}},
        "no transcript": {"inputs": {"recording": recording["recording"]}},
        "bytes": {"bytes": sound.hex()},
        "not base64": {"inputs": {**recording, "recording": "?"}},
        "bad suffix": {"inputs": {**recording, "suffix": ".wav/../../x"}},
        "file": {"inputs": "/etc/passwd"},
        "files": {"inputs": ["/etc/passwd", "/etc/hosts"]},
        "named file": {"inputs": [{**TALK[0], "audio": "/etc/passwd", "start": 0.0, "end": 1.0}]},
        "named deep": {"inputs": [{"utterances": [{**TALK[0], "video": "/etc/passwd"}]}]},
        "columns": {"inputs": {"utterances": {"speaker": ["Ada"], "text": ["oh no"], "audio": ["/etc/passwd"]}}},
        "no request": TALK,
        "list of parameters": {"inputs": TALK, "parameters": ["top_k"]},
        "transcript as recording": {"inputs": {**recording, "suffix": ".JSON"}},
        "file in transcript": {
            "inputs": {**recording, "transcript_suffix": ".json", "transcript": json.dumps(TIMED_WITH_FILE)}
        },
        "no speaker": {"inputs": [{"text": "who?"}]},
    }
    packages = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    given = json.dumps([str(folder), packages, list(requests.values())])
    (parent / "temporary").mkdir()
    environment = {**os.environ, "TMPDIR": str(parent / "temporary")}
    command = [sys.executable, "-I", "-S", "-c", CLIENT]
    done = subprocess.run(command, input=given, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    left = [path for path in (parent / "temporary").rglob("*") if path.is_file()]
    assert left == []  # neither of the requests that were answered nor of those that were refused
    return dict(zip(requests, json.loads(done.stdout.splitlines()[-1]), strict=True))


def test_conversations_are_answered(answers):
    assert [said["speaker"] for said in answers["conversation"]] == ["Ada", "Ben"]
    assert all(said["emotion"] in EMOTIONS and set(said["scores"]) == set(EMOTIONS) for said in answers["conversation"])
    assert [len(said["scores"]) for said in answers["dict"]] == [1, 1]
    assert [len(talk) for talk in answers["several"]] == [2, 1]


@pytest.mark.skipif(not HEARS, reason="needs av and librosa")
def test_a_recording_is_heard(answers):
    assert [list(said["modalities"]) for said in answers["recording"]] == [["text", "audio"]] * 2
    assert [said["text"] for said in answers["recording"]] == ["leave me alone", "oh no"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no inputs", 'the request has no "inputs"'),
        ("unknown parameter", "There is no parameter topk; the parameters are top_k"),
        ("no transcript", "send a transcript with the recording"),
        ("bytes", "send a transcript with the recording"),
        ("not base64", "is not base64"),
        ("bad suffix", "is not the suffix of a file"),
        ("file", "Files of the server are not read"),
        ("files", "Files of the server are not read"),
        ("named file", "An utterance has a path as audio"),
        ("named deep", "An utterance has a path as video"),
        ("columns", "An utterance has a path as audio"),
        ("no request", 'the request has no "inputs"'),
        ("list of parameters", "The parameters are a list"),
        ("transcript as recording", "as a transcript has"),
        ("file in transcript", "An utterance has a path as video"),
        ("no speaker", "has no 'speaker'"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_what_to_send(answers, name, message):
    assert isinstance(answers[name], str) and message in answers[name]
