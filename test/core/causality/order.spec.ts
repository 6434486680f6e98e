import assert from 'node:assert/strict'
import { BlockDecoder, decodeStamp } from '../../../protocols/causality/block-decoder.ts'
import { BlockEncoder, encodeStamp } from '../../../protocols/causality/block-encoder.ts'
import { DestinationKind, MAX_ENTRIES, publicationKind, Way } from '../../../protocols/causality/constants.ts'
import type { OutgoingStamp } from '../../../protocols/causality/messages.ts'
import { Cursor } from '../../../protocols/envelope/varint.ts'
import { type CausalHost, CausalOrder } from '../../../src/core/causality/order.ts'
import type { CausalEffect } from '../../../src/core/causality/types.ts'

const LIMITS = { gapTimeout: 5_000, waiting: 10, waitingBytes: 1_000 }

class Host {
  readonly order: CausalOrder<string>
  readonly effects: CausalEffect<string>[] = []
  readonly handed: string[] = []
  now = 0

  constructor(self: string, parts: Partial<CausalHost> = {}) {
    const nothing = { retained: () => false, unreceived: () => Number.POSITIVE_INFINITY }
    this.order = new CausalOrder<string>(
      { self, epoch: 1, wants: () => true, alive: () => true, ...nothing, ...parts },
      LIMITS
    )
  }

  readonly #sink = {
    push: (effect: CausalEffect<string>) => {
      this.effects.push(effect)
      if (effect.kind === 'hand') this.handed.push(effect.item)
    }
  }

  send(peer: string): Uint8Array {
    const target = this.order.sending.destination(DestinationKind.host, peer)
    const bytes = written(this.order.sending.stamp(target))
    this.order.sending.sent(target, this.now)
    return bytes
  }

  /** `assured`: who gets it for at-least-once subscriptions. */
  publish(topic: string, peers: string[], assured: string[] = []): Uint8Array {
    const { sending } = this.order
    const kind = publicationKind(peers.length > 0 ? false : undefined, assured.length > 0)
    const stamp = encodeStamp(kind, sending.stampMany())
    const host = (peer: string) => sending.destination(DestinationKind.host, peer)
    sending.published(sending.destination(kind, topic), peers.map(host), assured.map(host), this.now)
    return stamp
  }

  get(from: string, stamp: Uint8Array, item: string): void {
    if (this.order.arrive(decodeStamp(stamp).stamp, from, item, 10, this.now, this.#sink)) this.handed.push(item)
    this.order.release(this.now, this.#sink)
  }

  getPublication(producer: string, topic: string, bytes: Uint8Array, item: string, way: Way = Way.link): void {
    const { kind, stamp } = decodeStamp(bytes)
    const publication = { kind, way, topic, producer }
    if (this.order.arrivePublication(stamp, publication, item, 10, this.now, this.#sink)) this.handed.push(item)
    this.order.release(this.now, this.#sink)
  }

  handle(input: Parameters<CausalOrder<string>['handle']>[0]): void {
    this.order.handle(input, this.now, this.#sink)
  }

  /** Lets time pass in the driver's steps. */
  pass(ms: number): void {
    for (const end = this.now + ms; this.now < end; this.now += 10) this.handle({ kind: 'tick' })
  }

  said<K extends CausalEffect<string>['kind']>(kind: K): Extract<CausalEffect<string>, { kind: K }>[] {
    return this.effects.filter((effect) => effect.kind === kind) as Extract<CausalEffect<string>, { kind: K }>[]
  }
}

/** Alone, so that it can come by any stream. */
function written(stamp: OutgoingStamp): Uint8Array {
  return encodeStamp(DestinationKind.host, { ...stamp })
}

describe('core/causality: the order', () => {
  it('lets a stream between two hosts through at once, with one byte a message and nothing kept but the last', () => {
    const [a, b] = [new Host('a'), new Host('b')]
    const { sending } = a.order
    const target = sending.destination(DestinationKind.host, 'b')
    const [encoder, decoder, out] = [new BlockEncoder(), new BlockDecoder(), Buffer.alloc(100)]
    for (let i = 1; i <= 100; i++) {
      const stamp = sending.stamp(target)
      encoder.measure(stamp)
      const end = encoder.write(out, 0, stamp)
      sending.sent(target, 0)
      if (i > 1) assert.equal(end, 1)
      decoder.read(new Cursor().open(out))
      assert.equal(b.order.arrive(decoder, 'a', `${i}`, 1, 0, { push: () => assert.fail() }), true)
    }
    assert.equal(sending.past.entries.length, 1)
    assert.equal(b.order.sending.past.entries.length, 0)
  })

  it('waits for what the message follows and comes here, and for nothing that went elsewhere', () => {
    const [a, b, c] = [new Host('a'), new Host('b'), new Host('c')]
    const toC = a.send('c')
    const elsewhere = a.send('d')
    b.get('a', a.send('b'), 'm')
    assert.ok(elsewhere.length > 0)
    c.get('b', b.send('c'), 'after')
    assert.deepEqual([c.handed, c.order.arrivals.waiting], [[], 1])
    c.get('a', toC, 'before')
    assert.deepEqual(c.handed, ['before', 'after'])
    assert.deepEqual(c.said('hand')[0]!.waited, { a: 1 })
  })

  it('does not hold sends up for ever for hosts that confirm nothing: it tells, and goes on without them for a while', () => {
    const a = new Host('a')
    const silent = Array.from({ length: MAX_ENTRIES + 1 }, (_, i) => `silent-${i}`)
    for (const peer of silent) a.send(peer)
    a.pass(LIMITS.gapTimeout - 20)
    assert.equal(a.order.sending.full, true)
    assert.deepEqual(a.said('gap'), [])
    a.pass(40)
    assert.equal(a.order.sending.full, false)
    assert.deepEqual(
      a.said('gap').map(({ producer, reason }) => `${producer} ${reason}`),
      silent.map(() => 'a full')
    )
    for (const peer of silent) a.send(peer)
    assert.equal(a.order.sending.past.entries.length, 0)
    a.pass(60_000)
    a.send(silent[0]!)
    assert.equal(a.order.sending.past.entries.length, 1)
  })

  it('takes over what a repeated stamp tells of others before the next one takes its place, and before it sends', () => {
    const [a, b] = [new Host('a'), new Host('b')]
    const [encoder, decoder, out] = [new BlockEncoder(), new BlockDecoder(), Buffer.alloc(1_000)]
    const toB = a.order.sending.destination(DestinationKind.host, 'b')
    const onStream = () => {
      const stamp = a.order.sending.stamp(toB)
      encoder.measure(stamp)
      const end = encoder.write(out, 0, stamp)
      a.order.sending.sent(toB, 0)
      decoder.read(new Cursor().open(out.subarray(0, end)))
      assert.equal(b.order.arrive(decoder, 'a', 'm', 1, 0, { push: () => assert.fail() }), true)
      return end
    }
    const held = () => {
      const { dependencies } = b.order.sending.stamp(b.order.sending.destination(DestinationKind.host, 'x'))
      return Object.fromEntries(dependencies.map(({ destination, number }) => [destination, number]))
    }
    for (let i = 0; i < 5; i++) for (const peer of ['c', 'd', 'b']) peer === 'b' ? onStream() : a.send(peer)
    assert.deepEqual(held(), { c: 13, d: 14 })
    for (const peer of ['c', 'd']) a.send(peer)
    assert.equal(onStream(), 3)
    a.send('c')
    onStream()
    assert.deepEqual(held(), { c: 19, d: 17 })
  })

  it('joins publications: who gets them waits, whoever does not subscribe does not', () => {
    const [a, b, c] = [new Host('a'), new Host('b'), new Host('c')]
    const deaf = new Host('d', { wants: () => false })
    const news = a.publish('news', ['b', 'c'])
    b.getPublication('a', 'news', news, 'news')
    c.get('b', b.send('c'), 'after')
    assert.deepEqual(c.handed, [])
    c.getPublication('a', 'news', news, 'news')
    assert.deepEqual(c.handed, ['news', 'after'])
    deaf.get('b', b.send('d'), 'after')
    assert.deepEqual(deaf.handed, ['after'])
  })

  it('waits for a publication by whichever way it comes, also where it was heard by another', () => {
    const [a, b] = [new Host('a'), new Host('b')]
    const wanting = (...kinds: DestinationKind[]) => new Host('c', { wants: (kind) => kinds.includes(kind) })
    const news = a.publish('news', ['b', 'c'], ['c'])
    b.getPublication('a', 'news', news, 'news')
    const after = b.send('c')
    const [once, atLeast, both] = [
      wanting(DestinationKind.topic, DestinationKind.both),
      wanting(DestinationKind.assured),
      wanting(DestinationKind.topic, DestinationKind.both, DestinationKind.assured)
    ]
    for (const c of [once, atLeast, both]) c.get('b', after, 'after')
    once.getPublication('a', 'news', news, 'linked')
    assert.deepEqual(once.handed, ['linked', 'after'])
    atLeast.getPublication('a', 'news', news, 'assured', Way.assured)
    assert.deepEqual(atLeast.handed, ['assured', 'after'])
    both.getPublication('a', 'news', news, 'assured', Way.assured)
    assert.deepEqual(both.handed, ['assured'])
    both.getPublication('a', 'news', news, 'linked')
    assert.deepEqual(both.handed, ['assured', 'linked', 'after'])
  })

  it('does not let its own publication stand for one of which it has had one copy of two', () => {
    const [a, b, d] = [new Host('a'), new Host('b'), new Host('d')]
    const news = a.publish('news', ['b'], ['b'])
    b.getPublication('a', 'news', news, 'news')
    b.publish('news', ['d'], ['d'])
    d.get('b', b.send('d'), 'to d')
    const told = b.order.sending.past.entries.map(({ producer }) => producer)
    assert.deepEqual(told.sort(), ['a', 'b', 'b'])
    b.getPublication('a', 'news', news, 'news', Way.assured)
    b.publish('news', ['d'], ['d'])
    assert.ok(!b.order.sending.past.entries.some(({ producer }) => producer === 'a'))
  })

  it('asks the producer for a gap, who fills what was lost with a link', () => {
    const [a, b] = [new Host('a'), new Host('b')]
    a.send('b')
    a.handle({ kind: 'severed', peer: 'b' })
    b.get('a', a.send('b'), 'second')
    b.pass(100)
    const { missing } = b.said('missing')[0]!
    assert.deepEqual(missing, { epoch: 1, way: Way.link, passed: 0, number: 1 })
    a.handle({ kind: 'missing', peer: 'b', missing })
    b.handle({ kind: 'fill', peer: 'a', fill: a.said('fill')[0]!.fill })
    assert.deepEqual(b.handed, ['second'])
    assert.equal(b.said('gap').length, 0)
  })

  it('tells who subscribed meanwhile that the publication was never meant for it', () => {
    const [a, b, c] = [new Host('a'), new Host('b'), new Host('c')]
    b.getPublication('a', 'news', a.publish('news', ['b']), 'news')
    c.get('b', b.send('c'), 'after')
    assert.deepEqual(c.handed, [])
    c.pass(100)
    a.handle({ kind: 'missing', peer: 'c', missing: c.said('missing')[0]!.missing })
    c.handle({ kind: 'fill', peer: 'a', fill: a.said('fill')[0]!.fill })
    assert.deepEqual(c.handed, ['after'])
  })

  it('fills what was never meant for a subscription that has received all, though it may not take it before that', () => {
    const [b, c] = [new Host('b'), new Host('c')]
    let unreceived = 1
    const a = new Host('a', { retained: () => true, unreceived: () => unreceived })
    b.getPublication('a', 'news', a.publish('news', [], ['b']), 'news', Way.assured)
    a.publish('sport', [], ['c'])
    c.getPublication('b', 'sport', b.publish('sport', [], ['c']), 'after', Way.assured)
    c.pass(100)
    const { missing } = c.said('missing')[0]!
    a.handle({ kind: 'missing', peer: 'c', missing })
    assert.deepEqual([a.said('fill').length, a.said('coming').length], [0, 1])
    unreceived = 2
    a.handle({ kind: 'missing', peer: 'c', missing })
    c.handle({ kind: 'fill', peer: 'a', fill: a.said('fill')[0]!.fill })
    assert.deepEqual(c.handed, ['after'])
  })

  it('hands out what one host sent in its order, also where that held the receiver to be gone meanwhile', () => {
    const [a, b, c] = [new Host('a'), new Host('b'), new Host('c')]
    const awaited = b.publish('news', ['a', 'c'])
    a.getPublication('b', 'news', awaited, 'awaited')
    const waiting = [a.publish('sport', [], ['c']), a.publish('sport', [], ['c'])]
    for (const peer of ['b', 'c']) a.handle({ kind: 'gone', peer })
    const free = [a.publish('sport', [], ['c']), a.publish('sport', [], ['c'])]
    assert.equal(decodeStamp(free[0]!).stamp.count, 0)
    for (const [i, stamp] of [...waiting, free[0]!].entries()) {
      c.getPublication('a', 'sport', stamp, `${i + 1}`, Way.assured)
    }
    assert.deepEqual(c.handed, [])
    c.getPublication('b', 'news', awaited, 'awaited')
    c.getPublication('a', 'sport', free[1]!, '4', Way.assured)
    assert.deepEqual([c.handed, c.said('late')], [['awaited', '1', '2', '3', '4'], []])
  })

  it('lets nothing pass what its host sent before it and waits, in whatever order the two came', () => {
    const [a, b, c] = [new Host('a'), new Host('b'), new Host('c')]
    const awaited = b.publish('news', ['a', 'c'])
    a.getPublication('b', 'news', awaited, 'awaited')
    const waiting = a.publish('sport', [], ['c'])
    for (const peer of ['b', 'c']) a.handle({ kind: 'gone', peer })
    const free = a.publish('sport', [], ['c'])
    const last = a.publish('sport', [], ['c'])
    for (const stamp of [waiting, last, free]) c.getPublication('a', 'sport', stamp, 'held', Way.assured)
    assert.deepEqual([c.handed, c.order.arrivals.waiting], [[], 3])
  })

  it('hands out in order what is here of a host that is gone, and what follows it after that', () => {
    const [a, b, c] = [new Host('a'), new Host('b'), new Host('c')]
    const awaited = b.publish('news', ['a', 'c'])
    a.getPublication('b', 'news', awaited, 'awaited')
    const first = a.publish('sport', ['c'])
    const second = a.publish('sport', ['c'])
    c.getPublication('a', 'sport', second, '2')
    c.getPublication('a', 'sport', first, '1')
    c.handle({ kind: 'gone', peer: 'a' })
    assert.deepEqual(c.handed, [])
    c.getPublication('b', 'news', awaited, 'awaited')
    assert.deepEqual(c.handed, ['awaited', '1', '2'])
  })

  it('a fill waits for what the lost message waited for', () => {
    const [a, b, c, d] = [new Host('a'), new Host('b'), new Host('c'), new Host('d')]
    const first = a.send('d')
    b.get('a', a.send('b'), 'm')
    b.send('d') // stands for the first one, and is lost
    b.handle({ kind: 'severed', peer: 'd' })
    c.get('b', b.send('c'), 'm')
    d.get('c', c.send('d'), 'last')
    d.pass(100)
    b.handle({ kind: 'missing', peer: 'd', missing: d.said('missing').find(({ peer }) => peer === 'b')!.missing })
    for (const { fill } of b.said('fill')) d.handle({ kind: 'fill', peer: 'b', fill })
    assert.deepEqual(d.handed, [])
    d.get('a', first, 'first')
    assert.deepEqual(d.handed, ['first', 'last'])
  })

  it('goes on after the gap timeout when nobody answers, and says without whom', () => {
    const [a, b] = [new Host('a'), new Host('b')]
    a.send('b')
    b.get('a', a.send('b'), 'second')
    b.pass(4_990)
    assert.deepEqual(b.handed, [])
    b.pass(20)
    assert.deepEqual(b.handed, ['second'])
    assert.deepEqual(b.said('gap'), [{ kind: 'gap', producer: 'a', number: 1, reason: 'timeout' }])
  })

  it('waits longer while the producer says that it is coming, and not for ever', () => {
    const [a, b] = [new Host('a'), new Host('b')]
    a.send('b')
    b.get('a', a.send('b'), 'second')
    for (let second = 0; second < 29; second++) {
      b.pass(1_000)
      b.handle({ kind: 'coming', peer: 'a', epoch: 1, way: Way.link })
    }
    assert.deepEqual(b.handed, [])
    b.pass(5_000)
    assert.deepEqual(b.handed, ['second'])
  })

  it('passes over the oldest gap when too much waits', () => {
    const [a, b] = [new Host('a'), new Host('b')]
    a.send('b')
    for (let i = 0; i <= LIMITS.waiting; i++) b.get('a', a.send('b'), `${i}`)
    assert.equal(b.handed.length, LIMITS.waiting + 1)
    assert.equal(b.said('gap')[0]!.reason, 'full')
    assert.equal(b.said('wait').at(-1)!.crowded, true)
  })

  it('waits for nobody who is gone, nor for a former life', () => {
    const [a, b] = [new Host('a'), new Host('b')]
    a.send('b')
    b.get('a', a.send('b'), 'second')
    b.handle({ kind: 'gone', peer: 'a' })
    assert.deepEqual(b.handed, ['second'])
    const [old, later, c] = [new Host('a'), new Host('a', { epoch: 2 }), new Host('c')]
    old.send('c')
    c.get('a', old.send('c'), 'of the former')
    c.get('a', later.send('c'), 'of the later')
    assert.deepEqual(c.handed.sort(), ['of the former', 'of the later'])
  })

  it('is full above 64 entries, asks at once, and has room when they are confirmed', () => {
    const a = new Host('a')
    for (let i = 0; i <= MAX_ENTRIES; i++) a.send(`h${i}`)
    assert.equal(a.order.sending.full, true)
    a.handle({ kind: 'tick' })
    assert.equal(a.said('ask').length, MAX_ENTRIES + 1)
    const { peer, statement } = a.said('ask')[0]!
    a.handle({ kind: 'passed', peer, statement })
    assert.equal(a.order.sending.full, false)
  })

  it('answers who asks when it has passed the number, and of publications when their receivers have', () => {
    const [a, b] = [new Host('a'), new Host('b')]
    const [first, second] = [a.send('b'), a.send('b')]
    b.get('a', second, 'second')
    b.handle({ kind: 'ask', peer: 'x', statement: { producer: 'a', epoch: 1, number: 2 } })
    assert.deepEqual(b.said('passed'), [])
    b.get('a', first, 'first')
    assert.deepEqual(b.said('passed')[0]!.statement, { producer: 'a', epoch: 1, number: 2 })
    a.publish('news', ['b'])
    a.handle({ kind: 'ask', peer: 'x', statement: { producer: 'a', epoch: 1, number: 3 } })
    assert.deepEqual(a.said('passed'), [])
    a.handle({ kind: 'passed', peer: 'b', statement: { producer: 'a', epoch: 1, number: 3 } })
    assert.equal(a.said('passed').length, 1)
    assert.equal(a.order.sending.past.entries.length, 0)
  })
})
