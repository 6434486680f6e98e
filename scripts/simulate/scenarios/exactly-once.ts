import type { Agent } from '../../../src/agent/agent.ts'
import type { SendOptions } from '../../../src/agent/types.ts'
import type { Chance } from '../chance.ts'
import type { Play } from '../play.ts'
import { isAccepted } from './durable.ts'
import { Exchange, type Note } from './exchange.ts'
import { Letters, replayAny } from './letters.ts'
import type { Scenario } from './types.ts'

/** How often each message took effect, all members together. */
type Effects = Map<number, number>

/**
 * The effect is a number in the agent's durable state, which the handler raises: once for each message that was
 * acknowledged, and never twice, whoever crashes. A sum that every commit changes too shows that a commit is one thing.
 */
export const exactlyOnce: Scenario = {
  name: 'exactly-once',
  async play(play) {
    const { chance } = play
    let failing = chance.pick([0, 0.1, 0.3])
    let poisonous = true
    const concurrency = chance.pick([1, 1, 4])
    const exchange = await Exchange.open(play, {
      host: async (_, node, lives) => {
        const agent = await node.agent('worker')
        agent.receive(
          async ({ data }: { data: Note }, ctx) => {
            if (data.poison && poisonous) return ctx.term('poison')
            const key = `effect/${data.number}`
            const count = ((await ctx.state.get(key)) as number | undefined) ?? 0
            const sum = ((await ctx.state.get('sum')) as number | undefined) ?? 0
            await mesh.sleep(chance.between(0, 40))
            if (!lives()) return
            if (chance.happens(failing)) throw new Error('before the commit')
            await ctx.commit([
              { type: 'put', key, value: count + 1 },
              { type: 'put', key: 'sum', value: sum + 1 }
            ])
            if (chance.happens(failing)) throw new Error('after the commit')
          },
          { delivery: 'exactly-once', concurrency }
        )
        return agent
      },
      options: () => anyOptions(chance),
      meanwhile: (sender) => void replayAny(play, sender).catch(() => {})
    })
    const { mesh } = exchange
    const letters = new Letters(play, exchange)
    await exchange.trouble(chance.between(2_000, 10_000))
    failing = 0
    for (let i = 0; i < 5; i++) exchange.post()
    let effects = await judge(play, exchange)
    const lost = (): number[] =>
      exchange.postings
        .filter((one) => isAccepted(one) && !effects.has(one.note.number) && !letters.has(one.note.number))
        .map(({ note }) => note.number)
    const look = async (): Promise<void> => {
      effects = await judge(play, exchange)
    }
    await letters.until(
      'what was acknowledged took effect',
      () => lost().length === 0,
      () => ({ lost: lost() }),
      look
    )
    await letters.judge((number) => effects.has(number))
    for (const { note, receipt } of exchange.postings) {
      if (receipt === undefined || receipt.status === 'stored') continue
      play.must(effects.has(note.number), 'what was acknowledged as delivered took effect', { ...note, receipt })
    }
    poisonous = false
    await letters.replay((number) => effects.has(number), look)
    await judge(play, exchange)
  }
}

function anyOptions(chance: Chance): SendOptions {
  return {
    delivery: 'exactly-once',
    durable: chance.happens(0.8),
    maxRetries: chance.pick([2, 1_000, 1_000]),
    ...(chance.happens(0.2) && { key: chance.pick(['a', 'b', 'c']) })
  }
}

interface State {
  sum: number
  counts: [number, number][]
}

/** Nothing took effect twice, and the sum is that of the effects. */
async function judge(play: Play, exchange: Exchange): Promise<Effects> {
  const effects: Effects = new Map()
  for (const i of exchange.members) {
    const { sum, counts } = await exchange.mesh.run(settled(exchange.workers[i]!))
    const here = counts.reduce((total, [, count]) => total + count, 0)
    play.must(sum === here, 'a commit is all or nothing', { node: i, sum, effects: here })
    for (const [number, count] of counts) effects.set(number, (effects.get(number) ?? 0) + count)
  }
  for (const [number, count] of effects) {
    const { from, options } = exchange.postings[number]!
    play.must(count === 1, 'nothing takes effect twice', { number, count, from, options })
  }
  return effects
}

/** Key by key is no snapshot: what two looks agree on is one. */
async function settled(worker: Agent): Promise<State> {
  for (let before = await read(worker); ; ) {
    const now = await read(worker)
    if (now.sum === before.sum && now.counts.length === before.counts.length) return now
    before = now
  }
}

async function read(worker: Agent): Promise<State> {
  let sum = 0
  const counts: [number, number][] = []
  for await (const [key, value] of worker.state.entries()) {
    if (key === 'sum') sum = value as number
    else counts.push([Number(key.slice('effect/'.length)), value as number])
  }
  return { sum, counts }
}
