import { createHash } from 'node:crypto'

/** The style of the receipt's page; embedded in the page, so that a saved page looks the same. It uses the system's fonts. */
export const style = `
:root {
  color-scheme: light dark;
  --ground: #f3f4f6; --sheet: #ffffff; --ink: #111827; --quiet: #4b5563; --line: #e5e7eb; --accent: #1d4ed8; --on-accent: #ffffff;
  --paid: #065f46; --paid-ground: #d1fae5; --part: #78350f; --part-ground: #fef3c7; --back: #374151; --back-ground: #e5e7eb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0b0f17; --sheet: #151b26; --ink: #f3f4f6; --quiet: #aeb6c2; --line: #2b3443; --accent: #93b4ff; --on-accent: #0b0f17;
    --paid: #a7f3d0; --paid-ground: #064e3b; --part: #fde68a; --part-ground: #5b3410; --back: #e5e7eb; --back-ground: #374151;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; padding: 2.5rem 1rem; background: var(--ground); color: var(--ink); overflow-wrap: anywhere;
  font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Noto Sans Thai', 'Noto Sans Tamil', 'Noto Sans SC', sans-serif;
}
main, footer { max-width: 34rem; margin: 0 auto; }
main { background: var(--sheet); border: 1px solid var(--line); border-radius: 1rem; padding: 2rem; }
header { display: flex; justify-content: space-between; align-items: flex-start; gap: 1.5rem; }
.merchant { margin: 0; font-size: 1.125rem; font-weight: 650; line-height: 1.35; }
.merchant img { display: block; max-width: 10rem; max-height: 3rem; margin-bottom: .5rem; }
h1 { margin: 0; font-size: 1rem; font-weight: 400; line-height: 1.5; color: var(--quiet); flex: none; max-width: 50%; text-align: end; }
.sum { margin: 2rem 0; }
.sum p { margin: 0; }
.issuer { margin: 0; color: var(--quiet); font-size: .875rem; overflow-wrap: anywhere; }
.label { color: var(--quiet); font-size: .875rem; }
.amount { font-size: clamp(1.75rem, 9vw, 2.5rem); font-weight: 700; line-height: 1.2; letter-spacing: -.02em; font-variant-numeric: tabular-nums; white-space: nowrap; }
.amount.long { font-size: clamp(1.25rem, 6.5vw, 2.5rem); }
.amount.longest { font-size: clamp(.9375rem, 4.75vw, 2rem); }
.badge { display: inline-block; margin-top: .75rem !important; padding: .125rem .75rem; border-radius: 1rem; font-size: .875rem; font-weight: 600; color: var(--paid); background: var(--paid-ground); }
.badge.partially_refunded { color: var(--part); background: var(--part-ground); }
.badge.refunded { color: var(--back); background: var(--back-ground); }
dl { margin: 0; font-size: .9375rem; }
dl div { display: flex; justify-content: space-between; gap: 1.5rem; padding: .625rem 0; border-top: 1px solid var(--line); }
dt { color: var(--quiet); flex: 0 1 auto; min-width: 30%; }
dd { margin: 0; text-align: end; min-width: 0; }
h2 { margin: 2rem 0 .5rem; font-size: .9375rem; font-weight: 650; }
table { width: 100%; border-collapse: collapse; font-size: .9375rem; font-variant-numeric: tabular-nums; }
th, td { padding: .625rem 0; border-top: 1px solid var(--line); vertical-align: top; text-align: start; font-weight: 400; }
td { padding-inline-start: 1.5rem; text-align: end; overflow-wrap: normal; white-space: nowrap; }
.totals { margin-top: 2rem; }
.total th, .total td { font-weight: 700; font-size: 1.0625rem; }
.more { display: block; color: var(--quiet); font-size: .875rem; }
.note { margin: 1.5rem 0 0; padding: .75rem 1rem; border-radius: .5rem; font-size: .9375rem; color: var(--part); background: var(--part-ground); }
.get { display: flex; flex-wrap: wrap; gap: .75rem; margin: 2rem 0 0; padding: 0; list-style: none; }
.get a { display: inline-flex; align-items: center; min-height: 2.75rem; padding: .375rem 1rem; border: 1px solid var(--accent); border-radius: .5rem; color: var(--accent); text-decoration: none; font-weight: 600; font-size: .9375rem; }
.get a.first { background: var(--accent); color: var(--on-accent); }
.get a:hover, nav a:hover { text-decoration: underline; }
.ask { margin: 1.5rem 0 0; color: var(--quiet); font-size: .875rem; }
nav ul { display: flex; flex-wrap: wrap; justify-content: center; gap: .25rem 1rem; margin: 1.25rem 0 0; padding: 0; list-style: none; font-size: .875rem; }
nav a { display: inline-block; padding: .375rem 0; color: var(--quiet); }
nav a[aria-current] { color: var(--ink); font-weight: 650; text-decoration: none; }
a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: .25rem; }
@media (max-width: 30rem) {
  body { padding: 0 0 1.5rem; background: var(--sheet); }
  main { border: 0; border-radius: 0; padding: 1.5rem 1.25rem; }
  dl div { display: block; }
  dd { text-align: start; }
  footer { padding: 0 1.25rem; }
}
@media print {
  :root { --ground: #fff; --sheet: #fff; --ink: #000; --quiet: #333; --line: #bbb; --paid: #000; --paid-ground: #fff; --part: #000; --part-ground: #fff; --back: #000; --back-ground: #fff; color-scheme: light; }
  body { padding: 0; }
  main { border: 0; padding: 0; max-width: none; }
  .badge, .note { border: 1px solid #000; }
  .get, nav { display: none; }
  tr, dl div { break-inside: avoid; }
}
`

/** What a receipt's page may load: its own style, the merchant's logo from this server, and nothing else. */
export const pagePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')
