import assert from 'node:assert/strict'
import { Play } from '../../../scripts/simulate/play.ts'
import { type Command, encode } from '../../../scripts/simulate/scenarios/raft/commands.ts'
import { History } from '../../../scripts/simulate/scenarios/raft/history.ts'
import { Register } from '../../../scripts/simulate/scenarios/raft/register.ts'
import type { Entry } from '../../../src/core/consensus/types.ts'

/** A node, what its clients were told, and a state machine that another test may leave behind. */
class Told {
  readonly history = new History()
  readonly register = new Register()
  #contexts = 0

  propose(index: number, term: number, command: Command): void {
    this.history.proposes('a', [command], () => ({ index, term }))
  }

  apply(index: number, term: number, command: Command): void {
    const entry: Entry = { index, term, kind: 'command', data: encode(command) }
    this.history.applied('a', entry, this.register.apply(entry), this.register)
  }

  read(register = this.register): void {
    const context = ++this.#contexts
    this.history.readBegins(context, 'a', 'x')
    this.history.readConfirmed(context, 0, () => register)
  }

  judge(): void {
    this.history.judge(new Play('raft', 1))
  }
}

const notLinearizable = { name: 'Violation', message: /^linearizability/ }

describe('what clients of the simulated group saw', () => {
  it('has an order where they were told what is so', () => {
    const told = new Told()
    told.read()
    told.propose(1, 1, ['write', 'x', 1])
    told.apply(1, 1, ['write', 'x', 1])
    told.propose(2, 1, ['cas', 'x', 1, 2])
    told.propose(3, 1, ['cas', 'x', 1, 3])
    told.apply(2, 1, ['cas', 'x', 1, 2])
    told.apply(3, 1, ['cas', 'x', 1, 3])
    told.read()
    assert.doesNotThrow(() => told.judge())
  })

  it('has none where a read was served from a state that lacks what had been told', () => {
    const told = new Told()
    told.propose(1, 1, ['write', 'x', 1])
    told.apply(1, 1, ['write', 'x', 1])
    told.read(new Register())
    assert.throws(() => told.judge(), notLinearizable)
  })

  it('has one with a write of which nobody knows, seen or not', () => {
    for (const applied of [true, false]) {
      const told = new Told()
      told.propose(1, 1, ['write', 'x', 1])
      told.history.crashed('a')
      told.read()
      if (applied) told.apply(1, 1, ['write', 'x', 1])
      told.read()
      assert.doesNotThrow(() => told.judge())
    }
  })

  it('has none where an entry took effect in whose place another was committed', () => {
    const told = new Told()
    told.propose(1, 1, ['write', 'x', 1])
    told.apply(1, 2, ['write', 'x', 9])
    const other = new Register()
    other.apply({ index: 1, term: 1, kind: 'command', data: encode(['write', 'x', 1]) })
    told.read(other)
    assert.throws(() => told.judge(), notLinearizable)
  })

  it('has none where a compare-and-set that was refused had found what it expected', () => {
    const told = new Told()
    told.propose(1, 1, ['write', 'x', 1])
    told.apply(1, 1, ['write', 'x', 1])
    told.propose(2, 1, ['cas', 'x', 1, 2])
    const entry: Entry = { index: 2, term: 1, kind: 'command', data: encode(['cas', 'x', 1, 2]) }
    told.history.applied('a', entry, { done: false, found: null }, told.register)
    assert.throws(() => told.judge(), notLinearizable)
  })
})
