/** `npm run faults`: the sizes of before a release instead of those of every day. */
export const LONG: boolean = process.env['LOVAGE_FAULTS'] === 'long'
