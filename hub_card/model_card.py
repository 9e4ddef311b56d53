# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The model card of a trained AMuSE."""

from pathlib import Path

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from modeling_amuse import AmuseConfig
from processing.score_pictures import save_confusion_matrix


def write_model_card(
    model_dir: Path,
    results: list[dict],
    training_history: dict | None,
    repo_id: str,
    output_dir: Path,
    license: str | None = None,
) -> Path:
    """
    Write `README.md`, and the pictures that it shows.

    Args:
        model_dir: the folder of the trained model.
        results: what `evaluate.py` wrote, one for each evaluated split.
        training_history: what `train.py` wrote beside the model, if it did.
        repo_id: the repository on the Hub, `user/name`.
        output_dir: where card and pictures go.
        license: the licence of the weights, as the Hub names it. None: none is stated.

    Returns:
        The path of the card.
    """
    config = AmuseConfig.from_pretrained(model_dir)
    name = repo_id.split("/")[-1]
    evaluations, pictures = [], []
    for number, scores in enumerate(results):
        data = {"dataset_type": scores["dataset_name"], "dataset_name": scores["dataset_name"]}
        data |= {"dataset_split": scores["split"], "task_type": "emotion-recognition"}
        evaluations += [
            EvalResult(**data, metric_type=metric, metric_value=scores[metric])
            for metric in ("weighted_f1", "accuracy")
            if metric in scores
        ]
        picture = output_dir / f"confusion_matrix_{number}.png"
        save_confusion_matrix(scores, [config.id2label[label] for label in range(config.num_labels)], picture)
        pictures.append(f"![Confusion matrix, {scores['dataset_name']}, {scores['split']}]({picture.name})")
    data = ModelCardData(
        license=license,
        library_name="transformers",
        tags=["emotion-recognition", "multimodal", "amuse"],
        model_name=name,
        eval_results=evaluations or None,
    )
    lines = [
        f"---\n{data.to_yaml()}\n---",
        f"# {name}",
        "The emotion of each utterance's speaker in a group conversation, by AMuSE (arXiv 2401.15164).",
        f'```python\nfrom transformers import pipeline\n\npipeline(model="{repo_id}", trust_remote_code=True)\n```',
        *pictures,
    ]
    path = output_dir / "README.md"
    ModelCard("\n\n".join(lines) + "\n").save(path)
    return path
