export * from './codec.ts'
export * from './constants.ts'
