"""Batch norms folded into the convolutions before them: the same answers, in less time."""

from __future__ import annotations

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norms(network: nn.Module) -> None:
    """Fold, in place, what the network's modules name in `folds`: pairs of a convolution and its norm.

    Args:
        network: in evaluation mode; it cannot be trained afterwards.
    """
    for module in network.modules():
        for convolution, norm in getattr(module, "folds", ()):
            if isinstance(getattr(module, norm), nn.BatchNorm2d):
                folded = fuse_conv_bn_eval(getattr(module, convolution), getattr(module, norm))
                setattr(module, convolution, folded)
                setattr(module, norm, nn.Identity())
