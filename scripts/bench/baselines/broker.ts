import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { folder } from '../harness/folder.ts'
import { Stopwatch } from '../harness/stopwatch.ts'
import type { Job, Measurement } from '../harness/types.ts'

/** A broker of somebody else's, started for one measurement with a folder of its own. */
export interface Broker {
  command: string
  args(port: number, path: string): string[]
}

/** What is said to a broker on one connection. */
export interface Dialogue {
  /** Resolves when messages may be sent. */
  ready: Promise<void>
  /** `done` is called when the broker has acknowledged it. */
  send(payload: Uint8Array, done: () => void): void
}

export function isOnPath(command: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((path) => {
    try {
      accessSync(join(path, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Messages/s until acknowledged, `inFlight` of them under way. */
export async function measureBroker(
  { command, args }: Broker,
  { messages, warmUp, inFlight, bytes }: Job,
  begin: (socket: Socket) => Dialogue
): Promise<Measurement> {
  const { path, remove } = folder()
  const port = await freePort()
  const child = spawn(command, args(port, path), { stdio: 'ignore' })
  try {
    const socket = await reach(port)
    const dialogue = begin(socket)
    await dialogue.ready
    const run = (count: number) => flood(dialogue, count, inFlight, Buffer.alloc(bytes, 7))
    await run(warmUp)
    const watch = new Stopwatch()
    await run(messages)
    const measured = { messages, seconds: watch.seconds, cpuSeconds: watch.cpuSeconds, peakMiB: 0 }
    socket.destroy()
    return measured
  } finally {
    child.kill('SIGKILL')
    remove()
  }
}

function flood(dialogue: Dialogue, count: number, inFlight: number, payload: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    let sent = 0
    let acknowledged = 0
    const next = (): void => {
      if (sent++ < count) dialogue.send(payload, done)
    }
    const done = (): void => {
      if (++acknowledged === count) resolve()
      else next()
    }
    for (let i = 0; i < Math.min(count, inFlight); i++) next()
  })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((listening) => server.once('listening', listening))
  const { port } = server.address() as { port: number }
  await new Promise((closed) => server.close(closed))
  return port
}

async function reach(port: number): Promise<Socket> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const socket = connect(port, '127.0.0.1')
    const reached = await new Promise((told) => {
      socket.once('connect', () => told(true))
      socket.once('error', () => told(false))
    })
    if (reached === true) return socket.setNoDelay(true)
    await sleep(25)
  }
  throw new Error(`nobody listens on ${port}`)
}
