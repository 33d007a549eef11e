"""What a deployment may set: by flag or `serve run` argument first, then by GANVIL_* variable, then the
default.
"""

import os
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from gan.errors import UserError
from serve.texts.gpt import DEFAULT_MODEL
from serve.texts.moderation import Moderation

VARIABLES = {
    "ensemble": "GANVIL_ENSEMBLE",
    "tracking_uri": "GANVIL_TRACKING_URI",
    "runs": "GANVIL_RUNS",
    "store": "GANVIL_STORE",
    "poll_seconds": "GANVIL_POLL_SECONDS",
    "num_replicas": "GANVIL_REPLICAS",
    "max_replicas": "GANVIL_MAX_REPLICAS",
    "cpus_per_replica": "GANVIL_CPUS_PER_REPLICA",
    "gpus_per_replica": "GANVIL_GPUS_PER_REPLICA",
    "batch_size": "GANVIL_BATCH_SIZE",
    "num_stock": "GANVIL_STOCK",
    "stock_mib": "GANVIL_STOCK_MIB",
    "gpt_model": "GANVIL_GPT_MODEL",
    "gpt_calls_per_hour": "GANVIL_GPT_CALLS_PER_HOUR",
    "gpt_dollars_per_day": "GANVIL_GPT_DOLLARS_PER_DAY",
    "gpt_prices": "GANVIL_GPT_PRICES",
    "lore": "GANVIL_LORE",
    "moderation": "GANVIL_MODERATION",
    "rate_limit": "GANVIL_RATE_LIMIT",
    "key_rate_limit": "GANVIL_KEY_RATE_LIMIT",
    "anonymous": "GANVIL_ANONYMOUS",
}


class ServiceSettings(BaseModel):
    """Everything but secrets: those (GANVIL_ADMIN_TOKEN, GANVIL_API_KEYS, OPENAI_API_KEY) are read where they are
    used, never passed on.

    A name that is not here is an error, so that no setting is silently without effect.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ensemble: str = Field("models:/weapons@live", min_length=1, description="models:/NAME@ALIAS, or a folder")
    tracking_uri: str = Field("", description="MLflow's tracking URI; default: sqlite in the runs folder")
    runs: str = Field("runs", min_length=1, description="folder of the store and of downloaded ensembles")
    store: str = Field(
        "",
        repr=False,  # it may hold a password
        description="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME; default: sqlite in the runs folder",
    )
    poll_seconds: float = Field(30.0, ge=0.0, description="between looks at the model alias; 0: only when asked")
    num_replicas: int = Field(1, ge=1, le=256, description="whole services behind one address")
    max_replicas: int = Field(0, ge=0, le=256, description="over --num-replicas: up to so many as the load asks for")
    cpus_per_replica: float = Field(1.0, gt=0.0, description="Ray's share, and torch's threads")
    gpus_per_replica: float = Field(0.0, ge=0.0, description="over 0: pictures are drawn on the GPU")
    batch_size: int = Field(32, ge=1, le=1024, description="pictures drawn at once")
    num_stock: int = Field(512, ge=1, le=1_000_000, description="pictures held ready")
    stock_mib: int = Field(64, ge=1, description="MiB that they may take")
    gpt_model: str = Field(DEFAULT_MODEL, min_length=1, description="model that writes the texts")
    gpt_calls_per_hour: int = Field(120, ge=0, description="calls by each replica in any hour; 0: none")
    gpt_dollars_per_day: float = Field(0.0, ge=0.0, description="by each replica, at --gpt-prices; 0: no bound")
    gpt_prices: str = Field(
        "", pattern=r"^(\d+(\.\d+)?/\d+(\.\d+)?)?$", description="dollars for a million tokens read/written, as 0.25/2"
    )
    lore: str = Field("", description="lore.jsonl of the pictures: examples for the model, and names it may not give")
    moderation: Moderation = Field(
        "auto",
        description="OpenAI's moderation of the model's texts: on, off, or auto: where OpenAI itself writes them",
    )
    rate_limit: str = Field("", description="requests of one address without a key, as 600/minute; default: any number")
    key_rate_limit: str = Field("", description="requests with one key (GANVIL_API_KEYS); default: any number")
    anonymous: bool = Field(True, description="no: only who has a key may ask")

    @field_validator("moderation", mode="before")
    @classmethod
    def _as_written(cls, value: object) -> object:
        """YAML reads on and off as true and false."""
        return ("on" if value else "off") if isinstance(value, bool) else value

    @classmethod
    def resolve(cls, given: dict[str, object]) -> Self:
        """What was given, over what the environment says, with paths made absolute; raises UserError."""
        named = {name: os.environ[variable] for name, variable in VARIABLES.items() if os.environ.get(variable)}
        # MLflow's own variable counts as well, after ours.
        if "tracking_uri" not in named and os.environ.get("MLFLOW_TRACKING_URI"):
            named["tracking_uri"] = os.environ["MLFLOW_TRACKING_URI"]
        try:
            settings = cls.model_validate(named | given)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            if first["type"] == "extra_forbidden":
                raise UserError(f"there is no setting {name!r}; there are: {', '.join(cls.model_fields)}") from None
            came_from = "" if name in given or name not in VARIABLES else f" (from {VARIABLES[name]})"
            raise UserError(f"{name} = {first['input']!r}{came_from}: {first['msg']}") from None
        if settings.gpt_dollars_per_day and not settings.gpt_prices:
            raise UserError(
                f"gpt_dollars_per_day = {settings.gpt_dollars_per_day:g} needs gpt_prices: dollars for a million tokens"
                " read and written, as 0.25/2 (your provider's price list has them)"
            )
        return settings._absolute()

    def _absolute(self) -> Self:
        # Replicas run in other folders, perhaps: everything that names a place on this machine is made
        # absolute here.
        runs = Path(self.runs).absolute()
        is_model = self.ensemble.startswith("models:")
        return self.model_copy(
            update={
                "runs": str(runs),
                "ensemble": self.ensemble if is_model else str(Path(self.ensemble).absolute()),
                "lore": str(Path(self.lore).absolute()) if self.lore else "",
                "tracking_uri": _absolute_sqlite(self.tracking_uri) or f"sqlite:///{runs / 'mlflow.db'}",
                "store": _absolute_sqlite(self.store) or f"sqlite:///{runs / 'store.db'}",
            }
        )


def _absolute_sqlite(uri: str) -> str:
    prefix = "sqlite:///"
    path = uri.removeprefix(prefix)
    if not uri.startswith(prefix) or path in ("", ":memory:"):
        return uri
    return f"{prefix}{Path(path).absolute()}"
