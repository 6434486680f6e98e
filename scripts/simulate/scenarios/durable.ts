import type { SendOptions } from '../../../src/agent/types.ts'
import type { Chance } from '../chance.ts'
import { Exchange, type Note, type Posting } from './exchange.ts'
import { Letters, replayAny } from './letters.ts'
import type { Scenario } from './types.ts'

/** With so many, whoever gives a message up does so because of what its handler said. */
const MANY_RETRIES = 1_000

/**
 * At least once, whoever crashes: what was acknowledged, as stored or as delivered, is handled or a dead letter, and a
 * dead letter stays one until somebody replays it.
 */
export const durable: Scenario = {
  name: 'durable',
  async play(play) {
    const { chance } = play
    const handled = new Set<number>()
    let failing = chance.pick([0, 0.1, 0.3])
    let poisonous = true
    const exchange = await Exchange.open(play, {
      host: (_, node, lives) => {
        const receive = async ({ data }: { data: Note }, ctx: { term(reason: string): void }): Promise<void> => {
          await mesh.sleep(chance.between(0, 60))
          if (!lives()) return
          if (data.poison && poisonous) return ctx.term('poison')
          if (chance.happens(failing)) throw new Error('not now')
          handled.add(data.number)
        }
        return node.agent('worker', { receive })
      },
      options: () => anyOptions(chance),
      heard: ({ note }, { status }) =>
        play.must(handled.has(note.number), 'what is acknowledged as delivered was handled', { ...note, status }),
      meanwhile: (sender) => void replayAny(play, sender).catch(() => {})
    })
    const { mesh } = exchange
    const letters = new Letters(play, exchange)
    await exchange.trouble(chance.between(2_000, 10_000))
    failing = 0
    for (let i = 0; i < 5; i++) exchange.post()
    const lost = (): Posting[] =>
      exchange.postings.filter(
        (one) => isAccepted(one) && !handled.has(one.note.number) && !letters.has(one.note.number)
      )
    await letters.until(
      'what was acknowledged is never lost',
      () => lost().length === 0,
      () => ({
        lost: lost().map(({ note, from, receipt, options }) => ({ ...note, from, status: receipt?.status, ...options }))
      })
    )
    await letters.judge((number) => handled.has(number))
    poisonous = false
    await letters.replay((number) => handled.has(number))
  }
}

function anyOptions(chance: Chance): SendOptions {
  return {
    delivery: 'at-least-once',
    durable: chance.happens(0.85),
    maxRetries: chance.pick([2, MANY_RETRIES, MANY_RETRIES]),
    ...(chance.happens(0.1) && { ttl: Math.ceil(chance.between(1, 20_000)) }),
    ...(chance.happens(0.2) && { priority: chance.pick(['low', 'high'] as const) }),
    ...(chance.happens(0.2) && { key: chance.pick(['a', 'b', 'c']) })
  }
}

/** Its sender was told that it is safe. */
export function isAccepted({ receipt, options }: Posting): boolean {
  return receipt !== undefined && (options.durable === true || receipt.status !== 'stored')
}
