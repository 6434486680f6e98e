import { InvalidArgumentError } from 'commander'
import type { Agent } from '../../agent/agent.ts'
import type { Register } from '../cli.ts'
import { milliseconds, withJson } from '../options.ts'
import { Output, table } from '../output.ts'

/** One measurement, through nothing but the public API. */
interface Measured {
  case: string
  unit: string
  value: number
}

interface Flags {
  json?: boolean
  duration: number
}

/** Sends in flight at once, where more than one is. */
const WINDOW = 256
const DATA = 'x'.repeat(128)
/** ms before anything is measured. A guess: some ten thousand messages. */
const WARM_UP = 300

export const bench: Register = (program, cli) => {
  withJson(program.command('bench').description('a short measurement of this machine: two nodes over loopback'))
    .option('--duration <ms>', 'how long each case takes', duration, 1_000)
    .addHelpText('after', `\n${CAVEAT}\n\nExample:\n  $ phoenix bench --duration 3000 --json`)
    .action(async (flags: Flags) => {
      const output = new Output(cli, flags)
      const listen = ['/ip4/127.0.0.1/tcp/0']
      const { createNode } = await import('../../node/create.ts')
      await using server = await createNode({ name: 'bench-server', listen })
      await using client = await createNode({ name: 'bench-client', listen, bootstrap: server.multiaddrs })
      await client.ready({ peers: 1, timeout: 10_000, signal: cli.signal })
      const counter = { received: 0 }
      await server.agent('sink', {
        receive: () => void counter.received++,
        handle: { echo: (message) => message.data }
      })
      const results = await measure(await client.agent('source'), counter, flags.duration, cli.signal)
      output.note(CAVEAT)
      const rows = results.map(({ case: name, unit, value }) => [name, Math.round(value).toLocaleString('en'), unit])
      output.value({ note: CAVEAT, results }, table(['CASE', 'VALUE', 'UNIT'], rows))
    })
}

const CAVEAT =
  'Two nodes in one process over TCP, Noise and Yamux on loopback, 128 bytes of data a message: both ends share one core, so two processes do better.'

async function measure(
  source: Agent,
  counter: { received: number },
  duration: number,
  signal: AbortSignal
): Promise<Measured[]> {
  const rate = async (name: string, unit: string, once: () => Promise<unknown>): Promise<Measured> => {
    const { count, seconds } = await flood(once, duration, signal)
    return { case: name, unit, value: count / seconds }
  }
  // What runs first would measure the compiler.
  await flood(() => source.send('sink', DATA, { delivery: 'at-least-once' }), Math.min(duration, WARM_UP), signal)
  const unacknowledged = await oneWay(source, counter, duration, signal)
  return [
    unacknowledged,
    await rate('acknowledged', 'messages/s', () => source.send('sink', DATA, { delivery: 'at-least-once' })),
    await rate(`requests, ${WINDOW} in flight`, 'requests/s', () => source.request('sink', DATA, { type: 'echo' })),
    { case: 'request, one at a time, p50', unit: 'µs', value: await median(source, duration, signal) }
  ]
}

function duration(text: string): number {
  const given = milliseconds(text)
  if (given === 0) throw new InvalidArgumentError('In no time nothing is measured.')
  return given
}

/** Counted where they arrive. */
async function oneWay(
  source: Agent,
  counter: { received: number },
  duration: number,
  signal: AbortSignal
): Promise<Measured> {
  const before = counter.received
  const { count, began } = await flood(() => source.send('sink', DATA, { delivery: 'at-most-once' }), duration, signal)
  const patience = performance.now() + 5_000
  while (counter.received - before < count && performance.now() < patience && !signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const seconds = (performance.now() - began) / 1_000
  return { case: 'one-way, at-most-once', unit: 'messages/s', value: (counter.received - before) / seconds }
}

/** Keeps a window of calls in flight for a while. Rejects with what the first failing call threw. */
async function flood(once: () => Promise<unknown>, duration: number, signal: AbortSignal) {
  const began = performance.now()
  let count = 0
  const worker = async () => {
    while (performance.now() - began < duration) {
      signal.throwIfAborted()
      await once()
      count++
    }
  }
  await Promise.all(Array.from({ length: WINDOW }, worker))
  return { count, began, seconds: (performance.now() - began) / 1_000 }
}

async function median(source: Agent, duration: number, signal: AbortSignal): Promise<number> {
  const times: number[] = []
  const end = performance.now() + duration
  while (performance.now() < end || times.length === 0) {
    signal.throwIfAborted()
    const began = performance.now()
    await source.request('sink', DATA, { type: 'echo' })
    times.push(performance.now() - began)
  }
  return times.sort((a, b) => a - b)[times.length >> 1]! * 1_000
}
