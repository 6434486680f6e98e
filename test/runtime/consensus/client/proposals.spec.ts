import assert from 'node:assert/strict'
import type { Done } from '../../../../protocols/consensus/messages.ts'
import { pack } from '../../../../protocols/envelope/messagepack.ts'
import { keyValue } from '../../../../src/core/replicated/key-value.ts'
import { ReplicatedState } from '../../../../src/core/replicated/replicated-state.ts'
import { MAX_SESSIONS } from '../../../../src/core/replicated/sessions.ts'
import { Ask } from '../../../../src/runtime/consensus/client/ask.ts'
import { type Proposal, Proposals } from '../../../../src/runtime/consensus/client/proposals.ts'
import type { Asked } from '../../../../src/runtime/consensus/client/types.ts'

/** A leader that applies what it is sent when it is told to, as often as it is told to. */
class Leader {
  readonly state = new ReplicatedState({ machine: keyValue() })
  readonly sent: { command: Uint8Array; ask: Ask }[] = []
  #index = 0
  readonly proposals = new Proposals({
    nonce: () => `nonce ${this.#nonces++}`,
    propose: (command, owner) => {
      const route = { answered: () => {}, failed: () => {}, drop: () => {} }
      const ask = new Ask(route, this.sent.length, { op: 'propose', command }, owner, () => {})
      ask.sent('leader', 0)
      this.sent.push({ command, ask })
      return ask
    }
  })
  #nonces = 0

  apply(command: Uint8Array): Done {
    const outcome = this.state.apply(command, { index: ++this.#index, term: 1 })
    const value = pack(outcome.ok ? [true, outcome.value] : [false, outcome.code, outcome.message])
    return { id: 0, index: this.#index, term: 1, value, rest: 0 }
  }

  async answer(at: number): Promise<void> {
    const { command, ask } = this.sent[at]!
    ask.resolve(this.apply(command))
    await settled()
  }

  /** Others open as many sessions as are remembered. */
  expireAll(): void {
    const { state } = this
    for (let i = 0; i <= MAX_SESSIONS; i++) {
      state.apply(pack([0, 0, 0, 'sessions', { open: `other ${i}` }]), { index: ++this.#index, term: 1 })
    }
  }

  put(key: string, value: unknown): Promise<Asked> {
    const { promise, resolve, reject } = Promise.withResolvers<Asked>()
    const proposal: Proposal = {
      ...{ part: 'machine', body: { put: key, value }, ask: undefined, settled: false },
      resolve,
      reject
    }
    this.proposals.propose(proposal)
    return promise
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

describe('Proposals', () => {
  it('opens a session for the first, and numbers them all in it', async () => {
    const leader = new Leader()
    const all = [1, 2, 3].map((value) => leader.put('x', value))
    assert.equal(leader.sent.length, 1)
    await leader.answer(0)
    assert.equal(leader.sent.length, 4)
    // Twice in the log, once in the state.
    leader.apply(leader.sent[1]!.command)
    for (const at of [3, 2, 1]) await leader.answer(at)
    const ids = (await Promise.all(all)).map(({ id }) => id)
    assert.deepEqual(ids, ['1.1', '1.2', '1.3'])
    assert.equal(leader.state.query('machine', { get: 'x' }), 2)
  })

  it('has no more under way than a session remembers, and goes on as they are settled', async () => {
    const leader = new Leader()
    const all = Array.from({ length: 1_500 }, (_, i) => leader.put(`key ${i}`, i))
    await leader.answer(0)
    assert.equal(leader.sent.length, 1 + 1_024)
    await leader.answer(2)
    // The first is still waited for.
    assert.equal(leader.sent.length, 1 + 1_024)
    await leader.answer(1)
    assert.equal(leader.sent.length, 1 + 1_026)
    for (let at = 3; at < leader.sent.length; at++) await leader.answer(at)
    assert.equal(new Set((await Promise.all(all)).map(({ id }) => id)).size, 1_500)
  })

  it('begins a new session where its own was forgotten: again what was sent once, never what was sent before', async () => {
    const leader = new Leader()
    void leader.put('x', 0)
    await leader.answer(0)
    await leader.answer(1)
    const once = leader.put('once', 1)
    const twice = leader.put('twice', 1)
    // Its answer is lost, and it is sent again.
    leader.apply(leader.sent[3]!.command)
    leader.sent[3]!.ask.sent('another', 0)
    leader.expireAll()
    const refused = assert.rejects(twice, { code: 'ERR_SESSION_EXPIRED', retryable: false })
    await leader.answer(3)
    await refused
    await leader.answer(2)
    assert.equal(leader.sent.length, 5)
    await leader.answer(4)
    await leader.answer(5)
    const { id } = await once
    assert.match(id, /^\d+\.1$/)
    assert.equal(leader.state.query('machine', { get: 'once' }), 1)
  })

  it('rejects what waits where no session is to be had', async () => {
    const leader = new Leader()
    const waiting = assert.rejects(leader.put('x', 1), { code: 'ERR_LIMIT' })
    const value = pack([false, 'ERR_LIMIT', 'no more'])
    leader.sent[0]!.ask.resolve({ id: 0, index: 1, term: 1, value, rest: 0 })
    await waiting
  })
})
