/** Three of etcd, each with a folder of its own, and one client over gRPC: as little of it as puts and gets need. */
import { spawn } from 'node:child_process'
import { type ClientHttp2Session, connect, constants } from 'node:http2'
import { setTimeout as delay } from 'node:timers/promises'
import { folder } from '../harness/folder.ts'
import { Latency } from '../harness/latency.ts'
import { peakMiBOf } from '../harness/other-process.ts'
import { Stopwatch } from '../harness/stopwatch.ts'
import type { Job, Solo } from '../harness/types.ts'
import { Gate } from '../ours/gate.ts'
import { payloads } from '../payload.ts'
import { freePort } from './broker.ts'

/** Keys that are written in turn, as by ours. */
const KEYS = 1_024
/** Debian's `etcd-server` has it. */
const COMMAND = 'etcd'
/** HTTP/2 connections: etcd answers those of one connection in fewer threads. */
const SESSIONS = 4
/** ms within which it has a leader. */
const PATIENCE = 30_000

interface Member {
  url: string
  pid: number
  stop(): void
}

export const etcd: Solo = async (job) => {
  const members = await start()
  const sessions = await Promise.all(Array.from({ length: SESSIONS }, (_, i) => reach(members[i % 3]!.url)))
  try {
    const payload = payloads(job.bytes)
    const latency = new Latency()
    const isRead = job.pattern === 'consensus-reads'
    const keys = Array.from({ length: KEYS }, (_, i) => Buffer.from(`key-${i}`))
    const once = async (i: number): Promise<void> => {
      const session = sessions[i % SESSIONS]!
      const key = keys[i % KEYS]!
      if (!isRead) await call(session, 'Put', fields(key, payload()))
      else if ((await call(session, 'Range', fields(key))).length < job.bytes) throw new Error('etcd read nothing')
    }
    if (isRead) await flood(KEYS, 256, (i) => call(sessions[0]!, 'Put', fields(keys[i]!, payload())))
    await flood(job.warmUp, job.inFlight, once)
    const watch = new Stopwatch(members.map(({ pid }) => pid))
    await flood(job.messages, job.inFlight, async (i) => {
      const at = performance.now()
      await once(i)
      latency.record((performance.now() - at) * 1_000)
    })
    const { seconds, cpuSeconds } = watch
    const peakMiB = members.reduce((sum, { pid }) => sum + peakMiBOf(pid), 0)
    return { messages: job.messages, seconds, cpuSeconds, peakMiB, ...latency.percentiles() }
  } finally {
    for (const session of sessions) session.destroy()
    for (const { stop } of members) stop()
  }
}

async function flood(count: number, inFlight: Job['inFlight'], once: (i: number) => Promise<unknown>): Promise<void> {
  const gate = new Gate(inFlight)
  for (let i = 0; i < count; i++) {
    gate.pass(once(i), () => {})
    if (gate.full) await gate.room()
  }
  await gate.empty()
}

async function start(): Promise<Member[]> {
  const ports: { client: string; peer: string }[] = []
  for (let i = 0; i < 3; i++) ports.push({ client: await freeUrl(), peer: await freeUrl() })
  const cluster = ports.map(({ peer }, i) => `m${i}=${peer}`).join()
  return ports.map(({ client, peer }, i) => {
    const { path, remove } = folder()
    const args = [
      '--name',
      `m${i}`,
      '--data-dir',
      path,
      '--listen-client-urls',
      client,
      '--advertise-client-urls',
      client
    ]
    args.push('--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', cluster)
    const child = spawn(COMMAND, args, { stdio: 'ignore' })
    const stop = (): void => {
      process.off('exit', stop)
      child.kill('SIGKILL')
      remove()
    }
    process.once('exit', stop)
    return { url: client, pid: child.pid!, stop }
  })
}

const freeUrl = async (): Promise<string> => `http://127.0.0.1:${await freePort()}`

/** Once it has a leader. */
async function reach(url: string): Promise<ClientHttp2Session> {
  for (const until = performance.now() + PATIENCE; performance.now() < until; await delay(50)) {
    const session = connect(url)
    session.on('error', () => {})
    try {
      await call(session, 'Put', fields(Buffer.from('first'), Buffer.from('0')))
      return session
    } catch {
      session.destroy()
    }
  }
  throw new Error(`etcd does not answer at ${url}`)
}

/** The first fields of a PutRequest are its key and value, that of a RangeRequest its key; linearizable unless it says otherwise. */
function fields(...values: Uint8Array[]): Buffer {
  return Buffer.concat(values.flatMap((value, i) => [Buffer.from([((i + 1) << 3) | 2, ...lengthOf(value)]), value]))
}

function lengthOf({ length }: Uint8Array): number[] {
  const bytes: number[] = []
  let left = length
  for (; left > 127; left >>= 7) bytes.push((left & 127) | 128)
  return [...bytes, left]
}

/** gRPC over HTTP/2: a byte that says "not compressed", four of length, the message; the status comes in the trailers. */
function call(session: ClientHttp2Session, method: 'Put' | 'Range', message: Buffer): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: `/etcdserverpb.KV/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers'
  })
  const parts: Buffer[] = []
  let status: unknown
  const told = (headers: { 'grpc-status'?: unknown }): void => {
    status = headers['grpc-status'] ?? status
  }
  stream.on('response', told).on('trailers', told)
  stream.on('data', (part: Buffer) => parts.push(part))
  stream.on('error', reject)
  stream.on('close', () => {
    if (status === '0') resolve(Buffer.concat(parts))
    else reject(new Error(`etcd: ${method} ended with ${String(status)}`))
  })
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  stream.end(Buffer.concat([head, message]))
  return promise
}
