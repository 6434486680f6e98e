import type { Receipt, SendOptions } from '../../../src/agent/types.ts'
import { ROUTING_DEFAULTS } from '../../../src/core/routing/settings.ts'
import type { Chance } from '../chance.ts'
import type { Play } from '../play.ts'
import { Storm } from '../storm.ts'
import type { Watched } from '../watched.ts'
import type { Scenario } from './types.ts'

/** With so many, and a member that always lives, giving up is a fault of the mesh. */
const MANY_RETRIES = 30

/** Every way in which a send may fail here: none of its own making. */
const REASONS = new Set(['ERR_MAX_RETRIES', 'ERR_TTL', 'ERR_TIMEOUT', 'ERR_NO_RESPONDERS', 'ERR_QUEUE_FULL'])

interface Send {
  number: number
  options: SendOptions
  watched: Watched<Receipt>
  /** Begun when all faults had ended. */
  late: boolean
}

/** Numbers of messages whose handler returned, and on which peers. */
type Handled = Map<number, Set<string>>

/** What resolved was handled by somebody who lived to say so; nobody waits for ever; the others of the group take over. */
export const atLeastOnce: Scenario = {
  name: 'at-least-once',
  async play(play) {
    const { chance } = play
    const nodes = 4 + chance.below(3)
    const mesh = await play.mesh({ nodes, ...play.network() })
    const handled: Handled = new Map()
    let failing = chance.pick([0, 0.1, 0.3])
    const host = (i: number): Promise<unknown> => {
      const node = mesh.nodes[i]!
      const lives = storm.lifeOf(i)
      const receive = async ({ data }: { data: number }): Promise<void> => {
        await mesh.sleep(chance.between(0, 60))
        if (chance.happens(failing)) throw new Error('not now')
        if (!lives()) return
        const where = handled.get(data) ?? new Set()
        handled.set(data, where.add(node.peerId.toString()))
      }
      return node.agent('worker', { receive })
    }
    const members = Array.from({ length: nodes - 1 }, (_, i) => i + 1)
    const storm = new Storm(play, mesh, { nodes, victims: members.slice(1), together: [0, 1], revive: host })
    await mesh.run(Promise.all(members.map(host)))

    const sender = await mesh.run(mesh.nodes[0]!.agent('sender'))
    const sends: Send[] = []
    const send = (options: SendOptions, late = false): void => {
      const number = sends.length
      const sending = sender.send('worker', number, { delivery: 'at-least-once', ...options })
      const watched = play.watch(mesh, `send ${number} ${JSON.stringify(options)}`, sending)
      sends.push({ number, options, watched, late })
    }
    await storm.rage(chance.between(5_000, 25_000), () => send(anyOptions(chance)))
    failing = 0
    await mesh.advance(ROUTING_DEFAULTS.circuit.maxCoolDown)
    for (let i = 0; i < 10; i++) send({}, true)
    const all = sends.map(({ watched }) => watched)
    await play.ended(mesh, all, 'nobody waits for ever after the faults end')
    for (const one of sends) {
      if (one.watched.resolved) judgeReceipt(play, one, handled)
      else judgeRefusal(play, one)
    }
  }
}

function anyOptions(chance: Chance): SendOptions {
  return {
    maxRetries: chance.pick([0, 3, MANY_RETRIES, MANY_RETRIES]),
    ...(chance.happens(0.2) && { ttl: Math.ceil(chance.between(1, 10_000)) }),
    ...(chance.happens(0.1) && { timeout: Math.ceil(chance.between(1, 10_000)) }),
    ...(chance.happens(0.3) && { priority: chance.pick(['low', 'high'] as const) }),
    ...(chance.happens(0.2) && { key: chance.pick(['a', 'b', 'c']) })
  }
}

function judgeReceipt(play: Play, { number, watched }: Send, handled: Handled): void {
  const { what, value } = watched
  const { status, peer } = value!
  play.must(status === 'delivered', 'a receipt says delivered', { what, status })
  play.must(handled.has(number), 'what resolved was handled', { what })
  play.must(handled.get(number)!.has(peer), 'a receipt names who handled it', { what, peer })
}

function judgeRefusal(play: Play, { options, watched, late }: Send): void {
  const { what, error, began, ended } = watched
  const { code = '', message, cause } = error!
  const why = { what, code, message, cause }
  play.must(REASONS.has(code), 'what rejected says why', why)
  play.must(code !== 'ERR_MAX_RETRIES' || cause instanceof Error, 'what rejected says why', why)
  const { ttl = Number.POSITIVE_INFINITY, timeout = Number.POSITIVE_INFINITY, maxRetries } = options
  const limit = Math.min(ttl, timeout)
  const patient = maxRetries === MANY_RETRIES && limit === Number.POSITIVE_INFINITY
  play.must(!patient, 'the group’s other members take over', why)
  play.must(!late, 'once the faults have ended everything is delivered', why)
  play.must(ended! - began <= limit + 1, 'no send outlives its time', { ...why, took: ended! - began })
}
