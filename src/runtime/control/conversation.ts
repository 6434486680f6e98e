import type { Socket } from 'node:net'
import { MeshError, toRemoteShape } from '../../../protocols/errors.ts'
import { LineReader } from './lines.ts'
import { type ErrorShape, MAX_CALLS, MAX_LINE, type Operations, type Request, type Response } from './types.ts'

/** The node's side of one connection. Its end cancels every call that is under way. */
export class Conversation {
  readonly #socket: Socket
  readonly #operations: Operations | Promise<Operations>
  readonly #calls = new Map<number, AbortController>()

  constructor(socket: Socket, operations: Operations | Promise<Operations>) {
    this.#socket = socket
    this.#operations = operations
  }

  start(): void {
    const lines = new LineReader(MAX_LINE, (value) => this.#received(value))
    this.#socket.on('data', (chunk: Buffer) => {
      try {
        lines.push(chunk)
      } catch (error) {
        this.#refuse(error)
      }
    })
    this.#socket.on('error', () => this.#socket.destroy())
    this.#socket.once('close', () => {
      for (const call of this.#calls.values()) call.abort(new MeshError('ERR_ABORTED', 'the caller is gone'))
    })
  }

  /** What is no request ends the connection: its next line cannot be trusted either. */
  #refuse(error: unknown): void {
    this.#write({ id: -1, error: shapeOf(error) })
    this.#socket.destroySoon()
    this.#socket.removeAllListeners('data')
  }

  #received(value: unknown): void {
    const request = requestOf(value)
    const { id } = request
    if ('cancel' in request) {
      this.#calls.get(id)?.abort(new MeshError('ERR_ABORTED', 'the caller cancelled'))
      return
    }
    if (this.#calls.has(id)) throw new MeshError('ERR_PROTOCOL', `call ${id} is under way already`)
    if (this.#calls.size >= MAX_CALLS) {
      this.#write({ id, error: shapeOf(new MeshError('ERR_LIMIT', `more than ${MAX_CALLS} calls are under way`)) })
      return
    }
    const controller = new AbortController()
    this.#calls.set(id, controller)
    void this.#answer(id, request.call, request.params, controller.signal).finally(() => this.#calls.delete(id))
  }

  async #answer(id: number, name: string, params: unknown, signal: AbortSignal): Promise<void> {
    try {
      const operations = await this.#operations
      const operation = Object.hasOwn(operations, name) ? operations[name] : undefined
      if (operation === undefined) throw new MeshError('ERR_UNSUPPORTED', `this node has no operation ${name}`)
      const result = await operation(params, signal)
      if (!isStream(result)) {
        this.#write({ id, done: result ?? null })
        return
      }
      for await (const item of result) {
        if (signal.aborted) break
        if (!this.#write({ id, item })) await this.#drained(signal)
      }
      this.#write({ id, done: null })
    } catch (error) {
      this.#write({ id, error: shapeOf(error) })
    }
  }

  #write(response: Response): boolean {
    return this.#socket.writable ? this.#socket.write(`${JSON.stringify(response)}\n`) : true
  }

  #drained(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        this.#socket.off('drain', go).off('close', go)
        signal.removeEventListener('abort', go)
        resolve()
      }
      this.#socket.once('drain', go).once('close', go)
      signal.addEventListener('abort', go)
    })
  }
}

function requestOf(value: unknown): Request {
  if (typeof value === 'object' && value !== null) {
    const { id, call, params, cancel } = value as Record<string, unknown>
    if (Number.isSafeInteger(id)) {
      if (cancel === true) return { id: id as number, cancel }
      if (typeof call === 'string') return { id: id as number, call, params }
    }
  }
  throw new MeshError('ERR_PROTOCOL', 'a line is no request')
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

function shapeOf(error: unknown): ErrorShape {
  return error instanceof MeshError ? error.toJSON() : toRemoteShape(error)
}
