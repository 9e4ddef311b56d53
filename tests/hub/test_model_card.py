"""The model card: its contents agree with the records, and the Hub accepts it."""

import copy
import json
import re
import threading
from html import escape as html_escape
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
import yaml
from huggingface_hub import ModelCard, constants
from huggingface_hub.repocard_data import eval_results_to_model_index, model_index_to_eval_results
from transformers import AutoTokenizer

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.hub_card.card_scores import own_result
from modeling_amuse.hub_card.card_text import code, escape, table
from modeling_amuse.hub_card.model_card import write_model_card
from modeling_amuse.hub_card.study_summary import study_table, write_index
from modeling_amuse.scripts.training.prediction import score
from tests.data_options import folder_options
from tests.small_models import small_model

EMOTIONS = ["neutral", "joy", "fear", "a|b *c* <d>"]
ESCAPED = ["neutral", "joy", "fear", r"a\|b \*c\* \<d\>"]


def evaluation(seed: int | None, **changes) -> dict:
    """Results as evaluate.py writes them, for random predictions."""
    generator = np.random.default_rng(seed or 0)
    scores = generator.dirichlet(np.ones(len(EMOTIONS)), 60)
    predictions = {
        "prediction_scores": scores,
        "references": generator.integers(0, len(EMOTIONS), 60),
        "conversations": np.arange(60) // 6,
    }
    result = {
        "dataset_name": "meld",
        "split": "test",
        "modalities": ["audio", "vision"],
        **score(predictions, EMOTIONS, num_resamples=50, left_out=["fear"]),
        "num_resamples": 50,
        "data_report": {"conversations": 280, "utterances": 2610},
        "training": None if seed is None else {"seed": seed, "dataset_name": "meld", "best_epoch": 2},
    }
    return {**result, **changes}


HISTORY = {
    "epoch": 3,
    "best_epoch": 2,
    "best_weighted_f1": 0.61234,
    "selection_rule": "the highest weighted F1 on the validation split",
    "encoders": {"text": None, "audio": "openai/whisper-base", "vision": "folder-of-mine"},
    "num_trained_parameters": 12345,
    "data_report": {"train": {"conversations": 1038, "utterances": 9989}, "validation": {"conversations": 114}},
    "settings": {"dataset_name": "meld", "seed": 43, "learning_rate": 0.0005, "data": ["digest"], "model": {"a": 1}},
    "history": [{"epoch": number, "seconds": 600.0} for number in (1, 2, 3)],
    "runs": [
        {
            "device": "A Processor",
            "num_cores": 2,
            "num_processes": 1,
            "device_watts": 90.0,
            "versions": {"torch": "2.13.0"},
        }
    ],
}


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("amuse-tiny")
    names = dict(enumerate(EMOTIONS))
    model = small_model(text_feature_size=None, id2label=names, label2id={name: i for i, name in names.items()})
    model.save_pretrained(folder)
    record = {"vision": {"name": "faces", "version": 1}, "audio": {"name": "egemaps", "version": 1}}
    (folder / "processor_config.json").write_text(json.dumps({"feature_records": record}))
    return folder


def written(model_dir, tmp_path, results, history=HISTORY, **settings) -> ModelCard:
    return ModelCard.load(write_model_card(model_dir, results, history, "user/amuse-tiny", tmp_path, **settings))


def test_the_model_index_has_these_weights_scores_and_those_of_the_other_seeds(model_dir, tmp_path):
    results = [evaluation(seed) for seed in (42, 43, 44)]
    data = written(model_dir, tmp_path, results).data
    assert data.model_name == "amuse-tiny"
    rows = {row.metric_name: row for row in data.eval_results}
    assert set(rows) == {"Weighted F1", "Accuracy", "Macro F1", "Expected calibration error"}
    row = rows["Weighted F1"]
    assert row.metric_value == round(results[1]["weighted_f1"], 4) and row.metric_type == "f1"
    assert (row.dataset_type, row.dataset_name, row.dataset_split) == ("meld", "MELD", "test")
    assert row.metric_args["interval"] == [round(bound, 4) for bound in results[1]["weighted_f1_interval"]]
    assert row.metric_args["seeds"] == [42, 43, 44] and row.metric_args["num_resamples"] == 50
    assert row.metric_args["value_of_each_seed"] == [round(r["weighted_f1"], 4) for r in results]
    assert "interval" not in rows["Accuracy"].metric_args  # none was computed


def test_the_whole_card_is_as_expected(model_dir, tmp_path):
    """The whole card, without the size of the model, is compared character by character."""
    pytest.importorskip("matplotlib")
    settings = {**HISTORY["settings"], "dataset_name": "mel`d`", "layers": [1, 2]}
    history = {**HISTORY, "settings": settings, "warnings": ["The encoder was trained on MELD."]}
    results = [
        evaluation(42),
        evaluation(43, modality_subsets={"vision": evaluation(5)}),
        evaluation(43, split="validation"),
    ]
    for result in results:
        result["training"]["dataset_name"] = settings["dataset_name"]
    written(model_dir, tmp_path, results, history, license="apache-2.0")
    card = re.sub(r"[\d,]+ parameters", "N parameters", (tmp_path / "README.md").read_text(encoding="utf-8"))
    expected = (Path(__file__).parent / "expected_card.md").read_text(encoding="utf-8")
    assert card.splitlines() == expected.splitlines()


@pytest.mark.parametrize(
    "name", ["joy", "a|b", "a\\|b", "<script>", "*_`x`_*", "one\ntwo", "[link](x)", "# title", "1 < 2 & 3"]
)
def test_a_name_stands_in_a_cell_of_markdown_as_it_is(name):
    """A renderer shows the characters of the name in the cell, and no markup."""
    markdown_it = pytest.importorskip("markdown_it")
    html = markdown_it.MarkdownIt("commonmark").enable("table").render(table(["emotion"], [[escape(name)]]))
    assert re.findall("<td>(.*?)</td>", html, re.DOTALL) == [html_escape(" ".join(name.split()), quote=False)]
    if "\\|" in name:
        return  # in a table, a code span cannot show these two characters
    html = markdown_it.MarkdownIt("commonmark").enable("table").render(table(["emotion"], [[code(name)]]))
    assert re.findall("<code>(.*?)</code>", html, re.DOTALL) == [html_escape(" ".join(name.split()), quote=False)]


def test_the_metadata_survives_the_round_trip(model_dir, tmp_path):
    results = [evaluation(43), evaluation(43, split="validation")]
    card = written(model_dir, tmp_path, results, license="apache-2.0")
    metadata = yaml.safe_load((tmp_path / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    name, rows = model_index_to_eval_results(metadata["model-index"])
    assert name == "amuse-tiny" and [row.dataset_split for row in rows] == ["test"] * 4 + ["validation"] * 4
    assert eval_results_to_model_index(name, rows) == metadata["model-index"]
    assert metadata["base_model"] == ["openai/whisper-base"]  # the name of a folder is not an id on the Hub
    assert metadata["language"] == ["en"] and metadata["license"] == "apache-2.0"
    assert (metadata["pipeline_tag"], metadata["datasets"]) == ("audio-classification", ["declare-lab/MELD"])
    assert str(ModelCard(str(card))) == str(card)


@pytest.mark.parametrize("with_text", [True, False])
def test_the_snippet_of_the_card_runs_as_it_stands(with_text, tiny_text_encoder, tmp_path, capsys):
    """For a model of text and of features from a table, the example has zeros as features."""
    text = tiny_text_encoder[0] if with_text else None
    names = {"id2label": dict(enumerate(EMOTIONS)), "label2id": {name: label for label, name in enumerate(EMOTIONS)}}
    sizes = {"hidden_size": 16, "num_man_layers": 1, "audio_feature_size": 3}
    if with_text:
        model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(text, **sizes, **names)
    else:
        model = AmuseForEmotionRecognition(AmuseConfig(**sizes, **names))
    folder = tmp_path / "model"
    model.save_pretrained(folder)
    AmuseProcessor(text and AutoTokenizer.from_pretrained(text), emotions=EMOTIONS).save_pretrained(folder)
    card = written(folder, tmp_path, [], history=None)
    assert card.data.pipeline_tag == ("text-classification" if with_text else "audio-classification")
    [snippet] = re.findall(r"```python\n(.*?)```", card.text, re.DOTALL)
    exec(snippet.replace("user/amuse-tiny", str(folder)), {})
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said] == ["Ada", "Ben"]


def test_the_snippet_of_a_model_of_text_features_gives_features_and_no_words(tmp_path, capsys):
    config = AmuseConfig(hidden_size=16, num_man_layers=1, text_feature_size=3)
    folder = tmp_path / "model"
    AmuseForEmotionRecognition(config).save_pretrained(folder)
    AmuseProcessor(emotions=[config.id2label[label] for label in range(config.num_labels)]).save_pretrained(folder)
    text = written(folder, tmp_path, [], history=None).text
    [snippet] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert '"text_features": [0.0] * 3' in snippet and "I got the job" not in snippet
    exec(snippet.replace("user/amuse-tiny", str(folder)), {})
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["Ada", "Ben"]


def test_tables_and_pictures_are_those_of_the_records(model_dir, tmp_path):
    pytest.importorskip("matplotlib")
    subset = {key: value for key, value in evaluation(5).items() if key in ("weighted_f1", "accuracy", "macro_f1")}
    result = evaluation(43, modality_subsets={"audio+vision": evaluation(43), "vision": subset})
    text = written(model_dir, tmp_path, [result]).text
    for emotion, row in zip(ESCAPED, result["per_class"].values(), strict=True):
        cells = [emotion, *(f"{row[key]:.4f}" for key in ("precision", "recall", "f1"))]
        assert f"| {' | '.join(cells)} | {row['support']:.0f} |" in text
    for emotion, counts in zip(ESCAPED, result["confusion_matrix"], strict=True):
        assert f"| {' | '.join([emotion, *map(str, counts)])} |" in text
    assert f"| vision | {subset['weighted_f1']:.4f} | unknown | {subset['accuracy']:.4f} |" in text
    assert f"Without fear, weighted F1 is {result['reduced']['weighted_f1']:.4f}" in text
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert len(pictures) == 2 and all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in pictures)
    widths = [line.count(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert min(widths) >= 1 and text.count(ESCAPED[-1]) >= 3 and EMOTIONS[-1] not in text


def test_the_table_of_studies_stands_under_the_scores(model_dir, tmp_path):
    folder = tmp_path / "results" / "fusion" / "meld"
    folder.mkdir(parents=True)
    row = {"label": "gate", "mean": 0.61234, "deviation": 0.004, "interval": [0.59, 0.63], "difference": None}
    better = {**row, "label": "alfa", "difference": 0.01, "verdict": "better"}
    summary = {
        "question": "?",
        "data": "MELD's folds.",
        "baseline": "gate",
        "prefers": "alfa",
        "rows": [{**row, "verdict": ""}, better],
    }
    (folder / "summary.json").write_text(json.dumps(summary))
    table = study_table(tmp_path / "results", ["fusion/meld"])
    assert "### Studies" not in written(model_dir, tmp_path, [evaluation(43)]).text
    text = written(model_dir, tmp_path, [evaluation(43)], studies=table).text
    told = text.partition("### Studies")[2].partition("## Intended use")[0]
    assert "| fusion/meld | gate | 0.6123 ± 0.0040 | 0.5900 to 0.6300 |  |" in told
    assert "| fusion/meld | alfa | 0.6123 ± 0.0040 | 0.5900 to 0.6300 | +0.0100 to gate: better |" in told
    assert "\n- `meld`: MELD's folds.\n" in told
    write_index(tmp_path / "results")
    assert "\n- `meld`: MELD's folds.\n" in (tmp_path / "results" / "README.md").read_text(encoding="utf-8")
    with pytest.raises(FileNotFoundError, match="no results of gamma/meld"):
        study_table(tmp_path / "results", ["gamma/meld"])


def test_what_is_told_of_training_terms_and_limits(model_dir, tmp_path):
    text = written(model_dir, tmp_path, [evaluation(43)]).text
    for told in (
        "Epoch 2 of 3 was chosen, validation weighted F1 0.6123",
        "| train | 1038 | 9989 | training |",
        "| validation | 114 | unknown | choice of the epoch |",
        "| test | 280 | 2610 | the scores above |",
        "0.50 for 3 epochs",
        "not measured; 0.045 kWh, if the hardware drew the 90 W",
        "| data | MELD | GPL-3.0 |",
        "| audio features | egemaps | openSMILE: no commercial use |",
        "| vision features | faces | Apache-2.0 (MediaPipe) |",
        "| background features | unknown | unknown |",
        "| `learning_rate` | `0.0005` |",
        "The publisher has stated no licence",
        "It is acted",
        "No text: the paper's model reads text, audio and vision.",
        "Layers of the Multimodal Attention Network: 2, the paper has 4.",
        "@inproceedings{poria2019meld",
    ):
        assert told in text, told
    assert "digest" not in text and "{{" not in text.replace("{{AMuSE}", "").replace("{{MELD}", "")


def test_what_is_not_known_is_called_unknown(model_dir, tmp_path):
    bare = evaluation(None)
    del bare["num_resamples"], bare["data_report"], bare["weighted_f1_interval"], bare["reduced"], bare["training"]
    bare["dataset_name"] = "folder"
    card = written(model_dir, tmp_path, [bare], history=None)
    for told in (
        "How the epoch was chosen is unknown",
        "| seed | unknown |",
        "| hours | unknown |",
        "| energy | unknown |",
    ):
        assert told in card.text, told
    assert "a data set that this card does not know | unknown to this card" in card.text.lower()
    assert "acted" not in card.text and card.data.language is None and card.data.license is None
    assert "co2_eq_emissions" not in card.data.to_dict()
    assert "the scores are unknown" in written(model_dir, tmp_path, []).text


def test_measured_energy(model_dir, tmp_path):
    history = copy.deepcopy(HISTORY)
    history["runs"][0]["energy_country"] = "deu"
    for line in history["history"]:
        line |= {"energy_kwh": 0.01, "emissions_kg": 0.004}
    card = written(model_dir, tmp_path, [evaluation(43)], history)
    assert card.data.to_dict()["co2_eq_emissions"]["emissions"] == pytest.approx(12)
    assert "0.03 kWh, 12 g CO2 equivalents by codecarbon for the grid of DEU, in 3 of 3 epochs" in card.text
    # for a part of the training, the energy is printed, but not given to the Hub as the total
    del history["history"][0]["energy_kwh"], history["history"][0]["emissions_kg"]
    card = written(model_dir, tmp_path, [evaluation(43)], history)
    assert "in 2 of 3 epochs" in card.text and "co2_eq_emissions" not in card.data.to_dict()


def test_scores_of_other_weights_are_not_taken_for_these(model_dir, tmp_path):
    with pytest.raises(ValueError, match="trained with the seed 43, the evaluations on meld, test, are of 42, 44"):
        written(model_dir, tmp_path, [evaluation(42), evaluation(44)])
    other = evaluation(43)
    other["training"] = {**other["training"], "best_epoch": HISTORY["best_epoch"] + 1}
    with pytest.raises(ValueError, match="is one of another model, .* same seed: its best_epoch is"):
        written(model_dir, tmp_path, [other])
    with pytest.raises(ValueError, match="it has the modalities text, smell, the model"):
        written(model_dir, tmp_path, [evaluation(43, modalities=["text", "smell"])])
    unknown = [evaluation(None), evaluation(None, weighted_f1=0.5)]
    card = written(model_dir, tmp_path, unknown)
    rows = {row.metric_name: row for row in card.data.eval_results}
    mean = (round(unknown[0]["weighted_f1"], 4) + 0.5) / 2
    assert rows["Weighted F1 (mean of 2 trainings)"].metric_value == pytest.approx(mean, abs=1e-4)
    assert "Which of these trainings produced the weights is unknown." in card.text
    assert own_result([evaluation(None)], HISTORY) is not None


def test_scores_of_disturbed_data_or_of_another_temperature_are_not_taken_for_the_models(model_dir, tmp_path):
    with pytest.raises(ValueError, match="Result 0 was computed with disturbed inputs .*0.9"):
        written(model_dir, tmp_path, [evaluation(43, disturbance={"missing_rate": 0.9})])
    with pytest.raises(ValueError, match="Result 0 is that of the classifier of the additional corpus ecf"):
        written(model_dir, tmp_path, [evaluation(43, corpus="ecf")])
    with pytest.raises(ValueError, match="Result 1 is a second one of seed 43 on meld, test"):
        written(model_dir, tmp_path, [evaluation(43), evaluation(43, weighted_f1=0.5)])
    with pytest.raises(
        ValueError, match="was computed with the temperature 3.0, but the model's is 1.0: evaluate the model again"
    ):
        written(model_dir, tmp_path, [evaluation(43, temperature=3.0)])


def test_warnings_of_the_training_and_the_evaluation_stand_over_the_scores(model_dir, tmp_path):
    warning = "emoberta-base was trained on MELD: its scores are too high."
    card = written(model_dir, tmp_path, [evaluation(43, warnings=[warning])], {**HISTORY, "warnings": [warning]})
    assert card.text.count(f"**Warning:** {warning}") == 1
    assert card.text.index("## Scores") < card.text.index(warning) < card.text.index("### MELD")


def test_what_is_no_evaluation_of_this_model_is_refused(model_dir, tmp_path):
    result = evaluation(43)
    other = {**result, "per_class": {"happy": {}}}
    for results, repo_id, message in (
        ([{"weighted_f1": 1}], "user/x", "Result 0 lacks dataset_name"),
        ([result, other], "user/x", "Result 1 is an evaluation of another model"),
        ([result, result], "user/x", "Result 1 is given twice"),
        ([result], "not an id", "needs the Hub id"),
    ):
        with pytest.raises(ValueError, match=message):
            write_model_card(model_dir, results, HISTORY, repo_id, tmp_path)
    with pytest.raises(FileNotFoundError, match="There is no model in"):
        write_model_card(tmp_path, [result], HISTORY, "user/x", tmp_path)
    assert not (tmp_path / "README.md").exists()


class Validation(BaseHTTPRequestHandler):
    """The checks of the Hub's /api/validate-yaml that its documentation describes."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        metadata = yaml.safe_load(body["content"].split("---\n")[1])
        problems = [] if self.path == "/api/validate-yaml" and body["repoType"] == "model" else ["no such route"]
        for entry in metadata.get("model-index", []):
            for result in entry["results"]:
                for path in (("task", "type"), ("dataset", "type"), ("dataset", "name")):
                    if not isinstance(result.get(path[0], {}).get(path[1]), str):
                        problems.append(f'"model-index[0].results[0].{".".join(path)}" is required')
                for metric in result.get("metrics") or [{}]:
                    if not isinstance(metric.get("type"), str) or not isinstance(metric.get("value"), int | float):
                        problems.append('"metrics" need type and value')
        for language in metadata.get("language", []):
            if not re.fullmatch("[a-z]{2,3}", language):
                problems.append('"language" must be an ISO 639 code')
        if not isinstance(metadata.get("co2_eq_emissions", {}).get("emissions", 0.0), int | float):
            problems.append('"co2_eq_emissions.emissions" must be a number')
        self.send_response(400 if problems else 200)
        self.end_headers()
        self.wfile.write("\n".join(problems).encode())

    def log_message(self, *arguments):
        pass


def test_it_passes_the_validation_that_huggingface_hub_asks_for(model_dir, tmp_path, monkeypatch):
    server = HTTPServer(("127.0.0.1", 0), Validation)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    try:
        card = written(model_dir, tmp_path, [evaluation(43)])
        card.validate()
        card.data.eval_results[0].metric_value = "good"
        with pytest.raises(ValueError, match="need type and value"):
            card.validate()
    finally:
        server.shutdown()
        server.server_close()


def test_train_and_evaluate_write_what_the_card_needs(tmp_path, monkeypatch):
    """A card of a real training and a real evaluation, with the energy if codecarbon is installed."""
    from modeling_amuse.processing.corpora.conversation_folder import SAMPLE_DIR
    from modeling_amuse.scripts import evaluate, train
    from modeling_amuse.scripts.training import training_loop

    for split, count in (("train", 6), ("validation", 2), ("test", 3)):
        lines = (SAMPLE_DIR / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()[:count]
        (tmp_path / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    data = folder_options(tmp_path)
    model, output = tmp_path / "model", tmp_path / "results.json"
    more = ["--hidden_size", "16", "--num_man_layers", "1", "--num_train_epochs", "2", "--device_watts", "50"]
    try:
        import codecarbon  # noqa: F401

        more += ["--energy_country", "deu"]
    except ImportError:
        pass
    save_checkpoint = training_loop.save_checkpoint

    def save_and_stop(*state):
        save_checkpoint(*state)
        raise KeyboardInterrupt

    monkeypatch.setattr(training_loop, "save_checkpoint", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        train.main([*data, "--output_dir", str(model), "--seed", "7", *more])
    monkeypatch.setattr(training_loop, "save_checkpoint", save_checkpoint)
    again = [*data, "--output_dir", str(model), "--seed", "7", "--resume_from_checkpoint", "latest"]
    train.main([*again, *more, "--train_fraction", "1"])
    evaluate.main(
        [*data, "--model", str(model), "--output", str(output), "--pictures", "false", "--num_resamples", "20"]
    )
    history = json.loads((model / "training_history.json").read_text())
    result = json.loads(output.read_text())
    assert result["training"] == {"seed": 7, "dataset_name": "folder", "best_epoch": history["best_epoch"]}
    card = written(model, tmp_path / "card", [result], history)
    assert card.data.eval_results[0].metric_value == round(result["weighted_f1"], 4)
    for told in ("| train | 6 |", "| test | 3 |", "| seed | 7 |", "trained from scratch", "(20 resamples)", "torch 2."):
        assert told in card.text, told
    assert ("codecarbon for the grid of DEU" if "--energy_country" in more else "the 50 W that") in card.text
    # a resumed training reports both starts; a call that has nothing to do adds nothing
    assert len(history["runs"]) == 2 and "| started | 2 times" in card.text
    train.main([*again, *more[:-2]])
    assert json.loads((model / "training_history.json").read_text()) == history
    assert str(tmp_path) not in card.text  # the name of the machine is not reported


def test_an_unknown_country_is_refused():
    pytest.importorskip("codecarbon")
    from modeling_amuse.scripts.training.run_record import EnergyMeter

    with pytest.raises(ValueError, match="There is no country 'XXX'"):
        EnergyMeter("XXX")
