import { AsyncLocalStorage } from 'node:async_hooks'
import type { Message, TraceContext } from '../../protocols/envelope/message.ts'

const storage = new AsyncLocalStorage<Message>()

/** Runs a handler so that whatever it sends, now or later, follows from `message`. */
export function within<T>(message: Message, run: () => T): T {
  return storage.run(message, run)
}

/** The trace of the message being handled; undefined outside any handler. */
export function currentTrace(): TraceContext | undefined {
  return storage.getStore()?.trace
}
