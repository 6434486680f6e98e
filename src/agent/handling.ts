import type { MeshError } from '../../protocols/errors.ts'
import { Roster } from '../core/delivery/roster.ts'
import type { ReceiveContext } from './context.ts'

/** The messages of a node whose handlers go on after their call: who hears when nobody waits for them any longer. */
export class Handling {
  readonly #contexts = new Roster<ReceiveContext>()

  add(context: ReceiveContext): void {
    this.#contexts.add(context)
  }

  delete(context: ReceiveContext): void {
    this.#contexts.delete(context)
  }

  /** A link closed: whoever sent over it tries again elsewhere, or is gone. */
  orphaned(reason: MeshError): void {
    for (const context of this.#contexts.values()) if (context.inbound.orphaned) context.abort(reason)
  }

  /** The node stops and waits for nobody. */
  stop(reason: MeshError): void {
    for (const context of this.#contexts.values()) context.abort(reason)
  }

  /** The node has stopped. Who sent from another host hears that from its link; agents of this one hear it so. */
  end(reason: MeshError): void {
    for (const context of this.#contexts.values()) context.refuse(reason)
  }
}
