"""A refresh's report as one web page that needs nothing else: what was chosen, why, and what each member adds."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from gan.checkpoint import load_generator
from gan.ensemble.contributions import Contribution, contributions
from gan.ensemble.ensemble import Ensemble
from gan.metrics.evaluate import Scores
from gan.pixels import UInt8Array, sheet
from gan.sampling.sample import sample
from ops.candidates import CandidateStore
from ops.proposal import Proposal

COLUMNS, ROWS = 16, 3  # pictures of each choice
STRIP = 8  # samples of a member, and reals that only it reaches
RANDOM_CHECKPOINTS = 8  # that stand for all: each is fetched
TITLES = {
    "ensemble": "The ensemble",
    "best_single": "Best single checkpoint",
    "random": "Any checkpoint at random",
    "top_k": "Best by FID, one weight each",
}
GROUND = (24, 25, 33)  # the page's own panel colour


def report_page(proposal: Proposal, ensemble: Ensemble, store: CandidateStore) -> str:
    """HTML with its pictures inside. Fetches the best single checkpoint and `RANDOM_CHECKPOINTS` others."""
    pool, chosen = proposal.pool, proposal.choices["ensemble"]
    found = contributions(chosen, proposal.raw, pool.reference)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
    )
    records = {candidate.id: candidate.record for candidate in pool.stored}
    return environment.get_template("report.html").render(
        report=proposal.report(),
        picture=pool.picture,
        rows=[_row(TITLES[name], scores, proposal.held_out) for name, scores in proposal.held_out.items()],
        protocol=proposal.held_out["ensemble"],
        panels=[(title, _png(images, COLUMNS)) for title, images in _panels(proposal, ensemble, store)],
        members=[
            _member(each, proposal.held_out["ensemble"], ensemble.draw_accepted(index, STRIP), pool.pictures.images)
            | {"images_seen": records[each.id].images_seen, "network": ensemble.members[index].network}
            | {"truncation": ensemble.members[index].truncation}
            for index, each in enumerate(found)
        ],
    )


def _row(title: str, scores: Scores, everyone: dict[str, Scores]) -> dict[str, Any]:
    """A line of the table: each number with the length of its bar, a share of the largest, and whether it is best."""
    cells = []
    for name, lower, form in (
        ("fid", True, ".1f"), ("kid", True, ".3f"), ("precision", False, ".2f"), ("recall", False, ".2f"),
        ("coverage", False, ".2f"),
    ):  # fmt: skip
        values = [float(getattr(other, name)) for other in everyone.values()]
        value = float(getattr(scores, name))
        cells.append(
            {
                "text": f"{value:{form}}",
                "share": max(0.0, value) / (max(values) if max(values) > 0 else 1.0),
                "best": value == (min(values) if lower else max(values)),
            }
        )
    return {"title": title, "cells": cells}


def _panels(proposal: Proposal, ensemble: Ensemble, store: CandidateStore) -> list[tuple[str, UInt8Array]]:
    """Real pictures, then what the ensemble and the two plain choices draw from the same seeds."""
    count, reals = COLUMNS * ROWS, proposal.pool.pictures.images
    return [
        ("Real pictures", reals[np.linspace(0, len(reals) - 1, min(count, len(reals))).astype(int)]),
        (TITLES["ensemble"], ensemble.draw_mixed(range(count))),
        (TITLES["best_single"], _drawn(proposal, store, proposal.choices["best_single"].members, count)),
        (TITLES["random"], _drawn(proposal, store, _some(proposal.choices["random"].members), count)),
    ]


def _some(members: tuple[str, ...]) -> tuple[str, ...]:
    """A few, the same ones each time."""
    chance = np.random.default_rng(0)
    picked = chance.permutation(len(members))[:RANDOM_CHECKPOINTS]
    return tuple(members[place] for place in sorted(picked.tolist()))


def _drawn(proposal: Proposal, store: CandidateStore, members: tuple[str, ...], count: int) -> UInt8Array:
    """Seeds 0, 1, … `[count, c, h, w]`, the members in turn."""
    by_id = {candidate.id: candidate for candidate in proposal.pool.stored}
    images: UInt8Array | None = None
    for place, member in enumerate(members):
        generator, record = load_generator(store.fetch(by_id[member]), torch.device("cpu"))
        seeds = range(place, count, len(members))
        drawn = sample(generator, seeds, class_counts=record.class_counts)
        images = np.empty((count, *drawn.shape[1:]), dtype=np.uint8) if images is None else images
        images[place :: len(members)] = drawn
    assert images is not None
    return images


def _member(each: Contribution, whole: Scores, samples: UInt8Array, reals: UInt8Array) -> dict[str, Any]:
    only = reals[np.sort(each.only_here)]
    return {
        "id": each.id,
        "weight": each.weight,
        "alone": each.alone,
        "without": each.without,
        "whole": whole,
        "num_covered": each.num_covered,
        "num_only": len(only),
        "samples": _png(samples, STRIP),
        "only": _png(only[:STRIP], STRIP) if len(only) else None,
    }


def _png(images: UInt8Array, columns: int) -> str:
    """As a data URI, each picture at least 48 px high."""
    scale = max(1, -(-48 // images.shape[2]))
    stream = io.BytesIO()
    sheet(images, columns, scale=scale, background=GROUND).save(stream, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
