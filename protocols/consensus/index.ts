export * from './codec.ts'
export * from './constants.ts'
export type * from './messages.ts'
