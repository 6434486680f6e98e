/**
 * What a node counts of messages that did not go their plain way, from its start on. Fields of one object, because some of
 * them are written for each message.
 */
export class Counters {
  /** At-most-once messages lost here: no room, expired, given up by their handler, or their link closed before they left. */
  dropped = 0
  /** Messages and requests told `ERR_QUEUE_FULL` by an agent here. */
  refused = 0
  /** Messages that made room for a newer one, by `overflow: 'drop-oldest'`. */
  droppedOldest = 0
  /** Messages that found no room, by `overflow: 'drop-newest'`. */
  droppedNewest = 0
  /** Messages written to disk, by `overflow: 'spill-to-disk'`. */
  spilled = 0
  /** Of those, messages that a former life of this node had left there. */
  reclaimed = 0
  /** Messages sent on to somebody else, by `overflow: 'redirect'`. */
  redirected = 0
  /** Messages and requests told `ERR_OVERLOADED`, or dropped, because this node was overloaded. */
  shed = 0
  /** Requests and acknowledged messages that waited because as much was under way to their agents as these answer in time. */
  throttled = 0
  /** Publications that subscriptions here have dropped, whatever their strategy. */
  subscriptionsDropped = 0
}
