"""Networks and pictures small enough to be trained while one waits."""

from pathlib import Path

from archivecolor.settings import TrainSettings

# Options that make each network tiny, and the loss that must fall.
SMALL = {
    "default": (("encoder=lite0", "widths=16,16,16,16", "attention=1", "bins=16"), "distance"),
    "encoder-decoder": (("widths=8,16,16,32", "reconstruction=100"), "l1"),
    "unet": (("widths=8,16,16,32",), "l1"),
    "cnn": (("width=64", "dropout=0", "exposures=0"), "ms-ssim"),
    "pix2pix": (("width=8", "depth=5"), "l1"),
    "resnet-autoencoder": (("depth=18",), "mse"),
    "resnet-fcn": (("depth=18", "width=16"), "mse"),
    "unet-gan": (("width=8", "depth=5"), "l1"),
}


def quick_settings(data, output, network="unet", **more):
    """Settings that train a tiny network on tiny crops of `data` and validate on them too."""
    options, _ = SMALL[network]
    defaults = {
        "batch_size": 4,
        "size": 32,
        "device": "cpu",
        "precision": "fp32",
        "jobs": 1,
        "sample_every": 10_000,
        "validate_every": 10_000,
        "validation": (Path(data),),
        "options": options + more.pop("options", ()),
    }
    return TrainSettings(data=(Path(data),), output=Path(output), network=network, **(defaults | more))
