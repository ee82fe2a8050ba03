/** How often a run has come into each of the situations that a batch of seeds must reach (reliability §13.9). */
export class Sightings {
  readonly counts = new Map<string, number>()

  saw(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }
}
