"""A trial at a tick, for tests of what is judged by it."""

from search.judging.collapse import Moment


def moment(
    images_seen: int,
    fid: float = 50.0,
    recall: float = 0.2,
    *,
    copies: float = 0.0,
    diversity: float = 0.8,
    returned: str = "",
) -> Moment:
    return Moment(
        images_seen=images_seen,
        finite=True,
        diversity=diversity,
        diversity_features=diversity,
        fid=fid,
        recall=recall,
        copies=copies,
        returned=returned,
    )
