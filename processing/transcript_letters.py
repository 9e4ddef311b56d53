# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Whether a text that was decoded in some encoding can be the text that somebody wrote.

A wrong encoding gives letters that no language has together, capitals inside words, signs between letters, or rare
characters. The rules are strict, as a file that is refused is a smaller harm than words replaced by others.
"""

import re
from collections.abc import Iterable

WESTERN = {
    "French": "àâæçéèêëîïôœùûü",
    "German": "äöüßé",
    "Spanish": "áéíóúüñç",
    "Portuguese": "áâãàçéêíóôõú",
    "Italian": "àèéìîòóù",
    "Swedish, Finnish": "åäöé",
    "Danish, Norwegian": "æøåéóòô",
    "Dutch": "éëïöüó",
    "English": "éèëïöñçüáíóà",
    "Icelandic": "áéíóúýþðæö",
    "Catalan": "àçéèíïóòúü",
}
CENTRAL = {
    "Polish": "ąćęłńóśźż",
    "Czech, Slovak": "áčďéěíňóřšťúůýžäľĺôŕ",
    "Hungarian": "áéíóöőúüű",
    "Croatian, Slovene": "čćđšž",
    "Romanian": "ăâîşţșț",
    "German": "äöüß",
}
TURKISH = {"Turkish": "çğıöşüâîû"}
ALPHABETS = {
    "cp1252": WESTERN,
    "cp1250": CENTRAL,
    "iso8859_2": CENTRAL,
    "cp1254": TURKISH,
}
"""The letters beyond a to z of the languages that are written in an encoding."""

_RARE = {
    "Polish": "qvx",
    "Czech, Slovak": "qwx",
    "Hungarian": "qwx",
    "Croatian, Slovene": "qwxy",
    "Romanian": "kqwy",
    "Turkish": "qwx",
    "French": "kw",
    "Spanish": "kw",
    "Portuguese": "kwy",
    "Italian": "jkwxy",
    "Catalan": "kw",
}
_COMMON_WORDS = {
    "French": "à au avec ce de des dans elle en est et il je la le les mais me moi ne non nous où oui pas pour que qui sur tu un une vous",
    "German": "aber auch auf da das der die du ein eine er es für ich ihr im in ist ja mit nein nicht sie sind so und war was wie wir zu",
    "Spanish": "a al de del el ella en es está eso la las le lo los me mi muy no para pero por que qué se sí su un una ya yo",
    "Portuguese": "a ao as com da de do e ela ele em eu isso já mas me meu não no o os para por que se sim um uma você",
    "Italian": "a al che chi ci di da del e è ho i il in io la le lo ma mi no non per più se si sono un una",
    "Swedish, Finnish": "att av det du en ett för han hon i inte ja jag kan med men nej och om på som så till vad var vi är on ei ja se",
    "Danish, Norwegian": "af at av de den der det du en er et for han hun i ikke ja jeg kan med men nei nej og om på så som til vi",
    "Dutch": "de het een en van ik je jij niet is dat wat wij met op voor maar ja nee zijn in te er",
    "English": "a and are at be but do for he i in is it me my no not of on she so that the they this to was we what you",
    "Icelandic": "að á ég ekki er en hann hún í það þú og sem til við eru já nei",
    "Catalan": "a amb de del el els en és i jo la les me no per però que què se sí un una",
    "Polish": "a ale co czy dla do gdzie i ja jak jest już na nie o po są się tak tam to tu w z za że",
    "Czech, Slovak": "a ale co do gdy je já jak je jsem jsi jsou ještě kde ne na se si tak to tu už v z za že som sa",
    "Hungarian": "a az és de egy ez hogy hol is ki mi még nem igen van vagy én te csak jó meg volt",
    "Croatian, Slovene": "a ali da i je ja kako me mi na ne nije sam se si što su to u za in kaj ni",
    "Romanian": "a am ce cu da de din e este eu în la mai nu o pe să se si și şi un",
    "Turkish": "ama ben bir bu çok da daha de değil evet hayır için mi mı ne nerede o sen ve var yok",
}
_FREQUENT = {
    "cyrillic": "оеаинтсрвлкмі",
    "greek": "αοιετσνηυρπκ",
    "hebrew": "יוהלאמרתבש",
    "arabic": "ايلمنوترةعب",
    "thai": "านรอกเงมยลวดท่้",
}
_SCRIPTS = {
    "cp1251": ("cyrillic", "\u0400", "\u04ff"),
    "koi8_r": ("cyrillic", "\u0400", "\u04ff"),
    "cp866": ("cyrillic", "\u0400", "\u04ff"),
    "cp1253": ("greek", "\u0370", "\u03ff"),
    "iso8859_7": ("greek", "\u0370", "\u03ff"),
    "cp1255": ("hebrew", "\u0590", "\u05ff"),
    "cp1256": ("arabic", "\u0600", "\u06ff"),
    "cp874": ("thai", "\u0e00", "\u0e7f"),
}
_SIGN_IN_WORD = re.compile(r"[^\W\d_][¹²³¼½¾¤¦§©¬®¯±´¶¸¿¡£¥¢‰†‡ˆ˜„‹›™ƒ€•…“‚¨«»ª°·–][^\W\d_]")
_SIGN_BEFORE_LETTER = re.compile(
    r"(?:^|[\s\"'(])[¹²³¼½¾¤¦©¬®¯±´¶¸£¥¢€‰†‡ˆ˜›™ƒ¨ª°·][^\W\d_]|[^\W\d_][¹³£¥±¶¦]", re.MULTILINE
)
_OBSOLETE_THAI = re.compile("[ฃฅฦ]|(?:^|[^\u0e01-\u0e2e\u0e31-\u0e4e])[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]")


def languages_of(text: str, encoding: str) -> list[str]:
    """
    The languages of a Latin alphabet in which the text can be: all its letters are theirs, and none is rare there.

    Args:
        text: the text as decoded in `encoding`.
        encoding: a key of [`ALPHABETS`].
    """
    if _SIGN_IN_WORD.search(text) or _SIGN_BEFORE_LETTER.search(text) or _has_capital_inside(text):
        return []
    letters = {character for character in text.lower() if character > "\x7f" and character.isalpha()}
    if any(len(word) > 2 for word in re.findall(r"(?<!\w)[^\W\d_\x00-\x7f]+(?!\w)", text)):
        return []  # a word of accented letters alone
    plain = [character for character in text.lower() if "a" <= character <= "z"]
    found = []
    for language, alphabet in ALPHABETS[encoding].items():
        rare = sum(character in _RARE.get(language, "") for character in plain)
        if letters <= set(alphabet) and rare <= max(2, 0.02 * len(plain)):
            found.append(language)
    return found


def share_of_common_words(text: str, language: str) -> float:
    """How many of the words are among the most common ones of the language."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    common = set(_COMMON_WORDS[language].split())
    return sum(word in common for word in words) / max(1, len(words))


def _has_capital_inside(text: str) -> bool:
    return re.search(r"[a-zà-öø-ÿ][À-ÖØ-ÞŠŽŒŸĄĆĘŁŃŚŹŻ]", text) is not None


def likeness_to_script(text: str, encoding: str) -> float:
    """
    How much a text looks like one in the script of a single-byte encoding: the share of the letters that are frequent there, 0
    when it cannot be.
    """
    name, first, last = _SCRIPTS[encoding]
    letters = [character for character in text if character > "\x7f" and character.isalpha()]
    if not letters or any(not first <= letter <= last for letter in letters):
        return 0.0
    if _SIGN_IN_WORD.search(text) or _SIGN_BEFORE_LETTER.search(text):
        return 0.0
    if name in ("cyrillic", "greek"):
        capitals = sum(letter.isupper() for letter in letters)
        inside = len(re.findall(r"[^\W\d_]+", text)) and sum(
            word[1:] != word[1:].lower() and word != word.upper() for word in re.findall(r"[^\W\d_]+", text)
        )
        if not capitals or inside or 0.5 * len(letters) < capitals < len(letters):
            return 0.0
        if encoding in ("koi8_r", "cp866") and (capitals == len(letters) or re.search("[\u2500-\u259f]", text)):
            return 0.0  # capitals and box drawings stand where other encodings have small letters
    if name == "greek" and re.search(r"(?<!\w)’[α-ω]", text):
        return 0.0
    if name == "thai" and _OBSOLETE_THAI.search(text):
        return 0.0
    return sum(letter.lower() in _FREQUENT[name] for letter in letters) / len(letters)


def east_asian_of(texts: dict[str, str]) -> list[str]:
    """
    The encodings of two bytes in which the texts can be what somebody wrote.

    Args:
        texts: for each encoding in which the file can be decoded the text that it gives.
    """
    shares = {
        name: _shares(text, name)
        for name, text in texts.items()
        if name in EAST_ASIAN and not re.search("[A-Za-z][\u3040-\ud7a3][A-Za-z]", text)
    }
    japanese = [
        n for n in ("cp932", "euc_jp") if n in shares and shares[n]["kana"] >= 0.2 and shares[n]["known"] >= 0.97
    ]
    if japanese:
        return japanese
    korean = shares.get("cp949")
    if korean and korean["hangul"] >= 0.9 and korean["known"] >= 0.97 and korean["letters"] >= 4:
        return ["cp949"]
    chinese = {
        name: shares[name]["common"]
        for name in ("gb18030", "big5")
        if name in shares
        and _has_usual_chinese(texts[name])
        and shares[name]["known"] >= 0.9
        and shares[name]["kana"] < 0.05
        and shares[name]["common"] >= 0.6
    }
    if len(chinese) == 2 and abs(chinese["gb18030"] - chinese["big5"]) >= 0.2:
        return [max(chinese, key=chinese.get)]
    return list(chinese)


EAST_ASIAN = {"cp932": "shift_jis", "euc_jp": "euc_jp", "cp949": "euc_kr", "gb18030": "gb2312", "big5": "big5"}
"""Encodings of two bytes a character, each with the smaller one that holds the characters in common use."""

_FREQUENT_CHINESE = set(
    "的一是了我不在人有他这中大来上个国说们为你时要就出会可也对生能而子那得于着下自之年过后作里道行所然家事成方多"
    "经么去好没什在到吗呢吧啊很都还没有怎样谁哪里为知再见谢请问想看听走吃给让把被真话早晚"
    "這來個國說們為時會對後過裡經麼沒嗎還樣誰哪裏爲請問聽給讓話見謝點嗎"
)


def _has_usual_chinese(text: str) -> bool:
    han = [character for character in text if "\u4e00" <= character <= "\u9fff"]
    usual = sum(character in _FREQUENT_CHINESE for character in han)
    return bool(re.search("[，。？！：、；「」“”]", text)) or usual >= 0.1 * len(han)


def _shares(text: str, encoding: str) -> dict[str, float]:
    letters = [character for character in text if character > "\x7f" and character.isalpha()]
    total = max(1, len(letters))
    return {
        "letters": len(letters),
        "kana": sum("\u3041" <= letter <= "\u30fe" for letter in letters) / total,
        "hangul": sum(_is_usual_hangul(letter) for letter in letters) / total if encoding == "cp949" else 0.0,
        "known": _share_encodable(letters, EAST_ASIAN[encoding]) / total,
        "common": _share_of_first_level(letters, encoding) / total,
    }


def _is_usual_hangul(letter: str) -> bool:
    return "\uac00" <= letter <= "\ud7a3"


def _share_encodable(letters: Iterable[str], encoding: str) -> int:
    count = 0
    for letter in letters:
        try:
            count += len(letter.encode(encoding)) <= 2  # Python composes rare Hangul of eight bytes
        except UnicodeEncodeError:
            continue
    return count


def _share_of_first_level(letters: Iterable[str], encoding: str) -> int:
    """How many of the letters are of the first level, the usual characters, or are among the most frequent ones."""
    first, last = {"gb18030": (0xB0, 0xD7), "big5": (0xA4, 0xC6)}.get(encoding, (0, 255))
    return sum(
        letter in _FREQUENT_CHINESE or first <= letter.encode(encoding, errors="replace")[0] <= last
        for letter in letters
    )
