-- no transaction

-- What is due of one business, for work that is done when the clock of that business is advanced.
create index concurrently if not exists payment_request_expiries_due_of_business on hawker.payment_request_expiries (business_id, due_at);

create index concurrently if not exists rail_checks_due_of_business on hawker.rail_checks (business_id, due_at);

create index concurrently if not exists releases_due_of_business on hawker.releases (business_id, due_at);
