"""Which checkpoints of a trial stay as candidates for ensembles: the best by each objective, and the last. Pure."""

from collections.abc import Sequence

from search.judging.collapse import CollapseRule, Moment

KEPT = 3
"""Of a trial, by each objective, unless --keep says otherwise."""


def candidates_kept(history: Sequence[Moment], rule: CollapseRule, total_images: float, num_best: int) -> set[int]:
    """Images seen of the ticks whose checkpoints stay: `num_best` by FID, as many by recall, and the last healthy one.

    What copies training pictures comes after all that does not. An equal FID goes to the higher recall and the other
    way round, then to the later tick.
    """
    healthy = [moment for moment in history if rule.healthy(moment, total_images)]

    def copies(moment: Moment) -> bool:
        return moment.copies > rule.most_copies

    by_fid = sorted(healthy, key=lambda m: (copies(m), m.fid, -m.recall, -m.images_seen))
    by_recall = sorted(healthy, key=lambda m: (copies(m), -m.recall, m.fid, -m.images_seen))
    return {moment.images_seen for moment in [*by_fid[:num_best], *by_recall[:num_best], *healthy[-1:]]}
