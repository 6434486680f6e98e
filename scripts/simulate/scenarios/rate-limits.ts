import { TERM } from '../../../protocols/rate-limits/constants.ts'
import type { Acquired } from '../../../src/index.ts'
import type { Mesh } from '../../../src/testing/index.ts'
import type { Play } from '../play.ts'
import { Storm } from '../storm.ts'
import type { Watched } from '../watched.ts'
import type { Scenario } from './types.ts'

const ID = 'shared'
const KEYS = ['', 'a']

interface Definition {
  capacity: number
  refillRate: number
  burst: number
}

interface Call {
  key: string
  tokens: number
  watched: Watched<Acquired>
}

/**
 * A limit that all nodes share, through loss, partitions and the death of one: together they never get more than the
 * bound of one limit, every call ends, and who waits gets its tokens once the faults are over.
 */
export const rateLimits: Scenario = {
  name: 'rate-limits',
  async play(play) {
    const { chance } = play
    const nodes = 2 + chance.below(4)
    const mesh = await play.mesh({ nodes, ...play.network() })
    const capacity = 10 + chance.below(90)
    const definition = { capacity, refillRate: capacity / chance.between(1, 10), burst: chance.below(10) }
    const create = (i: number) => mesh.nodes[i]!.rateLimits.create(ID, { ...definition, distributed: true }).ready
    const all = Array.from({ length: nodes }, (_, i) => i)
    await mesh.run(Promise.all(all.map(create)))

    // A next life does not take part: started anew behind a partition, it would be a side of its own.
    const storm = new Storm(play, mesh, { nodes, victims: [], together: [], revive: async () => undefined })
    const victim = chance.happens(0.5) ? chance.below(nodes) : -1
    const living = all.filter((i) => i !== victim)
    const calls: Call[] = []
    const work = (): void => {
      for (const i of living) if (chance.happens(0.7)) calls.push(...anyCalls(play, mesh, i, capacity))
    }
    await storm.rage(chance.between(5_000, 15_000), work)
    if (victim >= 0) storm.crash(victim)
    await storm.rage(chance.between(5_000, 15_000), work)
    for (const i of living) calls.push(call(play, mesh, i, { key: '', tokens: 1, wait: true }))
    const lasting = calls.slice(-living.length)
    await play.ended(
      mesh,
      calls.map(({ watched }) => watched),
      'every call for tokens ends'
    )
    const without = lasting.find(({ watched }) => watched.value?.granted !== true)
    play.must(without === undefined, 'who waits gets its tokens', { what: without?.watched.what })
    bounded(play, calls, definition)
  }
}

/** A few at once, small ones for the most part, for one key. */
function anyCalls(play: Play, mesh: Mesh, i: number, most: number): Call[] {
  const { chance } = play
  const key = chance.pick(KEYS)
  const wait = chance.happens(0.5)
  return Array.from({ length: chance.below(12) }, () => {
    const tokens = 1 + chance.below(chance.happens(0.1) ? most : 5)
    return call(play, mesh, i, { key, tokens, wait, timeout: chance.between(10, 4_000) })
  })
}

interface Wish {
  key: string
  tokens: number
  wait: boolean
  timeout?: number
}

function call(play: Play, mesh: Mesh, i: number, { key, tokens, ...options }: Wish): Call {
  const acquired = mesh.nodes[i]!.rateLimits.acquire(ID, tokens, { key, ...options })
  return { key, tokens, watched: play.watch(mesh, `node-${i} wants ${tokens} of '${key}'`, acquired) }
}

/** Of each key no window saw more than the bound. */
function bounded(play: Play, calls: readonly Call[], { capacity, refillRate, burst }: Definition): void {
  const bound = capacity + burst + (refillRate * TERM) / 1_000 + 1e-3
  for (const key of KEYS) {
    const granted = calls
      .filter((one) => one.key === key && one.watched.value?.granted === true)
      .sort((a, b) => a.watched.ended! - b.watched.ended!)
    // The most by which a window exceeds the rate, of all windows at once: a bucket of the rate that everything is poured into.
    let level = 0
    let last = 0
    for (const { tokens, watched } of granted) {
      level = Math.max(0, level - ((watched.ended! - last) * refillRate) / 1_000) + tokens
      last = watched.ended!
      play.must(level <= bound, 'together the nodes get no more than the bound', { key, level, bound, at: last })
    }
  }
}
