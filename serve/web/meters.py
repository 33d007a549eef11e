"""What the service counts, for Prometheus: a registry of its own, so that two services in one process do not
clash.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from serve.service import Service


class Meters:
    """Requests by route, and the service's own figures read at the moment of asking."""

    def __init__(self, service: Service) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter("ganvil_requests", "Answered requests.", ["route", "status"], registry=self._registry)
        self.seconds = Histogram(
            "ganvil_request_seconds",
            "Time from a request's arrival to the end of its answer.",
            ["route"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=self._registry,
        )
        self._registry.register(_ServiceFigures(service))

        self.num_answered = 0

    def note(self, route: str, status: int, seconds: float) -> None:
        """One answered request. `num_answered` leaves out those that only look whether we live."""
        self.requests.labels(route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)
        if route not in ("/healthz", "/metrics"):
            self.num_answered += 1

    def text(self) -> bytes:
        return generate_latest(self._registry)


class _ServiceFigures(Collector):
    """Figures of the forge that is live: its counters start anew with each ensemble, as after a restart."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        forge = self._service.forge
        version = forge.ensemble.version
        counters = (
            ("ganvil_pictures_made", "Pictures drawn by the live ensemble.", forge.num_made),
            ("ganvil_pictures_refused", "Pictures that a member's polish did not let through.", forge.num_refused),
            ("ganvil_making_seconds", "Seconds spent drawing them.", forge.seconds_making),
            ("ganvil_stock_misses", "Requests that found the stock dry.", forge.num_misses),
        )
        for name, about, value in counters:
            counter = CounterMetricFamily(name, about, labels=["ensemble"])
            counter.add_metric([version], value)
            yield counter
        gauges = [
            ("ganvil_stock_pictures", "Pictures in stock.", forge.num_stock),
            ("ganvil_stock_capacity_pictures", "Pictures that the stock can hold.", forge.capacity),
            ("ganvil_store_up", "1 while the store keeps texts.", self._service.store.fault is None),
        ]
        if self._service.scribe is not None:
            gauges.append(("ganvil_texts_ahead", "Texts written ahead.", self._service.scribe.num_ahead))
        for name, about, value in gauges:
            yield GaugeMetricFamily(name, about, value=float(value))
        info = GaugeMetricFamily("ganvil_ensemble_info", "The live ensemble.", labels=["version", "fingerprint"])
        info.add_metric([version, forge.ensemble.fingerprint], 1)
        yield info
