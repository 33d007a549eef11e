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
    """The processes that torchrun started, by NCCL on GPUs and gloo elsewhere, and this one's own device.

    Without torchrun: this process alone, on that device.
    """
    if "WORLD_SIZE" not in os.environ:
        return ALONE, device
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return World(distributed.get_rank(), distributed.get_world_size()), device


def leave_world(world: World) -> None:
    """Wait for the others and take leave."""
    if world.size > 1:
        distributed.barrier()
        distributed.destroy_process_group()
