-- Who issues a receipt, where that is more than a name: what the law of a country requires on one.
alter table hawker.checkout_settings add column legal_name text;

alter table hawker.checkout_settings add column registration_number text;

alter table hawker.checkout_settings add column address text;
