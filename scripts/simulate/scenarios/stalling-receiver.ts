import type { Mesh } from '../../../src/testing/index.ts'
import type { Play } from '../play.ts'

/** The receiver of the flow scenario, on node 0: slow, and now and then at a stand. */
export class StallingReceiver {
  readonly concurrency: number
  readonly handled = { untracked: 0, tracked: 0 }
  /** The longest queue that its node told of. */
  longest = 0
  readonly #play: Play
  readonly #mesh: Mesh
  #running = 0
  #stalledUntil = 0

  private constructor(play: Play, mesh: Mesh, concurrency: number) {
    this.#play = play
    this.#mesh = mesh
    this.concurrency = concurrency
  }

  static async on(play: Play, mesh: Mesh, concurrency: number): Promise<StallingReceiver> {
    const receiver = new StallingReceiver(play, mesh, concurrency)
    const agent = await mesh.run(mesh.nodes[0]!.agent('receiver'))
    agent.receive((message) => receiver.#receive(message.data), { concurrency })
    void receiver.#watch()
    return receiver
  }

  stall(ms: number): void {
    this.#play.faults++
    this.#stalledUntil = this.#mesh.now + ms
  }

  async #receive({ tracked }: { tracked: boolean }): Promise<void> {
    this.#running++
    const running = { running: this.#running, concurrency: this.concurrency }
    this.#play.must(this.#running <= this.concurrency, 'no more are handled at once than was said', running)
    const stalled = this.#stalledUntil - this.#mesh.now
    await this.#mesh.sleep(stalled > 0 ? stalled : this.#play.chance.between(0, 20))
    this.#running--
    this.handled[tracked ? 'tracked' : 'untracked']++
  }

  async #watch(): Promise<void> {
    for await (const event of this.#mesh.nodes[0]!.events()) {
      if (event.kind === 'slow-consumer' && 'agent' in event) this.longest = Math.max(this.longest, event.queued)
      this.#play.must(event.kind !== 'dropped', 'nothing is lost', { event })
    }
  }
}
