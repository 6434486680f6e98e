import assert from 'node:assert/strict'
import type { Agent, Receiver } from '../../src/index.ts'
import { seededDice } from '../../src/testing/dice.ts'
import { createMesh } from '../../src/testing/index.ts'

const [SENDER, RECEIVER] = [0, 1]
const MESSAGES = 40

describe('durable messages across crashes of either side, on disks that drop what was not synced', function () {
  this.timeout(120_000)
  const only = process.env['SEED']
  const seeds = only === undefined ? Array.from({ length: 25 }, (_, i) => i + 1) : [Number(only)]
  const over = async (conditions: Conditions): Promise<void> => {
    for (const seed of seeds) {
      try {
        await play(seed, conditions)
      } catch (error) {
        throw new Error(`SEED=${seed}`, { cause: error })
      }
    }
  }

  it('are handled, whatever was accepted, in the order of its key', () => over({ failing: 0, receiverDies: true }))

  it('likewise while fsync fails now and then', () => over({ failing: 0.05, receiverDies: true }))

  it('have one effect each in a handler that commits, whoever dies and whatever fails', () =>
    over({ failing: 0.05, receiverDies: true, commits: true }))

  it('are handled once where the receiver lives: the next life of their sender sends them as what they were', () =>
    over({ failing: 0, receiverDies: false }))
})

interface Conditions {
  /** Share of fsyncs. */
  failing: number
  receiverDies: boolean
  /** The receiver counts each message in its agent's state. */
  commits?: boolean
}

async function play(seed: number, { failing, receiverDies, commits = false }: Conditions): Promise<void> {
  const { random } = seededDice(`durable-crash/${seed}`)
  const chance = (share: number): boolean => random() < share
  const disks = { syncLatency: [0.2, 15] as [number, number] }
  await using mesh = await createMesh({ nodes: 2, seed, latency: [1, 20], loss: 0.01, disks })
  const disksFail = (share: number): void => {
    for (const i of [SENDER, RECEIVER]) mesh.disk(i).syncFailure = share
  }
  const accepted = new Set<number>()
  const handled: number[] = []
  const keys = new Map<number, string>()

  const sending = (): Promise<Agent> => mesh.run(mesh.nodes[SENDER]!.agent('sender'))
  let worker: Agent | undefined
  const receiving = async (): Promise<void> => {
    worker = await mesh.run(mesh.nodes[RECEIVER]!.agent('worker'))
    if (!commits) {
      worker.receive(({ data }) => void handled.push(data.n))
      return
    }
    const count: Receiver = async ({ data }, ctx) => {
      const effects = (await ctx.state.get(`${data.n}`)) ?? 0
      handled.push(data.n)
      await ctx.commit([{ type: 'put', key: `${data.n}`, value: effects + 1 }])
    }
    worker.receive(count, { delivery: 'exactly-once' })
  }

  let sender = await sending()
  const early = chance(0.7)
  if (early || !receiverDies) await receiving()
  for (let n = 0; n < MESSAGES; n++) {
    disksFail(failing)
    const key = chance(0.6) ? `key-${Math.floor(random() * 2)}` : undefined
    if (key !== undefined) keys.set(n, key)
    const delivery = chance(0.5) ? 'exactly-once' : 'at-least-once'
    const sent = sender.send('worker', { n }, { durable: true, delivery, key })
    sent.then(
      () => accepted.add(n),
      () => {}
    )
    await mesh.advance(random() * 60)
    disksFail(0)
    const fate = random()
    if (fate < 0.1) {
      await mesh.restart(SENDER)
      sender = await sending()
    } else if (fate < 0.2 && receiverDies) {
      await mesh.restart(RECEIVER)
      await receiving()
    } else if (fate > 0.9) {
      mesh.partition([SENDER], [RECEIVER])
      await mesh.advance(random() * 10_000)
      mesh.heal()
    }
  }
  if (receiverDies) {
    await mesh.restart(RECEIVER)
    await receiving()
  }
  const missing = (): number[] => [...accepted].filter((n) => !handled.includes(n))
  for (let i = 0; i < 100 && missing().length > 0; i++) await mesh.advance(2_000)
  assert(accepted.size > 0)
  assert.deepEqual(missing(), [], 'accepted and never handled')
  if (commits) {
    await mesh.advance(20_000)
    for (const n of accepted) assert.equal(await worker!.state.get(`${n}`), 1, `effects of ${n}`)
    for await (const [n, effects] of worker!.state.entries()) assert.equal(effects, 1, `effects of ${n}`)
  }
  if (!receiverDies) assert.equal(new Set(handled).size, handled.length, 'handled twice')
  for (const key of new Set(keys.values())) {
    const first = [...new Set(handled)].filter((n) => keys.get(n) === key && accepted.has(n))
    assert.deepEqual(
      first,
      first.toSorted((a, b) => a - b),
      key
    )
  }
  for await (const { id } of mesh.nodes[SENDER]!.deadLetters.list()) assert.fail(`a dead letter: ${id}`)
}
