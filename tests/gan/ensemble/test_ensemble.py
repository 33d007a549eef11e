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
from gan.ensemble.ensemble import MANIFEST, Choice, load_ensemble, write_ensemble
from gan.errors import UserError
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
