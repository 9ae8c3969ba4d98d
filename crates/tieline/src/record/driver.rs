//! NVIDIA's driver as a source of power: its counters, its buffer of samples, what it says of a GPU. Read only.
//!
//! Not modelled: other makers' drivers, energy counters, power of modules and memory.

use super::backlog::Ring;
use anyhow::{Result, anyhow};
use nvml_wrapper::enum_wrappers::device::{Clock, Sampling};
use nvml_wrapper::enums::device::{DeviceArchitecture, SampleValue};
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::{Device, Nvml};
use serde::Serialize;

/// Field of NVML for power at an instant (driver 535 and later; older ones give the averaged reading only).
const POWER_INSTANT: u32 = 186;

/// A GPU, as a trace names it.
#[derive(Serialize)]
pub struct Card {
    index: u32,
    product: String,
    uuid: String,
    enforced_limit_w: Option<f64>,
    limit_w: Option<f64>,
    default_limit_w: Option<f64>,
    least_limit_w: Option<f64>,
    greatest_limit_w: Option<f64>,
    sm_clock_mhz: Option<u32>,
    sm_clock_max_mhz: Option<u32>,
}

/// Opens NVML.
///
/// # Errors
/// It is not on this machine.
pub fn open() -> Result<Nvml> {
    // Machines without the development package have the library under its versioned name only.
    let opened = Nvml::init().or_else(|_| Nvml::builder().lib_path("libnvidia-ml.so.1".as_ref()).init());
    opened.map_err(|why| {
        anyhow!(
            "NVML is not here ({why}): record needs an NVIDIA GPU with its driver, whose library is libnvidia-ml.so.1"
        )
    })
}

/// What is asked of a GPU.
pub trait Counter {
    /// A field of NVML.
    fn field(&self, field: u32) -> Option<SampleValue>;
    /// nvmlDeviceGetPowerUsage, mW.
    fn usage_mw(&self) -> Option<u32>;
}

impl Ring for Device<'_> {
    fn since(&self, last_us: u64) -> Vec<(u64, f64)> {
        let samples = self.samples(Sampling::Power, last_us).unwrap_or_default();
        samples.into_iter().map(|sample| (sample.timestamp, milliwatts(&sample.value) / 1e3)).collect()
    }
}

impl Counter for Device<'_> {
    fn field(&self, field: u32) -> Option<SampleValue> {
        let samples = self.field_values_for(&[FieldId(field)]).ok()?;
        samples.into_iter().next()?.ok()?.value.ok()
    }

    fn usage_mw(&self) -> Option<u32> {
        self.power_usage().ok()
    }
}

/// Power at an instant, W; `None` where the driver has no such reading. A GPU that is on draws more than nothing: 0 is none.
pub fn instant_w(device: &impl Counter) -> Option<f64> {
    let milliwatts = milliwatts(&device.field(POWER_INSTANT)?);
    (milliwatts > 0.0 && milliwatts.is_finite()).then_some(milliwatts / 1e3)
}

/// A sample of power, mW, whatever it is told in.
fn milliwatts(value: &SampleValue) -> f64 {
    match *value {
        SampleValue::F64(value) => value,
        SampleValue::U32(value) => f64::from(value),
        SampleValue::U64(value) => value as f64,
        SampleValue::I64(value) => value as f64,
    }
}

/// Power as nvmlDeviceGetPowerUsage gives it, W.
pub fn averaged_w(device: &impl Counter) -> Option<f64> {
    device.usage_mw().filter(|milliwatts| *milliwatts > 0).map(|milliwatts| f64::from(milliwatts) / 1e3)
}

/// Whether nvmlDeviceGetPowerUsage averages over 1 s on this GPU: on Ampere other than GA100, and later, by its documentation.
pub fn averages(device: &Device<'_>) -> bool {
    let name = device.name().unwrap_or_default();
    device.architecture().map_or(true, |architecture| averages_on(architecture, &name))
}

fn averages_on(architecture: DeviceArchitecture, product: &str) -> bool {
    use DeviceArchitecture::{Ampere, Kepler, Maxwell, Pascal, Turing, Volta};
    match architecture {
        Kepler | Maxwell | Pascal | Volta | Turing => false,
        // Products with the GA100.
        Ampere => !["A100", "A30", "A800"].iter().any(|with| product.split([' ', '-']).any(|word| word == *with)),
        _ => true,
    }
}

/// What a GPU is, and its limits.
pub fn card(index: u32, device: &Device<'_>) -> Card {
    let watts = |milliwatts: u32| f64::from(milliwatts) / 1e3;
    let bounds = device.power_management_limit_constraints().ok();
    Card {
        index,
        product: device.name().unwrap_or_else(|why| why.to_string()),
        uuid: device.uuid().unwrap_or_else(|why| why.to_string()),
        enforced_limit_w: device.enforced_power_limit().ok().map(watts),
        limit_w: device.power_management_limit().ok().map(watts),
        default_limit_w: device.power_management_limit_default().ok().map(watts),
        least_limit_w: bounds.as_ref().map(|bounds| watts(bounds.min_limit)),
        greatest_limit_w: bounds.as_ref().map(|bounds| watts(bounds.max_limit)),
        sm_clock_mhz: device.clock_info(Clock::SM).ok(),
        sm_clock_max_mhz: device.max_clock_info(Clock::SM).ok(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    struct FakeCard(Option<SampleValue>, Option<u32>);

    impl Counter for FakeCard {
        fn field(&self, field: u32) -> Option<SampleValue> {
            assert_eq!(field, 186, "NVML_FI_DEV_POWER_INSTANT of nvml.h");
            match &self.0 {
                Some(SampleValue::U32(value)) => Some(SampleValue::U32(*value)),
                Some(SampleValue::U64(value)) => Some(SampleValue::U64(*value)),
                Some(SampleValue::F64(value)) => Some(SampleValue::F64(*value)),
                _ => None,
            }
        }

        fn usage_mw(&self) -> Option<u32> {
            self.1
        }
    }

    #[test]
    fn milliwatts_of_either_counter_are_watts() {
        let card = FakeCard(Some(SampleValue::U32(287_310)), Some(72_500));
        assert_eq!((instant_w(&card), averaged_w(&card)), (Some(287.31), Some(72.5)));
        assert_eq!(instant_w(&FakeCard(Some(SampleValue::U64(1_000_500)), None)), Some(1000.5));
        for none in [
            FakeCard(None, None),
            FakeCard(Some(SampleValue::U32(0)), Some(0)),
            FakeCard(Some(SampleValue::F64(f64::NAN)), None),
        ] {
            assert_eq!((instant_w(&none), averaged_w(&none)), (None, None));
        }
        assert!(averages_on(DeviceArchitecture::Hopper, "NVIDIA H100 80GB HBM3"));
        assert!(averages_on(DeviceArchitecture::Ampere, "NVIDIA A10"));
        assert!(!averages_on(DeviceArchitecture::Ampere, "NVIDIA A100-SXM4-80GB"));
        assert!(!averages_on(DeviceArchitecture::Volta, "Tesla V100-SXM2-16GB"));
    }
}
