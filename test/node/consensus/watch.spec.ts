import assert from 'node:assert/strict'
import type { KeyValueGroup, MachineGroup, WatchedValue, WatchSnapshot } from '../../../src/index.ts'
import { createMesh, type Mesh } from '../../../src/testing/index.ts'
import { Counter, leaderOf, openGroups } from './ground.ts'

type Item = WatchedValue | WatchSnapshot<ReadonlyMap<string, unknown>>

/** Reads in the background. */
function collect(items: AsyncIterable<Item>): Item[] {
  const read: Item[] = []
  void (async () => {
    for await (const item of items) read.push(item)
  })()
  return read
}

function valuesOf(items: readonly Item[]): unknown[] {
  return items.map((item) => (item.kind === 'snapshot' ? item.kind : item.value))
}

async function collected(mesh: Mesh, items: readonly Item[], count: number): Promise<void> {
  while (items.length < count) await mesh.advance(100)
}

describe('consensus: watch', () => {
  it('begins with the call, whenever the first item is asked for: at a client, and at a member that has just started', async () => {
    await using mesh = await createMesh({ nodes: 4, seed: 7, disks: true })
    const groups = await openGroups(mesh, 3)
    for (let i = 0; i < 5; i++) await groups[3]!.propose('before', i)
    const voters = mesh.nodes.slice(0, 3).map(({ peerId }) => peerId)
    mesh.crash(2)
    for (let i = 5; i < 10; i++) await groups[3]!.propose('before', i, { timeout: 20_000 })
    await mesh.restart(2)
    for (const open of [() => mesh.nodes[2]!.consensus('config', { voters }), () => groups[3]!]) {
      const group = await open()
      const watched = group.watch()
      await mesh.advance(5_000)
      await groups[0]!.propose('after', group.name)
      await mesh.advance(1_000)
      assert.equal((await watched.next()).value!.key, 'after')
    }
  })

  it('tells what happens to the keys, in the order of the log, from any index on', async () => {
    await using mesh = await createMesh({ nodes: 4, seed: 1 })
    const groups = await openGroups(mesh, 3)
    const [a, , , client] = groups as [KeyValueGroup, KeyValueGroup, KeyValueGroup, KeyValueGroup]
    const first = await a.propose('x', 1)
    const second = await client.propose('y', { deep: [2] })
    await a.compareAndSet('x', 1, 3)
    await a.compareAndSet('x', 1, 4)
    // Neither locks nor refusals are told.
    await (await a.lock('x')).release()
    await client.propose('y', undefined)
    for (const group of groups) {
      const items: WatchedValue[] = []
      for await (const item of group.watch({ from: 0 })) {
        assert(item.kind === undefined)
        if (items.push(item) === 4) break
      }
      assert.deepEqual(
        items.map(({ key, value }) => [key, value]),
        [
          ['x', 1],
          ['y', { deep: [2] }],
          ['x', 3],
          ['y', undefined]
        ]
      )
      assert.equal(items[0]!.index, first.index)
      assert.equal(items[1]!.index, second.index)
      assert.equal(items[1]!.term, second.term)
      const { value: later } = await group.watch({ from: second.index })[Symbol.asyncIterator]().next()
      assert.deepEqual(later, items[1])
    }
  })

  it('begins with what comes, unless it is told where', async () => {
    await using mesh = await createMesh({ nodes: 4, seed: 1 })
    const groups = await openGroups(mesh, 3)
    await groups[0]!.propose('x', 1)
    await mesh.advance(500)
    const watches = groups.map((group) => collect(group.watch()))
    await mesh.advance(500)
    await groups[3]!.propose('x', 2)
    await groups[0]!.propose('x', 3)
    for (const items of watches) await collected(mesh, items, 2)
    for (const items of watches) assert.deepEqual(valuesOf(items), [2, 3])
  })

  it('misses nothing and doubles nothing, across partitions and leaders that die', async () => {
    await using mesh = await createMesh({ nodes: 6, seed: 17, latency: [1, 30] })
    const groups = await openGroups(mesh, 5)
    const watches = groups.map((group) => collect(group.watch({ from: 0 })))
    const written: Promise<unknown>[] = []
    let next = 0
    const write = (): void => {
      for (let i = 0; i < 20; i++) written.push(groups[5]!.propose('x', next++, { timeout: 200_000 }))
    }
    for (let round = 0; round < 8; round++) {
      write()
      await mesh.advance(30 + round * 17)
      const cut = round % 6
      mesh.partition(
        [cut],
        [0, 1, 2, 3, 4, 5].filter((other) => other !== cut)
      )
      write()
      await mesh.advance(4_000)
      mesh.heal()
    }
    await Promise.all(written)
    const dead = await leaderOf(mesh, groups)
    mesh.crash(dead)
    write()
    await Promise.all(written)
    const alive = watches.filter((_, i) => i !== dead)
    for (const items of alive) await collected(mesh, items, next)
    for (const items of alive) {
      const values = valuesOf(items)
      assert.equal(values.length, next)
      assert.equal(new Set(values).size, next)
      const indices = items.map(({ index }) => index)
      assert.deepEqual(
        indices,
        indices.toSorted((a, b) => a - b)
      )
      assert.deepEqual(items, watches[5])
    }
  })

  it('gives the state first where the log has forgotten what came before', async () => {
    await using mesh = await createMesh({ nodes: 4, seed: 1, disks: true })
    const groups = await openGroups(mesh, 3)
    // More than a frame holds.
    const textOf = (i: number): string => String(i).repeat(100_000)
    for (let i = 0; i < 5; i++) await groups[0]!.propose(`key ${i}`, textOf(i))
    // On each member: it has all of it.
    for (const group of groups) assert.equal(await group.read('key 4'), textOf(4))
    for (const group of groups) {
      const { index, term } = await group.snapshot()
      assert(index > 0 && term > 0)
    }
    // What went before a snapshot is not read again.
    for (const i of [0, 1, 2]) await mesh.restart(i)
    for (const group of await openGroups(mesh, 3)) {
      await group.propose('key 0', 'new', { timeout: 20_000 })
      const watched = group.watch({ from: 0 })
      const { value: first } = await watched.next()
      assert.equal(first.kind, 'snapshot')
      assert.deepEqual(
        [...first.state],
        [0, 1, 2, 3, 4].map((i) => [`key ${i}`, textOf(i)])
      )
      const { value: second } = await watched.next()
      assert.deepEqual([second.key, second.value], ['key 0', 'new'])
      assert(second.index > first.index)
      await watched.return!()
    }
  })

  it('tells the commands of a machine of one’s own, and what they led to', async () => {
    await using mesh = await createMesh({ nodes: 4, seed: 1 })
    const voters = mesh.nodes.slice(0, 3).map(({ peerId }) => peerId)
    const groups: MachineGroup[] = await Promise.all(
      mesh.nodes.map((node) => node.consensus('counter', { voters, machine: new Counter() }))
    )
    await groups[0]!.propose({ add: 2 })
    await assert.rejects(groups[0]!.propose({ add: null }), { code: 'ERR_NO_NUMBER' })
    await groups[3]!.propose({ add: 5 })
    const watched = groups[3]!.watch({ from: 0 })
    for (const [add, result] of [
      [2, 2],
      [5, 7]
    ]) {
      const { value } = await watched.next()
      assert.deepEqual({ command: value.command, result: value.result }, { command: { add }, result })
    }
  })

  it('ends with its signal, its loop and its node', async () => {
    await using mesh = await createMesh({ nodes: 4, seed: 1 })
    const groups = await openGroups(mesh, 3)
    await groups[0]!.propose('x', 1)
    for (const group of [groups[0]!, groups[3]!]) {
      const controller = new AbortController()
      const aborted = group.watch({ signal: controller.signal })
      const left = group.watch()
      const pending = [aborted.next(), left.next()]
      await mesh.advance(100)
      controller.abort()
      await left.return!()
      const over = { done: true, value: undefined }
      assert.deepEqual(await Promise.all(pending), [over, over])
      assert.deepEqual(await aborted.next(), over)
    }
    const stopped = groups[3]!.watch().next()
    await mesh.nodes[3]!.stop({ drain: false })
    assert.deepEqual(await stopped, { done: true, value: undefined })
  })

  it('reads ahead no more than a bound, however slow its reader is', async () => {
    await using mesh = await createMesh({ nodes: 4, seed: 1 })
    const groups = await openGroups(mesh, 3)
    const watched = groups[3]!.watch({ from: 0 })
    const large = 'x'.repeat(10_000)
    await groups[0]!.propose('x', 0)
    await watched.next()
    const before = mesh.trace.lines.length
    for (let i = 0; i < 400; i++) await groups[0]!.propose('x', [i, large])
    await mesh.advance(30_000)
    let bytes = 0
    for (const line of mesh.trace.lines.slice(before)) {
      const [, , to, , protocol, size] = line.split(' ')
      if (to === 'node-3' && protocol === '/phoenix/consensus/1.0.0/bulk') bytes += Number(size)
    }
    // Of 4 MB: one answer that it holds and one ahead.
    assert(bytes > 10_000 && bytes < 700_000, `${bytes} bytes`)
    for (let i = 0; i < 400; i++) assert.equal(((await watched.next()).value.value as unknown[])[0], i)
  })
})
