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
  const { t } = useTexts()
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
      {request.amount !== null && <AmountDue amount={withFee && chosen?.total ? chosen.total : request.amount} />}
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
              <Row name={t('summary.amount')} value={<Amount of={request.amount ?? '0'} />} />
              <Row name={t('summary.fee')} value={<Amount of={chosen.fee ?? '0'} />} />
              <Row name={t('summary.total')} value={<Amount of={chosen.total ?? '0'} />} strong />
            </>
          )}
          {request.reference_number && <Row name={t('summary.reference')} value={request.reference_number} />}
        </dl>
      )}
    </section>
  )
}

/** The amount in large digits, and in smaller ones where it is long: it is never broken. */
export function AmountDue({ amount }: { amount: string }) {
  const { money } = useTexts()
  const text = money(amount)
  const size = text.length > 18 ? ' amount-longest' : text.length > 13 ? ' amount-long' : ''
  return <p className={`amount-due${size}`}>{text}</p>
}

/** Longer orders are folded, so that a phone shows the ways to pay. */
const longestOrder = 5
const shownItems = 3

function Items({ state }: { state: CheckoutState }) {
  const { t, count } = useTexts()
  const items = state.request?.line_items ?? []
  if (items.length === 0) return null
  const first = items.length > longestOrder ? items.slice(0, shownItems) : items
  return (
    <>
      <Lines items={first} />
      {first.length < items.length && (
        <details className="more-items">
          <summary>{t('summary.all', { count: count(items.length) })}</summary>
          <Lines items={items.slice(shownItems)} />
        </details>
      )}
    </>
  )
}

function Lines({ items }: { items: NonNullable<CheckoutState['request']>['line_items'] }) {
  const { t, money, count } = useTexts()
  return (
    <ul className="items">
      {items.map(({ name, quantity, price, total = null }, index) => (
        <li key={index}>
          <span className="item-name">
            {name}
            {quantity !== 1 && price === null && <small>{t('summary.quantity', { quantity: count(quantity) })}</small>}
            {quantity !== 1 && price !== null && (
              <small>
                {count(quantity)} × <Amount of={price} />
              </small>
            )}
          </span>
          {price !== null && (quantity === 1 || total !== null) && <span className="item-price money">{money(total ?? price)}</span>}
        </li>
      ))}
    </ul>
  )
}

/** An amount in a text or in a list; it is never broken. */
export function Amount({ of }: { of: string }) {
  return <span className="money">{useTexts().money(of)}</span>
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
