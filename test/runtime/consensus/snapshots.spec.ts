import assert from 'node:assert/strict'
import { MAX_SNAPSHOT_BYTES } from '../../../protocols/raft/constants.ts'
import type { Snapshot } from '../../../src/core/consensus/types.ts'
import { History } from '../../../src/runtime/consensus/history.ts'
import type { RaftStore } from '../../../src/runtime/consensus/raft-store.ts'
import { Snapshots } from '../../../src/runtime/consensus/snapshots.ts'
import { DEFAULT_OPTIONS } from '../../../src/runtime/consensus/types.ts'
import type { Clock } from '../../../src/runtime/ports.ts'
import { Ledger } from './ledger.ts'

const configuration = { voters: ['a'], outgoing: [], learners: [] }
const none: Snapshot = { index: 0, term: 0, configuration, data: new Uint8Array() }

/** What takes snapshots, with a clock by which each piece of the state takes so many ms. */
function ground(ledger = new Ledger(), step = 0) {
  let now = -step
  const turns: (() => void)[] = []
  const deeds: string[] = []
  const kept: Snapshot[] = []
  const history = new History(1)
  const clock = {
    monotonic: () => (now += step),
    endOfTurn: (fn: () => void) => void turns.push(fn)
  } as Partial<Clock> as Clock
  const store = {
    keep: async (snapshot: Snapshot) => {
      deeds.push('keep')
      kept.push(snapshot)
      return true
    }
  } as Partial<RaftStore> as RaftStore
  const snapshots = new Snapshots({
    ...{ clock, store, history, state: ledger, snapshot: none },
    options: { ...DEFAULT_OPTIONS, trailingEntries: 3 },
    describe: (index) => ({ index, term: 1, configuration }),
    compact: (index) => deeds.push(`compact ${index}`),
    checkAlive: () => {},
    failed: () => deeds.push('failed'),
    refused: () => deeds.push('refused')
  })
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  return { snapshots, ledger, history, turns, deeds, kept, settled }
}

function applied(history: History, ledger: Ledger, count: number): void {
  for (let i = 0; i < count; i++) {
    ledger.lines.push(`line ${ledger.lines.length}`)
    history.add(10, undefined)
  }
}

describe('a snapshot', () => {
  it('is written in slices, and is of the moment when it was taken', async () => {
    const { snapshots, ledger, history, turns, deeds, kept, settled } = ground(new Ledger(), 1)
    applied(history, ledger, 20)
    const taken = snapshots.take()
    let slices = 0
    for (; kept.length === 0; slices++) {
      await settled()
      applied(history, ledger, 1)
      turns.shift()?.()
    }
    assert.ok(slices > 5)
    assert.equal((await taken).index, 20)
    assert.equal(JSON.parse(Buffer.from(kept[0]!.data).toString()).length, 20)
    // Kept behind it are what was applied meanwhile, of which there are more than three already.
    assert.deepEqual(deeds, ['keep', 'compact 20'])
    assert.equal(history.first, 21)
    assert.equal(snapshots.latest, kept[0])
  })

  it('is on disk before the log is compacted, and three entries are kept for who is a little behind', async () => {
    const { snapshots, ledger, history, deeds } = ground()
    applied(history, ledger, 1)
    await snapshots.take()
    applied(history, ledger, 9)
    assert.deepEqual(deeds, ['keep', 'compact 0'])
    const again = snapshots.take()
    const next = snapshots.take()
    assert.equal((await again).index, (await next).index)
    assert.deepEqual(deeds.slice(2), ['keep', 'compact 7'])
  })

  it('is refused where it is larger than any replica takes', async () => {
    class Large extends Ledger {
      override capture(): Iterable<Uint8Array> {
        const piece = new Uint8Array(MAX_SNAPSHOT_BYTES / 2)
        return [piece, piece, Uint8Array.of(1)]
      }
    }
    const { snapshots, ledger, history, deeds } = ground(new Large())
    applied(history, ledger, 1)
    const taken = assert.rejects(snapshots.take(), { code: 'ERR_LIMIT' })
    await taken
    assert.deepEqual(deeds, [])
  })
})
