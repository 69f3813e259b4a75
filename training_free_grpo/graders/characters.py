r"""One spelling for equivalent Unicode characters: `４２` is 42, `∞` is `\infty`."""

import re
import unicodedata
from functools import lru_cache

_COMMANDS = {
    "infty": "∞",
    "times": "×✕✖",
    "cdot": "·⋅∙",
    "pi": "πϖ",
    "cup": "∪",
    "cap": "∩",
    "le": "≤≦⩽≲",
    "ge": "≥≧⩾≳",
    "ne": "≠",
    "approx": "≈≅≃",
    "pm": "±",
    "mp": "∓",
    "in": "∈",
    "notin": "∉",
    "subset": "⊂",
    "subseteq": "⊆",
    "setminus": "∖",
    "emptyset": "∅⌀",
    "forall": "∀",
    "exists": "∃",
    "neg": "¬",
    "land": "∧",
    "lor": "∨",
    "to": "→⟶",
    "leftarrow": "←⟵",
    "Rightarrow": "⇒⟹",
    "Leftrightarrow": "⇔⟺",
    "leftrightarrow": "↔",
    "uparrow": "↑",
    "downarrow": "↓",
    "equiv": "≡",
    "sim": "∼",
    "perp": "⊥",
    "parallel": "∥",
    "angle": "∠",
    "triangle": "△",
    "circ": "∘",
    "partial": "∂",
    "nabla": "∇",
    "int": "∫",
    "sum": "∑",
    "prod": "∏",
    "langle": "⟨〈",
    "rangle": "⟩〉",
    "lfloor": "⌊",
    "rfloor": "⌋",
    "lceil": "⌈",
    "rceil": "⌉",
    "ldots": "…⋯",
    "Omega": "\u2126",
    "mathbb{R}": "ℝ",
    "mathbb{N}": "ℕ",
    "mathbb{Z}": "ℤ",
    "mathbb{Q}": "ℚ",
    "mathbb{C}": "ℂ",
}
_GREEK = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "epsilon": "ε",
    "zeta": "ζ",
    "eta": "η",
    "theta": "θ",
    "kappa": "κ",
    "lambda": "λ",
    "xi": "ξ",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "phi": "φϕ",
    "chi": "χ",
    "psi": "ψ",
    "omega": "ω",
    "Gamma": "Γ",
    "Delta": "Δ",
    "Theta": "Θ",
    "Lambda": "Λ",
    "Sigma": "Σ",
    "Phi": "Φ",
    "Psi": "Ψ",
    "Omega": "Ω",
}
_SPELLINGS = {
    **{sign: rf"\{name} " for name, signs in _COMMANDS.items() for sign in signs},
    **dict.fromkeys("−–—‐‑‒―﹣", "-"),
    **dict.fromkeys("\u00a0\u202f\u2009\u2007\u3000\u2002\u2003\u2005\u2006\u200a", " "),
    **dict.fromkeys("\u066c", ","),  # Arabic separators of thousands, of lists, of decimals
    **dict.fromkeys("،、﹑", ", "),
    "\u066b": ".",
    "٪": "%",
    "÷": "/",
    "∕": "/",
    "⁄": "/",
    "√": " sqrt ",
    "∛": r" \sqrt[3]",
    "‖": r"\|",
    "∶": ":",
    "∣": "|",
    "。": ". ",
    "｡": ". ",
    "．": ".",
    "۔": ". ",
    "।": ". ",
    "，": ",",
    "；": ";",
    "؛": ";",
    "？": "?",
    "؟": "?",
    "【": "[",
    "】": "]",
    "「": '"',
    "」": '"',
    "『": '"',
    "』": '"',
    "“": '"',
    "”": '"',
    "„": '"',
    "«": '"',
    "»": '"',
    "‘": "'",
    "’": "'",
    "′": "'",
    "″": '"',
    "µ": "μ",
    "º": "°",
    "˚": "°",
    "℃": "°C",
    "℉": "°F",
    "㎝": "cm",
    "㎜": "mm",
    "㎞": "km",
    "㎡": "m^2",
    "㎏": "kg",
    "￥": "¥",
    "￦": "₩",
    "￡": "£",
    "•": " ",
}
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ"
_SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎"
_LEVELS = str.maketrans(_SUPERSCRIPTS + _SUBSCRIPTS, "0123456789+-=()ni" + "0123456789+-=()")
_RAISED = re.compile(f"[{_SUPERSCRIPTS}]+")
_LOWERED = re.compile(f"[{_SUBSCRIPTS}]+")
_OVERLINED = re.compile("((?:\\d\u0305)+)")
_DOTTED = re.compile("(\\d)\u0307")
_FOREIGN = re.compile(r"[^\x00-\x7f]")


def ascii_spelled(text: str) -> str:
    """Rewrite digits, signs, styled letters and punctuation in ASCII or LaTeX."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text)
    text = _OVERLINED.sub(lambda m: rf"\overline{{{m[1]}}}".replace("\u0305", ""), text)
    text = _DOTTED.sub(r"\\dot{\1}", text)
    text = _RAISED.sub(lambda m: _level("^", m.group()), text)
    text = _LOWERED.sub(lambda m: _level("_", m.group()), text)
    return _FOREIGN.sub(lambda m: _spelling(m.group()), text)


def greek_spelled(text: str) -> str:
    r"""Rewrite Greek letters of formulas as their commands, `θ` as `\theta`."""
    return text if text.isascii() else _GREEK_LETTERS.sub(lambda m: _NAMES[m.group()], text)


_NAMES = {letter: rf"\{name} " for name, letters in _GREEK.items() for letter in letters}
_GREEK_LETTERS = re.compile(f"[{''.join(_NAMES)}]")


def _level(mark: str, run: str) -> str:
    inside = run.translate(_LEVELS)
    return f"{mark}{inside}" if len(inside) == 1 else f"{mark}{{{inside}}}"


@lru_cache(maxsize=4096)
def _spelling(sign: str) -> str:
    if sign in _SPELLINGS:
        return _SPELLINGS[sign]
    if unicodedata.category(sign) in {"Cf", "Co", "Cn"} or "\ufe00" <= sign <= "\ufe0f":
        return ""
    if (digit := unicodedata.decimal(sign, None)) is not None:
        return str(digit)
    kind, _, parts = unicodedata.decomposition(sign).partition(" ")
    if kind == "<fraction>":
        top, _, bottom = unicodedata.normalize("NFKC", sign).partition("⁄")
        return rf"\frac{{{top}}}{{{bottom}}}"
    if kind in {"<font>", "<wide>", "<narrow>", "<circle>"} and parts:
        return unicodedata.normalize("NFKC", sign)
    return sign
