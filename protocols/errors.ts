/**
 * The one error dialect of the mesh: nobody branches on a message's text, everybody on `code`.
 *
 * The table below is the whole list. A code is stable for ever; its class says who is at fault, and `retryable`
 * whether the same call, made again later, can succeed.
 */
const CODES = {
  ERR_CONFIG: ['ConfigError', false],
  ERR_USAGE: ['ConfigError', false],
  ERR_IDENTITY: ['ConfigError', false],
  ERR_LISTEN: ['ConfigError', false],
  ERR_BOOTSTRAP: ['ConnectionError', true],
  ERR_STOPPED: ['StateError', false],
  ERR_ALREADY_REGISTERED: ['StateError', false],
  ERR_NO_SUCH_BUCKET: ['StateError', false],
  ERR_ABORTED: ['CancelledError', false],
  ERR_TIMEOUT: ['TimeoutError', true],
  ERR_TTL: ['TimeoutError', false],
  ERR_MAX_RETRIES: ['DeliveryError', true],
  ERR_NO_RESPONDERS: ['RoutingError', true],
  ERR_NO_HANDLER: ['RoutingError', false],
  ERR_CIRCUIT_OPEN: ['RoutingError', true],
  ERR_PEER_UNREACHABLE: ['ConnectionError', true],
  ERR_LINK_CLOSED: ['ConnectionError', true],
  ERR_BACKPRESSURE: ['FlowError', true],
  ERR_QUEUE_FULL: ['FlowError', true],
  ERR_OVERLOADED: ['FlowError', true],
  ERR_MESSAGE_TOO_LARGE: ['LimitError', false],
  ERR_LIMIT: ['LimitError', true],
  ERR_UNREPRESENTABLE: ['FormatError', false],
  ERR_MALFORMED: ['FormatError', false],
  ERR_INVALID_MESSAGE: ['FormatError', false],
  ERR_INVALID_TOPIC: ['FormatError', false],
  ERR_UNSUPPORTED: ['ConfigError', false],
  ERR_PROTOCOL: ['ProtocolError', false],
  ERR_TERMINATED: ['DeliveryError', false],
  ERR_HANDLER: ['HandlerError', false],
  ERR_PIPELINE: ['PipelineError', false],
  ERR_NO_DATA_DIR: ['ConfigError', false],
  ERR_STORAGE: ['StorageError', true],
  ERR_CORRUPT: ['StorageError', false],
  ERR_UNTRUSTED: ['SecurityError', false],
  ERR_GAP: ['DeliveryError', false],
  ERR_FENCED: ['DeliveryError', false],
  ERR_CONFLICT: ['StateError', true],
  ERR_SETTLED: ['StateError', false],
  ERR_SESSION_EXPIRED: ['StateError', false],
  ERR_COORDINATION_TIMEOUT: ['TimeoutError', true],
  ERR_LOCK_TIMEOUT: ['TimeoutError', true],
  ERR_NO_QUORUM: ['ConsensusError', true],
  ERR_NO_CONSENSUS: ['ConsensusError', false],
  ERR_NOT_LEADER: ['ConsensusError', true],
  ERR_PROPOSAL_LOST: ['ConsensusError', true],
  ERR_VOTERS_MISMATCH: ['ConfigError', false],
  ERR_ID_REUSED: ['DeliveryError', false],
  ERR_NO_SUCH_LETTER: ['StateError', false]
} as const satisfies Record<string, readonly [name: string, retryable: boolean]>

/** Every code that the mesh itself raises. A remote handler's own codes pass through untouched, so `code` is a string. */
export type ErrorCode = keyof typeof CODES

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(CODES, code)
}

export interface MeshErrorOptions {
  /** What lay beneath. */
  cause?: unknown
  /** Facts for a program, for example `{ key: 'limits.messageBytes' }` or `{ path: '$.items[3]' }`. */
  details?: Record<string, unknown>
}

/**
 * What every call of the mesh throws.
 *
 * @example
 * try { await agent.request('worker', data) } catch (error) {
 *   if (error instanceof MeshError && error.retryable) …
 * }
 */
export class MeshError extends Error {
  override readonly name: string
  readonly code: string
  readonly retryable: boolean
  readonly details: Readonly<Record<string, unknown>> | undefined

  constructor(code: ErrorCode, message: string, options: MeshErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    const [name, retryable] = CODES[code]
    this.name = name
    this.code = code
    this.retryable = retryable
    this.details = options.details
  }

  toJSON(): { name: string; code: string; message: string; retryable: boolean; details?: Record<string, unknown> } {
    const { name, code, message, retryable, details } = this
    return details === undefined ? { name, code, message, retryable } : { name, code, message, retryable, details }
  }
}

/** An error as it crosses a link: class, code and message, never a stack. */
export interface RemoteErrorShape {
  name: string
  code: string
  message: string
  retryable: boolean
  /** A handler threw it, so what was asked of it was begun; else the host refused what it was given. */
  thrown?: boolean | undefined
}

/** An error that a remote handler threw, rebuilt here with the class, code and message it had there. */
export class RemoteError extends MeshError {
  override readonly name: string
  override readonly code: string
  override readonly retryable: boolean
  /** A handler threw it: whatever its code is, it speaks of what the handler met, not of the way to it. */
  readonly thrown: boolean

  constructor(shape: RemoteErrorShape) {
    super('ERR_HANDLER', shape.message)
    this.name = shape.name
    this.code = shape.code
    this.retryable = shape.retryable
    this.thrown = shape.thrown === true
  }
}

/** An error of which only code and text are known: of the mesh's own class where the code is the mesh's. */
export function meshErrorOf(code: string, message: string): MeshError {
  if (Object.hasOwn(CODES, code)) return new MeshError(code as ErrorCode, message)
  return new RemoteError({ name: 'HandlerError', code, message, retryable: false })
}

export function wasThrown(error: unknown): boolean {
  return error instanceof RemoteError && error.thrown
}

/** What of an arbitrary thrown value may cross a link. Never throws, whatever was thrown. */
export function toRemoteShape(error: unknown): RemoteErrorShape {
  const shape: RemoteErrorShape = { name: 'HandlerError', code: 'ERR_HANDLER', message: '', retryable: false }
  try {
    if (!(error instanceof Error)) return { ...shape, message: String(error) }
    const { name, message, code, retryable } = error as {
      name: unknown
      message: unknown
      code?: unknown
      retryable?: unknown
    }
    return {
      name: typeof name === 'string' ? name : shape.name,
      code: typeof code === 'string' ? code : shape.code,
      message: String(message),
      retryable: retryable === true
    }
  } catch {
    return { ...shape, message: 'something that cannot be read was thrown' }
  }
}
