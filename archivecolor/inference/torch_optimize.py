"""A trained network made ready to answer: the same answers, in less time."""

from __future__ import annotations

import torch
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


def cast_weights(network: nn.Module, precision: torch.dtype) -> None:
    """Cast, in place, the weights that mixed precision would cast anew in every call.

    Args:
        network: it cannot be trained afterwards.
        precision: of its convolutions and linear layers.
    """
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            module.to(precision)
