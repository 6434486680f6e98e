import type { Beginning, Entries, Fetch, LogEntry } from '../../../protocols/publish-subscribe/messages.ts'
import { LogCursor } from './log-cursor.ts'

/** A place in a publisher's log. Numbers are comparable within one epoch, which lives as long as the log. */
export interface LogPosition {
  readonly epoch: number
  readonly sequence: number
}

/** What a subscription may hold of one publisher. */
export interface Room {
  messages: number
  bytes: number
}

/** What a frame of entries has brought. */
export interface Brought {
  /** Everything from behind here on. */
  after: number
  entries: readonly LogEntry[]
  /** Numbers that are in no log that could be asked, right before the entries; some may not have matched. */
  missing: number
  /** The log is another one than before, or ends before what was read of it: what had not been read of it is gone. */
  restarted: boolean
}

/** A share of the room that must have become free before the publisher is told: a frame for each message would double the traffic. */
const WORTH_TELLING = 1 / 4

/**
 * The subscriber's side of reading one publisher's log: what to ask for, and what an answer means.
 *
 * Invariants: what was received is contiguous, but for what `take` has told as missing; what is held unsettled never
 * exceeds the room that was granted, by more than one message.
 */
export class LogReader {
  readonly id: number
  readonly publisher: string
  readonly #pattern: string
  readonly #begin: { beginning: Beginning; value: number }
  #turn = 0
  /** Everything up to here was received; undefined before the first answer. */
  #received: LogPosition | undefined
  #cursor = new LogCursor(0)
  /** Received in this turn. */
  #taken: Room = { messages: 0, bytes: 0 }
  /** Received and not settled. */
  #held: Room = { messages: 0, bytes: 0 }
  /** Granted in this turn. */
  #granted: Room = { messages: 0, bytes: 0 }

  /** `at`: how far it was before, in another life of the subscription. */
  constructor(
    id: number,
    publisher: string,
    pattern: string,
    begin: { beginning: Beginning; value: number },
    at: LogPosition | undefined
  ) {
    this.id = id
    this.publisher = publisher
    this.#pattern = pattern
    this.#begin = begin
    if (at !== undefined) this.#restart(at)
  }

  get received(): LogPosition | undefined {
    return this.#received
  }

  /** Everything up to here is done with. */
  get position(): LogPosition | undefined {
    return this.#received && { epoch: this.#received.epoch, sequence: this.#cursor.position }
  }

  #restart(at: LogPosition): void {
    this.#received = at
    this.#cursor = new LogCursor(at.sequence)
  }

  /** Opens a reader anew: whatever was on its way is void. */
  open(room: Room): Fetch {
    this.#turn++
    this.#taken = { messages: 0, bytes: 0 }
    this.#granted = { messages: 0, bytes: 0 }
    this.#granted = this.#grant(room)
    return this.#fetch(this.#received === undefined ? this.#begin.beginning : 'position')
  }

  /** Tells how far it is and how much more it has room for; before the first answer it is opened once more. */
  renew(room: Room): Fetch {
    if (this.#received === undefined) return this.open(room)
    this.#granted = this.#grant(room)
    return this.#fetch('more')
  }

  /** Whether so much room has become free that the publisher should hear of it. */
  due(room: Room): boolean {
    const { messages, bytes } = this.#grant(room)
    return (
      messages - this.#granted.messages >= room.messages * WORTH_TELLING ||
      bytes - this.#granted.bytes >= room.bytes * WORTH_TELLING
    )
  }

  /** Turn 0 would close a reader. */
  digest(): Fetch {
    return { ...this.#fetch('digest'), turn: Math.max(1, this.#turn) }
  }

  /** What closes the reader at whoever has it. */
  leave(): Fetch {
    return { ...this.#fetch('digest'), turn: 0 }
  }

  #grant({ messages, bytes }: Room): Room {
    const most = (room: number, taken: number, held: number, granted: number) =>
      Math.max(granted, taken + Math.max(0, room - held))
    return {
      messages: most(messages, this.#taken.messages, this.#held.messages, this.#granted.messages),
      bytes: most(bytes, this.#taken.bytes, this.#held.bytes, this.#granted.bytes)
    }
  }

  #fetch(beginning: Beginning): Fetch {
    const { epoch, sequence } = this.#received ?? { epoch: 0, sequence: this.#begin.value }
    const { id: reader, publisher } = this
    return {
      ...{ reader, publisher, turn: this.#turn, pattern: this.#pattern },
      ...{ beginning, epoch, value: sequence, ...this.#granted }
    }
  }

  /** Undefined for what belongs to a former turn. */
  take({ turn, epoch, after, to, entries }: Entries): Brought | undefined {
    if (turn !== this.#turn) return undefined
    const before = this.#received
    const asked = this.#begin.beginning === 'sequence' ? this.#begin.value - 1 : after
    let restarted = false
    let missing = 0
    if (before === undefined) {
      missing = Math.max(0, after - asked)
      this.#restart({ epoch, sequence: after - missing })
    } else if (before.epoch !== epoch || after < before.sequence) {
      restarted = true
      missing = before.epoch === epoch ? 0 : after
      this.#restart({ epoch, sequence: after - missing })
    } else missing = after - before.sequence
    // The news of what is missing is kept until somebody was told, like a message.
    if (missing > 0) this.#cursor.delivered(after)
    for (const { sequence, bytes } of entries) {
      this.#cursor.delivered(sequence)
      this.#held.messages++
      this.#held.bytes += bytes.length
      this.#taken.messages++
      this.#taken.bytes += bytes.length
    }
    this.#cursor.passed(to)
    this.#received = { epoch, sequence: to }
    return { after, entries, missing, restarted }
  }

  /** A message, or the news of a gap (which takes no room), is done with. */
  settle(epoch: number, sequence: number, room: Room): void {
    this.#held.messages -= room.messages
    this.#held.bytes -= room.bytes
    if (epoch === this.#received?.epoch) this.#cursor.settled(sequence)
  }
}
