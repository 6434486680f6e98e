import { createMesh, type Mesh, type MeshOptions } from '../../src/testing/index.ts'
import { Chance } from './chance.ts'
import { Violation } from './violation.ts'
import { Watched } from './watched.ts'

/** ms of virtual time within which everything must have ended once the faults have: a guess, far above every time-out. */
const PATIENCE = 300_000

/** Share of packets that vanish on a network that works. */
export const RARE = 0.01

/** Something that was played beside the meshes, or before them. */
export interface Part {
  readonly messages: number
  readonly faults: number
  /** Virtual ms. */
  readonly elapsed: number
  readonly trace: readonly string[]
}

/** One run of a scenario: all chance from its seed, every claim checked here, everything counted. */
export class Play {
  readonly seed: number
  readonly chance: Chance
  messages = 0
  faults = 0
  violation: Violation | undefined
  readonly #meshes: Mesh[] = []
  readonly #parts: Part[] = []

  constructor(scenario: string, seed: number) {
    this.seed = seed
    this.chance = new Chance(`${seed}/${scenario}`)
  }

  /** ms of virtual time, of all meshes and parts together. */
  get elapsed(): number {
    const before = this.#parts.reduce((sum, part) => sum + part.elapsed, 0)
    return this.#meshes.reduce((sum, mesh) => sum + mesh.now, before)
  }

  get trace(): string[] {
    return [...this.#parts.flatMap((part) => part.trace), ...this.#meshes.flatMap((mesh) => mesh.trace.lines)]
  }

  /** A mesh whose chance follows from the seed, stopped at the end of the play. */
  async mesh(options: MeshOptions): Promise<Mesh> {
    const mesh = await createMesh({ ...options, seed: this.seed })
    this.#meshes.push(mesh)
    return mesh
  }

  /**
   * Some network: from a good one to one that loses every tenth packet. Past `RARE` a packet may be lost so often in a
   * row that the connection is given up, and with it what is sent at most once.
   */
  network(mostLoss = 0.1): Pick<MeshOptions, 'latency' | 'loss' | 'fragmentation'> {
    const { chance } = this
    return {
      latency: [chance.between(0.1, 5), chance.between(5, 80)],
      loss: Math.min(mostLoss, chance.pick([0, 0, RARE, 0.05, 0.1])),
      fragmentation: chance.pick([0, 0.05, 0.5])
    }
  }

  /** Writes a line into the trace, so that a replay tells what the scenario did. */
  note(mesh: Mesh, text: string): void {
    mesh.trace.lines.push(`${mesh.now.toFixed(3)} # ${text}`)
  }

  /** Follows what became of a message or a call; the trace tells its end. */
  watch<T>(mesh: Mesh, what: string, promise: Promise<T>): Watched<T> {
    this.messages++
    this.note(mesh, what)
    return new Watched(
      what,
      promise,
      () => mesh.now,
      (end) => this.note(mesh, `${what}: ${end}`)
    )
  }

  /** Throws, and is remembered besides: a handler's caller would take the violation for the handler's own error. */
  must(holds: boolean, invariant: string, details: Record<string, unknown> = {}): void {
    if (holds) return
    this.violation ??= new Violation(invariant, details)
    throw this.violation
  }

  /** Lets time pass until the condition holds. */
  async until(
    mesh: Mesh,
    invariant: string,
    holds: () => boolean,
    details = () => ({}),
    limit = PATIENCE
  ): Promise<void> {
    const end = mesh.now + limit
    while (!holds()) {
      this.must(mesh.now < end, invariant, { waited: limit, ...details() })
      await mesh.advance(50)
    }
  }

  /** Lets time pass until all have ended, one way or the other. */
  async ended(mesh: Mesh, watched: readonly Watched<unknown>[], invariant: string): Promise<void> {
    const pending = () => watched.filter(({ ended }) => ended === undefined)
    await this.until(
      mesh,
      invariant,
      () => pending().length === 0,
      () => ({ pending: pending().map(({ what }) => what) })
    )
  }

  /** What that did is part of this play. Once it has ended. */
  include(part: Part): void {
    this.messages += part.messages
    this.faults += part.faults
    this.#parts.push(part)
  }

  async stop(): Promise<void> {
    for (const mesh of this.#meshes) await mesh.stop()
  }
}
