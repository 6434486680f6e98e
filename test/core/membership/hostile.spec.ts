import assert from 'node:assert/strict'
import type { DeltaEntry, DeltaItem, OverlayMessage } from '../../../protocols/overlay/messages.ts'
import type { MembershipEffect } from '../../../src/core/membership/effects.ts'
import { MembershipMachine } from '../../../src/core/membership/machine.ts'
import { sign } from './network.ts'

const recordOf = (peer: string) => {
  return { peer, name: peer, region: undefined, zone: undefined, addresses: [], incarnation: 1, expires: 1e12 }
}

/** A machine that `other` is connected with and has introduced itself to. */
function meet(maxEntryBytes: number) {
  const effects: MembershipEffect[] = []
  const machine = new MembershipMachine(recordOf('own'), { maxEntryBytes }, () => 0.5)
  machine.handle({ kind: 'record', signed: sign(recordOf('own')) }, 0, effects)
  machine.handle({ kind: 'bootstrap', addresses: [] }, 0, effects)
  machine.handle({ kind: 'connected', peer: 'other' }, 0, effects)
  const receive = (message: OverlayMessage) => machine.handle({ kind: 'receive', from: 'other', message }, 0, effects)
  let version = 0
  const announce = (entries: DeltaEntry[]) => {
    const claim = { peer: 'other', incarnation: 1, refutation: 0, state: 'alive' as const, accuser: undefined }
    const to = entries.at(-1)?.version ?? version
    const log = { from: version, to, done: true, full: false, floor: 0, entries }
    const item: DeltaItem = { ...claim, record: sign(recordOf('other')), ...log }
    version = to
    receive({ kind: 'delta', last: true, items: [item] })
  }
  announce([])
  return { machine, effects, receive, announce }
}

describe('a member that breaks its bounds', () => {
  it('is held to the bytes of its entries also where it lets one grow, and what it replaced does not stay', () => {
    const { machine, effects, announce } = meet(1_000)
    announce([{ key: 'a', version: 1, value: 'small' }])
    assert.equal(machine.member('other')?.entries.get('a')?.value, 'small')
    effects.length = 0
    announce([{ key: 'a', version: 2, value: 'x'.repeat(2_000) }])
    assert.deepEqual([...machine.member('other')!.entries], [])
    assert.ok(machine.partial)
    const told = effects.flatMap((e) => (e.kind === 'emit' && e.event.kind === 'entry' ? [e.event.entry.value] : []))
    assert.deepEqual(told, [undefined])
    announce([{ key: 'a', version: 3, value: 'small again' }])
    assert.equal(machine.member('other')?.entries.get('a')?.value, 'small again')
  })

  it('has the same bound for its own entries', () => {
    const { machine } = meet(1_000)
    machine.handle({ kind: 'set', key: 'a', value: 'small' }, 0, [])
    const grow = () => machine.handle({ kind: 'set', key: 'a', value: 'x'.repeat(2_000) }, 0, [])
    assert.throws(grow, { code: 'ERR_LIMIT' })
    assert.equal(machine.version, 1)
  })

  it('is not believed to know what was never said', () => {
    const { machine, receive } = meet(1_000)
    machine.handle({ kind: 'set', key: 'a', value: 1 }, 0, [])
    const claim = { peer: 'own', incarnation: 1, refutation: 0, state: 'alive' as const, expires: 1e12, version: 1_000 }
    receive({ kind: 'ack', incarnation: 1, version: 1, held: true, last: true })
    receive({ kind: 'digest', reply: false, complete: true, closed: false, items: [claim] })
    assert.equal(machine.announcedVersion, 1)
    machine.handle({ kind: 'set', key: 'b', value: 1 }, 0, [])
    assert.equal(machine.announcedVersion, 1)
  })

  it('does not speak for a member that we hear ourselves: its word makes us ask', () => {
    const { machine, effects, announce } = meet(1_000)
    announce([{ key: 'agent/worker/1', version: 1, value: 'real' }])
    machine.handle({ kind: 'connected', peer: 'liar' }, 0, effects)
    effects.length = 0
    const claim = { peer: 'other', incarnation: 1, refutation: 0, state: 'alive' as const, accuser: undefined }
    const entries = [{ key: 'agent/worker/1', version: 2 ** 40, value: undefined }]
    const log = { record: undefined, from: 1, to: 2 ** 40, done: true, full: false, floor: 0, entries }
    const message: OverlayMessage = { kind: 'delta', last: false, items: [{ ...claim, ...log }] }
    // After an exchange interval: what was missed of it may be asked for once in a quarter of that.
    machine.handle({ kind: 'receive', from: 'liar', message }, 1_000, effects)
    assert.equal(machine.member('other')?.entries.get('agent/worker/1')?.value, 'real')
    const asked = effects.flatMap((e) => (e.kind === 'send' && e.message.kind === 'digest' ? e.to : []))
    assert.deepEqual(asked, ['other'])
    announce([{ key: 'agent/worker/1', version: 2, value: 'moved' }])
    assert.equal(machine.member('other')?.entries.get('agent/worker/1')?.value, 'moved')
  })
})
