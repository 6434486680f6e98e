import type { GroupClient } from '../consensus/client/group-client.ts'

/** What a total order needs of a group: its log, and where that is. */
export type OrderingClient = Pick<
  GroupClient,
  'propose' | 'follow' | 'read' | 'index' | 'next' | 'seen' | 'isMember' | 'closed'
>

/** The groups that this node has opened. */
export interface OrderingGroups {
  find(name: string): OrderingClient | undefined
  /** Their names. */
  readonly names: Iterable<string>
  /** Called with the name of each that is opened from now on. */
  onOpened(listener: (name: string) => void): void
}
