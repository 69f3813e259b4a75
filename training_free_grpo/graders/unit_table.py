"""The table of units: names, dimensions and sizes."""

from fractions import Fraction
from itertools import chain

Measure = tuple[str, Fraction]

_SYMBOL_PREFIXES = {
    "p": "1e-12",
    "n": "1e-9",
    "μ": "1e-6",
    "u": "1e-6",
    "m": "1e-3",
    "c": "1e-2",
    "d": "1e-1",
    "h": "1e2",
    "k": "1e3",
    "M": "1e6",
    "G": "1e9",
    "T": "1e12",
}
_NAME_PREFIXES = {
    "pico": "1e-12",
    "nano": "1e-9",
    "micro": "1e-6",
    "milli": "1e-3",
    "centi": "1e-2",
    "deci": "1e-1",
    "hecto": "1e2",
    "kilo": "1e3",
    "mega": "1e6",
    "giga": "1e9",
    "tera": "1e12",
}
# By kind: the names of every unit, and its size in the first unit. A name with ~ takes SI
# prefixes. A name may belong to several units: a pound is a mass, or money.
_TABLE = {
    "length": {
        "~m ~meter ~metre": "1",
        "in inch inche": "0.0254",
        "ft foot feet": "0.3048",
        "yd yard": "0.9144",
        "mi mile": "1609.344",
        "micron": "1e-6",
        "Å angstrom ångström": "1e-10",
        "nmi": "1852",
        "furlong": "201.168",
        "league": "4828.032",
        "fathom": "1.8288",
        "ly lightyear light-year": "9460730472580800",
        "AU": "149597870700",
        "pc parsec": "3.0856775814913673e16",
    },
    "time": {
        "~s sec ~second": "1",
        "min minute": "60",
        "h hr hour": "3600",
        "d day": "86400",
        "week wk": "604800",
        "fortnight": "1209600",
    },
    "mass": {
        "~g ~gram gramme ~gramme": "1",
        "kilo": "1000",
        "oz ounce": "28.349523125",
        "lb pound": "453.59237",
        "stone": "6350.29318",
        "~t tonne metric-ton": "1e6",
        "ton": "1e6",
        "carat": "0.2",
        "quintal": "100000",
    },
    "short mass": {"ton": "2000", "pound lb": "1"},
    "volume": {
        "~L ~l ~liter ~litre": "1",
        "cc": "1e-3",
        "gal gallon": "3.785411784",
        "qt quart": "0.946352946",
        "pt pint": "0.473176473",
        "cup": "0.2365882365",
        "tbsp tablespoon": "0.01478676478125",
        "tsp teaspoon": "0.00492892159375",
        "floz": "0.0295735295625",
        "barrel": "158.987294928",
    },
    "area": {"acre": "4046.8564224", "ha hectare": "10000", "are": "100"},
    "speed": {
        "mph": "0.44704",
        "kph kmh kmph": "5/18",
        "kn knot kt": "463/900",
        "mps": "1",
        "fps": "0.3048",
    },
    "age": {
        "month mo mth": "1",
        "quarter": "3",
        "year yr y": "12",
        "decade": "120",
        "century centurie": "1200",
        "millennium millennia": "12000",
    },
    "angle": {
        "° degree deg": "1",
        "arcmin arcminute": "1/60",
        "arcsec arcsecond": "1/3600",
        "turn revolution": "360",
    },
    "radian": {"~rad ~radian": "1"},
    "celsius": {"°C celsius centigrade": "1"},
    "fahrenheit": {"°F fahrenheit": "1"},
    "temperature": {"~K ~kelvin": "1"},
    "morning": {"am": "1"},
    "afternoon": {"pm": "1"},
    "force": {"~N ~newton": "1", "lbf": "4.4482216152605", "dyn dyne": "1e-5"},
    "energy": {
        "~J ~joule": "1",
        "~cal ~calorie": "4.184",
        "~Wh watt-hour": "3600",
        "~eV electronvolt electron-volt": "1.602176634e-19",
        "BTU": "1055.05585262",
        "erg": "1e-7",
        "Nm": "1",
    },
    "power": {"~W ~watt": "1", "hp horsepower": "745.69987158227022"},
    "pressure": {
        "~Pa ~pascal": "1",
        "~bar": "1e5",
        "atm atmosphere": "101325",
        "psi": "6894.757293168",
        "mmHg torr": "133.322387415",
    },
    "voltage": {"~V ~volt": "1"},
    "current": {"~A ~amp ~ampere": "1"},
    "charge": {"~C ~coulomb": "1"},
    "resistance": {"~Ω ~ohm": "1"},
    "capacitance": {"~F ~farad": "1"},
    "inductance": {"~H ~henry henrie": "1"},
    "magnetism": {"~T ~tesla": "1", "gauss": "1e-4"},
    "flux": {"~Wb ~weber": "1"},
    "conductance": {"~S ~siemens": "1"},
    "amount": {"~mol ~mole": "1"},
    "concentration": {"~M ~molar": "1"},
    "light": {"~lm ~lumen": "1"},
    "illuminance": {"lx lux": "1"},
    "intensity": {"cd candela": "1"},
    "activity": {"~Bq ~becquerel": "1", "~Ci ~curie": "3.7e10"},
    "dose": {"~Sv ~sievert": "1"},
    "absorbed dose": {"~Gy ~gray": "1"},
    "frequency": {"~Hz ~hertz": "1", "rpm": "1/60"},
    "loudness": {"dB decibel": "1"},
    "acidity": {"pH": "1"},
    "bits": {"~bit ~b": "1", "~B ~byte": "8"},
    "bit rate": {"~bps": "1", "~Bps": "8"},
    "binary bits": {
        "bit b": "1",
        "B byte": "8",
        "KiB KB kB kibibyte kilobyte": "8192",
        "MiB MB mebibyte megabyte": "8388608",
        "GiB GB gibibyte gigabyte": "8589934592",
        "TiB TB tebibyte terabyte": "8796093022208",
    },
    "dollar": {"$ US$ dollar USD buck": "1", "¢ cent": "1/100"},
    "euro": {"€ euro EUR": "1", "cent": "1/100"},
    "sterling": {"£ GBP pound quid": "1", "pence penny penn": "1/100"},
    "yen": {"¥ yen JPY 円": "1"},
    "yuan": {"¥ yuan CNY RMB renminbi 元": "1"},
    "indian rupee": {"₹ INR Rs rupee": "1", "paise paisa": "1/100"},
    "pakistani rupee": {"PKR Rs rupee": "1"},
    "won": {"₩ won KRW 원": "1"},
    "ruble": {"₽ ruble rouble RUB руб рубль рубля рублей": "1"},
    "franc": {"CHF franc": "1"},
    "real": {"R$ BRL reai": "1"},
    "lira": {"₺ TRY lira": "1"},
    "shekel": {"₪ ILS shekel": "1"},
    "peso": {"MXN peso": "1"},
    "philippine peso": {"₱ PHP peso": "1"},
    "baht": {"฿ THB baht": "1"},
    "dong": {"₫ VND dong": "1"},
    "hryvnia": {"₴ UAH hryvnia": "1"},
    "naira": {"₦ NGN naira": "1"},
    "taka": {"৳ BDT taka": "1"},
    "zloty": {"zł PLN zloty złoty": "1"},
    "krona": {"SEK kr krona kronor": "1"},
    "norwegian krone": {"NOK kr krone kroner": "1"},
    "danish krone": {"DKK kr krone kroner": "1"},
    "bitcoin": {"₿ BTC bitcoin": "1"},
    **{
        code: {f"{code} {sign}": "1"}
        for code, sign in (
            pair.split("=")
            for pair in [
                "CAD=C$",
                "AUD=A$",
                "NZD=NZ$",
                "HKD=HK$",
                "SGD=S$",
                "TWD=NT$",
                "CZK=Kč",
                "HUF=forint",
                "ZAR=rand",
                "AED=dirham",
                "SAR=riyal",
                "IDR=rupiah",
                "MYR=ringgit",
                "KES=KSh",
                "EGP=E£",
                "ARS=AR$",
                "CLP=CLP$",
                "COP=COL$",
                "PEN=S/",
            ]
        )
    },
}
# The same kinds as products of powers, so that a liter is 1000 cubic centimeters.
DERIVED: dict[str, tuple[dict[str, int], Fraction]] = {
    "volume": ({"length": 3}, Fraction(1, 1000)),
    "area": ({"length": 2}, Fraction(1)),
    "speed": ({"length": 1, "time": -1}, Fraction(1)),
    "frequency": ({"time": -1}, Fraction(1)),
    "force": ({"mass": 1, "length": 1, "time": -2}, Fraction(1000)),
    "energy": ({"mass": 1, "length": 2, "time": -2}, Fraction(1000)),
    "power": ({"mass": 1, "length": 2, "time": -3}, Fraction(1000)),
    "pressure": ({"mass": 1, "length": -1, "time": -2}, Fraction(1000)),
}


def _prefixed(name: str) -> dict[str, Fraction]:
    if not name.startswith("~"):
        return {name: Fraction(1)}
    bare = name[1:]
    prefixes = _NAME_PREFIXES if len(bare) > 3 and bare.islower() else _SYMBOL_PREFIXES
    if bare in {"bar", "rad", "bit", "cal", "bps", "ohm", "amp", "eV"}:
        prefixes = _SYMBOL_PREFIXES | _NAME_PREFIXES
    return {bare: Fraction(1), **{p + bare: Fraction(size) for p, size in prefixes.items()}}


def _by_name() -> dict[str, list[Measure]]:
    units: dict[str, list[Measure]] = {}
    for kind, table in _TABLE.items():
        for names, size in table.items():
            named = chain.from_iterable(_prefixed(name).items() for name in names.split())
            for name, factor in named:
                units.setdefault(name, []).append((kind, Fraction(size) * factor))
    return units


_UNITS = _by_name()
_BY_LOWER = {
    name.casefold(): measures
    for name, measures in _UNITS.items()
    if len(name) > 1 or not name.isascii()
}
CURRENCY_SIGNS = "$€£¥₹₩₽₺₪₱฿₫₴₦৳₿¢"

_ANY_CASE = frozenset(
    [
        "km",
        "kg",
        "cm",
        "mm",
        "lb",
        "lbs",
        "oz",
        "ft",
        "yd",
        "mi",
        "hr",
        "hrs",
        "min",
        "sec",
        "mph",
        "kph",
        "kmh",
        "khz",
        "hz",
        "kwh",
        "rs",
        "am",
        "pm",
        "ha",
        "psi",
    ]
)


def measures(name: str) -> list[Measure]:
    """Return what a unit may measure, given its name or symbol in any number and case."""
    for spelling in (name, name.removesuffix("s")):
        if spelling in _UNITS:
            return _UNITS[spelling]
    lower = name.casefold()
    # Case distinguishes symbols such as mW and MW, but not words, nor KM or Kg.
    for spelling in (lower, lower.removesuffix("s")):
        if spelling in _BY_LOWER and (len(spelling) > 3 or spelling in _ANY_CASE):
            return _BY_LOWER[spelling]
    return []
