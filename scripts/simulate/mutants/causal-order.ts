import type { Mutant } from './types.ts'

const promise = 'causal order'
const scenario = 'causal'

export const causalOrder: readonly Mutant[] = [
  {
    name: 'nothing waits for what it follows',
    promise,
    scenario,
    soon: true,
    file: 'src/core/causality/arrivals.ts',
    find: 'if (stamp.previous > source.passed || (count > 0 && !this.#met(stamp.changes, count)))',
    replace: 'if (stamp.previous > source.passed && count < 0)'
  },
  {
    name: 'a message does not wait for the one before it from the same node',
    promise,
    scenario,
    file: 'src/core/causality/arrivals.ts',
    find: 'if (stamp.previous > source.passed || (count > 0',
    replace: 'if ((count > 0'
  },
  {
    name: 'of what a message follows the first is not looked at',
    promise,
    scenario,
    soon: true,
    file: 'src/core/causality/arrivals.ts',
    find: 'for (let i = 0; i < count; i++) {\n      const heard',
    replace: 'for (let i = 1; i < count; i++) {\n      const heard'
  },
  {
    name: 'what a message that was handed out at once follows is forgotten',
    promise,
    scenario,
    file: 'src/core/causality/arrivals.ts',
    find: "if (count > 0) this.#inherit(stamp.changes, count, now)\n    return 'pass'",
    replace: "return 'pass'"
  },
  {
    name: 'what a message that has waited follows is forgotten',
    promise,
    scenario,
    file: 'src/core/causality/arrivals.ts',
    find: 'this.#inherit(what.told as Told[], what.told.length, now)',
    replace: ''
  },
  {
    name: 'a publication is not in the past of whoever hears it',
    promise,
    scenario,
    soon: true,
    file: 'src/core/causality/arrivals.ts',
    find: 'changes: [...changes.slice(0, count), itself], count: count + 1',
    replace: 'changes: changes.slice(0, count), count'
  },
  {
    name: 'what waits goes on when the first that it waits for has come',
    promise,
    scenario,
    file: 'src/core/causality/arrivals.ts',
    find: 'if (unmet !== undefined) this.#enlist(next, unmet, now)\n        else this.#go(next, now, sink)',
    replace: 'this.#go(next, now, sink)'
  },
  {
    name: 'what a node has published is not in its own past',
    promise,
    scenario,
    file: 'src/core/causality/sending.ts',
    find: 'this.past.hold(topic.own, number, now)',
    replace: ''
  },
  {
    name: 'what a node has sent is not in its own past',
    promise,
    scenario,
    file: 'src/core/causality/sending.ts',
    find: 'this.past.hold(target.own, number, now)',
    replace: ''
  }
]
