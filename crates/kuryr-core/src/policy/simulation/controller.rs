//! The controller: watches, the executor, and the port reconciler.

use super::cloud::OWN;
use super::*;

pub(super) struct Controller {
    pub(super) world: World,
    pub(super) now: crate::Millis,
    /// Calls under way.
    pub(super) under_way: Vec<Action>,
    /// Carried out, and the answer is on its way.
    answers: Vec<(Action, Outcome)>,
    calls: Vec<Action>,
    /// Ports whose groups were set.
    pub(super) puts: usize,
}

impl Controller {
    pub(super) fn start(cloud: &mut Cloud, settings: Settings, now: crate::Millis) -> Self {
        let mut c = Self {
            world: World::new(settings),
            now,
            under_way: Vec::new(),
            answers: Vec::new(),
            calls: Vec::new(),
            puts: 0,
        };
        c.watch(cloud);
        c
    }

    /// All facts as they are.
    fn watch(&mut self, cloud: &Cloud) {
        fn all<F: Fact + Clone>(world: &mut World, facts: &Facts) {
            let mut facts = facts.clone();
            let table = F::table(&mut facts);
            table.values().for_each(|f| world.apply((**f).clone()));
            world.retain::<F>(&table.keys().cloned().collect());
        }
        all::<Policy>(&mut self.world, &cloud.facts);
        all::<Pod>(&mut self.world, &cloud.facts);
        all::<Namespace>(&mut self.world, &cloud.facts);
        all::<Node>(&mut self.world, &cloud.facts);
        for pod in cloud.ports.keys() {
            self.see_port(pod, cloud);
        }
        let ports = cloud.ports.keys().map(port_of).collect();
        self.world.retain_ports(&ports);
    }

    fn see_port(&mut self, pod: &PodKey, cloud: &Cloud) {
        self.world.apply_port(SeenPort {
            id: port_of(pod),
            pod: Some(pod.clone()),
            groups: cloud.ports[pod].clone(),
        });
    }

    pub(super) fn plan(&mut self, cloud: &mut Cloud) {
        self.watch(cloud);
        self.world.tick(self.now);
        for action in plan(&mut self.world) {
            self.world.begin(&action);
            self.calls.push(action.clone());
            self.under_way.push(action);
        }
    }

    /// A call is carried out, and its answer arrives.
    pub(super) fn answer(&mut self, i: usize, cloud: &mut Cloud, fate: Fate) {
        self.carry_out(i, cloud, fate);
        if let Some((action, outcome)) = self.answers.pop() {
            self.world.finish(&action, outcome);
        }
    }

    /// A call is carried out, and its answer is on its way.
    pub(super) fn carry_out(&mut self, i: usize, cloud: &mut Cloud, fate: Fate) {
        if !self.under_way.is_empty() {
            let action = self.under_way.remove(i % self.under_way.len());
            let outcome = cloud.carry_out(&action, fate);
            self.answers.push((action, outcome));
        }
    }

    /// The port reconciler sets the groups of one port whose answer is another.
    pub(super) fn port(&mut self, i: usize, cloud: &mut Cloud, fate: Fate) {
        let differ = |pod: &&PodKey| {
            let now = &cloud.ports[*pod];
            self.world.port_groups(pod).is_some_and(|answer| {
                let operator = now.contains(OWN);
                let ours = now.iter().filter(|g| ***g != *OWN);
                operator != answer.operator || !ours.eq(&answer.groups)
            })
        };
        let waiting: Vec<PodKey> = cloud.ports.keys().filter(differ).cloned().collect();
        if waiting.is_empty() || !matches!(fate, Fate::Works | Fate::DoneButAnswerLost) {
            return;
        }
        let pod = &waiting[i % waiting.len()];
        let answer = self.world.port_groups(pod).unwrap().clone();
        self.puts += 1;
        if !cloud.put_port(pod, &answer) {
            // A group is gone, by other hands.
            self.world.want_list();
        }
        if fate == Fate::Works {
            self.see_port(pod, cloud);
        }
    }

    /// Everything works until nothing is left to do; the calls that it took.
    pub(super) fn settle(
        &mut self,
        cloud: &mut Cloud,
        wrong: impl Fn(&Cloud) -> Option<Flow>,
    ) -> Result<Vec<Action>, String> {
        self.calls.clear();
        for _ in 0..2_000 {
            self.plan(cloud);
            let puts = self.puts;
            while !self.under_way.is_empty() || !self.answers.is_empty() {
                match self.answers.pop() {
                    Some((action, outcome)) => self.world.finish(&action, outcome),
                    None => self.answer(0, cloud, Fate::Works),
                }
            }
            self.plan(cloud);
            self.port(0, cloud, Fate::Works);
            if let Some(open) = wrong(cloud) {
                return Err(format!("{open:?} is open"));
            }
            if puts == self.puts && self.under_way.is_empty() {
                match self.world.next_wake() {
                    Some(at) => self.now = at,
                    None => return Ok(self.calls.clone()),
                }
            }
        }
        Err(format!(
            "never rests: {:?}",
            &self.calls[self.calls.len().saturating_sub(9)..]
        ))
    }
}

fn port_of(pod: &PodKey) -> Id {
    id(&format!("port-{pod}"))
}
