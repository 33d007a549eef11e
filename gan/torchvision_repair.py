"""Makes `import torchvision` work where its wheel was built for another torch (CUDA wheel, CPU torch).

clean-fid imports torchvision, and torchmetrics does wherever it is installed. The wheel registers fake kernels
for its operators `nms` and `qnms` at import; beside a torch for which its compiled library cannot be loaded those
operators do not exist and the import fails (pytorch/vision issue 9085). Nothing here ever calls the two, so
declaring their schemas is enough. It runs on the first import of `gan`, in every process, Ray workers too.
"""

import sys

import torch

_SYMPTOM = "operator torchvision::nms does not exist"
_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_keep_alive: list[torch.library.Library] = []  # a Library's definitions vanish when it is collected


def make_torchvision_importable() -> None:
    """Import torchvision; on the one known failure declare the missing operators and import it again.

    A working torchvision is left alone, an absent one too (both parties that need it say so themselves), and any
    other error is passed on.
    """
    try:
        import torchvision
    except ModuleNotFoundError:
        return
    except RuntimeError as error:
        if _SYMPTOM not in str(error):
            raise
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]  # half imported
        library = torch.library.Library("torchvision", "DEF")
        for schema in _SCHEMAS:
            library.define(schema)
        _keep_alive.append(library)
        import torchvision  # noqa: F401
