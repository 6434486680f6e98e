export { type CloudEventShape, fromCloudEvent, toCloudEvent } from './cloudevents.ts'
export { decode, encode } from './codec.ts'
export { createMessage, DEFAULT_SOURCE, DEFAULT_TYPE, type MessageAttributes } from './create.ts'
export { type DataFormat, decodeData, encodeData, encodeDataInto } from './data.ts'
export { newId } from './id.ts'
export type {
  Causality,
  Characteristics,
  Consistency,
  Delivery,
  DeliveryGuarantee,
  ExtensionValue,
  Format,
  Message,
  Ordering,
  Pattern,
  Priority,
  QosRequirements,
  RetryStrategy,
  RoutingMetadata,
  SecurityContext,
  TraceContext
} from './message.ts'
export { characteristicsOf, type MessageTypes, messageTypes } from './taxonomy.ts'
export {
  continueTrace,
  formatTraceparent,
  parseTraceparent,
  parseTracestate,
  receivedTrace,
  TRACE_ENTROPY,
  TraceFlag,
  type TraceParent,
  withState
} from './trace.ts'
export { validateMessage } from './validate.ts'
export { type Comparison, VectorClock, vectorClock } from './vector-clock.ts'
