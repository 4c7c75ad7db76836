"""Simulated SDSS images: seeing, sky, noise, neighbours, and Lupton's colours."""

from io import BytesIO

import numpy as np
from astropy.visualization import make_lupton_rgb
from PIL import Image
from scipy import fft

from hubblefork.sky.simulation.light import galaxy_light
from hubblefork.sky.simulation.neighbours import PIXEL, add_field, companion_light

# Sky brightness in g, r, i, nanomaggies per pixel (22.0, 21.2, 20.3 mag/arcsec^2), and electrons
# per nanomaggie in the 54 s exposure: the noise is the square root of all electrons.
_SKY = np.array([0.25, 0.52, 1.19], dtype=np.float32)
_ELECTRONS = np.array([1050.0, 950.0, 700.0], dtype=np.float32)
# Seeing in g and i over that in r.
_SEEING = (1.08, 1.0, 0.95)
# Lupton et al. 2004, PASP 116, 133: red, green and blue are i, r, g times these (close to D. Hogg's
# choice for SDSS), and asinh is applied to the brightness. The balance and these constants of
# `make_lupton_rgb` (in nanomaggies per pixel) were chosen by the sky, the noise and the brightness
# profiles of real cut-outs.
_BALANCE = (0.87, 1.0, 1.40)
_STRETCH, _SOFTENING = 0.45, 7.5
_BLACK = [0.004, -0.004, 0.002]
# Error of the subtracted sky, nanomaggies per pixel: 0.3 to 2 % of the sky.
_SKY_ERROR = 0.004
# With this quality the noise of the three colours is as correlated as in real cut-outs.
_JPEG_QUALITY = 74
# Scatter of the galaxy's centre, and offsets between the bands, in native pixels. In early releases
# the bands of a cut-out were aligned to the nearest pixel.
_OFF_CENTRE, _OFF_BAND = 0.45, 0.4
# Margin of the simulated field around the image, arcsec: seeing moves light into the image.
_MARGIN = 3.0


def photograph(galaxy: dict, random: np.random.Generator, size: int, field: float) -> np.ndarray:
    """Return an image (size, size, 3) of uint8 of one galaxy of `draw_population`.

    `field` is the side of the image in units of petrosian_r90.
    """
    side = field * galaxy["petrosian_r90"]
    # Native pixels, or larger ones where native ones would be much smaller than the image's.
    scale = max(PIXEL, side / (1.35 * size))
    number = fft.next_fast_len(int(np.ceil((side + 2 * _MARGIN) / scale)), real=True)
    # The error of the catalogue's position is a fraction of a pixel.
    middle = random.normal(0.0, _OFF_CENTRE, 2) * PIXEL
    axis = ((np.arange(number) - (number - 1) / 2) * scale).astype(np.float32)
    x = (axis - np.float32(middle[0]))[None, :].repeat(number, axis=0)
    y = (axis - np.float32(middle[1]))[:, None].repeat(number, axis=1)

    flux = np.float32(10 ** (0.4 * (22.5 - galaxy["magnitude"])))
    light = galaxy_light(galaxy, x, y, random) * flux
    if galaxy["companion"] > 0:
        light += companion_light(galaxy, x, y, random) * flux
    light *= np.float32(PIXEL**2)  # nanomaggies per native pixel
    add_field(light, galaxy, axis, random)
    return expose(light, galaxy["seeing"], scale, random, size, side)


def expose(
    light: np.ndarray,
    seeing: float,
    scale: float,
    random: np.random.Generator,
    size: int,
    side: float,
) -> np.ndarray:
    """Return the image (size, size, 3) of uint8 that the camera takes of `light`.

    `light` (3, n, n) is in nanomaggies per native pixel, in g, r and i; `scale` is the distance of
    its points, `seeing` the full width at half maximum, and `side` that of the image, all in
    arcsec.
    """
    light = _blur(light, seeing, scale, random)
    # A larger pixel is the mean of several native ones.
    binned = np.float32(PIXEL / scale)
    variance = (np.maximum(light, 0) + _SKY[:, None, None]) / _ELECTRONS[:, None, None]
    light += random.standard_normal(light.shape, dtype=np.float32) * np.sqrt(variance) * binned
    # The sky subtraction of the survey has a small error, different in each band.
    g, r, i = light + random.normal(0.0, _SKY_ERROR, (3, 1, 1)).astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):  # pixels without light are black
        native = make_lupton_rgb(
            i * _BALANCE[0],
            r * _BALANCE[1],
            g * _BALANCE[2],
            minimum=_BLACK,
            stretch=_STRETCH,
            Q=_SOFTENING,
        )
    weights = _resampling(light.shape[-1], size, side / size / scale)
    resampled = weights @ _through_jpeg(native).transpose(2, 0, 1).astype(np.float32) @ weights.T
    return np.rint(resampled).astype(np.uint8).transpose(1, 2, 0)


def _through_jpeg(image: np.ndarray) -> np.ndarray:
    """Compress an image as the survey's cut-out service does.

    This smooths the noise of the brightness, and removes most of the noise of the colours.
    """
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=_JPEG_QUALITY)
    return np.asarray(Image.open(file))


def _blur(
    light: np.ndarray, seeing: float, scale: float, random: np.random.Generator
) -> np.ndarray:
    """Convolve with the Moffat profile of each band, and shift the bands a little apart.

    The transform of a Moffat profile of beta 2.5 is (1 + a k) exp(-a k), k in radians per length
    (Trujillo et al. 2001 give it for any beta, with a Bessel function).
    """
    number = light.shape[-1]
    down = fft.fftfreq(number, scale).astype(np.float32)[:, None] * np.float32(2 * np.pi)
    right = fft.rfftfreq(number, scale).astype(np.float32)[None] * np.float32(2 * np.pi)
    wave = np.sqrt(down**2 + right**2)
    spectrum = fft.rfft2(light)
    shifts = random.uniform(-_OFF_BAND, _OFF_BAND, (3, 2)) * PIXEL
    shifts[1] = 0
    width = seeing / (2 * np.sqrt(2 ** (1 / 2.5) - 1))
    for band in range(3):
        reach = np.float32(width * _SEEING[band]) * wave
        spectrum[band] *= (1 + reach) * np.exp(-reach)
        if band != 1:
            spectrum[band] *= np.exp(np.complex64(-1j) * down * np.float32(shifts[band, 0]))
            spectrum[band] *= np.exp(np.complex64(-1j) * right * np.float32(shifts[band, 1]))
    return fft.irfft2(spectrum, s=light.shape[-2:])


def _resampling(number: int, size: int, step: float) -> np.ndarray:
    """Return weights (size, number) that resample a line by linear interpolation.

    `step` is the distance of the new pixels in old ones; both lines have the same centre. For a
    step above 1 the triangle widens with it, so that all old pixels contribute.
    """
    wanted = (np.arange(size) - (size - 1) / 2) * step + (number - 1) / 2
    distance = np.abs(np.arange(number)[None] - wanted[:, None])
    weights = np.maximum(1 - distance / max(step, 1.0), 0)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
