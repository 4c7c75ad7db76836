"""A population of galaxies: physical parameters drawn from published distributions.

The sample is similar to that of Galaxy Zoo 2 (Willett et al. 2013): brighter than r = 17, larger
than 3 arcseconds, at redshifts below 0.25. The lengths of a galaxy are in units of its scale (the
disc's scale length, or a spheroid's effective radius); the scale in arcseconds follows from its
magnitude and surface brightness.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hubblefork.sky.simulation.petrosian import petrosian_radii

# Fractions of the families among the galaxies of a magnitude-limited sample (after the types of
# Nair & Abraham 2010, ApJS 186, 427, where E and S0 are near 45 %, later types the rest).
FAMILIES = {
    "elliptical": 0.28,
    "lenticular": 0.17,
    "spiral": 0.42,
    "dwarf": 0.06,
    "irregular": 0.04,
    "merger": 0.03,
}

# Galaxy Zoo 2 selects r < 17 (Petrosian) and a 90 % radius above 3 arcseconds. Few galaxies are
# brighter than 13.
FAINTEST, BRIGHTEST = 17.0, 13.0
SMALLEST = 3.0

_Columns = dict[str, np.ndarray]


def draw_population(random: np.random.Generator, number: int) -> pd.DataFrame:
    """Draw `number` galaxies, one row each.

    Lengths are in units of `scale`, angles in degrees unless said otherwise. Columns:

    - family: one of `FAMILIES`; magnitude: apparent, r; redshift; surface_brightness: mean in the
      half-light circle, r, mag/arcsec^2; seeing: full width at half maximum in r, arcsec;
    - inclination (90 is edge-on), position_angle;
    - bulge_fraction: of the light in r; bulge_sersic: index; bulge_size: effective radius;
      bulge_axis_ratio: on the sky; bulge_boxiness: 0 an ellipse, 1 a box;
    - thickness: z0 of sech^2(z / z0); truncation: radius where the disc breaks; dust: optical
      depth in r through the middle of the disc, face-on;
    - arm_number: 0 for none, above 4 flocculent; arm_pitch; arm_contrast: 0 to 1; arm_phase:
      radians; winding: 1 or -1; clumpiness, disturbance: 0 to 1;
    - bar_fraction, ring_fraction: of the disc's light; bar_length, ring_radius;
    - bulge_colour, disc_colour: g - r;
    - companion: flux over the galaxy's, 0 for none; companion_distance, companion_angle;
    - scale, petrosian_r50, petrosian_r90: arcsec; in_sample: whether r90 is above `SMALLEST`.
    """
    family = random.choice(list(FAMILIES), size=number, p=list(FAMILIES.values()))
    draw = _Draw(random, family)
    galaxies: _Columns = {"family": family}
    for part in (_place, _bulge, _disc, _structure, _boxy_bulge, _colours, _brightness, _companion):
        galaxies |= part(draw, galaxies)
    return _with_sizes(pd.DataFrame(galaxies))


def disc_axis_ratio(galaxies: pd.DataFrame) -> np.ndarray:
    """Return the axis ratio of each disc on the sky: (N,), a flattened spheroid's formula."""
    # A sech^2 layer of scale z0 looks about as thick as an exponential disc of axis ratio z0 / 2.
    edge_on = 0.5 * galaxies["thickness"].to_numpy()
    return _tilted(edge_on, galaxies["inclination"].to_numpy())


@dataclass(frozen=True)
class _Draw:
    """Draws of one number for each galaxy, which may differ by family."""

    random: np.random.Generator
    family: np.ndarray

    def uniform(self, low: float, high: float) -> np.ndarray:
        return self.random.uniform(low, high, len(self.family))

    def normal(self, mean: float | np.ndarray, sigma: float, low: float, high: float) -> np.ndarray:
        return np.clip(self.random.normal(mean, sigma, len(self.family)), low, high)

    def beta(self, a: float, b: float) -> np.ndarray:
        return self.random.beta(a, b, len(self.family))

    def gamma(self, shape: float, mean: float) -> np.ndarray:
        return self.random.gamma(shape, mean / shape, len(self.family))

    def some(self, **fractions: float) -> np.ndarray:
        """True for a random fraction of each given family, False for the others."""
        return self.random.random(len(self.family)) < self.by_family(0.0, **fractions)

    def by_family(self, otherwise: float | np.ndarray, **values: float | np.ndarray) -> np.ndarray:
        """The value of each galaxy's family, `otherwise` for families that are not given."""
        chosen = np.broadcast_to(otherwise, self.family.shape)
        for name, value in values.items():
            chosen = np.where(self.family == name, value, chosen)
        return chosen


def _tilted(axis_ratio: np.ndarray, inclination: np.ndarray) -> np.ndarray:
    """The axis ratio on the sky of an oblate spheroid of `axis_ratio`."""
    tilt = np.radians(inclination)
    return np.sqrt(np.cos(tilt) ** 2 + (axis_ratio * np.sin(tilt)) ** 2)


def _place(draw: _Draw, galaxies: _Columns) -> _Columns:
    # Counts grow by 10^(0.5 m), a little flatter than Euclid's 0.6 (Yasuda et al. 2001).
    slope = 0.5 * np.log(10.0)
    bright = np.exp(slope * (BRIGHTEST - FAINTEST))
    magnitude = FAINTEST + np.log(draw.uniform(bright, 1.0)) / slope
    # Fainter galaxies of a magnitude-limited sample are farther (Strauss et al. 2002).
    redshift = draw.gamma(5.0, 0.09) * 10 ** (0.12 * (magnitude - 16))
    return {
        "magnitude": magnitude,
        "redshift": np.clip(redshift, 0.01, 0.25),
        # For random orientations the cosine of the inclination is uniform.
        "inclination": np.degrees(np.arccos(draw.uniform(0.0, 1.0))),
        "position_angle": draw.uniform(0.0, 180.0),
        # The median seeing of SDSS in r is 1.3 arcsec, 1.2 without the worst nights.
        "seeing": 1.2 * np.exp(draw.random.normal(0.0, 0.10, len(draw.family))),
    }


def _bulge(draw: _Draw, galaxies: _Columns) -> _Columns:
    """Ellipticals, and the bulges of other families.

    Ellipticals have Sersic n around 4 (Caon et al. 1993) and intrinsic axis ratios near 0.7
    (Padilla & Strauss 2008); bulges have smaller n and sizes (Simard et al. 2011; Gao et al. 2019).
    """
    fraction = draw.by_family(
        draw.beta(1.0, 7.0),
        elliptical=1.0,
        lenticular=draw.beta(4.0, 4.0),
        spiral=draw.beta(1.1, 4.5),
    )
    flattening = draw.by_family(
        draw.normal(0.70, 0.10, 0.40, 0.95), elliptical=draw.normal(0.68, 0.16, 0.35, 1.0)
    )
    return {
        "bulge_fraction": fraction,
        "bulge_sersic": draw.by_family(
            draw.normal(2.1, 0.7, 0.8, 4.0),
            elliptical=draw.normal(4.0, 1.1, 1.5, 6.5),
            lenticular=draw.normal(3.0, 0.8, 1.0, 4.5),
        ),
        "bulge_size": draw.by_family(
            draw.normal(0.13 + 0.65 * fraction, 0.06, 0.08, 0.9), elliptical=1.0
        ),
        "bulge_axis_ratio": _tilted(flattening, galaxies["inclination"]),
    }


def _disc(draw: _Draw, galaxies: _Columns) -> _Columns:
    puffed = draw.normal(0.55, 0.15, 0.25, 1.0)
    dusty = draw.gamma(1.5, 0.3)
    return {
        # sech^2 heights: z0 = 2 hz, with h / hz near 7 (Kregel et al. 2002); S0s are thicker.
        "thickness": draw.by_family(
            puffed,
            spiral=draw.normal(0.24, 0.06, 0.12, 0.5),
            lenticular=draw.normal(0.42, 0.10, 0.2, 0.7),
        ),
        # Most discs break at two to three scale lengths (Pohlen & Trujillo 2006), S0s farther out.
        "truncation": draw.normal(draw.by_family(2.7, lenticular=3.6), 0.6, 1.6, 5.0),
        # Optical depths of order one in the centre of spirals (Xilouris et al. 1999).
        "dust": draw.by_family(
            0.0,
            spiral=draw.gamma(2.0, 0.9),
            lenticular=draw.gamma(1.0, 0.12),
            irregular=dusty,
            merger=dusty,
        ),
    }


def _structure(draw: _Draw, galaxies: _Columns) -> _Columns:
    """Arms, bars, rings, clumps and disturbances."""
    # Mostly two arms; pitch 6 to 40 degrees, tighter with a larger bulge (Kennicutt 1981; Davis
    # et al. 2017).
    arms = draw.random.choice(
        [1, 2, 3, 4, 5, 6], size=len(draw.family), p=[0.07, 0.55, 0.14, 0.08, 0.08, 0.08]
    )
    clumpy = draw.beta(4, 2)
    # Bars in a third of discs (Masters et al. 2011), up to about 1.5 scale lengths long.
    barred = draw.some(spiral=0.38, lenticular=0.20, irregular=0.20)
    ringed = draw.some(spiral=0.12, lenticular=0.15)
    bar = np.where(barred, 0.8 * draw.beta(2, 6), 0.0)
    return {
        "arm_number": draw.by_family(0, spiral=arms),
        "arm_pitch": draw.normal(22 - 22 * galaxies["bulge_fraction"], 7.0, 6.0, 42.0),
        "arm_contrast": draw.by_family(0.0, spiral=0.9 * draw.beta(2.2, 2.2)),
        "arm_phase": draw.uniform(0.0, 2 * np.pi),
        "winding": np.where(draw.uniform(0.0, 1.0) < 0.5, 1, -1),
        "clumpiness": draw.by_family(
            0.0,
            spiral=0.9 * draw.beta(2.5, 2.5),
            dwarf=0.25 * draw.beta(1, 2),
            irregular=clumpy,
            merger=clumpy,
        ),
        "disturbance": draw.by_family(
            0.0, spiral=draw.beta(1, 6), irregular=draw.beta(4, 3), merger=draw.beta(4, 2)
        ),
        "bar_fraction": bar,
        "bar_length": draw.normal(1.0, 0.3, 0.5, 1.8),
        "ring_fraction": np.where(ringed, 0.6 * draw.beta(2, 4), 0.0) * (1 - bar),
        "ring_radius": draw.normal(1.7, 0.5, 0.9, 3.0),
    }


def _boxy_bulge(draw: _Draw, galaxies: _Columns) -> _Columns:
    """Boxy bulges are bars seen edge-on: of constant brightness in the centre, half a scale length
    long.

    They are more frequent here than in Galaxy10 (0.1 %), so that a sample of a few thousand has
    some. (In a detailed study, Luetticke et al. 2000 find them in 45 % of edge-on discs.)
    """
    boxy = draw.some(spiral=0.05)
    return {
        "bulge_boxiness": np.where(boxy, draw.uniform(0.8, 1.5), 0.0),
        "bulge_fraction": np.where(boxy, draw.uniform(0.35, 0.55), galaxies["bulge_fraction"]),
        "bulge_sersic": np.where(boxy, 0.5, galaxies["bulge_sersic"]),
        "bulge_size": np.where(boxy, draw.uniform(0.45, 0.65), galaxies["bulge_size"]),
        "bulge_axis_ratio": np.where(boxy, draw.uniform(0.60, 0.85), galaxies["bulge_axis_ratio"]),
        "thickness": np.where(boxy, 0.6, 1.0) * galaxies["thickness"],
    }


def _colours(draw: _Draw, galaxies: _Columns) -> _Columns:
    """The red sequence and the blue cloud (Strateva et al. 2001; Blanton et al. 2003).

    Redshift reddens both as the 4000 A break moves through g; dust reddens inclined discs (Masters
    et al. 2010).
    """
    redshift, tilt = galaxies["redshift"], 1 - np.cos(np.radians(galaxies["inclination"]))
    red = draw.normal(0.68, 0.05, 0.5, 0.9) + 1.9 * redshift
    blue = draw.normal(0.29, 0.14, -0.1, 0.8) + 0.6 * redshift + 0.18 * tilt
    blue = blue + 0.25 * galaxies["bulge_fraction"]
    # Some early types have formed stars recently.
    young = draw.some(elliptical=0.14, lenticular=0.25)
    youth = draw.normal(0.45, 0.12, 0.1, 0.75)
    bulge = draw.by_family(
        red,
        spiral=red - draw.normal(0.06, 0.06, -0.1, 0.3),
        dwarf=blue + 0.17,
        irregular=blue + 0.12,
        merger=blue + 0.12,
    )
    disc = draw.by_family(
        red - draw.normal(0.08, 0.06, 0.0, 0.3),
        spiral=blue + 0.08,
        dwarf=blue + 0.13,
        irregular=blue - 0.05,
        merger=blue - 0.05,
    )
    return {
        "bulge_colour": np.where(young, youth, bulge),
        "disc_colour": np.where(young, youth - 0.05, disc),
    }


def _brightness(draw: _Draw, galaxies: _Columns) -> _Columns:
    """Surface brightness within the half-light radius (Shen et al. 2003; Blanton et al. 2003)."""
    early = draw.normal(19.6, 0.60, 18.0, 22.0)
    late = draw.normal(20.3, 0.55, 18.6, 22.0)
    face_on = draw.by_family(
        draw.normal(20.8, 0.60, 19.2, 22.4),
        elliptical=early,
        lenticular=early,
        spiral=late,
        dwarf=late,
    )
    # Lines of sight through an inclined disc are longer; its dust partly compensates for that.
    longer = 0.6 * (1 - np.cos(np.radians(galaxies["inclination"])))
    return {"surface_brightness": face_on - draw.by_family(longer, elliptical=0.0)}


def _companion(draw: _Draw, galaxies: _Columns) -> _Columns:
    has_one = draw.some(merger=0.85)
    return {
        "companion": np.where(has_one, draw.uniform(0.15, 1.0), 0.0),
        "companion_distance": draw.uniform(0.8, 3.2),
        "companion_angle": draw.uniform(0.0, 360.0),
    }


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
    # Half the light is within r50, so the mean brightness there is m + 2.5 log10(2 pi r50^2).
    area = 10 ** (0.4 * (galaxies["surface_brightness"] - galaxies["magnitude"]))
    scale = np.sqrt(area / (2 * np.pi)) / half
    # Seeing increases the measured radii: of the light of a star (Moffat profile) half is within
    # 0.6 and 90 % within 1.3 of the full width at half maximum.
    ninety = np.hypot(scale * ninety, 1.3 * galaxies["seeing"])
    return galaxies.assign(
        scale=scale,
        petrosian_r50=np.hypot(scale * half, 0.6 * galaxies["seeing"]),
        petrosian_r90=ninety,
        in_sample=ninety > SMALLEST,
    )
