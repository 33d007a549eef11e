"""Answers as they look, for the document."""

from pydantic.config import JsonDict

WEAPON: JsonDict = {
    "id": "3-2-k9x2m4-c4",
    "name": "Viperkiss, Gleam of Doubt",
    "type": "Long Blade",
    "rarity": "legendary",
    "flavour": "Drawn at the Orchard of Knives, and not yet sheathed.",
    "perks": [{"name": "Opening Gambit", "text": "The first strike of a fight cannot be parried."}],
    "member": "dcgan-7f3a-220k",
    "seed": 665618564,
    "truncation": 1.0,
    "styles": 1,
    "text_source": "grammar",
    "ensemble": "3",
    "links": {
        "self": "/weapon/3-2-k9x2m4-c4",
        "picture": "/weapon/3-2-k9x2m4-c4.png",
        "card": "/weapon/3-2-k9x2m4-c4/card.png",
        "page": "/weapons/3-2-k9x2m4-c4",
    },
}
ENSEMBLE: JsonDict = {
    "version": "3",
    "fingerprint": "5f0c9a1e7b2d4486",
    "height": 64,
    "width": 64,
    "channels": 4,
    "types": ["axe", "long_blade", "staff"],
    "members": [
        {
            "index": 0,
            "id": "stylegan2-19cd-410k",
            "network": "stylegan2",
            "weight": 0.6,
            "truncation": 1.0,
            "types": ["axe", "long_blade", "staff"],
            "realism_floor": None,
            "accepted": 1.0,
        },
        {
            "index": 1,
            "id": "dcgan-7f3a-220k",
            "network": "dcgan",
            "weight": 0.4,
            "truncation": 1.1,
            "types": [],
            "realism_floor": 0.82,
            "accepted": 0.9,
        },
    ],
    "report": {"fid_embedded": 21.8},
    "loaded_versions": ["3", "2"],
}
HEALTH: JsonDict = {
    "status": "degraded",
    "ensemble": "3",
    "stock": 480,
    "store": "ok",
    "texts": "gpt, 12 ahead",
    "faults": ["the model writes no texts, the grammar does: the budget of calls is spent"],
}
