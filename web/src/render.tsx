import { renderToString } from 'preact-render-to-string'
import { CheckoutPage } from './checkout/CheckoutPage.tsx'
import type { CheckoutData } from './checkout/state.ts'
import { type Language, languages } from './messages/languages.ts'
import { messagesOf } from './messages/messages.ts'

export type { Language }
export { languages, messagesOf }

/** A page as HTML, before any script runs. */
export interface RenderedPage {
  title: string
  html: string
}

/** The hosted page. `data.messages` are those of its language, from `messagesOf`. */
export function renderCheckout(data: CheckoutData): RenderedPage {
  const text = data.messages['title.pay'] ?? ''
  return { title: text.replace('{business}', data.state.business.name), html: renderToString(<CheckoutPage {...data} />) }
}
