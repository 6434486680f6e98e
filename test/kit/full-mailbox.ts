/** A mailbox or subscription that a handful of messages fill. */
export const SMALL = { maxQueue: { messages: 10 }, highWatermark: 8, lowWatermark: 2 } as const

export interface HeldUp {
  /** Ends what it began, and whatever comes from then on at once. */
  open(): void
  /** What has ended, in order. */
  readonly handled: number[]
  readonly receive: (message: { data: number }) => Promise<void>
}

/** A handler that ends nothing until it is let. */
export function heldUp(): HeldUp {
  const { promise, resolve } = Promise.withResolvers<void>()
  const handled: number[] = []
  const receive = async ({ data }: { data: number }): Promise<void> => {
    await promise
    handled.push(data)
  }
  return { open: resolve, handled, receive }
}
