"""Transcripts that are not in UTF-8 are read correctly, with a warning that names the encoding, or refused."""

import pytest

from modeling_amuse.processing.transcript_encodings import text_of
from modeling_amuse.processing.transcripts import read_transcript
from tests.processing.transcript_files import said, saved, srt, warnings_of

LINES = {
    ("cp1251", "koi8_r"): ["Вера: Дождь уже кончился?", "Глеб: Почти. Возьми зонт.", "Вера: Он остался в автобусе."],
    ("gbk", "gb18030"): ["小丽: 雨停了吗？", "老张: 快停了，带上伞。", "小丽: 伞忘在公共汽车上了。"],
    ("big5",): ["小麗: 雨停了嗎？", "老張: 快停了，帶上傘。", "小麗: 傘忘在公車上了。"],
    ("shift_jis", "euc_jp", "iso2022_jp"): [
        "ユキ: 雨はやみましたか。",
        "タロウ: もうすぐです。",
        "ユキ: 傘をバスに忘れました。",
    ],
    ("euc_kr",): ["유리: 비가 그쳤어?", "정호: 거의. 우산 가져가.", "유리: 버스에 두고 내렸어."],
    ("cp1252",): [
        "Chloé: Il a cessé de pleuvoir ?",
        "Gaël: Presque. Prends ton parapluie.",
        "Chloé: Il est resté là-bas…",
    ],
    ("cp1252", "latin1"): [
        "Jürgen: Hört der Regen auf?",
        "Bärbel: Gleich. Nimm den Schirm.",
        "Jürgen: Der ist im Bus geblieben, schade.",
    ],
    ("cp1250", "iso8859_2"): [
        "Małgosia: Czy deszcz już przestał padać?",
        "Jerzy: Prawie. Weź parasol.",
        "Małgosia: Został w autobusie, niestety.",
    ],
    ("cp1250",): ["Božena: Už přestalo pršet?", "Jiří: Skoro. Vezmi si deštník.", "Božena: Zůstal v autobuse."],
    ("cp1254",): ["Gülşen: Yağmur dindi mi?", "Işık: Neredeyse. Şemsiyeni al.", "Gülşen: Otobüste kaldı."],
    ("cp1253", "iso8859_7"): [
        "Ελένη: Σταμάτησε η βροχή;",
        "Κώστας: Σχεδόν. Πάρε ομπρέλα.",
        "Ελένη: Έμεινε στο λεωφορείο.",
    ],
    ("cp1256",): ["سلمى: هل توقف المطر؟", "عمر: تقريبا. خذي المظلة.", "سلمى: نسيتها في الحافلة."],
    ("utf-16-le", "utf-16-be", "utf-32-le", "utf-16", "utf-8-sig"): [
        "Åse: Har regnet stanset?",
        "Ørjan: Nesten.",
        "Åse: 傘?",
    ],
}
CASES = [(encoding, lines) for encodings, lines in LINES.items() for encoding in encodings]


@pytest.mark.parametrize(("encoding", "lines"), CASES)
def test_each_encoding_is_read_right_and_named(tmp_path, encoding, lines):
    path = saved(tmp_path, "t.srt", srt(*lines), encoding)
    assert said(path) == [tuple(line.split(": ", 1)) for line in lines]
    if encoding not in ("utf-16", "utf-8-sig"):
        assert "was read in the encoding" in warnings_of(path)


@pytest.mark.parametrize(("encoding", "lines"), CASES)
@pytest.mark.parametrize("take", [slice(0, 1), slice(1, 2), slice(2, 3)])
def test_a_single_line_is_read_right_or_refused(tmp_path, encoding, lines, take):
    text = srt(*lines[take])
    try:
        found = text_of(saved(tmp_path, "t.srt", text, encoding))
    except ValueError as error:
        assert "encoding" in str(error) or "UTF-8" in str(error)
    else:
        assert found.lstrip("\ufeff") == text


@pytest.mark.parametrize("encoding", ["cp037", "mac_roman", "utf-7"])
def test_rare_encodings_are_refused(tmp_path, encoding):
    path = saved(tmp_path, "t.srt", srt("Chloé: Il a cessé de pleuvoir ?", "Gaël: Presque.", "Chloé: Déjà ?"), encoding)
    if encoding == "utf-7":  # it consists of ASCII characters, so its encoding cannot be detected
        return
    with pytest.raises(ValueError, match=r"t.srt"):
        read_transcript(path)


def test_a_few_damaged_bytes_do_not_change_the_rest(tmp_path):
    text = srt("Ольга: Где мои ключи?", "Пётр: На столе.", "Ольга: Спасибо, я уже нашла.").encode()
    path = saved(tmp_path, "t.srt", text[:-5] + b"\xff" + text[-5:])
    assert said(path)[:2] == [("Ольга", "Где мои ключи?"), ("Пётр", "На столе.")] and "not UTF-8" in warnings_of(path)


def test_characters_in_halves_are_joined(tmp_path):
    half = "\U0001f989".encode("utf-16-be")
    pair = b"".join(chr(half[n] << 8 | half[n + 1]).encode("utf-8", "surrogatepass") for n in (0, 2))
    path = saved(tmp_path, "t.srt", srt("Ada: Hoo @", "Ben: Ha.").encode().replace(b"@", pair))
    assert said(path)[0] == ("Ada", "Hoo \U0001f989") and "halves" in warnings_of(path)
    path = saved(tmp_path, "h.srt", srt("Ada: Hoo @", "Ben: Ha.").encode().replace(b"@", pair[:3]))
    assert said(path)[0] == ("Ada", "Hoo \ufffd")


def test_a_refusal_names_what_the_encoding_might_be(tmp_path):
    path = saved(tmp_path, "t.srt", srt("Dan: שלום"), "cp1255")
    try:
        assert text_of(path) == srt("Dan: שלום")
    except ValueError as error:
        assert "save it as UTF-8" in str(error)
    with pytest.raises(ValueError, match="not UTF-8 text: save the transcript as UTF-8"):
        text_of(saved(tmp_path, "b.srt", b"\x00\x01\x02RIFF\x00\x00\x00"))
