/** The figures of one cell. */
export interface Load {
  requests: number
  perSecond: number
  p50Ms: number
  p99Ms: number
}

/** The given quantile of sorted numbers. */
export function percentile(sorted: readonly number[] | Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))] ?? Number.NaN
}

/** The figures of requests with known durations. */
export function loadOf(millisecondsEach: number[], seconds: number, requests = millisecondsEach.length): Load {
  const sorted = Float64Array.from(millisecondsEach).sort()
  return { requests, perSecond: requests / seconds, p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99) }
}

/** The median. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}
