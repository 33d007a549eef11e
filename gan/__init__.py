"""Training GANs on small sets of game art, measuring them, and choosing an ensemble of their checkpoints.

This floor knows torch, numpy, pillow, scipy, torchmetrics and clean-fid. It knows nothing of Ray, MLflow,
Optuna or HTTP: `search` and `serve` stand on it, never the other way round (tests/test_layering.py).
"""

from gan.torchvision_repair import make_torchvision_importable

make_torchvision_importable()
