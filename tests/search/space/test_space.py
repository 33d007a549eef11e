import dataclasses
from typing import Any

import optuna
import pytest

from gan.config import RunConfig, flatten, resolve
from gan.data.dataset import load_pictures
from gan.data.resolution import Resolution
from gan.errors import UserError
from gan.networks.registry import NETWORKS, name_of
from gan.recipes import RECIPES
from search.plan import Plan, choose_recipes
from search.space.fields import Choice, Point, Range
from search.space.space import Space


def moved(space: Space, point: Point, field: Range | Choice) -> Point:
    """The point with that one field at another value of its range; what then no longer applies is left out."""
    if isinstance(field, Choice):
        value: Any = next(value for value in field.values if value != point[field.name])
    else:
        value = field.low if point[field.name] != field.low else field.high
    changed = {**point, field.name: value}
    wanted = {f.name for f in space.fields(changed)}
    return {name: value for name, value in changed.items() if name in wanted}


CHANGES = {
    "generator_lr": {"optimiser.generator_lr"},
    "batch_size": {"optimiser.batch_size", "regulariser.r1_gamma"},  # gamma's heuristic knows the batch
    "half_life_kimg": {"average.half_life_kimg"},
    "discriminator_lr_ratio": {"optimiser.discriminator_lr_ratio"},
    "r1_multiplier": {"regulariser.r1_gamma", "regulariser.r1_multiplier"},
    "augment": {"augment.policy"},
    "ada_target": {"augment.target"},
}


@pytest.mark.parametrize("network", NETWORKS)
def test_every_searched_field_changes_the_run(plan: Plan, network: str) -> None:
    space = dataclasses.replace(plan, recipes=(network,)).space()
    (point,) = space.first_points()
    before = flatten(space.build_run(point))
    fields = [field for field in space.fields(point) if field.name != "network"]
    assert {field.name.rpartition(".")[2] for field in fields} == {"width", *CHANGES}
    for field in fields:
        run = space.build_run(moved(space, point, field))
        after = flatten(run)
        changed = {name for name in before if before[name] != after[name]}
        assert changed, f"{field} is searched and changes nothing"
        name = field.name.rpartition(".")[2]
        if name == "width":
            assert all(other.startswith("network.") for other in changed)
        else:
            assert changed <= CHANGES[name]
        assert name_of(run.network) == network


def test_the_first_points_are_the_recipes_themselves(space: Space) -> None:
    pictures = load_pictures("armory", Resolution(height=32, width=48))
    for network, point in zip(("dcgan", "stylegan2"), space.first_points(), strict=True):
        recipe = RECIPES[network]()
        expected = dataclasses.replace(
            recipe,
            data=space.bases[network].data,
            schedule=space.bases[network].schedule,
            seed=3,
        )
        assert space.build_run(point) == resolve(expected, pictures)


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_is_a_point_of_the_space_around_it(plan: Plan, recipe: str) -> None:
    space = dataclasses.replace(plan, recipes=(recipe,)).space()
    (point,) = space.first_points()
    for field in space.fields(point):
        value = point[field.name]
        if isinstance(field, Choice):
            assert value in field.values
        else:
            assert field.low <= float(value) <= field.high
    assert isinstance(space.build_run(point), RunConfig)


def test_optuna_asks_for_a_networks_own_fields_only(space: Space) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    points = [space.point_from(study.ask()) for _ in range(40)]
    for point in points:
        others = [name for name in NETWORKS if name != point["network"]]
        assert not [name for name in point if name.split(".")[0] in others]
        assert ("ada_target" in point) == (point["augment"] == "ada")
        space.build_run(point)
    assert {str(point["network"]) for point in points} == {"dcgan", "stylegan2"}


def test_a_name_that_is_no_field_is_an_error(space: Space) -> None:
    (point, _) = space.first_points()
    with pytest.raises(AssertionError, match="learning_rate"):
        space.build_run({**point, "learning_rate": 1e-3})
    with pytest.raises(AssertionError):
        space.build_run({name: value for name, value in point.items() if name != "r1_multiplier"})


def test_one_network_alone(space: Space) -> None:
    alone = Space(bases={"dcgan": space.bases["dcgan"]})
    assert [point["network"] for point in alone.first_points()] == ["dcgan"]
    assert all("stylegan2" not in line for line in alone.describe())


def test_recipes_of_networks() -> None:
    assert choose_recipes(None, None) == ("dcgan", "stylegan2")
    assert choose_recipes(["stylegan2"], None) == ("stylegan2",)
    assert choose_recipes(None, ["tiny-dcgan"]) == ("tiny-dcgan",)
    assert choose_recipes(["dcgan", "stylegan2"], ["stylegan2-f"]) == ("dcgan", "stylegan2-f")
    for networks, recipes in ((["biggest"], None), (None, ["nothing"]), (None, ["dcgan", "tiny-dcgan"])):
        with pytest.raises(UserError):
            choose_recipes(networks, recipes)
    with pytest.raises(UserError, match="leaves out"):
        choose_recipes(["dcgan"], ["stylegan2"])


def test_a_plan_survives_its_file_and_refuses_anothers(plan: Plan) -> None:
    assert Plan.from_json(plan.to_json()) == plan
    with pytest.raises(UserError, match="another version"):
        Plan.from_json(plan.to_json().replace(b'"kimg"', b'"kilo"'))


def test_how_pictures_are_fitted_reaches_the_run(plan: Plan) -> None:
    space = dataclasses.replace(plan, fit="crop").space()
    assert {space.build_run(point).data.fit for point in space.first_points()} == {"crop"}
