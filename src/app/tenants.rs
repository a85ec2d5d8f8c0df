//! A tenant of the configuration as the database and the actors have it.

use std::sync::Arc;

use palabre_actors::runtime::TenantProfile;

use crate::config::Tenant;
use crate::store::{ChannelRow, TenantRow};

pub(super) fn row_of(tenant: &Tenant) -> TenantRow {
    let source = tenant.rules.source();
    TenantRow {
        id: tenant.id.clone(),
        name: tenant.name.clone(),
        language: source.language.as_str().to_owned(),
        timezone: tenant.timezone.name().to_owned(),
        country: tenant.country,
        channels: tenant
            .channels
            .iter()
            .map(|channel| ChannelRow {
                id: channel.id.clone(),
                provider: channel.provider.name().to_owned(),
                address: channel.address.clone(),
            })
            .collect(),
    }
}

pub(super) fn profile_of(tenant: &Tenant) -> TenantProfile {
    TenantProfile {
        rules: Arc::clone(&tenant.rules),
        timezone: tenant.timezone,
        per_second: tenant.limits.per_second,
        per_day: tenant.limits.per_day,
        weight: tenant.limits.weight,
        budget: tenant.budget.clone(),
        double_opt_in: tenant.rules.source().double_opt_in,
        deferred_for: tenant.deferred_for,
        channels: tenant.channels.iter().map(|channel| (channel.id.clone(), Arc::clone(&channel.profile))).collect(),
    }
}
