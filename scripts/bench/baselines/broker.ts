import { spawn } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { folder } from '../harness/folder.ts'

/** A broker of somebody else's, started for one measurement with a folder of its own. */
export interface Broker {
  command: string
  args(port: number, path: string): string[]
}

export interface RunningBroker {
  port: number
  pid: number
  stop(): void
}

/** What is said to a broker on one connection. */
export interface Dialogue {
  /** Resolves when messages may be sent. */
  ready: Promise<void>
  /** `done` is called when the broker has acknowledged it. */
  send(payload: Uint8Array, done: () => void): void
}

/** What a measurement of the broker would lack on this machine: the broker, or the means to count what it takes. */
export function lackedBy(command: string): string | undefined {
  if (!existsSync('/proc/self/stat')) return '/proc'
  return isOnPath(command) ? undefined : command
}

function isOnPath(command: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((path) => {
    try {
      accessSync(join(path, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** It ends with this process at the latest. */
export async function startBroker({ command, args }: Broker): Promise<RunningBroker> {
  const { path, remove } = folder()
  const port = await freePort()
  const child = spawn(command, args(port, path), { stdio: 'ignore' })
  const stop = (): void => {
    process.off('exit', stop)
    child.kill('SIGKILL')
    remove()
  }
  process.once('exit', stop)
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject))
  return { port, pid: child.pid!, stop }
}

/** Has so many messages acknowledged by the broker, `inFlight` of them under way. */
export function flood(dialogue: Dialogue, count: number, inFlight: number, payload: () => Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    let sent = 0
    let acknowledged = 0
    const next = (): void => {
      if (sent++ < count) dialogue.send(payload(), done)
    }
    const done = (): void => {
      if (++acknowledged === count) resolve()
      else next()
    }
    for (let i = 0; i < Math.min(count, inFlight); i++) next()
  })
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((listening) => server.once('listening', listening))
  const { port } = server.address() as { port: number }
  await new Promise((closed) => server.close(closed))
  return port
}

export async function reach(port: number): Promise<Socket> {
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
