/** Celery's events of the sun. Source: celery/schedules.py:solar. */
export const SOLAR_EVENTS = [
  'dawn_astronomical',
  'dawn_nautical',
  'dawn_civil',
  'sunrise',
  'solar_noon',
  'sunset',
  'dusk_civil',
  'dusk_nautical',
  'dusk_astronomical',
] as const

export type SolarEvent = (typeof SOLAR_EVENTS)[number]

export function isSolarEvent(value: unknown): value is SolarEvent {
  return SOLAR_EVENTS.some(event => event === value)
}
