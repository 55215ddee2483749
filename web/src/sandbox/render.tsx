import { renderToString } from 'preact-render-to-string'
import { ChallengePage, WalletPage } from './AskingPages.tsx'
import type { SimulatedPayment } from './data.ts'
import { PhonePage } from './PhonePage.tsx'

interface RenderedPage {
  title: string
  html: string
}

/** The simulator's wallet or bank. */
export const renderWallet = (payment: SimulatedPayment): RenderedPage => ({
  title: `Simulation: pay with ${payment.method.name}`,
  html: renderToString(<WalletPage {...payment} />),
})

/** The simulator's 3-D Secure page. */
export const renderChallenge = (payment: SimulatedPayment): RenderedPage => ({
  title: 'Simulation: 3-D Secure',
  html: renderToString(<ChallengePage {...payment} />),
})

/** The simulator's phone, before it has scanned anything. */
export const renderPhone = (): RenderedPage => ({ title: 'Simulation: a phone that pays', html: renderToString(<PhonePage />) })
