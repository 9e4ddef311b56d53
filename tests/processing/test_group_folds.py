"""Folds that keep the conversations of a scene together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling_amuse.processing.evaluation.group_folds import group_folds, read_groups


@given(st.lists(st.integers(0, 6), min_size=2, max_size=30), st.integers(2, 4))
def test_a_scene_is_in_one_fold_and_every_conversation_is_tested_once(scenes, number):
    talks = [{"utterances": [{"id": f"{n}a"}, {"id": f"{n}b"}]} for n in range(len(scenes))]
    groups = {f"{n}b": str(scene) for n, scene in enumerate(scenes)}  # the first utterance has no group
    if number > len(set(scenes)):
        with pytest.raises(ValueError, match="folds cannot be made"):
            group_folds(talks, groups, number)
        return
    folds = group_folds(talks, groups, number)
    assert sorted(n for _, test in folds for n in test) == list(range(len(talks)))
    for train, test in folds:
        assert sorted([*train, *test]) == list(range(len(talks)))
        assert not {scenes[n] for n in train} & {scenes[n] for n in test}


def test_a_conversation_without_a_group_is_one_by_itself():
    talks = [{"utterances": [{"id": name}]} for name in "abc"]
    assert len(group_folds(talks, {"a": "1"}, 3)) == 3
    with pytest.raises(ValueError, match="No utterance of the conversations has a group"):
        group_folds(talks, {"x": "1"}, 2)


def test_tables_of_groups_that_cannot_be_read_are_refused(tmp_path):
    path = tmp_path / "groups.csv"
    with pytest.raises(FileNotFoundError, match="no table of groups"):
        read_groups(path, "scene")
    for text, message in [
        ("utterance_id,part\nu1,3\n", "has no column scene; it has utterance_id, part"),
        ("utterance_id,scene\nu1,3\nu2,\n", "row 3 has no scene"),
        ("utterance_id,scene\nu1,3\nu1,4\n", "more than one row for the utterance 'u1'"),
    ]:
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=message):
            read_groups(path, "scene")
    path.write_text("utterance_id,scene\nu1,3\n", encoding="utf-8")
    assert read_groups(path, "scene") == {"u1": "3"}
