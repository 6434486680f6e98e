import assert from 'node:assert/strict'
import type { Write } from '../../../src/core/consensus/ready.ts'
import type { Message, Snapshot } from '../../../src/core/consensus/types.ts'
import { Persistence } from '../../../src/runtime/consensus/persistence.ts'
import type { RaftStore } from '../../../src/runtime/consensus/raft-store.ts'

const message = (round: number): Message => ({ kind: 'heartbeat-reply', round, from: 'a', to: 'b', term: 1 })
const write = (number: number, sync = true, snapshot?: Snapshot): Write => ({
  ...{ number, sync, hardState: undefined, snapshot, entries: [] }
})

/** A disk that ends each write when the test says so. */
function ground() {
  const under: PromiseWithResolvers<void>[] = []
  const deeds: string[] = []
  const store = {
    write() {
      const deferred = Promise.withResolvers<void>()
      under.push(deferred)
      return deferred.promise
    }
  } as Partial<RaftStore> as RaftStore
  const persistence = new Persistence({
    store,
    send: (sent) => deeds.push(`send ${sent.kind === 'heartbeat-reply' && sent.round}`),
    installed: ({ index }) => deeds.push(`installed ${index}`),
    persisted: (number) => deeds.push(`persisted ${number}`),
    failed: (error) => {
      deeds.push(`failed ${(error as Error).message}`)
      persistence.stop()
    }
  })
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  return { persistence, under, deeds, settled }
}

describe('what waits for the disk', () => {
  it('leaves at once where nothing is under way', () => {
    const { persistence, deeds } = ground()
    persistence.add(undefined, [message(1)])
    assert.deepEqual(deeds, ['send 1'])
  })

  it('leaves once its write and every earlier one are made, also without one of its own', async () => {
    const { persistence, under, deeds, settled } = ground()
    persistence.add(write(1), [message(1)])
    persistence.add(write(2), [message(2)])
    persistence.add(undefined, [message(3)])
    persistence.add(write(3, false), [message(4)])
    await settled()
    assert.deepEqual(deeds, [])
    assert.equal(under.length, 2)
    under[1]!.resolve()
    await settled()
    assert.deepEqual(deeds, [])
    under[0]!.resolve()
    await settled()
    assert.deepEqual(deeds, ['send 1', 'persisted 1', 'send 2', 'persisted 2', 'send 3', 'send 4', 'persisted 3'])
  })

  it('restores a snapshot before it tells anybody', async () => {
    const { persistence, under, deeds, settled } = ground()
    const configuration = { voters: ['a'], outgoing: [], learners: [] }
    persistence.add(write(1, true, { index: 7, term: 1, configuration, data: new Uint8Array() }), [message(1)])
    under[0]!.resolve()
    await settled()
    assert.deepEqual(deeds, ['installed 7', 'send 1', 'persisted 1'])
  })

  it('never leaves after a write that failed, and is asked for no other', async () => {
    const { persistence, under, deeds, settled } = ground()
    persistence.add(write(1), [message(1)])
    persistence.add(write(2), [message(2)])
    under[0]!.reject(new Error('EIO'))
    under[1]!.resolve()
    await settled()
    persistence.add(write(3), [message(3)])
    persistence.add(undefined, [message(4)])
    assert.deepEqual(deeds, ['failed EIO'])
    assert.equal(under.length, 2)
  })
})
