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
        tally = forge.tally
        version = forge.ensemble.version
        counters = (
            ("ganvil_pictures_made", "Pictures drawn by the live ensemble.", tally.num_made),
            ("ganvil_pictures_refused", "Pictures that a member's polish did not let through.", tally.num_refused),
            ("ganvil_making_seconds", "Seconds spent drawing them.", tally.seconds_making),
            ("ganvil_stock_taken", "Pictures given out of the stock.", tally.num_taken),
            ("ganvil_stock_misses", "Requests that found the stock dry.", tally.num_misses),
            ("ganvil_stock_miss_seconds", "Seconds that they waited.", tally.seconds_missing),
            ("ganvil_stock_empty", "Requests that it had nothing for in the end: 503.", tally.num_empty),
            ("ganvil_demands", "Pictures drawn because somebody asked for just these.", tally.num_demands),
            ("ganvil_demand_seconds", "Seconds that they were waited for.", tally.seconds_demanding),
        )
        for name, about, value in counters:
            counter = CounterMetricFamily(name, about, labels=["ensemble"])
            counter.add_metric([version], value)
            yield counter
        gauges = [
            ("ganvil_stock_pictures", "Pictures in stock.", forge.num_stock),
            ("ganvil_stock_capacity_pictures", "Pictures that the stock can hold.", forge.capacity),
            ("ganvil_demands_waiting", "Pictures asked for and not yet begun.", forge.num_waiting),
            ("ganvil_store_up", "1 while the store keeps texts.", self._service.store.fault is None),
        ]
        if self._service.scribe is not None:
            gauges.append(("ganvil_texts_ahead", "Texts written ahead.", self._service.scribe.num_ahead))
        for name, about, value in gauges:
            yield GaugeMetricFamily(name, about, value=float(value))
        info = GaugeMetricFamily("ganvil_ensemble_info", "The live ensemble.", labels=["version", "fingerprint"])
        info.add_metric([version, forge.ensemble.fingerprint], 1)
        yield info
