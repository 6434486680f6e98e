import assert from 'node:assert/strict'
import type { Agent } from '../../../src/agent/agent.ts'
import type { SendOptions } from '../../../src/agent/types.ts'
import { seededDice } from '../../../src/testing/dice.ts'
import { createMesh, type Mesh } from '../../../src/testing/index.ts'
import { type Fate, fateOf } from '../../agent/ground.ts'

const NODES = 4
const ROUNDS = 25

/** What was started, whom it may have reached, and how it ended. */
interface Undertaking {
  what: string
  tag: string
  sender: Agent
  fate: Fate<unknown>
}

/** One run: agents on every node, messages and requests between them, while hosts die, come back and lose each other. */
class Chaos {
  readonly #mesh: Mesh
  readonly #random: () => number
  readonly #handled = new Map<string, number>()
  readonly #undertakings: Undertaking[] = []
  readonly #senders: (Agent | undefined)[] = []
  #tag = 0

  constructor(mesh: Mesh, seed: string) {
    this.#mesh = mesh
    this.#random = seededDice(`chaos/${seed}`).random
  }

  async run(): Promise<void> {
    for (let i = 0; i < NODES; i++) await this.#settle(i)
    await this.#mesh.advance(3_000)
    for (let round = 0; round < ROUNDS; round++) {
      this.#disturb()
      for (let i = 0; i < 6; i++) this.#undertake()
      await this.#mesh.advance(this.#random() * 1_500)
      await this.#repair()
    }
    this.#mesh.heal()
    await this.#mesh.advance(180_000)
    this.#judge()
  }

  async #settle(i: number): Promise<void> {
    const node = this.#mesh.nodes[i]!
    const handle = async ({ data }: { data: string }) => {
      this.#handled.set(data, (this.#handled.get(data) ?? 0) + 1)
      if (this.#random() < 0.1) throw new Error('by chance')
      return data
    }
    const options = { timeout: 1_000 }
    await this.#mesh.run(node.agent('worker', { receive: handle, handle: { ask: handle } }, options).catch(() => {}))
    this.#senders[i] = await this.#mesh.run(node.agent(`sender ${i}`, {}, options).catch(() => undefined))
  }

  #pick(): number {
    return Math.floor(this.#random() * NODES)
  }

  #disturb(): void {
    const dice = this.#random()
    if (dice < 0.2) {
      const i = this.#pick()
      this.#mesh.partition(
        [i],
        [0, 1, 2, 3].filter((j) => j !== i)
      )
    } else if (dice < 0.3) {
      const i = this.#pick()
      this.#senders[i] = undefined
      this.#mesh.crash(i, { silent: this.#random() < 0.5 })
    }
  }

  async #repair(): Promise<void> {
    if (this.#random() < 0.4) this.#mesh.heal()
    if (this.#random() > 0.5) return
    for (let i = 0; i < NODES; i++) {
      if (this.#senders[i] !== undefined) continue
      await this.#mesh.restart(i)
      await this.#settle(i)
    }
  }

  /** Only what was begun on a node that lives to the end can be held to its promise. */
  #undertake(): void {
    const sender = this.#senders[this.#pick()]
    if (sender === undefined) return
    const tag = `m${this.#tag++}`
    const ttl = this.#random() < 0.3 ? this.#random() * 5_000 : undefined
    const options: SendOptions = { delivery: 'at-least-once', maxRetries: Math.floor(this.#random() * 6), ttl }
    const [what, promise]: [string, Promise<unknown>] =
      this.#random() < 0.5
        ? ['send', sender.send('worker', tag, options)]
        : ['request', sender.request('worker', tag, { type: 'ask', timeout: 100 + this.#random() * 5_000 })]
    this.#undertakings.push({ what, tag, sender, fate: fateOf(promise) })
  }

  #judge(): void {
    const living = new Set(this.#senders)
    for (const { what, tag, sender, fate } of this.#undertakings) {
      const text = `${what} ${tag}: ${JSON.stringify(fate)}`
      if (!living.has(sender)) continue
      assert.notEqual(fate.status, 'pending', text)
      if (fate.status === 'fulfilled') assert.ok((this.#handled.get(tag) ?? 0) >= 1, `${text} was not handled`)
      else assert.match(fate.code!, /^ERR_/, text)
    }
    assert.ok(this.#undertakings.some(({ fate }) => fate.status === 'fulfilled'))
  }
}

describe('delivery in disorder', () => {
  const only = process.env['SEED']
  const seeds = only === undefined ? Array.from({ length: 12 }, (_, i) => `${i + 1}`) : [only]
  for (const seed of seeds) {
    it(`brings every send and request of a node that lives to its end (SEED=${seed})`, async () => {
      const conditions = { latency: [1, 30], loss: 0.02, timeout: 1_500 } as const
      const mesh = await createMesh({ nodes: NODES, seed: Number(seed), ...conditions })
      await new Chaos(mesh, seed).run()
      await mesh.stop()
    })
  }
})
