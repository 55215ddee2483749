import '../ui/theme.css'
import './checkout.css'
import { hydrateRoot } from 'react-dom/client'
import { CheckoutPage } from './CheckoutPage.tsx'

const data = JSON.parse(document.getElementById('data')?.textContent ?? '{}')
hydrateRoot(document.getElementById('page') as HTMLElement, <CheckoutPage {...data} />)
