import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Api } from './api.ts'
import { packedFile } from './packed-file.ts'
import { hidden } from './page.ts'

/** The pages are ours, so they may run our scripts; Swagger UI sets styles on its elements and draws its icons as data. */
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Hawker API reference</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="stylesheet" href="/docs/page.css">
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
</head>
<body>
<main id="reference"><p class="loading">The reference needs JavaScript. The same facts are in <a href="/openapi.json">/openapi.json</a>.</p></main>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/page.js"></script>
</body>
</html>
`

const script = `SwaggerUIBundle({
  url: '/openapi.json',
  domNode: document.getElementById('reference'),
  deepLinking: true,
  tryItOutEnabled: true,
  persistAuthorization: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  docExpansion: 'list',
  filter: false,
  validatorUrl: null,
})
`

const style = `body { margin: 0; background: #fff; font-family: system-ui, sans-serif; }
.loading { padding: 2rem; color: #333; }
.swagger-ui .info { margin: 24px 0; }
.swagger-ui .scheme-container { padding: 16px 0; box-shadow: none; border-bottom: 1px solid #ddd; }
.swagger-ui .opblock-summary-path { word-break: break-word !important; }
@media (max-width: 640px) {
  .swagger-ui .wrapper { padding: 0 12px; }
  .swagger-ui .opblock .opblock-summary { flex-wrap: wrap; }
  .swagger-ui table { display: block; overflow-x: auto; }
}
`

/** The OpenAPI document and an interactive reference over it, which loads nothing from anywhere else. */
export function referenceRoutes({ fastify }: Pick<Api, 'fastify'>, readDocument: (() => string) | undefined): void {
  const options = { schema: hidden() }
  const document = packedFile(() => readDocument?.() ?? '{}')
  fastify.get('/openapi.json', options, async ({ headers }, reply) => {
    const packed = await document(headers['accept-encoding'])
    return reply
      .headers({ ...packed.headers, 'access-control-allow-origin': '*' })
      .type('application/json')
      .send(packed.body)
  })

  const vendored = (name: string) => () =>
    readFileSync(join(dirname(createRequire(import.meta.url).resolve('@fastify/swagger-ui/package.json')), 'static', name), 'utf8')
  const files: [path: string, type: string, read: () => string][] = [
    ['/docs', 'text/html; charset=utf-8', () => page],
    ['/docs/page.js', 'text/javascript; charset=utf-8', () => script],
    ['/docs/page.css', 'text/css; charset=utf-8', () => style],
    ['/docs/swagger-ui.css', 'text/css; charset=utf-8', vendored('swagger-ui.css')],
    ['/docs/swagger-ui-bundle.js', 'text/javascript; charset=utf-8', vendored('swagger-ui-bundle.js')],
  ]
  for (const [path, type, read] of files) {
    const file = packedFile(read)
    fastify.get(path, options, async ({ headers }, reply) => {
      const packed = await file(headers['accept-encoding'])
      return reply
        .headers({ ...packed.headers, 'content-security-policy': pagePolicy, 'cache-control': path === '/docs' ? 'no-cache' : 'private, max-age=3600' })
        .type(type)
        .send(packed.body)
    })
  }
  fastify.get('/', options, (_request, reply) => reply.redirect('/docs'))
}
