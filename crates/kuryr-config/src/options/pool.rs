//! `[vif_pool]`: ports that are ready before their pods come.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::macros::{choices, option_group};
use crate::spec::{Kind, kinds::*};

choices! {
    /// What supplies ports.
    pub enum PoolDriver {
        /// Each port is made when its pod comes.
        Noop = "noop",
        /// Ready subports wait on the trunks.
        Nested = "nested",
    }
}

impl PoolDriver {
    /// The driver of that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Noop, Self::Nested]
            .into_iter()
            .find(|driver| driver.as_str() == name)
    }
}

option_group! {
    /// Pools of ports that are ready before their pods come, one for each node,
    /// network and set of security groups.
    pub struct VifPool for "vif_pool" {
        /// Ports that a pool may have at most; 0: no limit.
        ports_pool_max: u32 = at_least(0, "0");
        /// Ready ports that a pool is filled up to.
        ports_pool_min: u32 = at_least(0, "5");
        /// Ports that are asked for in one call at most.
        ports_pool_batch: u32 = at_least(1, "10");
        /// A pool is not made smaller before no pod of it ended for so long, and then by
        /// one batch in each such time. Filling never waits.
        ports_pool_update_frequency: Duration = seconds(0, "20");
        /// Pool driver by pod driver, such as `nested-vlan:nested`; comes before
        /// `[kubernetes] vif_pool_driver`.
        vif_pool_mapping: BTreeMap<String, String> = of(Kind::Map);
        /// The same the other way round, such as `nested:nested-vlan`. Upstream
        /// deprecated it for `vif_pool_mapping`, which comes before it.
        pools_vif_drivers: BTreeMap<String, String> = of(Kind::Map);
    }
    accepted {}
}

impl VifPool {
    /// Both mappings as pairs of pod driver and pool driver, the newer one first.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str, &'static str)> {
        let newer = self.vif_pool_mapping.iter();
        let older = self.pools_vif_drivers.iter();
        newer
            .map(|(pod, pool)| (pod.as_str(), pool.as_str(), "vif_pool_mapping"))
            .chain(older.map(|(pool, pod)| (pod.as_str(), pool.as_str(), "pools_vif_drivers")))
    }

    /// The pool driver that is mapped to a pod driver.
    pub(crate) fn mapped(&self, pod_driver: &str) -> Option<PoolDriver> {
        self.pairs()
            .find(|(pod, _, _)| *pod == pod_driver)
            .and_then(|(_, pool, _)| PoolDriver::from_name(pool))
    }
}
