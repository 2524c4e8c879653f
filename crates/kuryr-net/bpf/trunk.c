/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What a vlan link does, for kernels without 8021q, and switching on the worker (local.h).
 * Two programs on clsact ingress share their maps:
 *
 *   kuryr_to_pod     on the trunk: a frame's VLAN says which veth it goes to; the tag is
 *                    taken off
 *   kuryr_from_pod   on the node's end of a pod's veth: the tag is put on, and the frame
 *                    goes out by the trunk
 *
 * Frames that the map does not name pass on to the next filter, and to the node.
 */
#include "kuryr_bpf.h"
#include "local.h"

/* src/bpf/trunk.rs has the same numbers. */
#define TO_POD 0   /* id is a VLAN, 0 for frames without one; value is {ifindex, group and flags, MAC} */
#define FROM_POD 1 /* id is an ifindex; value is {the trunk's ifindex, group and VLAN or 0} */
#define GROUP_SHIFT 16 /* the upper half is the group in local.h, 0 for none */
/* Direction 2, MACs and other fields are notes that only the Rust side reads. */
#define INTO_PEER 1 /* flag: the veth's other end is in another namespace; go there at once */

struct key {
	__u32 direction;
	__u32 id;
};

struct value {
	__u32 ifindex;
	__u32 group_and;
	__u32 notes[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192); /* 4094 VLANs, both directions */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct key);
	__type(value, struct value);
} kuryr_trunk SEC(".maps");

SEC("classifier")
int kuryr_to_pod(struct __sk_buff *skb)
{
	struct key key = { .direction = TO_POD, .id = 0 };
	struct value *found;
	__u32 ifindex, flags, group;

	if (skb->vlan_present) {
		if (skb->vlan_proto != htons(ETH_P_8021Q))
			return TC_ACT_UNSPEC;
		key.id = skb->vlan_tci & 0xfff;
	}
	found = bpf_map_lookup_elem(&kuryr_trunk, &key);
	if (!found)
		return TC_ACT_UNSPEC;
	ifindex = found->ifindex;
	flags = found->group_and;
	group = flags >> GROUP_SHIFT;

	if (skb->vlan_present && bpf_skb_vlan_pop(skb))
		return TC_ACT_SHOT;
	if (group)
		came_by_trunk(skb, group, ifindex);
	if (!(flags & INTO_PEER))
		return bpf_redirect(ifindex, 0);
	/* The trunk's driver saw another MAC than its own; the pod's stack would drop it. */
	if (skb->pkt_type == PACKET_OTHERHOST)
		bpf_skb_change_type(skb, PACKET_HOST);
	return bpf_redirect_peer(ifindex, 0);
}

SEC("classifier")
int kuryr_from_pod(struct __sk_buff *skb)
{
	struct key key = { .direction = FROM_POD, .id = skb->ifindex };
	struct value *found = bpf_map_lookup_elem(&kuryr_trunk, &key);
	__u32 ifindex, vlan, group, neighbour;

	/* A pod's frames go to its VLAN or nowhere: never untagged to the node's network. */
	if (!found)
		return TC_ACT_SHOT;
	ifindex = found->ifindex;
	vlan = found->group_and & 0xffff;
	group = found->group_and >> GROUP_SHIFT;

	if (group) {
		neighbour = switched_to(skb, group);
		if (neighbour) {
			/* Its stack takes what is for its own MAC address; this driver saw another. */
			bpf_skb_change_type(skb, PACKET_HOST);
			return bpf_redirect_peer(neighbour, 0);
		}
	}
	if (vlan && bpf_skb_vlan_push(skb, htons(ETH_P_8021Q), vlan))
		return TC_ACT_SHOT;
	return bpf_redirect(ifindex, 0);
}

char _license[] SEC("license") = "Dual MIT/GPL";
