//! Sizes and prices of the built-in profiles, and the estimates made of them.

use loadline::admission::Pipeline;
use loadline::cost::{estimate, least};
use loadline::profile::size::Amount;

fn amount(cpu: i64, mebibytes: i64) -> Amount {
    Amount { cpu, memory: mebibytes << 20 }
}

#[test]
fn fargate_bills_the_next_size_with_its_own_components() {
    let pipeline = Pipeline::built_in().unwrap();
    let size = pipeline.profile_named("eks-fargate").unwrap().size.clone().unwrap();
    for (asked, billed) in [
        (amount(0, 0), Some(amount(250, 512))),
        // The example of the guide: there is no size of 1 vCPU and more than 8 GB.
        (amount(1000, 8192), Some(amount(2000, 9216))),
        (amount(1100, 1024), Some(amount(2000, 4096))),
        (amount(8000, 17 << 10), Some(amount(8000, 20 << 10))),
        (amount(16000, 119 << 10), Some(amount(16000, 120 << 10))),
        (amount(16000, 120 << 10), None),
        (amount(16001, 0), None),
    ] {
        assert_eq!(size.fit(asked), billed, "{asked:?}");
    }
}

#[test]
fn an_hour_and_a_short_run_are_priced_to_the_last_part() {
    let pipeline = Pipeline::built_in().unwrap();
    let profile = pipeline.profile_named("eks-fargate").unwrap();
    let hourly = estimate(profile, amount(250, 256)).unwrap().hourly.unwrap();
    // A quarter of 0.04048 and half of 0.004445.
    assert_eq!(hourly, 12_342_500);
    assert_eq!(least(profile.prices.as_ref().unwrap(), hourly), Some(205_709));
}
