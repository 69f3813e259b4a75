"""English abbreviations: dots that end no sentence, and the words they abbreviate."""

import re

_TITLES = """
mr mrs ms messrs dr prof rev hon pres gov sen rep amb atty gen adm capt cmdr col lt maj sgt cpl pvt
det insp supt mme mlle fr
"""
_OTHERS = """
jr sr esq bros inc corp co ltd llc etc al no nos vol vols ch chap sec fig figs eq ed eds trans op
cat pt pts pp para dept dist div univ assn assoc inst est ext max min temp tel ave blvd rd sq hwy
bldg mtn mts isl v viz cf ie eg resp incl excl misc orig ver repr abbr pm ad bc bce ce hr hrs secs
mos yr yrs wk oz lb lbs gal cu mi mph ibid seq anon tue tues thu thur thurs ala ariz calif colo conn
fla ga kan kans ky mass md mich minn neb nev okla penn penna tenn tex va wash wis wisc wyo jos wm
chas geo thos robt bp archbp sta sto phd usa uk us dc
"""
TITLES = frozenset(_TITLES.split())
"""Titles before a name, without which it still names the same person."""
APPROXIMATE = frozenset(["ca", "circa", "approx", "approximately"])
"""Words before a number that do not change it."""
MONTHS = {
    "jan": "january", "feb": "february", "mar": "march", "apr": "april", "jun": "june",
    "jul": "july", "aug": "august", "sep": "september", "sept": "september", "oct": "october",
    "nov": "november", "dec": "december",
}  # fmt: skip
FULL_FORMS = {"st": "saint", "ste": "sainte", "mt": "mount", "ft": "fort", "vs": "versus"}
"""Abbreviations that come before the word they belong to."""
_DOTTED = TITLES | APPROXIMATE | MONTHS.keys() | FULL_FORMS.keys() | {*_OTHERS.split()}
_NO_VOWEL = re.compile(r"[^\W\d_aeiouyAEIOUY]{2,4}")
"""A word without a vowel is probably an abbreviation: Blvd., Mgr., Pvt."""


def is_abbreviation(word: str) -> bool:
    """Return whether the dot after a word may belong to it, as in Dr., U.S. or J."""
    plain = word.casefold().replace(".", "")
    initial = len(plain) == 1 and plain.isalpha()
    return initial or "." in word or plain in _DOTTED or bool(_NO_VOWEL.fullmatch(word))
