import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MeshError } from '../../../protocols/errors.ts'
import { encodeMessage } from '../../../protocols/overlay/codec.ts'
import { KIND } from '../../../protocols/overlay/constants.ts'
import { signRecord } from '../../../protocols/overlay/record.ts'
import type { MembershipEvent } from '../../../src/core/membership/types.ts'
import { bootstrapFile, parseAddresses } from '../../../src/runtime/membership/bootstrap.ts'
import type { MembershipDriver } from '../../../src/runtime/membership/types.ts'
import { FakeNetwork } from './fake.ts'

const bootstrap = ['/memory/a/p2p/a']

async function mesh(names: string[], seed = 1) {
  const network = new FakeNetwork(seed)
  const nodes = names.map((name) => network.node(name, { bootstrap }))
  await Promise.all(nodes.map(({ membership }) => membership.start()))
  await network.clock.advance(5_000)
  return { network, nodes, clock: network.clock }
}

function peers(membership: MembershipDriver): string[] {
  return [...membership.members()].map((member) => member.record.peer).sort()
}

async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'resolved',
    (error: unknown) => error
  )
}

describe('membership driver', () => {
  it('joins all through one bootstrap address', async () => {
    const { nodes } = await mesh(['a', 'b', 'c', 'd', 'e'])
    for (const { membership, host } of nodes) {
      assert.equal(membership.partial, false)
      assert.deepEqual(
        peers(membership),
        ['a', 'b', 'c', 'd', 'e'].filter((name) => name !== host.peer)
      )
      assert.deepEqual(host.connected().length, 4)
      await membership.joined(4)
    }
  })

  it('resolves announced once every member holds the entry, and not before', async () => {
    const { nodes, clock } = await mesh(['a', 'b', 'c'])
    const [a, b, c] = nodes
    const version = a!.membership.set('agent/worker/1', { n: 1 })
    let done = false
    const announced = a!.membership.announced(version).then(() => {
      done = true
    })
    await clock.advance(0)
    assert.equal(done, false)
    await clock.advance(10)
    await announced
    for (const { membership } of [b!, c!]) {
      assert.deepEqual(membership.member('a')?.entries.get('agent/worker/1')?.value, { n: 1 })
    }
  })

  it('holds back announced while one member does not answer, and lets go of it when that one is dead', async () => {
    const { network, nodes, clock } = await mesh(['a', 'b', 'c'])
    network.hosts.get('c')!.mute = true
    let done = false
    const version = nodes[0]!.membership.set('k', 1)
    const announced = nodes[0]!.membership.announced(version).then(() => {
      done = true
    })
    await clock.advance(1_000)
    assert.equal(done, false)
    await clock.advance(6_000)
    await announced
    assert.deepEqual(peers(nodes[0]!.membership), ['b'])
  })

  it('resolves announced where nobody else is: at once while stopped, and when it has looked', async () => {
    const network = new FakeNetwork(1)
    const { membership } = network.node('a')
    await membership.announced(membership.set('k', 1))
    await membership.start()
    const announced = membership.announced(membership.set('k', 2))
    await network.clock.advance(1)
    await announced
    await membership.stop({ leave: true })
  })

  it('notices a half-open peer within the failure timeout, hangs up, and takes it back when it speaks again', async () => {
    const { network, nodes, clock } = await mesh(['a', 'b', 'c'])
    const events: MembershipEvent[] = []
    nodes[0]!.membership.subscribe((event) => events.push(event))
    network.hosts.get('c')!.mute = true
    await clock.advance(5_300)
    assert.deepEqual(
      events.map((event) => (event.kind === 'member-down' ? event.reason : event.kind)),
      ['member-suspect', 'dead']
    )
    assert.deepEqual(peers(nodes[0]!.membership), ['b'])
    network.hosts.get('c')!.mute = false
    await clock.advance(30_000)
    for (const { membership } of nodes) assert.equal(peers(membership).length, 2)
  })

  it('leaves on stop, at once for the others, and comes back in a new life', async () => {
    const { nodes, clock } = await mesh(['a', 'b', 'c'])
    const events: MembershipEvent[] = []
    const b = nodes[1]!
    b.membership.set('agent/x/1', true)
    await clock.advance(100)
    nodes[0]!.membership.subscribe((event) => events.push(event))
    const stopped = b.membership.stop({ leave: true })
    await clock.advance(10)
    await stopped
    const down = events.find((event) => event.kind === 'member-down')
    assert.equal(down?.kind === 'member-down' && down.reason, 'left')
    assert.ok(down?.member.entries.has('agent/x/1'), 'the event still carries what the member announced')
    await clock.advance(10_000)
    assert.deepEqual(peers(nodes[0]!.membership), ['c'])
    await b.membership.start()
    await clock.advance(5_000)
    assert.deepEqual(peers(nodes[0]!.membership), ['b', 'c'])
    assert.ok(nodes[0]!.membership.member('b')?.entries.has('agent/x/1'))
    assert.deepEqual(peers(b.membership), ['a', 'c'])
  })

  it('bounds the farewell where nobody answers, and rejects who still waits', async () => {
    const { network, nodes, clock } = await mesh(['a', 'b'])
    network.hosts.get('b')!.mute = true
    const a = nodes[0]!.membership
    const waiting = outcome(a.joined(99))
    let done = false
    const stopped = a.stop({ leave: true }).then(() => {
      done = true
    })
    await clock.advance(400)
    assert.equal(done, false)
    await clock.advance(200)
    await stopped
    assert.equal(((await waiting) as MeshError).code, 'ERR_STOPPED')
    assert.equal(((await outcome(a.joined(99))) as MeshError).code, 'ERR_STOPPED', 'and who comes')
  })

  it('lets a wait be aborted', async () => {
    const network = new FakeNetwork(1)
    const { membership } = network.node('a')
    const abort = new AbortController()
    const waiting = outcome(membership.joined(1, { signal: abort.signal }))
    abort.abort(new MeshError('ERR_TIMEOUT', 'too late'))
    assert.equal(((await waiting) as MeshError).code, 'ERR_TIMEOUT')
    assert.equal(
      ((await outcome(membership.joined(1, { signal: AbortSignal.abort() }))) as MeshError).code,
      'ERR_ABORTED'
    )
  })

  it('measures round-trip times', async () => {
    const { nodes } = await mesh(['a', 'b'])
    assert.equal(nodes[0]!.membership.rtt('b'), 2)
    assert.equal(nodes[0]!.membership.rtt('nobody'), undefined)
  })

  it('redials bootstrap with growing waits until somebody is there', async () => {
    const network = new FakeNetwork(3)
    const errors: string[] = []
    const b = network.node('b', { bootstrap }, (error) => errors.push(error.code))
    await b.membership.start()
    await network.clock.advance(60_000)
    const early = b.host.dials.length
    assert.deepEqual(new Set(errors), new Set(['ERR_BOOTSTRAP']))
    assert.ok(early >= 6 && early <= 40, `${early} dials in a minute`)
    const a = network.node('a')
    await a.membership.start()
    await network.clock.advance(16_000)
    assert.deepEqual(peers(a.membership), ['b'])
  })

  it('never dials its own bootstrap address', async () => {
    const network = new FakeNetwork(1)
    const { host, membership } = network.node('a', { bootstrap: ['/memory/a', '/memory/a/p2p/a'] })
    await membership.start()
    await network.clock.advance(30_000)
    assert.deepEqual(host.dials, [])
  })

  it('refuses a record that its owner did not sign, and who hands it on loses the stream', async () => {
    const { network, nodes, clock } = await mesh(['a', 'b'])
    const record = { ...nodes[1]!.membership.self, name: 'false', incarnation: Number.MAX_SAFE_INTEGER, expires: 2e12 }
    const record2 = await signRecord(record, async () => new Uint8Array(32))
    const { kind, body } = encodeMessage({
      kind: 'delta',
      last: false,
      items: [
        {
          peer: 'b',
          incarnation: record.incarnation,
          refutation: 0,
          state: 'alive',
          accuser: undefined,
          record: record2,
          from: 0,
          to: 0,
          done: true,
          full: false,
          floor: 0,
          entries: []
        }
      ]
    })
    const host = network.hosts.get('a')!
    host.take('b', kind, body)
    await clock.advance(10)
    assert.deepEqual(
      host.aborted.map((error) => error.code),
      ['ERR_UNTRUSTED']
    )
    assert.equal(nodes[0]!.membership.member('b')?.record.name, 'b')
    assert.equal(nodes[0]!.membership.member('b')?.state, 'alive')
  })

  it('takes garbage as the loss of a stream, not more', async () => {
    const { network, nodes } = await mesh(['a', 'b'])
    const host = network.hosts.get('a')!
    host.take('b', KIND.delta, Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff))
    host.take('b', 99, Uint8Array.of(0x90))
    assert.deepEqual(
      host.aborted.map((error) => error.code),
      ['ERR_MALFORMED', 'ERR_PROTOCOL']
    )
    assert.deepEqual(peers(nodes[0]!.membership), ['b'])
  })

  it('forgets a peer that does not speak the protocol', async () => {
    const { network, clock } = await mesh(['a', 'b'])
    const host = network.hosts.get('a')!
    network.hosts.get('b')!.mute = true
    await clock.advance(5)
    host.handler!.closed!(host.to('b'), new MeshError('ERR_UNSUPPORTED', 'no such protocol'))
    const { sent } = host
    const dials = host.dials.length
    await clock.advance(3_000)
    assert.equal(host.sent, sent)
    assert.ok(host.dials.length - dials < 6, 'a peer that is of no use is not dialled over and over')
  })

  it('copies what is announced, and refuses what cannot be', async () => {
    const network = new FakeNetwork(1)
    const { membership } = network.node('a')
    const circle: Record<string, unknown> = {}
    circle.self = circle
    for (const value of [circle, () => {}, 2n ** 80n]) {
      assert.throws(() => membership.set('k', value), { code: 'ERR_UNREPRESENTABLE' })
    }
    assert.throws(() => membership.set('k', 'x'.repeat(20_000)), { code: 'ERR_LIMIT' })
    assert.throws(() => membership.set('k'.repeat(600), 1), { code: 'ERR_LIMIT' })
    assert.equal(membership.set('k', 1), 1)
  })

  it('refuses an unknown option by name', () => {
    const network = new FakeNetwork(1)
    assert.throws(() => network.node('a', { nonsense: 1 } as object), {
      code: 'ERR_CONFIG',
      details: { key: 'nonsense' }
    })
    for (const broken of [{ maxMembers: 0 }, { maxMembers: 513 }, { failureTimeout: 0 }, { dialBackoff: Number.NaN }]) {
      assert.throws(() => network.node('b', broken), { code: 'ERR_CONFIG' })
    }
  })

  it('signs its record anew at half of its life, in the same incarnation', async () => {
    const network = new FakeNetwork(1)
    const nodes = ['a', 'b'].map((name) => network.node(name, { bootstrap, recordLifetime: 20_000 }))
    await Promise.all(nodes.map(({ membership }) => membership.start()))
    await network.clock.advance(3_000)
    const events: MembershipEvent[] = []
    nodes[1]!.membership.subscribe((event) => events.push(event))
    const before = nodes[1]!.membership.signedRecord('a')!
    await network.clock.advance(10_000)
    const after = nodes[1]!.membership.signedRecord('a')!
    assert.equal(after.record.incarnation, before.record.incarnation)
    assert.ok(after.record.expires > before.record.expires)
    assert.deepEqual(events, [])
    assert.deepEqual(after, nodes[0]!.membership.signedRecord('a'))
  })
})

describe('bootstrap file', () => {
  it('is read at each attempt', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'phoenix-'))
    try {
      const path = join(folder, 'peers')
      const read = bootstrapFile(path)
      await assert.rejects(read(), { code: 'ERR_BOOTSTRAP' })
      await writeFile(path, '# ours\n/ip4/1.2.3.4/tcp/1\r\n\n')
      assert.deepEqual(await read(), ['/ip4/1.2.3.4/tcp/1'])
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('skips comments and blank lines', () => {
    assert.deepEqual(parseAddresses(' a \n#b\n\nc'), ['a', 'c'])
  })
})
