"""What a request may carry: each with its bounds, a description and an example."""

from typing import Annotated, Literal

from fastapi import Header, Path, Query

from serve.stock.weapon_id import MAX_TRUNCATION_PERCENT, SEED_END

MOST_WEAPONS = 64
MOST_SIMILAR = 16
MOST_FRAMES = 96
VERSION_PATTERN = "^([0-9a-f]{8}|[1-9][0-9]{0,6})$"
# As WeaponId.parse reads it: version, member, a seed below 2**31, a truncation up to t150, a class.
ID_PATTERN = (
    "^([0-9a-f]{8}|[1-9][0-9]{0,6})-[0-9]{1,4}-[01ilo]?[0-9a-tv-z]{1,6}"
    "(-t(0?[0-9]{1,2}|1[0-4][0-9]|150))?(-c[0-9]{1,5})?$"
)
EXAMPLE_ID = "3-2-k9x2m4"

IdText = Annotated[
    str,
    Path(
        max_length=60,
        description="a weapon's id: it fixes ensemble version, member, seed, creativity and class",
        examples=[EXAMPLE_ID],
        json_schema_extra={"pattern": ID_PATTERN},  # told, not enforced: WeaponId says better what is wrong
    ),
]
Truncation = Annotated[
    float,
    Query(
        ge=0.0,
        le=MAX_TRUNCATION_PERCENT / 100,
        allow_inf_nan=False,
        description="creativity, in hundredths: 0 is the most typical weapon, 1 as trained, above it wild",
        examples=[0.7],
    ),
]
TypeName = Annotated[
    str | None,
    Query(
        alias="type",
        min_length=1,
        max_length=80,
        description="only this type, one of those that GET /ensemble lists; absent: any",
        examples=["axe"],
    ),
]
Seed = Annotated[
    int | None,
    Query(
        ge=0,
        lt=SEED_END,
        description="the same seed gives the same weapon, while the ensemble stays; absent: a new one",
        examples=[7],
    ),
]
NumWeapons = Annotated[int, Query(ge=1, le=MOST_WEAPONS, description="how many", examples=[4])]
NumSimilar = Annotated[int, Query(ge=1, le=MOST_SIMILAR, description="how many at most", examples=[4])]
CardSize = Annotated[
    Literal["large", "small"], Query(description="large: 1920x1080; small: 640x360", examples=["small"])
]
Frames = Annotated[int, Query(ge=8, le=MOST_FRAMES, description="pictures on the way there", examples=[16])]
Milliseconds = Annotated[int, Query(ge=20, le=1000, description="for each of them", examples=[60])]
Layer = Annotated[
    int | None,
    Query(ge=1, le=64, description="the first layer that follows the second; absent: the middle", examples=[3]),
]
MemberIndex = Annotated[int, Path(ge=0, le=9999, description="as GET /ensemble counts them", examples=[0])]
Version = Annotated[
    str | None,
    Query(pattern=VERSION_PATTERN, description="of the ensemble; absent: the live one", examples=["3"]),
]
IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match",
        description="the ETag that you hold; the answer is 304, without a body, where it still holds",
        examples=[f'W/"{EXAMPLE_ID}.png"'],
    ),
]
