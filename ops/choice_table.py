"""The four choices side by side, as a table that reads in a terminal and in a cron mail."""

import sys

from rich import box
from rich.console import Console
from rich.table import Table

from ops.proposal import Proposal

_TITLES = {
    "ensemble": "the ensemble",
    "best_single": "best single checkpoint",
    "random": "all {num} at random",
    "top_k": "top {size} by FID, one weight",
}


def print_choices(proposal: Proposal) -> None:
    """Members with weights, then scores on the held-out reals; nothing wider than 100 columns."""
    console = Console(width=100, file=sys.stdout, highlight=False)
    chosen = proposal.choices["ensemble"]
    for member, weight in zip(chosen.members, chosen.weights, strict=True):
        console.print(f"  {weight:4.0%}  {member}", markup=False)
    scores = proposal.held_out["ensemble"]
    console.print(f"{scores.protocol}: {scores.num_samples} samples against {scores.num_reals} held-out reals")
    table = Table(box=box.SIMPLE)
    table.add_column("choice", no_wrap=True)
    for name in ("FID ↓", "KID x 1000 ↓", "precision ↑", "recall ↑", "coverage ↑"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, title in _TITLES.items():
        num = len(proposal.choices["random"].members)
        score = proposal.held_out[name]
        table.add_row(
            title.format(num=num, size=len(proposal.choices["top_k"].members)),
            f"{score.fid:.2f}",
            f"{score.kid * 1000:.1f} ± {score.kid_error * 1000:.1f}",
            f"{score.precision:.3f}",
            f"{score.recall:.3f}",
            f"{score.coverage:.3f}",
            style="bold" if name == "ensemble" else None,
        )
    console.print(table)
