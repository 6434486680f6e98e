import assert from 'node:assert/strict'
import { Followers } from '../../../src/runtime/consensus/followers.ts'
import type { History } from '../../../src/runtime/consensus/history.ts'
import type { Clock } from '../../../src/runtime/ports.ts'

describe('those who follow a replica', () => {
  it('are given snapshots one a turn, and what the log still has at once', () => {
    const turns: (() => void)[] = []
    const clock = { endOfTurn: (run: () => void) => turns.push(run) } as unknown as Clock
    const history = {
      first: 5,
      last: 9,
      read: () => ({ applied: [{}], index: 9 })
    } as unknown as History
    const data = new Uint8Array(1)
    const snapshot = () => ({ index: 4, term: 1, configuration: { voters: ['a'], outgoing: [], learners: [] }, data })
    const followers = new Followers({ clock, history, snapshot })
    const told: string[] = []
    for (const [name, from] of [
      ['far', 1],
      ['near', 7],
      ['far too', 2]
    ] as const) {
      followers.add(from, (followed) => told.push(`${name} ${'snapshot' in followed ? 'snapshot' : 'entries'}`))
    }
    const perTurn: string[][] = []
    while (turns.length > 0) {
      for (const run of turns.splice(0)) run()
      perTurn.push(told.splice(0))
    }
    assert.deepEqual(perTurn, [
      ['far snapshot', 'near entries'],
      ['far entries', 'far too snapshot'],
      ['far too entries']
    ])
  })
})
