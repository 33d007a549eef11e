import dataclasses
import json
import re
from pathlib import Path

import pytest

from gan.config import DataConfig, RunConfig, flatten, from_plain, resolve, to_plain
from gan.data.dataset import PictureSet
from gan.errors import UserError
from gan.recipe_file import recipe_from, recipe_text
from gan.recipes import RECIPES, recipe_named


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_survives_json(name: str) -> None:
    config = recipe_named(name)
    assert from_plain(json.loads(json.dumps(to_plain(config)))) == config


def test_unknown_recipe_names_the_known() -> None:
    with pytest.raises(UserError, match=r"unknown recipe 'sdxl'.*dcgan"):
        recipe_named("sdxl")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("network", "name"), "stylegan9", "unknown network 'stylegan9': known are "),
        (("network", "widht"), 3, "network settings have no field widht"),
        (("optimiser", "netG_lr"), 1e-3, "optimiser settings have no field netG_lr"),
        (("optimiser", "generator_lr"), "fast", "optimiser.generator_lr = 'fast'"),
        (("optimiser", "batch_size"), 1, "batch size must be 2 or more, got 1"),
        (("optimiser", "microbatch"), 5, "microbatch 5 must divide the batch size 32"),
        (("regulariser", "r1_gamma"), -1.0, "r1_gamma must be 0 or more"),
        (("augment", "policy"), "adda", "augment"),
        (("schedule", "total_kimg"), 0.0, "kimg must be over 0"),
    ],
)
def test_a_wrong_name_or_value_is_an_error(path: tuple[str, str], value: object, message: str) -> None:
    plain = to_plain(RunConfig())
    plain[path[0]][path[1]] = value
    with pytest.raises(UserError, match=message):
        from_plain(plain)


def test_a_wrong_part_is_an_error() -> None:
    with pytest.raises(UserError, match="no field optimizer"):
        from_plain({"optimizer": {}})


def test_resolving_fills_in_what_the_pictures_decide(few_pictures: PictureSet) -> None:
    resolved = resolve(RunConfig(), few_pictures)
    assert (resolved.data.height, resolved.data.width, resolved.data.channels) == (16, 16, 4)
    assert resolved.regulariser.r1_gamma == pytest.approx(0.0002 * 16 * 16 / 32)
    assert resolve(resolved, few_pictures) == resolved


def test_conditioning_needs_classes(few_pictures: PictureSet) -> None:
    unsorted = dataclasses.replace(few_pictures, class_names=())
    config = RunConfig(data=dataclasses.replace(RunConfig().data, conditional=True))
    with pytest.raises(UserError, match="no classes to condition on"):
        resolve(config, unsorted)


def test_flat_names_are_dotted_and_whole() -> None:
    flat = flatten(RunConfig())
    assert flat["network.name"] == "stylegan2"
    assert flat["optimiser.generator_lr"] == RunConfig().optimiser.generator_lr
    assert all(not isinstance(value, dict) for value in flat.values())


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_travel_as_files(name: str, tmp_path: Path) -> None:
    """All that does not hang on the pictures comes back; R1 as a multiple of the heuristic."""
    config = recipe_named(name)
    config = dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, source="icons.zip", height=64, width=48, conditional=True, fit="pad"),
        regulariser=dataclasses.replace(config.regulariser, r1_gamma=0.4, r1_multiplier=7.0),
        transfer=dataclasses.replace(config.transfer, start_from="runs/one"),
        seed=5,
    )
    file = tmp_path / "r.json"
    file.write_text(recipe_text(config))
    expected = dataclasses.replace(
        config,
        data=DataConfig(conditional=True, fit="pad"),
        regulariser=dataclasses.replace(config.regulariser, r1_gamma=None),
        transfer=dataclasses.replace(config.transfer, start_from=None),
        seed=0,
    )
    assert recipe_from(str(file)) == expected
    assert recipe_from(name) == recipe_named(name)


def test_a_recipe_without_r1_stays_without(tmp_path: Path) -> None:
    config = recipe_named("tiny-dcgan")
    config = dataclasses.replace(config, regulariser=dataclasses.replace(config.regulariser, r1_gamma=0.0))
    (tmp_path / "r.json").write_text(recipe_text(config))
    assert recipe_from(str(tmp_path / "r.json")).regulariser.r1_gamma == 0.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "it is no JSON"),
        ("[]", "needs a network"),
        ('{"network": {}}', "needs a network"),
        ('{"network": {"name": "vqgan"}}', "unknown network 'vqgan'"),
        ('{"network": {"name": "dcgan", "depth": 3}}', "have no field depth"),
        ('{"network": {"name": "dcgan"}, "optimiser": {"batch_size": "many"}}', "optimiser.batch_size = 'many'"),
    ],
)
def test_a_file_that_is_no_recipe(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(UserError, match=re.escape(message)):
        recipe_from(str(tmp_path / "r.json"))
    with pytest.raises(UserError, match="No such file"):
        recipe_from(str(tmp_path / "absent.json"))
