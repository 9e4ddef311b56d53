"""Tables beside a data set (soft labels, parts, groups, stored predictions), recipes and studies."""

import csv
import io

import pandas as pd
from hypothesis import strategies as st

from modeling_amuse.processing.corpora.soft_labels import read_soft_labels
from modeling_amuse.processing.evaluation.group_folds import read_groups
from modeling_amuse.processing.evaluation.stored_predictions import read_predictions
from modeling_amuse.processing.evaluation.utterance_parts import read_parts
from modeling_amuse.scripts.study.study_description import read_studies
from modeling_amuse.scripts.training.training_arguments import parse_arguments, read_recipe
from tests.fuzz.given_input import Given
from tests.fuzz.heard_warnings import heard_warnings
from tests.fuzz.nasty_values import damaged_bytes, nasty_texts, nasty_values, plain_text, same_words
from tests.fuzz.transcript_strategies import DAMAGE

TABLES = {
    "soft labels": [["utterance_id", "joy", "anger"], ["u0", "0.25", "0.75"], ["u1", "1", "0"], ["u2", "0.5", "0.5"]],
    "votes": [["utterance_id", "joy", "anger"], ["u0", "1", "4"], ["u1", "5", "0"]],
    "parts": [["utterance_id", "part"], ["u0", "old"], ["u1", "new"], ["u2", "new"]],
    "groups": [["utterance_id", "scene"], ["u0", "s1"], ["u1", "s1"], ["u2", "s2"]],
}
RECIPE = (
    "fusion: gate\nlearning_rate: 0.001\nhidden_size: 32\ntext_layer_dropout: 0.1\nmodalities: [text, audio]\nseed: 3\n"
)
STUDY = """question: Does it help?
data: [sample]
seeds: [1, 2, 3]
baseline: plain
variants:
  plain: {modalities: [text]}
  "more": {modalities: [text], hidden_size: 32}
evaluations: [{}]
"""


@st.composite
def odd_annotations(draw) -> Given:
    """A table beside a data set with odd cells."""
    name = draw(st.sampled_from(sorted(TABLES)))
    rows = [list(row) for row in TABLES[name]]
    what = draw(st.sampled_from(("nothing", "cell", "cell", "twice", "short", "long", "column", "bytes")))
    place, column = draw(st.integers(1, len(rows) - 1)), draw(st.integers(0, len(rows[0]) - 1))
    if what == "cell":
        rows[place][column] = draw(nasty_texts())
    elif what == "twice":
        rows.append(rows[place])
    elif what == "short":
        rows[place] = rows[place][:-1]
    elif what == "long":
        rows = (
            [rows[0], *([*row, "1"] for row in rows[1:])]
            if draw(st.booleans())
            else [*rows[:place], [*rows[place], "1"], *rows[place + 1 :]]
        )
    elif what == "column":
        rows[0][column] = draw(nasty_texts() | st.sampled_from(rows[0]))
    file = io.StringIO(newline="")
    csv.writer(file).writerows(rows)
    content = file.getvalue().encode("utf-8", "replace")
    rows = [[cell.encode("utf-8", "replace").decode() for cell in row] for row in rows]
    if what == "bytes":
        content = draw(damaged_bytes(content))
    return Given(
        content,
        ".csv",
        known=(name, None if what in ("bytes", "column") else rows),
        what=f"{name}, {what}: {rows!r:.300}",
    )


def read_annotations(path, given: Given):
    """
    Read a table beside a data set.

    Raises:
        AssertionError: if a value differs from the written one.
    """
    name, rows = given.known
    with heard_warnings() as said:
        if name in ("soft labels", "votes"):
            found = read_soft_labels(path, ["joy", "anger"])
            assert all(abs(row.sum() - 1) < 1e-9 and (row >= 0).all() for row in found.values()), "probabilities"
        else:
            found = read_parts(path, "train") if name == "parts" else read_groups(path, "scene")
            assert all(isinstance(part, str) and part.strip() for part in found.values()), "an empty part"
    if rows is None or said:
        return
    body = {_unguarded(row[0]): row[1:] for row in rows[1:] if any(cell.strip() for cell in row)}
    assert set(map(str.strip, found)) == set(map(str.strip, body)), (
        f"ids {sorted(found)!r:.100} of {sorted(body)!r:.100}"
    )
    if name in ("parts", "groups"):
        for identifier, part in found.items():
            assert same_words(part, _unguarded(body[identifier][0])), "another part"
    else:
        for identifier, row in found.items():
            numbers = [float(cell) for cell in body[identifier]]
            assert all(abs(one - number / sum(numbers)) < 1e-6 for one, number in zip(row, numbers, strict=True)), (
                "other numbers"
            )


def _unguarded(cell: str) -> str:
    """The cell as [`plain_text`], without the apostrophe that is written before formulas."""
    stripped = cell.lstrip("'")
    return cell[1:] if cell.startswith("'") and stripped[:1] in ("=", "+", "-", "@", "\t", "\r") and stripped else cell


@st.composite
def odd_predictions(draw) -> Given:
    """Stored predictions with odd cells, or damaged bytes."""
    columns = {
        "conversation": ["c0", "c0", "c1"],
        "utterance": ["u0", "u1", "u2"],
        "speaker": ["Ada", "Ben", "Ada"],
        "emotion": ["joy", "anger", "joy"],
        "prediction": ["joy", "anger", "anger"],
        "probability_joy": [0.75, 0.25, 0.25],
        "probability_anger": [0.25, 0.75, 0.75],
    }
    what = draw(st.sampled_from(("nothing", "cell", "cell", "column", "twice", "bytes")))
    name = draw(st.sampled_from(sorted(columns)))
    changed = dict(columns)
    if what == "cell":
        changed[name] = [draw(nasty_values()), *columns[name][1:]]
    elif what == "column":
        del changed[name]
    elif what == "twice":
        changed = {name: [*values, values[0]] for name, values in columns.items()}
    file = io.BytesIO()
    try:
        pd.DataFrame(changed).to_parquet(file)
    except Exception:  # Parquet cannot store this column
        file, what = io.BytesIO(), "nothing"
        pd.DataFrame(columns).to_parquet(file)
    content = file.getvalue()
    if what == "bytes":
        content = draw(damaged_bytes(content))
    return Given(content, ".parquet", what=f"{what}: {changed.get(name, name)!r:.200}")


def read_stored(path, given: Given):
    """
    Read stored predictions.

    Raises:
        AssertionError: if a prediction is not the most probable emotion.
    """
    frame = read_predictions(path)
    names = [name for name in frame if name.startswith("probability_")]
    for _, row in frame.iterrows():
        assert abs(sum(row[names]) - 1) < 2e-3 and all(0 <= row[name] <= 1.001 for name in names), "probabilities"
        assert isinstance(row["utterance"], str) and isinstance(row["conversation"], str), "ids"
        assert row[f"probability_{row['prediction']}"] == max(row[names]), "another prediction"


@st.composite
def odd_settings_files(draw) -> Given:
    """A YAML file with a recipe or a study, with damaged characters and lines."""
    is_recipe = draw(st.booleans())
    text = RECIPE if is_recipe else STUDY
    for _ in range(draw(st.integers(0, 3))):
        text = draw(st.sampled_from(DAMAGE))(draw, text)
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)
    )
    text = draw(
        st.sampled_from(
            [text] * 12
            + [bomb, "fusion: &x [*x]\n", "!!python/object/apply:os.system [ls]", "fusion: gate\nfusion: none\n"]
        )
    )
    return Given(text.encode("utf-8", "replace"), ".yaml", known=is_recipe, what="recipe" if is_recipe else "study")


def read_settings_file(path, given: Given):
    """Read a recipe or a study. The values of a recipe must be valid for its options."""
    if not given.known:
        assert all(study.seeds and study.variants for study in read_studies(str(path)))
        return
    settings = read_recipe(str(path), set(RECIPE_OPTIONS))
    assert isinstance(settings, dict) and all(isinstance(name, str) for name in settings)
    for value in settings.values():
        assert plain_text(str(value)) is not None
    try:
        parse_arguments(["--recipe", str(path), "--output_dir", str(path.parent / "out")])
    except SystemExit:  # wrong arguments are reported in one line on stderr
        raise ValueError(f"{path}: wrong arguments") from None


RECIPE_OPTIONS = [line.split(":")[0] for line in RECIPE.splitlines()]
