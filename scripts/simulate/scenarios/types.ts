import type { Play } from '../play.ts'

/** A claim of the mesh, and what may befall it. Throws a `Violation` where the claim does not hold. */
export interface Scenario {
  readonly name: string
  play(play: Play): Promise<void>
}
