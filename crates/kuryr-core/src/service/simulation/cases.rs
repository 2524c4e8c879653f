//! Single situations, each small enough to be read.

use super::*;

pub(super) fn one(variant: usize, ovn: bool) -> (Cloud, Controller) {
    let mut cloud = Cloud::new();
    cloud.add(new_service(1, variant));
    let mut c = Controller::start(&mut cloud, settings(ovn), 0);
    assert!(c.settle(&mut cloud).is_some());
    check_end(&cloud, &settings(ovn));
    cloud.told.clear();
    (cloud, c)
}

pub(super) fn lb(cloud: &Cloud) -> Id {
    cloud.octavia.balancers.keys().next().unwrap().clone()
}

pub(super) fn break_it(cloud: &mut Cloud) {
    let lb = lb(cloud);
    cloud.octavia.lb(&lb).balancer.state = State::Error;
    by_hand(cloud, &lb);
}

pub(super) fn changes(calls: &[Action]) -> Vec<&Change> {
    let mut changes = Vec::new();
    for call in calls {
        if let Action::Change { change, .. } = call {
            changes.push(change);
        }
    }
    changes
}

pub(super) fn creates(calls: &[Action]) -> usize {
    let create = |a: &&Action| matches!(a, Action::CreateBalancer { .. });
    calls.iter().filter(create).count()
}

pub(super) fn told(cloud: &Cloud) -> Vec<Reason> {
    cloud.told.iter().map(|c| c.reason).collect()
}

/// Plans and answers for so long, whether it rests or not.
fn pass(cloud: &mut Cloud, c: &mut Controller, millis: u64) {
    let end = c.now + millis;
    while c.now < end {
        c.watch(cloud);
        if c.plan().is_empty() {
            let wake = c.world.next_wake().unwrap_or(end);
            c.now = wake.clamp(c.now, end);
        }
        while !c.under_way.is_empty() {
            c.answer(0, cloud, Fate::Works);
        }
    }
}

#[test]
fn an_ill_load_balancer_is_failed_over_once_and_then_made_anew() {
    let (mut cloud, mut c) = one(1, false);
    let first = lb(&cloud);
    break_it(&mut cloud);
    c.world.look_anew();
    let calls = c.settle(&mut cloud).unwrap();
    assert_eq!(changes(&calls), [&Change::Failover]);
    assert_eq!(told(&cloud), [Reason::LoadBalancerError]);
    break_it(&mut cloud);
    c.world.look_anew();
    let calls = c.settle(&mut cloud).unwrap();
    assert_eq!(changes(&calls), [&Change::Delete]);
    assert_eq!(creates(&calls), 1);
    assert_ne!(lb(&cloud), first);
    check_end(&cloud, &settings(false));
}

#[test]
fn ovn_has_no_failover() {
    let (mut cloud, mut c) = one(1, true);
    break_it(&mut cloud);
    c.world.look_anew();
    let calls = c.settle(&mut cloud).unwrap();
    assert_eq!(changes(&calls), [&Change::Delete]);
    check_end(&cloud, &settings(true));
}

#[test]
fn one_that_is_ill_again_and_again_is_not_made_anew_at_any_pace() {
    let (mut cloud, mut c) = one(1, true);
    let before = c.made.len();
    let end = c.now + 120_000;
    while c.now < end {
        let active = |cloud: &Cloud| {
            let mut all = cloud.octavia.balancers.values();
            all.any(|lb| lb.is.balancer.state == State::Active)
        };
        if active(&cloud) {
            break_it(&mut cloud);
            c.world.look_anew();
        }
        pass(&mut cloud, &mut c, 100);
    }
    let made = creates(&c.made[before..]);
    assert!((4..20).contains(&made), "{made} in two minutes");
}

#[test]
fn a_floating_ip_stays_when_the_load_balancer_is_made_anew() {
    let (mut cloud, mut c) = one(2, true);
    let before: Vec<Id> = cloud.floating.keys().cloned().collect();
    let ingress = cloud.services[&key(1)].ingress.clone();
    break_it(&mut cloud);
    c.world.look_anew();
    let calls = c.settle(&mut cloud).unwrap();
    let writes = |a: &Action| matches!(a, Action::WriteServiceStatus { .. });
    assert!(!calls.iter().any(writes), "{calls:?}");
    assert_eq!(before, cloud.floating.keys().cloned().collect::<Vec<_>>());
    assert_eq!(ingress, cloud.services[&key(1)].ingress);
    check_end(&cloud, &settings(true));
}

#[test]
fn a_change_of_provider_keeps_the_vip() {
    let (mut cloud, mut c) = one(2, true);
    let vip = cloud.octavia.balancers[&lb(&cloud)].is.balancer.address;
    let s = cloud.services.get_mut(&key(1)).unwrap();
    s.annotations.provider = Some(id("amphora"));
    c.settle(&mut cloud).unwrap();
    let is = &cloud.octavia.balancers[&lb(&cloud)].is.balancer;
    assert_eq!((&*is.provider, is.address), ("amphora", vip));
    check_end(&cloud, &settings(true));
}

#[test]
fn a_creation_whose_answer_was_lost_is_found() {
    for fate in [Fate::DoneButAnswerLost, Fate::NeverSent] {
        let mut cloud = Cloud::new();
        cloud.add(new_service(1, 1));
        set_slices(&mut cloud);
        let mut c = Controller::start(&mut cloud, settings(true), 0);
        while !c.under_way.iter().any(Action::changes_octavia) {
            while !c.under_way.is_empty() {
                c.answer(0, &mut cloud, Fate::Works);
            }
            c.watch(&mut cloud);
            c.plan();
        }
        let at = c.under_way.iter().position(Action::changes_octavia);
        c.answer(at.unwrap(), &mut cloud, fate);
        let calls = c.settle(&mut cloud).unwrap();
        assert_eq!(calls.iter().filter(|a| **a == Action::List).count(), 1);
        let again = usize::from(fate == Fate::NeverSent);
        assert_eq!(creates(&calls), again, "{fate:?}");
        check_end(&cloud, &settings(true));
    }
}

fn set_slices(cloud: &mut Cloud) {
    let slice = many(&key(1).name, 2);
    cloud.slices.insert((id("ns"), id("many")), slice);
}

#[test]
fn what_was_deleted_by_hand_comes_back_within_a_resync_of_one_list() {
    let (mut cloud, mut c) = one(1, true);
    cloud.octavia.balancers.clear();
    c.world.look_anew();
    let calls = c.settle(&mut cloud).unwrap();
    assert_eq!(calls.iter().filter(|a| **a == Action::List).count(), 1);
    check_end(&cloud, &settings(true));
}

#[test]
fn a_lost_tag_is_left_alone_unless_the_operator_says_otherwise() {
    for adopt in [false, true] {
        let (mut cloud, mut c) = one(1, true);
        let lb = lb(&cloud);
        cloud.octavia.lb(&lb).balancer.ours = false;
        set_slices(&mut cloud);
        let with = Settings {
            adopt,
            ..settings(true)
        };
        c = Controller::start(&mut cloud, with, c.now);
        let calls = c.settle(&mut cloud).unwrap();
        let acts = calls.iter().any(Action::changes_octavia);
        assert_eq!(acts, adopt, "{calls:?}");
        assert_eq!(told(&cloud).contains(&Reason::LoadBalancerNotOurs), !adopt);
        if adopt {
            assert_eq!(self::lb(&cloud), lb, "in place");
            check_end(&cloud, &settings(true));
        }
    }
}

#[test]
fn load_balancers_that_are_not_ours_are_not_touched() {
    let mut cloud = Cloud::new();
    let tree = super::super::fixtures::tree(&new_service(1, 1), &[], &settings(true));
    let theirs = cloud.octavia.create(&tree).unwrap().id;
    cloud.octavia.lb(&theirs).balancer.ours = false;
    let before = cloud.octavia.accepted;
    let mut c = Controller::start(&mut cloud, settings(true), 0);
    pass(&mut cloud, &mut c, 100_000);
    assert_eq!(cloud.octavia.accepted, before);
}

#[test]
fn what_nobody_has_any_more_is_deleted_after_a_grace() {
    let (mut cloud, _) = one(2, true);
    cloud.services.clear();
    cloud.claims.clear();
    let mut c = Controller::start(&mut cloud, settings(true), 0);
    pass(&mut cloud, &mut c, 400);
    assert_eq!(cloud.octavia.balancers.len(), 1, "something may still come");
    c.settle(&mut cloud).unwrap();
    check_end(&cloud, &settings(true));
}

#[test]
fn a_claim_stays_until_the_load_balancer_is_gone() {
    let (mut cloud, mut c) = one(1, true);
    cloud.octavia.slowness = 5;
    cloud.delete(&key(1));
    while !cloud.octavia.balancers.is_empty() {
        assert!(cloud.claims.contains_key(&key(1)));
        pass(&mut cloud, &mut c, 50);
    }
    c.settle(&mut cloud).unwrap();
    check_end(&cloud, &settings(true));
}

#[test]
fn a_claim_whose_load_balancer_is_gone_already_is_let_go() {
    let (mut cloud, c) = one(5, true);
    cloud.delete(&key(1));
    cloud.octavia.balancers.clear();
    let mut c = Controller::start(&mut cloud, settings(true), c.now);
    let calls = c.settle(&mut cloud).unwrap();
    assert!(!calls.iter().any(Action::changes_octavia));
    assert!(cloud.claims.is_empty() && cloud.services.is_empty());
}

#[test]
fn a_claim_deleted_by_hand_comes_back_and_the_load_balancer_stays() {
    let (mut cloud, mut c) = one(1, true);
    drift(&mut cloud, 4, 0);
    let calls = c.settle(&mut cloud).unwrap();
    assert!(!calls.iter().any(Action::changes_octavia), "{calls:?}");
    check_end(&cloud, &settings(true));
}

#[test]
fn a_provider_that_refuses_an_option_is_asked_without_it() {
    let mut cloud = Cloud::new();
    cloud.octavia.default_provider = Some(id("ovn"));
    cloud.add(new_service(1, 2));
    let s = cloud.services.get_mut(&key(1)).unwrap();
    s.source_ranges = vec![id("192.0.2.0/24")];
    // Octavia's own choice turns out not to be what is assumed.
    let unknown = Settings {
        provider: None,
        ..settings(true)
    };
    let mut c = Controller::start(&mut cloud, unknown, 0);
    c.settle(&mut cloud).unwrap();
    assert_eq!(cloud.octavia.balancers.len(), 1);
    assert!(told(&cloud).contains(&Reason::SourceRangesNotEnforced));
}

#[test]
fn a_change_that_does_not_show_is_not_sent_at_any_pace() {
    let (mut cloud, mut c) = one(1, true);
    set_slices(&mut cloud);
    let mut sent = 0;
    let end = c.now + 60_000;
    while c.now < end {
        c.watch(&mut cloud);
        if c.plan().is_empty() {
            c.now = c.world.next_wake().unwrap_or(end).max(c.now);
        }
        while let Some(action) = c.under_way.pop() {
            let outcome = match &action {
                Action::Change { .. } => Ok(Answer::Done),
                _ => cloud.carry_out(&action, Fate::Works),
            };
            sent += usize::from(action.changes_octavia());
            c.finish(&action, outcome);
        }
    }
    assert!((3..15).contains(&sent), "{sent} times in a minute");
    assert_eq!(told(&cloud), [Reason::ChangeNotTaken]);
}

#[test]
fn one_that_stays_pending_is_told_and_costs_few_looks() {
    let (mut cloud, mut c) = one(1, true);
    cloud.octavia.slowness = usize::MAX;
    set_slices(&mut cloud);
    let before = c.made.len();
    pass(&mut cloud, &mut c, 600_000);
    assert_eq!(told(&cloud), [Reason::LoadBalancerStuck]);
    let looks = c.made.len() - before;
    assert!(looks < 200, "{looks} in ten minutes");
}

#[test]
fn two_that_ask_for_one_address_the_older_has_it() {
    let mut cloud = Cloud::new();
    for n in [1, 2] {
        let mut s = new_service(n, 2);
        s.load_balancer_ip = Some(id(OWN));
        cloud.add(s);
    }
    let mut c = Controller::start(&mut cloud, settings(true), 0);
    c.settle(&mut cloud).unwrap();
    assert_eq!(cloud.services[&key(1)].ingress, [ip(OWN)]);
    assert_eq!(told(&cloud), [Reason::AddressInUse]);
    check_end(&cloud, &settings(true));
    cloud.delete(&key(1));
    c.settle(&mut cloud).unwrap();
    assert_eq!(
        cloud.services[&key(2)].ingress,
        [ip(OWN)],
        "the next has it"
    );
    check_end(&cloud, &settings(true));
}

#[test]
fn a_floating_ip_that_is_another_ones_is_left_alone() {
    let mut cloud = Cloud::new();
    cloud.floating.get_mut("own").unwrap().port = Some(id("a server's"));
    let mut s = new_service(1, 2);
    s.load_balancer_ip = Some(id(OWN));
    cloud.add(s);
    let mut c = Controller::start(&mut cloud, settings(true), 0);
    pass(&mut cloud, &mut c, 60_000);
    assert_eq!(told(&cloud), [Reason::AddressInUse]);
    assert_eq!(cloud.floating["own"].port, Some(id("a server's")));
    cloud.floating.get_mut("own").unwrap().port = None;
    c.world.look_anew();
    c.settle(&mut cloud).unwrap();
    check_end(&cloud, &settings(true));
}

#[test]
fn type_changes_both_ways() {
    let (mut cloud, mut c) = one(1, true);
    let lb = lb(&cloud);
    for kind in [Kind::LoadBalancer, Kind::ClusterIp, Kind::LoadBalancer] {
        cloud.services.get_mut(&key(1)).unwrap().kind = kind;
        c.settle(&mut cloud).unwrap();
        check_end(&cloud, &settings(true));
    }
    assert_eq!(self::lb(&cloud), lb, "the load balancer stays");
}

/// Octavia has room for `room` load balancers.
fn pass_with_quota(cloud: &mut Cloud, c: &mut Controller, millis: u64, room: usize) -> usize {
    let (end, mut refused) = (c.now + millis, 0);
    while c.now < end {
        c.watch(cloud);
        if c.plan().is_empty() {
            c.now = c.world.next_wake().unwrap_or(end).max(c.now);
        }
        while let Some(action) = c.under_way.pop() {
            let full = cloud.octavia.balancers.len() >= room;
            let outcome = match &action {
                Action::CreateBalancer { .. } if full => {
                    refused += 1;
                    Err(Failure::new(
                        FailureKind::Quota { free: None },
                        format!("Quota has been met. (req-{refused})"),
                    ))
                }
                _ => cloud.carry_out(&action, Fate::Works),
            };
            c.finish(&action, outcome);
        }
    }
    refused
}

#[test]
fn a_used_up_quota_is_told_to_all_that_wait_and_costs_few_calls() {
    let mut cloud = Cloud::new();
    (0..20).for_each(|n| cloud.add(new_service(n, 1)));
    let mut c = Controller::start(&mut cloud, settings(true), 0);
    let refused = pass_with_quota(&mut cloud, &mut c, 60_000, 5);
    assert!((5..20).contains(&refused), "{refused} in a minute");
    assert_eq!(told(&cloud), vec![Reason::QuotaReached; 15], "once each");
    let refused = pass_with_quota(&mut cloud, &mut c, 20_000, 20);
    assert_eq!(refused, 0);
    check_end(&cloud, &settings(true));
}

/// Refuses each change until there were so many, or so long.
fn refuse_changes(cloud: &mut Cloud, c: &mut Controller, most: usize, millis: u64) -> usize {
    let (end, mut refused) = (c.now + millis, 0);
    while refused < most && c.now < end {
        c.watch(cloud);
        if c.plan().is_empty() {
            c.now = c.world.next_wake().unwrap_or(end).clamp(c.now, end);
        }
        while let Some(action) = c.under_way.pop() {
            let outcome = match &action {
                Action::Change { .. } => {
                    refused += 1;
                    Err(Failure::new(FailureKind::Invalid, "Validation failure"))
                }
                _ => cloud.carry_out(&action, Fate::Works),
            };
            c.finish(&action, outcome);
        }
    }
    refused
}

#[test]
fn what_is_refused_is_tried_seldom_and_at_once_when_the_service_changes() {
    let (mut cloud, mut c) = one(1, true);
    cloud.services.get_mut(&key(1)).unwrap().ports[0].port = 81;
    assert_eq!(refuse_changes(&mut cloud, &mut c, 8, 200_000), 8);
    assert_eq!(told(&cloud), [Reason::OctaviaFailed]);
    assert_eq!(refuse_changes(&mut cloud, &mut c, 8, 2_000), 0);
    cloud.services.get_mut(&key(1)).unwrap().ports[0].port = 82;
    assert_ne!(refuse_changes(&mut cloud, &mut c, 8, 2_000), 0);
}

#[test]
fn nothing_is_created_again_before_a_list_was_read() {
    let mut cloud = Cloud::new();
    cloud.add(new_service(1, 2));
    let mut c = Controller::start(&mut cloud, settings(true), 0);
    let mut lost = 0;
    while c.now < 60_000 {
        c.watch(&mut cloud);
        if c.plan().is_empty() {
            c.now = c.world.next_wake().unwrap_or(60_000).max(c.now);
        }
        // Lists work until a creation was lost, and are not answered any more then.
        c.under_way.retain(|a| *a != Action::List || lost == 0);
        while let Some(at) = c.under_way.iter().position(|_| true) {
            let creation = c.under_way[at].changes_octavia();
            lost += usize::from(creation);
            let fate = if creation {
                Fate::NeverSent
            } else {
                Fate::Works
            };
            c.answer(at, &mut cloud, fate);
        }
    }
    assert_eq!(lost, 1);
}

#[test]
fn a_cluster_address_that_is_used_again_waits_for_the_old_load_balancer() {
    let (mut cloud, mut c) = one(1, true);
    cloud.octavia.slowness = 100;
    cloud.delete(&key(1));
    let mut next = new_service(2, 1);
    next.cluster_ips = vec![ip("10.96.0.11")];
    cloud.add(next);
    let old = lb(&cloud);
    for _ in 0..20_000 {
        if !cloud.octavia.balancers.contains_key(&old) {
            break;
        }
        pass(&mut cloud, &mut c, 100);
    }
    pass(&mut cloud, &mut c, 500);
    let there = cloud.octavia.balancers.values().next();
    assert_eq!(&*there.unwrap().is.balancer.name, "ns/s2", "at once");
    assert!(told(&cloud).contains(&Reason::AddressInUse));
    c.settle(&mut cloud).unwrap();
    check_end(&cloud, &settings(true));
}

#[test]
fn what_can_not_be_created_whole_is_created_piece_by_piece_and_asked_whole_once() {
    let mut cloud = Cloud::new();
    cloud.octavia.piecewise = true;
    cloud.add(new_service(1, 1));
    cloud.add(new_service(2, 1));
    set_slices(&mut cloud);
    let with = Settings {
        changes_at_once: 1,
        ..settings(true)
    };
    let mut c = Controller::start(&mut cloud, with, 0);
    let calls = c.settle(&mut cloud).unwrap();
    assert_eq!(creates(&calls), 3, "one of them refused");
    check_end(&cloud, &settings(true));
}

#[test]
fn the_users_own_floating_ip_does_not_go_to_the_next_service_of_the_name() {
    let mut cloud = Cloud::new();
    let mut first = new_service(1, 2);
    first.load_balancer_ip = Some(id(OWN));
    cloud.add(first);
    let mut c = Controller::start(&mut cloud, settings(true), 0);
    assert!(c.settle(&mut cloud).is_some());
    assert!(cloud.floating["own"].port.is_some());
    cloud.delete(&key(1));
    cloud.add(new_service(1, 1));
    assert!(c.settle(&mut cloud).is_some());
    assert_eq!(cloud.floating["own"].port, None);
    check_end(&cloud, &settings(true));
}

#[test]
fn who_has_a_floating_ip_keeps_it_though_an_older_service_asks_for_it() {
    let mut cloud = Cloud::new();
    cloud.add(new_service(1, 1));
    let mut holder = new_service(2, 2);
    holder.load_balancer_ip = Some(id(OWN));
    cloud.add(holder);
    let mut c = Controller::start(&mut cloud, settings(true), 0);
    c.settle(&mut cloud).unwrap();
    assert!(has_own(&cloud, &key(2)));
    let older = cloud.services.get_mut(&key(1)).unwrap();
    (older.kind, older.load_balancer_ip) = (Kind::LoadBalancer, Some(id(OWN)));
    let calls = c.settle(&mut cloud).unwrap();
    let moves = |a: &Action| matches!(a, Action::AssociateFloatingIp { .. });
    assert!(!calls.iter().any(moves), "{calls:?}");
    assert!(has_own(&cloud, &key(2)));
    assert_eq!(told(&cloud), [Reason::AddressInUse]);
    // Nor at the next start, when nobody knows who asked first.
    let mut again = Controller::start(&mut cloud, settings(true), c.now);
    again.settle(&mut cloud).unwrap();
    assert!(has_own(&cloud, &key(2)));
    check_end(&cloud, &settings(true));
}

#[test]
fn a_floating_ip_of_the_pool_is_not_taken_from_the_service_that_it_was_made_for() {
    let mut cloud = Cloud::new();
    cloud.add(new_service(1, 1));
    cloud.add(new_service(2, 2));
    let mut c = Controller::start(&mut cloud, settings(true), 0);
    c.settle(&mut cloud).unwrap();
    let made_for = |cloud: &Cloud| {
        let mut all = cloud.floating.values();
        all.find(|ip| ip.made_for.as_ref() == Some(&key(2)))
            .cloned()
    };
    let before = made_for(&cloud).unwrap();
    let older = cloud.services.get_mut(&key(1)).unwrap();
    older.kind = Kind::LoadBalancer;
    older.load_balancer_ip = Some(id(before.address.to_string()));
    pass(&mut cloud, &mut c, 60_000);
    assert_eq!(made_for(&cloud), Some(before.clone()));
    // It is still the other's when it pins it, and while its load balancer is made anew.
    let holder = cloud.services.get_mut(&key(2)).unwrap();
    holder.load_balancer_ip = Some(id(before.address.to_string()));
    holder.cluster_ips[0] = ip("10.96.7.7");
    pass(&mut cloud, &mut c, 60_000);
    let after = made_for(&cloud).unwrap();
    assert_eq!(after.id, before.id);
    assert_eq!(cloud.services[&key(2)].ingress, [before.address]);
    assert!(cloud.services[&key(1)].ingress.is_empty());
}

#[test]
fn a_service_of_another_class_holds_no_floating_ip_up() {
    let mut cloud = Cloud::new();
    for n in [1, 2] {
        let mut s = new_service(n, 2);
        s.load_balancer_ip = Some(id(OWN));
        s.class = (n == 1).then(|| id("another"));
        cloud.add(s);
    }
    let mut c = Controller::start(&mut cloud, settings(true), 0);
    c.settle(&mut cloud).unwrap();
    assert!(has_own(&cloud, &key(2)));
}

/// A claim that somebody wrote: of a Service, or of none.
fn forged(cloud: &mut Cloud, n: usize, lb: &Id, floating: &Id) -> Claim {
    let of = cloud.claims.values().next().unwrap().clone();
    let owner = cloud.services.get(&key(n)).map(|s| s.uid.clone());
    let address = cloud.floating[floating].address;
    let id = floating.clone();
    Claim {
        service: key(n),
        uid: id_of_forged(),
        owner,
        version: cloud.next(),
        record: of.record.map(|r| Record {
            balancer: lb.clone(),
            ..r
        }),
        floating: Some(ClaimedAddress {
            id,
            address,
            from_pool: true,
        }),
        ..of
    }
}

fn id_of_forged() -> Id {
    id("forged")
}

#[test]
fn a_claim_that_names_what_is_anothers_is_not_believed() {
    for (with_service, ovn) in [(false, true), (true, true), (true, false)] {
        let mut cloud = Cloud::new();
        cloud.add(new_service(1, 2));
        let mut c = Controller::start(&mut cloud, settings(ovn), 0);
        c.settle(&mut cloud).unwrap();
        let victim = lb(&cloud);
        let mine = |ip: &&FloatingIp| ip.made_for.as_ref() == Some(&key(1));
        let floating = cloud.floating.values().find(mine).unwrap().clone();
        if with_service {
            cloud.add(new_service(7, 2));
        }
        for target in [floating.id.clone(), id("own")] {
            let claim = forged(&mut cloud, 7, &victim, &target);
            cloud.claims.insert(key(7), claim);
            c.settle(&mut cloud).unwrap();
            // It asks for less, and what it has is given up.
            if let Some(s) = cloud.services.get_mut(&key(7)) {
                s.kind = Kind::ClusterIp;
            }
            c.settle(&mut cloud).unwrap();
            c.world.look_anew();
            c.settle(&mut cloud).unwrap();
            assert!(cloud.octavia.balancers.contains_key(&victim));
            assert_eq!(cloud.floating.get(&floating.id), Some(&floating));
            assert!(cloud.floating.contains_key("own"));
            check_end(&cloud, &settings(ovn));
        }
    }
}
