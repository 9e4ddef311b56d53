"""What files say to a terminal never reaches it, and what is saved for others holds no markup and no formulas of names."""

import io
import json
import re
import sys

import pandas as pd
import pytest
from transformers import AutoTokenizer

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.corpora.soft_labels import read_soft_labels
from modeling_amuse.processing.printable_text import printable
from modeling_amuse.processing.timelines.timeline_tables import csv_text
from modeling_amuse.processing.transcript_tables import guarded, unguarded
from modeling_amuse.processing.transcripts import read_transcript
from modeling_amuse.scripts import amuse
from modeling_amuse.scripts.command.plain_output import CURSOR_UP, PrintableStream, printable_output
from modeling_amuse.scripts.command.plain_yaml import parsed_yaml
from modeling_amuse.scripts.training.fold_data import FoldData
from modeling_amuse.scripts.training.fold_files import read_fold_soft_labels, write_soft_labels
from modeling_amuse.scripts.training.recipe_file import is_place
from modeling_amuse.scripts.training.training_arguments import FoldArguments
from tests.data_options import folder_options
from tests.forked_processes import run

FORMULAS = ["=1+1", "+49 30", "-5", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''=x", "=cmd|' /C calc'!A0"]


def test_control_characters_are_printed_as_escapes():
    stream = io.StringIO()
    PrintableStream(stream).writelines(["50 %\r", "\x1b[A100 %\n", "\x1b[31mred\x07 \u202eevil\x9b", "\ttab é 字 😀\n"])
    assert stream.getvalue() == "50 %\r\x1b[A100 %\n\\x1b[31mred\\x07 \\u202eevil\\x9b\ttab é 字 😀\n"


def test_the_streams_are_put_back(capsys):
    out, err = sys.stdout, sys.stderr
    with printable_output():
        print("\x1b]0;title\x07")
        print("\x1b[2J", file=sys.stderr)
    assert (sys.stdout, sys.stderr) == (out, err)
    assert capsys.readouterr() == ("\\x1b]0;title\\x07\n", "\\x1b[2J\n")


@pytest.mark.parametrize("name", ["a\x1b[31m.srt", "b\x07.json"])
def test_an_error_about_a_file_with_an_odd_name_is_plain(tmp_path, capsys, name):
    path = tmp_path / name
    path.write_text("")
    status = amuse.run("recognize", "amuse recognize", [str(path), "--model", str(tmp_path / "\x1b[2Jnone")])
    said = capsys.readouterr()
    assert status == 1 and "\x1b[" not in said.out + said.err and "\x07" not in said.out + said.err


def test_nothing_in_a_file_controls_the_terminal_of_a_command(tmp_path, tiny_text_encoder):
    """Escape sequences in names of files, speakers, conversations and emotions, in words, and in settings of a model."""
    red, title = "\x1b[31m", "\x1b]0;owned\x07"
    emotions = [f"joy{red}", f"{title}anger", "fear\x9b1m\u202e"]
    names = {"id2label": dict(enumerate(emotions)), "label2id": {name: label for label, name in enumerate(emotions)}}
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(tiny_text_encoder[0], hidden_size=16, **names)
    folder = tmp_path / f"m{red}"
    model.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(tiny_text_encoder[0])
    said = [
        {"speaker": f"Ada{red}", "text": f"oh {title}no", "emotion": emotions[0]},
        {"speaker": "Ben", "text": "\x1b[2J"},
    ]
    talk = tmp_path / f"talk{title}.json"
    talk.write_text(json.dumps(said))
    (tmp_path / "test.jsonl").write_text(json.dumps({"id": f"a{red}", "utterances": said}))
    asked = [str(talk), "--model", str(folder), "--output", str(tmp_path / f"found{red}.csv")]
    data = folder_options(tmp_path)
    results = str(tmp_path / f"results{red}.json")
    scored = ["--model", str(folder), "--output", results, "--pictures", "False", "--num_resamples", "0"]
    runs = [("recognize.py", asked, emotions[::-1]), ("recognize.py", asked, emotions)]
    for script, arguments, order in [*runs, ("evaluate.py", [*scored, *data], emotions)]:
        AmuseProcessor(tokenizer, emotions=order).save_pretrained(folder)
        done = run(script, *arguments)
        shown = (done.stdout + done.stderr).replace(CURSOR_UP, "")
        assert (done.returncode == 0) is (script == "recognize.py" and order == emotions), shown[-2000:]
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]", shown), shown[-2000:]
        assert "\\x1b" in shown


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_guarded_and_read_back(tmp_path, text):
    assert guarded(text) == f"'{text}" and unguarded(guarded(text)) == text
    result = {
        "speaker": text.strip(),
        "text": f"{text} x",
        "emotion": "joy",
        "confidence": 0.5,
        "start": 0.0,
        "end": 1.0,
    }
    table = csv_text([result])
    assert not any(cell.strip('"').startswith(("=", "+", "-", "@")) for cell in table.splitlines()[1].split(","))
    path = tmp_path / "talk.csv"
    path.write_text(table, encoding="utf-8", newline="")
    [read] = read_transcript(path)["utterances"]
    assert read["speaker"] == text.strip() and read["text"].split() == f"{text} x".split()
    assert result["speaker"] in csv_text([result], raw=True)


def test_ids_that_are_formulas_keep_their_votes_in_a_fold(tmp_path):
    ids = [*(text for text in FORMULAS if text == text.strip()), "u0", "'tis"]
    votes = pd.DataFrame({"utterance_id": ids, "joy": range(len(ids)), "anger": range(len(ids), 0, -1)})
    votes.to_parquet(tmp_path / "votes.parquet")
    conversations = [{"utterances": [{"id": identifier} for identifier in ids]}]
    data = FoldData(conversations, emotions=("joy", "anger"))
    frame = read_fold_soft_labels(str(tmp_path / "votes.parquet"), data, FoldArguments())
    path = write_soft_labels(frame, conversations, tmp_path / "fold.csv")
    cells = [line.split(",")[0].strip('"') for line in path.read_text().splitlines()[1:]]
    assert len(cells) == len(ids) and not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    read, expected = (read_soft_labels(place, ["joy", "anger"]) for place in (path, tmp_path / "votes.parquet"))
    assert list(read) == ids and all((read[identifier] == expected[identifier]).all() for identifier in ids)


@pytest.mark.parametrize("text", ["'tis", "a=b", "'", "it's", "1+1"])
def test_other_text_is_not_changed(text):
    assert guarded(text) == unguarded(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "the key 'a' occurs twice"),
        ("a: {b: 1, b: 2}", "the key 'b' occurs twice"),
        ("a: &a [*a]", "an alias stands for the value that holds it"),
        ("!!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("[" * 5000, "own.yaml is not valid YAML"),
        ("fusion: gate\nhidden\u202e 3\nseed: 1", r"own.yaml is not valid YAML: .*hidden\\u202e 3"),
        ("a\u200e\u2066: [1, 2", r"own.yaml is not valid YAML"),
        (
            "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"{n}: &{n} [{', '.join([f'*{b}'] * 10)}]\n" for b, n in zip("abcdef", "bcdefg", strict=True)),
            "aliases stand for more than 100,000 values",
        ),
    ],
)
def test_yaml_that_is_ambiguous_or_grows_is_refused(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        parsed_yaml(text, "own.yaml")
    assert type(caught.value) is ValueError and "own.yaml" in str(caught.value)
    assert printable(str(caught.value)) == str(caught.value)


def test_aliases_of_a_study_are_read():
    assert parsed_yaml("a: &x {b: [1, 2]}\nc: *x", "x.yaml") == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/home/ada/MELD", True),
        (["a", "/x"], True),
        ("emorynlp=/data/emorynlp", True),
        ("C:\\Users\\ada", True),
        ("~/MELD", True),
        ("MELD", False),
        ("data/MELD", False),
        ("sentence-transformers/all-MiniLM-L6-v2", False),
        (3, False),
        (["text", "audio"], False),
    ],
)
def test_places_of_one_machine_are_known(value, expected):
    assert is_place(value) is expected


def test_a_model_card_escapes_names_of_emotions(tmp_path):
    from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition
    from modeling_amuse.hub_card.model_card import write_model_card

    names = ["<script>alert(1)</script>", "![x](http://evil/y.png)", "a|b\n# Title", "*joy*"]
    config = AmuseConfig(
        text_feature_size=4,
        hidden_size=8,
        num_attention_heads=2,
        num_man_layers=1,
        id2label=dict(enumerate(names)),
        label2id={name: label for label, name in enumerate(names)},
    )
    AmuseForEmotionRecognition(config).save_pretrained(tmp_path)
    history = {"settings": {"dataset_name": "<img src=x onerror=alert(1)>", "seed": 1, "emotions": ["<b>"]}}
    card = write_model_card(tmp_path, [], history, "user/name", tmp_path / "card").read_text(encoding="utf-8")
    body = card.split("\n---\n", 1)[1]
    assert not re.search(r"(?<![\\`])(<script|<img|!\[x)|^# Title", body, re.MULTILINE)
    assert "\\<script\\>alert" in body and json.dumps(names[0])
