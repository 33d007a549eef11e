import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from gan.begin import begin
from gan.checkpoint import GENERATOR, RECORD, save_checkpoint
from gan.data.dataset import PictureSet
from gan.ensemble.ensemble import MANIFEST, POLISH, Choice, Ensemble, load_ensemble, write_ensemble
from gan.ensemble.polish import Polish, floor_for
from gan.errors import UserError
from gan.features.registry import load_feature_net
from gan.metrics.evaluate import Reference
from gan.recipes import tiny_dcgan, tiny_stylegan2


@pytest.fixture
def choices(few_pictures: PictureSet, tmp_path: Path) -> list[Choice]:
    """A plain DCGAN and a conditional StyleGAN2, one part to three."""
    style = tiny_stylegan2()
    runs = {
        "plain": tiny_dcgan(),
        "classes": dataclasses.replace(style, data=dataclasses.replace(style.data, conditional=True)),
    }
    for name, config in runs.items():
        save_checkpoint(tmp_path / name, begin(config, few_pictures, torch.device("cpu")), few_pictures)
    return [
        Choice(id="plain", checkpoint=tmp_path / "plain", weight=1.0),
        Choice(id="classes", checkpoint=tmp_path / "classes", weight=3.0, truncation=0.8),
    ]


def test_the_folder_needs_nothing_else(choices: list[Choice], tmp_path: Path) -> None:
    write_ensemble(tmp_path / "e", choices, {"note": 1})
    for choice in choices:
        (choice.checkpoint / GENERATOR).unlink()
    ensemble = load_ensemble(tmp_path / "e")
    assert [(m.id, m.weight, m.truncation, m.network) for m in ensemble.members] == [
        ("plain", 0.25, 1.0, "dcgan"),
        ("classes", 0.75, 0.8, "stylegan2"),
    ]
    assert ensemble.members[1].class_names == ("disc", "bar", "ring")
    assert ensemble.report == {"note": 1}
    assert (ensemble.channels, ensemble.height, ensemble.width) == (4, 16, 16)
    assert ensemble.version == ensemble.fingerprint[:8]
    assert load_ensemble(tmp_path / "e", version="7").version == "7"


def test_a_picture_is_its_member_seed_truncation_and_label(choices: list[Choice], tmp_path: Path) -> None:
    write_ensemble(tmp_path / "e", choices, {})
    one, two = load_ensemble(tmp_path / "e"), load_ensemble(tmp_path / "e")
    for member in (0, 1):
        together, alone = one.draw(member, [3, 4, 5]), two.draw(member, [4])
        assert abs(together[1].astype(int) - alone[0].astype(int)).max() <= 1
    assert (one.draw(1, [3], labels=[0]) != one.draw(1, [3], labels=[2])).any()
    assert (one.draw(1, [3], truncation=0.1) != one.draw(1, [3])).any()


def test_seeds_fall_to_members_by_weight(choices: list[Choice], tmp_path: Path) -> None:
    write_ensemble(tmp_path / "e", choices, {})
    ensemble = load_ensemble(tmp_path / "e")
    share = np.mean([ensemble.member_of(seed) for seed in range(400)])
    assert 0.65 < share < 0.85
    mixed = ensemble.draw_mixed([0, 1, 2, 3])
    member = ensemble.member_of(2)
    assert abs(mixed[2].astype(int) - ensemble.draw(member, [2])[0].astype(int)).max() <= 1


def test_a_type_for_a_member_without_classes_is_refused(choices: list[Choice], tmp_path: Path) -> None:
    write_ensemble(tmp_path / "e", choices, {})
    with pytest.raises(UserError, match="no classes"):
        load_ensemble(tmp_path / "e").draw(0, [1], labels=[0])


def test_the_same_choices_have_the_same_fingerprint(choices: list[Choice], tmp_path: Path) -> None:
    for name, chosen in (("a", choices), ("b", choices), ("c", choices[:1])):
        write_ensemble(tmp_path / name, chosen, {})
    a, b, c = (json.loads((tmp_path / name / MANIFEST).read_text())["fingerprint"] for name in "abc")
    assert a == b != c


def forget_weights(member: Path) -> None:
    (member / GENERATOR).unlink()


def forget_record(member: Path) -> None:
    (member / RECORD).unlink()


def poison(member: Path) -> None:
    weights = load_file(member / GENERATOR)
    weights["project.weight"][0] = float("nan")
    save_file(weights, member / GENERATOR)


def reshape(member: Path) -> None:
    weights = load_file(member / GENERATOR)
    weights["project.weight"] = weights["project.weight"][:, :1].clone()
    save_file(weights, member / GENERATOR)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (forget_weights, "cannot be read"),
        (forget_record, "not a checkpoint"),
        (poison, "not finite"),
        (reshape, "cannot be"),
    ],
)
def test_a_broken_member_is_refused_on_loading(
    spoil: Callable[[Path], None], message: str, choices: list[Choice], tmp_path: Path
) -> None:
    write_ensemble(tmp_path / "e", choices, {})
    spoil(tmp_path / "e" / "members" / "plain")
    with pytest.raises(UserError, match=message):
        load_ensemble(tmp_path / "e")


def test_no_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"does not exist: there is no ensemble\.json"):
        load_ensemble(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "message"),
    [({"weight": 0.0}, "must be over 0"), ({"weight": float("nan")}, "must be over 0")],
)
def test_weights_must_be_positive(
    change: dict[str, float], message: str, choices: list[Choice], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        write_ensemble(tmp_path / "e", [dataclasses.replace(choices[0], **change), choices[1]], {})  # type: ignore[arg-type]
    with pytest.raises(UserError, match="at least one"):
        write_ensemble(tmp_path / "e", [], {})
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".", "e"))]


def polished(choices: list[Choice], pictures: PictureSet, folder: Path, share: float = 0.5) -> Ensemble:
    """The first member gives out that share of its pictures, the second all."""
    net = load_feature_net("randconv", torch.device("cpu"))
    polish = Polish.of(Reference.build(pictures.images, net))
    write_ensemble(folder.with_name("plain-one"), choices, {})
    drawn = load_ensemble(folder.with_name("plain-one")).draw(0, range(40))
    floor = floor_for(polish.realism(net(drawn)), share)
    write_ensemble(folder, [dataclasses.replace(choices[0], realism_floor=floor), choices[1]], {}, polish=polish)
    return load_ensemble(folder)


def test_polish_says_which_seeds_are_given_out(choices: list[Choice], few_pictures: PictureSet, tmp_path: Path) -> None:
    ensemble = polished(choices, few_pictures, tmp_path / "e")
    drawn = ensemble.draw(0, range(40))
    accepted = ensemble.accepts(0, drawn)
    assert accepted.mean() == pytest.approx(0.5, abs=0.05)
    assert ensemble.accepts(1, ensemble.draw(1, range(8))).all()
    assert ensemble.accepts(0, drawn[:0]).shape == (0,)
    kept = ensemble.draw_accepted(0, 12)
    assert np.abs(kept.astype(int) - drawn[accepted][:12]).max() <= 1  # other batches, the same pictures
    assert len(ensemble.draw_accepted(0, 30, seeds=range(10, 20))) == 30


def test_a_mixed_sample_holds_only_what_is_given_out(
    choices: list[Choice], few_pictures: PictureSet, tmp_path: Path
) -> None:
    ensemble = polished(choices, few_pictures, tmp_path / "e")
    mixed = ensemble.draw_mixed(range(60))
    own = np.array([ensemble.member_of(seed) == 0 for seed in range(60)])
    realism = ensemble.realism(mixed[own])
    floor = ensemble.members[0].realism_floor
    assert floor is not None
    assert (realism >= floor * 0.99).all()  # a pixel may be 1/255 off in another batch


def test_a_floor_out_of_reach_is_said(choices: list[Choice], few_pictures: PictureSet, tmp_path: Path) -> None:
    polish = Polish.of(Reference.build(few_pictures.images, load_feature_net("randconv", torch.device("cpu"))))
    high = dataclasses.replace(choices[0], realism_floor=1e9)
    write_ensemble(tmp_path / "e", [high, choices[1]], {}, polish=polish)
    with pytest.raises(UserError, match=r"0 of .* pictures reach its realism floor"):
        load_ensemble(tmp_path / "e").draw_accepted(0, 2)


def test_a_polished_folder_without_its_reals_is_refused(
    choices: list[Choice], few_pictures: PictureSet, tmp_path: Path
) -> None:
    polished(choices, few_pictures, tmp_path / "e")
    (tmp_path / "e" / POLISH).unlink()
    with pytest.raises(UserError, match=r"polish\.safetensors.* cannot be read"):
        load_ensemble(tmp_path / "e")
