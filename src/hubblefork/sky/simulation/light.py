"""The light of one galaxy before the atmosphere: bulge, disc, arms, bar, ring and dust in g, r, i.

A face-on disc is a thin sheet with spiral structure; a nearly edge-on disc is a volume of stars and
dust, integrated along each line of sight.
"""

from collections.abc import Callable

import numpy as np
from scipy import fft
from scipy.ndimage import map_coordinates

from hubblefork.sky.simulation.petrosian import sersic_b, sersic_centre

# Above this inclination (degrees) the thickness of the disc matters more than its arms.
EDGE_ON = 76.0
# Steps along a line of sight through an edge-on disc, of 4 scale lengths in both directions. The
# step, half a scale length, is small compared with the variation of the disc along it.
_STEPS = 14
# Relative strength of young arms and of dust in g, r, i; the dust as Cardelli et al. 1989.
_YOUNG = np.array([1.25, 1.0, 0.85], dtype=np.float32)
_DUST = np.array([1.40, 1.0, 0.76], dtype=np.float32)
# Sharpness of an arm's ridge: the width of exp(k (cos(phase) - 1)) with k = 2 is 120 degrees.
_RIDGE = 2.0
_RIDGE_MEAN = 0.3085
# The texture is a map of (angle, ln radius): periodic in angle, 4.5 units of ln radius.
_TEXTURE = (96, 64)
_TEXTURE_RADII = 4.5
# Looks up the two textures at (angle, ln radius).
_Look = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def colours(g_minus_r: float) -> np.ndarray:
    """Return flux in g, r, i over that in r, along the locus of galaxies and most stars.

    >>> [round(float(flux), 2) for flux in colours(0.8)]
    [0.48, 1.0, 1.42]
    """
    # r - i follows g - r for galaxies as for stars earlier than M (Fukugita et al. 1995).
    r_minus_i = 0.10 + 0.35 * g_minus_r
    return np.array([10 ** (-0.4 * g_minus_r), 1.0, 10 ** (0.4 * r_minus_i)], dtype=np.float32)


def galaxy_light(
    galaxy: dict, x: np.ndarray, y: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Return the surface brightness (3, *x.shape) in g, r, i: fluxes of 1 in r per arcsec^2.

    `galaxy` is a row of `draw_population`; `x` and `y` are offsets in arcsec from its centre
    (float32). `random` draws a texture, which differs between galaxies of the same parameters.
    """
    angle = np.radians(galaxy["position_angle"])
    along = (x * np.cos(angle) + y * np.sin(angle)) / np.float32(galaxy["scale"])
    across = (y * np.cos(angle) - x * np.sin(angle)) / np.float32(galaxy["scale"])
    grain = np.float32(abs(x[0, 1] - x[0, 0]) / galaxy["scale"])

    bulge_fraction = galaxy["bulge_fraction"]
    light = np.zeros((3, *x.shape), dtype=np.float32)
    if bulge_fraction > 0.005:
        light += _bulge(galaxy, along, across, grain) * _column(
            bulge_fraction * colours(galaxy["bulge_colour"])
        )
    if bulge_fraction < 0.995:
        if galaxy["inclination"] > EDGE_ON:
            light = _edge_on(galaxy, along, across, light)
        else:
            light += _face_on(galaxy, along, across, _texture(random))
    return light / np.float32(galaxy["scale"] ** 2)


def sersic(radius: np.ndarray, index: float, size: float) -> np.ndarray:
    """Return a round Sersic profile of flux 1 and effective radius `size` at `radius`."""
    index = float(index)
    shape = (radius * np.float32(1 / size)) ** np.float32(1 / index)
    return np.float32(sersic_centre(index, size)) * np.exp(np.float32(-sersic_b(index)) * shape)


def _column(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=np.float32)[:, None, None]


def _bulge(galaxy: dict, along: np.ndarray, across: np.ndarray, grain: np.floating) -> np.ndarray:
    """A Sersic bulge; boxy isophotes are ellipses of a power above 2 (Athanassoula et al. 1990)."""
    ratio = np.float32(galaxy["bulge_axis_ratio"])
    # A softening of 0.3 pixels approximates the mean over the central pixel.
    soft = (0.3 * grain) ** 2
    if galaxy["bulge_boxiness"] > 0.3:
        power = np.float32(2 + 2 * galaxy["bulge_boxiness"])
        radius = (np.abs(along) ** power + np.abs(across / ratio) ** power) ** (1 / power)
        radius = np.sqrt(radius**2 + soft)
    else:
        radius = np.sqrt(along**2 + (across / ratio) ** 2 + soft)
    return sersic(radius, galaxy["bulge_sersic"], galaxy["bulge_size"]) / ratio


def _face_on(galaxy: dict, along: np.ndarray, across: np.ndarray, texture: _Look) -> np.ndarray:
    """A thin disc with arms, bar and ring, of an inclination below `EDGE_ON`."""
    tilt = np.float32(max(np.cos(np.radians(galaxy["inclination"])), 0.25))
    deep = across / tilt
    radius = np.sqrt(along**2 + deep**2) + np.float32(1e-3)
    theta = np.arctan2(deep, along) * galaxy["winding"]
    log_radius = np.log(radius)
    fine, coarse = texture(theta, log_radius)

    # A disturbed disc is lopsided: its scale length depends on the direction.
    stretch = 1 + np.float32(0.35 * galaxy["disturbance"]) * coarse
    disc = np.exp(-radius * stretch) * _broken(radius, galaxy["truncation"])
    clumps = np.float32(galaxy["clumpiness"])
    young = np.exp(clumps * (fine - clumps / 2))
    if galaxy["arm_number"] > 0:
        young *= _arms(galaxy, radius, theta - np.float32(_winds(galaxy)) * log_radius, coarse)

    bar_fraction, ring_fraction = galaxy["bar_fraction"], galaxy["ring_fraction"]
    colour = colours(galaxy["disc_colour"])
    flux = (1 - bar_fraction - ring_fraction) / (2 * np.pi) * colour
    light = np.stack([np.float32(flux[band]) * disc * young ** _YOUNG[band] for band in range(3)])
    if ring_fraction > 0:
        light += _column(ring_fraction * colour * _YOUNG) * _ring(galaxy, radius, fine)
    if bar_fraction > 0:
        bar_colour = colours(galaxy["bulge_colour"] - 0.05)
        light += _column(bar_fraction * bar_colour) * _bar(galaxy, along, deep)
    light *= np.float32((1 - galaxy["bulge_fraction"]) / tilt)
    return light


def _winds(galaxy: dict) -> float:
    """Change of the angle along a logarithmic arm, in radians for a factor e in radius."""
    return 1 / np.tan(np.radians(galaxy["arm_pitch"]))


def _arms(galaxy: dict, radius: np.ndarray, angle: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Factor of the disc's brightness by the arms, mean 1; `angle` is constant along an arm."""
    # Real arms are irregular: the scatter of their phase is three quarters of a radian.
    phase = galaxy["arm_number"] * angle + galaxy["arm_phase"] + np.float32(0.75) * noise
    ridge = np.exp(_RIDGE * (np.cos(phase) - 1)) / np.float32(_RIDGE_MEAN) - 1
    # No arms within the bulge.
    outside = 1 - np.exp(-((radius / np.float32(0.45)) ** 2))
    return np.maximum(1 + np.float32(galaxy["arm_contrast"]) * outside * ridge, 0.05)


def _ring(galaxy: dict, radius: np.ndarray, fine: np.ndarray) -> np.ndarray:
    """A ring with clumps, a sixth of its radius wide, of flux near 1 seen face-on."""
    middle = galaxy["ring_radius"]
    width = 0.16 * middle
    flux = (2 * np.pi) ** 1.5 * middle * width
    gauss = np.exp(-0.5 * ((radius - np.float32(middle)) / np.float32(width)) ** 2)
    return gauss * np.exp(np.float32(0.5) * fine) / np.float32(flux)


def _bar(galaxy: dict, along: np.ndarray, deep: np.ndarray) -> np.ndarray:
    """A flat bar with rounded corners, of flux 1 seen face-on."""
    angle = galaxy["arm_phase"]
    long = galaxy["bar_length"]
    u = (along * np.float32(np.cos(angle)) + deep * np.float32(np.sin(angle))) / np.float32(long)
    v = (deep * np.float32(np.cos(angle)) - along * np.float32(np.sin(angle))) / np.float32(
        0.28 * long
    )
    radius = np.sqrt(np.sqrt(u**4 + v**4))
    # exp(-1.5 r^3) over the superellipse: its area is 3.71 r^2, the integral 2.55.
    return np.exp(np.float32(-1.5) * radius**3) / np.float32(2.55 * 0.28 * long**2)


def _broken(radius: np.ndarray, truncation: float) -> np.ndarray:
    """Truncation: beyond the break the scale length is halved (Pohlen & Trujillo 2006)."""
    return np.exp(-np.maximum(radius - np.float32(truncation), 0))


def _edge_on(galaxy: dict, along: np.ndarray, across: np.ndarray, bulge: np.ndarray) -> np.ndarray:
    """A volume exp(-R) sech^2(z / z0) with a thinner layer of dust, and the bulge in its centre.

    Light is summed from the far side to the near one, absorbed by the dust of each step. The bulge
    is added half way, behind the dust of the near side.
    """
    tilt = np.radians(galaxy["inclination"])
    sine, cosine = np.float32(np.sin(tilt)), np.float32(np.cos(tilt))
    height = np.float32(galaxy["thickness"])
    depth = np.float32(min(galaxy["truncation"] + 0.5, 4.5))
    step = 2 * depth / _STEPS
    # Total flux 1: the volume integral of exp(-R) sech^2(z / z0) is 2 pi * 2 z0.
    density = np.float32((1 - galaxy["bulge_fraction"]) * step) / (4 * np.float32(np.pi) * height)
    # Dust: optical depth through the middle face-on, in a layer a third as high as the stars.
    layer = height / 3
    opaque = np.float32(galaxy["dust"]) * step / (2 * layer)
    colour = colours(galaxy["disc_colour"])

    light = np.zeros_like(bulge)
    for count in range(_STEPS):
        place = depth - (count + np.float32(0.5)) * step  # far side first
        if count == _STEPS // 2:
            light += bulge
        deep = across * cosine + place * sine
        z = across * sine - place * cosine
        radius = np.sqrt(along**2 + deep**2)
        falling = np.exp(-radius)
        fade = np.exp(np.abs(z) * (-2 / height))
        stars = falling * _broken(radius, galaxy["truncation"]) * fade / (1 + fade) ** 2
        tau = opaque * falling * np.exp(-np.abs(z) / layer)
        clear = np.exp(-tau)
        for band in range(3):
            light[band] *= clear ** _DUST[band]
            light[band] += (4 * density * colour[band]) * stars
    return light


def _texture(random: np.random.Generator) -> _Look:
    """Draw two random maps over (angle, ln radius); return a function that interpolates them.

    Both have mean 0 and standard deviation 1: `fine` for clumps, `coarse` for the irregularity of
    arms. Angular and radial waves have the same spectrum, so clumps grow with the radius.
    """
    angles, radii = _TEXTURE
    around = np.abs(fft.fftfreq(angles, 1 / angles))[:, None]
    outward = fft.rfftfreq(radii, 1 / radii)[None] * (2 * np.pi / _TEXTURE_RADII)
    wave = np.hypot(around, outward).astype(np.float32)
    noise = fft.rfft2(random.standard_normal((2, angles, radii), dtype=np.float32))
    noise[0] *= wave / (1 + (wave / 8) ** 3)
    noise[1] *= (wave > 0) / (1 + (wave / 2.0) ** 4)
    maps = fft.irfft2(noise, s=_TEXTURE)
    maps /= maps.std(axis=(1, 2), keepdims=True)

    def look_up(theta: np.ndarray, log_radius: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        place = np.empty((2, *theta.shape), dtype=np.float32)
        place[0] = theta * np.float32(angles / (2 * np.pi))
        place[1] = (log_radius + 2) * np.float32(radii / _TEXTURE_RADII)
        fine = map_coordinates(maps[0], place, order=1, mode="grid-wrap")
        return fine, map_coordinates(maps[1], place, order=1, mode="grid-wrap")

    return look_up
