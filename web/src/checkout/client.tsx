import '../ui/theme.css'
import './styles/amount.css'
import './styles/page.css'
import './styles/summary.css'
import './styles/methods.css'
import './styles/brands.css'
import './styles/codes.css'
import './styles/notices.css'
import './styles/endings.css'
import './styles/footer.css'
import './styles/sizes.css'
import { hydrateKeepingFields } from '../ui/hydrate.ts'
import { CheckoutPage } from './CheckoutPage.tsx'

const data = JSON.parse(document.getElementById('data')?.textContent ?? '{}')
hydrateKeepingFields(document.getElementById('page') as HTMLElement, <CheckoutPage {...data} />)
