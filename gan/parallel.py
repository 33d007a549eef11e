"""Several processes that train one run together, a GPU each: `torchrun --nproc-per-node 2 -m gan.train …`.

Each takes its share of every batch; gradients, the augmentation's sign of overfitting and what a tick tells are
averaged over all. Gradients are averaged here, once a network and step, not by DistributedDataParallel: its hooks
know neither the second derivatives of R1 and path length nor a discriminator that is called several times a step.
The shares are strided, so the groups of the minibatch standard deviation are those of one process with the whole
batch. What differs from one process: batch norm sees its own share, and each process draws its own augmentations.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as distributed
from torch import Tensor


@dataclass(frozen=True)
class World:
    """Who trains: process number `rank` of `size`."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """The first process alone writes, prints and saves."""
        return self.rank == 0

    def share(self, batch: Tensor) -> Tensor:
        """This process's part of a whole batch `[n, …]`: every `size`-th entry."""
        return batch[self.rank :: self.size]

    @torch.no_grad()
    def average(self, tensors: Sequence[Tensor]) -> None:
        """Each tensor becomes its mean over the processes, in one message; all must pass the same shapes."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.detach().float().flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        parts = (flat / self.size).split([tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def join(self, tensor: Tensor) -> Tensor:
        """`[n, …]` of every process, one after the other."""
        if self.size == 1:
            return tensor
        parts = [torch.empty_like(tensor) for _ in range(self.size)]
        distributed.all_gather(parts, tensor.contiguous())
        return torch.cat(parts)


ALONE = World()


def join_world(device: torch.device) -> tuple[World, torch.device]:
    """The processes that torchrun started, and this one's own device.

    Without torchrun: this process alone, on that device.
    """
    if "WORLD_SIZE" not in os.environ:
        return ALONE, device
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    place = World(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    return meet("env://", place, device), device


def meet(address: str, place: World, device: torch.device) -> World:
    """Wait there (`env://`, `tcp://host:port`) until all have come; NCCL on GPUs, gloo elsewhere."""
    backend = "nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, init_method=address, rank=place.rank, world_size=place.size)
    return place


def leave_world(*, alone: bool = False) -> None:
    """Wait for the others, unless this one leaves `alone`, and take leave. Nothing where there are no others."""
    if not distributed.is_initialized():
        return
    if not alone:
        distributed.barrier()
    distributed.destroy_process_group()
