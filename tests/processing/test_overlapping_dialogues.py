"""The check that finds dialogues of a test split in another data set by their texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling_amuse.processing.corpora.emorynlp import EmoryNlp
from modeling_amuse.processing.corpora.meld import Meld
from modeling_amuse.processing.corpora.overlapping_dialogues import comparable_words, overlapping_dialogues


def talk(name, *texts):
    return {"id": name, "utterances": [{"speaker": "A", "text": text} for text in texts]}


RESERVED = [
    talk(
        "kitchen",
        "Hey!",
        "You didn\u2019t water the plants.",
        "I was at the station, so I couldn\u2019t do it today.",
        "Oh.",
    ),
    talk("garden", "What is that over there?", "I don't know what it is."),
]


@pytest.mark.parametrize(
    "texts, lines",
    [
        (["what is that over THERE", "I do n't know what it is ."], 2),
        (["I was at the station - so I could not do it today!"], 1),  # one long line is sufficient
        (["What is that over there?"], 0),
        (["What is that over there?", "What is that over there?"], 0),  # a repeated line counts once
        (["Hey!", "Oh."], 0),
        (["You did not water the plants", "What is that over there?"], 0),  # of two conversations
        ([None, ""], 0),
    ],
)
def test_dialogues_overlap_by_two_lines_or_a_long_one(texts, lines):
    found = overlapping_dialogues([talk("other", *texts)], RESERVED)
    assert [overlap.lines for overlap in found] == ([lines] if lines else [])
    assert all(overlap.conversation == "other" and overlap.found_in in ("kitchen", "garden") for overlap in found)


scripts_with_spaces = st.characters(max_codepoint=0x0DFF)


@given(st.lists(st.text(scripts_with_spaces, max_size=60), max_size=6))
def test_a_conversation_overlaps_with_itself_if_it_has_words_enough(texts):
    words = [comparable_words(text) for text in texts]
    assert bool(overlapping_dialogues([talk("a", *texts)], [talk("b", *texts)])) == (sum(map(len, words)) >= 4)
    # with another line, its long lines alone are evidence
    long = {line for line in words if len(line) >= 4}
    enough = len(long) >= 2 or any(len(line) >= 8 for line in long)
    assert bool(overlapping_dialogues([talk("a", *texts, "Another one.")], [talk("b", *texts)])) == enough


@pytest.mark.parametrize(
    "one, other",
    [
        ("I can't, won\u2019t and didn't!", "i cannot , will not and did n't"),
        ("They're here; we've seen it's him.", "they are here we have seen it is him"),
        ("Let\u0092s go, I\u2019m late", "let us go i am late"),
        ("Stra\u00dfe", "STRASSE"),
    ],
)
def test_spelling_makes_no_difference(one, other):
    assert comparable_words(one) == comparable_words(other)


def test_emorynlp_holds_dialogues_of_melds_test_split(meld_dir, emorynlp_dir):
    scenes, _ = EmoryNlp.read(emorynlp_dir / "emorynlp_train_final.csv", "train")
    test, _ = Meld.read(meld_dir / "test_sent_emo.csv", "test")
    validation, _ = Meld.read(meld_dir / "dev_sent_emo.csv", "validation")
    with_test = {overlap.conversation for overlap in overlapping_dialogues(scenes, test)}
    with_validation = {overlap.conversation for overlap in overlapping_dialogues(scenes, validation)}
    assert len(with_test) == 66
    assert len(with_validation - with_test) == 16
    assert not overlapping_dialogues(validation, test)


def of(*texts: str) -> list[dict]:
    return [{"id": "x", "utterances": [{"text": text} for text in texts]}]


@pytest.mark.parametrize(
    ("texts", "is_found", "is_long"),
    [
        (("Where is my coat?",), True, False),  # all of a conversation: four words are enough
        (("Hi.", "Where to?", "Home."), True, False),
        (("Hi.", "Well.", "Home."), False, False),
        (("你今天为什么没有去上学呢，出了什么事？", "没事。"), True, True),
        (("你今天去上学了吗？",), True, False),
        (("你好。",), False, False),
        (("今日は一緒に晩ご飯を食べに行きましょう。", "はい。"), True, True),
        (("วันนี้เราไปกินข้าวด้วยกันไหม",), True, True),
    ],
)
def test_a_copied_conversation_is_found_in_every_script(texts, is_found, is_long):
    assert bool(overlapping_dialogues([talk("a", *texts)], [talk("b", *texts)])) == is_found
    in_another = talk("b", "A beginning.", texts[0])
    assert bool(overlapping_dialogues([talk("a", texts[0], "Something else.")], [in_another])) == is_long
