# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""torch.export and ONNX: one graph accepts batches of any shape and gives the numbers of the model."""

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, ViTConfig, ViTImageProcessor, WhisperConfig, WhisperFeatureExtractor, pipeline

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.described_utterance import describe_utterance
from modeling_amuse.onnx_model import OUTPUTS, OnnxModel, output_names
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from tests.small_models import random_batch, small_config, small_model, with_experts

pytestmark = pytest.mark.slow
EMOTIONS = ["neutral", "joy", "fear"]
SETTINGS = [
    {},
    {
        **{"num_man_layers": 1, "fusion": "alfa", "head_aggregation": "mean", "contexts": "speaker", "causal": True},
        **{"experts": "adaptive", "expert_half_evidence": {"audio": 2.0}},
    },
]


def unlabelled(*args, **kwargs) -> dict:
    batch = random_batch(*args, **kwargs)
    del batch["labels"]
    return batch


@pytest.mark.parametrize("changes", SETTINGS)
def test_an_exported_program_serves_batches_of_other_shapes(changes):
    model, batch = with_experts(small_model(**changes)), unlabelled((5, 3))
    dynamic = torch.export.Dim.DYNAMIC
    shapes = {name: {axis: dynamic for axis in range(min(3, tensor.dim()))} for name, tensor in batch.items()}
    with torch.no_grad():
        program = torch.export.export(model, (), batch, dynamic_shapes=shapes).module()
        for lengths, tokens in (((5, 3), 4), ((2, 7, 1), 2), ((1,), 1), ((4,), 6)):
            other = unlabelled(lengths, tokens, seed=1)
            other["utterance_mask"][-1, 1:2] = 0  # a hole
            other["audio_mask"][:, 1:] = 0
            for name, values in other.items():
                if name.endswith("_features"):  # masked positions may contain any value
                    values[~other[name.replace("_features", "_mask")].bool()] = float("nan")
                    values[~other["utterance_mask"].bool()] = float("nan")
            expected, given = model(**other), program(**other)
            for name in (*output_names(model.config), "last_hidden_state", "fused_features"):
                torch.testing.assert_close(given[name], expected[name], atol=1e-5, rtol=0)


def test_an_exported_speaker_context_grows_with_the_conversation_not_with_its_square():
    from torch.utils._python_dispatch import TorchDispatchMode

    steps = []

    class RecordsSteps(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            if function is torch.ops.amuse.lstm.default:
                steps.append(args[0].shape[0] * args[0].shape[1])
            return function(*args, **(kwargs or {}))

    sizes = {f"{stream}_feature_size": None for stream in ("audio", "vision", "background")}
    model = small_model(contexts="speaker", num_man_layers=1, **sizes)
    shapes = {axis: torch.export.Dim.DYNAMIC for axis in range(2)}
    batch, other = unlabelled((5, 3), 1, streams=("text",)), unlabelled((60, 8), 1, seed=1, streams=("text",))
    other["speaker_ids"][1] = 5  # one conversation has a single speaker, the other has three
    with torch.no_grad():
        program = torch.export.export(model, (), batch, dynamic_shapes={name: shapes for name in batch}).module()
        with RecordsSteps():
            given = program(**other)
        torch.testing.assert_close(given.logits, model(**other).logits, atol=1e-5, rtol=0)
    assert max(steps) == 2 * 3 * 60  # conversations, speakers, utterances


@pytest.fixture(scope="module")
def exported(tiny_text_encoder, tmp_path_factory):
    """A folder with a model of text, voice and face, a folder with its ONNX file, and the difference that the export found."""
    for module in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(module)
    from modeling_amuse.scripts import export_onnx

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("amuse-tiny")
    AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        tiny_text_encoder[0],
        audio_feature_size=2,
        vision_feature_size=3,
        hidden_size=16,
        num_man_layers=1,
        initializer_range=0.3,
        id2label=dict(enumerate(EMOTIONS)),
    ).save_pretrained(folder)
    statistics = {"audio": {"mean": [1.0, 2.0], "std": [1.0, 3.0]}, "vision": {"mean": [0.0] * 3, "std": [1.0] * 3}}
    tokenizer = AutoTokenizer.from_pretrained(tiny_text_encoder[0])
    AmuseProcessor(tokenizer, emotions=EMOTIONS, feature_statistics=statistics).save_pretrained(folder)
    onnx = tmp_path_factory.mktemp("amuse-tiny-onnx")
    difference = export_onnx.main(["--model", str(folder), "--output_dir", str(onnx)])
    return folder, onnx, difference


def test_the_onnx_file_gives_the_pipelines_numbers(exported):
    folder, onnx, difference = exported
    assert difference < 1e-4
    recognizer = pipeline("emotion-recognition", model=str(folder), device="cpu")
    model, processor = OnnxModel(onnx), AmuseProcessor.from_pretrained(onnx)
    config = recognizer.model.config
    generator = np.random.default_rng(3)
    conversations = [
        {
            "utterances": [
                {
                    "speaker": u["speaker"],
                    "text": u["text"],
                    "audio_features": generator.standard_normal((3, 2)) if number % 3 else None,
                }
                for number, u in enumerate(row["utterances"])
            ]
        }
        for row in load_conversations("sample").splits["test"]
    ]
    expected = recognizer(conversations, batch_size=4)
    batch = processor(conversations, return_labels=False)
    outputs = {name: torch.as_tensor(values) for name, values in model(**batch).items()}
    emotions = set()
    for b, conversation in enumerate(conversations):
        for t, utterance in enumerate(conversation["utterances"]):
            rows = [outputs[name][b, t] for name in OUTPUTS]
            shares, mask = rows[2:]
            given = describe_utterance(utterance, config.id2label, config.modalities, *rows[:2], mask, shares)
            wanted = expected[b][t]
            emotions.add(wanted["emotion"])
            assert given["emotion"] == wanted["emotion"]
            assert given["scores"] == pytest.approx(wanted["scores"], abs=1e-4)
            assert given["shares"] == pytest.approx(wanted["shares"], abs=1e-4)
            assert list(given["modalities"]) == list(wanted["modalities"])
            for modality, says in wanted["modalities"].items():
                assert given["modalities"][modality]["scores"] == pytest.approx(says["scores"], abs=1e-4)
    assert len(emotions) > 1


def test_encoders_of_sound_and_images_are_exported_too(tmp_path):
    for module in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(module)
    from modeling_amuse.scripts.export.onnx_export import export

    whisper = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    tokens = {"vocab_size": 20, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    vit = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "image_size": 16, "patch_size": 8}
    model = AmuseForEmotionRecognition(
        AmuseConfig(
            audio_config=WhisperConfig(**whisper, **heads, **tokens, max_source_positions=50),
            vision_config=ViTConfig(hidden_size=8, **vit),
            audio_token_pooling=5,
            hidden_size=16,
            num_man_layers=1,
            contexts="dialogue",
            initializer_range=0.3,
            id2label=dict(enumerate(EMOTIONS)),
        )
    ).eval()
    processor = AmuseProcessor(
        feature_extractor=WhisperFeatureExtractor(chunk_length=1),
        image_processor=ViTImageProcessor(size={"height": 16, "width": 16}),
        emotions=EMOTIONS,
    )
    conversations = [{"utterances": row["utterances"][:4]} for row in load_conversations("sample").splits["test"]]
    assert export(model, processor, conversations, tmp_path) < 1e-4
    exported = OnnxModel(tmp_path)
    inputs = {given.name for given in exported.session.get_inputs()}
    assert {"audio_values", "audio_mask", "pixel_values", "vision_mask"} <= inputs
    picture = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    silent = processor([{"speaker": "Ada", "face_images": [picture]}, {"speaker": "Ben"}], return_labels=False)
    assert silent["audio_mask"].shape == (1, 2, 1)  # the window of Whisper is longer
    with torch.no_grad():
        expected = model(**silent)
    np.testing.assert_allclose(exported(**silent)["logits"], expected.logits.numpy(), atol=1e-4, rtol=0)
    with pytest.raises(ValueError, match="audio_mask is missing: give the mask that the processor makes"):
        exported(
            **{name: values for name, values in silent.items() if name != "audio_mask"},
            audio_values=torch.zeros(1, 2, 4, 20),
        )
    with pytest.raises(ValueError, match="audio_mask is not zero, but audio_values is missing"):
        exported(**{**silent, "audio_mask": torch.ones(1, 2, 1)})


def test_the_onnx_model_says_what_it_does_not_read(exported, tmp_path):
    model = OnnxModel(exported[1])
    with pytest.raises(ValueError, match=r"model\.onnx cannot be read .*: give a batch of the processor"):
        model(audio_features=np.zeros((1, 1, 1, 99)), speaker_ids=np.zeros((1, 1)))
    with pytest.raises(ValueError, match="does not read pixel_values; it reads .*input_ids"):
        model(pixel_values=np.zeros((1, 1, 1, 3, 4, 4)))
    with pytest.raises(ValueError, match="No input is given"):
        model()
    with pytest.raises(ValueError, match="speaker_ids are missing"):
        model(input_ids=np.ones((1, 1, 2)))
    with pytest.raises(FileNotFoundError, match="export_onnx"):
        OnnxModel(tmp_path)


def test_a_file_with_other_numbers_is_not_kept(exported, tmp_path, monkeypatch):
    from modeling_amuse.scripts.export import onnx_export as export_onnx

    folder, onnx, _ = exported
    model, processor = AmuseForEmotionRecognition.from_pretrained(folder), AmuseProcessor.from_pretrained(folder)
    conversations = list(load_conversations("sample").splits["test"])

    class Program:  # gives the file that was exported before the weights of the model changed
        def save(self, path):
            path.write_bytes((onnx / "model.onnx").read_bytes())

    monkeypatch.setattr(export_onnx, "to_onnx", lambda *_: Program())
    assert export_onnx.export(model.eval(), processor, conversations, tmp_path) < 1e-4
    (tmp_path / "model.onnx").write_text("what was there")
    with torch.no_grad():
        model.classifier.bias += 1e-3
    with pytest.raises(ValueError, match="outputs of the exported file differ from PyTorch's"):
        export_onnx.export(model, processor, conversations, tmp_path)
    numbers = iter([0.0, float("nan"), 0.0, 0.0, 0.0, 0.0])  # of the batches: not the first one alone is checked
    monkeypatch.setattr(export_onnx, "largest_difference", lambda *_: next(numbers))
    with pytest.raises(ValueError, match="by up to nan"):
        export_onnx.export(model, processor, conversations, tmp_path)
    assert (tmp_path / "model.onnx").read_text() == "what was there"
    assert sorted(file.suffix for file in tmp_path.iterdir()).count(".onnx") == 1


def test_a_model_whose_numbers_are_random_is_not_exported(tmp_path):
    from modeling_amuse.scripts.export.onnx_export import export

    model = AmuseForEmotionRecognition(small_config(fusion="random")).eval()
    with pytest.raises(ValueError, match="fusion='random'"):
        export(model, None, [], tmp_path / "none")
    assert not (tmp_path / "none").exists()
    with pytest.raises(ValueError, match="no audio encoder"):
        export(small_model(), None, [], tmp_path / "none", ["audio"])


def test_a_model_that_reads_text_in_its_conversation_is_exported_without_its_encoder(tmp_path, tiny_text_encoder):
    for module in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(module)
    from modeling_amuse.scripts.export.onnx_export import export

    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        tiny_text_encoder[0],
        text_scope="conversation",
        hidden_size=8,
        num_man_layers=1,
        contexts="dialogue",
        num_labels=3,
    ).eval()
    processor = AmuseProcessor(AutoTokenizer.from_pretrained(tiny_text_encoder[0]), speaker_names=True)
    sample = [{"utterances": [{"speaker": "Ada", "text": "oh no"}, {"speaker": "Bo", "text": "what"}]}] * 20
    with pytest.raises(ValueError, match="leave it out with --without_encoders text"):
        export(model, processor, sample, tmp_path)
    assert export(model, processor, sample, tmp_path, without_encoders=["text"]) < 1e-4


@pytest.mark.parametrize("changes", [{}, {"causal": True, "fusion": "concat", "contexts": "speaker"}])
def test_torch_exports_the_model_itself_to_onnx(changes):
    """This needs no script of this package: the model brings the translation of the LSTM."""
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    sizes = {"vision_feature_size": None, "background_feature_size": None}  # fewer operations to translate
    model = small_model(num_man_layers=1, **sizes, **changes)
    batch = unlabelled((3, 2), streams=("text", "audio"))
    program = torch.onnx.export(model, kwargs=batch, dynamo=True, optimize=False, verbose=False)
    assert "LSTM" in {node.op_type for node in program.model.graph}
    with torch.no_grad():
        expected = [value for value in model(**batch).to_tuple() if torch.is_tensor(value)]
    found = program(**batch)
    assert len(found) == len(expected)
    for own, other in zip(found, expected, strict=True):
        torch.testing.assert_close(torch.as_tensor(own).float(), other.float(), atol=1e-5, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Dynamo", "Onnx"])
def test_the_exporters_of_transformers_take_the_model(kind):
    exporters = pytest.importorskip("transformers.exporters")
    if kind == "Onnx":
        pytest.importorskip("onnxscript")
        pytest.importorskip("onnxruntime")
    sizes = {"vision_feature_size": None, "background_feature_size": None}  # fewer operations to translate
    model = small_model(num_man_layers=1, contexts="dialogue", **sizes)
    batch = unlabelled((3, 2), streams=("text", "audio"))
    with torch.no_grad():
        expected = model(**batch).logits
    settings = {"optimize": False} if kind == "Onnx" else {}
    config = getattr(exporters, f"{kind}Config")(**settings)
    exported = getattr(exporters, f"{kind}Exporter")().export(model, dict(batch), config=config)
    torch.testing.assert_close(torch.as_tensor(exported(**batch)["logits"]), expected, atol=1e-5, rtol=1e-4)


def test_the_onnx_file_gives_the_account_of_the_experts(tmp_path):
    for module in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(module)
    from modeling_amuse.scripts.export.onnx_export import export

    config = small_config(
        vision_feature_size=None,
        background_feature_size=None,
        num_man_layers=1,
        contexts="dialogue",
        experts="adaptive",
        expert_half_evidence={"text": 3.0, "audio": 1.0},
        id2label=dict(enumerate(EMOTIONS)),
    )
    model = with_experts(AmuseForEmotionRecognition(config).eval())
    processor = AmuseProcessor(emotions=EMOTIONS, evidence={"text": "words", "audio": "seconds"})
    conversations = [{"utterances": [{"speaker": "AB"[u % 2]} for u in range(3)]} for _ in range(12)]
    assert export(model, processor, conversations, tmp_path) < 1e-4
    talk = [
        {"speaker": "Ada", "text_features": np.ones((2, 6)), "audio_features": [0.3, 1.0, -1.0], "start": 0, "end": 3},
        {"speaker": "Ben", "text": "leave me alone", "text_features": np.zeros((4, 6))},
    ]
    given = OnnxModel(tmp_path)(**processor(talk, return_labels=False))
    assert given["expert_weights"][0] == pytest.approx(np.array([[2 / 5, 3 / 4], [3 / 6, 0]]), abs=1e-5)
    assert (given["expert_terms"][0, 1, 1] == 0).all()
    account = given["conversation_logits"] + given["expert_terms"].sum(axis=2)
    assert given["logits"] == pytest.approx(account, abs=1e-5)
