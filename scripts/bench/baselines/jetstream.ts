import type { Socket } from 'node:net'
import { peakMiBOf } from '../harness/other-process.ts'
import { Stopwatch } from '../harness/stopwatch.ts'
import type { Solo } from '../harness/types.ts'
import { type Dialogue, flood, reach, startBroker } from './broker.ts'

const SERVER = {
  command: 'nats-server',
  args: (port: number, path: string) => ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', path]
}

/** A stream in files, each message acknowledged by JetStream. */
export const jetstream: Solo = async ({ messages, warmUp, inFlight, bytes }) => {
  const { port, pid, stop } = await startBroker(SERVER)
  try {
    const socket = await reach(port)
    const dialogue = converse(socket)
    await dialogue.ready
    const payload = Buffer.alloc(bytes, 7)
    const run = (count: number) => flood(dialogue, count, inFlight, () => payload)
    await run(warmUp)
    const watch = new Stopwatch([pid])
    await run(messages)
    const measured = { messages, seconds: watch.seconds, cpuSeconds: watch.cpuSeconds, peakMiB: peakMiBOf(pid) }
    socket.destroy()
    return measured
  } finally {
    stop()
  }
}

/** As much of the client's protocol (docs.nats.io, "Client Protocol") as a publisher needs. */
function converse(socket: Socket): Dialogue {
  const waiting = new Map<string, () => void>()
  let number = 0
  let text = ''
  const publish = (subject: string, payload: Uint8Array, done: () => void): void => {
    const reply = `_INBOX.bench.${number++}`
    waiting.set(reply, done)
    socket.write(Buffer.concat([Buffer.from(`PUB ${subject} ${reply} ${payload.length}\r\n`), payload, CRLF]))
  }
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1')
    for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
      const [verb, subject = '', , size = '0'] = text.slice(0, end).split(' ')
      if (verb === '-ERR') throw new Error(text.slice(0, end))
      if (verb === 'PING') socket.write('PONG\r\n')
      const length = verb === 'MSG' ? Number(size) + 2 : 0
      if (text.length < end + 2 + length) return
      const body = text.slice(end + 2, end + 2 + length)
      text = text.slice(end + 2 + length)
      if (verb !== 'MSG') continue
      if (body.includes('"error"')) throw new Error(body)
      waiting.get(subject)?.()
      waiting.delete(subject)
    }
  })
  socket.write('CONNECT {"verbose":false,"pedantic":false}\r\nSUB _INBOX.bench.* 1\r\n')
  const stream = JSON.stringify({ name: 'bench', subjects: ['bench'], storage: 'file', retention: 'limits' })
  const ready = new Promise<void>((made) => publish('$JS.API.STREAM.CREATE.bench', Buffer.from(stream), made))
  return { ready, send: (payload, done) => publish('bench', payload, done) }
}

const CRLF = Buffer.from('\r\n')
