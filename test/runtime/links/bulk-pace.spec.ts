import assert from 'node:assert/strict'
import { PORTION_BYTES } from '../../../src/runtime/links/bulk-pace.ts'
import { SIGN, stations, text, WORD } from './ground.ts'

const MESSAGE = 100_000
const MESSAGES = 40

describe('bulk beside control', () => {
  async function ground() {
    const { time, a, b } = await stations(2, { queueBytes: 8 * 2 ** 20, window: { frames: 1024, bytes: 2 ** 23 } })
    const bulk = a.to(b, 'bulk')
    const control = a.to(b, 'control')
    for (const link of [bulk, control]) link.send(SIGN, text('open'), false)
    await time.advance(100)
    const arrived = (): number =>
      b.received.filter(({ kind }) => kind === WORD).reduce((sum, { bytes }) => sum + bytes, 0)
    const fill = (): void => {
      for (let i = 0; i < MESSAGES; i++) bulk.send(WORD, new Uint8Array(MESSAGE), true)
    }
    return { time, control, fill, arrived }
  }

  it('leaves in portions while the control lane is in use, and at once when it is not', async () => {
    const { time, control, fill, arrived } = await ground()
    fill()
    await time.advance(60)
    assert.equal(arrived(), MESSAGES * MESSAGE, 'nothing is on the control lane')

    control.send(SIGN, text('busy'), false)
    await time.advance(1)
    fill()
    for (let ms = 0; ms < 20; ms += 2) {
      control.send(SIGN, text('busy'), false)
      await time.advance(2)
    }
    const paced = arrived() - MESSAGES * MESSAGE
    assert.ok(paced > 0 && paced <= 12 * (PORTION_BYTES + MESSAGE), `${paced} bytes in 20 ms`)

    await time.advance(60)
    assert.equal(arrived(), 2 * MESSAGES * MESSAGE, 'the control lane has fallen silent')
  })
})
