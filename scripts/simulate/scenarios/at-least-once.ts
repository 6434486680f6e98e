import type { SendOptions } from '../../../src/agent/types.ts'
import { ROUTING_DEFAULTS } from '../../../src/core/routing/settings.ts'
import { Storm } from '../storm.ts'
import type { Watched } from '../watched.ts'
import type { Scenario } from './types.ts'

/** With so many, and a member that always lives, giving up is a fault of the mesh. */
const MANY_RETRIES = 30

/** Every way in which a send may fail here: none of its own making. */
const REASONS = new Set(['ERR_MAX_RETRIES', 'ERR_TTL', 'ERR_TIMEOUT', 'ERR_NO_RESPONDERS', 'ERR_QUEUE_FULL'])

/** What resolved was handled by somebody who lived to say so; nobody waits for ever; the others of the group take over. */
export const atLeastOnce: Scenario = {
  name: 'at-least-once',
  async play(play) {
    const { chance } = play
    const nodes = 4 + chance.below(3)
    const mesh = await play.mesh({ nodes, ...play.network() })
    const handled = new Map<number, Set<string>>()
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
    type Send = Watched<{ status: string; peer: string; attempts: number }> & { number: number; options: SendOptions }
    const sends: Send[] = []
    const send = (options: SendOptions): void => {
      const number = sends.length
      const sending = sender.send('worker', number, { delivery: 'at-least-once', ...options })
      const watched = play.watch(mesh, `send ${number} ${JSON.stringify(options)}`, sending)
      sends.push(Object.assign(watched, { number, options }))
    }
    const anyOptions = (): SendOptions => ({
      maxRetries: chance.pick([0, 3, MANY_RETRIES, MANY_RETRIES]),
      ...(chance.happens(0.2) && { ttl: Math.ceil(chance.between(1, 10_000)) }),
      ...(chance.happens(0.1) && { timeout: Math.ceil(chance.between(1, 10_000)) }),
      ...(chance.happens(0.3) && { priority: chance.pick(['low', 'high'] as const) }),
      ...(chance.happens(0.2) && { key: chance.pick(['a', 'b', 'c']) })
    })

    await storm.rage(chance.between(5_000, 25_000), () => send(anyOptions()))
    failing = 0
    await mesh.advance(ROUTING_DEFAULTS.circuit.maxCoolDown)
    const after = sends.length
    for (let i = 0; i < 10; i++) send({})
    await play.ended(mesh, sends, 'nobody waits for ever after the faults end')

    for (const { number, options, what, value, error, began, ended } of sends) {
      if (error === undefined) {
        play.must(value!.status === 'delivered', 'a receipt says delivered', { what, status: value!.status })
        play.must(handled.has(number), 'what resolved was handled', { what })
        play.must(handled.get(number)!.has(value!.peer), 'a receipt names who handled it', { what, value })
        continue
      }
      const why = { what, code: error.code, message: error.message, cause: error.cause }
      play.must(REASONS.has(error.code ?? ''), 'what rejected says why', why)
      play.must(error.code !== 'ERR_MAX_RETRIES' || error.cause instanceof Error, 'what rejected says why', why)
      const bounded = options.ttl !== undefined || options.timeout !== undefined
      play.must(bounded || options.maxRetries !== MANY_RETRIES, 'the group’s other members take over', why)
      play.must(number < after, 'once the faults have ended everything is delivered', why)
      const limit = Math.min(options.ttl ?? Number.POSITIVE_INFINITY, options.timeout ?? Number.POSITIVE_INFINITY)
      play.must(ended! - began <= limit + 1, 'no send outlives its time', { ...why, took: ended! - began })
    }
  }
}
