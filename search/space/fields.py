"""What a point of the space is made of: named values, each from a range or a list. Pure."""

from dataclasses import dataclass

Value = str | float | int
Point = dict[str, Value]


@dataclass(frozen=True, kw_only=True)
class Range:
    """A number between low and high, by its logarithm or not."""

    name: str
    low: float
    high: float
    log: bool

    def __str__(self) -> str:
        low, high = (f"{float(format(bound, '.3g')):g}" for bound in (self.low, self.high))  # 1000, not 1e+03
        return f"{self.name}: {low} .. {high}{' (log)' if self.log else ''}"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of some values."""

    name: str
    values: tuple[Value, ...]

    def __str__(self) -> str:
        return f"{self.name}: {', '.join(str(value) for value in self.values)}"


Field = Range | Choice
