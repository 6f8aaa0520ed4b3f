//! The contract suite: what every provider promises, as public functions over a [`Stand`].
//!
//! Each case is given a fresh stand and ends with a [`Failure`] that is written for the provider's author.
//! The names of the cases are stable: `providers.toml` uses them.

mod bench;
mod catalog;
mod counts;
mod create;
mod delete;
mod faults;
mod gone;
mod keys;
mod list;
mod names;
mod ports;
mod price;
mod refusals;
mod secrets;
mod status;
mod waiting;

use std::{future::Future, pin::Pin};

use crate::{Failure, Stand};

pub use catalog::{catalog_images, catalog_plans, catalog_regions, catalog_unknown_region};
pub use counts::request_counts;
pub use create::{create_to_active, defaults_and_overrides, user_data_arrives};
pub use delete::{
    delete_again, delete_by_id, delete_by_ip, delete_by_ip_unknown, delete_leaves_nothing, delete_unknown_id,
};
pub use faults::{quota, rate_limited, safe_get_retried_once, server_error_on_create, sold_out};
pub use gone::{
    a_failure_after_the_host_exists_names_it, a_foreign_not_found_is_no_gone, a_missing_permission_is_no_empty_answer,
    an_id_that_lacks_a_part_is_not_guessed,
};
pub use keys::{key_adopts_after_lost_answer, key_after_restart, key_same_twice};
pub use list::{list_filters, list_only_marked, list_pages};
pub use names::{
    a_dying_host_is_not_adopted, a_host_is_known_by_its_key, late_lists_make_no_second_host,
    simultaneous_creates_end_as_one,
};
pub use ports::{firewall_failure_rolls_back_or_is_findable, ports_restricted};
pub use price::a_plan_has_one_price;
pub use refusals::{
    a_refusal_names_the_nearest, bad_image, bad_plan, bad_region, bad_token, invalid_name_rules, oversized_user_data,
    unknown_additional_key,
};
pub use secrets::secrets_absent;
pub use status::{malformed_id, status_unknown_id};
pub use waiting::no_waiting;

type Run = for<'a> fn(&'a dyn Stand) -> Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// One promise and the function that checks it.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The stable name.
    pub name: &'static str,
    run: Run,
}

impl Case {
    /// Checks the promise on a fresh stand.
    ///
    /// # Errors
    /// [`Failure`] that says how the provider breaks it.
    pub async fn run(&self, stand: &dyn Stand) -> Result<(), Failure> {
        (self.run)(stand).await
    }
}

/// Every case, in the order of the table.
#[must_use]
pub fn cases() -> &'static [Case] {
    CASES
}

/// Runs the case of that name on a fresh stand.
///
/// # Errors
/// [`Failure`] that says how the provider breaks the promise, or that there is no such case.
pub async fn run(name: &str, stand: &dyn Stand) -> Result<(), Failure> {
    match CASES.iter().find(|case| case.name == name) {
        Some(case) => case.run(stand).await,
        None => Err(Failure::new(format!("there is no contract case `{name}`"))),
    }
}

/// Hands the names of all cases to another macro of this crate: the one list of them.
#[doc(hidden)]
#[macro_export]
macro_rules! __for_each_case {
    ($callback:ident $arguments:tt) => {
        $crate::$callback! { $arguments
            create_to_active
            user_data_arrives
            defaults_and_overrides
            status_unknown_id
            malformed_id
            list_pages
            list_only_marked
            list_filters
            delete_by_id
            delete_again
            delete_unknown_id
            delete_by_ip
            delete_by_ip_unknown
            delete_leaves_nothing
            bad_token
            bad_region
            bad_plan
            bad_image
            a_refusal_names_the_nearest
            oversized_user_data
            invalid_name_rules
            unknown_additional_key
            rate_limited
            server_error_on_create
            safe_get_retried_once
            sold_out
            quota
            key_adopts_after_lost_answer
            key_same_twice
            key_after_restart
            a_host_is_known_by_its_key
            a_dying_host_is_not_adopted
            late_lists_make_no_second_host
            simultaneous_creates_end_as_one
            a_foreign_not_found_is_no_gone
            a_missing_permission_is_no_empty_answer
            an_id_that_lacks_a_part_is_not_guessed
            a_failure_after_the_host_exists_names_it
            ports_restricted
            firewall_failure_rolls_back_or_is_findable
            catalog_plans
            a_plan_has_one_price
            catalog_images
            catalog_regions
            catalog_unknown_region
            secrets_absent
            no_waiting
            request_counts
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __case_table {
    (() $($case:ident)*) => {
        const CASES: &[Case] = &[$(Case {
            name: stringify!($case),
            run: |stand| Box::pin($case(stand)),
        }),*];
    };
}

__for_each_case! { __case_table () }

/// Makes a test of every contract case for a provider of this workspace, over the simulator.
///
/// Takes the provider's id and its type, which has `from_settings`. Cases that `providers.toml` skips print their reason.
///
/// ```ignore
/// // tests/contract.rs
/// provision_testkit::contract_tests!("digitalocean", provision_digitalocean::DigitalOcean);
/// ```
#[cfg(feature = "sim")]
#[macro_export]
macro_rules! contract_tests {
    ($id:literal, $provider:ty) => {
        $crate::__for_each_case! { __contract_tests ($id, $provider) }
    };
}

#[doc(hidden)]
#[cfg(feature = "sim")]
#[macro_export]
macro_rules! __contract_tests {
    (($id:literal, $provider:ty) $($case:ident)*) => {$(
        #[test]
        fn $case() {
            let connect = std::sync::Arc::new(
                |settings: &$crate::provision_core::Settings, transport| {
                    let cloud = <$provider>::from_settings(settings, transport)?;
                    Ok(Box::new(cloud) as Box<dyn $crate::provision_core::Provisioner>)
                },
            );
            $crate::run_case(
                $id,
                stringify!($case),
                connect,
                env!("CARGO_MANIFEST_DIR"),
            );
        }
    )*};
}
