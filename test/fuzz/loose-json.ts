/** Prints what no serializer would: NaN, bigints, `-0`, whatever keys. For bodies that somebody else might have written. */
export function looseJson(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'boolean':
    case 'bigint':
      return String(value)
    case 'object':
      return Array.isArray(value) ? `[${value.map(looseJson).join(',')}]` : looseObject(value)
    default:
      return '"?"'
  }
}

function looseObject(value: object): string {
  return `{${Object.entries(value)
    .map(([name, member]) => `${JSON.stringify(name)}:${looseJson(member)}`)
    .join(',')}}`
}
