import assert from 'node:assert/strict'
import type { Message } from '../../../protocols/envelope/message.ts'
import { MeshError } from '../../../protocols/errors.ts'
import type { Place } from '../../../protocols/point-to-point/codec.ts'
import { IdempotentReceiver } from '../../../src/runtime/delivery/idempotent-receiver.ts'
import type { Inbound } from '../../../src/runtime/delivery/inbound.ts'
import type { Flushable } from '../../../src/runtime/links/turn.ts'
import { createMemoryStore } from '../../../src/runtime/storage/memory-store.ts'
import type { Change, Store } from '../../../src/runtime/storage/types.ts'

const EPOCH = 1_700_000_000_000

/** One transmission, and how it was answered. */
class Copy implements Inbound {
  readonly message = {} as Message
  readonly target = 'worker'
  readonly instance = undefined
  readonly attempt = 1
  readonly timeout = 5_000
  readonly bytes = 100
  readonly bounded = true
  readonly orphaned = false
  readonly peer: string
  readonly place: Place
  answers: string[] = []

  constructor(peer: string, number: number, floor = 1, epoch = EPOCH) {
    this.peer = peer
    this.place = { epoch, number, floor }
  }
  detach(): void {}
  release(): void {}
  pause(): void {}
  done(): void {
    this.answers.push('done')
  }
  again(): void {
    this.answers.push('again')
  }
  refuse(error: unknown): void {
    this.answers.push((error as MeshError).code)
  }
}

/** A store whose writes and reads end when the test says so. */
class SlowStore implements Store {
  readonly durable = true
  readonly writes: { changes: readonly Change[]; ended: PromiseWithResolvers<void> }[] = []
  readonly #disk = new Map<string, { value: Uint8Array | undefined; version: number }>()
  #version = 0
  reads = 0
  reading: Promise<void> | undefined

  #seen(key: string): { value: Uint8Array | undefined; version: number } | undefined {
    for (const { changes } of this.writes.toReversed()) {
      const change = changes.find((one) => one.key === key)
      if (change !== undefined) return { value: change.value, version: this.#versions.get(change)! }
    }
    return this.#disk.get(key)
  }
  readonly #versions = new Map<Change, number>()

  async get(key: string): Promise<Uint8Array | undefined> {
    this.reads++
    await this.reading
    return this.#seen(key)?.value
  }
  version(key: string): number {
    return this.#seen(key)?.version ?? 0
  }
  write(changes: readonly Change[]): Promise<void> {
    const version = ++this.#version
    for (const change of changes) this.#versions.set(change, version)
    const ended = Promise.withResolvers<void>()
    this.writes.push({ changes, ended })
    return ended.promise
  }
  writeLater(changes: readonly Change[]): void {
    void this.write(changes)
  }
  async sync(): Promise<void> {
    await Promise.all(this.writes.map(({ ended }) => ended.promise))
  }
  succeed(): void {
    const { changes, ended } = this.writes.shift()!
    for (const change of changes) {
      this.#disk.set(change.key, { value: change.value, version: this.#versions.get(change)! })
    }
    ended.resolve()
  }
  fail(): void {
    for (const { ended } of this.writes.splice(0)) ended.reject(new MeshError('ERR_STORAGE', 'no space'))
  }
  async *entries(): AsyncGenerator<readonly [string, Uint8Array]> {}
  async close(): Promise<void> {}
}

function receiver(store: Store, mostProducers?: number) {
  const begun: Inbound[] = []
  const due: Flushable[] = []
  const turn = { number: 0, schedule: (one: Flushable) => void due.push(one) }
  const deliver = (inbound: Inbound): void => void begun.push(inbound)
  const parts = { store: () => store, turn, deliver, entropy: 5, mostProducers }
  const idempotent = new IdempotentReceiver(parts)
  const arrive = async (...copies: Copy[]): Promise<void> => {
    for (const copy of copies) idempotent.receive(copy)
    await settled()
  }
  const endTurn = async (): Promise<void> => {
    for (const one of due.splice(0)) one.flush()
    await settled()
  }
  return { idempotent, begun, arrive, endTurn }
}

const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

describe('the idempotent receiver', () => {
  it('hands a message on once; it is acknowledged when that is on disk, and again whenever it comes again', async () => {
    const store = new SlowStore()
    const { begun, arrive, endTurn } = receiver(store)
    const [first, second, third] = [new Copy('a', 1), new Copy('a', 1), new Copy('a', 1)]
    await arrive(first)
    begun[0]!.done()
    await endTurn()
    await arrive(second)
    assert.deepEqual([first.answers, second.answers], [[], []], 'not on disk')
    store.succeed()
    await settled()
    await arrive(third)
    assert.deepEqual([first.answers, second.answers, third.answers], [['done'], ['done'], ['again']])
    assert.equal(begun.length, 1)
  })

  it('writes what was handled in one turn at once, one record for each host', async () => {
    const store = new SlowStore()
    const { begun, arrive, endTurn } = receiver(store)
    const copies = [1, 2, 3].flatMap((number) => [new Copy('a', number), new Copy('b', number)])
    await arrive(...copies)
    for (const inbound of begun) inbound.done()
    await endTurn()
    assert.deepEqual(
      store.writes.map(({ changes }) => changes.map(({ key }) => key)),
      [['inbox/a', 'inbox/b']]
    )
    store.succeed()
    await settled()
    assert.ok(copies.every(({ answers }) => answers.join() === 'done'))
  })

  it('knows what it handled in a former life', async () => {
    const store = createMemoryStore()
    const before = receiver(store)
    await before.arrive(new Copy('a', 1), new Copy('a', 3))
    for (const inbound of before.begun) inbound.done()
    await before.endTurn()
    const after = receiver(store)
    const copies = [new Copy('a', 1), new Copy('a', 2), new Copy('a', 3)]
    await after.arrive(...copies)
    assert.deepEqual(
      copies.map(({ answers }) => answers.join()),
      ['again', '', 'again']
    )
    assert.equal(after.begun.length, 1)
  })

  it('keeps what comes while a record is being read, in order', async () => {
    const store = new SlowStore()
    const reading = Promise.withResolvers<void>()
    store.reading = reading.promise
    const { begun, arrive } = receiver(store)
    await arrive(new Copy('a', 1), new Copy('a', 2), new Copy('a', 1))
    assert.equal(begun.length, 0)
    reading.resolve()
    await settled()
    await arrive(new Copy('a', 3))
    assert.deepEqual(
      begun.map(({ place }) => place!.number),
      [1, 2, 3]
    )
    assert.equal(store.reads, 1)
  })

  it('refuses what waits for a record that cannot be read, and reads it again for the next', async () => {
    const store = new SlowStore()
    store.reading = Promise.reject(new MeshError('ERR_STORAGE', 'no disk'))
    const { begun, arrive } = receiver(store)
    const refused = new Copy('a', 1)
    await arrive(refused)
    assert.deepEqual(refused.answers, ['ERR_STORAGE'])
    store.reading = undefined
    await arrive(new Copy('a', 1))
    assert.equal(begun.length, 1)
  })

  it('refuses what is no record', async () => {
    const store = createMemoryStore()
    await store.write([{ key: 'inbox/a', value: Uint8Array.from([1, 5, 1, 0x80]) }])
    const { arrive } = receiver(store)
    const refused = new Copy('a', 1)
    await arrive(refused)
    assert.deepEqual(refused.answers, ['ERR_CORRUPT'])
  })

  it('acknowledges nothing that could not be written, and takes it when it comes again', async () => {
    const store = new SlowStore()
    const { begun, arrive, endTurn } = receiver(store)
    const [first, copy] = [new Copy('a', 1), new Copy('a', 1)]
    await arrive(first)
    begun[0]!.done()
    await endTurn()
    await arrive(copy)
    store.fail()
    await settled()
    assert.deepEqual([first.answers, copy.answers], [['ERR_STORAGE'], ['ERR_STORAGE']])
    const retry = new Copy('a', 1)
    await arrive(retry)
    begun[1]!.done()
    await endTurn()
    store.succeed()
    await settled()
    assert.deepEqual(retry.answers, ['done'])
  })

  it('counts nothing as done that failed, in a record that is written before anybody was told of that', async () => {
    const store = new SlowStore()
    const { begun, arrive } = receiver(store)
    const [lost, next] = [new Copy('a', 1), new Copy('a', 2)]
    await arrive(lost, next)
    const first = begun[0]!.commit!([{ key: 'state/x', value: Uint8Array.of(1) }])
    const told = assert.rejects(first, { code: 'ERR_STORAGE' })
    // In this order: the disk fails, and a handler commits before the rejection has been heard of.
    store.fail()
    const second = begun[1]!.commit!([{ key: 'state/x', value: Uint8Array.of(2) }])
    await assert.rejects(second, { code: 'ERR_STORAGE' })
    await told
    assert.deepEqual(store.writes, [], 'no record in which the lost one is done')
    await arrive(new Copy('a', 2))
    void begun[2]!.commit!([])
    store.succeed()
    await settled()
    const again = new Copy('a', 1)
    await arrive(again)
    assert.equal(begun.length, 4, 'the lost one is handled')
  })

  it('stores a commit and that its message was handled in one write', async () => {
    const store = new SlowStore()
    const { begun, arrive } = receiver(store)
    const copy = new Copy('a', 1)
    await arrive(copy)
    const committed = begun[0]!.commit!([{ key: 'state/x', value: Uint8Array.of(1) }])
    assert.deepEqual(
      store.writes.map(({ changes }) => changes.map(({ key }) => key)),
      [['state/x', 'inbox/a']]
    )
    assert.deepEqual(copy.answers, [])
    store.succeed()
    await committed
    assert.deepEqual(copy.answers, ['done'])
  })

  it('answers copies of a refused message as the first, and takes the next', async () => {
    const { begun, arrive } = receiver(createMemoryStore())
    const [first, second] = [new Copy('a', 1), new Copy('a', 1)]
    await arrive(first, second)
    begun[0]!.refuse(new MeshError('ERR_TIMEOUT', 'late'))
    begun[0]!.done()
    assert.deepEqual([first.answers, second.answers], [['ERR_TIMEOUT'], ['ERR_TIMEOUT']])
    await arrive(new Copy('a', 1))
    assert.equal(begun.length, 2)
  })

  it('fences what is of a former epoch, and finishes what it had of it under way', async () => {
    const { begun, arrive, endTurn } = receiver(createMemoryStore())
    const old = new Copy('a', 1)
    await arrive(old, new Copy('a', 1, 1, EPOCH + 1))
    const late = new Copy('a', 2)
    await arrive(late)
    for (const inbound of begun) inbound.done()
    await endTurn()
    assert.deepEqual([old.answers, late.answers], [['done'], ['ERR_FENCED']])
    assert.equal(begun.length, 2)
  })

  it('keeps so many hosts in memory and no more, and knows the others from the store', async () => {
    const store = createMemoryStore()
    const { idempotent, begun, arrive, endTurn } = receiver(store, 10)
    for (let i = 0; i < 100; i++) {
      await arrive(new Copy(`host-${i}`, 1))
      begun.at(-1)!.done()
      await endTurn()
      assert.ok(idempotent.size <= 10)
    }
    const copies = Array.from({ length: 100 }, (_, i) => new Copy(`host-${i}`, 1))
    for (const copy of copies) await arrive(copy)
    assert.ok(copies.every(({ answers }) => answers.join() === 'again'))
    assert.equal(begun.length, 100)
  })

  it('lets go of no host of which something is under way', async () => {
    const { idempotent, begun, arrive, endTurn } = receiver(createMemoryStore(), 1)
    await arrive(new Copy('a', 1), new Copy('b', 1), new Copy('c', 1))
    assert.equal(idempotent.size, 3)
    const copy = new Copy('a', 1)
    await arrive(copy)
    begun[0]!.done()
    await endTurn()
    assert.deepEqual(copy.answers, ['done'])
  })

  it('tells when everything is recorded', async () => {
    const store = new SlowStore()
    const { idempotent, begun, arrive, endTurn } = receiver(store)
    await idempotent.quiet()
    await arrive(new Copy('a', 1))
    begun[0]!.done()
    let quiet = false
    const told = idempotent.quiet().then(() => {
      quiet = true
    })
    await endTurn()
    assert.equal(quiet, false)
    store.succeed()
    await told
  })
})
