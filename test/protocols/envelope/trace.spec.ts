import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  continueTrace,
  formatTraceparent,
  formatTracestate,
  parseTraceparent,
  parseTracestate,
  receivedTrace,
  TraceFlag,
  withState
} from '../../../protocols/envelope/trace.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'
const PARENT = `00-${TRACE}-${SPAN}-01`
const entropy = Uint8Array.from({ length: 24 }, (_, i) => i + 1)

describe('envelope: trace context (W3C)', () => {
  it('reads a traceparent (§3.2)', () => {
    assert.deepEqual(parseTraceparent(PARENT), { traceId: TRACE, spanId: SPAN, flags: 1 })
    assert.equal(formatTraceparent(parseTraceparent(PARENT)!), PARENT)
  })

  it('refuses what is none (§3.2.2)', () => {
    const bad = ['', 'x', PARENT.toUpperCase(), `ff-${TRACE}-${SPAN}-01`, `00-${'0'.repeat(32)}-${SPAN}-01`]
    bad.push(
      `00-${TRACE}-${'0'.repeat(16)}-01`,
      `${PARENT}-extra`,
      `${PARENT} `,
      `00-${TRACE}-${SPAN}-1`,
      `0-${TRACE}-${SPAN}-01`
    )
    for (const text of bad) assert.equal(parseTraceparent(text), undefined, text)
  })

  it('reads what it knows of a later version (§3.2.4), and only the flags it knows', () => {
    assert.deepEqual(parseTraceparent(`cc-${TRACE}-${SPAN}-01-what-comes`), { traceId: TRACE, spanId: SPAN, flags: 1 })
    assert.equal(parseTraceparent(`cc-${TRACE}-${SPAN}-01what`), undefined)
    assert.equal(parseTraceparent(`00-${TRACE}-${SPAN}-ff`)?.flags, TraceFlag.sampled | TraceFlag.random)
  })

  it('reads a tracestate (§3.3)', () => {
    assert.deepEqual(parseTracestate('rojo=00f067aa,\tcongo@sys=t 61 ,, a/b*_-=x'), [
      ['rojo', '00f067aa'],
      ['congo@sys', 't 61'],
      ['a/b*_-', 'x']
    ])
    assert.deepEqual(parseTracestate(''), [])
    const members = (n: number) => Array.from({ length: n }, (_, i) => `k${i}=v`).join(',')
    assert.equal(parseTracestate(members(32))?.length, 32)
    assert.equal(parseTracestate(members(33)), undefined)
    for (const text of [
      'a',
      'A=1',
      'a=',
      'a=1,a=2',
      'a=b=c',
      '=1',
      'é=1',
      'a=é',
      `${'k'.repeat(257)}=1`,
      `a=${'v'.repeat(257)}`
    ]) {
      assert.equal(parseTracestate(text), undefined, text)
    }
  })

  it('cuts a long tracestate: long members first, then the oldest (§3.3.1.5)', () => {
    const long = ['long', 'v'.repeat(200)] as const
    const short = Array.from({ length: 20 }, (_, i) => [`k${i}`, 'v'.repeat(20)] as const)
    const text = formatTracestate([short[0]!, long, ...short.slice(1)])
    assert.ok(text.length <= 512)
    assert.ok(!text.includes('long'))
    assert.ok(text.startsWith('k0='))
    assert.equal(formatTracestate([long]), `long=${'v'.repeat(200)}`)
  })

  it('drops a received trace that cannot be read, and a state alone', () => {
    assert.deepEqual(receivedTrace(PARENT, 'a=1'), { traceparent: PARENT, tracestate: 'a=1' })
    assert.deepEqual(receivedTrace(PARENT, 'a'), { traceparent: PARENT })
    assert.equal(receivedTrace('x', 'a=1'), undefined)
    fc.assert(fc.property(fc.anything(), fc.anything(), (parent, state) => receivedTrace(parent, state) === undefined))
  })

  it('goes on in the trace with a span of its own, as version 00', () => {
    const child = continueTrace({ traceparent: `cc-${TRACE}-${SPAN}-01-x`, tracestate: 'a=1' }, entropy)
    assert.deepEqual(child, { traceparent: `00-${TRACE}-1112131415161718-01`, tracestate: 'a=1' })
    assert.deepEqual(continueTrace({ traceparent: PARENT, tracestate: '!' }, entropy), {
      traceparent: `00-${TRACE}-1112131415161718-01`
    })
  })

  it('starts a trace where there is none', () => {
    const fresh = `00-0102030405060708090a0b0c0d0e0f10-1112131415161718-02`
    assert.deepEqual(continueTrace(undefined, entropy), { traceparent: fresh })
    assert.deepEqual(continueTrace({ traceparent: 'x', tracestate: 'a=1' }, entropy), { traceparent: fresh })
    const zeros = continueTrace(undefined, new Uint8Array(24))
    assert.ok(parseTraceparent(zeros.traceparent))
  })

  it('puts a member in front of the state (§3.5)', () => {
    const trace = { traceparent: PARENT, tracestate: 'a=1,b=2' }
    assert.equal(withState(trace, 'b', '3').tracestate, 'b=3,a=1')
    assert.equal(withState({ traceparent: PARENT }, 'b', '3').tracestate, 'b=3')
    assert.equal(withState(trace, 'B', '3'), trace)
  })
})
