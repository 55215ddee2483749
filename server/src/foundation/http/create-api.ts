import type { Api } from './api.ts'
import { type Authenticator, identifying } from './authentication.ts'
import { methodOverride } from './method-override.ts'
import { type OperationsOptions, operations } from './operation.ts'
import { type PagesOptions, pageForNothing, pages, rawRoutes } from './page.ts'
import { createServer, type ServerOptions } from './server.ts'

export interface ApiOptions extends ServerOptions, OperationsOptions, PagesOptions {
  /** Called in this order. */
  authenticators: readonly Authenticator[]
}

/** The HTTP server and the ways to add routes to it: operations in groups, pages, raw messages, and Fastify's own. */
export async function createApi(options: ApiOptions): Promise<Api> {
  let notFoundPage: ReturnType<typeof pageForNothing> | undefined
  const server = await createServer({ ...options, notFoundPage: () => notFoundPage })
  const { fastify } = server
  const identify = identifying(options.authenticators)
  const add = operations(fastify, identify, options)
  const acceptMethodOverride = methodOverride(server, identify)
  const addPage = pages(fastify, options)

  return {
    fastify,
    raw: rawRoutes(fastify, options),
    page: (path, page, handler) => addPage(path, page as never, handler as never),
    notFound: (page) => {
      notFoundPage = pageForNothing(options, page)
    },
    group: (tag) => ({
      read: (path, operation, handler) => add(tag, 'GET', path, operation, handler as never),
      write: (method, path, operation, handler) => {
        const ids = [operation.operationId].flat()
        for (const [i, one] of [method].flat().entries()) {
          add(tag, one, path, { ...operation, operationId: ids[i] ?? '' }, handler as never)
          if (one !== 'POST') acceptMethodOverride(one, path)
        }
      },
    }),
  }
}
