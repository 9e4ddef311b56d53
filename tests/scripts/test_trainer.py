"""AMuSE in transformers' Trainer: evaluation, prediction, resuming, accumulated gradients, gradient checkpointing."""

import dataclasses

import numpy as np
import pytest
import torch
from peft import PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import Trainer, TrainerCallback, TrainingArguments

from modeling_amuse import AmuseConfig, AmuseEmotionRecognitionOutput, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.low_rank_adaptation import lora_config
from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder
from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset
from modeling_amuse.processing.corpora.conversation_folder import SAMPLE_DIR
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.processing.evaluation.emotion_metric import trainer_metrics
from tests.small_models import small_model


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """Some conversations of the sample corpus, of different lengths and with audio features, and their processor."""
    data = load_conversations("folder", str(SAMPLE_DIR), str(tmp_path_factory.mktemp("cache")))
    train = ConversationDataset(data.splits["train"].select(range(8)), {})
    validation = ConversationDataset(data.splits["validation"].select(range(5)), {})
    for dataset in (train, validation):
        for conversation in dataset.conversations:
            for number, utterance in enumerate(conversation["utterances"]):
                if number != 1:  # some lack audio
                    utterance["audio_features"] = [[float(len(utterance["text"])), float(number)]] * (1 + number % 3)
        del dataset.conversations[2]["utterances"][3:]
    texts = [u["text"] for conversation in train.conversations for u in conversation["utterances"]]
    text_config, tokenizer = small_text_encoder(texts, 300, dropout=0.1)
    text_config.update({"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16, "num_hidden_layers": 1})
    statistics = {"audio": {"mean": [25.0, 4.0], "std": [10.0, 3.0]}}
    processor = AmuseProcessor(tokenizer, emotions=list(data.emotions), feature_statistics=statistics)
    config = AmuseConfig(
        text_config=text_config, audio_feature_size=2, hidden_size=16, num_man_layers=1, num_labels=len(data.emotions)
    )
    return train, validation, processor, config


def fresh_model(config, **changes) -> AmuseForEmotionRecognition:
    torch.manual_seed(1)
    return AmuseForEmotionRecognition(AmuseConfig.from_dict({**config.to_dict(), **changes}))


def without_dropout(config) -> dict:
    text = {**config.text_config.to_dict(), "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return {"hidden_dropout": 0.0, "text_config": text}


def trainer_of(model, sample, folder, **settings) -> Trainer:
    train, validation, processor, _ = sample
    arguments = {
        **{"per_device_train_batch_size": 4, "per_device_eval_batch_size": 2, "num_train_epochs": 2, "seed": 3},
        **{"learning_rate": 1e-3, "save_strategy": "no", "report_to": "none", "disable_tqdm": True, "use_cpu": True},
        # the processor is the collator, and reads the whole conversation
        **{"remove_unused_columns": False, "label_names": ["labels"], "logging_strategy": "no"},
        **settings,
    }
    return Trainer(
        model,
        TrainingArguments(str(folder), **arguments),
        data_collator=processor,
        processing_class=processor,
        train_dataset=train,
        eval_dataset=validation,
        compute_metrics=trainer_metrics(processor.emotions, num_resamples=0),
    )


def test_training_evaluation_and_prediction(sample, tmp_path):
    _, validation, processor, config = sample
    trainer = trainer_of(fresh_model(config), sample, tmp_path, eval_strategy="epoch", save_strategy="epoch")
    before = {name: parameter.clone() for name, parameter in trainer.model.named_parameters()}
    trainer.train()
    assert all(not torch.equal(p, before[n]) for n, p in trainer.model.named_parameters() if p.ndim > 1)
    evaluations = [line for line in trainer.state.log_history if "eval_weighted_f1" in line]
    assert len(evaluations) == 2 and np.isfinite(evaluations[-1]["eval_loss"])

    # 5 conversations of different lengths in batches of 2: the metric gets the outputs of the model
    result = trainer.predict(validation)
    lengths = [len(conversation["utterances"]) for conversation in validation.conversations]
    assert len({max(lengths[:2]), max(lengths[2:4]), lengths[4]}) > 1
    assert result.predictions.shape == (5, max(lengths), config.num_labels)
    for row in range(5):
        batch = processor([validation[row]])
        with torch.no_grad():
            logits = trainer.model(**batch).logits[0]
        np.testing.assert_allclose(result.predictions[row, : lengths[row]], logits, atol=1e-5)
        assert result.label_ids[row, : lengths[row]].tolist() == batch["labels"][0].tolist()
        assert (result.label_ids[row, lengths[row] :] == -100).all()
    assert result.metrics["test_num_utterances"] == (result.label_ids != -100).sum() > 20
    assert result.metrics["test_weighted_f1"] == pytest.approx(evaluations[-1]["eval_weighted_f1"])

    # other outputs than the logits can be requested; their lengths differ too
    ignored = [k for k in config.keys_to_ignore_at_inference if k not in ("fusion_shares", "modality_logits")]
    logits, shares, by_modality = trainer.predict(validation, ignore_keys=ignored).predictions
    assert shares.shape == (5, max(lengths), 2) and by_modality.shape == (5, max(lengths), 2, config.num_labels)
    np.testing.assert_allclose(shares[result.label_ids != -100].sum(axis=-1), 1, atol=1e-5)

    # a checkpoint is a model with its processor, in safetensors
    checkpoint = max(tmp_path.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    assert (checkpoint / "model.safetensors").is_file() and not list(checkpoint.glob("pytorch_model*"))
    again = AmuseForEmotionRecognition.from_pretrained(checkpoint)
    for name, tensor in trainer.model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    assert AmuseProcessor.from_pretrained(checkpoint).to_dict() == processor.to_dict()


def test_everything_but_the_logits_is_left_out_of_an_evaluation(sample):
    fields = {field.name for field in dataclasses.fields(AmuseEmotionRecognitionOutput)}
    assert fields - set(sample[3].keys_to_ignore_at_inference) == {"loss", "logits"}
    # the order in a tuple that users of transformers expect
    tokens = torch.randn(1, 2, 3, 6)
    batch = {"text_features": tokens, "speaker_ids": torch.zeros(1, 2).long(), "labels": torch.tensor([[0, 1]])}
    model = small_model()
    loss, logits, *_ = model(**batch, return_dict=False)
    assert loss.shape == () and torch.equal(logits, model(**batch).logits)


@pytest.mark.parametrize("step", [2, 3])
def test_a_resumed_training_ends_with_the_same_weights(sample, tmp_path, step):
    # an epoch has 2 steps: stop at the end and in the middle of an epoch; with dropout
    settings = {"num_train_epochs": 3, "save_strategy": "steps", "save_steps": step, "save_total_limit": 10}
    config = sample[3]
    trainer_of(fresh_model(config, modality_dropout=0.2), sample, tmp_path / "whole", **settings).train()
    folder = tmp_path / "stopped"
    stopped = trainer_of(fresh_model(config, modality_dropout=0.2), sample, folder, **settings)
    stopped.add_callback(StopAt(step))
    stopped.train()
    assert stopped.state.global_step == step
    model = fresh_model(config, modality_dropout=0.2)
    for parameter in model.parameters():  # everything comes from the checkpoint
        parameter.data.fill_(0.5)
    resumed = trainer_of(model, sample, folder, **settings)
    resumed.train(resume_from_checkpoint=True)
    paths = (tmp_path / name / "checkpoint-6" / "model.safetensors" for name in ("whole", "stopped"))
    expected, found = map(load_file, paths)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


class StopAt(TrainerCallback):
    """Ends the training after a number of steps, like the end of the process."""

    def __init__(self, step: int):
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        control.should_training_stop = state.global_step >= self.step


def test_accumulated_gradients_are_those_of_the_larger_batch(sample, tmp_path):
    # the small batches have different numbers of labelled utterances, so a mean of means would be another loss
    train = sample[0]
    config = sample[3]
    counts = [sum(u["emotion"] is not None for u in c["utterances"]) for c in train.conversations]
    assert len(set(counts)) > 1
    trained, losses = [], []
    for size, steps in ((8, 1), (2, 4)):
        trainer = trainer_of(
            fresh_model(config, **without_dropout(config)),
            sample,
            tmp_path / str(size),
            **{"per_device_train_batch_size": size, "gradient_accumulation_steps": steps, "num_train_epochs": 3},
            **{"optim": "sgd", "learning_rate": 0.5, "max_grad_norm": 0.0},
        )
        losses.append(trainer.train().training_loss)
        trained.append(trainer.model.state_dict())
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    for name, tensor in trained[0].items():
        torch.testing.assert_close(trained[1][name], tensor, atol=1e-5, rtol=1e-4, msg=name)


def test_adapters_are_trained_and_saved_by_themselves(sample, tmp_path):
    train, validation, processor, config = sample
    base = fresh_model(config, **without_dropout(config))
    peft_model = get_peft_model(base, lora_config(base, r=2))
    settings = {"eval_strategy": "epoch", "save_strategy": "epoch", "gradient_accumulation_steps": 2}
    trainer = trainer_of(peft_model, sample, tmp_path, activation_checkpointing=True, num_train_epochs=1, **settings)
    batches = [processor([train[n] for n in range(start, start + 4)]) for start in (0, 4)]
    peft_model.train()
    with torch.no_grad():  # one step on both batches: the logged loss is the mean over their utterances
        number = sum((batch["labels"] != -100).sum() for batch in batches)
        expected = sum(peft_model(**batch, num_items_in_batch=number).loss for batch in batches)
    assert trainer.train().training_loss == pytest.approx(float(expected), rel=1e-5)
    saved = load_file(tmp_path / "checkpoint-1" / "adapter_model.safetensors")
    assert any("lora_A" in name for name in saved) and not (tmp_path / "checkpoint-1" / "model.safetensors").exists()
    again = PeftModel.from_pretrained(fresh_model(config, **without_dropout(config)), tmp_path / "checkpoint-1").eval()
    batch = processor([validation[0]])
    with torch.no_grad():
        torch.testing.assert_close(again(**batch).logits, peft_model.eval()(**batch).logits, atol=1e-6, rtol=0)


@pytest.mark.parametrize("reentrant", [False, True])
def test_gradient_checkpointing_changes_no_gradient(sample, reentrant):
    train, _, processor, config = sample
    batch = processor([train[0], train[2]])
    gradients, calls = [], []
    for checkpointing in (False, True):
        model = fresh_model(config, num_self_attention_layers=2, num_man_layers=2).train()
        if checkpointing:
            model.activation_checkpointing_enable({"use_reentrant": reentrant})
        layers = [*model.amuse.man.layers, *model.amuse.text_model.encoder.layer]
        layers += [layer for unimodal in model.amuse.unimodal.values() for layer in unimodal.layers]
        count = [0]
        for layer in layers:
            next(m for m in layer.modules() if isinstance(m, torch.nn.Linear)).register_forward_hook(
                lambda *_, count=count: count.__setitem__(0, count[0] + 1)
            )
        torch.manual_seed(0)  # the same dropout
        model(**batch).loss.backward()
        gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})
        calls.append(count[0])
    assert calls[1] == 2 * calls[0] > 0  # every layer was computed again
    for name, gradient in gradients[0].items():
        assert gradient is not None and torch.equal(gradients[1][name], gradient), name
