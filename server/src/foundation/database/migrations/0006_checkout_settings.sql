-- A slug stands in a business's links, so it names one business. Of several with one slug the oldest keeps it; the
-- others get the end of their id behind it.
update hawker.businesses set slug = left(slug, 50) || '-' || right(replace(id::text, '-', ''), 12)
where id in (
  select id from (select id, row_number() over (partition by lower(slug) order by created_at, id) as place from hawker.businesses) as ranked where place > 1
);

insert into hawker.directory (lookup, kind, business_id, target_id)
select lower(slug), 'business_slug', id, id from hawker.businesses;

-- How a business's checkout looks. What is null is as the business or Hawker has it; a business that never changed anything
-- has no row.
create table hawker.checkout_settings (
  business_id uuid not null,
  version integer not null,
  display_name text,
  primary_color text,
  background_color text,
  allowed_origins text[] not null,
  default_language text,
  support_email text,
  support_url text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (business_id)
);

select hawker.tenant_table('hawker.checkout_settings');

alter table hawker.checkout_settings add constraint checkout_settings_business_fk foreign key (business_id) references hawker.businesses (id);

-- A table of its own, so that reading the settings does not read the picture.
create table hawker.checkout_logos (
  business_id uuid not null,
  content_type text not null,
  sha256 text not null,
  width integer not null,
  height integer not null,
  data bytea not null,
  created_at timestamptz not null,
  primary key (business_id)
);

select hawker.tenant_table('hawker.checkout_logos');

alter table hawker.checkout_logos add constraint checkout_logos_business_fk foreign key (business_id) references hawker.businesses (id);
