"""A population of galaxies: physical parameters drawn from published distributions.

The sample is meant to be like the one of Galaxy Zoo 2 (Willett et al. 2013): brighter than
r = 17, larger than 3 arcseconds, at redshifts below 0.25. Every length of a galaxy is first in
units of its own scale (the disc's scale length, or a spheroid's effective radius); its brightness
and surface brightness then say how many arcseconds that is on the sky.
"""

import numpy as np
import pandas as pd

from hubblefork.sky.petrosian import petrosian_radii

# Shares of the families among the galaxies of a magnitude-limited sample (after the types of
# Nair & Abraham 2010, ApJS 186, 427, where E and S0 are 45 %, Sa to Sd 50 %, the rest odd).
FAMILIES = {
    "elliptical": 0.27,
    "lenticular": 0.16,
    "dwarf": 0.06,
    "spiral": 0.44,
    "irregular": 0.04,
    "merger": 0.03,
}

# Galaxy Zoo 2 asks for r < 17 (Petrosian) and a 90 % radius above 3 arcseconds.
FAINTEST, BRIGHTEST = 17.0, 13.0
SMALLEST = 3.0


def draw_population(random: np.random.Generator, number: int) -> pd.DataFrame:
    """Draw `number` galaxies; one row each, columns as described below.

    - family; magnitude: r, apparent; redshift; surface_brightness: mean r in the half-light
      circle, mag/arcsec^2; seeing: full width at half maximum in r, arcsec;
    - bulge_fraction: bulge-to-total ratio in r; bulge_sersic; bulge_size: effective radius;
      bulge_axis_ratio, bulge_boxiness (0 ellipse, 1 box); bulge_colour, disc_colour: g - r;
    - inclination: degrees, 90 is edge-on; thickness: z0 of sech^2(z / z0); position_angle:
      degrees; truncation: radius where the disc breaks;
    - arm_number (0: none), arm_pitch: degrees; arm_contrast (0 to 1), winding (-1 or 1),
      arm_phase: radians; clumpiness (0 to 1); disturbance (0 to 1);
    - bar_fraction of the disc's light, bar_length; ring_fraction, ring_radius; dust: optical
      depth in r through the middle, face-on;
    - companion: its flux over the galaxy's (0: none), companion_distance, companion_angle;
    - scale: the unit of the lengths above in arcsec; petrosian_r50, petrosian_r90: arcsec.

    Galaxies smaller than the sample's limit are drawn with the others; `in_sample` is False there.
    """
    names = np.array(list(FAMILIES))
    family = random.choice(names, size=number, p=list(FAMILIES.values()))
    elliptical, lenticular = family == "elliptical", family == "lenticular"
    dwarf, spiral, irregular = family == "dwarf", family == "spiral", family == "irregular"
    merger = family == "merger"

    def uniform(low: float, high: float) -> np.ndarray:
        return random.uniform(low, high, number)

    def normal(mean: float | np.ndarray, sigma: float, low: float, high: float) -> np.ndarray:
        return np.clip(random.normal(mean, sigma, number), low, high)

    def some(share: float | np.ndarray) -> np.ndarray:
        return random.random(number) < share

    # Counts grow by 10^(0.5 m), a little flatter than Euclid's 0.6 (Yasuda et al. 2001).
    depth = 0.5 * np.log(10.0)
    bright = np.exp(depth * (BRIGHTEST - FAINTEST))
    magnitude = FAINTEST + np.log(bright + (1 - bright) * random.random(number)) / depth
    # Fainter galaxies of a magnitude-limited sample are farther (Strauss et al. 2002).
    redshift = np.clip(
        random.gamma(5.0, 0.018, number) * 10 ** (0.12 * (magnitude - 16)), 0.01, 0.25
    )

    # Ellipticals: Sersic n around 4 (Caon et al. 1993), less for the faint ones; oblate with
    # intrinsic axis ratio near 0.7 (Padilla & Strauss 2008), seen from a random direction.
    inclination = np.degrees(np.arccos(random.random(number)))
    sine, cosine = np.sin(np.radians(inclination)), np.cos(np.radians(inclination))
    flat = normal(0.68, 0.16, 0.35, 1.0)
    spheroid_ratio = np.sqrt(cosine**2 + (flat * sine) ** 2)

    # Discs: bulge-to-total ratios and bulge sizes after Simard et al. 2011 and Gao et al. 2019.
    bulge_fraction = np.select(
        [elliptical, lenticular, spiral],
        [np.ones(number), random.beta(4.0, 4.0, number), random.beta(1.1, 4.5, number)],
        random.beta(1.0, 7.0, number),
    )
    bulge_sersic = np.where(
        elliptical,
        normal(4.0, 1.1, 1.5, 6.5),
        np.where(lenticular, normal(3.0, 0.8, 1.0, 4.5), normal(2.1, 0.7, 0.8, 4.0)),
    )
    bulge_size = np.where(elliptical, 1.0, normal(0.13 + 0.65 * bulge_fraction, 0.06, 0.08, 0.9))
    bulge_ratio = np.where(
        elliptical, spheroid_ratio, np.sqrt(cosine**2 + (normal(0.7, 0.1, 0.4, 0.95) * sine) ** 2)
    )
    # sech^2 heights: z0 = 2 hz, with h / hz near 7 (Kregel et al. 2002); S0s are thicker.
    thickness = np.where(lenticular, normal(0.42, 0.10, 0.2, 0.7), normal(0.24, 0.06, 0.12, 0.5))
    thickness = np.where(dwarf | irregular | merger, normal(0.55, 0.15, 0.25, 1.0), thickness)
    # Most discs break at two to three scale lengths (Pohlen & Trujillo 2006), S0s farther out.
    truncation = normal(np.where(lenticular, 3.6, 2.7), 0.6, 1.6, 5.0)

    # Arms: mostly two; pitch 6 to 40 degrees, tighter with a larger bulge (Kennicutt 1981;
    # Davis et al. 2017). Five and more stand for flocculent arms.
    arm_number = np.where(
        spiral,
        random.choice([1, 2, 3, 4, 5, 6], size=number, p=[0.07, 0.55, 0.14, 0.08, 0.08, 0.08]),
        0,
    )
    arm_pitch = normal(22 - 22 * bulge_fraction, 7.0, 6.0, 42.0)
    arm_contrast = np.where(spiral, 0.9 * random.beta(2.2, 2.2, number), 0.0)
    clumpiness = np.select(
        [spiral, irregular | merger, dwarf],
        [
            0.9 * random.beta(2.5, 2.5, number),
            random.beta(4, 2, number),
            0.25 * random.beta(1, 2, number),
        ],
        0.0,
    )
    disturbance = np.select(
        [spiral, irregular, merger],
        [random.beta(1, 6, number), random.beta(4, 3, number), random.beta(4, 2, number)],
        0.0,
    )
    # Bars in a third of discs (Masters et al. 2011), up to about 1.5 scale lengths.
    barred = (spiral & some(0.38)) | (lenticular & some(0.2)) | (irregular & some(0.2))
    bar_fraction = np.where(barred, random.beta(2, 6, number) * 0.8, 0.0)
    bar_length = normal(1.0, 0.3, 0.5, 1.8)
    ringed = (spiral & some(0.12)) | (lenticular & some(0.15))
    ring_fraction = np.where(ringed, random.beta(2, 4, number) * 0.6, 0.0)
    ring_radius = normal(1.7, 0.5, 0.9, 3.0)
    dust = np.select(
        [spiral, lenticular, irregular | merger],
        [
            random.gamma(2.0, 0.45, number),
            random.gamma(1.0, 0.12, number),
            random.gamma(1.5, 0.2, number),
        ],
        0.0,
    )
    # Boxy and peanut bulges are bars seen from the side: flat in the middle, half a scale
    # length long. Commoner here than the 0.1 % of Galaxy10 that volunteers agree on, so that a
    # sample of a few thousand holds some (looking hard, Luetticke et al. 2000 find them in 45 %
    # of edge-on discs).
    boxy = spiral & some(0.05)
    boxiness = np.where(boxy, uniform(0.7, 1.5), 0.0)
    bulge_fraction = np.where(boxy, uniform(0.25, 0.45), bulge_fraction)
    bulge_sersic = np.where(boxy, 0.7, bulge_sersic)
    bulge_size = np.where(boxy, uniform(0.45, 0.65), bulge_size)
    bulge_ratio = np.where(boxy, uniform(0.55, 0.75), bulge_ratio)

    # Colours g - r: the red sequence and the blue cloud (Blanton et al. 2003; Strateva et al.
    # 2001), redder with redshift as the 4000 A break moves through g.
    young = (elliptical & some(0.14)) | (lenticular & some(0.25))
    red = random.normal(0.68, 0.05, number) + 1.9 * redshift
    blue = random.normal(0.29, 0.14, number) + 0.25 * bulge_fraction + 0.6 * redshift
    # Dust reddens tilted discs (Masters et al. 2010 find about 0.1 mag in g - r).
    blue = blue + 0.18 * (1 - cosine)
    bulge_colour = np.select(
        [young, dwarf, spiral, irregular | merger],
        [
            normal(0.45, 0.12, 0.1, 0.75),
            blue + 0.17,
            red - normal(0.06, 0.06, -0.1, 0.3),
            blue + 0.12,
        ],
        red,
    )
    disc_colour = np.select(
        [young, dwarf, lenticular, spiral, irregular | merger],
        [
            bulge_colour - 0.05,
            blue + 0.13,
            red - normal(0.08, 0.06, 0.0, 0.3),
            blue + 0.08,
            blue - 0.05,
        ],
        red,
    )

    companion = np.where(merger & some(0.85), uniform(0.15, 1.0), 0.0)
    # Surface brightness within the half-light radius, r (Shen et al. 2003; Blanton et al. 2003).
    surface_brightness = np.select(
        [elliptical | lenticular, spiral | dwarf],
        [normal(19.6, 0.6, 18.0, 22.0), normal(20.3, 0.55, 18.6, 22.0)],
        normal(20.8, 0.6, 19.2, 22.4),
    )
    # Lines of sight through a tilted disc are longer, what dust there is apart.
    surface_brightness = surface_brightness - np.where(elliptical, 0.0, 0.6 * (1 - cosine))
    seeing = 1.2 * np.exp(random.normal(0.0, 0.10, number))

    galaxies = pd.DataFrame(
        {
            "family": family,
            "magnitude": magnitude,
            "redshift": redshift,
            "surface_brightness": surface_brightness,
            "seeing": seeing,
            "bulge_fraction": bulge_fraction,
            "bulge_sersic": bulge_sersic,
            "bulge_size": bulge_size,
            "bulge_axis_ratio": bulge_ratio,
            "bulge_boxiness": boxiness,
            "bulge_colour": bulge_colour,
            "disc_colour": disc_colour,
            "inclination": inclination,
            "thickness": thickness,
            "position_angle": uniform(0.0, 180.0),
            "truncation": truncation,
            "arm_number": arm_number,
            "arm_pitch": arm_pitch,
            "arm_contrast": arm_contrast,
            "arm_phase": uniform(0.0, 2 * np.pi),
            "winding": np.where(some(0.5), 1, -1),
            "clumpiness": clumpiness,
            "disturbance": disturbance,
            "bar_fraction": bar_fraction,
            "bar_length": bar_length,
            "ring_fraction": ring_fraction,
            "ring_radius": ring_radius,
            "dust": dust,
            "companion": companion,
            "companion_distance": uniform(0.8, 3.2),
            "companion_angle": uniform(0.0, 360.0),
        }
    )
    return _with_sizes(galaxies)


def disc_axis_ratio(galaxies: pd.DataFrame) -> np.ndarray:
    """Return the axis ratio of each disc on the sky: (N,), a flattened spheroid's formula."""
    angle = np.radians(galaxies["inclination"].to_numpy())
    # A sech^2 layer of scale z0 looks about as thick as an exponential disc of axis ratio z0 / 2.
    edge_on = 0.5 * galaxies["thickness"].to_numpy()
    return np.sqrt(np.cos(angle) ** 2 + (edge_on * np.sin(angle)) ** 2)


def _with_sizes(galaxies: pd.DataFrame) -> pd.DataFrame:
    """Add scale, petrosian_r50, petrosian_r90 (arcsec) and in_sample."""
    half, ninety = petrosian_radii(
        galaxies["bulge_fraction"].to_numpy(),
        galaxies["bulge_sersic"].to_numpy(),
        galaxies["bulge_size"].to_numpy(),
        galaxies["bulge_axis_ratio"].to_numpy(),
        disc_axis_ratio(galaxies),
        galaxies["truncation"].to_numpy(),
    )
    # Half the light lies within r50, so the mean brightness there is m + 2.5 log10(2 pi r50^2).
    area = 10 ** (0.4 * (galaxies["surface_brightness"] - galaxies["magnitude"]))
    scale = np.sqrt(area / (2 * np.pi)) / half
    # Moffat seeing widens what is measured: half of a star's light is within 0.6 of the full
    # width at half maximum, 90 % within 1.3.
    galaxies["scale"] = scale
    galaxies["petrosian_r50"] = np.hypot(scale * half, 0.6 * galaxies["seeing"])
    galaxies["petrosian_r90"] = np.hypot(scale * ninety, 1.3 * galaxies["seeing"])
    galaxies["in_sample"] = galaxies["petrosian_r90"] > SMALLEST
    return galaxies
