"""What one forge has done so far, for `/metrics` and for `/ensemble`."""

from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counts since the forge began. Written under the forge's lock or by its thread alone; read by anyone."""

    num_members: int
    num_made: int = 0  # pictures drawn, for the stock or by id
    seconds_making: float = 0.0
    num_taken: int = 0  # from the stock
    num_misses: int = 0  # takes that found it dry
    num_empty: int = 0  # and had nothing at the end of their wait
    seconds_missing: float = 0.0  # that misses waited
    num_demands: int = 0  # pictures asked for by id
    seconds_demanding: float = 0.0  # from asked to drawn
    accepted: list[int] = field(init=False)  # for the stock, by member
    refused: list[int] = field(init=False)  # by the member's polish

    def __post_init__(self) -> None:
        self.accepted = [0] * self.num_members
        self.refused = [0] * self.num_members

    @property
    def num_refused(self) -> int:
        return sum(self.refused)

    def share_accepted(self, member: int) -> float:
        """Of what the member drew for the stock so far; 1 before its first."""
        drawn = self.accepted[member] + self.refused[member]
        return self.accepted[member] / drawn if drawn else 1.0

    def furthest_behind(self, weights: list[float], num_next: int) -> int:
        """The member that lags most behind its weight, if so many are made next."""
        total, after = sum(weights), sum(self.accepted) + num_next
        behind = [weight / total * after - num for weight, num in zip(weights, self.accepted, strict=True)]
        return behind.index(max(behind))
