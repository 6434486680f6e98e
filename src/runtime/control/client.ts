import { createConnection, type Socket } from 'node:net'
import { MeshError, RemoteError } from '../../../protocols/errors.ts'
import { LineReader } from './lines.ts'
import { controlPath } from './path.ts'
import { type ErrorShape, MAX_LINE, type Request, type Response } from './types.ts'

/** Items that wait for a reader before the socket is paused. A guess. */
const WAITING = 64

interface Call {
  items: unknown[]
  end: { done: unknown } | { error: Error } | undefined
  wake: () => void
}

/** The command's side of one connection to a running node. */
export class ControlClient implements AsyncDisposable {
  readonly #socket: Socket
  readonly #calls = new Map<number, Call>()
  #id = 0

  constructor(socket: Socket) {
    this.#socket = socket
    const lines = new LineReader(MAX_LINE, (value) => this.#received(value as Response))
    socket.on('data', (chunk: Buffer) => {
      try {
        lines.push(chunk)
      } catch (error) {
        this.#fail(error as Error)
      }
    })
    socket.on('error', (cause) => this.#fail(closed(cause)))
    socket.once('close', () => this.#fail(closed()))
  }

  /** Resolves with the result; rejects with the error that the node answered, or `ERR_LINK_CLOSED`, `ERR_ABORTED`. */
  async call(name: string, params: unknown, signal?: AbortSignal): Promise<unknown> {
    const items = this.stream(name, params, signal)
    for (;;) {
      const { done, value } = await items.next()
      if (done) return value
    }
  }

  /** The items as they come; leaving the loop cancels the call. Returns the result of a call that has no items. */
  async *stream(name: string, params: unknown, signal?: AbortSignal): AsyncGenerator<unknown, unknown> {
    const id = ++this.#id
    const call: Call = { items: [], end: this.#socket.destroyed ? { error: closed() } : undefined, wake: () => {} }
    this.#calls.set(id, call)
    const abort = () => this.#end(call, { error: new MeshError('ERR_ABORTED', 'the caller aborted') })
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) abort()
    else this.#send({ id, call: name, params })
    try {
      for (;;) {
        while (call.items.length > 0) yield call.items.shift()
        this.#socket.resume()
        if (call.end === undefined) await new Promise<void>((resolve) => (call.wake = resolve))
        else if (call.items.length === 0) return result(call.end)
      }
    } finally {
      signal?.removeEventListener('abort', abort)
      this.#calls.delete(id)
      this.#socket.resume()
      if (call.end === undefined || signal?.aborted) this.#send({ id, cancel: true })
    }
  }

  async close(): Promise<void> {
    this.#socket.destroySoon()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #received(response: Response): void {
    const call = this.#calls.get(response.id)
    if ('error' in response) {
      const error = rebuilt(response.error)
      if (call === undefined) this.#refused(response.id, error)
      else this.#end(call, { error })
    } else if (call === undefined) {
      return
    } else if ('done' in response) {
      this.#end(call, { done: response.done })
    } else {
      call.items.push(response.item)
      if (call.items.length > WAITING) this.#socket.pause()
      call.wake()
    }
  }

  /** -1: the node could not make out what we said, and ends the connection. */
  #refused(id: number, error: Error): void {
    if (id === -1) this.#fail(error)
  }

  #end(call: Call, end: NonNullable<Call['end']>): void {
    call.end ??= end
    call.wake()
  }

  #send(request: Request): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(request)}\n`)
  }

  #fail(error: Error): void {
    for (const call of this.#calls.values()) this.#end(call, { error })
    this.#socket.destroy()
  }
}

/** Connects to the node that runs on a data folder: undefined where none does. Throws `ERR_CONFIG` (no right to). */
export function connectControl(dataDir: string): Promise<ControlClient | undefined> {
  const path = controlPath(dataDir)
  return new Promise((resolve, reject) => {
    const socket = createConnection(path)
    const failed = (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT' || cause.code === 'ECONNREFUSED') resolve(undefined)
      else reject(new MeshError('ERR_CONFIG', `the control socket ${path} cannot be opened (${cause.code})`, { cause }))
    }
    socket.once('error', failed)
    socket.once('connect', () => {
      socket.off('error', failed)
      resolve(new ControlClient(socket))
    })
  })
}

function result(end: { done: unknown } | { error: Error }): unknown {
  if ('error' in end) throw end.error
  return end.done
}

/** The node's error as it was there, its details included. */
function rebuilt(shape: ErrorShape): Error {
  const error = new RemoteError(shape)
  return shape.details === undefined ? error : Object.defineProperty(error, 'details', { value: shape.details })
}

function closed(cause?: unknown): MeshError {
  return new MeshError('ERR_LINK_CLOSED', 'the node closed the control socket', { cause })
}
