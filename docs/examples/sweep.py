# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Search settings with Optuna by the weighted F1 on the validation split. The test split is not read.

    python docs/examples/sweep.py 20 amuse-sweep --dataset_name folder --data_dir DATA --num_train_epochs 20

The number of trials and a folder for their models come first, then options of `amuse train` that all trials share. Needs `pip install optuna`. Repeat the
best trial with other seeds before you believe it, and score it once: the best of many trials is better than it should be on
the split that chose it. `amuse train --recipe amuse-sweep/trial-7/recipe.yaml --seed 43 --output_dir NEW` repeats trial 7.
"""

import sys

import optuna

from modeling_amuse.scripts.train import main as train


def main(num_trials: int, output_dir: str, *shared: str) -> optuna.Study:
    def validation_score(trial: optuna.Trial) -> float:
        options = {
            "learning_rate": trial.suggest_float("learning_rate", 1e-4, 3e-3, log=True),
            "hidden_dropout": trial.suggest_float("hidden_dropout", 0.0, 0.6),
            "fusion": trial.suggest_categorical("fusion", ["gate", "alfa", "concat"]),
            "output_dir": f"{output_dir}/trial-{trial.number}",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        return train([*shared, *words]).best_weighted_f1

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=42))
    study.optimize(validation_score, num_trials)
    print(f"Trial {study.best_trial.number}: weighted F1 {study.best_value:.4f} with {study.best_params}")
    return study


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
