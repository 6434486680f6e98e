import { ROUTING_DEFAULTS } from '../../../src/core/routing/settings.ts'
import { Storm } from '../storm.ts'
import type { Watched } from '../watched.ts'
import { Responders } from './responders.ts'
import type { Scenario } from './types.ts'

/** ms that a time-out may be late: the granularity of the alarm that serves all calls. */
const SLACK = 60

interface Call {
  number: number
  watched: Watched<{ data: unknown }>
  /** ms of virtual time by which it has to have ended, whatever happens. */
  due: number
}

interface Stream {
  what: string
  asked: number
  parts: number[]
  watched: Watched<void>
}

/** Each call ends once and in time, with its own reply; cancellation travels; streams have no gaps. */
export const requestResponse: Scenario = {
  name: 'request-response',
  async play(play) {
    const { chance } = play
    const nodes = 3 + chance.below(3)
    const mesh = await play.mesh({ nodes, ...play.network() })
    const servers = Array.from({ length: nodes - 1 }, (_, i) => i + 1)
    const responders = new Responders(play, mesh, (i) => storm.lifeOf(i))
    const revive = (i: number) => responders.host(i)
    const storm = new Storm(play, mesh, { nodes, victims: servers, together: [], revive })
    await mesh.run(Promise.all(servers.map(revive)))
    const caller = await mesh.run(mesh.nodes[0]!.agent('caller'))
    const calls: Call[] = []
    const streams: Stream[] = []

    const call = (type: string): void => {
      const number = calls.length
      const timeout = Math.ceil(chance.between(1, 8_000))
      const patience = type === 'hang' ? Math.ceil(chance.between(1, 10_000)) : Number.POSITIVE_INFINITY
      const abort = new AbortController()
      if (Number.isFinite(patience)) void mesh.sleep(patience).then(() => abort.abort())
      const idempotent = chance.happens(0.3)
      const options = { type, timeout, idempotent, ...(type === 'hang' && { signal: abort.signal }) }
      const asking = caller.request('server', { number, idempotent }, options)
      const watched = play.watch(mesh, `${type} ${number}, ${timeout} ms`, asking)
      calls.push({ number, watched, due: mesh.now + Math.min(timeout, patience) })
    }
    const stream = (): void => {
      const asked = chance.pick([0, 1, 10, 200])
      const parts: number[] = []
      const read = async (): Promise<void> => {
        for await (const { data } of caller.stream('server', asked, { type: 'count' })) parts.push(data)
      }
      const what = `stream ${streams.length} of ${asked}`
      streams.push({ what, asked, parts, watched: play.watch(mesh, what, read()) })
    }

    await storm.rage(chance.between(5_000, 20_000), () => {
      const type = chance.pick(['echo', 'echo', 'slow', 'fail', 'hang', 'count'])
      if (type === 'count') stream()
      else call(type)
    })
    await play.ended(
      mesh,
      [...calls, ...streams].map(({ watched }) => watched),
      'each call ends'
    )
    await responders.abandoned()

    // All circuits have closed, and one of several servers dies with calls in its hands.
    await mesh.advance(ROUTING_DEFAULTS.circuit.maxCoolDown)
    for (const i of servers) {
      const target = { name: 'server', peer: mesh.nodes[i]!.peerId }
      await mesh.run(caller.request(target, { number: -i, idempotent: true }, { type: 'echo', idempotent: true }))
    }
    const retried = Array.from({ length: 12 }, (_, i) => {
      const number = calls.length + i
      const options = { type: 'slow', idempotent: true, timeout: 60_000 }
      const asking = caller.request('server', { number, idempotent: true }, options)
      return play.watch(mesh, `idempotent ${number}`, asking)
    })
    await mesh.advance(chance.between(0, 1_000))
    storm.crash(chance.pick(servers))
    await play.ended(mesh, retried, 'each call ends')
    const failed = retried.find(({ error }) => error !== undefined)
    play.must(failed === undefined, 'what is idempotent is tried elsewhere', {
      what: failed?.what,
      error: failed?.error
    })

    for (const { number, watched, due } of calls) {
      const { what, value, error, ended } = watched
      play.must(ended! <= due + SLACK, 'a call ends in its time', { what, late: ended! - due, code: error?.code })
      if (error === undefined)
        play.must(value!.data === number, 'a reply is its request’s', { what, data: value!.data })
      else play.must(error.code !== undefined, 'what failed says why', { what, error })
    }
    for (const { what, asked, parts, watched } of streams) {
      const gap = parts.findIndex((part, i) => part !== i)
      play.must(gap < 0, 'a stream has no gap and keeps its order', { what, around: parts.slice(gap - 1, gap + 2) })
      const whole = parts.length === asked
      play.must(whole || watched.error !== undefined, 'a stream is whole or ends with an error', {
        what,
        got: parts.length
      })
      play.must(watched.error === undefined || watched.error.code !== undefined, 'what failed says why', { what })
    }
  }
}
