import type { SendOptions } from '../../../src/agent/types.ts'
import type { Chance } from '../chance.ts'
import type { Play } from '../play.ts'
import { isAccepted } from './durable.ts'
import { Exchange, type Note } from './exchange.ts'
import { Letters } from './letters.ts'
import type { Scenario } from './types.ts'

const KEYS = ['a', 'b', 'c']

/**
 * What one node sends under one key takes its first effect in the order of sending, whoever crashes, and however often
 * and to whomever it is sent. What became a dead letter has lost its place.
 */
export const keyOrder: Scenario = {
  name: 'key-order',
  async play(play) {
    const { chance } = play
    const first = new Map<number, number>()
    let failing = chance.pick([0.1, 0.3])
    const concurrency = chance.pick([1, 4, 4])
    const exchange = await Exchange.open(play, {
      host: async (_, node, lives) => {
        const agent = await node.agent('worker')
        const running = new Map<string, number>()
        agent.receive(
          async ({ data }: { data: Note }) => {
            const key = String(exchange.postings[data.number]!.options.key)
            play.must(!running.has(key), 'one of a key is handled at a time', {
              key,
              number: data.number,
              beside: running.get(key)
            })
            running.set(key, data.number)
            await mesh.sleep(chance.between(0, 40))
            running.delete(key)
            if (!lives()) return
            if (chance.happens(failing)) throw new Error('not now')
            if (!first.has(data.number)) first.set(data.number, first.size)
          },
          { concurrency }
        )
        return agent
      },
      options: () => anyOptions(chance)
    })
    const { mesh } = exchange
    const letters = new Letters(play, exchange)
    await exchange.trouble(chance.between(2_000, 10_000))
    failing = 0
    for (let i = 0; i < 5; i++) exchange.post()
    const left = (): number[] =>
      exchange.postings
        .filter((one) => isAccepted(one) && !first.has(one.note.number) && !letters.has(one.note.number))
        .map(({ note }) => note.number)
    await letters.until(
      'what was acknowledged is handled',
      () => left().length === 0,
      () => ({ left: left() })
    )
    judge(play, exchange, first, letters.numbers)
  }
}

function anyOptions(chance: Chance): SendOptions {
  return {
    delivery: chance.pick(['at-least-once', 'at-least-once', 'exactly-once'] as const),
    durable: chance.happens(0.8),
    key: chance.pick(KEYS),
    maxRetries: chance.pick([2, 1_000, 1_000])
  }
}

function keyOf(exchange: Exchange, number: number): string {
  const { from, options } = exchange.postings[number]!
  return `${options.key} of node-${from}`
}

/**
 * Durable messages keep their place across the lives of their sender; what was not durable is gone with the life, and
 * a copy of it that is still on its way has no place any more.
 */
function judge(play: Play, exchange: Exchange, first: Map<number, number>, letters: ReadonlySet<number>): void {
  const last = new Map<string, { number: number; at: number }>()
  for (const one of exchange.postings) {
    const { note, options, life, sent } = one
    const at = first.get(note.number)
    if (at === undefined || letters.has(note.number) || sent.error !== undefined) continue
    if (options.durable !== true && life !== exchange.mesh.nodes[one.from]) continue
    const key = keyOf(exchange, note.number)
    const before = last.get(key)
    play.must(before === undefined || before.at < at, 'order per key', {
      key,
      number: note.number,
      before: before?.number
    })
    last.set(key, { number: note.number, at })
  }
}
