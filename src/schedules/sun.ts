import type { EpochMs } from '../lib/time.js'

/** Where the sun stands, seen from the middle of the earth; radians. */
export interface SunPosition {
  readonly rightAscension: number
  readonly declination: number
  /** Greenwich apparent sidereal time. */
  readonly siderealTime: number
  /** Half of the disc's apparent width. */
  readonly radius: number
  /** How much lower it stands at the horizon for somebody on the surface. */
  readonly parallax: number
}

const RADIANS = Math.PI / 180
const DAY = 86_400_000
/** 1 January 2000, 12:00. */
const J2000 = 946_728_000_000

/**
 * Source: Meeus, Astronomical Algorithms, chapters 12, 22 and 25, with the terms for Venus, Jupiter and the Moon of his Astronomical Formulae for
 * Calculators, chapter 18: within some seconds of arc from 1900 to 2100, which is well below a second of time at the horizon.
 */
export function sunPosition(instant: EpochMs): SunPosition {
  const universal = (instant - J2000) / DAY
  const t = (universal + deltaT(universal) / 86_400) / 36_525
  const longitude0 = 280.46646 + 36_000.76983 * t + 0.0003032 * t * t
  const anomaly = (357.52911 + 35_999.05029 * t - 0.0001537 * t * t) * RADIANS
  const eccentricity = 0.016708634 - 0.000042037 * t - 0.0000001267 * t * t
  const centre =
    (1.914602 - 0.004817 * t - 0.000014 * t * t) * Math.sin(anomaly) +
    (0.019993 - 0.000101 * t) * Math.sin(2 * anomaly) +
    0.000289 * Math.sin(3 * anomaly)
  const distance =
    (1.000001018 * (1 - eccentricity * eccentricity)) / (1 + eccentricity * Math.cos(anomaly + centre * RADIANS))

  const node = (125.04452 - 1934.136261 * t) * RADIANS
  const sunLongitude = 2 * longitude0 * RADIANS
  const moonLongitude = 2 * (218.3165 + 481_267.8813 * t) * RADIANS
  const nutation =
    (-17.2 * Math.sin(node) -
      1.32 * Math.sin(sunLongitude) -
      0.23 * Math.sin(moonLongitude) +
      0.21 * Math.sin(2 * node)) /
    3600
  const tilt =
    23.4392911 -
    0.0130041667 * t +
    (9.2 * Math.cos(node) + 0.57 * Math.cos(sunLongitude) + 0.1 * Math.cos(moonLongitude) - 0.09 * Math.cos(2 * node)) /
      3600

  const longitude = (longitude0 + centre + disturbances(t + 1) + nutation - 20.4898 / 3600 / distance) * RADIANS
  const obliquity = tilt * RADIANS
  const days = universal
  const sidereal = 280.46061837 + 360.98564736629 * days + nutation * Math.cos(obliquity)
  return {
    rightAscension: Math.atan2(Math.cos(obliquity) * Math.sin(longitude), Math.cos(longitude)),
    declination: Math.asin(Math.sin(obliquity) * Math.sin(longitude)),
    siderealTime: (sidereal % 360) * RADIANS,
    radius: (959.63 / 3600 / distance) * RADIANS,
    parallax: (8.794 / 3600 / distance) * RADIANS,
  }
}

/** What the planets and the moon do to the earth's way; degrees. `t`: Julian centuries since 1900. */
function disturbances(t: number): number {
  return (
    0.00134 * Math.cos((153.23 + 22_518.7541 * t) * RADIANS) +
    0.00154 * Math.cos((216.57 + 45_037.5082 * t) * RADIANS) +
    0.002 * Math.cos((312.69 + 32_964.3577 * t) * RADIANS) +
    0.00179 * Math.sin((350.74 + 445_267.1142 * t - 0.00144 * t * t) * RADIANS) +
    0.00178 * Math.sin((231.19 + 20.2 * t) * RADIANS)
  )
}

/** Seconds that uniform time is ahead of the earth's rotation: a parabola good to some seconds around our days. */
function deltaT(days: number): number {
  const years = days / 365.25
  return years < -50 ? 29 : 62.92 + 0.32217 * years + 0.005589 * years * years
}
