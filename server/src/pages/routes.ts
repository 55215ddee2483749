import { join } from 'node:path'
import staticFiles from '@fastify/static'
import type { Api } from '#foundation/http/api.ts'
import { type DefaultLinkDeps, defaultLinkRoutes } from '#pages/checkout/default-link.ts'
import { type LiveStatus, liveStatus } from '#pages/checkout/live-status.ts'
import { logoRoute } from '#pages/checkout/logo.ts'
import { checkoutReads } from '#pages/checkout/reads.ts'
import { checkoutRoutes, themeRoute } from '#pages/checkout/routes.ts'
import { endStreams } from '#pages/checkout/stream.ts'
import { dropInRoutes } from '#pages/drop-in/routes.ts'
import { methodMarkRoutes } from '#pages/method-marks/routes.ts'
import { sandboxPages } from '#pages/sandbox/routes.ts'
import { faviconRoutes } from './favicon.ts'
import { notFoundAnswer } from './not-found.ts'
import { clientDirectory } from './page.ts'

export type PagesDeps = Omit<DefaultLinkDeps, 'live' | 'reads'>

export interface Pages {
  /** Notifies the pages of a business's requests that something was committed. */
  wake(businessId: string): void
  /** Ends the streams to pages, so that the server can close. */
  end(): void
}

/** Everything that a browser opens: pages, what they request, and the files that they consist of. */
export async function pagesRoutes(api: Api, deps: PagesDeps): Promise<Pages> {
  const live: LiveStatus = liveStatus(deps.database.db, (error) => deps.log.error({ error }, 'looking for changes to watched requests failed'))
  await api.fastify.register(staticFiles, {
    root: join(clientDirectory(), 'assets'),
    prefix: '/assets/',
    decorateReply: false,
    index: false,
    preCompressed: true,
    cacheControl: false,
    // Their names change with their content.
    setHeaders(response) {
      response.header('cache-control', 'public, max-age=31536000, immutable')
    },
  })
  api.notFound(notFoundAnswer)
  faviconRoutes(api)
  methodMarkRoutes(api)
  dropInRoutes(api, deps)
  logoRoute(api, deps)
  const checkout = { ...deps, live, reads: checkoutReads(deps) }
  themeRoute(api, checkout)
  checkoutRoutes(api, checkout)
  defaultLinkRoutes(api, checkout)
  sandboxPages(api, deps)
  const end = () => {
    live.stop()
    endStreams()
  }
  api.fastify.addHook('preClose', (done) => {
    end()
    done()
  })
  return { wake: (businessId) => live.wake(businessId), end }
}
