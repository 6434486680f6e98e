import { AsyncLocalStorage } from 'node:async_hooks'
import type { Message, TraceContext } from '../../protocols/envelope/message.ts'

/**
 * Which message is being handled, so that whatever its handler sends follows from it. The asynchronous storage, which
 * costs about 0.3 µs, is for handlers that go on after an await; one that never returned a promise is done when its
 * call is, and only `enter`s and `leave`s.
 */
const storage = new AsyncLocalStorage<Message>()
let running: Message | undefined

/** Returns what `leave` restores. */
export function enter(message: Message): Message | undefined {
  const before = running
  running = message
  return before
}

export function leave(before: Message | undefined): void {
  running = before
}

export function within<T>(message: Message, run: () => T): T {
  return storage.run(message, run)
}

/** The trace of the message being handled; undefined outside any handler. */
export function currentTrace(): TraceContext | undefined {
  return (running ?? storage.getStore())?.trace
}

/** Whether a handler may go on after its call: known for `async` functions and generators, learnt for others. */
export function isAsynchronous(handler: (...parameters: never[]) => unknown): boolean {
  const kind: unknown = Object.getPrototypeOf(handler)
  return kind === ASYNC_FUNCTION || kind === ASYNC_GENERATOR || kind === GENERATOR
}

const ASYNC_FUNCTION: unknown = Object.getPrototypeOf(async () => {})
const ASYNC_GENERATOR: unknown = Object.getPrototypeOf(async function* () {})
const GENERATOR: unknown = Object.getPrototypeOf(function* () {})
