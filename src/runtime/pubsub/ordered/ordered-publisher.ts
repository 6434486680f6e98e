import type { Message } from '../../../../protocols/envelope/message.ts'
import { MeshError } from '../../../../protocols/errors.ts'
import { MAX_COMMAND_BYTES } from '../../../../protocols/raft/constants.ts'
import { dataOf } from '../../ordering/sequence-reader.ts'
import { publicationSequence } from '../../ordering/sequences.ts'
import type { Publication } from '../publisher.ts'
import type { PublishOptions } from '../types.ts'
import type { PublicationOrdering } from './types.ts'

/** What else a command has in it: ids, a key, a topic and a PeerId, and room. */
const OVERHEAD = 16_384

/** ms, where the caller says nothing: the specification's request time-out. */
const TIMEOUT = 5_000

/** Publications in total order: they stand in a group's log, and whoever subscribes reads them there. */
export class OrderedPublisher {
  readonly #self: string
  readonly #ordering: PublicationOrdering
  readonly #unread: (topic: string, group: string) => void

  /** `unread`: told of each publication before it is made, so that it can say who will not get it. */
  constructor(self: string, ordering: PublicationOrdering, unread: (topic: string, group: string) => void) {
    this.#self = self
    this.#ordering = ordering
    this.#unread = unread
  }

  /**
   * Resolves with the message's number once a majority of the group has it. `token`: who hands it out is to say to how many.
   * `ERR_NO_QUORUM`: it may come all the same. `ERR_MESSAGE_TOO_LARGE`.
   */
  async publish(message: Message, publication: Publication, token: number, options: PublishOptions): Promise<number> {
    const { topic, bytes } = publication
    const { group = '' } = message.guarantee ?? {}
    const client = this.#ordering.groups.find(group)
    if (client === undefined) throw new MeshError('ERR_NO_CONSENSUS', `the group ${group} is not open on this node`)
    if (bytes.length > MAX_COMMAND_BYTES - OVERHEAD) {
      const most = MAX_COMMAND_BYTES - OVERHEAD
      throw new MeshError('ERR_MESSAGE_TOO_LARGE', `${bytes.length} bytes in total order; at most ${most}`)
    }
    const command = {
      next: publicationSequence(topic, message.routing?.key),
      id: `${message.source}\n${message.id}`,
      data: dataOf({ topic, bytes, publisher: this.#self, token })
    }
    this.#unread(topic, group)
    const { timeout = TIMEOUT, signal } = options
    const { value } = await client.propose('sequences', command, { timeout, signal })
    return typeof value === 'number' ? value : (value as { again: number }).again
  }
}

export function isOrdered({ guarantee }: Message): boolean {
  return guarantee?.ordering === 'total'
}
