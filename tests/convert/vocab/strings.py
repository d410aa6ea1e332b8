"""Texts of every kind for comparing tokenizers, the same list on every run.

A text has one class, which says what is exotic in it: a test may hold one class apart by name and
must then say why.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable

_PT_TEXT = (
    "O Palácio da Pena abre às 9h30 e fecha às 18h30; ação, coração, manhã, avó, vovô, pão, português, "
    "lingüiça, ÚLTIMA Ânsia, EXCEÇÃO, não, já, até, você, três, saída, ciúme, d'água, guarda-chuva, "
    "Instruções: responda de forma objetiva! Quanto custa? «aspas» “curvas” … – travessão — fim."
)
_EN_TEXT = (
    "The quick brown fox jumps over the lazy dog; it's what they'll say, I'd've thought, don't you? "
    "We're HERE, he'S there, naïve café résumé coöperate state-of-the-art U.S.A. e.g. Mr. O'Neil "
    "unbelievably antidisestablishmentarianism (see p. 12) \"quoted\" 'single' 50% off & more @home #1"
)
_PT, _EN = _PT_TEXT.split(), _EN_TEXT.split()
_CODE = [
    "def f(x: int) -> str:\n    return f\"{x!r}\"\n", "for (int i = 0; i < n; ++i) {\n\ta[i] += b[i];\n}",
    "SELECT * FROM t WHERE a >= 1 AND b <> 'x';", "<div class=\"a-b\">&nbsp;</div>\r\n",
    "{\"k\": [1, 2.5e-3, null]}", "x = y if z else w  # TODO: __init__",
    "git commit -m 'a' && make -j2 || exit 1", "a->b::c<T>(&d, *e);",
    "import numpy as np\n\n\nnp.zeros((3, 4))",
    "snake_case camelCase PascalCase SCREAMING_CASE kebab-case", "\\frac{a}{b} \\alpha^2_{ij} $x$",
    "fn main() { println!(\"{:?}\", vec![1u8; 4]); }", "0xDEADBEEF 0b1010 1_000",
    "if not (a and b) or c != d:\n        pass\n    else:\n        raise",
    "`tick` ~tilde~ ^caret^ |pipe| \\back\\",
]  # fmt: skip
_URLS = [
    "https://www.example.com/a/b?c=1&d=%20e#f", "http://localhost:8000/v1/chat",
    "ftp://user@host:21/x.tar.gz", "joao.silva+lista@exemplo.com.br", "www.sintra.pt/horários",
    "/usr/lib/python3.11/site-packages", "C:\\Windows\\System32", "192.168.0.1", "::1", "#hashtag",
    "@pessoa",
]  # fmt: skip
_EMOJI = [
    "🏰", "👩‍👩‍👧", "👍🏽", "🇧🇷", "🇵🇹", "❤️", "😀😃😄", "🏳️‍🌈", "1️⃣", "👨🏿‍🚀", "☃", "✈️", "🫠", "🧑‍💻",
]  # fmt: skip
_CHINESE = ["你好", "世界", "我在北京大学学习中文", "。", "，", "人工智能", "龍", "𠮷", "㐀"]
_JAPANESE = ["日本語", "カタカナ", "ひらがな", "東京タワー", "がぎぐげご", "パピプペポ", "。", "ー", "々"]
_KOREAN = ["한국어", "안녕하세요", "서울", "각", "값", "뷁"]
_ARABIC = ["مرحبا", "بالعالم", "العربية", "٠١٢٣", "السَّلَامُ", "،", "שלום", "עִבְרִית"]
_INDIC = ["नमस्ते", "दुनिया", "हिन्दी", "क्षत्रिय", "१२३", "தமிழ்", "বাংলা", "ไทย", "สวัสดี", "ກ"]
_CYRILLIC = ["Привет", "мир", "Ёлка", "йод", "Ελληνικά", "άέήίόύώ", "Σίσυφος", "ΣΑΣ", "ქართული", "Հայերեն"]
_ACCENTED = [
    "é", "ã", "ç", "ô", "ü", "ñ", "ő", "ấ", "ṩ", "ȩ́", "Å", "ǟ", "İ", "ı", "ß", "ẞ", "ø", "ł", "æ", "ŋ",
]  # fmt: skip
_COMPATIBLE = [
    "ﬁ", "ﬂ", "①", "²", "½", "Ａ", "ｱ", "™", "㎏", "Ⅳ", "ℌ", "…", "º", "ª", "№", "㍿", "\u00a0", "\u3000",
]  # fmt: skip
_SPACES = [
    " ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", " \n ", "\t\t", "\u00a0", "\u2003", "\u3000", "\u2028",
    "\u200a",
]  # fmt: skip
_INVISIBLE = [
    "\u200b", "\u200c", "\u200d", "\ufeff", "\u00ad", "\u2060", "\u202e", "\ufffd", "\u0085", "\ufe0f",
]  # fmt: skip
_BRACKETS = ["[INST]", "<|im_start|>", "[1]", "<0x0A>", "##ing", "\u2581", "Ġ", "[ UNK ]", "< s >", "{{x}}"]

Kind = Callable[[random.Random], str]


def strings(n: int = 2000) -> list[str]:
    """The first `n` texts of the list, without their classes."""
    return [text for _, text in classed(n)]


def classed(n: int = 2000) -> list[tuple[str, str]]:
    """(class, text); the classes take turns, and the edge cases come first."""
    rng = random.Random(20)
    edges = [
        "",
        " ",
        "  ",
        "\n",
        "\t",
        "\r\n",
        "a",
        " a",
        "a ",
        "  a  b  ",
        "\0",
        "é",
        "e\u0301",
        "🏰",
        "0",
        ".",
    ]
    found = [("edge", text) for text in edges]
    while len(found) < n:
        found += [(name, kind(rng)) for name, kind in KINDS.items()]
    return found[:n]


def _words(words: list[str], glue: str = " ", longest: int = 12) -> Kind:
    return lambda rng: glue.join(rng.choices(words, k=rng.randint(1, longest)))


def _borders(rng: random.Random) -> str:
    inner = rng.choice(_SPACES).join(rng.choices(_PT + _EN, k=rng.randint(0, 4)))
    return rng.choice(_SPACES) + inner + rng.choice(_SPACES)


def _digits(rng: random.Random) -> str:
    runs = [str(rng.randrange(10 ** rng.randint(1, 12))) for _ in range(rng.randint(1, 5))]
    return rng.choice(["", " ", ".", ",", "-", "/", ":", " x "]).join(runs)


def _composed(rng: random.Random) -> str:
    return unicodedata.normalize("NFC", _words(_ACCENTED + _PT)(rng))


def _decomposed(rng: random.Random) -> str:
    return unicodedata.normalize("NFD", _words(_ACCENTED + _PT)(rng))


def _stacked(rng: random.Random) -> str:
    """Letters under several combining marks, in no canonical order."""
    marks = "\u0300\u0301\u0302\u0303\u0308\u0323\u0327\u0331\u0345\u20d0"
    return "".join(
        rng.choice("aeioucnxZ ") + "".join(rng.choices(marks, k=rng.randint(0, 3))) for _ in range(8)
    )


def _control(rng: random.Random) -> str:
    bytes_ = [chr(c) for c in (*range(32), *range(0x7F, 0xA0))]
    return "".join(rng.choice([rng.choice(bytes_), rng.choice(_PT), " "]) for _ in range(rng.randint(1, 12)))


def _punctuation(rng: random.Random) -> str:
    return "".join(rng.choices("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡¿·§¶†‡•‰′″‹›€£¥¢", k=rng.randint(1, 15)))


def _letters(rng: random.Random) -> str:
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ", k=rng.randint(1, 40)))


def _mixed(rng: random.Random) -> str:
    texts = [rng.choice(_PT + _EN), rng.choice(_EMOJI), rng.choice(_CHINESE + _JAPANESE), rng.choice(_URLS)]
    texts += [rng.choice(_ARABIC + _INDIC), rng.choice(_SPACES), rng.choice(_CODE), rng.choice(_CYRILLIC)]
    rng.shuffle(texts)
    return "".join(texts[: rng.randint(2, 8)])


def _any(rng: random.Random) -> str:
    """Any assigned characters, planes above the first too."""
    planes = [0x3000, 0x3000, 0x10000, 0x20000, 0x110000]
    drawn = (chr(rng.randrange(rng.choice(planes))) for _ in range(60))
    return "".join(c for c in drawn if unicodedata.category(c) not in ("Cn", "Cs", "Co"))[:20]


KINDS: dict[str, Kind] = {
    "portuguese": _words(_PT), "english": _words(_EN), "code": _words(_CODE, "\n", 3), "urls": _words(_URLS),
    "borders": _borders, "digits": _digits, "letters": _letters, "punctuation": _punctuation,
    "composed": _composed, "decomposed": _decomposed, "stacked": _stacked, "emoji": _words(_EMOJI + _EN),
    "zwj": _words(_EMOJI, ""), "chinese": _words(_CHINESE, ""), "japanese": _words(_JAPANESE, ""),
    "korean": _words(_KOREAN), "arabic": _words(_ARABIC), "indic": _words(_INDIC),
    "cyrillic": _words(_CYRILLIC),
    "compatible": _words(_COMPATIBLE + _EN), "invisible": _words(_INVISIBLE + _EN, ""), "control": _control,
    "brackets": _words(_BRACKETS + _PT), "mixed": _mixed, "any": _any,
}  # fmt: skip
