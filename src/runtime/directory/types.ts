import type { Clock, ContentRouting, Host, WaitOptions } from '../ports.ts'

/** A host that says it runs the agent, and where its own signed record says that it can be reached. */
export interface Location {
  peer: string
  addresses: readonly string[]
}

/** Agent name → hosts, beyond what the membership view holds. */
export interface Directory {
  start(): void
  stop(): void
  /** Announces the name, and again before the announcement expires; paced, in the background. */
  provide(name: string): void
  /**
   * Resolves once the name was announced and our record stored; rejects with `ERR_NO_RESPONDERS` where it is not provided,
   * or no longer, and with `ERR_STOPPED`.
   */
  provided(name: string, options?: WaitOptions): Promise<void>
  /** Stops announcing. What others hold ends with its lifetime. */
  withdraw(name: string): void
  /**
   * Hosts of the agent, other than this one, as they are found. Ends without any where nobody claims the name.
   * Throws `ERR_ABORTED`, or what the table threw where nothing was found at all.
   */
  find(name: string, options?: WaitOptions): AsyncIterable<Location>
  /** The host was not there, or has no such agent: what is remembered of both is asked for anew. */
  forget(name: string, peer: string): void
}

/** The table, and where it can do so, the way to forget what we provide. */
export interface ProviderTable extends ContentRouting {
  withdraw?(key: string): Promise<void>
}

export interface DirectoryOptions {
  /** Announcements a second. Default 20 (10,000 agents take 8 minutes). */
  announcementsPerSecond: number
  /** Announcements under way at once. Default 4. */
  concurrency: number
  /** ms after which a name is announced again. Default half of a provider record's lifetime. */
  renewAfter: number
  /** ms after which a failed announcement is tried again. Default 5,000 (a guess). */
  retryAfter: number
  /** Names and host records remembered, each. Default 4,096 (a guess: under 2 MB). */
  cacheEntries: number
  /** ms for which hosts that were found are believed. Default 30,000 (a guess). */
  believeFound: number
  /** ms for which "nobody" is believed. Default 2,000 (a guess: it spares a storm of lookups for a wrong name). */
  believeNobody: number
}

export interface DirectoryInit {
  host: Host
  routing: ProviderTable
  clock: Clock
  /** Our own record as the membership signed it: `membership.signedRecord(host.peer)`. */
  ownRecord: () => { readonly blob: Uint8Array } | undefined
  options?: Partial<DirectoryOptions>
}
