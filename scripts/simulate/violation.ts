/** An invariant that did not hold: what the simulation is for. */
export class Violation extends Error {
  override readonly name = 'Violation'
  readonly invariant: string
  readonly details: Record<string, unknown>

  constructor(invariant: string, details: Record<string, unknown>, cause?: unknown) {
    super(invariant, { cause })
    this.invariant = invariant
    this.details = details
  }
}
