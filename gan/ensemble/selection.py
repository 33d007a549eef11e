"""Candidates' features in, members and weights out. Pure: knows neither files nor MLflow, draws nothing.

Greedy forward selection with replacement (Caruana et al. 2004, "Ensemble selection from libraries of models",
section 2), on one half of the reals only: the mixture begins empty, and at each step one slot goes to the candidate
with which the objective (`gan.ensemble.library.Weighing`) comes out best, be it in already or not. A weight is a
share of the slots. With replacement, because then a bad candidate never has to be taken to fill a size, and because
weights come out of it without a second method. Three additions:
- `size` bounds the different members (what serving pays for), not the slots: of these there may be
  `SLOTS_A_MEMBER` as many, so that weights are fine enough. The best prefix counts, not the longest.
- then the best change of each round is made until none gains: a slot more, a slot less, a slot or a whole member
  exchanged. The choice that is best alone is rarely the best in company, and greedy never takes it back.
- the same from two more starts, the `size` lowest FIDs and the `size` that reach the most reals; the best end counts,
  so it is never below these baselines. (No single change finds two that are good only together: without the third
  start one of twelve cases of candidates made of real pictures ended 5 % above the optimum; experiments/planted.)

Exchanges try the `SHORTLIST` candidates that would do best as an addition. All are screened (`Library.screen`); the
`FINALISTS` best of each step are scored exactly and compared. Deterministic, whatever the order of the candidates.

Cost on one core for 500 candidates of 1,000 samples, 512 features, 700 reals: 13 s for the library, 14 s here.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gan.ensemble.cover import most_reached
from gan.ensemble.library import Candidate, Expected, Library
from gan.errors import UserError

SIZE = 8
SLOTS_A_MEMBER = 2
MEMORISED_OVER_FRESH = 0.1  # samples that are copies, over the share that honest fresh draws show
SHORTLIST = 48  # candidates that are tried in exchanges
FINALISTS = 6  # mixtures a step that are scored exactly
_GAIN = 1e-9  # of the objective: below it is rounding


@dataclass(frozen=True, kw_only=True)
class Vetoed:
    """A candidate that no ensemble may hold, why, and the figure."""

    id: str
    reason: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """One turn of the selection: what was done, the members by slot after it, and what they should score."""

    action: str
    members: tuple[str, ...]
    expected: Expected


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Members with weights, which sum to 1, heaviest first. `trace` is empty for choices made without steps."""

    members: tuple[str, ...]
    weights: tuple[float, ...]
    trace: tuple[Step, ...] = ()


def veto(candidates: Sequence[Candidate], *, memorised_ceiling: float) -> tuple[list[Candidate], tuple[Vetoed, ...]]:
    """The candidates that may be chosen, by id, and those that may not.

    memorised_ceiling: the highest share of copied samples; honest is `memorised_if_fresh` of the reference plus
    `MEMORISED_OVER_FRESH`. A share or features that are not finite are refused too.
    """
    allowed, vetoed = [], []
    for candidate in sorted(candidates, key=lambda candidate: candidate.id):
        if not np.isfinite(candidate.features).all():
            bad = int((~np.isfinite(candidate.features)).any(axis=1).sum())
            vetoed.append(Vetoed(id=candidate.id, reason="not finite", detail=f"{bad} samples' features"))
        elif not math.isfinite(candidate.memorised) or candidate.memorised > memorised_ceiling:
            detail = f"{candidate.memorised:.0%} of its samples, over {memorised_ceiling:.0%}"
            vetoed.append(Vetoed(id=candidate.id, reason="copies training pictures", detail=detail))
        else:
            allowed.append(candidate)
    return allowed, tuple(vetoed)


def select(library: Library, *, size: int = SIZE) -> Selection:
    """The mixture of at most `size` of the library's candidates that serves its objective best.

    Candidates that must not be chosen are to be vetoed before. Raises UserError for a size below 1.
    """
    _checked(size)
    starts = (
        _grow(library, size),
        _start(library, "lowest FIDs", library.lowest_fids(size)),
        _start(library, "most reals reached", most_reached(library, size)),
    )
    ways = [_improve(library, start, size) for start in starts]
    best = min(ways, key=lambda way: way[-1].expected.objective)
    ids = [candidate.id for candidate in library.candidates]
    trace = [
        Step(action=state.action, members=tuple(ids[slot] for slot in state.slots), expected=state.expected)
        for state in best
    ]
    return _selection([ids[slot] for slot in best[-1].slots], trace)


@dataclass(frozen=True, kw_only=True)
class _State:
    slots: tuple[int, ...]
    action: str
    expected: Expected


def _grow(library: Library, size: int) -> list[_State]:
    """Slot by slot, up to the best prefix."""
    states: list[_State] = []
    slots: tuple[int, ...] = ()
    for _ in range(SLOTS_A_MEMBER * size):
        states.append(_best(library, _with_one(library, slots, _open_to(library, slots, size), 1, "add")))
        slots = states[-1].slots
    best = min(range(len(states)), key=lambda index: states[index].expected.objective)
    return states[: best + 1]


def _start(library: Library, name: str, members: Sequence[int]) -> list[_State]:
    slots = tuple(sorted(members))
    return [_State(slots=slots, action=name, expected=library.score(slots))]


def _improve(library: Library, states: list[_State], size: int) -> list[_State]:
    """The same, followed by the best change of each round until none gains, with weights as fine as may be."""
    slots = states[-1].slots
    while True:
        best = _best(library, _changes(library, slots, size))
        if best.expected.objective < states[-1].expected.objective - _GAIN:
            states = [*states, best]
            slots = best.slots
        elif 2 * len(slots) <= SLOTS_A_MEMBER * size:
            slots = slots * 2  # the same mixture, and steps half as large
        else:
            return states


def _changes(library: Library, slots: tuple[int, ...], size: int) -> list[_State]:
    """Ways to change a mixture, screened: a slot more, a slot less, a slot or a whole member exchanged."""
    added = _with_one(library, slots, range(len(library)), 1, "add")
    order = sorted(range(len(library)), key=lambda index: added[index].expected.objective)
    likely = sorted({*order[:SHORTLIST], *slots})
    changes: list[_State] = []
    if len(slots) < SLOTS_A_MEMBER * size:
        changes += [added[index] for index in _open_to(library, slots, size)]
    for member in sorted(set(slots)):
        one_less = list(slots)
        one_less.remove(member)
        if one_less:
            dropped = library.screen(one_less[:-1], one_less[-1:])[0]
            changes.append(_State(slots=tuple(one_less), action="drop", expected=dropped))
            able = [index for index in _open_to(library, one_less, size) if index in likely]
            changes += _with_one(library, one_less, able, 1, "exchange a slot")
        others = [slot for slot in slots if slot != member]
        changes += _with_one(library, others, likely, len(slots) - len(others), "exchange a member")
    return changes


def _with_one(library: Library, slots: Sequence[int], who: Sequence[int], times: int, action: str) -> list[_State]:
    """The mixtures with each of `who` in `times` slots more, screened."""
    scores = library.screen(slots, who, times=times)
    return [
        _State(slots=(*slots, *[index] * times), action=action, expected=expected)
        for index, expected in zip(who, scores, strict=True)
    ]


def _best(library: Library, screened: Sequence[_State]) -> _State:
    """The best by exact scores, among those that look best; the first of equals."""
    different: dict[tuple[int, ...], _State] = {}
    for state in sorted(screened, key=lambda state: state.expected.objective):
        different.setdefault(tuple(sorted(state.slots)), state)
        if len(different) == FINALISTS:
            break
    exact = [dataclasses.replace(state, expected=library.score(state.slots)) for state in different.values()]
    return min(exact, key=lambda state: state.expected.objective)


def _open_to(library: Library, slots: Sequence[int], size: int) -> Sequence[int]:
    """Who may take one more slot: all, until `size` different ones are in."""
    members = sorted(set(slots))
    return members if len(members) >= size else range(len(library))


def best_single(library: Library) -> Selection:
    """The one with the lowest FID on these reals: what one would serve without an ensemble."""
    return top_by_fid(library, size=1)


def top_by_fid(library: Library, *, size: int = SIZE) -> Selection:
    """The `size` with the lowest FIDs on these reals, all with one weight: the simple baseline that is hard to beat."""
    return _selection([library.candidates[index].id for index in library.lowest_fids(size)], ())


def greedy_cover(library: Library, *, size: int = SIZE) -> Selection:
    """The `size` that together reach the most reals (gan/ensemble/cover.py), all with one weight."""
    _checked(size)
    return _selection([library.candidates[index].id for index in most_reached(library, size)], ())


def all_at_random(library: Library) -> Selection:
    """Every candidate with one weight: a random checkpoint for each picture, as the seed project did."""
    return _selection([candidate.id for candidate in library.candidates], ())


def _checked(size: int) -> None:
    if size < 1:
        raise UserError(f"ensemble size {size}: it must be 1 or more")


def _selection(slots: Sequence[str], trace: Sequence[Step]) -> Selection:
    times = {member: slots.count(member) for member in dict.fromkeys(slots)}
    members = sorted(times, key=lambda member: -times[member])
    return Selection(
        members=tuple(members),
        weights=tuple(times[member] / len(slots) for member in members),
        trace=tuple(trace),
    )
