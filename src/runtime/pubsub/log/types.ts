import type { LogEntry } from '../../../../protocols/publish-subscribe/messages.ts'
import type { LogPlace } from '../types.ts'

/** Everything in a log from behind `after` up to `to`. */
export interface Chunk {
  after: number
  to: number
  entries: readonly LogEntry[]
}

/** Walks over a log. */
export interface LogScan {
  /** What follows, about so many bytes of it; with `to` = `after` where nothing does. `ERR_STORAGE`. */
  next(bytes: number): Chunk | Promise<Chunk>
  /** It goes no further: what it holds of the disk is let go of. */
  close(): void
}

/** A log as its readers see it. */
export interface ReadableLog {
  readonly epoch: number
  /** The oldest number; `last` + 1 where there is none. */
  readonly first: number
  /** The newest number that may be read. */
  readonly last: number
  /** The newest number that was given until now, once it may be read or is known to be lost. */
  end(): number | Promise<number>
  /** A number that everything published at `time` (wall-clock ms) or later is above. */
  before(time: number): number
  scan(after: number): LogScan
}

/** What a subscription sees of what feeds it. */
export interface Feed {
  readonly ready: Promise<void>
  settled(place: LogPlace, bytes: number | undefined): void
  close(): Promise<void>
  /**
   * What is remembered of it goes too, once it is `closed`; until then nobody else gets its name. `ERR_STORAGE`, and
   * `ERR_ALREADY_REGISTERED` where it was closed before and its name is in use again.
   */
  forget(closed: Promise<void>): Promise<void>
}
