import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A merchant's site: another origin, and for a browser also another site (`localhost` is not `127.0.0.1`). */
export interface ForeignSite {
  readonly url: string
  /** Sets the response of a path. */
  show(path: string, html: string, headers?: Record<string, string>): void
  stop(): Promise<void>
}

/** Starts a site that shows what a test defines, by path. */
export async function aForeignSite(pages: Record<string, string> = {}): Promise<ForeignSite> {
  const shown = new Map<string, { html: string; headers: Record<string, string> }>()
  const show: ForeignSite['show'] = (path, html, headers = {}) => shown.set(path, { html, headers })
  for (const [path, html] of Object.entries(pages)) show(path, html)
  const server = createServer((request, response) => {
    const page = shown.get(new URL(request.url ?? '/', 'http://localhost').pathname)
    if (page) response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...page.headers }).end(page.html)
    // Browsers request it by themselves.
    else response.writeHead(request.url === '/favicon.ico' ? 204 : 404).end()
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://localhost:${port}`,
    show,
    async stop() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}
