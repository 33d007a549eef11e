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
        return f"{self.name}: {self.low:.3g} .. {self.high:.3g}{' (log)' if self.log else ''}"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of some values."""

    name: str
    values: tuple[Value, ...]

    def __str__(self) -> str:
        return f"{self.name}: {', '.join(str(value) for value in self.values)}"


Field = Range | Choice
