import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { CheckoutData } from '@hawker/web/checkout-state'
import { ownValue } from '@hawker/web/own-value'
import type { SimulatedPayment } from '@hawker/web/sandbox-data'
import type { PageAnswer } from '#foundation/http/api.ts'
import { escapeHtml } from '#foundation/shared/html.ts'

/** The result of rendering a page with the `web/` workspace, before any script runs. */
export interface RenderedPage {
  title: string
  html: string
}

/** The server's half of the built `web/` workspace. */
export interface Web {
  languages: Record<string, string>
  /** The checkout's texts by language. */
  messagesOf: Record<string, Record<string, string>>
  renderCheckout(data: CheckoutData): RenderedPage
  renderNotice(notice: 'not_found' | 'not_set_up', messages: Record<string, string>, ways: readonly { href: string; text: string }[]): RenderedPage
  renderWallet(payment: SimulatedPayment): RenderedPage
  renderChallenge(payment: SimulatedPayment): RenderedPage
  renderPhone(): RenderedPage
}

/** Where the built pages are: the same path next to the sources and next to the bundled program. */
function webDirectory(): string {
  const candidates = ['../../../web/dist', '../../web/dist'].map((path) => fileURLToPath(new URL(path, import.meta.url)))
  return candidates.find((path) => existsSync(join(path, 'made-from'))) ?? (candidates[0] as string)
}

/** Files for browsers. */
export const clientDirectory = (): string => join(webDirectory(), 'client')

let loading: Promise<Web> | undefined

/** The renderer, loaded with the first requested page. */
export function loadWeb(): Promise<Web> {
  loading ??= import(pathToFileURL(join(webDirectory(), 'server', 'render.js')).href) as Promise<Web>
  return loading
}

interface Chunk {
  file: string
  css?: string[]
  imports?: string[]
}

let manifest: Record<string, Chunk> | undefined

/** The URLs of a client entry's script and styles, for example of `src/checkout/client.tsx`. */
export function assetsOf(entry: string): { script: string; imports: string[]; styles: string[] } {
  manifest ??= JSON.parse(readFileSync(join(clientDirectory(), 'manifest.json'), 'utf8')) as Record<string, Chunk>
  const known = manifest
  const all = new Set<string>()
  const visit = (name: string) => {
    if (all.has(name)) return
    all.add(name)
    for (const inner of ownValue(known, name)?.imports ?? []) visit(inner)
  }
  visit(entry)
  const chunks = [...all].map((name) => ownValue(known, name)).filter((chunk) => chunk !== undefined)
  const [own, ...others] = chunks
  if (!own) throw new Error(`the built pages have no ${entry}`)
  return {
    script: `/${own.file}`,
    imports: others.map(({ file }) => `/${file}`),
    styles: [...new Set(chunks.flatMap(({ css = [] }) => css))].map((css) => `/${css}`),
  }
}

export interface Page extends RenderedPage {
  language: string
  /** The client entry whose script and styles the page uses. */
  entry: string
  /** Further style sheets of our own, such as a merchant's colors. */
  styles?: string[]
  /** The data that the script continues with, in a block that is not executed. */
  data?: unknown
}

/** The whole document. The script is a module, so it runs after the page is parsed. */
export function htmlOf({ title, html, language, entry, styles = [], data }: Page): string {
  const assets = assetsOf(entry)
  const links = [...assets.styles, ...styles].map((href) => `<link rel="stylesheet" href="${escapeHtml(href)}">`)
  const preloads = assets.imports.map((href) => `<link rel="modulepreload" href="${escapeHtml(href)}">`)
  // Inside a script element, only `<` could end it; U+2028 and its neighbor are harmless in JSON that is parsed, not run.
  const block = data === undefined ? '' : `<script type="application/json" id="data">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script>`
  return `<!doctype html>
<html lang="${escapeHtml(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
${[...links, ...preloads].join('\n')}
<script type="module" src="${escapeHtml(assets.script)}"></script>
</head>
<body>
<div id="page">${html}</div>
${block}
</body>
</html>
`
}

export interface Policy {
  /** Who may show the page in a frame: nobody by default. */
  frameAncestors?: string[]
  /** Other origins that the page's script may connect to. */
  connect?: string[]
}

/** The headers of a page: only our own scripts, styles and pictures. */
export function pageHeaders({ frameAncestors = [], connect = [] }: Policy = {}): Record<string, string> {
  const policy = [
    "default-src 'self'",
    "img-src 'self' data:",
    `connect-src ${["'self'", ...connect].join(' ')}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    `frame-ancestors ${frameAncestors.length > 0 ? frameAncestors.join(' ') : "'none'"}`,
  ]
  return { 'content-security-policy': policy.join('; '), 'cache-control': 'no-store', 'content-type': 'text/html; charset=utf-8', 'x-robots-tag': 'noindex' }
}

/** The answer with a page. `X-Frame-Options` cannot name origins, so it goes where frames are allowed. */
export function pageAnswer(status: number, page: Page, policy: Policy = {}): PageAnswer {
  const frameOptions = policy.frameAncestors?.length ? { 'x-frame-options': null } : {}
  return { status, headers: { ...pageHeaders(policy), ...frameOptions }, body: htmlOf(page) }
}

/** The answer to a form: the browser goes on there with a GET. */
export const seeOther = (location: string): PageAnswer => ({ status: 303, headers: { location } })
