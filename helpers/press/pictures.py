"""Pictures as small PNGs, written as base64: whole, or only where they differ from another."""

import base64
import io

import numpy as np
from PIL import Image, ImageFilter


def read_pixels(png):
    """Return the pixels of a PNG, (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def encode(pixels, mask=True):
    """Return ``pixels`` (height, width, 3) in 255 colours, transparent where ``mask`` is false.

    ``mask`` is an array of (height, width), or True: nothing is transparent.
    """
    indexed = Image.fromarray(pixels).quantize(
        255, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
    )
    image = Image.fromarray(np.where(mask, np.asarray(indexed, dtype=int) + 1, 0).astype(np.uint8))
    image.putpalette([0, 0, 0, *indexed.getpalette()][: 3 * 256])
    buffer = io.BytesIO()
    image.save(buffer, "png", optimize=True, transparency=0)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def encode_cover(pixels, base):
    """Return what turns the picture ``base`` into ``pixels`` when laid over it; "" if they agree.

    A browser that shrinks both pictures mixes the pixels at the edge of the cover with those
    around, so the cover reaches at least one block of 8 x 8 pixels further than the difference.
    """
    changed = (pixels != base).any(axis=-1)
    return encode(pixels, _widen(changed)) if changed.any() else ""


def _widen(changed, block=8):
    """Return which pixels (height, width) are in a block with a changed pixel or next to one."""
    blocks = Image.fromarray(changed).convert("L").reduce(block)  # 0 where nothing has changed
    near = np.asarray(blocks.filter(ImageFilter.MaxFilter(3))) > 0
    whole = near.repeat(block, axis=0).repeat(block, axis=1)
    return whole[: changed.shape[0], : changed.shape[1]]
