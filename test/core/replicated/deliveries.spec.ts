import assert from 'node:assert/strict'
import { formatId } from '../../../protocols/envelope/id.ts'
import { Deliveries, lockOf } from '../../../src/core/replicated/deliveries.ts'
import { MOST_RANGES, MOST_TEXTS } from '../../../src/core/replicated/delivery-source.ts'
import { Locks } from '../../../src/core/replicated/locks.ts'
import { codeOf, LoneReplica, told } from './ground.ts'

const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const SOURCE = 'phoenix://sender/agent'
const LINEAGE = 'a0123456789'
const DAY = 86_400_000
const NOW = 20_000 * DAY
const idOf = (counter: number, ms = NOW, lineage = LINEAGE) => formatId(ms, counter, lineage)

interface Step {
  delivery?: string
  token?: number
  reads?: [string, number][]
  changes?: [string, Uint8Array | undefined][]
}

const ground = () => {
  const replica = new LoneReplica(() => {
    const locks = new Locks()
    return { locks, deliveries: new Deliveries(locks) }
  })
  const step = (body: Step) => replica.tell('deliveries', { step: { reads: [], changes: [], ...body } })
  const acquire = (delivery: string, waiter = 'host') =>
    told(replica.tell('locks', { acquire: lockOf(delivery), waiter, ttl: 1_000 })) as number
  const ask = (question: unknown) => replica.state.query('deliveries', question)
  const deliver = (id: string, source = SOURCE) => {
    const delivery = `${source} ${id}`
    return step({ delivery, token: acquire(delivery) })
  }
  const delivered = (id: string, source = SOURCE) => ask({ delivered: `${source} ${id}` })
  return { replica, step, acquire, ask, deliver, delivered }
}

describe('a step', () => {
  it('records the delivery and changes the state, and lets go of the lock', () => {
    const { replica, step, acquire, ask } = ground()
    const delivery = `${SOURCE} a`
    const token = acquire(delivery)
    acquire(delivery, 'another')
    assert.equal(ask({ delivered: delivery }), false)
    told(step({ delivery, token, reads: [['total', 0]], changes: [['total', bytes('1')]] }))
    assert.equal(ask({ delivered: delivery }), true)
    assert.deepEqual(ask({ get: 'total' }), { value: bytes('1'), version: replica.index })
    assert.equal(replica.state.query('locks', { granted: lockOf(delivery), waiter: 'another' }), replica.index)
  })

  it('does nothing without the lock, even if it was held once', () => {
    const { step, acquire, ask, replica } = ground()
    const delivery = `${SOURCE} a`
    const changes: Step['changes'] = [['total', bytes('1')]]
    assert.equal(codeOf(step({ delivery, token: 1, changes })), 'ERR_COORDINATION_TIMEOUT')
    const lost = acquire(delivery, 'first')
    acquire(delivery, 'second')
    replica.tell('locks', { expire: lockOf(delivery), token: lost, renewals: 0 })
    assert.equal(codeOf(step({ delivery, token: lost, changes })), 'ERR_COORDINATION_TIMEOUT')
    assert.equal(ask({ delivered: delivery }), false)
    assert.equal(ask({ get: 'total' }), undefined)
    const held = replica.state.query('locks', { granted: lockOf(delivery), waiter: 'second' }) as number
    told(step({ delivery, token: held, changes }))
  })

  it('happens once for a delivery, whoever holds its lock later', () => {
    const { step, acquire, ask } = ground()
    const delivery = `${SOURCE} a`
    told(step({ delivery, token: acquire(delivery), changes: [['total', bytes('1')]] }))
    const again = step({ delivery, token: acquire(delivery), changes: [['total', bytes('2')]] })
    assert.equal(codeOf(again), 'ERR_SETTLED')
    assert.deepEqual((ask({ get: 'total' }) as { value: Uint8Array }).value, bytes('1'))
  })

  it('changes nothing where what it read has changed', () => {
    const { replica, step, acquire, ask } = ground()
    told(step({ changes: [['a', bytes('1')]] }))
    const version = replica.index
    told(step({ reads: [['a', version]], changes: [['a', bytes('2')]] }))
    const delivery = `${SOURCE} a`
    const token = acquire(delivery)
    const stale = step({
      delivery,
      token,
      reads: [
        ['b', 0],
        ['a', version]
      ],
      changes: [['b', bytes('x')]]
    })
    assert.equal(codeOf(stale), 'ERR_CONFLICT')
    assert.equal(ask({ delivered: delivery }), false)
    assert.equal(ask({ get: 'b' }), undefined)
    told(step({ delivery, token, reads: [['a', replica.index - 2]] }))
  })

  it('gives a key another version each time, and 0 to what is deleted', () => {
    const { replica, step, ask } = ground()
    const versions = new Set<number>()
    for (let round = 0; round < 3; round++) {
      told(step({ reads: [['a', 0]], changes: [['a', bytes('same')]] }))
      versions.add((ask({ get: 'a' }) as { version: number }).version)
      told(step({ reads: [['a', replica.index]], changes: [['a', undefined]] }))
      assert.equal(ask({ get: 'a' }), undefined)
    }
    assert.equal(versions.size, 3)
  })

  it('lists the state by prefix, in the order of the keys', () => {
    const { step, ask, replica } = ground()
    told(
      step({
        changes: [
          ['s/b', bytes('b')],
          ['s/a', bytes('a')],
          ['t', bytes('t')]
        ]
      })
    )
    assert.deepEqual(ask({ entries: 's/' }), [
      ['s/a', { value: bytes('a'), version: replica.index }],
      ['s/b', { value: bytes('b'), version: replica.index }]
    ])
    assert.deepEqual(replica.copy().state.query('deliveries', { entries: '' }), ask({ entries: '' }))
  })

  it('refuses what is none, and changes nothing', () => {
    const { replica, acquire } = ground()
    const token = acquire(`${SOURCE} a`)
    const before = replica.state.snapshot()
    const delivery = `${SOURCE} a`
    for (const body of [
      {},
      'step',
      { step: undefined },
      { step: { reads: [] } },
      { step: { changes: [] } },
      { step: { reads: [['a']], changes: [] } },
      { step: { reads: [['a', -1]], changes: [] } },
      { step: { reads: [], changes: [[1, bytes('')]] } },
      { step: { reads: [], changes: [['a', 'text']] } },
      { step: { reads: [], changes: ['a'] } },
      { step: { delivery, reads: [], changes: [] } },
      { step: { delivery: 7, token, reads: [], changes: [] } }
    ]) {
      assert.equal(codeOf(replica.tell('deliveries', body)), 'ERR_MALFORMED', JSON.stringify(body))
    }
    assert.deepEqual(replica.state.snapshot(), before)
    assert.throws(() => replica.state.query('deliveries', {}), { code: 'ERR_MALFORMED' })
  })
})

describe('the log of deliveries', () => {
  it('keeps one range of all that a source says to the group alone', () => {
    const { replica, deliver, delivered } = ground()
    told(deliver(idOf(7)))
    const before = replica.state.snapshot().length
    for (let counter = 8; counter < 3_000; counter++) told(deliver(idOf(counter, NOW + counter)))
    assert.ok(replica.state.snapshot().length < before + 20)
    for (const counter of [7, 8, 1_500, 2_999]) assert.equal(delivered(idOf(counter)), true)
    for (const counter of [6, 3_000]) assert.equal(delivered(idOf(counter)), false)
  })

  it('tells sources, lives of a node, and rounds of its counter apart', () => {
    const { deliver, delivered } = ground()
    told(deliver(idOf(7)))
    assert.equal(delivered(idOf(7), 'phoenix://other/agent'), false)
    assert.equal(delivered(idOf(7, NOW, 'b0123456789')), false)
    assert.equal(delivered(idOf(7, NOW + DAY)), false)
    assert.equal(delivered(idOf(7).toUpperCase()), false)
    told(deliver(idOf(7, NOW + DAY)))
    assert.equal(delivered(idOf(7, NOW + DAY)), true)
    assert.equal(delivered(idOf(7)), true)
  })

  it('sees that a counter starts over', () => {
    const { replica, deliver, delivered } = ground()
    const counters = [2 ** 32 - 2, 2 ** 32 - 1, 0, 1]
    told(deliver(idOf(counters[0]!)))
    const before = replica.state.snapshot().length
    for (const counter of counters.slice(1)) told(deliver(idOf(counter)))
    assert.equal(replica.state.snapshot().length, before)
    for (const counter of counters) assert.equal(delivered(idOf(counter)), true)
    for (const counter of [2 ** 32 - 3, 2]) assert.equal(delivered(idOf(counter)), false)
  })

  it('refuses what it forgot of ids with gaps, so that none is delivered twice', () => {
    const { replica, deliver, delivered, acquire, step } = ground()
    const total = MOST_RANGES + 1
    for (let i = 0; i < total; i++) told(deliver(idOf(2 * i)))
    assert.equal(delivered(idOf(2 * (total - 1))), true)
    assert.equal(delivered(idOf(2 * (total - 1) - 1)), false)
    assert.equal(delivered(idOf(2 * (total - MOST_RANGES / 2))), true)
    for (const one of [replica, replica.copy()]) {
      for (const forgotten of [0, 1, 2]) {
        const question = { delivered: `${SOURCE} ${idOf(forgotten)}` }
        assert.throws(() => one.state.query('deliveries', question), { code: 'ERR_GAP' })
      }
    }
    const delivery = `${SOURCE} ${idOf(0)}`
    assert.equal(codeOf(step({ delivery, token: acquire(delivery) })), 'ERR_GAP')
    // Another source keeps what it has.
    told(deliver(idOf(0), 'phoenix://other/agent'))
    assert.equal(delivered(idOf(0), 'phoenix://other/agent'), true)
  }).timeout(60_000)

  it('forgets by age where each id is a node’s of its own', () => {
    const { replica, deliver, delivered } = ground()
    const id = (i: number) => idOf(i, NOW + i, `8${i.toString(16).padStart(10, '0')}`)
    for (let i = 0; i <= MOST_RANGES; i++) told(deliver(id(i)))
    const copy = replica.copy()
    for (const one of [replica, copy, copy.copy()]) {
      const delivered = (i: number) => one.state.query('deliveries', { delivered: `${SOURCE} ${id(i)}` })
      assert.throws(() => delivered(0), { code: 'ERR_GAP' })
      assert.deepEqual([delivered(1), delivered(MOST_RANGES), delivered(MOST_RANGES + 1)], [true, true, false])
    }
    // Who was restored forgets the same next.
    const delivery = `${SOURCE} ${id(MOST_RANGES + 1)}`
    for (const one of [replica, copy]) {
      const token = told(one.tell('locks', { acquire: lockOf(delivery), waiter: 'host', ttl: 1 }))
      told(one.tell('deliveries', { step: { delivery, token, reads: [], changes: [] } }))
    }
    assert.ok(Buffer.from(replica.state.snapshot()).equals(copy.state.snapshot()))
    assert.throws(() => delivered(id(1)), { code: 'ERR_GAP' })
  }).timeout(60_000)

  it('knows the last of a sender’s own ids', () => {
    const { deliver, delivered, replica } = ground()
    for (let i = 0; i < 3 * MOST_TEXTS; i++) told(deliver(`order ${i}`))
    for (const one of [replica, replica.copy()]) {
      const question = { delivered: `${SOURCE} order ${MOST_TEXTS}` }
      assert.equal(one.state.query('deliveries', question), true)
    }
    assert.equal(delivered(`order ${3 * MOST_TEXTS - 1}`), true)
    assert.equal(delivered('order 0'), false)
    assert.equal(delivered(`order ${3 * MOST_TEXTS}`), false)
  })

  it('refuses a snapshot that is none', () => {
    const page = ['9 a', 1, 1, -5, [1, 2]]
    const source = ['s', 1, -1, [page], undefined]
    for (const state of [
      [2, source, source],
      [2, source],
      [1, ['s', 1, -1, [['9 a', 1, 1, -5, [2, 1]]], undefined]],
      [1, ['s', 1, -1, [['9 a', 1, 1, -5, [1, 2, 3, 4]]], undefined]],
      [1, ['s', 1, -1, [['9 a', 1, 1, -5, [1]]], undefined]],
      [1, ['s', 1, -1, [], [['a'], []]]],
      [1, source, 'key'],
      [1, source, 'key', undefined, 1],
      [-1, source],
      7
    ]) {
      assert.throws(() => new Deliveries(new Locks()).restore(state), { code: 'ERR_MALFORMED' }, JSON.stringify(state))
    }
    new Deliveries(new Locks()).restore([1, source, 'key', bytes('a'), 1])
  })
})
