"""A ResNet-34 that was trained on ImageNet, as a net of the course. Nothing is fetched unasked.

Its file of weights is looked for where torchvision keeps it (``folder``). This fetches it, 87 MB:

    python -m helpers.studies.pretrained
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from helpers import nets
from helpers.files import torchvision
from helpers.files.pictures import describe_other, lay_on_white
from helpers.files.texts import read_text

URL = "https://download.pytorch.org/models/resnet34-b627a593.pth"  # 73.3 % right (torchvision)
# How torchvision prepares photographs for it: sides in pixels, then mean and deviation of the
# three colours.
SIDE, CROP = 256, 224
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MISSING = "no weights of a ResNet-34 here; python -m helpers.studies.pretrained fetches them, 87 MB"


def folder():
    """Return where torchvision keeps weights; TORCH_HOME moves it."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def find():
    """Return the path of a ResNet-34's weights in ``folder``, or None; the last name of several."""
    return max(folder().glob("resnet34-*.pth"), default=None)


def resnet34(weights, **sizes):
    """Return a ResNet-34 of the course with torchvision's weights, ready to look at images.

    weights: as for ``torchvision.renamed``, which says what it raises.
    sizes: ``classes`` and ``blocks`` of ``nets.resnet34``, if the weights are of other sizes.
    """
    net = nets.resnet34(shortcut="B", **sizes)
    net.load_state_dict(torchvision.renamed(weights, net.state_dict()))
    return net.eval()


def prepared(photograph):
    """Return a photograph, a path or what Pillow opened, as the net takes it: (1, 3, 224, 224).

    Its shorter side becomes 256 pixels, its middle is cut out, and each colour is shifted and
    scaled by ImageNet's mean and standard deviation. Raises ValueError for a file that is no
    picture, or of a kind that cannot be read, such as HEIC.
    """
    if isinstance(photograph, str | Path):
        path = Path(photograph).expanduser()
        try:
            photograph = Image.open(path)
        except UnidentifiedImageError:
            raise ValueError(f"{path} {describe_other(path)}") from None
    upright = lay_on_white(ImageOps.exif_transpose(photograph)).convert("RGB")
    scale = SIDE / min(upright.size)
    sides = [max(SIDE, int(side * scale)) for side in upright.size]
    image = upright.resize(sides, Image.Resampling.BILINEAR)
    left, top = ((side - CROP) // 2 for side in image.size)
    pixels = np.asarray(image.crop((left, top, left + CROP, top + CROP)), np.float32) / 255
    pixels = (pixels - np.float32(MEAN)) / np.float32(DEVIATION)
    return torch.as_tensor(pixels).permute(2, 0, 1)[None].contiguous()


@torch.no_grad()
def best(net, image, names=None, count=5):
    """Return the ``count`` best classes of one image (1, 3, height, width): [(name, probability)].

    names: a list of the classes' names, in their order; without it, a class is "class" and its
        number.
    """
    probabilities = net(image).softmax(dim=1)[0]
    top = probabilities.topk(min(count, len(probabilities)))
    pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
    return [(names[n] if names else f"class {n}", p) for n, p in pairs]


def class_names():
    """Return the names of the 1,000 classes, or None.

    They are the lines of imagenet_classes.txt in ``folder``. The course has no such file;
    torchvision's ``ResNet34_Weights.DEFAULT.meta["categories"]`` are the names. Raises ValueError
    for a file that has not 1,000 lines.
    """
    path = folder() / "imagenet_classes.txt"
    if not path.is_file():
        return None
    names = read_text(path).splitlines()
    if len(names) != 1000:
        raise ValueError(f"{path} has {len(names)} lines, but ImageNet has 1000 classes")
    return names


def main():
    """Fetch the weights, if they are not there, and say where they are."""
    try:
        torch.hub.load_state_dict_from_url(URL, check_hash=True, weights_only=True)
    except KeyboardInterrupt:
        sys.exit("Stopped. Run the same command again to fetch the weights.")
    except Exception as error:  # no network, another checksum, or whatever a damaged file raises
        if (path := folder() / URL.rpartition("/")[2]).exists():
            again = "move it away, and run the same command again"
            sys.exit(f"{path} cannot be read ({type(error).__name__}): {again}")
        sys.exit(f"{URL} could not be fetched into {folder()} ({error}): check network and disk")
    print(f"the weights are in {folder()}")


if __name__ == "__main__":
    main()
