# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The results of all studies on one page, and tables of results inside other Markdown files."""

import os
import re
from pathlib import Path

from modeling_amuse.processing.plain_json import read_json_object
from modeling_amuse.processing.whole_files import whole_file

RESULTS = Path(__file__).resolve().with_name("results")
PAGES = ("README.md", "docs/results.md")
"""The files of the repository that hold tables of results, see [`fill_in`]."""

SUMMARY = "summary.json"
BLOCK = re.compile(r"(<!-- results of (?P<names>[^>]*?) -->\n).*?(<!-- end of results -->)", re.DOTALL)


def markdown_table(head: list[str], rows: list[list[str]]) -> list[str]:
    """The lines of a table."""
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def interval_text(interval: list[float] | None) -> str:
    return "" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"


def read_summaries(results_dir: Path) -> dict[str, dict]:
    """The `summary.json` of every study and data set in a folder of results, by `STUDY/DATA`."""
    paths = sorted(results_dir.glob(f"*/*/{SUMMARY}"))
    return {f"{p.parts[-3]}/{p.parts[-2]}": read_json_object(p) for p in paths}


def write_index(results_dir: Path):
    """Write `README.md` of a folder of results, with one line for each study."""
    cells, summaries = [], read_summaries(results_dir)
    for name, summary in summaries.items():
        scores = [row["mean"] for row in summary["rows"]]
        cells.append(
            [
                f"[{name}]({name}/results.md)",
                summary["question"],
                f"{min(scores):.3f} to {max(scores):.3f}",
                summary["prefers"] or "",
                comparison(summary),
            ]
        )
    head = ["study and data", "question", "weighted F1 of its rows", "validation prefers", "by paired intervals"]
    lines = [
        "# Results of the studies",
        "",
        "Written by `scripts/run_study.py`. Each folder has the runs and the predictions as Parquet, the tables as Markdown, "
        "and pictures, with the command, the commit and the seeds in them. Epochs were chosen on validation. Scores are means "
        "over the seeds, on the test split, or on the held-out folds of a cross-validation where [the data](#the-data) say so; "
        'tables call both "test". The last column compares each row '
        'with the baseline that it names: "better" means that the paired 95 % interval of the difference is above zero. The '
        "bootstrap draws conversations (RAVDESS: actors), and trainings among the seeds. The intervals are not corrected for "
        "the number of comparisons: where there is no difference, about one in twenty is called significant. `summary.json` "
        "has the numbers of this page. The files contain predictions but no labels, which belong to the data sets.",
        "",
        *markdown_table(head, cells),
        "",
        "## The data",
        "",
        *data_lines(summaries),
    ]
    with whole_file(results_dir / "README.md") as file:
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def data_lines(summaries: dict[str, dict]) -> list[str]:
    """What the data of studies are, a line of Markdown each."""
    about = {name.partition("/")[2]: summary["data"] for name, summary in sorted(summaries.items())}
    return [f"- `{name}`: {text.rstrip('.')}." for name, text in about.items()]


def comparison(summary: dict) -> str:
    """The significant and other differences of a study in one line, unless it has too many rows for a line."""
    if "calibration_errors" in summary:
        without, scaled = summary["calibration_errors"]
        return f"calibration error {without:.3f}, with a temperature {scaled:.3f}"
    rows = [row for row in summary["rows"] if row["verdict"]]
    if len(rows) > 12:
        return "see its table"
    phrases = {
        "better": "better than {}: {}",
        "worse": "worse than {}: {}",
        "not significant": "no significant difference to {}: {}",
    }
    found = {verdict: [row["label"] for row in rows if row["verdict"] == verdict] for verdict in phrases}
    return "; ".join(
        phrase.format(summary["baseline"], ", ".join(found[verdict]))
        for verdict, phrase in phrases.items()
        if found[verdict]
    )


def study_table(results_dir: Path, names: list[str], links: str | None = None) -> str:
    """
    The scores of studies as a Markdown table.

    Args:
        results_dir: the folder of results.
        names: `STUDY/DATA`.
        links: path of the folder of results, relative to the text. None: the names are not links.

    Raises:
        FileNotFoundError: when a study has no results there.
    """
    summaries, cells = read_summaries(results_dir), []
    for name in names:
        if name not in summaries:
            raise FileNotFoundError(
                f"There are no results of {name} in {results_dir}; run the study with run_study.py."
            )
        baseline = summaries[name]["baseline"]
        link = name if links is None else f"[{name}]({links}/{name}/results.md)"
        for row in summaries[name]["rows"]:
            spread = f"{row['mean']:.4f}" + (f" ± {row['deviation']:.4f}" if row["deviation"] is not None else "")
            compared = row["verdict"] and f"{row['difference']:+.4f} to {baseline}: {row['verdict']}"
            cells.append([link, row["label"], spread, interval_text(row["interval"]), compared])
    head = ["study and data", "variant", "test weighted F1", "95 % interval", "paired"]
    lines = markdown_table(head, cells)
    if links is None:  # in a model card, where no page says it
        lines += ["", *data_lines({name: summaries[name] for name in names})]
    return "\n".join(lines)


def fill_in(path: Path, results_dir: Path):
    """
    Replace the tables in a Markdown file between `<!-- results of STUDY/DATA, STUDY/DATA -->` and
    `<!-- end of results -->`. A table stays as it is where one of its studies has no results yet.
    """
    known = read_summaries(results_dir).keys()

    def filled(block: re.Match) -> str:
        names = block["names"].split(", ")
        if not known >= set(names):
            return block[0]
        return f"{block[1]}{study_table(results_dir, names, os.path.relpath(results_dir, path.parent))}\n{block[3]}"

    text = BLOCK.sub(filled, path.read_text(encoding="utf-8"))
    with whole_file(path) as file:
        file.write_text(text, encoding="utf-8")
