create table hawker.product_categories (
  business_id uuid not null,
  id uuid not null,
  parent_id uuid,
  name text not null,
  description text,
  labels jsonb not null,
  active boolean not null,
  version integer not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (business_id, id)
);

select hawker.tenant_table('hawker.product_categories');

create unique index product_categories_name on hawker.product_categories (business_id, name);
