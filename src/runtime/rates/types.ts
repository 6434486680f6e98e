/** What a limit is. All nodes that share one give the same. */
export interface RateLimitOptions {
  /** Tokens that the bucket begins with and that a caller may count on. A whole number from 1 on. */
  capacity: number
  /** Tokens a second. Above 0, fractions included. */
  refillRate: number
  /** Tokens that a bucket which is left alone collects beyond its capacity. A whole number. Default 0. */
  burst?: number | undefined
  /**
   * Shared with every node that creates a limit of the same id and the same options: together they get what one would.
   * Default false: this node's alone.
   */
  distributed?: boolean | undefined
}

/** A limit that was created. */
export interface RateLimit
  extends Readonly<Required<{ [K in keyof RateLimitOptions]: NonNullable<RateLimitOptions[K]> }>> {
  readonly id: string
  /**
   * Resolves once tokens can be had: at once for a limit of this node, after about two seconds for one that is shared, since
   * every other node must know. Rejects with `ERR_STOPPED`, and with `ERR_NO_SUCH_BUCKET` where it was removed before.
   */
  readonly ready: Promise<void>
}

export interface AcquireOptions {
  /** Which bucket of the limit: each key has its own, made on first use. Up to 768 bytes. Default `''`. */
  key?: string | undefined
  /** Waits for the tokens, behind whoever waits for that key here. Default false: refused where they are not there now. */
  wait?: boolean | undefined
  signal?: AbortSignal | undefined
  /** ms. Default: for ever. */
  timeout?: number | undefined
}

export interface Acquired {
  granted: boolean
  /** Whole tokens that are left, as far as known here: of a limit that is shared, when its owner last answered. */
  remaining: number
}

/** Token buckets of this node, and those that it shares with others. */
export interface RateLimits {
  /**
   * Creates a limit. One of the same id and options is the same again; with other options, here or, for one that is
   * shared, elsewhere in the mesh, it is `ERR_CONFIG`. Throws `ERR_LIMIT` beyond 1,000 limits, `ERR_STOPPED`.
   *
   * @example
   * node.rateLimits.create('tool-calls', { capacity: 100, refillRate: 50, distributed: true })
   * await node.rateLimits.acquire('tool-calls', 3, { wait: true })
   */
  create(id: string, options: RateLimitOptions): RateLimit
  /**
   * Takes `tokens`, 1 where it is left out, or none. Rejects with `ERR_NO_SUCH_BUCKET` (nobody created it here, or it was removed meanwhile),
   * `ERR_LIMIT` (more than capacity and burst can ever hold), `ERR_QUEUE_FULL` (10,000 wait, or there are 10,000 keys in use),
   * `ERR_TIMEOUT`, `ERR_ABORTED`, `ERR_STOPPED`, `ERR_CONFIG` naming what is wrong with a parameter.
   */
  acquire(id: string, tokens?: number, options?: AcquireOptions): Promise<Acquired>
  get(id: string): RateLimit | undefined
  /** Forgets a limit on this node; whoever waits for it gets `ERR_NO_SUCH_BUCKET`. False where there is none. */
  remove(id: string): boolean
}
