import assert from 'node:assert/strict'
import fc from 'fast-check'
import { formatId } from '../../../protocols/envelope/id.ts'
import { encodeCommand } from '../../../src/core/replicated/command.ts'
import { Deliveries, lockOf } from '../../../src/core/replicated/deliveries.ts'
import { keyValue } from '../../../src/core/replicated/key-value.ts'
import { Locks } from '../../../src/core/replicated/locks.ts'
import { Members } from '../../../src/core/replicated/members.ts'
import { Sequences } from '../../../src/core/replicated/sequences.ts'
import { LoneReplica, told } from './ground.ts'

const parts = () => {
  const locks = new Locks()
  return {
    machine: keyValue(),
    locks,
    deliveries: new Deliveries(locks),
    sequences: new Sequences(),
    members: new Members()
  }
}

const few = (...names: string[]) => fc.constantFrom(...names)
const value = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, true, -0, NaN, 7n, new Date(7), new Uint8Array([1, 2])),
  fc.constantFrom<unknown>(new Map([[{ a: 1 }, new Set([1])]]), { $set: 1 }, { b: 1, a: undefined }, [[]]),
  fc.string({ unit: 'grapheme' })
)
const name = few('a', 'b', 'c')
const waiter = few('x', 'y', 'z')
const id = fc
  .tuple(fc.nat(6), fc.nat(2), fc.boolean())
  .map(([n, days, own]) => (own ? `order-${n}` : formatId(days * 86_400_000, (n + 0xfffffffd) >>> 0, 'a0123456789')))
const delivery = fc.tuple(few('s://a', 's://b'), id).map((both) => both.join(' '))

/** A command, by what the replica holds when it is proposed. */
type Proposal = (replica: LoneReplica) => [part: string, body: unknown]

const holderOf = (replica: LoneReplica, lock: string) =>
  replica.state.query('locks', { holder: lock }) as { waiter: string; token: number } | undefined
const expiries = (replica: LoneReplica) => replica.state.query('locks', { deadlines: 0 }) as [number, unknown][]

const proposal: fc.Arbitrary<Proposal> = fc.oneof(
  fc.tuple(name, value).map(
    ([put, v]): Proposal =>
      () => ['machine', { put, value: v }]
  ),
  fc.tuple(name, value).map(
    ([compare, v]): Proposal =>
      (replica) => {
        const expected = replica.state.query('machine', { get: compare })
        return ['machine', { compare, expected, value: v }]
      }
  ),
  fc.tuple(name, waiter, fc.integer({ min: 1, max: 9 })).map(([acquire, who, ttl]): Proposal => {
    return () => ['locks', { acquire, waiter: who, ttl }]
  }),
  fc.tuple(few('renew', 'release'), name).map(
    ([deed, lock]): Proposal =>
      (replica) => {
        return ['locks', { [deed]: lock, token: holderOf(replica, lock)?.token ?? 0 }]
      }
  ),
  fc.tuple(name, waiter).map(
    ([leave, who]): Proposal =>
      () => ['locks', { leave, waiter: who }]
  ),
  fc.nat(9).map(
    (at): Proposal =>
      (replica) => {
        const due = expiries(replica)
        return ['locks', due[at % Math.max(due.length, 1)]?.[1]]
      }
  ),
  fc.tuple(delivery, waiter).map(
    ([what, who]): Proposal =>
      () => {
        return ['locks', { acquire: lockOf(what), waiter: who, ttl: 5 }]
      }
  ),
  fc.tuple(delivery, name, fc.option(fc.uint8Array({ maxLength: 3 }), { nil: undefined })).map(
    ([what, key, bytes]): Proposal =>
      (replica) => {
        const token = holderOf(replica, lockOf(what))?.token ?? 0
        const shared = replica.state.query('deliveries', { get: key }) as { version: number } | undefined
        const step = { delivery: what, token, reads: [[key, shared?.version ?? 0]], changes: [[key, bytes]] }
        return ['deliveries', { step }]
      }
  ),
  fc.tuple(name, id).map(
    ([next, what]): Proposal =>
      () => ['sequences', { next, id: what, data: 1 }]
  ),
  fc.tuple(name, value).map(
    ([joined, info]): Proposal =>
      () => ['members', { joined, info }]
  ),
  name.map(
    (left): Proposal =>
      () => ['members', { left }]
  ),
  fc.tuple(waiter, name).map(
    ([place, at]): Proposal =>
      () => ['members', { place, at }]
  ),
  fc.tuple(waiter, name, name).map(
    ([move, from, to]): Proposal =>
      () => ['members', { move, from, to }]
  ),
  fc.tuple(few('machine', 'locks', 'deliveries', 'members', 'none'), value).map(
    (body): Proposal =>
      () =>
        body
  )
)

const entry = fc.record({
  proposal,
  session: fc.nat(3),
  back: fc.oneof({ weight: 3, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.nat(5) }),
  waits: fc.nat(5),
  restarts: fc.boolean()
})

describe('replicas that apply the same log', () => {
  it('hold the same, byte for byte, wherever each was restored, and have the same outcomes', () =>
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 60 }), fc.nat(60), (entries, cut) => {
        const whole = new LoneReplica(parts)
        const sessions = [0, whole.open('first'), whole.open('second'), whole.open('third')]
        const last = [0, 0, 0, 0]
        let follower = whole.copy()
        let late: LoneReplica | undefined
        for (const [i, { proposal, session, back, waits, restarts }] of entries.entries()) {
          const [part, body] = proposal(whole)
          const number = session === 0 ? 0 : Math.max(1, last[session]! - back)
          if (session > 0) last[session] = Math.max(last[session]!, number)
          const oldest = session === 0 ? 0 : Math.max(1, number - waits)
          const command = encodeCommand({ session: sessions[session]!, number, oldest, part, body })
          if (i === cut) late = whole.copy()
          const outcome = whole.apply(command)
          assert.deepEqual(follower.apply(command), outcome)
          if (late !== undefined) assert.deepEqual(late.apply(command), outcome)
          if (restarts) follower = follower.copy()
        }
        const bytes = Buffer.from(whole.state.snapshot())
        assert.ok(bytes.equals(follower.state.snapshot()), 'who was restored on the way holds something else')
        assert.ok(late === undefined || bytes.equals(late.state.snapshot()), 'who came late holds something else')
      }),
      { numRuns: 300 }
    ))

  it('do what a session says once, and tell the first outcome until it is settled', () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20), fc.nat(20)), { maxLength: 80 }), (commands) => {
        const replica = new LoneReplica(parts)
        const session = replica.open()
        const done = new Map<number, unknown>()
        let settled = 1
        let applied = 0
        for (const [ahead, waits] of commands) {
          const number = ahead + 1
          const oldest = Math.max(1, number - waits)
          settled = Math.max(settled, oldest)
          const next = { next: 'key', id: `${replica.index}`, data: 0 }
          const outcome = replica.in(session, number, 'sequences', next, oldest)
          if (number < settled) assert.equal(outcome.ok, false)
          else {
            if (!done.has(number)) done.set(number, ++applied)
            assert.equal(told(outcome), done.get(number))
          }
        }
        assert.equal(replica.state.query('sequences', { last: 'key' }), applied)
      })
    ))
})
