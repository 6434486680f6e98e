import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Locks } from '../../../src/core/replicated/locks.ts'
import { codeOf, LoneReplica, told } from './ground.ts'

const TTL = 1_000

const ground = () => {
  const replica = new LoneReplica(() => ({ locks: new Locks() }))
  const tell = (body: unknown) => told(replica.tell('locks', body))
  const ask = (question: unknown) => replica.state.query('locks', question)
  const acquire = (waiter: string, name = 'lock') => tell({ acquire: name, waiter, ttl: TTL })
  const granted = (waiter: string, name = 'lock') => ask({ granted: name, waiter })
  const deadlines = (after = 0) => ask({ deadlines: after }) as [ttl: number, command: Record<string, unknown>][]
  return { replica, tell, ask, acquire, granted, deadlines }
}

const deed = fc.record({
  kind: fc.constantFrom('acquire', 'release', 'leave', 'expire', 'forget'),
  lock: fc.constantFrom('one', 'two'),
  waiter: fc.constantFrom('a', 'b', 'c', 'd')
})

describe('locks', () => {
  it('are what lines would be, whatever is done, and no token comes twice', () =>
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 60 }), (deeds) => {
        const { tell, ask, granted, acquire, deadlines } = ground()
        const lines = new Map<string, string[]>([
          ['one', []],
          ['two', []]
        ])
        const tokens = new Map<string, number>()
        for (const { kind, lock, waiter } of deeds) {
          const line = lines.get(lock)!
          const at = line.indexOf(waiter)
          const token = granted(waiter, lock)
          const [, due] = deadlines().find(([, { forget, waiter: its }]) => forget === lock && its === waiter) ?? []
          if (kind === 'acquire') {
            acquire(waiter, lock)
            if (at < 0) line.push(waiter)
          } else if (kind === 'leave') {
            assert.equal(tell({ leave: lock, waiter }), at >= 0)
            if (at >= 0) line.splice(at, 1)
          } else if (kind === 'forget') {
            assert.equal(due !== undefined, at > 0)
            if (due !== undefined) assert.equal(tell(due), true)
            if (at > 0) line.splice(at, 1)
          } else if (token !== undefined) {
            const expiry = deadlines().find(([, { expire }]) => expire === lock)![1]
            assert.equal(tell(kind === 'release' ? { release: lock, token } : expiry), true)
            line.shift()
          }
          for (const [name, [first, ...others]] of lines) {
            const holder = ask({ holder: name }) as { waiter: string; token: number } | undefined
            assert.equal(holder?.waiter, first)
            for (const other of others) assert.equal(granted(other, name), undefined)
            if (holder === undefined) continue
            const owner = `${name} ${first}`
            if (tokens.get(owner) === holder.token) continue
            assert.ok(holder.token > Math.max(0, ...tokens.values()))
            tokens.set(owner, holder.token)
          }
        }
      })
    ))
})

describe('a lock', () => {
  it('is its first waiter’s, under the index of the entry that granted it', () => {
    const { replica, acquire, granted, ask } = ground()
    const token = acquire('a')
    assert.equal(token, replica.index)
    assert.equal(granted('a'), token)
    assert.deepEqual(ask({ holder: 'lock' }), { waiter: 'a', token, ttl: TTL })
    assert.equal(acquire('b'), undefined)
    assert.equal(granted('b'), undefined)
    assert.equal(ask({ holder: 'other' }), undefined)
    assert.equal(granted('a', 'other'), undefined)
  })

  it('goes from one to the next in the order in which they came, with tokens that grow', () => {
    const { acquire, granted, tell, ask } = ground()
    let token = acquire('a') as number
    for (const waiter of ['b', 'c', 'd']) acquire(waiter)
    for (const next of ['b', 'c', 'd']) {
      assert.equal(tell({ release: 'lock', token }), true)
      const after = granted(next) as number
      assert.ok(after > token)
      token = after
    }
    assert.equal(tell({ release: 'lock', token }), true)
    assert.equal(ask({ holder: 'lock' }), undefined)
    assert.ok((acquire('a') as number) > token)
  })

  it('has tokens that grow from lock to lock, and from a replica to the one that follows it', () => {
    const { replica, acquire } = ground()
    const token = acquire('a') as number
    const copy = replica.copy()
    assert.ok((told(copy.tell('locks', { acquire: 'other', waiter: 'a', ttl: TTL })) as number) > token)
  })

  it('is not renewed or released under a token that is none', () => {
    const { acquire, granted, tell } = ground()
    const first = acquire('a') as number
    acquire('b')
    tell({ release: 'lock', token: first })
    for (const token of [first, 0, 1_000]) {
      assert.equal(tell({ release: 'lock', token }), false)
      assert.equal(tell({ renew: 'lock', token }), false)
    }
    assert.equal(tell({ release: 'other', token: first }), false)
    const second = granted('b')
    assert.ok(second !== undefined)
    assert.equal(tell({ renew: 'lock', token: second }), true)
  })

  it('is the same when a waiter asks again', () => {
    const { acquire, granted, tell, replica } = ground()
    const token = acquire('a')
    assert.equal(acquire('a'), token)
    acquire('b')
    acquire('c')
    assert.equal(acquire('b'), undefined)
    tell({ release: 'lock', token })
    const held = granted('b')
    assert.equal(held, replica.index)
    assert.equal(acquire('b'), held)
    tell({ release: 'lock', token: held })
    assert.equal(granted('c'), replica.index)
    assert.equal(granted('b'), undefined)
  })

  it('is lost when its holder was not heard of, and is the next one’s', () => {
    const { acquire, granted, tell, deadlines } = ground()
    const token = acquire('a')
    acquire('b')
    const [ttl, expiry] = deadlines().at(-1)!
    assert.deepEqual([ttl, expiry], [TTL, { expire: 'lock', token, renewals: 0 }])
    assert.equal(tell(expiry), true)
    assert.equal(granted('a'), undefined)
    assert.ok((granted('b') as number) > (token as number))
    assert.equal(tell({ renew: 'lock', token }), false)
    assert.equal(tell(expiry), false)
  })

  it('is not lost by what was seen before it was renewed', () => {
    const { acquire, granted, tell, deadlines } = ground()
    const token = acquire('a')
    const [[, first]] = deadlines() as [[number, unknown]]
    tell({ renew: 'lock', token })
    assert.equal(tell(first), false)
    const [[, second]] = deadlines() as [[number, unknown]]
    acquire('a')
    assert.equal(tell(second), false)
    assert.equal(granted('a'), token)
    const [[, third]] = deadlines() as [[number, unknown]]
    assert.equal(tell(third), true)
    assert.equal(granted('a'), undefined)
  })

  it('is waited for by who is heard of', () => {
    const { acquire, granted, tell, deadlines, replica } = ground()
    const token = acquire('a')
    acquire('b')
    const since = replica.index
    acquire('c')
    const before = { forget: 'lock', waiter: 'b', since, renewals: 0 }
    assert.deepEqual(deadlines(since - 1).at(-1), [TTL, before])
    acquire('b')
    assert.equal(tell(before), false)
    assert.equal(tell({ ...before, renewals: 1 }), true)
    assert.equal(tell({ ...before, renewals: 1 }), false)
    acquire('c')
    tell({ release: 'lock', token })
    assert.ok(granted('c') !== undefined)
    assert.deepEqual(deadlines(replica.index - 1), [[TTL, { expire: 'lock', token: granted('c'), renewals: 0 }]])
    // What was seen of a waiter says nothing of the holder that it became.
    assert.equal(tell({ forget: 'lock', waiter: 'c', since: granted('c'), renewals: 0 }), false)
  })

  it('is left by who does not want it any more', () => {
    const { acquire, granted, tell } = ground()
    const token = acquire('a')
    for (const waiter of ['b', 'c', 'd']) acquire(waiter)
    assert.equal(tell({ leave: 'lock', waiter: 'b' }), true)
    assert.equal(tell({ leave: 'lock', waiter: 'b' }), false)
    tell({ release: 'lock', token })
    assert.ok(granted('c') !== undefined)
    assert.equal(tell({ leave: 'lock', waiter: 'c' }), true)
    assert.ok(granted('d') !== undefined)
    assert.equal(tell({ leave: 'other', waiter: 'd' }), false)
  })

  it('tells who keeps time of what later entries renewed', () => {
    const { acquire, tell, deadlines, replica } = ground()
    const a = acquire('a', 'one')
    const b = acquire('b', 'two')
    const seen = replica.index
    assert.equal(deadlines().length, 2)
    assert.deepEqual(deadlines(seen), [])
    acquire('c', 'two')
    tell({ renew: 'one', token: a })
    const commands = deadlines(seen).map(([, command]) => command)
    assert.deepEqual(commands, [
      { expire: 'one', token: a, renewals: 1 },
      { forget: 'two', waiter: 'c', since: seen + 1, renewals: 0 }
    ])
    tell({ release: 'two', token: b })
    assert.deepEqual(deadlines(replica.index - 1), [[TTL, { expire: 'two', token: replica.index, renewals: 0 }]])
    for (const renewals of [2, 3]) {
      tell({ renew: 'one', token: a })
      assert.deepEqual(deadlines(replica.index - 1), [[TTL, { expire: 'one', token: a, renewals }]])
    }
    assert.equal(deadlines().length, 2)
  })

  it('is bounded in who waits', () => {
    const { acquire, replica, tell } = ground()
    const token = acquire('holder')
    for (let i = 0; i < 1_024; i++) acquire(`waiter-${i}`)
    const one = { acquire: 'lock', waiter: 'one too many', ttl: TTL }
    assert.equal(codeOf(replica.tell('locks', one)), 'ERR_LIMIT')
    tell({ release: 'lock', token })
    assert.equal(codeOf(replica.tell('locks', one)), undefined)
  })

  it('is one of at most 65,536 leases, as many after a restart', () => {
    const { replica, tell } = ground()
    for (let i = 0; i < 65_535; i++) tell({ acquire: `${i}`, waiter: 'a', ttl: TTL })
    for (const one of [replica.copy(), replica]) {
      const acquire = (name: string) => codeOf(one.tell('locks', { acquire: name, waiter: 'b', ttl: TTL }))
      assert.deepEqual([acquire('last'), acquire('one too many')], [undefined, 'ERR_LIMIT'])
      one.tell('locks', { leave: '0', waiter: 'a' })
      assert.equal(acquire('one more'), undefined)
    }
  })

  it('refuses what it does not know, and changes nothing', () => {
    const { acquire, replica } = ground()
    acquire('a')
    const before = replica.state.snapshot()
    const bad = [
      {},
      'acquire',
      undefined,
      { acquire: 1, waiter: 'a', ttl: TTL },
      { acquire: 'lock', ttl: TTL },
      ...[0, -1, 0.5, NaN, '1', undefined, 86_400_001].map((ttl) => ({ acquire: 'lock', waiter: 'b', ttl })),
      ...[0, undefined].map((ttl) => ({ acquire: 'other', waiter: 'b', ttl })),
      ...[0, undefined].map((ttl) => ({ acquire: 'lock', waiter: 'a', ttl })),
      { renew: 'lock' },
      { release: 'lock', token: 'a' },
      { leave: 'lock' },
      { expire: 'lock', token: 1 },
      { forget: 'lock', waiter: 'a', since: 1 }
    ]
    for (const body of bad) {
      assert.equal(codeOf(replica.tell('locks', body)), 'ERR_MALFORMED', JSON.stringify(body))
    }
    assert.deepEqual(replica.state.snapshot(), before)
    for (const question of [{}, { granted: 'lock' }, { deadlines: 'all' }, 7]) {
      assert.throws(() => replica.state.query('locks', question), { code: 'ERR_MALFORMED' })
    }
  })

  it('goes on from a snapshot, lines included', () => {
    const { acquire, tell, replica, deadlines } = ground()
    const token = acquire('a')
    for (const waiter of ['b', 'c', 'd']) acquire(waiter)
    tell({ acquire: 'other', waiter: 'x', ttl: 5 })
    acquire('c')
    const copy = replica.copy()
    assert.deepEqual(copy.state.query('locks', { deadlines: 0 }), deadlines())
    for (const one of [replica, copy]) {
      one.tell('locks', { release: 'lock', token })
      assert.equal(one.state.query('locks', { granted: 'lock', waiter: 'b' }), one.index)
    }
    assert.deepEqual(copy.state.snapshot(), replica.state.snapshot())
  })

  it('refuses a snapshot whose locks contradict each other', () => {
    const lease = ['lock', 'a', TTL, 1, true, 0, 1]
    for (const state of [
      [lease, lease],
      [['lock', 'a', TTL, 1, false, 0, 1]],
      [['lock', 'a', 0, 1, true, 0, 1]],
      [7]
    ]) {
      assert.throws(() => new Locks().restore(state), { code: 'ERR_MALFORMED' })
    }
  })
})
