import { escapeHtml } from '#foundation/shared/html.ts'
import { type Language, languages, type Speech } from '#resources/payments/receipts/language.ts'
import { countOf, factsOf, notesOf, totalsOf } from '#resources/payments/receipts/parts.ts'
import { printable } from '#resources/payments/receipts/printable.ts'
import type { PricedItem } from '#resources/payments/receipts/receipt-wire.ts'
import { texts } from '#resources/payments/receipts/texts.ts'
import type { Printed } from './receipt-pdf.ts'
import { style } from './style.ts'

/** Text of others: escaped, and isolated, so that its text direction does not affect what surrounds it. */
const others = (text: string) => `<bdi>${escapeHtml(printable(text))}</bdi>`

function shell(language: Language, title: string, main: string): string {
  const { language: label } = texts[language]
  const choices = languages.map(
    ({ tag, name }) => `<li><a href="?lang=${tag}" lang="${tag}" hreflang="${tag}"${tag === language ? ' aria-current="true"' : ''}>${name}</a></li>`,
  )
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<style>${style}</style>
</head>
<body>
<main>
${main}
</main>
<footer>
<nav aria-label="${escapeHtml(label)}">
<ul>
${choices.join('\n')}
</ul>
</nav>
</footer>
</body>
</html>
`
}

function itemRow(item: PricedItem, speech: Speech): string {
  const { name, description, amountMinor } = item
  const more = [description === null ? '' : others(description), escapeHtml(countOf(item, speech) ?? '')]
    .filter((part) => part !== '')
    .map((part) => `<span class="more">${part}</span>`)
  return `<tr><th scope="row">${others(name)}${more.join('')}</th><td>${amountMinor === null ? '' : escapeHtml(speech.money(amountMinor))}</td></tr>`
}

/** The class of the large amount, which fits on one line of a screen of 320 pixels, however long it is. */
function amountClass(amount: string): string {
  return amount.length <= 15 ? 'amount' : amount.length <= 20 ? 'amount long' : 'amount longest'
}

/** The receipt as a page: no script, nothing loaded from elsewhere, readable without its style. */
export function receiptPage({ receipt, business, issuer, logo, speech, url }: Printed): string {
  const { texts: words, language } = speech
  const name = others(business.name)
  const facts = factsOf(receipt, speech).map(({ label, value }) => `<div><dt>${escapeHtml(label)}</dt><dd>${others(value)}</dd></div>`)
  const items = receipt.items.map((item) => itemRow(item, speech))
  const totals = totalsOf(receipt, speech).map(
    ({ label, amount, isTotal }) => `<tr${isTotal ? ' class="total"' : ''}><th scope="row">${escapeHtml(label)}</th><td>${escapeHtml(amount)}</td></tr>`,
  )
  // Rolls are for the merchant's printer; a payer saves a page (`?paper=80mm` and `58mm` stay for those who know them).
  const pdf = `${url}.pdf?paper=a4&lang=${language}`
  const notes = notesOf(receipt, business, speech).map((note) => `<p class="note">${escapeHtml(note)}</p>`)
  const questions = escapeHtml(words.questions).replace('{name}', () => name)
  return shell(
    language,
    `${words.receipt} · ${printable(business.name)} · ${speech.money(receipt.amount_minor)}`,
    `<header>
<p class="merchant">${logo.url === null ? '' : `<img src="${escapeHtml(logo.url)}" alt="">`}${name}</p>
<h1>${escapeHtml(words.receipt)}</h1>
</header>${issuer.length === 0 ? '' : `\n<p class="issuer">${issuer.map(others).join('<br>')}</p>`}
<div class="sum">
<p class="label">${escapeHtml(words.amountPaid)}</p>
<p class="${amountClass(speech.money(receipt.amount_minor))}">${escapeHtml(speech.money(receipt.amount_minor))}</p>
<p class="badge ${receipt.status}">${escapeHtml(words[receipt.status])}</p>
</div>
<dl>
${facts.join('\n')}
</dl>
${items.length > 0 ? `<h2 id="items">${escapeHtml(words.items)}</h2>\n<table aria-labelledby="items">\n${items.join('\n')}\n</table>` : ''}
<table class="totals" aria-label="${escapeHtml(words.total)}">
${totals.join('\n')}
</table>
${notes.join('\n')}
<ul class="get">
<li><a class="first" href="${escapeHtml(pdf)}" type="application/pdf" download>${escapeHtml(words.download)}</a></li>
</ul>
<p class="ask">${questions}</p>`,
  )
}

/** What is shown where there is no receipt, whatever the reason. */
export function notFoundPage(language: Language): string {
  const { notFound, notFoundText } = texts[language]
  return shell(
    language,
    notFound,
    `<p class="merchant" role="heading" aria-level="1">${escapeHtml(notFound)}</p>\n<p class="ask">${escapeHtml(notFoundText)}</p>`,
  )
}
