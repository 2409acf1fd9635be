"""Pictures as cameras and programs store them: what is read of each."""

import numpy as np
import pytest
from drawn import read_one, save
from PIL import Image, ImageDraw, ImageOps


def test_a_picture_of_the_right_size_keeps_its_pixels(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3))
    save(tmp_path / "cat" / "0.png", pixels)
    assert np.allclose(read_one(tmp_path), pixels.transpose(2, 0, 1) / 255)


# How a camera stores the pixels for each orientation of the EXIF standard, so that turning them
# back shows the picture.
STORED = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_pictures_are_turned_upright(tmp_path, orientation, suffix):
    upright = np.zeros((32, 64, 3))
    upright[:16, :32] = 255  # the upper left quarter is white
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(tmp_path / "cat" / f"0.{suffix}", STORED[orientation](upright), exif=exif)
    assert np.allclose(
        read_one(tmp_path, size=(32, 64)), upright.transpose(2, 0, 1) / 255, atol=0.1
    )


@pytest.mark.parametrize("shape", [(100, 300), (300, 100), (100, 100)])
@pytest.mark.parametrize("size", [(40, 40), (20, 40), (40, 20)])
def test_nothing_is_distorted(tmp_path, shape, size):
    """A circle in the middle stays a circle in the middle, at the largest scale at which the
    picture fills ``size``.
    """
    picture = Image.new("RGB", shape[::-1])
    centre = np.array(shape[::-1]) / 2
    ImageDraw.Draw(picture).ellipse((*(centre - 25), *(centre + 24)), fill="white")
    save(tmp_path / "cat" / "0.png", picture)
    seen = read_one(tmp_path, size=size)[0] > 0.5
    radius = 25 * max(size[0] / shape[0], size[1] / shape[1])
    for axis in (0, 1):
        places = np.flatnonzero(seen.any(axis=1 - axis))
        assert places[0] == size[axis] / 2 - radius
        assert places[-1] == size[axis] / 2 + radius - 1


@pytest.mark.parametrize("size", [(32, 48), (300, 400)])
def test_a_large_photograph_is_read_as_if_decoded_in_full(tmp_path, size):
    y, x = np.mgrid[:1200, :1600]
    photograph = np.stack(
        [x * 255 / 1600, y * 255 / 1200, 128 + 100 * np.sin(x / 3) * np.cos(y / 3)], axis=-1
    )
    save(tmp_path / "cat" / "0.jpg", photograph, quality=95, subsampling=0)
    full = ImageOps.fit(
        Image.fromarray(photograph.astype(np.uint8)), size[::-1], Image.Resampling.LANCZOS
    )
    assert np.abs(read_one(tmp_path, size) - np.asarray(full).transpose(2, 0, 1) / 255).max() < 0.05


TRANSPARENT = {
    "RGBA": (Image.new("RGBA", (8, 8), (200, 0, 0, 0)), None),
    "LA": (Image.new("LA", (8, 8), (50, 0)), None),
    "P": (Image.new("RGB", (8, 8), (9, 9, 9)).quantize(2), 0),  # the index of the only colour
    "L": (Image.new("L", (8, 8), 3), 3),
    "RGB": (Image.new("RGB", (8, 8), (3, 3, 3)), (3, 3, 3)),
}


@pytest.mark.parametrize("mode", TRANSPARENT)
@pytest.mark.parametrize("colour", [True, False])
def test_transparent_pictures_lie_on_white(tmp_path, mode, colour):
    picture, clear = TRANSPARENT[mode]
    (tmp_path / "cat").mkdir()
    picture.save(tmp_path / "cat" / "0.png", **({} if clear is None else {"transparency": clear}))
    assert (read_one(tmp_path, colour=colour) == 1).all()


def test_half_transparent_black_on_white_is_grey(tmp_path):
    save(tmp_path / "cat" / "0.png", np.broadcast_to((0, 0, 0, 128), (8, 8, 4)))
    assert np.allclose(read_one(tmp_path), 1 - 128 / 255, atol=0.01)


def levels(mode):
    """A picture whose left half is black and whose right half is at about 3/4 of white, and that
    level exactly.
    """
    ramp = np.repeat([[0, 192]], 8, axis=0).repeat(4, axis=1).astype(np.uint8)
    if mode == "I;16":
        return Image.fromarray(ramp.astype(np.uint16) * 257), 192 / 255
    if mode == "1":
        return Image.fromarray(ramp > 0), 1
    if mode == "P":
        return Image.fromarray(ramp).convert("RGB").quantize(4), 192 / 255
    return Image.fromarray(ramp).convert("RGB").convert(mode), 192 / 255


QUALITY = {"WEBP": {"lossless": True}}


@pytest.mark.parametrize(
    ("mode", "format_"),
    [
        *((mode, "PNG") for mode in ("1", "L", "P", "I;16", "RGB")),
        *((mode, "JPEG") for mode in ("L", "RGB", "CMYK", "YCbCr")),
        *((mode, format_) for mode in ("L", "RGB") for format_ in ("WEBP", "BMP", "GIF")),
    ],
)
@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("name", ["0.png", "0.jpg", "0.dat", "0"])
def test_every_kind_of_picture_is_read_whatever_its_name(tmp_path, mode, format_, colour, name):
    picture, level = levels(mode)
    (tmp_path / "cat").mkdir()
    picture.save(tmp_path / "cat" / name, format_, **QUALITY.get(format_, {}))
    found = read_one(tmp_path, colour=colour)
    assert np.allclose(found[..., :4], 0, atol=0.02)
    assert np.allclose(found[..., 4:], level, atol=0.02)


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG"])
def test_of_a_moving_picture_the_first_is_taken(tmp_path, format_):
    pictures = [Image.new("RGB", (8, 8), (level,) * 3) for level in (255, 0, 0)]
    (tmp_path / "cat").mkdir()
    options = {"save_all": True, "append_images": pictures[1:]}
    pictures[0].save(tmp_path / "cat" / "0.gif", format_, **options)
    assert np.allclose(read_one(tmp_path), 1, atol=0.01)
