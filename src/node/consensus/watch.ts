import type { FollowValue } from '../../../protocols/consensus/messages.ts'
import { unpack } from '../../../protocols/envelope/messagepack.ts'
import { MACHINE } from '../../core/replicated/replicated-state.ts'
import type { GroupClient } from '../../runtime/consensus/client/group-client.ts'
import type { WatchedCommand, WatchedValue, WatchSnapshot } from './types.ts'

/** What a machine was told and what it gave, as the watcher gets it; undefined where that changed nothing. */
type Shown<Item> = (index: number, term: number, command: unknown, result: unknown) => Item | undefined

interface Watching<Item, State> {
  client: GroupClient
  from: number | undefined
  signal: AbortSignal | undefined
  shown: Shown<Item>
  state: (state: unknown) => State
}

/** The log, in its order, from `from` on; one batch is read ahead. Ends with the client, the loop or the signal. */
export function watch<Item, State>(
  watching: Watching<Item, State>
): AsyncIterableIterator<Item | WatchSnapshot<State>> {
  const { client, signal } = watching
  const left = new AbortController()
  const ends = signal === undefined ? left.signal : AbortSignal.any([left.signal, signal])
  // What is applied from now on is not missed, whenever the first item is asked for.
  const from = watching.from ?? client.next ?? client.index({ signal: ends }).then((index) => index + 1)
  // Whoever never asks for an item is not told.
  Promise.resolve(from).catch(() => {})
  const items = follow(watching, from, ends)
  return {
    next: () => items.next(),
    return: () => {
      left.abort()
      return items.return(undefined)
    },
    [Symbol.asyncIterator]() {
      return this
    }
  }
}

async function* follow<Item, State>(
  { client, shown, state }: Watching<Item, State>,
  from: number | Promise<number>,
  signal: AbortSignal
): AsyncGenerator<Item | WatchSnapshot<State>, undefined> {
  try {
    let at = await from
    for (let ahead = client.follow(MACHINE, at, { signal }); ; ) {
      const { next, value } = await ahead
      at = next
      ahead = client.follow(MACHINE, at, { signal })
      // It is awaited in the next round, if there is one.
      ahead.catch(() => {})
      yield* itemsOf(value, shown, state)
    }
  } catch (error) {
    if (signal.aborted || client.closed) return undefined
    throw error
  }
}

function* itemsOf<Item, State>(
  [snapshot, ...entries]: FollowValue,
  shown: Shown<Item>,
  state: (state: unknown) => State
): Iterable<Item | WatchSnapshot<State>> {
  if (snapshot !== null) yield { kind: 'snapshot', index: snapshot[0], state: state(snapshot[1]) }
  for (const [index, term, record] of entries) {
    const [command, result] = unpack(record) as [unknown, unknown]
    const item = shown(index, term, command, result)
    if (item !== undefined) yield item
  }
}

export function shownCommand(index: number, term: number, command: unknown, result: unknown): WatchedCommand {
  return { index, term, command, result }
}

export function shownValue(index: number, term: number, command: unknown, result: unknown): WatchedValue | undefined {
  const { put, delete: removed, compare, value } = command as Record<string, unknown>
  if (typeof put === 'string') return { index, term, key: put, value }
  if (typeof removed === 'string') return { index, term, key: removed, value: undefined }
  return typeof compare === 'string' && result === true ? { index, term, key: compare, value } : undefined
}

/** A key-value machine's snapshot: `[key, value, key, value …]`. */
export function valuesOf(state: unknown): ReadonlyMap<string, unknown> {
  const flat = state as readonly unknown[]
  const values = new Map<string, unknown>()
  for (let i = 0; i < flat.length; i += 2) values.set(flat[i] as string, flat[i + 1])
  return values
}
