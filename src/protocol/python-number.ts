/**
 * A number as Python prints it. Safe integers are ints unless `float` is set; all else is a float: `1e+16`, `1e-07`,
 * `9007199254740992.0`, `-0.0`, `nan`, `inf`.
 */
export function pythonNumber(value: number, float = false): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (Number.isSafeInteger(value) && !float && !Object.is(value, -0)) return String(value)
  const [digits = '', exponent = '0'] = value.toExponential().split('e')
  const power = Number(exponent)
  if (value !== 0 && (power < -4 || power >= 16))
    return `${digits}e${power < 0 ? '-' : '+'}${twoDigits(Math.abs(power))}`
  // JavaScript turns to exponents below 1e-6 only, and at 1e21: between these its digits are Python's.
  const text = Object.is(value, -0) ? '-0' : String(value)
  return text.includes('.') ? text : `${text}.0`
}

function twoDigits(amount: number): string {
  return String(amount).padStart(2, '0')
}
