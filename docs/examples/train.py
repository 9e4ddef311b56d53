# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The smallest complete training of AMuSE: text of the sample corpus, a plain PyTorch loop with accelerate.

    python docs/examples/train.py --output_dir amuse-example
    accelerate launch --config_file scripts/accelerate/multi_gpu.yaml docs/examples/train.py --output_dir amuse-example

`amuse train` is the full command. The other files in this folder are this one with a few changes: their new lines end in `# New`.
"""

import argparse

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch.utils.data import DataLoader
from transformers import get_linear_schedule_with_warmup
from transformers.trainer_utils import EvalPrediction

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder
from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.processing.evaluation.emotion_metric import trainer_metrics


def load_data(args):
    """The training and validation conversations, and their emotions in the order of the labels."""
    data = load_conversations(args.dataset_name, args.data_dir, splits=("train", "validation"))
    train, validation = (ConversationDataset(data.splits[split], {}) for split in ("train", "validation"))
    return train, validation, list(data.emotions)


def build_model(train, emotions):
    """A small model with a text encoder that starts from random weights, and its processor, which makes the batches."""
    texts = [utterance["text"] for conversation in train for utterance in conversation["utterances"]]
    text_config, tokenizer = small_text_encoder(texts)
    labels = {"id2label": dict(enumerate(emotions)), "label2id": {name: label for label, name in enumerate(emotions)}}
    model = AmuseForEmotionRecognition(AmuseConfig.from_preset("small", text_config=text_config, **labels))
    return model, AmuseProcessor(tokenizer, emotions=emotions)


@torch.no_grad()
def evaluate(model, loader, emotions, accelerator):
    """Weighted F1 and other scores of a split. Padded utterances have the label -100 and do not count."""
    model.eval()
    logits, labels = [], []
    for batch in loader:
        outputs = model(**batch)
        gathered = accelerator.gather_for_metrics(
            (
                accelerator.pad_across_processes(outputs.logits, dim=1),
                accelerator.pad_across_processes(batch["labels"], dim=1, pad_index=-100),
            )
        )
        logits += gathered[0].float().cpu()
        labels += gathered[1].cpu()
    padded = torch.nn.utils.rnn.pad_sequence
    predictions = padded(logits, batch_first=True).numpy()
    references = padded(labels, batch_first=True, padding_value=-100).numpy()
    return trainer_metrics(emotions, num_resamples=0)(EvalPrediction(predictions, references))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset_name", default="sample", help="The data set.")
    parser.add_argument("--data_dir", help="Folder with the files of the data set; the sample corpus needs none.")
    parser.add_argument("--output_dir", default="amuse-example", help="Folder for the trained model.")
    parser.add_argument("--num_epochs", type=int, default=8, help="Passes over the training conversations.")
    parser.add_argument("--batch_size", type=int, default=4, help="Conversations in a batch.")
    parser.add_argument("--learning_rate", type=float, default=2e-3, help="The highest learning rate.")
    parser.add_argument("--seed", type=int, default=42, help="Seed of weights, order and dropout.")
    args = parser.parse_args(arguments)
    accelerator = Accelerator()
    set_seed(args.seed)

    # Data and model
    train, validation, emotions = load_data(args)
    model, processor = build_model(train, emotions)

    # Optimizer
    train_loader = DataLoader(train, args.batch_size, shuffle=True, collate_fn=processor)
    validation_loader = DataLoader(validation, args.batch_size, collate_fn=processor)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.learning_rate)
    num_steps = args.num_epochs * len(train_loader)
    scheduler = get_linear_schedule_with_warmup(optimizer, num_steps // 10, num_steps)
    model, optimizer, train_loader, validation_loader, scheduler = accelerator.prepare(
        model, optimizer, train_loader, validation_loader, scheduler
    )
    best = -1.0
    first_epoch = 1

    # The loop
    for epoch in range(first_epoch, args.num_epochs + 1):
        set_seed(args.seed + epoch)
        model.train()
        for batch in train_loader:
            loss = model(**batch).loss
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
        scores = evaluate(model, validation_loader, emotions, accelerator)
        accelerator.print(f"Epoch {epoch}: validation weighted F1 {scores['weighted_f1']:.4f}")
        if scores["weighted_f1"] > best and accelerator.is_main_process:  # the epoch is chosen on validation
            best = scores["weighted_f1"]
            accelerator.unwrap_model(model).save_pretrained(args.output_dir)
            processor.save_pretrained(args.output_dir)
    accelerator.end_training()
    return best


if __name__ == "__main__":
    main()
