/** What is sent as one workflow: so many no-ops side by side and a body after them, or so many one after another. */
export interface Workflow {
  readonly kind: 'chord' | 'chain'
  readonly size: number
  /** One after another in a round. */
  readonly times: number
}

/** From send to the last result: of one workflow in ms, of one of its members in µs. */
export function workflowSample({ size, times }: Workflow, ms: number): Readonly<Record<'whole' | 'member', number>> {
  return { whole: ms / times, member: (1000 * ms) / times / size }
}
