"""The words that announce an answer, in English and other languages."""

import re

_HEDGE = r"therefore|thus|hence|simply|clearly|likely|most likely|probably|final"
MARKER = re.compile(
    r"\banswers?\b(?: to (?:the|this|your|that) [^.:!?\n]{1,100}?| here)?[\s*_]{0,4}"
    r"(?:(?:is|would be|should be|must be|will be|could be|may be|might be|has to be)\b|[:=])"
    rf"(?:[ ,]*(?:{_HEDGE})\b(?=[ ,:]))*[\s*_:]*(?=\S)"
    r"|^[ \t#*_>]{0,20}(?:(?:the|my|final|short|correct) )*answer[\s*_]*(?:\n|[-–—→]+>?)"
    r"[\s*_]*(?=\S)"
    r"|^[ \t#*_>]{0,20}A[*_]{0,3}\s?:[\s*_]*(?=\S)"
    # languages that write a copula, or a colon, behind their word for answer
    r"|\b(?:antwort|lösung|respuesta|réponse|resposta|risposta|antwoord|svaret|svar|odpowiedź|"
    r"odpověď|odpoveď|răspuns(?:ul)?|vastaus|válasz|odgovor|cevap|yanıt|jawaban(?:nya)?|"
    r"(?:câu )?trả lời|đáp án|ответ|відповідь|адказ|отговор|одговор|απάντηση|"
    r"उत्तर|जवाब|উত্তর|பதில்|सही उत्तर|คำตอบ|الجواب|الإجابة|الاجابة|پاسخ|جواب|תשובה|התשובה)"
    r"(?: (?:final|finale|finală|correcta|correcte|correta|corretta|النهائية|النهائي))?[\s*_]{0,4}"
    r"(?:(?:ist|lautet|es|est|é|è|is|är|er|to|je|este|adalah|là|είναι|هي|هو|است|היא|הוא)\b"
    r"|คือ|है|হল|[:：=])[\s*_:：]*(?=\S)"
    # and those that write no space
    r"|(?:答案|答え|答|解答|回答|正解|정답|답변|답)[\s*_]*(?:应该是|應該是|应为|是|为|為|は|은|는|[:：=])"
    r"[\s*_:：]*(?=\S)",
    re.IGNORECASE | re.MULTILINE,
)
