import type { Db } from '#foundation/database/database.ts'
import { findMarks } from './queries.ts'

/** How often watched requests are polled, for changes by other processes. */
const everyMs = 75

interface Watched {
  businessId: string
  id: string
  mark: string | undefined
  listeners: Set<() => void>
}

export interface LiveStatus {
  /** Calls back after every change of a request or its payments, until the returned function is called. */
  watch(businessId: string, requestId: string, onChange: () => void): () => void
  /** Checks the requests of a business immediately, because something of it was committed here. */
  wake(businessId: string): void
  stop(): void
}

/**
 * Notifies pages of what is committed, whichever process did it: one query for everything that is watched, immediately
 * after a commit of this process and otherwise a few times per second, and none while nobody watches.
 */
export function liveStatus(db: Db, onError: (error: unknown) => void): LiveStatus {
  const watched = new Map<string, Watched>()
  let timer: NodeJS.Timeout | undefined
  let isLooking = false
  let mustLookAgain = false
  let isStopped = false

  async function look(): Promise<void> {
    if (isLooking) {
      mustLookAgain = true
      return
    }
    isLooking = true
    clearTimeout(timer)
    timer = undefined
    try {
      do {
        mustLookAgain = false
        const marks = await findMarks(db, [...watched.values()])
        for (const { id, business_id, mark } of marks) notice(`${business_id} ${id}`, mark)
      } while (mustLookAgain && watched.size > 0)
    } catch (error) {
      onError(error)
    } finally {
      isLooking = false
      plan()
    }
  }

  function notice(key: string, mark: string): void {
    const request = watched.get(key)
    if (!request || request.mark === mark) return
    request.mark = mark
    // Also after the first check: something may have changed since the page got its state.
    for (const listener of request.listeners) listener()
  }

  function plan(): void {
    if (timer !== undefined || isStopped || isLooking || watched.size === 0) return
    timer = setTimeout(() => void look(), everyMs)
    timer.unref()
  }

  return {
    watch(businessId, id, onChange) {
      const key = `${businessId} ${id}`
      const request = watched.get(key) ?? { businessId, id, mark: undefined, listeners: new Set() }
      watched.set(key, request)
      request.listeners.add(onChange)
      plan()
      return () => {
        request.listeners.delete(onChange)
        if (request.listeners.size === 0 && watched.get(key) === request) watched.delete(key)
      }
    },
    wake(businessId) {
      if (isStopped) return
      for (const request of watched.values()) {
        if (request.businessId !== businessId) continue
        void look()
        return
      }
    },
    stop() {
      isStopped = true
      clearTimeout(timer)
      watched.clear()
    },
  }
}
