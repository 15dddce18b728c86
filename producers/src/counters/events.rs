//! Which events make which metric, on which processor. Numbers of events are those that the vendor
//! documents; where it documents none, the metric says so.

use super::processor::{Processor, Vendor};
use benchlake_schemas::Metric;
use perf_event::{
    Builder,
    events::{Cache, CacheId, CacheOp, CacheResult, Hardware, Raw, Software},
};

/// An event as the kernel is asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// One that the kernel knows on most processors.
    Hardware(Hardware),
    /// One of a cache that the kernel knows on most processors.
    Cache(Cache),
    /// One by the processor's own number: the unit mask in bits 8 to 15, the event in bits 0 to 7.
    Raw(u64),
    /// One that the kernel counts itself.
    Software(Software),
}

impl Event {
    /// Counts the event in user mode alone, unless the kernel is where it happens.
    pub(super) fn builder(&self) -> Builder<'static> {
        match self {
            Self::Hardware(event) => Builder::new(*event),
            Self::Cache(event) => Builder::new(event.clone()),
            Self::Raw(config) => Builder::new(Raw::new(*config)),
            // Switches and migrations happen in the kernel: who excludes it counts none.
            Self::Software(event) => {
                let mut builder = Builder::new(*event);
                builder.include_kernel();
                builder
            }
        }
    }

    /// Whether the event happens in the kernel, which takes more permission to see.
    pub(super) fn in_kernel(&self) -> bool {
        matches!(self, Self::Software(_))
    }
}

/// A metric, and the event that makes it or why there is none.
pub(super) type Wanted = (Metric, Result<Event, String>);

/// What is counted on `processor`: groups of events that few counters can hold at once, so that what
/// is divided by each other was counted at the same time.
pub(super) fn groups(processor: &Processor) -> Vec<Vec<Wanted>> {
    let hardware = |metric, event| (metric, Ok(Event::Hardware(event)));
    vec![
        vec![
            hardware(Metric::Cycles, Hardware::CPU_CYCLES),
            hardware(Metric::Instructions, Hardware::INSTRUCTIONS),
            hardware(Metric::Branches, Hardware::BRANCH_INSTRUCTIONS),
            hardware(Metric::BranchMisses, Hardware::BRANCH_MISSES),
        ],
        vec![
            (Metric::L1dLoads, Ok(cache(CacheId::L1D, CacheResult::ACCESS))),
            (Metric::L1dMisses, Ok(cache(CacheId::L1D, CacheResult::MISS))),
        ],
        l2(processor),
        llc(processor),
        floating_point(processor),
        vec![(Metric::Migrations, Ok(Event::Software(Software::CPU_MIGRATIONS)))],
    ]
}

fn cache(which: CacheId, result: CacheResult) -> Event {
    Event::Cache(Cache { which, operation: CacheOp::READ, result })
}

const HYBRID: &str = "the cores of this processor are of two kinds, on which event numbers differ";

/// Intel: L2_RQSTS.REFERENCES and .MISS (event 24H, masks FFH and 3FH; Intel SDM volume 3B and
/// perfmon's event lists), which Ice Lake does not have. AMD: L2CacheReqStat (PMCx064), all requests
/// of the core and those of them that missed, without the L2's own prefetches (Processor Programming
/// References of families 17h, 19h and 1Ah).
fn l2(processor: &Processor) -> Vec<Wanted> {
    let numbers = match (processor.vendor, processor.family, processor.model) {
        _ if processor.hybrid => Err(HYBRID),
        (
            Vendor::Intel,
            6,
            // Broadwell, Skylake and its like, Sapphire, Emerald and Granite Rapids.
            0x3d | 0x47 | 0x4f | 0x56 | 0x4e | 0x5e | 0x8e | 0x9e | 0xa5 | 0xa6 | 0x55 | 0x8f | 0xcf | 0xad
            | 0xae,
        ) => Ok((0xff24, 0x3f24)),
        (Vendor::Amd, 0x17 | 0x19 | 0x1a, _) => Ok((0xff64, 0x0964)),
        _ => Err("no event of this processor for it is known here"),
    };
    let event = |number: fn((u64, u64)) -> u64| {
        numbers.map(|numbers| Event::Raw(number(numbers))).map_err(str::to_owned)
    };
    vec![(Metric::L2Accesses, event(|(all, _)| all)), (Metric::L2Misses, event(|(_, missed)| missed))]
}

/// Intel: the architectural events "LLC references" and "LLC misses" (event 2EH; Intel SDM volume 3B),
/// which are the kernel's cache references and misses. On AMD those are the L2's, and the counters of
/// the last level belong to all cores that share it.
fn llc(processor: &Processor) -> Vec<Wanted> {
    match processor.vendor {
        Vendor::Intel => vec![
            (Metric::LlcAccesses, Ok(Event::Hardware(Hardware::CACHE_REFERENCES))),
            (Metric::LlcMisses, Ok(Event::Hardware(Hardware::CACHE_MISSES))),
        ],
        Vendor::Amd => {
            let why = "AMD counts the last-level cache for all cores that share it (`amd_l3`), not for a \
                       process";
            [Metric::LlcAccesses, Metric::LlcMisses].map(|metric| (metric, Err(why.to_owned()))).to_vec()
        }
        Vendor::Other => vec![
            (Metric::LlcAccesses, Ok(cache(CacheId::LL, CacheResult::ACCESS))),
            (Metric::LlcMisses, Ok(cache(CacheId::LL, CacheResult::MISS))),
        ],
    }
}

/// Intel: FP_ARITH_INST_RETIRED (event C7H), single and double precision together: masks 03H, 0CH, 30H,
/// C0H (Intel SDM volume 3B and perfmon's event lists, from Broadwell on). AMD: retired operations by
/// width (PMCx008), masks 04H, 08H, 10H, 20H, from Zen 4 on (Processor Programming References of family
/// 19h models 10h and up, and 1Ah); before it counted flops of all widths together.
fn floating_point(processor: &Processor) -> Vec<Wanted> {
    let (family, model) = (processor.family, processor.model);
    let (event, masks) = match processor.vendor {
        _ if processor.hybrid => (Err(HYBRID), [0; 4]),
        Vendor::Intel if family == 6 && BROADWELL_AND_LATER.contains(&model) => {
            (Ok(0xc7), [0x03, 0x0c, 0x30, 0xc0])
        }
        Vendor::Amd if family == 0x1a || (family == 0x19 && zen_4(model)) => {
            (Ok(0x08), [0x04, 0x08, 0x10, 0x20])
        }
        Vendor::Amd => (Err("before Zen 4, AMD counts flops of all widths together"), [0; 4]),
        _ => (Err("no event of this processor for it is known here"), [0; 4]),
    };
    [Metric::FpScalar, Metric::Fp128, Metric::Fp256, Metric::Fp512]
        .into_iter()
        .zip(masks)
        .map(|(metric, mask): (Metric, u64)| {
            let known = match event {
                Ok(_) if metric == Metric::Fp512 && !processor.avx512 => {
                    Err("this processor has no vectors of 512 bits")
                }
                known => known,
            };
            (metric, known.map(|event| Event::Raw(mask << 8 | event)).map_err(str::to_owned))
        })
        .collect()
}

/// Models of Intel's family 6 with FP_ARITH_INST_RETIRED: Broadwell, Skylake and its like, Cannon, Ice,
/// Tiger and Rocket Lake, Ice Lake for servers, Sapphire, Emerald and Granite Rapids.
const BROADWELL_AND_LATER: [u32; 23] = [
    0x3d, 0x47, 0x4f, 0x56, 0x4e, 0x5e, 0x8e, 0x9e, 0xa5, 0xa6, 0x55, 0x66, 0x7d, 0x7e, 0x8c, 0x8d, 0xa7,
    0x6a, 0x6c, 0x8f, 0xcf, 0xad, 0xae,
];

/// Models of AMD's family 19h that are Zen 4; the others are Zen 3.
fn zen_4(model: u32) -> bool {
    matches!(model, 0x10..=0x1f | 0x60..=0x7f | 0xa0..=0xaf)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn named(processor: &Processor) -> Vec<(Metric, Result<Event, String>)> {
        groups(processor).into_iter().flatten().collect()
    }

    fn event(processor: &Processor, metric: Metric) -> Result<Event, String> {
        named(processor).into_iter().find(|(other, _)| *other == metric).expect("the metric").1
    }

    const ZEN_4: Processor = Processor {
        vendor: Vendor::Amd,
        family: 0x19,
        model: 0x11,
        hypervisor: false,
        hybrid: false,
        avx512: true,
    };
    const ICE_LAKE: Processor = Processor { vendor: Vendor::Intel, family: 6, model: 0x6a, ..ZEN_4 };

    /// Every metric of the processor is in one group, on every processor, and no group needs more than
    /// the four counters that even the smallest has.
    #[test]
    fn every_metric_is_asked_for_once() {
        for processor in [Processor::default(), ZEN_4, ICE_LAKE] {
            let metrics: Vec<Metric> = named(&processor).into_iter().map(|(metric, _)| metric).collect();
            assert_eq!(metrics.iter().collect::<BTreeSet<_>>().len(), metrics.len());
            assert_eq!(metrics.len(), 15);
            assert!(groups(&processor).iter().all(|group| group.len() <= 4));
        }
    }

    /// Numbers are the vendors' own; where a vendor documents none, the metric says why.
    #[test]
    fn numbers_are_the_vendors() {
        assert_eq!(event(&ZEN_4, Metric::Fp256), Ok(Event::Raw(0x1008)));
        assert_eq!(event(&ZEN_4, Metric::L2Misses), Ok(Event::Raw(0x0964)));
        assert!(event(&ZEN_4, Metric::LlcMisses).is_err_and(|why| why.contains("amd_l3")));
        assert_eq!(event(&ICE_LAKE, Metric::Fp512), Ok(Event::Raw(0xc0c7)));
        assert!(event(&ICE_LAKE, Metric::L2Misses).is_err());
        let skylake = Processor { model: 0x5e, avx512: false, ..ICE_LAKE };
        assert_eq!(event(&skylake, Metric::L2Accesses), Ok(Event::Raw(0xff24)));
        assert!(event(&skylake, Metric::Fp512).is_err_and(|why| why.contains("512 bits")));
        let zen_3 = Processor { model: 0x01, avx512: false, ..ZEN_4 };
        assert!(event(&zen_3, Metric::FpScalar).is_err_and(|why| why.contains("Zen 4")));
        let hybrid = Processor { hybrid: true, ..skylake };
        assert!(event(&hybrid, Metric::FpScalar).is_err_and(|why| why.contains("two kinds")));
        assert!(event(&Processor::default(), Metric::Cycles).is_ok());
        assert!(event(&Processor::default(), Metric::Fp128).is_err());
    }
}
