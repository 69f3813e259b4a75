"""Phrases that announce, deny and list answers in languages other than English."""

import re

_ANNOUNCED = (
    # Chinese, Japanese, Korean
    r"(?:答案|结果|結果)(?:是|为|為)?|答え?は|解答は|答[::]|(?:应该|所以|故|因此"
    r"|应)?选(?:择)?(?=\s*\(?[A-J])|(?:정답|답)(?:은|:)",
    # Thai, Arabic, Persian, Hebrew, Hindi
    r"คำตอบ(?:คือ|:)|(?:الإجابة|الاجابة|الجواب|الناتج)(?: (?:هي|هو))?|پاسخ|התשובה(?: היא)?"
    r"|उत्तर(?: है)?",
    # Russian, Ukrainian, Greek
    r"\b(?:ответ(?:ом)?|відповідь)\b(?: (?:равен|является|это|є))?|\bαπάντηση(?: είναι)?",
    # German, Dutch, French, Spanish, Portuguese, Italian, Polish, Turkish, Vietnamese, Indonesian
    r"\b(?:antwort|lösung|antwoord)(?: (?:ist|lautet|is))?\b|\bréponse(?: (?:finale )?est)?\b"
    r"|\brespuesta(?: (?:final )?es)?\b|\bresposta(?: (?:final )?é)?(?!\w)"
    r"|\brisposta(?: (?:finale )?è)?(?!\w)|\bodpowiedź(?: to)?\b|\b[cş]evap\b|\byanıt\b"
    r"|\bđáp (?:án|số)(?: là)?\b|\bjawaban(?:nya)?(?: adalah)?\b",
)
ANNOUNCED = rf"(?:{'|'.join(_ANNOUNCED)})[ \t]*[:=-]?"

DENIED = re.compile(
    r"不是|不等于|不等於|不会|不可能|没有|沒有|无法|無法|并非|不知道|ではな|ではありません"
    r"|じゃな|わかりません|分かりません"
    r"|아니|아닙|않|없|모르|ไม่|ليس|لا أعرف|لا يمكن|نیست|לא |אינה|नहीं"
    r"|\bне\b|\bнет\b|\bδεν\b|\bnicht\b|\bkein(?:e|en)?\b|\bniet\b|\bgeen\b|\bn'est pas\b"
    r"|\bne \w+ pas\b"
    r"|\bno es\b|\bno (?:se )?puede\b|\bnão\b|\bnon è\b|\bnie jest\b|\bdeğil|\bkhông\b"
    r"|\bbukan\b|\btidak\b",
    re.IGNORECASE,
)
"""Phrases that say that something is false, or unknown."""

OPEN = re.compile(
    r"可能|也许|也許|或许|かもしれ|でしょうか|일 수도|อาจ|ربما|возможно|может быть|vielleicht"
    r"|peut-être|quizás|talvez|forse",
    re.IGNORECASE,
)
"""Phrases that say that something may be true."""

CONJUNCTION = re.compile(
    r"\s*(?:和|或者|或|及|以及|与|與|と|または|および|와|과|및|또는|และ|หรือ|أو|או)\s*"
    r"|\s+(?:и|или|та|або|und|oder|et|ou|و)\s+"
)
"""Words that join the parts of a list."""
