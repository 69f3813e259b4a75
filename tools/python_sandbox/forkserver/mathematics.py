"""Typical mathematics, run once before any program, so that SymPy and NumPy are initialized."""

from contextlib import suppress


def use_sympy() -> None:
    """Do a little of everything that models use SymPy for."""
    import sympy

    x, y = sympy.symbols("x y")
    n = sympy.Symbol("n", integer=True, positive=True)
    str(sympy.factor(x**4 - 1))
    sympy.expand((x + y) ** 3)
    sympy.simplify(sympy.sin(x) ** 2 + sympy.cos(x) ** 2)
    sympy.solve(x**2 - 5 * x + 6, x)
    sympy.solve([x + y - 3, x - y - 1], [x, y])
    sympy.solve(x**3 - 2, x)
    sympy.integrate(x**2, (x, 0, 1))
    sympy.diff(sympy.sin(x) * sympy.exp(x), x)
    sympy.limit(sympy.sin(x) / x, x, 0)
    sympy.summation(n, (n, 1, 10))
    sympy.factorint(360)
    sympy.isprime(97)
    sympy.binomial(10, 3)
    sympy.Matrix([[1, 2], [3, 4]]).det()
    sympy.nsimplify(0.5)
    sympy.sqrt(8).evalf()
    str(sympy.sympify("2*x + 1"))
    sympy.latex(sympy.Rational(1, 2))


def use_numpy() -> None:
    """Load what NumPy loads on first use."""
    import numpy

    numpy.linalg.solve(numpy.eye(2), numpy.ones(2))
    str(numpy.arange(3).mean())
    numpy.random.default_rng(0).random()


if __name__ == "__main__":
    for use in (use_sympy, use_numpy):
        with suppress(ImportError):
            use()
