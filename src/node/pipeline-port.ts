import type { Message, RoutingMetadata } from '../../protocols/envelope/message.ts'
import type { WaitOptions } from './pipeline-wait.ts'

export interface StageCall {
  /** The message's type. */
  type: string
  routing: RoutingMetadata
  signal?: AbortSignal | undefined
  /** ms. */
  timeout?: number | undefined
}

/** What the hidden agent of a pipeline answers with; the signal is aborted when nobody waits any more. */
export type PipelineHandler = (message: Message, ctx: { readonly signal: AbortSignal }) => Promise<unknown>

/** All that pipelines need of the node. */
export interface PipelinePort {
  /** Rejects with a `MeshError`; aborting `signal` aborts the handler. */
  request(agent: string, data: unknown, call: StageCall): Promise<Message>
  /** Registers an agent; resolves once the mesh can find it. */
  host(
    agent: string,
    handlers: Record<string, PipelineHandler>,
    wait?: WaitOptions
  ): Promise<{ close(): Promise<void> }>
}

/** What `node.events()` tells of pipelines. */
export type PipelineEvent =
  | ({ kind: 'pipeline-dead-letter' } & DeadLetter)
  | ({ kind: 'pipeline-skipped' } & Failure)
  | ({ kind: 'pipeline-stopped'; unfinished: readonly number[] } & Failure)
  | { kind: 'pipeline-reconfigured'; pipeline: string; stages: readonly string[] }

export interface Failure {
  pipeline: string
  stage: string
  /** The item's number; items are counted from 0 as they enter. */
  sequence: number
  error: unknown
  /** Attempts at that stage. */
  attempts: number
}

/** An item that a stage with `onError: 'dead-letter'` could not process. */
export interface DeadLetter extends Failure {
  /** The stage's. */
  agent: string
  /** As it entered the pipeline. */
  item: unknown
  /** As the stage got it. */
  input: unknown
}
