"""A picture as the Sloan survey takes it: seeing, sky, noise, neighbours, and Lupton's colours."""

from io import BytesIO

import numpy as np
from astropy.visualization import make_lupton_rgb
from PIL import Image
from scipy import fft

from hubblefork.sky.light import colours, galaxy_light, sersic

# Arcseconds per pixel of the Sloan camera (Gunn et al. 1998).
PIXEL = 0.396
# Sky brightness in g, r, i, nanomaggies per pixel (22.0, 21.2, 20.3 mag/arcsec^2), and electrons
# per nanomaggie in the 54 s exposure: the noise is the square root of all electrons.
_SKY = np.array([0.25, 0.52, 1.19], dtype=np.float32)
_ELECTRONS = np.array([1050.0, 950.0, 700.0], dtype=np.float32)
# Seeing in g and i over that in r.
_SEEING = (1.08, 1.0, 0.95)
# Lupton et al. 2004: red, green and blue are i, r, g times these (D. Hogg's choice for SDSS), and
# brightness goes through asinh. `STRETCH` and `SOFTENING` were set by the sky noise and the
# profiles of real cut-outs.
_BALANCE = (0.87, 1.0, 1.40)
STRETCH, SOFTENING = 0.45, 7.5
_BLACK = [0.004, -0.002, 0.003]
_JPEG_QUALITY = 74
_SKY_ERROR = 0.004  # nanomaggies per pixel: under a tenth of a percent to 2 % of the sky
# Stars and galaxies brighter than r = 22 per square arcminute, and brightest drawn, at high
# galactic latitude (SDSS counts; Yasuda et al. 2001).
_STARS, _GALAXIES = 1.7, 3.2
_FAINT = 22.0
# Margin of the drawn field beyond the picture, arcsec: what the seeing carries in.
_MARGIN = 3.0


def photograph(galaxy: dict, random: np.random.Generator, size: int, field: float) -> np.ndarray:
    """Return a picture (size, size, 3) of uint8 of one galaxy of `draw_population`.

    `field` is the side of the picture in units of petrosian_r90.
    """
    side = field * galaxy["petrosian_r90"]
    # Native pixels, or coarser ones where native ones would be much finer than the picture's.
    scale = max(PIXEL, side / (1.35 * size))
    number = fft.next_fast_len(int(np.ceil((side + 2 * _MARGIN) / scale)), real=True)
    # The catalogue's position is good to a fraction of a pixel.
    middle = random.normal(0.0, 0.45, 2) * PIXEL
    axis = ((np.arange(number) - (number - 1) / 2) * scale).astype(np.float32)
    x = (axis - np.float32(middle[0]))[None, :].repeat(number, axis=0)
    y = (axis - np.float32(middle[1]))[:, None].repeat(number, axis=1)

    flux = np.float32(10 ** (0.4 * (22.5 - galaxy["magnitude"])))
    light = galaxy_light(galaxy, x, y, random) * flux
    if galaxy["companion"] > 0:
        light += _companion(galaxy, x, y, random) * flux
    light *= np.float32(PIXEL**2)  # nanomaggies per native pixel
    _add_neighbours(light, galaxy, random, axis, scale)
    light = _blur(light, galaxy["seeing"], scale, random)
    # A coarser pixel gathers several native ones.
    binned = np.float32(PIXEL / scale)
    variance = (np.maximum(light, 0) + _SKY[:, None, None]) / _ELECTRONS[:, None, None]
    light += random.standard_normal(light.shape, dtype=np.float32) * np.sqrt(variance) * binned
    # The survey's sky subtraction is off by a little, differently in each band.
    g, r, i = light + random.normal(0.0, _SKY_ERROR, (3, 1, 1)).astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):  # pixels without light are black
        native = make_lupton_rgb(
            i * _BALANCE[0],
            r * _BALANCE[1],
            g * _BALANCE[2],
            minimum=_BLACK,
            stretch=STRETCH,
            Q=SOFTENING,
        )
    weights = _resampling(number, size, side / size / scale)
    resampled = weights @ _through_jpeg(native).transpose(2, 0, 1).astype(np.float32) @ weights.T
    return np.rint(resampled).astype(np.uint8).transpose(1, 2, 0)


def _through_jpeg(picture: np.ndarray) -> np.ndarray:
    """Write and read a picture as the survey's cut-out service keeps it.

    It leaves the brightness noise, smoothed, and takes most of the colour noise away.
    """
    file = BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=_JPEG_QUALITY)
    return np.asarray(Image.open(file))


def _companion(
    galaxy: dict, x: np.ndarray, y: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """The other galaxy of a merger: an ellipse with light of its own."""
    angle = np.radians(galaxy["companion_angle"])
    distance = galaxy["companion_distance"] * galaxy["scale"]
    size = galaxy["scale"] * np.sqrt(galaxy["companion"]) * random.uniform(0.6, 1.4)
    shape = _ellipse(
        x - np.float32(distance * np.cos(angle)),
        y - np.float32(distance * np.sin(angle)),
        random.uniform(0.4, 1.0),
        random.uniform(0, np.pi),
    )
    colour = colours(galaxy["disc_colour"] + random.normal(0.05, 0.12))
    profile = sersic(shape, random.uniform(0.8, 2.5), size)
    return galaxy["companion"] * colour[:, None, None] * profile


def _ellipse(x: np.ndarray, y: np.ndarray, ratio: float, angle: float) -> np.ndarray:
    """Return the radius of the ellipse of the same area through each point."""
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    u, v = x * cosine + y * sine, y * cosine - x * sine
    root = np.float32(np.sqrt(ratio))
    return np.sqrt((u * root) ** 2 + (v / root) ** 2)


def _add_neighbours(
    light: np.ndarray, galaxy: dict, random: np.random.Generator, axis: np.ndarray, scale: float
) -> None:
    """Add field stars and galaxies to `light` in place."""
    area = (len(axis) * scale / 60) ** 2
    # Ellipticals live in groups, some of them rich (Dressler 1980).
    crowd = 0.7
    if galaxy["family"] in ("elliptical", "lenticular"):
        crowd = random.gamma(0.6, 4.0)
    for _ in range(random.poisson(_STARS * area)):
        _add_star(light, random, axis, scale)
    for _ in range(random.poisson(_GALAXIES * crowd * area)):
        _add_galaxy(light, galaxy, random, axis, scale)


def _faint_magnitude(random: np.random.Generator, slope: float, brightest: float) -> float:
    """Draw from counts that grow as 10^(slope m) between `brightest` and the faint limit."""
    low = 10 ** (slope * (brightest - _FAINT))
    return _FAINT + np.log10(low + (1 - low) * random.random()) / slope


def _add_star(
    light: np.ndarray, random: np.random.Generator, axis: np.ndarray, scale: float
) -> None:
    magnitude = _faint_magnitude(random, 0.20, 14.0)
    # Halo stars near g - r = 0.4 and red dwarfs near 1.4.
    red = random.random() < 0.55
    colour = random.normal(1.35, 0.12) if red else random.normal(0.45, 0.15)
    flux = colours(colour)
    if red:  # r - i of red dwarfs runs on while g - r stays.
        flux[2] *= random.uniform(1.0, 1.9)
    total = flux * np.float32(10 ** (0.4 * (22.5 - magnitude)) * (PIXEL / scale) ** 2)
    row, column = random.uniform(0, len(axis) - 1.001, 2)
    top, left = int(row), int(column)
    for down, tall in ((0, 1 - row + top), (1, row - top)):
        for right, wide in ((0, 1 - column + left), (1, column - left)):
            light[:, top + down, left + right] += total * np.float32(tall * wide)


def _add_galaxy(
    light: np.ndarray, galaxy: dict, random: np.random.Generator, axis: np.ndarray, scale: float
) -> None:
    magnitude = _faint_magnitude(random, 0.45, 16.0)
    size = 10 ** (0.16 * (19.5 - magnitude)) * random.uniform(0.5, 1.2)  # about 1.0 arcsec at 19.5
    colour = galaxy["bulge_colour"] if random.random() < 0.5 else random.normal(0.75, 0.3)
    ratio, angle = random.uniform(0.35, 1.0), random.uniform(0, np.pi)
    where = random.uniform(axis[0], axis[-1], 2)
    columns = slice(*np.searchsorted(axis, (where[0] - 6 * size, where[0] + 6 * size)))
    rows = slice(*np.searchsorted(axis, (where[1] - 6 * size, where[1] + 6 * size)))
    shape = _ellipse(
        (axis[columns] - np.float32(where[0]))[None, :],
        (axis[rows] - np.float32(where[1]))[:, None],
        ratio,
        angle,
    )
    shape = np.sqrt(shape**2 + np.float32((0.4 * scale) ** 2))
    profile = sersic(shape, random.choice([1.0, 2.0, 4.0]), size) * np.float32(PIXEL**2)
    total = colours(colour) * np.float32(10 ** (0.4 * (22.5 - magnitude)))
    light[:, rows, columns] += total[:, None, None] * profile


def _blur(
    light: np.ndarray, seeing: float, scale: float, random: np.random.Generator
) -> np.ndarray:
    """Convolve with the Moffat profile of each band, and shift the bands a little apart.

    The transform of a Moffat profile of beta 2.5 is (1 + a k) exp(-a k), k in radians per length
    (Trujillo et al. 2001 give it for any beta, with a Bessel function). Cut-outs of the survey's
    early releases put the bands together to the nearest pixel, so each is off by up to a half.
    """
    number = light.shape[-1]
    down = fft.fftfreq(number, scale).astype(np.float32)[:, None] * np.float32(2 * np.pi)
    right = fft.rfftfreq(number, scale).astype(np.float32)[None] * np.float32(2 * np.pi)
    wave = np.sqrt(down**2 + right**2)
    spectrum = fft.rfft2(light)
    shifts = random.uniform(-0.4, 0.4, (3, 2)) * PIXEL
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

    `step` is the distance of the new pixels in old ones; both lines have the same middle. Where
    pixels get coarser the triangle widens, so that nothing is skipped.
    """
    wanted = (np.arange(size) - (size - 1) / 2) * step + (number - 1) / 2
    distance = np.abs(np.arange(number)[None] - wanted[:, None])
    weights = np.maximum(1 - distance / max(step, 1.0), 0)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
