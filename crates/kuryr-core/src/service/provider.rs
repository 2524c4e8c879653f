//! What an Octavia provider can, refuses, and only pretends to do.
//!
//! What is known of `ovn` was measured at its release 3.0; `amphora` takes everything. Of any
//! other the same is assumed as of `amphora`, and taken back when it refuses: Octavia answers
//! 501 and names the option.

use std::collections::{BTreeMap, BTreeSet};

use super::action::Change;
use super::model::{Id, Protocol};
use super::tree::{Algorithm, Listener, MonitorKind, Pool, Tree};

/// What a provider does with an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    Works,
    /// It is accepted and has no effect.
    Pretends,
    /// It is refused.
    Refuses,
}

/// What a provider can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traits {
    /// Algorithms that it refuses.
    pub no_algorithms: BTreeSet<Algorithm>,
    /// Protocols that it refuses.
    pub no_protocols: BTreeSet<Protocol>,
    /// Health monitors that it refuses.
    pub no_monitors: BTreeSet<MonitorKind>,
    /// `allowed_cidrs` of a listener.
    pub allowed_cidrs: bool,
    /// `session_persistence` of a pool.
    pub persistence: Support,
    /// `timeout_*_data` of a listener.
    pub timeouts: bool,
    /// A load balancer with all that is in it by one call.
    pub full_tree: bool,
    /// Health monitors in that call; else each is made by a call of its own.
    pub monitor_in_tree: bool,
    /// Members off the VIP's subnet need a subnet.
    pub member_subnet: bool,
    /// Failover of a load balancer.
    pub failover: bool,
    /// Members see the client's address.
    pub keeps_client: bool,
    /// Several VIPs, of one family each.
    pub more_vips: bool,
}

impl Default for Traits {
    fn default() -> Self {
        Self::amphora()
    }
}

impl Traits {
    /// Of the provider of that name; of an unknown one the amphora provider's.
    #[must_use]
    pub fn of(provider: &str) -> Self {
        match provider {
            "ovn" => Self::ovn(),
            _ => Self::amphora(),
        }
    }

    fn amphora() -> Self {
        Self {
            no_algorithms: [Algorithm::SourceIpPort].into(),
            no_protocols: BTreeSet::new(),
            no_monitors: BTreeSet::new(),
            allowed_cidrs: true,
            persistence: Support::Works,
            timeouts: true,
            full_tree: true,
            monitor_in_tree: true,
            member_subnet: false,
            failover: true,
            keeps_client: false,
            // One load balancer a family works with every release.
            more_vips: false,
        }
    }

    fn ovn() -> Self {
        Self {
            no_algorithms: [
                Algorithm::RoundRobin,
                Algorithm::LeastConnections,
                Algorithm::SourceIp,
            ]
            .into(),
            no_monitors: [MonitorKind::Sctp].into(),
            allowed_cidrs: false,
            // It accepts them and never makes them.
            monitor_in_tree: false,
            persistence: Support::Pretends,
            member_subnet: true,
            failover: false,
            keeps_client: true,
            ..Self::amphora()
        }
    }

    /// The algorithm to use where `wanted` is wanted: the nearest that it has.
    #[must_use]
    pub fn algorithm(&self, wanted: Algorithm) -> Algorithm {
        let next_best = [
            Algorithm::RoundRobin,
            Algorithm::SourceIpPort,
            Algorithm::LeastConnections,
            Algorithm::SourceIp,
        ];
        [wanted]
            .into_iter()
            .chain(next_best)
            .find(|a| !self.no_algorithms.contains(a))
            .unwrap_or(wanted)
    }

    /// Takes an option back; false if it was not thought to be there.
    pub fn refuse(&mut self, refusal: Refusal) -> bool {
        match refusal {
            Refusal::Algorithm(a) => self.no_algorithms.insert(a),
            Refusal::Protocol(p) => self.no_protocols.insert(p),
            Refusal::Monitor(m) => self.no_monitors.insert(m),
            Refusal::AllowedCidrs => std::mem::take(&mut self.allowed_cidrs),
            Refusal::Timeouts => std::mem::take(&mut self.timeouts),
            Refusal::FullTree => std::mem::take(&mut self.full_tree),
            Refusal::Failover => std::mem::take(&mut self.failover),
            Refusal::MoreVips => std::mem::take(&mut self.more_vips),
            Refusal::MemberSubnet => !std::mem::replace(&mut self.member_subnet, true),
            Refusal::Persistence => {
                std::mem::replace(&mut self.persistence, Support::Refuses) != Support::Refuses
            }
        }
    }
}

/// An option that a provider refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// An algorithm of a pool.
    Algorithm(Algorithm),
    /// A protocol of a listener.
    Protocol(Protocol),
    /// A kind of health monitor.
    Monitor(MonitorKind),
    /// Access lists of a listener.
    AllowedCidrs,
    /// Timeouts of a listener.
    Timeouts,
    /// Session persistence of a pool.
    Persistence,
    /// A whole load balancer in one call.
    FullTree,
    /// Members without a subnet.
    MemberSubnet,
    Failover,
    /// Several VIPs.
    MoreVips,
}

impl Refusal {
    /// Whether it is something that a Service asks for, and a call has or has not.
    fn is_asked_for(self) -> bool {
        match self {
            Self::Algorithm(_)
            | Self::Protocol(_)
            | Self::Monitor(_)
            | Self::AllowedCidrs
            | Self::Timeouts
            | Self::Persistence => true,
            Self::FullTree | Self::MemberSubnet | Self::Failover | Self::MoreVips => false,
        }
    }
}

/// The options of a whole load balancer.
pub(crate) fn options_of_tree(tree: &Tree) -> BTreeSet<Refusal> {
    tree.listeners
        .values()
        .flat_map(|l| options_of_listener(l).chain(options_of_pool(&l.pool)))
        .collect()
}

/// The options of a change.
pub(crate) fn options_of_change(change: &Change) -> BTreeSet<Refusal> {
    match change {
        Change::CreateListener { listener } | Change::UpdateListener { listener, .. } => {
            options_of_listener(listener).collect()
        }
        Change::CreatePool { pool, .. } | Change::UpdatePool { pool, .. } => {
            options_of_pool(pool).collect()
        }
        Change::CreateMonitor { monitor, .. } => [Refusal::Monitor(monitor.kind)].into(),
        _ => BTreeSet::new(),
    }
}

fn options_of_listener(listener: &Listener) -> impl Iterator<Item = Refusal> + use<> {
    let timed = listener.timeout_client.is_some() || listener.timeout_member.is_some();
    let allowed = (!listener.allowed.is_empty()).then_some(Refusal::AllowedCidrs);
    let timeouts = timed.then_some(Refusal::Timeouts);
    [Refusal::Protocol(listener.protocol)]
        .into_iter()
        .chain(allowed)
        .chain(timeouts)
}

fn options_of_pool(pool: &Pool) -> impl Iterator<Item = Refusal> + use<> {
    let persistence = pool.persistence.map(|_| Refusal::Persistence);
    let monitor = pool.monitor.as_ref().map(|m| Refusal::Monitor(m.kind));
    let always = [
        Refusal::Algorithm(pool.algorithm),
        Refusal::Protocol(pool.protocol),
    ];
    always.into_iter().chain(persistence).chain(monitor)
}

/// Reads the text of a refusal (501): which option it is about, if it can be told.
#[must_use]
pub fn refusal(text: &str) -> Option<Refusal> {
    let word = |w: &str| {
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
            .any(|t| t == w)
    };
    let lower = text.to_ascii_lowercase();
    if lower.contains("health monitor") || lower.contains("health_monitor") {
        let kinds = [MonitorKind::UdpConnect, MonitorKind::Tcp, MonitorKind::Sctp];
        // What it has is told behind: "Supported types: ...".
        let head = text.split("Supported").next().unwrap_or(text);
        let named = |k: &MonitorKind| head.split_whitespace().any(|t| t == k.word());
        return kinds.into_iter().find(named).map(Refusal::Monitor);
    }
    let algorithms = [
        "ROUND_ROBIN",
        "LEAST_CONNECTIONS",
        "SOURCE_IP_PORT",
        "SOURCE_IP",
    ];
    if lower.contains("algorithm") {
        let named = algorithms.into_iter().find(|a| word(a))?;
        return Algorithm::parse(named).map(Refusal::Algorithm);
    }
    let options: [(&str, Refusal); 8] = [
        ("allowed_cidrs", Refusal::AllowedCidrs),
        ("session persistence", Refusal::Persistence),
        ("session_persistence", Refusal::Persistence),
        ("timeout", Refusal::Timeouts),
        ("subnet is required", Refusal::MemberSubnet),
        ("failover", Refusal::Failover),
        ("additional_vips", Refusal::MoreVips),
        ("fully populated", Refusal::FullTree),
    ];
    if let Some((_, refusal)) = options.into_iter().find(|(w, _)| lower.contains(w)) {
        return Some(refusal);
    }
    let protocols = [Protocol::Sctp, Protocol::Udp, Protocol::Tcp];
    let named = protocols.into_iter().find(|p| word(p.word()))?;
    lower
        .contains("protocol")
        .then_some(Refusal::Protocol(named))
}

/// The name under which what is known of Octavia's own choice stands.
const DEFAULT: &str = "default";

/// What is known of all providers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Providers {
    known: BTreeMap<Id, Traits>,
    /// Options that each has taken.
    taken: BTreeMap<Id, BTreeSet<Refusal>>,
    /// Whether the OVN provider is a release that keeps session affinity, by the operator's word.
    ovn_keeps_affinity: bool,
}

impl Providers {
    /// What is known before anything was asked of any.
    pub(crate) fn new(ovn_keeps_affinity: bool) -> Self {
        Self {
            ovn_keeps_affinity,
            ..Self::default()
        }
    }

    /// What a provider can; none is Octavia's own choice.
    pub(crate) fn traits(&self, provider: Option<&Id>) -> Traits {
        let name = provider.map_or(DEFAULT, |p| p);
        let known = self.known.get(name).cloned();
        known.unwrap_or_else(|| self.assumed(name))
    }

    fn assumed(&self, name: &str) -> Traits {
        let mut traits = Traits::of(name);
        if self.ovn_keeps_affinity && traits.persistence == Support::Pretends {
            traits.persistence = Support::Works;
        }
        traits
    }

    /// A provider carried out a call with these options.
    pub(crate) fn took(&mut self, provider: Option<&Id>, options: BTreeSet<Refusal>) {
        let name = provider.cloned().unwrap_or_else(|| DEFAULT.into());
        self.taken.entry(name).or_default().extend(options);
    }

    /// A provider refused an option; whether that is news, and to be believed: what it has taken from others it can, and
    /// the words of a refusal may be somebody's own, in a name. `options` are those of the call.
    pub(crate) fn refuse(
        &mut self,
        provider: Option<&Id>,
        refusal: Refusal,
        options: &BTreeSet<Refusal>,
    ) -> bool {
        let name = provider.map_or(DEFAULT, |p| p);
        let has_taken = self.taken.get(name).is_some_and(|t| t.contains(&refusal));
        if has_taken || refusal.is_asked_for() && !options.contains(&refusal) {
            return false;
        }
        let mut traits = self.traits(provider);
        let news = traits.refuse(refusal);
        let name = provider.cloned().unwrap_or_else(|| DEFAULT.into());
        self.known.insert(name, traits);
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read_as_octavia_writes_them() {
        let head = "Provider 'ovn' does not support a requested option: ";
        for (text, option) in [
            (
                "OVN provider does not support ROUND_ROBIN algorithm",
                Some(Refusal::Algorithm(Algorithm::RoundRobin)),
            ),
            (
                "OVN provider does not support allowed_cidrs option",
                Some(Refusal::AllowedCidrs),
            ),
            (
                "OVN provider does not support SCTP protocol",
                Some(Refusal::Protocol(Protocol::Sctp)),
            ),
            (
                "OVN provider does not support SCTP health monitor type. \
                 Supported types: UDP-CONNECT, TCP",
                Some(Refusal::Monitor(MonitorKind::Sctp)),
            ),
            (
                "OVN provider does not support HTTP health monitor type. \
                 Supported types: UDP-CONNECT, TCP",
                None,
            ),
            (
                "Subnet is required, or Loadbalancer associated...",
                Some(Refusal::MemberSubnet),
            ),
            ("something else entirely", None),
        ] {
            assert_eq!(refusal(&format!("{head}{text}")), option, "{text}");
        }
    }

    #[test]
    fn a_refusal_is_news_once_and_for_that_provider_only() {
        let mut all = Providers::default();
        let mine: Id = "mine".into();
        for refusal in [
            Refusal::Algorithm(Algorithm::RoundRobin),
            Refusal::Protocol(Protocol::Udp),
            Refusal::Monitor(MonitorKind::Tcp),
            Refusal::AllowedCidrs,
            Refusal::Timeouts,
            Refusal::Persistence,
            Refusal::FullTree,
            Refusal::MemberSubnet,
            Refusal::Failover,
        ] {
            let options = [refusal].into();
            assert!(all.refuse(Some(&mine), refusal, &options), "{refusal:?}");
            assert!(!all.refuse(Some(&mine), refusal, &options), "{refusal:?}");
        }
        assert_eq!(all.traits(None), Traits::of("amphora"));
        assert_ne!(all.traits(Some(&mine)), Traits::of("mine"));
    }

    #[test]
    fn a_refusal_of_what_works_or_was_not_asked_for_teaches_nothing() {
        let mut all = Providers::default();
        let tcp = Refusal::Protocol(Protocol::Tcp);
        let call = [Refusal::AllowedCidrs, tcp].into();
        all.took(None, call);
        assert!(!all.refuse(None, tcp, &[tcp].into()), "others have it");
        assert!(!all.refuse(None, Refusal::AllowedCidrs, &[Refusal::AllowedCidrs].into()));
        assert!(
            !all.refuse(None, Refusal::Timeouts, &BTreeSet::new()),
            "nobody asked"
        );
        assert_eq!(all.traits(None), Traits::of("amphora"));
    }

    #[test]
    fn an_ovn_provider_keeps_affinity_if_the_operator_says_so_and_until_it_refuses() {
        let ovn: Id = "ovn".into();
        let kept = |all: &Providers| all.traits(Some(&ovn)).persistence;
        assert_eq!(kept(&Providers::new(false)), Support::Pretends);
        let mut all = Providers::new(true);
        assert_eq!(kept(&all), Support::Works);
        assert!(all.refuse(
            Some(&ovn),
            Refusal::Persistence,
            &[Refusal::Persistence].into()
        ));
        assert_eq!(kept(&all), Support::Refuses);
    }

    #[test]
    fn the_nearest_algorithm_is_taken() {
        assert_eq!(
            Traits::of("ovn").algorithm(Algorithm::RoundRobin),
            Algorithm::SourceIpPort
        );
        let mut amphora = Traits::of("amphora");
        assert_eq!(
            amphora.algorithm(Algorithm::SourceIpPort),
            Algorithm::RoundRobin
        );
        amphora.refuse(Refusal::Algorithm(Algorithm::LeastConnections));
        assert_eq!(
            amphora.algorithm(Algorithm::LeastConnections),
            Algorithm::RoundRobin
        );
    }
}
