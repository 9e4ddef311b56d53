# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
train.py with transformers' Trainer in place of the loop: the processor is the data collator.

    python docs/examples/trainer.py --output_dir amuse-example-trainer

New lines end in `# New`.
"""

import argparse

from accelerate.utils import set_seed
from transformers import EarlyStoppingCallback, Trainer, TrainingArguments  # New

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
    set_seed(args.seed)

    # Data and model
    train, validation, emotions = load_data(args)
    model, processor = build_model(train, emotions)

    # Trainer  # New
    settings = TrainingArguments(  # New
        output_dir=args.output_dir,  # New
        num_train_epochs=args.num_epochs,  # New
        per_device_train_batch_size=args.batch_size,  # New
        per_device_eval_batch_size=args.batch_size,  # New
        learning_rate=args.learning_rate,  # New
        warmup_steps=0.1,  # a share of the steps  # New
        seed=args.seed,  # New
        eval_strategy="epoch",  # New
        save_strategy="epoch",  # New
        load_best_model_at_end=True,  # New
        metric_for_best_model="weighted_f1",  # New
        save_total_limit=1,  # New
        remove_unused_columns=False,  # the processor reads whole conversations  # New
        label_names=["labels"],  # New
        report_to="none",  # New
    )  # New
    trainer = Trainer(  # New
        model,  # New
        settings,  # New
        data_collator=processor,  # New
        processing_class=processor,  # New
        train_dataset=train,  # New
        eval_dataset=validation,  # New
        compute_metrics=trainer_metrics(emotions, num_resamples=0),  # New
        callbacks=[EarlyStoppingCallback(early_stopping_patience=3)],  # New
    )  # New
    trainer.train()  # New
    trainer.save_model(args.output_dir)  # New
    return trainer.state.best_metric  # New


if __name__ == "__main__":
    main()
