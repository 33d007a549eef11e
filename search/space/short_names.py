"""Settings in the few letters that a table's column or a plot's axis has room for. Pure."""

from search.space.fields import Point, Value

_SHORT = {
    "generator_lr": "lr",
    "batch_size": "batch",
    "half_life_kimg": "EMA kimg",
    "discriminator_lr_ratio": "D/G lr",
    "r1_multiplier": "R1 x",
    "ada_target": "ADA target",
}


def short_name(field: str) -> str:
    """`lr` of `stylegan2.generator_lr`."""
    last = field.rpartition(".")[2]
    return _SHORT.get(last, last)


def short_value(value: Value) -> str:
    return value if isinstance(value, str) else format(value, ".3g")


def settings_line(point: Point) -> str:
    """`lr 0.0002, width 1, batch 32, …`: a point in a few words."""
    return ", ".join(f"{short_name(name)} {short_value(value)}" for name, value in point.items() if name != "network")
