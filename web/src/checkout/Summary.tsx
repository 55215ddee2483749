import { BackIcon } from '../ui/icons.tsx'
import { Time, useTexts } from '../ui/texts.tsx'
import type { CheckoutState } from './state.ts'
import type { Checkout } from './use-checkout.ts'
import { safeUrl } from './view.ts'

/** The business's logo, or its first letter. */
export function BusinessMark({ business }: { business: CheckoutState['business'] }) {
  return (
    <p className="business">
      {business.logo_url ? (
        <img className="logo" src={business.logo_url} alt="" />
      ) : (
        <span className="logo logo-letter" aria-hidden="true">
          {[...business.name.trim()][0]?.toUpperCase() ?? ''}
        </span>
      )}
      <span>{business.name}</span>
    </p>
  )
}

/** To whom, how much and for what. */
export function Summary({ checkout }: { checkout: Checkout }) {
  const { t, money } = useTexts()
  const { state, method, data } = checkout
  const { request, business } = state
  if (!request) return null
  const chosen = state.methods.find(({ code }) => code === method)
  const back = data.embedded ? null : safeUrl(request.canceled_url)
  const [beforeTime, afterTime] = t('summary.expires', { time: '\n' }).split('\n')
  const withFee = request.amount !== null && chosen?.fee != null && chosen.total != null
  return (
    <section className="summary" aria-label={t('summary.title')}>
      {back && (
        <a className="back" href={back} rel="nofollow">
          <BackIcon />
          {t('page.back', { business: business.name })}
        </a>
      )}
      <BusinessMark business={business} />
      <h1 className="pay-title">{request.purpose || t('title.pay', { business: business.name })}</h1>
      {request.amount !== null && <p className="amount-due">{money(withFee && chosen?.total ? chosen.total : request.amount)}</p>}
      {request.expires_at && request.status === 'pending' && (
        <p className="muted">
          {beforeTime}
          <Time at={request.expires_at} />
          {afterTime}
        </p>
      )}
      <Items state={state} />
      {(withFee || request.reference_number) && (
        <dl className="totals">
          {withFee && chosen && (
            <>
              <Row name={t('summary.amount')} value={money(request.amount ?? '0')} />
              <Row name={t('summary.fee')} value={money(chosen.fee ?? '0')} />
              <Row name={t('summary.total')} value={money(chosen.total ?? '0')} strong />
            </>
          )}
          {request.reference_number && <Row name={t('summary.reference')} value={request.reference_number} />}
        </dl>
      )}
    </section>
  )
}

function Items({ state }: { state: CheckoutState }) {
  const { t, money } = useTexts()
  const items = state.request?.line_items ?? []
  if (items.length === 0) return null
  return (
    <ul className="items">
      {items.map(({ name, quantity, price }, index) => (
        <li key={index}>
          <span className="item-name">
            {name}
            {quantity !== 1 && price === null && <small>{t('summary.quantity', { quantity: String(quantity) })}</small>}
          </span>
          {/* The price is that of one piece; alone it would be read as that of all. */}
          {price !== null && <span className="item-price">{quantity === 1 ? money(price) : `${quantity} × ${money(price)}`}</span>}
        </li>
      ))}
    </ul>
  )
}

/** One line of a list of names and values. */
export function Row({ name, value, strong = false }: { name: string; value: React.ReactNode; strong?: boolean }) {
  return (
    <div className={strong ? 'row row-strong' : 'row'}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}
