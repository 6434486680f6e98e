import { crc32 } from 'node:zlib'

/** Past this size `crc32` of Node, which is native, beats a loop. */
const LOOP_BYTES = 1024

/** The attributes of an envelope that are its own and those that all share, as a receiver has to read them. */
export interface Attributes {
  specversion: string
  id: string
  source: string
  type: string
  subject?: string | undefined
  time: string
  datacontenttype?: string | undefined
}

/** What both ends must agree on when a run is over. */
export interface Account {
  count: number
  ids: number
  data: number
}

function textSum(text: string): number {
  let sum = text.length
  for (let i = 0; i < text.length; i++) sum = (Math.imul(sum, 31) + text.charCodeAt(i)) | 0
  return sum
}

function dataSum(data: Uint8Array): number {
  if (data.length > LOOP_BYTES) return crc32(data)
  let sum = data.length
  for (let i = 0; i < data.length; i++) sum += data[i]!
  return sum
}

/**
 * Counts messages and keeps a checksum that does not depend on their order. The sender writes down what it sent, the
 * receiver what it read; a lost, doubled or altered message makes the two differ.
 */
export class Tally {
  count = 0
  #ids = 0
  #data = 0
  #last = ''
  #target = Number.POSITIVE_INFINITY
  #reached: () => void = () => {}

  sent(id: string, data: Uint8Array): void {
    this.#add(id, data)
  }

  /** Reads every attribute; throws where one is missing or where a trace repeats the one before. */
  read(message: Attributes, traceparent: string, data: Uint8Array): void {
    const { specversion, source, type, subject = '', datacontenttype = '', time } = message
    if (specversion.length !== 3 || source.length === 0 || type.length === 0)
      throw new Error(`bad envelope: ${message.id}`)
    if (subject.length + datacontenttype.length > 100) throw new Error(`bad envelope: ${message.id}`)
    if (time.length < 20 || time.charCodeAt(10) !== 0x54) throw new Error(`bad time: ${time}`)
    if (traceparent.length !== 55 || traceparent === this.#last) throw new Error(`bad trace: ${traceparent}`)
    this.#last = traceparent
    this.#add(message.id, data)
  }

  #add(id: string, data: Uint8Array): void {
    this.#ids = (this.#ids + textSum(id)) | 0
    this.#data = (this.#data + dataSum(data)) | 0
    if (++this.count === this.#target) this.#reached()
  }

  /** Starts over. */
  clear(): void {
    this.count = this.#ids = this.#data = 0
    this.#target = Number.POSITIVE_INFINITY
  }

  /** Resolves with the monotonic time in ns at which the count reached `messages`. */
  reached(messages: number): Promise<bigint> {
    if (this.count >= messages) return Promise.resolve(process.hrtime.bigint())
    return new Promise((resolve) => {
      this.#target = messages
      this.#reached = () => resolve(process.hrtime.bigint())
    })
  }

  account(): Account {
    return { count: this.count, ids: this.#ids, data: this.#data }
  }
}
