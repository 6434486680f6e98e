/**
 * The public face: `createNode` and what it hands out, messages and their formats, errors. Nothing else is public.
 */
export {
  type Causality,
  type Characteristics,
  characteristicsOf,
  createMessage,
  type Delivery,
  type DeliveryGuarantee,
  decode,
  encode,
  type Format,
  fromCloudEvent,
  type Message,
  messageTypes,
  type Ordering,
  type Pattern,
  type Priority,
  type QosRequirements,
  type RoutingMetadata,
  type SecurityContext,
  type TraceContext,
  toCloudEvent,
  VectorClock,
  vectorClock
} from '../protocols/envelope/index.ts'
export { type ErrorCode, MeshError, RemoteError } from '../protocols/errors.ts'
export type { Agent } from './agent/agent.ts'
export type {
  AgentHandlers,
  AgentState,
  Context,
  GuaranteeOptions,
  HandlerOptions,
  MailboxOptions,
  MailboxOverflow,
  MessageOptions,
  Receipt,
  Receiver,
  RequestHandler,
  RequestOptions,
  SendOptions,
  StateChange,
  Target,
  WaitOptions
} from './agent/types.ts'
export type { Counters } from './core/flow/counters.ts'
export { type KeyValueMachine, keyValue } from './core/replicated/key-value.ts'
export type { Applying, StateMachine } from './core/replicated/types.ts'
export type { AgentLocation } from './node/atlas.ts'
export type { LimitOptions, Limits, NodeConfig, NodeOptions } from './node/config.ts'
export type {
  ConsensusGroup,
  ConsensusLock,
  ConsensusOptions,
  ConsensusStatus,
  Election,
  KeyValueGroup,
  Leader,
  LockOptions,
  MachineGroup,
  OpenConsensus,
  Proposed,
  ReadOptions,
  WatchedCommand,
  WatchedValue,
  WatchOptions,
  WatchSnapshot
} from './node/consensus/types.ts'
export { createNode } from './node/create.ts'
export type { DeadLetters, Letter } from './node/dead-letters.ts'
export type { AgentChange, NodeEvent } from './node/events.ts'
export type { Explanation } from './node/explain.ts'
export type { Node, Peer, StopOptions } from './node/node.ts'
export type { Pipeline } from './node/pipeline.ts'
export type { PipelineFeed } from './node/pipeline-feed.ts'
export type { PipelineOptions, StageOptions } from './node/pipeline-options.ts'
export type { Placed, Placement, PlacementChange, PlacementOptions, RecordedHost } from './node/placement/types.ts'
export type {
  Evidence,
  LogPlace,
  PublishOptions,
  SubscribeFrom,
  SubscribeOptions,
  Subscription
} from './runtime/pubsub/types.ts'
export type { Acquired, AcquireOptions, RateLimit, RateLimitOptions, RateLimits } from './runtime/rates/types.ts'
