import type { Message } from '../../protocols/envelope/message.ts'
import type { CallOptions } from '../node/calling.ts'
import type { SendParticulars } from '../node/sending.ts'
import type { Evidence, PublishOptions, SubscribeOptions, Subscription } from '../runtime/pubsub/types.ts'
import type { Template } from './templates.ts'
import type { MessageOptions, Receipt, WaitOptions } from './types.ts'

/** What an agent asks of its node. */
export interface AgentNode {
  post(template: Template, data: unknown, particulars: SendParticulars | undefined): Promise<Receipt>
  ship(template: Template, data: unknown, particulars: SendParticulars | undefined): Promise<Receipt>
  /** The number in total order of what goes to all members of a name. */
  place(template: Template, id: string | undefined, key: string, timeout: number): Promise<number>
  /** Those known now; an instance left out is its host's choice. */
  members(name: string): { peer: string; instance: string | undefined }[]
  /** Looks for somebody of that name; rejects with `ERR_NO_RESPONDERS`. */
  resolve(name: string, options: WaitOptions): Promise<void>
  request(template: Template, data: unknown, options: CallOptions): Promise<Message>
  stream(template: Template, data: unknown, options: CallOptions): AsyncIterable<Message>
  publish(agent: string, topic: string, data: unknown, options: PublishOptions & MessageOptions): Promise<Evidence>
  /** `closed` is called when the subscription was. */
  subscribe(
    agent: string,
    pattern: string,
    options: SubscribeOptions,
    closed: (subscription: Subscription) => void
  ): Subscription
  /** The trace and time of the message being handled now. */
  parent(): Message['trace']
  wallClock(): number
  readonly requestTimeout: number
  /** Takes the agent that asks off the mesh; resolves when that was told. */
  closeAgent(): Promise<void>
  bounded<T>(promise: Promise<T>, options: WaitOptions): Promise<T>
}
