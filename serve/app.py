"""The service on Ray Serve; the only file that knows Ray. Web and generator are one deployment: a hop less.

serve run serve.app:build ensemble=models:/weapons@live
serve deploy ops/serve.yaml
python -m serve.app --ensemble runs/ensemble --port 8000
"""

import logging
import math
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

import gan
from gan.command_line import Parser, run_command
from gan.errors import UserError
from serve.assemble import assemble, check, gate_of
from serve.settings import VARIABLES, ServiceSettings
from serve.web.site import create_web

# Before ray is imported: it reads these once. Nothing of a user's machine is reported anywhere.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
import ray
from ray import serve as ray_serve

if TYPE_CHECKING:
    from fastapi import FastAPI

BUSY_REQUESTS = 8  # in one replica at once: its one interpreter answers them in turn, so more only queue
OBJECT_STORE_BYTES = 128 * 2**20  # nothing large passes between processes here


class BadArguments(click.ClickException):
    """What makes Ray's own `serve run` end with one line and code 2, as our commands do."""

    exit_code = 2


@ray_serve.ingress()
class Ganvil:
    """One replica: a whole service, its own stock included."""

    def __init__(self, settings: ServiceSettings) -> None:
        import torch

        logging.basicConfig(level=logging.INFO)
        torch.set_num_threads(max(1, int(settings.cpus_per_replica)))
        self._service = assemble(settings)
        self._app = create_web(self._service, gate_of(settings))

    def __serve_build_asgi_app__(self) -> "FastAPI":
        return self._app

    def num_answered(self) -> int:
        """Requests answered so far, those that only look whether we live left out."""
        return int(self._app.state.meters.num_answered)

    def __del__(self) -> None:
        if hasattr(self, "_service"):
            self._service.close()


def build(args: dict[str, str]) -> ray_serve.Application:
    """The application for `serve run serve.app:build NAME=VALUE …` and for Serve's YAML; raises BadArguments."""
    try:
        return application(ServiceSettings.resolve(dict(args)))
    except UserError as error:
        raise BadArguments(str(error)) from error


def application(settings: ServiceSettings) -> ray_serve.Application:
    check(settings)
    # The replica's process finds our packages wherever the command was started from.
    root = str(Path(gan.__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    deployment = ray_serve.deployment(
        Ganvil,
        name="ganvil",
        **_scale(settings),
        max_ongoing_requests=256,
        ray_actor_options={
            "num_cpus": settings.cpus_per_replica,
            "num_gpus": settings.gpus_per_replica,
            "runtime_env": {"env_vars": {"PYTHONPATH": path}},
        },
        health_check_period_s=10,
        max_constructor_retry_count=2,
    )
    return deployment.bind(settings)


def _scale(settings: ServiceSettings) -> dict[str, Any]:
    """A fixed number of replicas, or as many as requests wait for."""
    if settings.max_replicas <= settings.num_replicas:
        return {"num_replicas": settings.num_replicas}
    bounds = {"min_replicas": settings.num_replicas, "max_replicas": settings.max_replicas}
    # Half a minute each would be Ray's own; a replica needs some ten seconds to warm besides.
    pace = {"upscale_delay_s": 10.0, "look_back_period_s": 15.0}
    return {"autoscaling_config": {**bounds, **pace, "target_ongoing_requests": BUSY_REQUESTS}}


def main(arguments: list[str] | None = None) -> int:
    """The command; 0 after Ctrl-C or the one request, 2 with one line for the user's error."""
    flags = parser().parse_args(arguments)
    given = {name: value for name, value in vars(flags).items() if name in VARIABLES and value is not None}

    def command() -> None:
        settings = ServiceSettings.resolve(given)
        demand_free_port(flags.host, flags.port)
        run(settings, host=flags.host, port=flags.port, once=flags.once)

    return run_command("serve", command)


def run(settings: ServiceSettings, *, host: str, port: int, once: bool) -> None:
    """Runs the service on a Ray of its own in this machine until Ctrl-C, SIGTERM, or the first
    request.
    """
    app = application(settings)
    # Ray counts CPUs only to place work: more replicas than cores shall be slow, not wait for cores for ever.
    most = max(settings.num_replicas, settings.max_replicas)
    num_cpus = max(os.cpu_count() or 1, math.ceil(most * settings.cpus_per_replica))
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: _stop(ended))
    try:
        ray.init(
            address="local",
            num_cpus=num_cpus,
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
        logging.getLogger("ray.serve").setLevel(logging.ERROR)
        ray_serve.start(http_options={"host": host, "port": port})
        try:
            handle = ray_serve.run(app)
        except RuntimeError as error:
            raise UserError(f"the service did not start: {_cause()}") from error
        shown = f"[{host}]" if ":" in host else host
        print(f"Ganvil serves on http://{shown}:{port} (Ctrl-C stops)", flush=True)
        while not ended.wait(0.5):
            if once and handle.num_answered.remote().result(timeout_s=30) > 0:
                ended.wait(1.0)  # the answer's last bytes
                break
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        ray.shutdown()


def demand_free_port(host: str, port: int) -> None:
    """Raises UserError when nothing can listen there."""
    if not 0 < port < 65536:
        raise UserError(f"--port {port} is no port: choose one from 1 to 65535")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise UserError(f"cannot listen on {host}:{port}: {error.strerror}; choose another with --port") from None


def parser() -> Parser:
    about = ServiceSettings.model_fields
    made = Parser(
        prog="python -m serve.app",
        description="Serves random new weapons of an ensemble, on a Ray of its own.\n"
        "Each setting can also come from its environment variable; a flag goes first.",
        epilog="GANVIL_ADMIN_TOKEN, when set, is demanded by POST /ensemble/refresh as a bearer token.\n"
        "GANVIL_API_KEYS: keys, parted by commas, that may come with requests (X-API-Key: KEY).\n"
        "OPENAI_API_KEY or OPENAI_BASE_URL lets a model write the texts; otherwise a grammar does.\n\n"
        "  python -m serve.app --ensemble models:/weapons@live --port 8000\n"
        "  python -m serve.app --ensemble runs/ensemble --once",
    )
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    made.add_argument("--port", type=int, default=8000, help="port to listen on (default: 8000)")
    made.add_argument("--once", action="store_true", help="stop after one request has been answered")
    for name, variable in VARIABLES.items():
        field = about[name]
        default = f"default: {field.default}; " if field.default != "" else ""
        text = f"{field.description or name.replace('_', ' ')} ({default}{variable})"
        made.add_argument(f"--{name.replace('_', '-')}", help=text.replace("%", "%%"))
    return made


def _stop(ended: threading.Event) -> NoReturn:
    ended.set()
    raise KeyboardInterrupt


def _cause() -> str:
    """Why the last deployment failed, in Serve's words, its last line: that is the exception."""
    status: Any = ray_serve.status()
    for app in status.applications.values():
        for deployment in app.deployments.values():
            lines = [line.strip() for line in deployment.message.splitlines() if line.strip()]
            if lines:
                return str(lines[-1])
    return "the reason is in Ray's logs under /tmp/ray/session_latest/logs"


if __name__ == "__main__":
    # Under the module's own name, or Ray would look for the deployment's class in a worker's __main__.
    from serve.app import main as named_main

    sys.exit(named_main())
