"""The U-Net of image-to-image translation (Isola et al., "pix2pix", 2016): halved until one cell is left."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archivecolor.networks.classic.blocks import conv_block, init_normal, up_block
from archivecolor.networks.classic.self_attention import SelfAttention

_WIDEST = 8  # times the first layer's channels
_DROPOUT_STEPS = 3
_ATTENDED = 3  # the map after so many more halvings than one


class DeepUnet(nn.Module):
    """`depth` halvings and as many doublings with skips between them.

    Args:
        inputs: channels in.
        outputs: channels out.
        width: channels after the first halving.
        depth: halvings.
        attention: self-attention on the map at 1/16.
    """

    def __init__(self, inputs: int, outputs: int, width: int, depth: int, *, attention: bool = False) -> None:
        super().__init__()
        widths = [width * min(_WIDEST, 2**index) for index in range(depth)]
        pairs = zip([inputs, *widths], widths, strict=False)
        self.down = nn.ModuleList(conv_block(*pair, 4, 2, norm=index > 0) for index, pair in enumerate(pairs))
        self.up = nn.ModuleList()
        coarse = widths[-1]
        for index, skip in enumerate(widths[-2::-1]):
            self.up.append(up_block(coarse, skip, dropout=index < _DROPOUT_STEPS))
            coarse = 2 * skip
        self.out = nn.ConvTranspose2d(coarse, outputs, 4, stride=2, padding=1)
        self.apply(init_normal)
        self.attended = min(_ATTENDED, depth - 1)
        self.attention = SelfAttention(widths[self.attended]) if attention else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W), H and W multiples of 2 ** depth, to (N, outputs, H, W), -1..1."""
        maps = []
        for index, step in enumerate(self.down):
            x = step(x)
            if index == self.attended:
                x = self.attention(x)
            maps.append(x)
        for step, skip in zip(self.up, maps[-2::-1], strict=True):
            x = torch.cat((step(x), skip), dim=1)
        return torch.tanh(self.out(x))
