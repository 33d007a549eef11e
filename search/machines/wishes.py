"""What a trial is to get of the machines: as asked for, by what they have, or by what trials are measured to need."""

import dataclasses
from dataclasses import dataclass

from rich.console import Console

from gan.data.dataset import PictureSet
from search.machines.cluster import Machines, TrialResources, choose_resources
from search.machines.gpu_share import AUTO, Auto, share_of
from search.machines.probe import trials_per_gpu
from search.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """Resources as asked for; None: chosen by what the machines have; AUTO: by what trials are measured to need."""

    cpus: float | None
    gpus: float | Auto | None
    max_concurrent: int | None
    processes: int = 1

    def on(self, machines: Machines) -> TrialResources:
        """What a trial gets there; UserError where not even one fits."""
        return choose_resources(
            machines,
            cpus=self.cpus,
            gpus=None if isinstance(self.gpus, str) else self.gpus,
            max_concurrent=self.max_concurrent,
            processes=self.processes,
        )

    def measured(self, plan: Plan, pictures: PictureSet, machines: Machines, console: Console) -> "Wishes":
        """With AUTO settled, by a probe where there are GPUs."""
        if self.gpus != AUTO:
            return self

        def say(text: str) -> None:
            console.print(text, highlight=False, markup=False)

        if machines.num_gpus < 1:
            say("--gpus-per-trial auto: there are no GPUs, trials take none")
            return dataclasses.replace(self, gpus=0.0)
        if self.processes > 1:
            say("--gpus-per-trial auto: processes that train together take a whole GPU each")
            return dataclasses.replace(self, gpus=1.0)
        return dataclasses.replace(self, gpus=share_of(trials_per_gpu(plan, pictures, machines, say)))
