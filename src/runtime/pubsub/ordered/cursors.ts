import { ByteReader, ByteWriter } from '../../../../protocols/publish-subscribe/bytes.ts'
import type { Store } from '../../storage/types.ts'

/** How far a durable subscription is in the logs of groups: `ordered/<agent>/<name>/<group>` has the index, all up to which is done with. */
export class OrderedCursors {
  readonly #store: Store
  readonly #below: string

  constructor(store: Store, agent: string, name: string) {
    this.#store = store
    this.#below = `ordered/${encodeURIComponent(agent)}/${encodeURIComponent(name)}/`
  }

  /** `ERR_STORAGE`, `ERR_MALFORMED`. */
  async load(group: string): Promise<number | undefined> {
    const value = await this.#store.get(this.#key(group))
    return value === undefined ? undefined : new ByteReader(value).number()
  }

  /** `ERR_STORAGE`. */
  write(positions: Iterable<readonly [group: string, position: number]>): Promise<void> {
    const changes = Array.from(positions, ([group, position]) => {
      return { key: this.#key(group), value: new ByteWriter(8).number(position).finish() }
    })
    return changes.length === 0 ? Promise.resolve() : this.#store.write(changes)
  }

  /** `ERR_STORAGE`. */
  async forget(): Promise<void> {
    const changes = []
    for await (const [key] of this.#store.entries(this.#below)) changes.push({ key, value: undefined })
    if (changes.length > 0) await this.#store.write(changes)
  }

  #key(group: string): string {
    return this.#below + encodeURIComponent(group)
  }
}
