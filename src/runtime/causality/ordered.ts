/** A message that came and may have to wait. */
export interface Ordered {
  /** It goes to subscriptions, which are read later than an agent's handler begins. */
  readonly published: boolean
  /** Its turn has come; `waited`: what it waited for, undefined where it did not have to. */
  hand(waited: Readonly<Record<string, number>> | undefined): void
  /** What follows it was handed out already, since nobody knew that it would come. */
  late(): void
  /** It waits. `crowded`: so much does that its sender must be held back. */
  wait(crowded: boolean): void
}
