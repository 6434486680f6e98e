import mocha from 'mocha'

/**
 * Dots while it runs, then `N passed, N failed, N skipped` as the very last line. Where `CI` is set a skipped test
 * fails the run: there, everything that a test needs is installed.
 */
export default class Reporter extends mocha.reporters.Dot {
  readonly #stats: Mocha.Stats
  readonly #skipped: string[] = []

  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options)
    this.#stats = runner.stats!
    runner.on('pending', (test) => this.#skipped.push(test.fullTitle()))
  }

  override done(failures: number, fn?: (failures: number) => void): void {
    const { passes, failures: failed, pending } = this.#stats
    const forbidden = process.env.CI ? pending : 0
    for (const title of this.#skipped) console.log(`  skipped${forbidden > 0 ? ', which CI forbids' : ''}: ${title}`)
    console.log(`${passes} passed, ${failed} failed, ${pending} skipped`)
    fn?.(failures + forbidden)
  }
}
